//! What a scrape of a running node shows, and that `docs/metrics.md` says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::process::Process;
use crate::support::*;

const TABLE: &str = "music";
const PUTS: u64 = 10;

/// One scrape.
struct Scrape {
    text: String,
    families: BTreeMap<String, Family>,
}

#[derive(Default)]
struct Family {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

impl Scrape {
    fn of(admin: SocketAddr) -> Self {
        let mut client = Client::connect(admin);
        client.send("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
        let text = client.response().text().to_owned();
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut last = String::new();
        for line in text.lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(split) {
                families.entry(name.to_owned()).or_default().help = help.to_owned();
            } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(split) {
                families.entry(name.to_owned()).or_default().kind = kind.to_owned();
                last = name.to_owned();
            } else {
                families.entry(last.clone()).or_default().labels.extend(labels(line));
            }
        }
        Self { text, families }
    }

    /// The value of this series.
    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        let lines = self.text.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.filter(|(name, _)| *name == series).map(|(_, value)| value).next();
        let value = found.unwrap_or_else(|| panic!("{series} is missing"));
        value.parse().unwrap_or_else(|_| panic!("{series} is {value}"))
    }
}

fn split(line: &str) -> Option<(&str, &str)> {
    line.split_once(' ')
}

/// The names of a series' labels, but for those that belong to its kind.
fn labels(line: &str) -> Vec<String> {
    let inside = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
    let pairs = inside.map_or("", |(inside, _)| inside).split(',');
    let names = pairs.filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.to_owned());
    names.filter(|name| name != "le").collect()
}

/// A node that has made a table, written and read it, and refused a write.
fn busy_node() -> (tempfile::TempDir, Process, SocketAddr) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut process = Process::start(directory.path(), &[]);
    let admin = process.admin();
    let mut client = Client::connect(process.client);
    client.send(create_table(TABLE));
    assert_eq!(client.response().status, "HTTP/1.1 200 OK");
    for key in 0..PUTS {
        let put = put_item(TABLE, &format!("k{key}"), 100);
        // The table is not active at once.
        loop {
            client.send(&put);
            let reply = client.response();
            if reply.status == "HTTP/1.1 200 OK" {
                break;
            }
            assert!(reply.text().contains("ResourceNotFoundException"), "{}", reply.text());
        }
    }
    client.send(put_item("absent", "k", 100));
    assert_eq!(client.response().status, "HTTP/1.1 400 Bad Request");
    (directory, process, admin)
}

#[test]
fn counts_move_with_what_is_done() {
    let (_directory, _process, admin) = busy_node();
    let scrape = Scrape::of(admin);
    let ok = r#"stator_server_requests_total{operation="PutItem",outcome="ok"}"#;
    assert!((scrape.value(ok) - PUTS as f64).abs() < 0.5);
    let refused =
        r#"stator_server_errors_total{code="ResourceNotFoundException",operation="PutItem"}"#;
    assert!(scrape.value(refused) >= 1.0);
    // Each was sent when the one before was answered, so none shared its sync.
    let puts = PUTS as f64;
    let syncs = scrape.value(r#"stator_log_syncs_total{file="segment"}"#);
    assert!(syncs >= puts, "{syncs}");
    assert!((syncs - scrape.value("stator_log_sync_duration_seconds_count")).abs() < 0.5);
    assert!(scrape.value("stator_log_batches_total") >= puts);
    assert!(scrape.value("stator_log_batch_records_sum") >= puts);
    assert!(scrape.value("stator_log_written_bytes_total") >= puts * 4096.0);
    assert!(scrape.value("stator_log_segments") >= 1.0);
    assert!(scrape.value("stator_store_apply_duration_seconds_count") >= puts);
    for (series, value) in [
        (r#"stator_replica_table_items{table="music"}"#, puts),
        // Two attributes of one byte's name each, keys of two bytes, values of 100.
        (r#"stator_replica_table_bytes{table="music"}"#, puts * 104.0),
        ("stator_replica_tables", 1.0),
        ("stator_replica_partitions", 2.0),
        ("stator_replica_partitions_serving", 2.0),
        ("stator_replica_apply_lag_entries", 0.0),
        ("stator_replica_apply_waiting_bytes", 0.0),
        ("stator_replica_throttled_keyspaces", 0.0),
    ] {
        assert!((scrape.value(series) - value).abs() < 0.5, "{series}: {}", scrape.value(series));
    }
    // By the clock, not by what is done.
    eventually("the store is synced and measured", || {
        let scrape = Scrape::of(admin);
        scrape.value("stator_store_persist_duration_seconds_count") >= 1.0
            && scrape.value("stator_store_journal_bytes") > 0.0
    });
}

#[test]
fn names_and_texts_follow_the_rules_of_prometheus() {
    let (_directory, _process, admin) = busy_node();
    for (name, Family { help, kind, .. }) in Scrape::of(admin).families {
        if !name.starts_with("stator_") {
            continue;
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(plain), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        if kind == "histogram" {
            assert!(name.ends_with("_seconds") || name.ends_with("_records"), "{name}");
        }
        assert!(help.len() > 15 && help.ends_with('.'), "{name}: {help:?}");
    }
}

/// `STATOR_REWRITE=1` writes the page anew.
#[test]
fn the_page_lists_every_metric() {
    let (_directory, _process, admin) = busy_node();
    let mut table = String::from("| name | kind | labels | what it says |\n|---|---|---|---|\n");
    for (name, Family { help, kind, labels }) in Scrape::of(admin).families {
        let labels = labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").expect("memory");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let at = page.find("| name |").expect("the page has a table");
    if std::env::var_os("STATOR_REWRITE").is_some() {
        std::fs::write(&path, format!("{}{table}", &page[..at])).expect("is written");
        return;
    }
    assert_eq!(&page[at..], table, "STATOR_REWRITE=1 cargo test -p stator-server writes it anew");
}
