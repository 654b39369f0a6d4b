use stator_model::{AttributeMap, AttributeValue};

use super::Placeholders;
use crate::{ExpressionError, limits};

fn names(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    let owned = |(token, name): &(&str, &str)| ((*token).to_owned(), (*name).to_owned());
    Some(pairs.iter().map(owned).collect())
}

fn values(tokens: &[&str]) -> Option<AttributeMap> {
    let pairs = tokens.iter().map(|token| ((*token).to_owned(), AttributeValue::Null)).collect();
    Some(AttributeMap::from_pairs(pairs).unwrap())
}

fn message(result: Result<impl Sized, ExpressionError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_parameter_without_placeholders_is_refused() {
    assert_eq!(
        message(Placeholders::new(names(&[]), values(&[]))),
        "ExpressionAttributeNames must not be empty"
    );
    assert_eq!(
        message(Placeholders::new(None, values(&[]))),
        "ExpressionAttributeValues must not be empty"
    );
    assert_eq!(message(Placeholders::new(None, None)), "");
}

#[test]
fn a_placeholder_is_its_sign_and_letters_digits_and_underscores() {
    for key in ["a", "#", "", "#a-b", ":a", "# a", "#é", "#a.b"] {
        assert_eq!(
            message(Placeholders::new(names(&[("#a", "a"), (key, "b")]), None)),
            format!("ExpressionAttributeNames contains invalid key: Syntax error; key: \"{key}\"")
        );
    }
    assert_eq!(
        message(Placeholders::new(names(&[("#_", "a"), ("#0_A", "b")]), values(&["#v"]))),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"#v\""
    );
}

// Rule: text.placeholder-size
// "Expression parameters" in "Quotas and limits in Amazon DynamoDB" (developer guide).
#[test]
fn a_placeholder_has_at_most_255_bytes_and_a_name_65535() {
    let with = |placeholder: usize, name: usize| {
        let pair = (format!("#{}", "a".repeat(placeholder - 1)), "n".repeat(name));
        Placeholders::new(Some(vec![pair]), None).is_ok()
    };
    assert!(with(limits::PLACEHOLDER_BYTES - 1, 1) && with(limits::PLACEHOLDER_BYTES, 1));
    assert!(!with(limits::PLACEHOLDER_BYTES + 1, 1));
    assert!(with(2, limits::NAME_BYTES - 1) && with(2, limits::NAME_BYTES));
    assert!(!with(2, limits::NAME_BYTES + 1));
    assert_eq!(
        message(Placeholders::new(names(&[("#a", "")]), None)),
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
    );
}

// Rule: text.substitutions-size
// "Expression parameters" in "Quotas and limits in Amazon DynamoDB" (developer guide): 2 MB of all names
// and values together.
#[test]
fn names_and_values_have_at_most_two_megabytes_together() {
    let with = |names: usize, values: usize| {
        let name = |at| (format!("#{at:04}"), "n".repeat(1_019));
        let text = AttributeValue::S("v".repeat(values.saturating_sub(2)));
        let values = AttributeMap::from_pairs(vec![(":v".to_owned(), text)]).unwrap();
        message(Placeholders::new(Some((0..names).map(name).collect()), Some(values)))
    };
    assert_eq!(with(1_024, 1_048_575), "");
    assert_eq!(with(1_024, 1_048_576), "");
    assert_eq!(with(1_024, 1_048_577), "ExpressionAttributeValues exceeds max size");
    assert_eq!(with(2_047, 1_024), "");
    assert_eq!(with(2_048, 1_024), "ExpressionAttributeValues exceeds max size");
    assert_eq!(with(2_049, 1_024), "ExpressionAttributeNames exceeds max size");
}

// Rule: check.unused
#[test]
fn unused_placeholders_are_reported_names_before_values() {
    let all = names(&[("#c", "c"), ("#a", "a"), ("#b", "b")]);
    let mut some = Placeholders::new(all, values(&[":v", ":w"])).unwrap();
    assert_eq!(some.name("#b").as_deref(), Ok("b"));
    assert_eq!(some.value(":w").as_deref(), Ok(&AttributeValue::Null));
    assert!(some.name("#v").is_err() && some.value(":x").is_err());
    assert_eq!(
        message(some.clone().finish()),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #c}"
    );
    assert!(some.name("#a").is_ok() && some.name("#c").is_ok());
    assert_eq!(
        message(some.clone().finish()),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"
    );
    assert!(some.value(":v").is_ok());
    assert_eq!(some.finish(), Ok(()));
}

#[test]
fn the_last_of_two_definitions_counts() {
    let twice = names(&[("#a", "first"), ("#b", "b"), ("#a", "last")]);
    assert_eq!(Placeholders::new(twice, None).unwrap().name("#a").as_deref(), Ok("last"));
}
