//! The list of what the service does: `rules.txt`, read.

use std::collections::BTreeSet;

/// Rules that belong together.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) rules: Vec<Rule>,
}

/// Something that the service does.
pub(crate) struct Rule {
    /// What tests call it.
    pub(crate) name: &'static str,
    /// What it is about: `*`, an operation, or an operation and its parameter with a dot between.
    pub(crate) places: Vec<&'static str>,
    /// The document that says so.
    pub(crate) source: &'static str,
    pub(crate) text: &'static str,
    /// What is otherwise here.
    pub(crate) difference: Option<&'static str>,
}

/// All rules.
///
/// # Panics
/// If the list has not the form that its head describes, or a name twice.
pub(crate) fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut names = BTreeSet::new();
    let list = include_str!("rules.txt");
    for block in list.split("\n\n").filter(|block| !block.starts_with("# ")) {
        if let Some(title) = block.strip_prefix("## ") {
            sections.push(Section { title, rules: Vec::new() });
            continue;
        }
        let rule = rule(block.trim_end());
        assert!(names.insert(rule.name), "{} stands twice", rule.name);
        sections.last_mut().expect("a rule stands in a section").rules.push(rule);
    }
    sections
}

fn rule(block: &'static str) -> Rule {
    let mut lines = block.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(" | ").collect();
    let [name, places, source] = head[..] else { panic!("not name | places | source: {block}") };
    let text = lines.next().unwrap_or_else(|| panic!("no text: {block}"));
    let difference = lines.next().map(|line| {
        line.strip_prefix("Differs: ").unwrap_or_else(|| panic!("what is this? {line}"))
    });
    assert!(lines.next().is_none(), "too many lines: {block}");
    Rule { name, places: places.split(", ").collect(), source, text, difference }
}

impl Rule {
    /// Whether it is about this place.
    pub(crate) fn is_about(&self, place: &str) -> bool {
        self.places.contains(&place)
    }
}
