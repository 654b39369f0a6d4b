use super::{Path, Step};
use crate::token::Cursor;
use crate::{Fault, Kind, Placeholders, limits};
use stator_model::{AttributeMap, AttributeValue};

fn resolve(text: &str) -> Result<Path, Fault> {
    let names = ["#a", "#b"].map(|token| (token.to_owned(), format!("{}.x", &token[1..])));
    let mut placeholders = Placeholders::new(Some(names.to_vec()), None).unwrap();
    let raw = Cursor::new(Kind::Projection, text).unwrap().path()?;
    raw.check_reserved()?;
    raw.resolve(&mut placeholders)
}

fn path(text: &str) -> Path {
    resolve(text).unwrap()
}

#[test]
fn a_path_is_shown_with_its_elements_apart() {
    assert_eq!(path("pk").to_string(), "[pk]");
    assert_eq!(path("a . b [ 007 ][1].c").to_string(), "[a, b, [7], [1], c]");
    // One placeholder is one element, whatever the name holds.
    assert_eq!(path("#a.b.#b").to_string(), "[a.x, b, b.x]");
}

#[test]
fn errors_of_paths_have_the_words_of_the_service() {
    let cases = [
        ("a.Status", "Attribute name is a reserved keyword; reserved keyword: Status"),
        ("a[1].date", "Attribute name is a reserved keyword; reserved keyword: date"),
        (
            "a.#c",
            "An expression attribute name used in the document path is not defined; attribute name: #c",
        ),
        (
            "a[99999999999999]",
            "List index is not within the allowable range; index: [99999999999999]",
        ),
        ("a[2147483648]", "List index is not within the allowable range; index: [2147483648]"),
        ("a[b]", "Syntax error; token: \"b\", near: \"[b]\""),
        ("a[]", "Syntax error; token: \"]\", near: \"[]\""),
        ("a.", "Syntax error; token: \"<EOF>\", near: \".\""),
        ("a..b", "Syntax error; token: \".\", near: \"..b\""),
        ("a.0.b", "Syntax error; token: \"0\", near: \".0.\""),
        ("a.:v", "Syntax error; token: \":v\", near: \".:v\""),
    ];
    for (text, message) in cases {
        assert_eq!(resolve(text).unwrap_err().to_string(), message, "{text}");
    }
    assert_eq!(path("a[2147483647]").rest, [Step::Index(2_147_483_647)]);
}

#[test]
fn a_path_has_at_most_32_elements() {
    for levels in [limits::PATH_ELEMENTS - 1, limits::PATH_ELEMENTS] {
        assert_eq!(path(&vec!["a"; levels].join(".")).elements(), levels);
        assert_eq!(path(&format!("a{}", "[0]".repeat(levels - 1))).elements(), levels);
    }
    let message = "The document path has too many nesting levels; nesting levels: 33";
    assert_eq!(resolve(&["a"; 33].join(".")).unwrap_err().to_string(), message);
}

#[test]
fn a_path_leads_into_maps_by_name_and_into_lists_by_index() {
    let map = |name: &str, value| {
        AttributeValue::M(AttributeMap::from_pairs(vec![(name.to_owned(), value)]).unwrap())
    };
    let list = AttributeValue::L(vec![AttributeValue::Null, map("c", AttributeValue::Bool(true))]);
    let item = AttributeMap::from_pairs(vec![("a".to_owned(), map("b", list))]).unwrap();
    let value = |text| path(text).value_in(&item).map(AttributeValue::type_name);
    assert_eq!(value("a"), Some("M"));
    assert_eq!(value("a.b"), Some("L"));
    assert_eq!(value("a.b[0]"), Some("NULL"));
    assert_eq!(value("a.b[1].c"), Some("BOOL"));
    for text in ["b", "a[0]", "a.b.c", "a.b[2]", "a.b[0].c", "a.b[1].d", "a.b[1].c.d"] {
        assert_eq!(value(text), None, "{text}");
    }
}
