//! Query and local secondary indexes, through the AWS SDK.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ReturnConsumedCapacity,
    ReturnItemCollectionMetrics, ScalarAttributeType, Select, TableStatus,
};
use stator_e2e::client::client;
use stator_e2e::site::Site;

type Attributes = HashMap<String, AttributeValue>;

const TABLE: &str = "Songs";

fn element(name: &str, role: KeyType) -> KeySchemaElement {
    let element = KeySchemaElement::builder().attribute_name(name).key_type(role);
    element.build().expect("name and role are set")
}

fn definition(name: &str, of: ScalarAttributeType) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(of);
    definition.build().expect("name and type are set")
}

fn index(name: &str, sort: &str, projection: Projection) -> LocalSecondaryIndex {
    let keys = [element("artist", KeyType::Hash), element(sort, KeyType::Range)];
    let index = LocalSecondaryIndex::builder().index_name(name).projection(projection);
    index.set_key_schema(Some(keys.to_vec())).build().expect("name and keys are set")
}

/// Songs by artist and title, also by year (with the label) and by genre (keys alone).
async fn make_songs(client: &Client) {
    let include = Projection::builder().projection_type(ProjectionType::Include);
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly);
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(element("artist", KeyType::Hash))
        .key_schema(element("title", KeyType::Range))
        .attribute_definitions(definition("artist", ScalarAttributeType::S))
        .attribute_definitions(definition("title", ScalarAttributeType::S))
        .attribute_definitions(definition("year", ScalarAttributeType::N))
        .attribute_definitions(definition("genre", ScalarAttributeType::S))
        .local_secondary_indexes(index(
            "by-year",
            "year",
            include.non_key_attributes("label").build(),
        ))
        .local_secondary_indexes(index("by-genre", "genre", keys_only.build()))
        .send()
        .await
        .expect("the table can be made");
    loop {
        let described = client.describe_table().table_name(TABLE).send().await;
        let table = described.expect("it can be described").table.expect("it is there");
        if table.table_status == Some(TableStatus::Active) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn song(title: &str, year: u32, genre: Option<&str>) -> Attributes {
    let mut song = Attributes::from([
        ("artist".to_owned(), text("a")),
        ("title".to_owned(), text(title)),
        ("year".to_owned(), AttributeValue::N(year.to_string())),
        ("label".to_owned(), text("l")),
        ("words".to_owned(), text("la la")),
    ]);
    song.extend(genre.map(|genre| ("genre".to_owned(), text(genre))));
    song
}

async fn put(client: &Client, song: Attributes) {
    let put = client.put_item().table_name(TABLE).set_item(Some(song));
    put.send().await.expect("it can be put");
}

/// The titles that a query by an index finds, page by page.
async fn titles(client: &Client, index: Option<&str>, forward: bool, page: i32) -> Vec<String> {
    let mut titles = Vec::new();
    let mut start = None;
    loop {
        let query = client
            .query()
            .table_name(TABLE)
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression("artist = :a")
            .expression_attribute_values(":a", text("a"))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(page)
            .set_exclusive_start_key(start);
        let answer = query.send().await.expect("it can be queried");
        let title = |item: &Attributes| item.get("title").and_then(|it| it.as_s().ok().cloned());
        titles.extend(answer.items().iter().filter_map(title));
        start = answer.last_evaluated_key;
        if start.is_none() {
            return titles;
        }
    }
}

#[tokio::test]
async fn songs_are_found_by_every_key_and_after_a_kill() {
    let site = Site::new();
    let node = site.start().await;
    let it = client(&node);
    make_songs(&it).await;
    for (title, year, genre) in [
        ("one", 1999, Some("pop")),
        ("two", 1980, None),
        ("three", 1999, Some("folk")),
        ("four", 2020, Some("pop")),
        ("five", 1999, None),
    ] {
        put(&it, song(title, year, genre)).await;
    }
    assert_eq!(titles(&it, None, true, 2).await, ["five", "four", "one", "three", "two"]);
    // Ties are in the order of the table, and none is lost between pages.
    let by_year = ["two", "five", "one", "three", "four"];
    assert_eq!(titles(&it, Some("by-year"), true, 2).await, by_year);
    assert_eq!(titles(&it, Some("by-genre"), false, 1).await, ["one", "four", "three"]);

    // One moves, one comes in, one goes.
    put(&it, song("two", 2001, Some("pop"))).await;
    let gone =
        Attributes::from([("artist".to_owned(), text("a")), ("title".to_owned(), text("one"))]);
    it.delete_item().table_name(TABLE).set_key(Some(gone)).send().await.expect("it can go");
    let by_year = ["five", "three", "two", "four"];
    assert_eq!(titles(&it, Some("by-year"), true, 3).await, by_year);
    assert_eq!(titles(&it, Some("by-genre"), true, 3).await, ["three", "four", "two"]);

    node.kill().await;
    let node = site.start().await;
    let it = client(&node);
    assert_eq!(titles(&it, Some("by-year"), true, 3).await, by_year);
    assert_eq!(titles(&it, Some("by-genre"), true, 3).await, ["three", "four", "two"]);
    let described = it.describe_table().table_name(TABLE).send().await.expect("it is there");
    let table = described.table.expect("it is described");
    let indexes = table.local_secondary_indexes.expect("it has indexes");
    let counts: Vec<_> = indexes
        .iter()
        .map(|index| (index.index_name.as_deref().unwrap_or_default(), index.item_count))
        .collect();
    assert_eq!(counts, [("by-year", Some(4)), ("by-genre", Some(3))]);
    site.assert_quiet();
}

#[tokio::test]
async fn what_an_index_lacks_is_fetched_and_charged_and_wrong_keys_are_refused() {
    let site = Site::new();
    let node = site.start().await;
    let it = client(&node);
    make_songs(&it).await;
    let request = it
        .put_item()
        .table_name(TABLE)
        .set_item(Some(song("one", 1999, Some("pop"))))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .return_item_collection_metrics(ReturnItemCollectionMetrics::Size);
    let answer = request.send().await.expect("it can be put");
    let consumed = answer.consumed_capacity.expect("it was asked for");
    let arms = consumed.local_secondary_indexes.expect("indexes were touched");
    assert_eq!((consumed.capacity_units, arms.len()), (Some(3.0), 2));
    let metrics = answer.item_collection_metrics.expect("they were asked for");
    assert_eq!(metrics.size_estimate_range_gb, Some(vec![0.0, 1.0]));

    let query = |select: Select| {
        it.query()
            .table_name(TABLE)
            .index_name("by-year")
            .key_condition_expression("artist = :a AND #y BETWEEN :from AND :to")
            .expression_attribute_names("#y", "year")
            .expression_attribute_values(":a", text("a"))
            .expression_attribute_values(":from", AttributeValue::N("1990".to_owned()))
            .expression_attribute_values(":to", AttributeValue::N("1999".to_owned()))
            .select(select)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    };
    let names = |item: &Attributes| {
        let mut names: Vec<String> = item.keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    let answer = query(Select::AllProjectedAttributes).send().await.expect("it can be queried");
    assert_eq!(answer.items().iter().map(names).collect::<Vec<_>>(), ["artist label title year"]);
    assert_eq!(answer.consumed_capacity.and_then(|units| units.capacity_units), Some(0.5));
    let answer = query(Select::AllAttributes).send().await.expect("it can be queried");
    let all = ["artist genre label title words year"];
    assert_eq!(answer.items().iter().map(names).collect::<Vec<_>>(), all);
    assert_eq!(answer.consumed_capacity.and_then(|units| units.capacity_units), Some(1.0));

    let mut wrong = song("two", 1999, None);
    wrong.insert("genre".to_owned(), AttributeValue::Bool(true));
    let refused = it.put_item().table_name(TABLE).set_item(Some(wrong)).send().await;
    let error = refused.expect_err("an index key has the type of the index");
    assert_eq!(error.code(), Some("ValidationException"));
    site.assert_quiet();
}
