use serde::de::MapAccess;

use super::*;
use crate::Found;

#[derive(Debug, Default, PartialEq)]
struct Input {
    text: Option<String>,
    flag: Option<bool>,
    long: Option<i64>,
    integer: Option<i32>,
    list: Option<Vec<String>>,
    map: Option<AnyMap>,
    any: Option<AnyList>,
    noted: Vec<&'static str>,
}

impl Shape for Input {
    fn mismatch(found: Found) -> String {
        found.instead_of_element("Input")
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A, scope: &Scope) -> Result<Self, A::Error> {
        let mut input = Self::default();
        read_members(object, scope, |name, member| match name {
            "Text" => member.set(&mut input.text),
            "Flag" => member.set(&mut input.flag),
            "Long" => member.set(&mut input.long),
            "Integer" => member.set(&mut input.integer),
            "List" => member.set(&mut input.list),
            "Map" => member.set(&mut input.map),
            "Any" => member.set(&mut input.any),
            "Skip" => member.ignore(),
            _ => member.note(&["Later"], &mut input.noted),
        })?;
        Ok(input)
    }
}

#[track_caller]
fn refused(body: &str, text: &str) {
    assert_eq!(parse::<Input>(body.as_bytes()), Err(ApiError::serialization(text.to_owned())));
}

#[track_caller]
fn unparsable(body: &[u8]) {
    assert_eq!(parse::<Input>(body), Err(ApiError::unparsable()));
}

// Rule: wire.unknown-members
#[test]
fn members_are_read_null_is_absent_and_unknown_ones_are_ignored() {
    let body = br#" {"Text":"a\u00e9","Flag":true,"Long":-3.9,"Integer":1e99,"List":["x"],
        "Map":{"a":[1]},"Any":[],"Unknown":{"a":[null]},"Later":null,"Skip":"Text"} "#;
    let expected = Input {
        text: Some("aé".to_owned()),
        flag: Some(true),
        long: Some(-3),
        integer: Some(i32::MAX),
        list: Some(vec!["x".to_owned()]),
        map: Some(AnyMap),
        any: Some(AnyList { is_empty: true }),
        noted: vec![],
    };
    assert_eq!(parse::<Input>(body), Ok(expected));
    let nulls = br#"{"Text":null,"Flag":null,"Long":null,"List":null,"Map":null,"Later":{}}"#;
    let expected = Input { noted: vec!["Later"], ..Input::default() };
    assert_eq!(parse::<Input>(nulls), Ok(expected));
}

#[test]
fn a_value_of_the_wrong_kind_is_named_by_its_token_and_type() {
    refused(r#"{"Text":5}"#, "NUMBER_VALUE cannot be converted to String");
    refused(r#"{"Text":5.5}"#, "DECIMAL_VALUE cannot be converted to String");
    refused(r#"{"Text":true}"#, "TRUE_VALUE cannot be converted to String");
    refused(r#"{"Text":false}"#, "FALSE_VALUE cannot be converted to String");
    refused(r#"{"Text":{}}"#, "Start of structure or map found where not expected");
    refused(r#"{"Text":[]}"#, "Unrecognized collection type class java.lang.String");
    refused(r#"{"Flag":"true"}"#, "Unexpected token received from parser");
    refused(r#"{"Flag":1}"#, "NUMBER_VALUE cannot be converted to Boolean");
    refused(r#"{"Long":"5"}"#, "STRING_VALUE cannot be converted to Long");
    refused(r#"{"Integer":"5"}"#, "STRING_VALUE cannot be converted to Integer");
    refused(r#"{"Integer":true}"#, "TRUE_VALUE cannot be converted to Integer");
    refused(r#"{"List":"a"}"#, "Unexpected field type");
    refused(r#"{"List":{}}"#, "Start of structure or map found where not expected");
    refused(r#"{"List":[1]}"#, "NUMBER_VALUE cannot be converted to String");
    refused(r#"{"List":[null]}"#, "NULL_VALUE cannot be converted to String");
    refused(r#"{"Map":5}"#, "Unexpected field type");
    refused(
        r#"{"Map":[]}"#,
        "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>",
    );
    refused(r#""text""#, "Unexpected value type in payload");
    refused("null", "Unexpected value type in payload");
    refused("[]", "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.Input");
}

#[test]
fn the_first_value_of_the_wrong_kind_is_answered_unless_the_body_is_not_json() {
    refused(r#"{"Integer":"5","Text":5}"#, "STRING_VALUE cannot be converted to Integer");
    unparsable(br#"{"Integer":"5","Text":5"#);
    unparsable(br#"{"Integer":"5"} x"#);
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    refused(r#"{"Text":"a","Text":"b"}"#, "Duplicate field 'Text'");
}

// Rule: wire.not-json
#[test]
fn what_is_not_json_has_no_message() {
    for body in [
        &b""[..],
        b"{",
        b"{}{}",
        b"{\"Text\":\"\xff\"}",
        b"{\"Text\":tru}",
        b"{'Text':1}",
        b"{\"Text\":\"\\ud800\"}",
        b"{\"Unknown\":[1,]}",
        b"nul",
    ] {
        unparsable(body);
    }
}

#[test]
fn no_depth_of_skipped_values_is_too_deep() {
    let deep = format!("{{\"Unknown\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(parse::<Input>(deep.as_bytes()), Ok(Input::default()));
    assert!(is_json(deep.as_bytes()));
    assert!(!is_json(deep.trim_end_matches('}').as_bytes()));
}
