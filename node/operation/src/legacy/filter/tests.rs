use stator_model::Item;
use stator_protocol::{Attributes, parse};

use super::*;
use crate::constraint::Violations;
use crate::options::Choice as _;

fn read(json: &str) -> ConditionMap {
    let mut violations = Violations::new();
    let filter = ConditionMap::read(parse(json.as_bytes()).unwrap(), "scanFilter", &mut violations);
    violations.finish().unwrap();
    filter
}

fn filter(json: &str, operator: Option<&str>) -> Result<Option<Condition>, String> {
    let operator = operator.map(|word| ConditionalOperator::named(word).unwrap());
    let filter = read(json);
    check_operator(operator, Some(&filter))
        .and_then(|()| condition(filter, operator))
        .map_err(|error| error.to_string())
}

fn item() -> Item {
    let json =
        r#"{"n": {"N": "2"}, "s": {"S": "hello"}, "t": {"SS": ["x", "y"]}, "a.b": {"NULL": true}}"#;
    let Attributes(item) = parse(json.as_bytes()).unwrap();
    item.unwrap()
}

/// Checks which of the item's values pass: `json` is the filter.
fn check(json: &str, operator: Option<&str>, passes: bool) {
    let filter = filter(json, operator).unwrap();
    assert_eq!(filter.is_none_or(|filter| filter.holds(&item())), passes, "{json} {operator:?}");
}

const N_IS_2: &str = r#""n": {"ComparisonOperator": "EQ", "AttributeValueList": [{"N": "2.0"}]}"#;
const S_IS_NULL: &str = r#""s": {"ComparisonOperator": "NULL"}"#;
const Z_IS_NULL: &str = r#""z": {"ComparisonOperator": "NULL", "AttributeValueList": []}"#;

#[test]
fn all_conditions_hold_or_with_or_one_of_them() {
    check("{}", None, true);
    check(&format!("{{{N_IS_2}}}"), None, true);
    check(&format!("{{{S_IS_NULL}}}"), None, false);
    check(&format!("{{{N_IS_2}, {S_IS_NULL}}}"), None, false);
    check(&format!("{{{N_IS_2}, {S_IS_NULL}}}"), Some("AND"), false);
    check(&format!("{{{N_IS_2}, {S_IS_NULL}}}"), Some("OR"), true);
    check(&format!("{{{N_IS_2}, {Z_IS_NULL}}}"), Some("AND"), true);
}

#[test]
fn every_operator_may_stand_in_a_filter() {
    let check = |name: &str, operator: &str, arguments: &str, passes: bool| {
        let json = format!(
            r#"{{"{name}": {{"ComparisonOperator": "{operator}", "AttributeValueList": [{arguments}]}}}}"#
        );
        check(&json, None, passes);
    };
    check("n", "NE", r#"{"N": "3"}"#, true);
    check("n", "LT", r#"{"N": "2"}"#, false);
    check("n", "LE", r#"{"N": "2"}"#, true);
    check("n", "GT", r#"{"N": "2"}"#, false);
    check("n", "GE", r#"{"N": "2"}"#, true);
    check("n", "BETWEEN", r#"{"N": "2"}, {"N": "3"}"#, true);
    check("n", "IN", r#"{"N": "1"}, {"N": "2"}"#, true);
    check("s", "BEGINS_WITH", r#"{"S": "he"}"#, true);
    check("s", "CONTAINS", r#"{"S": "ell"}"#, true);
    check("t", "CONTAINS", r#"{"S": "x"}"#, true);
    check("t", "NOT_CONTAINS", r#"{"S": "x"}"#, false);
    check("t", "NOT_CONTAINS", r#"{"S": "z"}"#, true);
    check("z", "NOT_CONTAINS", r#"{"S": "z"}"#, false);
    check("a.b", "NOT_NULL", "", true);
    check("a", "NOT_NULL", "", false);
}

#[test]
fn a_conditional_operator_needs_two_conditions() {
    let none = "ConditionalOperator cannot be used without Filter or Expected";
    let one =
        "ConditionalOperator can only be used when Filter or Expected has two or more elements";
    assert_eq!(filter("{}", Some("AND")), Err(none.to_owned()));
    assert_eq!(filter(&format!("{{{N_IS_2}}}"), Some("OR")), Err(one.to_owned()));
    assert!(filter(&format!("{{{N_IS_2}, {Z_IS_NULL}}}"), Some("OR")).is_ok());
    let operator = Some(ConditionalOperator::And);
    assert_eq!(check_operator(operator, None).unwrap_err().to_string(), none);
    assert_eq!(check_operator(None, None), Ok(()));
}

#[test]
fn the_first_condition_that_is_wrong_is_reported() {
    let json = r#"{"a": {"ComparisonOperator": "NULL"}, "b": {"ComparisonOperator": "BETWEEN"}}"#;
    let text = "One or more parameter values were invalid: Invalid number of argument(s) for the \
                BETWEEN ComparisonOperator";
    assert_eq!(filter(json, None), Err(text.to_owned()));
    let json =
        r#"{"a": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "x"}, {"N": "1"}]}}"#;
    let text = "One or more parameter values were invalid: AttributeValues inside AttributeValueList \
                must be of same type";
    assert_eq!(filter(json, None), Err(text.to_owned()));
}

#[test]
fn items_are_compared_with_a_bounded_number_of_values() {
    // One condition with so many values, and one without any.
    let with_values = |count: usize| {
        let values = vec![r#"{"N": "1"}"#; count].join(", ");
        let json = format!(
            r#"{{"n": {{"ComparisonOperator": "IN", "AttributeValueList": [{values}]}}, {Z_IS_NULL}}}"#
        );
        filter(&json, None)
    };
    assert!(with_values(4093).is_ok());
    assert!(with_values(4094).is_ok());
    let text = "One or more parameter values were invalid: Filter has too many conditions and values; \
                number of conditions and values: 4097, limit: 4096";
    assert_eq!(with_values(4095), Err(text.to_owned()));
}
