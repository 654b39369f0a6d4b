//! Random operations, through the AWS SDK, beside a model that says what each must answer.

mod batches;
mod items;
mod queries;
mod scans;
mod updates;
mod words;

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::Client;
use stator_e2e::client::{KeyAttribute, client, make_table, until_gone};
use stator_e2e::oracle::{Draw, Item, Model, Table, Value};
use stator_e2e::random::{Random, seed};
use stator_e2e::run::{cases, evidence};
use stator_e2e::site::Site;

use self::words::Verdict;

/// How many operations there are by default.
const OPERATIONS: u64 = 2_000;

/// Tables that come and go.
const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// By how much the model's opinion of a size may be off: it does not know how the service counts the
/// zeros of a fraction, which no figure that clients see has shown yet.
const SIZE_DOUBT: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_answer_what_the_model_says() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let site = Site::new();
    let mut node = site.start().await;
    let mut random = Random::new(seed);
    let mut run = Run { client: client(&node), model: Model::new(), counts: Counts::default() };
    let operations = cases(OPERATIONS);
    for at in 0..operations {
        run.step(&mut random).await;
        // A kill between two operations must change nothing that a client can see.
        if at % 500 == 499 {
            node.kill().await;
            node = site.start().await;
            run.client = client(&node);
            run.counts.kills += 1;
        }
    }
    run.compare_everything().await;
    site.assert_quiet();
    let Counts { writes, updates, reads, batches, pages, tables, kills, invalid, failed } =
        run.counts;
    assert!(updates > operations / 20 && failed > operations / 40, "{updates}, {failed}");
    assert!(invalid > operations / 40, "{invalid}");
    evidence(
        "random-operations",
        &[
            ("seed", &seed),
            ("operations", &operations),
            ("writes", &writes),
            ("updates", &updates),
            ("conditions_failed", &failed),
            ("invalid_requests", &invalid),
            ("reads", &reads),
            ("batches", &batches),
            ("scanned_pages", &pages),
            ("table_changes", &tables),
            ("kills", &kills),
            ("differences", &0),
        ],
    );
}

#[derive(Default)]
struct Counts {
    writes: u64,
    updates: u64,
    reads: u64,
    batches: u64,
    pages: u64,
    tables: u64,
    kills: u64,
    /// Requests that were refused, and those whose condition did not hold.
    invalid: u64,
    failed: u64,
}

impl Counts {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Success => {}
            Verdict::Invalid(_) => self.invalid += 1,
            Verdict::ConditionFailed => self.failed += 1,
        }
    }
}

struct Run {
    client: Client,
    model: Model,
    counts: Counts,
}

impl Run {
    async fn step(&mut self, random: &mut Random) {
        let name = *random.pick(&NAMES);
        match (self.model.contains_key(name), random.below(1000)) {
            (false, _) => self.create(name, random).await,
            (true, 0..4) => self.delete(name).await,
            (true, 4..20) => self.list(random).await,
            (true, 20..220) => self.put(name, random).await,
            (true, 220..300) => self.delete_item(name, random).await,
            (true, 300..420 | 660..780) => self.update(name, random).await,
            (true, 420..480) => self.write_batch(random).await,
            (true, 480..540) => self.get_batch(random).await,
            (true, 540..600) => self.scan(name, random).await,
            (true, 600..660) => self.query(name, random).await,

            (true, _) => self.get(name, random).await,
        }
    }

    async fn create(&mut self, name: &str, random: &mut Random) {
        let partition_key = KeyAttribute::new("pk", *random.pick(&['S', 'N', 'B']));
        let kinds = [None, Some('S'), Some('N'), Some('B')];
        let sort_key = random.pick(&kinds).map(|kind| KeyAttribute::new("sk", kind));
        make_table(&self.client, name, partition_key, sort_key).await;
        self.model.insert(name.to_owned(), Table::new(partition_key, sort_key));
        self.counts.tables += 1;
    }

    async fn delete(&mut self, name: &str) {
        self.client.delete_table().table_name(name).send().await.expect("it can go");
        until_gone(&self.client, name).await;
        self.model.remove(name);
        self.counts.tables += 1;
    }

    async fn list(&self, random: &mut Random) {
        let limit = 1 + random.index(5);
        let from = random.one_in(2).then(|| (*random.pick(&NAMES)).to_owned());
        let request = self.client.list_tables().limit(i32::try_from(limit).expect("small"));
        let request = request.set_exclusive_start_table_name(from.clone());
        let answer = request.send().await.expect("tables can be listed");
        let after = |name: &&String| from.as_ref().is_none_or(|from| *name > from);
        let expected: Vec<&String> = self.model.keys().filter(after).take(limit).collect();
        assert_eq!(answer.table_names().iter().collect::<Vec<_>>(), expected);
    }

    /// Reads every item of the model and asks for every table.
    async fn compare_everything(&mut self) {
        let listed = self.client.list_tables().send().await.expect("tables can be listed");
        assert_eq!(listed.table_names(), self.model.keys().cloned().collect::<Vec<_>>());
        for (name, table) in &self.model {
            for item in table.items() {
                let key = stator_e2e::oracle::to_sdk(&table.key_item(item));
                let request = self.client.get_item().table_name(name).consistent_read(true);
                let answer = request.set_key(Some(key)).send().await.expect("it can be read");
                assert_eq!(answer.item.as_ref().map(Value::item_from_sdk).as_ref(), Some(item));
            }
        }
    }
}

/// A key of this table, one of a few.
fn draw_key(table: &Table, random: &mut Random) -> Item {
    let attributes = table.key_attributes().into_iter();
    attributes
        .map(|attribute| (attribute.name.to_owned(), Draw::new(random).key_value(attribute)))
        .collect()
}

/// A key of this table, mostly of an item that is there.
fn draw_target(table: &Table, random: &mut Random) -> Item {
    let count = table.items().count();
    if count == 0 || random.one_in(3) {
        return draw_key(table, random);
    }
    let item = table.items().nth(random.index(count)).expect("the index is below the count");
    table.key_item(item)
}

/// An item of this table.
fn draw_item(table: &Table, random: &mut Random) -> Item {
    let mut item = Draw::new(random).attributes();
    item.extend(draw_key(table, random));
    item
}

/// What may be charged for an item of `size` bytes: `share` for every started `unit`.
fn units(size: usize, unit: usize, share: f64) -> RangeInclusive<f64> {
    units_about(size, SIZE_DOUBT, unit, share)
}

/// The same if the size may be off by `doubt`.
fn units_about(size: usize, doubt: usize, unit: usize, share: f64) -> RangeInclusive<f64> {
    let units = |size: usize| {
        let count = u32::try_from(size.max(1).div_ceil(unit)).expect("items are small");
        f64::from(count) * share
    };
    units(size.saturating_sub(doubt))..=units(size + doubt)
}

/// Checks a figure of consumed capacity.
fn assert_charged(consumed: Option<f64>, range: RangeInclusive<f64>) {
    let consumed = consumed.expect("it was asked for");
    assert!(range.contains(&consumed), "{consumed}, not {range:?}");
}
