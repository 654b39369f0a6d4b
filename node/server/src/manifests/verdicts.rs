//! A manifest is accepted exactly if CreateTable accepts the same table, and means the same table.

use std::fmt::Write as _;

use proptest::prelude::*;
use stator_catalog::{Command, NewTable};
use stator_operation::{ServiceInfo, create_table};

use crate::node::PARTITIONS;

/// Names of attributes, among them some that no attribute may have.
fn attribute_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(&["a", "b"][..]).prop_map(str::to_owned),
        1 => prop::sample::select(&["c", ""][..]).prop_map(str::to_owned),
        1 => (254..258_usize, "[xé]").prop_map(|(count, letter)| letter.repeat(count)),
    ]
}

fn table_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just("tab".to_owned()),
        1 => "[a-zA-Z0-9_.-]{1,5}",
        1 => "[a-z/é ]{2,5}",
        1 => (253..258_usize).prop_map(|count| "n".repeat(count)),
    ]
}

fn units() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 1..9_i64,
        1 => -1..2_i64,
        1 => 999_999_999_999..1_000_000_000_002_i64,
    ]
}

/// Tags, mostly as many and such as a table may have.
fn tags() -> impl Strategy<Value = Vec<(String, String)>> {
    let key = prop_oneof![
        6 => "[a-c]{1,2}",
        1 => prop::sample::select(&["", "aws:a", "AWS:", "aws", "a#", "é 表", "a\u{301}"][..])
            .prop_map(str::to_owned),
        1 => (126..131_usize, "[xé]").prop_map(|(count, letter)| letter.repeat(count)),
    ];
    let value = prop_oneof![
        8 => "[a-zA-Z0-9 +=._:/@-]{0,3}",
        1 => "[a-z,%é]{0,2}",
        1 => (254..259_usize).prop_map(|count| "v".repeat(count)),
    ];
    prop_oneof![
        4 => prop::collection::vec((key, value), 0..4),
        1 => (48..53_u32).prop_map(|count| {
            (0..count).map(|number| (format!("k{number}"), String::new())).collect()
        }),
    ]
}

/// A parameter that is mostly there.
fn mostly<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.9, value)
}

/// A table as both sides are told it.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    definitions: Option<Vec<(String, &'static str)>>,
    elements: Option<Vec<(String, &'static str)>>,
    mode: Option<&'static str>,
    units: Option<(Option<i64>, Option<i64>)>,
    protected: Option<bool>,
    class: Option<&'static str>,
    caps: Option<(Option<i64>, Option<i64>)>,
    tags: Option<Vec<(String, String)>>,
}

fn told() -> impl Strategy<Value = Told> {
    let words = |words: &'static [&'static str]| prop::sample::select(words);
    let definitions =
        prop::collection::vec((attribute_name(), words(&["S", "N", "B", "S", "N", "BOOL"])), 0..4);
    let elements = prop::collection::vec((attribute_name(), words(&["HASH", "RANGE"])), 0..4);
    // Most of the time what fits.
    let key = prop_oneof![
        2 => (mostly(definitions), mostly(elements)),
        1 => Just((Some(vec![("a".to_owned(), "B")]), Some(vec![("a".to_owned(), "HASH")]))),
        1 => Just((
            Some(vec![("b".to_owned(), "N"), ("a".to_owned(), "S")]),
            Some(vec![("a".to_owned(), "HASH"), ("b".to_owned(), "RANGE")])
        )),
    ];
    let mode = words(&["PROVISIONED", "PAY_PER_REQUEST", "PAY_PER_REQUEST", "FREE"]);
    let class = words(&["STANDARD", "STANDARD", "STANDARD_INFREQUENT_ACCESS", "GLACIER"]);
    (
        table_name(),
        key,
        mostly(mode),
        prop::option::of((mostly(units()), mostly(units()))),
        any::<Option<bool>>(),
        prop::option::weighted(0.3, class),
        prop::option::weighted(0.3, (mostly(units()), mostly(units()))),
        prop::option::weighted(0.3, tags()),
    )
        .prop_map(
            |(name, (definitions, elements), mode, units, protected, class, caps, tags)| Told {
                name,
                definitions,
                elements,
                mode,
                units,
                protected,
                class,
                caps,
                tags,
            },
        )
}

impl Told {
    /// The members of a JSON object, with names in the style that `case` makes of the API's.
    fn members(&self, case: fn(&str) -> String) -> String {
        let pair = |(name, word): &(String, &str), second: &str| {
            let (first, second) = (case("AttributeName"), case(second));
            format!(r#"{{"{first}": "{name}", "{second}": "{word}"}}"#)
        };
        let list = |pairs: &Vec<(String, &str)>, second: &str| {
            let all: Vec<String> = pairs.iter().map(|it| pair(it, second)).collect();
            format!("[{}]", all.join(", "))
        };
        let mut out = format!(r#""{}": "{}""#, case("TableName"), self.name);
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(out, r#", "{}": {value}"#, case(name));
            }
        };
        let quoted = |word: &str| format!(r#""{word}""#);
        add("AttributeDefinitions", self.definitions.as_ref().map(|it| list(it, "AttributeType")));
        add("KeySchema", self.elements.as_ref().map(|it| list(it, "KeyType")));
        add("BillingMode", self.mode.map(quoted));
        add("DeletionProtectionEnabled", self.protected.map(|on| on.to_string()));
        add("TableClass", self.class.map(quoted));
        let pair = |names: [&str; 2], (read, write): (Option<i64>, Option<i64>)| {
            let unit = |(name, units): (&str, Option<i64>)| {
                units.map(|units| format!(r#""{}": {units}"#, case(name)))
            };
            let both: Vec<String> = names.into_iter().zip([read, write]).filter_map(unit).collect();
            format!("{{{}}}", both.join(", "))
        };
        let units = ["ReadCapacityUnits", "WriteCapacityUnits"];
        add("ProvisionedThroughput", self.units.map(|both| pair(units, both)));
        let caps = ["MaxReadRequestUnits", "MaxWriteRequestUnits"];
        add("OnDemandThroughput", self.caps.map(|both| pair(caps, both)));
        let tag = |(key, value): &(String, String)| {
            format!(r#"{{"{}": "{key}", "{}": "{value}"}}"#, case("Key"), case("Value"))
        };
        let list = |tags: &Vec<(String, String)>| {
            format!("[{}]", tags.iter().map(tag).collect::<Vec<_>>().join(", "))
        };
        add("Tags", self.tags.as_ref().map(list));
        out
    }

    fn created(&self) -> Result<Box<NewTable>, String> {
        let body = format!("{{{}}}", self.members(str::to_owned));
        let service = ServiceInfo { region: "r".to_owned(), account: "0".repeat(12) };
        let command = create_table::Input::parse(body.as_bytes())
            .and_then(|input| input.validate(&service, [0; 32], PARTITIONS))
            .map_err(|error| error.to_string())?;
        let Command::CreateTable(new) = command else { panic!("not of a table: {command:?}") };
        Ok(new)
    }

    fn described(&self) -> Result<stator_admin::TableDefinition, String> {
        let camel = |name: &str| {
            let (first, rest) = name.split_at(1);
            first.to_ascii_lowercase() + rest
        };
        let file = format!(
            r#"{{"apiVersion": "stator.dev/v1alpha1", "kind": "Table", "metadata": {{"name": "object"}}, "spec": {{{}}}}}"#,
            self.members(camel)
        );
        let manifests =
            stator_admin::read("f", file.as_bytes()).map_err(|error| error.to_string())?;
        let [manifest] = <[_; 1]>::try_from(manifests).map_err(|all| format!("{all:?}"))?;
        Ok(manifest.table)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_manifest_and_create_table_agree(told in told()) {
        let (created, described) = (told.created(), told.described());
        prop_assert_eq!(created.is_ok(), described.is_ok(), "{:?} {:?}", created, described);
        if let (Ok(created), Ok(described)) = (created, described) {
            prop_assert_eq!(created.name, described.name);
            prop_assert_eq!(created.key_schema, described.key_schema);
            prop_assert_eq!(created.billing, described.billing);
            prop_assert_eq!(created.deletion_protection, described.deletion_protection);
            prop_assert_eq!(created.settings, described.settings);
        }
    }
}
