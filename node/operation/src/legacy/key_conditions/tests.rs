use stator_expression::SortRange;
use stator_model::{KeyType, KeyValue};
use stator_protocol::parse;

use super::*;
use crate::constraint::Violations;

/// What conditions say of the key `pk` (S) and `sk`, if that has a type.
fn bound(json: &str, sort: Option<KeyType>) -> Result<KeyQuery, String> {
    let mut violations = Violations::new();
    let given = parse(json.as_bytes()).map_err(|error| error.to_string())?;
    let conditions = ConditionMap::read(given, "keyConditions", &mut violations);
    violations.finish().map_err(|error| error.message().unwrap().to_owned())?;
    let attribute = |name: &str, key_type| KeyAttribute { name: name.to_owned(), key_type };
    let sort = sort.map(|key_type| attribute("sk", key_type));
    let bound = KeyConditions::new(conditions)
        .and_then(|it| it.bind(&attribute("pk", KeyType::S), sort.as_ref()));
    bound.map_err(|error| error.to_string())
}

/// Checks the range that a condition on the sort key (S) comes to.
fn check_range(condition: &str, range: SortRange) {
    let json = format!(
        r#"{{"sk": {condition}, "pk": {{"ComparisonOperator": "EQ", "AttributeValueList": [{{"S": "a"}}]}}}}"#
    );
    let query = KeyQuery { partition: KeyValue::S("a".to_owned()), sort: Some(range) };
    assert_eq!(bound(&json, Some(KeyType::S)), Ok(query), "{json}");
}

/// Checks why conditions are refused; `EQ(x)` is the comparison with that string, and so for the others.
fn check_refused(conditions: &[(&str, &str)], sort: Option<KeyType>, text: &str) {
    let conditions: Vec<String> =
        conditions.iter().map(|(name, it)| format!(r#""{name}": {}"#, written(it))).collect();
    let json = format!("{{{}}}", conditions.join(", "));
    assert_eq!(bound(&json, sort), Err(text.to_owned()), "{json}");
}

fn written(condition: &str) -> String {
    let (operator, arguments) = condition.trim_end_matches(')').split_once('(').unwrap();
    let arguments = arguments.split(',').filter(|it| !it.is_empty());
    let arguments: Vec<String> = arguments.map(|it| format!(r#"{{"S": "{it}"}}"#)).collect();
    format!(
        r#"{{"ComparisonOperator": "{operator}", "AttributeValueList": [{}]}}"#,
        arguments.join(", ")
    )
}

#[test]
fn the_partition_key_alone_is_all_of_its_items() {
    let json = r#"{"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}"#;
    let query = KeyQuery { partition: KeyValue::S("a".to_owned()), sort: None };
    assert_eq!(bound(json, Some(KeyType::N)), Ok(query.clone()));
    assert_eq!(bound(json, None), Ok(query));
}

#[test]
fn each_operator_that_an_index_can_look_up_is_a_range_of_sort_keys() {
    let key = |text: &str| KeyValue::S(text.to_owned());
    check_range(&written("EQ(m)"), SortRange::Equal(key("m")));
    check_range(&written("LT(m)"), SortRange::Less(key("m")));
    check_range(&written("LE(m)"), SortRange::LessOrEqual(key("m")));
    check_range(&written("GT(m)"), SortRange::Greater(key("m")));
    check_range(&written("GE(m)"), SortRange::GreaterOrEqual(key("m")));
    check_range(&written("BEGINS_WITH(m)"), SortRange::BeginsWith(key("m")));
    let between = SortRange::Between { lower: key("m"), upper: key("n") };
    check_range(&written("BETWEEN(m,n)"), between);
}

#[test]
fn other_operators_are_refused_once_the_key_is_known() {
    let text = "Attempted conditional constraint is not an indexable operation";
    for condition in ["NE(x)", "IN(x,y)", "NULL()", "NOT_NULL()", "CONTAINS(x)", "NOT_CONTAINS(x)"]
    {
        check_refused(&[("pk", condition)], None, text);
        check_refused(&[("pk", condition), ("other", "EQ(x)")], Some(KeyType::S), text);
        check_refused(&[("pk", "EQ(a)"), ("sk", condition)], Some(KeyType::S), text);
    }
    check_refused(&[("other", "NULL()")], None, "Query condition missed key schema element: pk");
}

#[test]
fn a_query_has_one_condition_or_two() {
    let text = "Conditions can be of length 1 or 2 only";
    check_refused(&[], Some(KeyType::S), text);
    check_refused(&[("pk", "NULL()"), ("sk", "NULL()"), ("x", "NULL()")], None, text);
}

#[test]
fn the_conditions_are_on_the_attributes_of_the_key() {
    let missed = |name: &str| format!("Query condition missed key schema element: {name}");
    check_refused(&[("sk", "EQ(m)")], Some(KeyType::S), &missed("pk"));
    check_refused(&[("x", "EQ(m)"), ("sk", "EQ(m)")], Some(KeyType::S), &missed("pk"));
    check_refused(&[("pk", "EQ(a)"), ("x", "EQ(m)")], Some(KeyType::S), &missed("sk"));
    check_refused(&[("pk", "EQ(a)"), ("x", "NULL()")], Some(KeyType::S), &missed("sk"));
    let text = "Query key condition not supported";
    check_refused(&[("pk", "EQ(a)"), ("sk", "EQ(m)")], None, text);
    for condition in ["LT(a)", "LE(a)", "GT(a)", "GE(a)", "BEGINS_WITH(a)", "BETWEEN(a,b)"] {
        check_refused(&[("pk", condition)], Some(KeyType::S), text);
    }
}

#[test]
fn values_are_of_the_type_of_the_key_and_within_its_limits() {
    let one = "One or more parameter values were invalid:";
    let text = format!("{one} Condition parameter type does not match schema type");
    check_refused(&[("pk", "EQ(a)"), ("sk", "EQ(m)")], Some(KeyType::N), &text);
    check_refused(&[("pk", "EQ(a)"), ("sk", "BEGINS_WITH(m)")], Some(KeyType::N), &text);
    let long = |bytes: usize| format!("EQ({})", "x".repeat(bytes));
    let query = |partition: usize, sort: usize| {
        let json =
            format!(r#"{{"pk": {}, "sk": {}}}"#, written(&long(partition)), written(&long(sort)));
        bound(&json, Some(KeyType::S))
    };
    for (partition, sort) in [(2047, 1023), (2048, 1024)] {
        assert!(query(partition, sort).is_ok());
    }
    let text = format!("{one} Size of hashkey has exceeded the maximum size limit of2048 bytes");
    assert_eq!(query(2049, 1024), Err(text));
    let text = format!(
        "{one} Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    );
    assert_eq!(query(2048, 1025), Err(text));
    let json = r#"{"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": ""}]}}"#;
    let text = "One or more parameter values are not valid. The AttributeValue for a key attribute \
                cannot contain an empty string value. Key: pk";
    assert_eq!(bound(json, None), Err(text.to_owned()));
}

#[test]
fn arguments_are_checked_before_the_number_of_conditions() {
    let one = "One or more parameter values were invalid:";
    check_refused(
        &[("pk", "EQ()"), ("sk", "NULL()"), ("x", "NULL()")],
        None,
        &format!("{one} Invalid number of argument(s) for the EQ ComparisonOperator"),
    );
    check_refused(
        &[("pk", "EQ(a,b)")],
        None,
        &format!("{one} Invalid number of argument(s) for the EQ ComparisonOperator"),
    );
    check_refused(
        &[("pk", "BETWEEN(b,a)")],
        None,
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper \
         bound",
    );
    let json = r#"{"pk": {"ComparisonOperator": "LT", "AttributeValueList": [{"BOOL": true}]}}"#;
    let text = format!("{one} ComparisonOperator LT is not valid for BOOL AttributeValue type");
    assert_eq!(bound(json, None), Err(text));
    let json = r#"{"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"N": "x"}, {}]}}"#;
    let text = "The parameter cannot be converted to a numeric value: x";
    assert_eq!(bound(json, None), Err(text.to_owned()));
    let json = r#"{"": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}}"#;
    assert_eq!(bound(json, None), Err("Empty attribute name".to_owned()));
}

#[test]
fn operators_are_words_of_the_model() {
    let json = r#"{"pk": {"AttributeValueList": [{}]}, "sk": {"ComparisonOperator": "eq"}}"#;
    let text = "2 validation errors detected: Value null at \
                'keyConditions.pk.member.comparisonOperator' failed to satisfy constraint: Member \
                must not be null; Value 'eq' at 'keyConditions.sk.member.comparisonOperator' failed \
                to satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, \
                NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]";
    assert_eq!(bound(json, None), Err(text.to_owned()));
}
