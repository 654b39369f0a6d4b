//! The rules of tags ("Tagging restrictions in DynamoDB", AWS).

use std::collections::HashSet;

use stator_model::{Tags, limits};

use crate::spec::Tag;
use crate::validate::Violations;

/// The tags; what is wrong with them is noted.
pub(crate) fn check(violations: &mut Violations, given: &[Tag]) -> Tags {
    if given.len() > limits::TAGS {
        let problem = format!("a table has at most {} tags, not {}", limits::TAGS, given.len());
        violations.add("spec.tags", problem);
    }
    let mut keys = HashSet::new();
    for (place, tag) in given.iter().enumerate() {
        check_key(violations, format!("spec.tags[{place}].key"), &tag.key, &mut keys);
        let path = format!("spec.tags[{place}].value");
        let length = tag.value.chars().count();
        if length > limits::TAG_VALUE_CHARS {
            let most = limits::TAG_VALUE_CHARS;
            violations.add(path, format!("a value has at most {most} characters, not {length}"));
        } else if !is_text(&tag.value) {
            violations.add(path, CHARACTERS);
        }
    }
    given.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

const CHARACTERS: &str = "a tag has only letters, digits, spaces and + - = . _ : / @";

fn check_key<'a>(
    violations: &mut Violations,
    path: String,
    key: &'a str,
    keys: &mut HashSet<&'a str>,
) {
    let (length, most) = (key.chars().count(), limits::TAG_KEY_CHARS);
    let is_reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    if !(1..=most).contains(&length) {
        violations.add(path, format!("a key has 1 to {most} characters, not {length}"));
    } else if !is_text(key) {
        violations.add(path, CHARACTERS);
    } else if is_reserved {
        violations.add(path, "keys that begin with aws: are reserved");
    } else if !keys.insert(key) {
        violations.add(path, format!("there are two tags with the key {key:?}"));
    }
}

fn is_text(text: &str) -> bool {
    let is_space = |character: char| character.is_whitespace() && !character.is_control();
    text.chars().all(|it| it.is_alphanumeric() || is_space(it) || "+-=._:/@".contains(it))
}
