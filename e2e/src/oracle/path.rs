//! Document paths, and what of an item lies on them.

use super::value::{Item, Value};

/// Where something stands in an item: an attribute, and perhaps the way into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The attribute.
    pub head: String,
    /// The way.
    pub steps: Vec<Step>,
}

/// A step into a map or list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A name in a map.
    Name(String),
    /// A place in a list.
    Index(usize),
}

impl Path {
    /// A whole attribute.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self { head: name.into(), steps: Vec::new() }
    }

    /// What stands there, if anything does.
    pub fn of<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let mut value = item.get(&self.head)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Name(name), Value::M(map)) => map.get(name)?,
                (Step::Index(at), Value::L(list)) => list.get(*at)?,
                (Step::Name(_) | Step::Index(_), _) => return None,
            };
        }
        Some(value)
    }

    /// The steps with the attribute as the first.
    fn all(&self) -> Vec<Step> {
        let head = Step::Name(self.head.clone());
        std::iter::once(head).chain(self.steps.iter().cloned()).collect()
    }
}

/// Why two of these paths cannot stand in one expression, as the service says it; `None` if all can.
pub fn clash<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Option<&'static str> {
    let paths: Vec<Vec<Step>> = paths.into_iter().map(Path::all).collect();
    let pairs = || {
        let after = |at: usize| paths.get(at + 1..).unwrap_or_default();
        paths
            .iter()
            .enumerate()
            .flat_map(move |(at, one)| after(at).iter().map(move |two| (one, two)))
    };
    let overlaps =
        |(one, two): (&Vec<Step>, &Vec<Step>)| one.starts_with(two) || two.starts_with(one);
    let conflicts = |(one, two): (&Vec<Step>, &Vec<Step>)| {
        let differ = one.iter().zip(two).find(|(one, two)| one != two);
        matches!(differ, Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))))
    };
    if pairs().any(overlaps) {
        Some("Two document paths overlap with each other")
    } else if pairs().any(conflicts) {
        Some("Two document paths conflict with each other")
    } else {
        None
    }
}

/// What stands at these paths, none of which leads through another, in the structure of the item: elements
/// of one list move together, and what has nothing in it is left out.
pub fn project<'p>(item: &Item, paths: impl IntoIterator<Item = &'p Path>) -> Item {
    let paths: Vec<Vec<Step>> = paths.into_iter().map(Path::all).collect();
    match kept(&Value::M(item.clone()), &paths.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
        Some(Value::M(item)) => item,
        _ => Item::new(),
    }
}

fn kept(value: &Value, paths: &[&[Step]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    let inside = |step: &Step, value: &Value| {
        let leads = |path: &&'_ [Step]| path.first() == Some(step);
        let under = paths.iter().copied().filter(leads);
        let under: Vec<&[Step]> = under.filter_map(|path| path.get(1..)).collect();
        if under.is_empty() { None } else { kept(value, &under) }
    };
    match value {
        Value::M(map) => {
            let members = map.iter().filter_map(|(name, value)| {
                Some((name.clone(), inside(&Step::Name(name.clone()), value)?))
            });
            let map: Item = members.collect();
            (!map.is_empty()).then_some(Value::M(map))
        }
        Value::L(list) => {
            let elements = list.iter().enumerate();
            let elements = elements.filter_map(|(at, value)| inside(&Step::Index(at), value));
            let list: Vec<Value> = elements.collect();
            (!list.is_empty()).then_some(Value::L(list))
        }
        Value::S(_)
        | Value::N(_)
        | Value::B(_)
        | Value::Bool(_)
        | Value::Null
        | Value::Ss(_)
        | Value::Ns(_)
        | Value::Bs(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[&str]) -> Path {
        let step = |text: &&str| match text.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Name((*text).to_owned()),
        };
        let [head, rest @ ..] = steps else { panic!("a path has a head") };
        Path { head: (*head).to_owned(), steps: rest.iter().map(step).collect() }
    }

    #[test]
    fn paths_clash_as_the_service_says() {
        let clashes = |one: &[&str], two: &[&str]| clash(&[path(one), path(two)]);
        assert!(clashes(&["a"], &["a"]).is_some_and(|text| text.contains("overlap")));
        assert!(clashes(&["a", "b"], &["a"]).is_some_and(|text| text.contains("overlap")));
        assert!(clashes(&["a", "b"], &["a", "1"]).is_some_and(|text| text.contains("conflict")));
        assert_eq!(clashes(&["a", "0"], &["a", "1"]), None);
        assert_eq!(clashes(&["a", "0", "x"], &["a", "1", "0"]), None);
    }

    #[test]
    fn a_projection_keeps_the_structure_and_closes_gaps() {
        let text = |text: &str| Value::S(text.to_owned());
        let list = Value::L(vec![text("0"), text("1"), text("2")]);
        let item = Item::from([("a".to_owned(), list), ("b".to_owned(), text("b"))]);
        let found = project(&item, &[path(&["a", "2"]), path(&["a", "0"]), path(&["b", "x"])]);
        let expected = Value::L(vec![text("0"), text("2")]);
        assert_eq!(found, Item::from([("a".to_owned(), expected)]));
    }
}
