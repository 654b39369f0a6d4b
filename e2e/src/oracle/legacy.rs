//! Conditions as the API had them before expressions: one comparison for each attribute.

use std::collections::BTreeMap;

use super::condition::{contains, order};
use super::value::{Item, Value};

/// `Expected`, `QueryFilter` or `ScanFilter`, with its `ConditionalOperator`.
#[derive(Clone, Debug)]
pub struct Legacy {
    /// Whether one of the comparisons is enough: OR, not AND.
    pub any: bool,
    /// By attribute.
    pub comparisons: BTreeMap<String, Comparison>,
}

/// A comparison of an attribute.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// `ComparisonOperator`.
    pub operator: &'static str,
    /// `AttributeValueList`.
    pub arguments: Vec<Value>,
}

impl Legacy {
    /// Whether an item is as this says; one that is not there has no attributes.
    pub fn holds(&self, item: &Item) -> bool {
        let mut each = self.comparisons.iter().map(|(name, it)| it.holds(item.get(name)));
        if self.any { each.any(|holds| holds) } else { each.all(|holds| holds) }
    }
}

impl Comparison {
    fn holds(&self, value: Option<&Value>) -> bool {
        let first = self.arguments.first();
        // What is missing differs from everything, and is otherwise nothing that could be compared.
        let Some(value) = value else { return matches!(self.operator, "NULL" | "NE") };
        let ordered = first.and_then(|first| order(value, first));
        match self.operator {
            "NULL" => false,
            "NOT_NULL" => true,
            "EQ" => first == Some(value),
            "NE" => first != Some(value),
            "LT" => ordered.is_some_and(|it| it.is_lt()),
            "LE" => ordered.is_some_and(|it| it.is_le()),
            "GT" => ordered.is_some_and(|it| it.is_gt()),
            "GE" => ordered.is_some_and(|it| it.is_ge()),
            "BETWEEN" => {
                let upper = self.arguments.get(1).and_then(|upper| order(value, upper));
                ordered.is_some_and(|it| it.is_ge()) && upper.is_some_and(|it| it.is_le())
            }
            "IN" => self.arguments.contains(value),
            "CONTAINS" => first.is_some_and(|first| contains(value, first)),
            "NOT_CONTAINS" => first.is_some_and(|first| !contains(value, first)),
            "BEGINS_WITH" => match (value, first) {
                (Value::S(text), Some(Value::S(prefix))) => text.starts_with(prefix.as_str()),
                (Value::B(bytes), Some(Value::B(prefix))) => bytes.starts_with(prefix),
                _ => false,
            },
            other => panic!("no operator {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &'static str, argument: Option<&str>, item: &Item) -> bool {
        let arguments = argument.map(|text| Value::S(text.to_owned())).into_iter().collect();
        let comparisons = BTreeMap::from([("a".to_owned(), Comparison { operator, arguments })]);
        Legacy { any: false, comparisons }.holds(item)
    }

    #[test]
    fn what_is_missing_differs_but_does_not_lack_a_member() {
        let nothing = Item::new();
        assert!(holds("NE", Some("x"), &nothing));
        assert!(!holds("NOT_CONTAINS", Some("x"), &nothing));
        assert!(holds("NULL", None, &nothing));
        let item = Item::from([("a".to_owned(), Value::S("axb".to_owned()))]);
        assert!(!holds("NOT_CONTAINS", Some("x"), &item));
        assert!(holds("CONTAINS", Some("x"), &item));
        assert!(holds("NOT_NULL", None, &item));
    }
}
