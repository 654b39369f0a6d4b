//! Requests, from the bytes of a body to the answer, against a catalog and items in memory.
//!
//! An input is a session: the name of an operation on a line, the body below it, an empty line, the next.
//! Tables are there before: `music` with local indexes, and others with each type of key.

use std::cell::OnceCell;
use std::io;

use stator_operation::{Kind, OPERATIONS};

use crate::seeds::{expand, sessions};
use crate::world::World;

/// Requests of an input that are looked at.
const MOST: usize = 12;

/// A table that is there before.
struct Table {
    name: &'static str,
    /// The key's attributes with their types.
    keys: &'static [(&'static str, &'static str)],
    has_indexes: bool,
}

const TABLES: [Table; 5] = [
    Table { name: "music", keys: &[("pk", "S"), ("sk", "N")], has_indexes: true },
    Table { name: "plain", keys: &[("pk", "S")], has_indexes: false },
    Table { name: "text", keys: &[("pk", "S"), ("sk", "S")], has_indexes: false },
    Table { name: "binary", keys: &[("pk", "B"), ("sk", "B")], has_indexes: true },
    Table { name: "numbered", keys: &[("pk", "N")], has_indexes: false },
];

const ITEMS: [(&str, &str); 8] = [
    (
        "music",
        r#"{"pk":{"S":"p"},"sk":{"N":"1"},"year":{"N":"1999"},"a":{"S":"a1"},"l":{"L":[{"N":"1"},{"S":"x"}]}}"#,
    ),
    (
        "music",
        r#"{"pk":{"S":"p"},"sk":{"N":"2"},"year":{"N":"2001"},"m":{"M":{"x":{"M":{"y":{"BOOL":true}}}}},"ns":{"NS":["1","2"]}}"#,
    ),
    (
        "music",
        r#"{"pk":{"S":"p"},"sk":{"N":"-3"},"b":{"B":"AAEC"},"nothing":{"NULL":true},"ss":{"SS":["a","b"]}}"#,
    ),
    (
        "music",
        r#"{"pk":{"S":"a"},"sk":{"N":"1"},"a":{"N":"5"},"bs":{"BS":["AA==","AQ=="]},"text":{"S":"hello"}}"#,
    ),
    ("plain", r#"{"pk":{"S":"p"},"a":{"N":"1"},"b":{"L":[{"M":{"c":{"S":"d"}}}]}}"#),
    ("text", r#"{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"S":"1"}}"#),
    ("binary", r#"{"pk":{"B":"AA=="},"sk":{"B":"/w=="},"year":{"N":"7"}}"#),
    ("numbered", r#"{"pk":{"N":"17"},"a":{"S":"x"}}"#),
];

pub(crate) fn control(input: &[u8]) {
    play(input, Kind::Control);
}

pub(crate) fn write(input: &[u8]) {
    play(input, Kind::Write);
}

pub(crate) fn read(input: &[u8]) {
    play(input, Kind::Read);
}

/// Answers the requests of one kind.
fn play(input: &[u8], kind: Kind) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut world = world();
    for request in text.split("\n\n").take(MOST) {
        let (name, body) = request.split_once('\n').unwrap_or((request, ""));
        if OPERATIONS.iter().any(|spec| spec.name == name && spec.kind == kind) {
            let (status, answer) = world.answer(name, body.as_bytes());
            assert!([200, 400].contains(&status), "{name} is answered with {status}");
            let is_empty = status == 200 && answer.is_empty();
            assert!(
                is_empty || stator_protocol::is_json(&answer),
                "{name}: the answer is not JSON"
            );
        }
    }
}

/// The tables and items that are there before an input.
fn world() -> World {
    thread_local! {
        static WORLD: OnceCell<World> = const { OnceCell::new() };
    }
    WORLD.with(|world| world.get_or_init(furnished).clone())
}

fn furnished() -> World {
    let mut world = World::new();
    for Table { name, keys, has_indexes } in TABLES {
        let table = create(name, keys, has_indexes);
        let (status, answer) = world.answer("CreateTable", table.as_bytes());
        assert_eq!(status, 200, "{table}: {}", String::from_utf8_lossy(&answer));
        world.activate(name);
    }
    for (table, item) in ITEMS {
        let put = format!(r#"{{"TableName":"{table}","Item":{item}}}"#);
        let (status, answer) = world.answer("PutItem", put.as_bytes());
        assert_eq!(status, 200, "{put}: {}", String::from_utf8_lossy(&answer));
    }
    world
}

/// The body of a CreateTable.
fn create(name: &str, keys: &[(&str, &str)], has_indexes: bool) -> String {
    let define = |(name, of): &(&str, &str)| {
        format!(r#"{{"AttributeName":"{name}","AttributeType":"{of}"}}"#)
    };
    let mut defined: Vec<String> = keys.iter().map(define).collect();
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let mut indexes = String::new();
    if has_indexes {
        defined.push(define(&("year", "N")));
        let projections = [
            ("all", r#"{"ProjectionType":"ALL"}"#),
            ("keys", r#"{"ProjectionType":"KEYS_ONLY"}"#),
            ("some", r#"{"ProjectionType":"INCLUDE","NonKeyAttributes":["a"]}"#),
        ];
        let index = |(name, projection): (&str, &str)| {
            let schema = schema(&["pk", "year"]);
            format!(r#"{{"IndexName":"{name}","KeySchema":{schema},"Projection":{projection}}}"#)
        };
        let list = projections.map(index).join(",");
        indexes = format!(r#","LocalSecondaryIndexes":[{list}]"#);
    }
    let (defined, schema) = (defined.join(","), schema(&names));
    format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{defined}],"KeySchema":{schema}{indexes}}}"#
    )
}

fn schema(names: &[&str]) -> String {
    let part =
        |(name, role): (&&str, &str)| format!(r#"{{"AttributeName":"{name}","KeyType":"{role}"}}"#);
    let parts: Vec<String> = names.iter().zip(["HASH", "RANGE"]).map(part).collect();
    format!("[{}]", parts.join(","))
}

/// Every request of this kind in the operations' sessions, and every three that follow each other.
pub(crate) fn seeds(kind: Kind) -> io::Result<Vec<Vec<u8>>> {
    let is_of_kind = |request: &String| {
        let name = request.lines().next().unwrap_or_default();
        OPERATIONS.iter().any(|spec| spec.name == name && spec.kind == kind)
    };
    let mut seeds = Vec::new();
    for session in sessions("operation", &[])? {
        let requests: Vec<String> = requests(&session).into_iter().filter(is_of_kind).collect();
        seeds.extend(requests.iter().map(|request| request.clone().into_bytes()));
        seeds.extend(requests.chunks(3).map(|three| three.join("\n\n").into_bytes()));
    }
    Ok(seeds)
}

/// The requests of a session. Where its table `music` has no sort key, `plain` is meant here.
fn requests(session: &str) -> Vec<String> {
    let has_sort_key = !session.contains(r#""music""#) || session.contains(r#""sk""#);
    let mut found = Vec::new();
    for case in session.split("\n\n") {
        let (request, _) = case.split_once("\n----\n").unwrap_or_default();
        let lines = request.lines().filter(|line| !line.starts_with(['#', '@']));
        let request = expand(&lines.collect::<Vec<_>>().join("\n"));
        found.push(if has_sort_key { request } else { request.replace("music", "plain") });
    }
    found
}
