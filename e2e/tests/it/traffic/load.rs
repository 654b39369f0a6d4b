//! Clients that write until the node dies or has got enough.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stator_e2e::random::Random;
use stator_e2e::wait::eventually;
use tokio::task::JoinSet;

use super::history::{History, Put, Span, TableLife, value};
use super::wire::Connection;

/// Writers, and the tables they share.
const WRITERS: usize = 8;
const TABLES: usize = 3;

/// How many keys a writer owns: few, so that most writes replace one.
const KEYS: u64 = 12;

/// How many tables one process makes and drops, at most.
const PASSING_TABLES: u64 = 16;

/// How often to look whether a table has got where it should.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a table may take to become usable.
const TABLE_LIMIT: Duration = Duration::from_secs(60);

/// What all clients share.
#[derive(Debug)]
struct Shared {
    trace: PathBuf,
    history: Mutex<History>,
    bytes: AtomicU64,
    died: AtomicBool,
}

impl Shared {
    /// Now, as the length of the trace. Read before a request is sent and after it is answered, it
    /// errs on the side that allows more.
    fn now(&self) -> u64 {
        fs::metadata(&self.trace).map_or(0, |about| about.len())
    }

    fn with<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        change(&mut self.history.lock().expect("nobody panicked"))
    }

    fn stopping(&self, enough: u64) -> bool {
        self.died.load(Ordering::SeqCst) || self.bytes.load(Ordering::SeqCst) >= enough
    }
}

/// The load of a run, from process to process.
pub(crate) struct Load {
    random: Random,
    shared: Arc<Shared>,
    writers: Vec<Writer>,
    passing: u64,
}

impl Load {
    pub(crate) fn new(mut random: Random, trace: PathBuf) -> Self {
        let writers = (0..WRITERS)
            .map(|id| {
                let (table, random) = (table(id % TABLES), random.fork());
                Writer { id, table, random, last: 0, perhaps: BTreeMap::new() }
            })
            .collect();
        let shared = Shared {
            trace,
            history: Mutex::default(),
            bytes: AtomicU64::new(0),
            died: AtomicBool::new(false),
        };
        Self { random, shared: Arc::new(shared), writers, passing: 0 }
    }

    /// Whether the last process died of itself.
    pub(crate) fn died(&self) -> bool {
        self.shared.died.load(Ordering::SeqCst)
    }

    /// What was sent and acknowledged so far.
    pub(crate) fn history(&self) -> History {
        self.shared.with(|history| history.clone())
    }

    /// Writes until the process is dead, or so many bytes are acknowledged since the beginning.
    pub(crate) async fn run(&mut self, address: SocketAddr, enough: u64) {
        self.shared.died.store(false, Ordering::SeqCst);
        let ready = async {
            let mut connection = Connection::open(address).await?;
            for number in 0..TABLES {
                create_table(&self.shared, &mut connection, &table(number)).await?;
            }
            io::Result::Ok(())
        };
        if ready.await.is_err() {
            self.shared.died.store(true, Ordering::SeqCst);
            return;
        }
        let mut tasks = JoinSet::new();
        for mut writer in self.writers.drain(..) {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move {
                if writer.run(&shared, address, enough).await.is_err() {
                    shared.died.store(true, Ordering::SeqCst);
                }
                writer
            });
        }
        let churn = churn(&self.shared, address, enough, &mut self.passing, self.random.fork());
        if churn.await.is_err() {
            self.shared.died.store(true, Ordering::SeqCst);
        }
        while let Some(writer) = tasks.join_next().await {
            self.writers.push(writer.expect("a writer found a defect"));
        }
        self.writers.sort_by_key(|writer| writer.id);
    }
}

fn table(number: usize) -> String {
    format!("power-{number}")
}

/// A client with keys of its own.
struct Writer {
    id: usize,
    table: String,
    random: Random,
    last: u64,
    /// By key: the writes of which one may be there, 0 for none.
    perhaps: BTreeMap<String, Vec<u64>>,
}

impl Writer {
    async fn run(&mut self, shared: &Shared, address: SocketAddr, enough: u64) -> io::Result<()> {
        let mut connection = Connection::open(address).await?;
        while !shared.stopping(enough) {
            self.last += 1;
            let key = format!("w{}-k{}", self.id, self.random.below(KEYS));
            let perhaps = self.perhaps.entry(key.clone()).or_insert_with(|| vec![0]);
            let before = perhaps.clone();
            perhaps.push(self.last);
            write(shared, &mut connection, &self.table, &key, self.last, &before).await?;
            *perhaps = vec![self.last];
        }
        Ok(())
    }
}

/// The local index that sorts items of one partition key by the numbers of their writes.
pub(crate) const INDEX: &str = "by-number";

/// The partition key under which a key is the sort key: a writer's items are one collection.
pub(crate) fn partition(key: &str) -> &str {
    key.split_once('-').map_or(key, |(writer, _)| writer)
}

/// The key attributes of a key, as members of an object.
pub(crate) fn key_members(key: &str) -> String {
    format!(r#""pk":{{"S":"{}"}},"sk":{{"S":"{key}"}}"#, partition(key))
}

/// An item of the write of this number.
fn item(key: &str, number: u64, value: &str) -> String {
    let keys = key_members(key);
    format!(r#"{{{keys},"n":{{"N":"{number}"}},"v":{{"S":"{value}"}}}}"#)
}

/// The body of a PutItem.
pub(crate) fn put_body(table: &str, key: &str, number: u64, value: &str) -> String {
    format!(r#"{{"TableName":"{table}","Item":{}}}"#, item(key, number, value))
}

/// The operation and body that write a value: put, put under a condition, or set in an update under one.
/// The condition is that one of the writes `before` is there, as it must be.
fn write_body(
    table: &str,
    key: &str,
    number: u64,
    value: &str,
    before: &[u64],
) -> (&'static str, String) {
    let expected = before.iter().map(|number| match number {
        0 => "attribute_not_exists(pk)".to_owned(),
        number => format!("begins_with(v, :w{number})"),
    });
    let expected = expected.collect::<Vec<_>>().join(" OR ");
    let values = before.iter().filter(|number| **number > 0);
    let mut values: Vec<String> =
        values.map(|number| format!(r#"":w{number}":{{"S":"{number}:"}}"#)).collect();
    match number % 3 {
        0 => ("PutItem", put_body(table, key, number, value)),
        1 => {
            values.push(format!(r#"":v":{{"S":"{value}"}},":n":{{"N":"{number}"}}"#));
            let body = format!(
                r#"{{"TableName":"{table}","Key":{{{}}},
                    "UpdateExpression":"SET v = :v, n = :n","ConditionExpression":"{expected}",
                    "ExpressionAttributeValues":{{{}}}}}"#,
                key_members(key),
                values.join(",")
            );
            ("UpdateItem", body)
        }
        _ => {
            let values = match values.as_slice() {
                [] => String::new(),
                values => format!(r#","ExpressionAttributeValues":{{{}}}"#, values.join(",")),
            };
            let body = format!(
                r#"{{"TableName":"{table}","Item":{},"ConditionExpression":"{expected}"{values}}}"#,
                item(key, number, value)
            );
            ("PutItem", body)
        }
    }
}

async fn write(
    shared: &Shared,
    connection: &mut Connection,
    table: &str,
    key: &str,
    number: u64,
    before: &[u64],
) -> io::Result<()> {
    let value = value(key, number);
    let (operation, body) = write_body(table, key, number, &value, before);
    let span = Span { sent: shared.now(), acknowledged: None };
    let record = Put { table: table.to_owned(), key: key.to_owned(), number, span };
    let place = shared.with(|history| {
        history.puts.push(record);
        history.puts.len() - 1
    });
    let answer = connection.call(operation, &body).await?;
    assert_eq!(answer.status, 200, "{operation} of {key}, after {before:?}: {}", answer.body);
    let now = shared.now();
    shared.with(|history| {
        let put = history.puts.get_mut(place).expect("nothing is taken out again");
        put.span.acknowledged = Some(now);
    });
    shared.bytes.fetch_add(value.len() as u64, Ordering::SeqCst);
    Ok(())
}

/// Makes and drops tables; each holds one item.
async fn churn(
    shared: &Shared,
    address: SocketAddr,
    enough: u64,
    passing: &mut u64,
    mut random: Random,
) -> io::Result<()> {
    let mut connection = Connection::open(address).await?;
    for _ in 0..PASSING_TABLES {
        let next = shared.bytes.load(Ordering::SeqCst) + (enough.min(64 << 20) >> 4);
        *passing += 1;
        let name = format!("passing-{passing}");
        create_table(shared, &mut connection, &name).await?;
        write(shared, &mut connection, &name, "marker", 1, &[0]).await?;
        if !random.one_in(3) {
            delete_table(shared, &mut connection, &name).await?;
        }
        while !shared.stopping(enough) && shared.bytes.load(Ordering::SeqCst) < next {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// The life of this table in the history.
fn life<'h>(history: &'h mut History, name: &str) -> &'h mut TableLife {
    let place = match history.tables.iter().position(|table| table.name == name) {
        Some(place) => place,
        None => {
            let name = name.to_owned();
            history.tables.push(TableLife { name, created: None, deleted: None });
            history.tables.len() - 1
        }
    };
    history.tables.get_mut(place).expect("it was found or put there")
}

/// Creates a table, which may exist if a process died over it, and waits until it is usable.
async fn create_table(shared: &Shared, connection: &mut Connection, name: &str) -> io::Result<()> {
    let sent = shared.now();
    shared.with(|history| {
        life(history, name).created.get_or_insert(Span { sent, acknowledged: None });
    });
    let body = format!(
        r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{{"AttributeName":"pk","AttributeType":"S"}},
                {{"AttributeName":"sk","AttributeType":"S"}},
                {{"AttributeName":"n","AttributeType":"N"}}],
            "KeySchema":[{{"AttributeName":"pk","KeyType":"HASH"}},
                {{"AttributeName":"sk","KeyType":"RANGE"}}],
            "LocalSecondaryIndexes":[{{"IndexName":"{INDEX}","Projection":{{"ProjectionType":"KEYS_ONLY"}},
                "KeySchema":[{{"AttributeName":"pk","KeyType":"HASH"}},
                    {{"AttributeName":"n","KeyType":"RANGE"}}]}}]}}"#
    );
    let answer = connection.call("CreateTable", &body).await?;
    let exists = answer.is_error("ResourceInUseException");
    assert!(answer.status == 200 || exists, "{}", answer.body);
    let now = shared.now();
    shared.with(|history| {
        if let Some(span) = &mut life(history, name).created {
            span.acknowledged.get_or_insert(now);
        }
    });
    eventually(&format!("table {name} to be ACTIVE"), TABLE_LIMIT, async || {
        match status(connection, name).await {
            Ok(Some("ACTIVE")) => Some(Ok(())),
            Ok(_) => None,
            // The process is gone.
            Err(error) => Some(Err(error)),
        }
    })
    .await
}

async fn delete_table(shared: &Shared, connection: &mut Connection, name: &str) -> io::Result<()> {
    let sent = shared.now();
    shared.with(|history| life(history, name).deleted = Some(Span { sent, acknowledged: None }));
    let answer = connection.call("DeleteTable", &format!(r#"{{"TableName":"{name}"}}"#)).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let acknowledged = Some(shared.now());
    shared.with(|history| life(history, name).deleted = Some(Span { sent, acknowledged }));
    Ok(())
}

/// The status of a table; `None` if there is none.
pub(crate) async fn status(
    connection: &mut Connection,
    name: &str,
) -> io::Result<Option<&'static str>> {
    let answer = connection.call("DescribeTable", &format!(r#"{{"TableName":"{name}"}}"#)).await?;
    if answer.is_error("ResourceNotFoundException") {
        return Ok(None);
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    let known = ["ACTIVE", "CREATING", "DELETING"];
    let found = known.into_iter().find(|status| answer.body.contains(&format!("\"{status}\"")));
    Ok(Some(found.unwrap_or_else(|| panic!("no status in {}", answer.body))))
}
