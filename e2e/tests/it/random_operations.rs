//! Random operations, through the AWS SDK, beside a model that says what each must answer.

mod batches;
mod charge;
mod demand;
mod items;
mod queries;
mod reads;
mod refusals;
mod scans;
mod updates;
mod words;

use std::fmt::Display;

use aws_sdk_dynamodb::Client;
use stator_e2e::client::{KeyAttribute, make_indexed_table, tapped_client, until_gone};
use stator_e2e::oracle::{Draw, Item, LocalIndex, Model, Projection, Schema, Table, Value};
use stator_e2e::random::{Random, seed};
use stator_e2e::run::{cases, evidence};
use stator_e2e::site::Site;

use self::refusals::Refusals;
use self::words::Verdict;

/// How many operations there are by default; each takes about two requests.
const OPERATIONS: u64 = 2_000;

/// From so many operations on, there must be as many requests as acceptance asks for.
const OPERATIONS_OF_ACCEPTANCE: u64 = 60_000;
const REQUESTS_OF_ACCEPTANCE: u64 = 100_000;

/// Tables that come and go.
const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_answer_what_the_model_says() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let site = Site::new();
    let mut node = site.start().await;
    let mut random = Random::new(seed);
    let refusals = Refusals::default();
    let client = tapped_client(&node, refusals.tap());
    let mut run = Run { client, model: Model::new(), refusals, counts: Counts::default() };
    let operations = cases(OPERATIONS);
    for at in 0..operations {
        run.step(&mut random).await;
        // A kill between two operations must change nothing that a client can see.
        if at % 500 == 499 {
            node.kill().await;
            node = site.start().await;
            run.client = tapped_client(&node, run.refusals.tap());
            run.counts.kills += 1;
        }
    }
    run.compare_everything().await;
    site.assert_quiet();
    run.report(seed, operations);
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
    refusals: Refusals,
    counts: Counts,
}

impl Run {
    fn report(&self, seed: u64, operations: u64) {
        let Counts { writes, updates, reads, batches, pages, tables, kills, invalid, failed } =
            &self.counts;
        let requests = self.refusals.tap().requests();
        let spoilt: u64 = self.refusals.by_group().values().sum();
        assert!(*updates > operations / 20 && *failed > operations / 40, "{updates}, {failed}");
        assert!(spoilt > operations / 10, "{spoilt}");
        let asked = if operations < OPERATIONS_OF_ACCEPTANCE { 0 } else { REQUESTS_OF_ACCEPTANCE };
        assert!(requests >= asked, "{requests}");
        let by_group = self.refusals.by_group().iter();
        let by_group: Vec<(String, &u64)> =
            by_group.map(|(group, count)| (format!("refused_for_{group}"), count)).collect();
        let mut figures: Vec<(&str, &dyn Display)> = vec![
            ("seed", &seed),
            ("operations", &operations),
            ("requests", &requests),
            ("writes", writes),
            ("updates", updates),
            ("conditions_failed", failed),
            ("refused_for_what_is_stored", invalid),
            ("reads", reads),
            ("batches", batches),
            ("pages", pages),
            ("table_changes", tables),
            ("kills", kills),
            ("refused_requests", &spoilt),
        ];
        figures
            .extend(by_group.iter().map(|(name, count)| (name.as_str(), *count as &dyn Display)));
        figures.push(("differences", &0));
        evidence("random-operations", &figures);
    }

    async fn step(&mut self, random: &mut Random) {
        let name = *random.pick(&NAMES);
        match (self.model.contains_key(name), random.below(1000)) {
            (false, _) => self.create(name, random).await,
            (true, 0..4) => self.delete(name).await,
            (true, 4..20) => self.list(random).await,
            (true, 20..220) => self.put(name, random).await,
            (true, 220..300) => self.delete_item(name, random).await,
            (true, 300..420 | 565..600 | 660..780) => self.update(name, random).await,
            (true, 420..480) => self.write_batch(random).await,
            (true, 480..540) => self.get_batch(random).await,
            (true, 540..565) => self.scan(name, random).await,
            (true, 600..660 | 780..860) => self.query(name, random).await,
            (true, _) => self.get(name, random).await,
        }
    }

    async fn create(&mut self, name: &str, random: &mut Random) {
        let partition_key = KeyAttribute::new("pk", *random.pick(&['S', 'N', 'B']));
        let kinds = [None, Some('S'), Some('N'), Some('B')];
        let sort_key = random.pick(&kinds).map(|kind| KeyAttribute::new("sk", kind));
        let indexes = sort_key.map_or_else(Vec::new, |_| draw_indexes(random));
        let schema = Schema::new(partition_key, sort_key, indexes);
        make_indexed_table(&self.client, name, &schema).await;
        self.refusals.learn(name, schema.clone());
        self.model.insert(name.to_owned(), Table::new(schema));
        self.counts.tables += 1;
    }

    async fn delete(&mut self, name: &str) {
        self.client.delete_table().table_name(name).send().await.expect("it can go");
        until_gone(&self.client, name).await;
        self.model.remove(name);
        self.refusals.forget(name);
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
                let key = stator_e2e::oracle::to_sdk(&table.schema().key_item(item));
                let request = self.client.get_item().table_name(name).consistent_read(true);
                let answer = request.set_key(Some(key)).send().await.expect("it can be read");
                assert_eq!(answer.item.as_ref().map(Value::item_from_sdk).as_ref(), Some(item));
            }
        }
    }
}

/// A key of this table, one of a few.
fn draw_key(table: &Table, random: &mut Random) -> Item {
    let attributes = table.schema().key_attributes().into_iter();
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
    table.schema().key_item(item)
}

/// An item of this table.
fn draw_item(table: &Table, random: &mut Random) -> Item {
    let mut item = Draw::new(random).attributes();
    item.extend(Draw::new(random).index_keys(table.schema().indexes()));
    item.extend(draw_key(table, random));
    item
}

/// Up to two local indexes.
fn draw_indexes(random: &mut Random) -> Vec<LocalIndex> {
    let mut draw = |name, key| {
        let projections = [
            Projection::All,
            Projection::KeysOnly,
            Projection::Include(vec!["attribute-0", "nested"]),
            Projection::Include(vec!["count", "sk"]),
        ];
        let sort_key = KeyAttribute::new(key, *random.pick(&['S', 'N', 'B']));
        let projection = random.pick(&projections).clone();
        (!random.one_in(3)).then_some(LocalIndex { name, sort_key, projection })
    };
    [draw("by-rank", "rank"), draw("by-grade", "grade")].into_iter().flatten().collect()
}
