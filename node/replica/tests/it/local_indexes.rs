//! Local indexes: entries and sizes of collections beside the items.

use std::ops::Bound;

use stator_model::{LocalIndexId, limits};
use stator_operation::Operation;
use stator_protocol::ErrorCode;
use stator_replica::{Answer, Prefetched};
use stator_store::state::{IndexTotals, PartitionState};
use stator_store::{Engine, collection, keys};

use crate::rig::{Rig, Slot, is_done};

/// A table with the keys `pk` and `sk`, an index by `all` that every item of these tests is in, and an index
/// by `few`.
fn rig() -> Rig {
    let mut rig = Rig::blank();
    rig.settle();
    let index = |name: &str, sort: &str| {
        format!(
            r#"{{"IndexName":"{name}","Projection":{{"ProjectionType":"KEYS_ONLY"}},"KeySchema":[
                {{"AttributeName":"pk","KeyType":"HASH"}},{{"AttributeName":"{sort}","KeyType":"RANGE"}}]}}"#
        )
    };
    let definitions: Vec<String> = [("pk", "S"), ("sk", "N"), ("all", "N"), ("few", "S")]
        .iter()
        .map(|(name, of)| format!(r#"{{"AttributeName":"{name}","AttributeType":"{of}"}}"#))
        .collect();
    rig.create(&format!(
        r#"{{"TableName":"tab","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{}],
            "KeySchema":[{{"AttributeName":"pk","KeyType":"HASH"}},{{"AttributeName":"sk","KeyType":"RANGE"}}],
            "LocalSecondaryIndexes":[{},{}]}}"#,
        definitions.join(","),
        index("by-all", "all"),
        index("by-few", "few"),
    ));
    rig
}

fn put(rig: &mut Rig, sk: u32, rest: &str) -> Slot<Answer> {
    put_in(rig, "p", sk, rest)
}

fn put_in(rig: &mut Rig, pk: &str, sk: u32, rest: &str) -> Slot<Answer> {
    let body = format!(
        r#"{{"TableName":"tab","Item":{{"pk":{{"S":"{pk}"}},"sk":{{"N":"{sk}"}},"all":{{"N":"{}"}}{rest}}}}}"#,
        sk % 7 + 1
    );
    let command = rig.command(Operation::PutItem, &body);
    let prefetched = rig.prefetch(&command);
    rig.submit(command, prefetched)
}

fn delete(rig: &mut Rig, sk: u32) -> Slot<Answer> {
    let body = format!(r#"{{"TableName":"tab","Key":{{"pk":{{"S":"p"}},"sk":{{"N":"{sk}"}}}}}}"#);
    let command = rig.command(Operation::DeleteItem, &body);
    let prefetched = rig.prefetch(&command);
    rig.submit(command, prefetched)
}

/// Keys of a kind in the tablet: entries of indexes (3), sizes of collections (4).
fn count(rig: &Rig, kind: u8) -> usize {
    let view = rig.engine.snapshot().unwrap();
    let (start, end) = ([kind], [kind + 1]);
    let tablet = rig.handle("tab").tablet();
    view.scan(tablet, Bound::Included(&start), Bound::Excluded(&end)).count()
}

fn collection_bytes(rig: &Rig) -> Option<u64> {
    let command = rig.command(
        Operation::DeleteItem,
        r#"{"TableName":"tab","Key":{"pk":{"S":"p"},"sk":{"N":"0"}}}"#,
    );
    let key = keys::collection_key(command.collection().expect("the table has local indexes"));
    let value = rig.engine.get(rig.handle("tab").tablet(), &key).unwrap();
    value.map(|value| collection::decode(&value).unwrap())
}

fn totals(rig: &Rig) -> Vec<IndexTotals> {
    let handle = rig.handle("tab");
    let state = rig.engine.get(handle.tablet(), &keys::state_key(handle.partition())).unwrap();
    let state = PartitionState::decode(&state.expect("a state")).unwrap();
    assert_eq!(state.local_indexes, handle.local_indexes());
    state.local_indexes
}

#[test]
fn writes_of_one_collection_in_one_entry_add_up() {
    let mut rig = rig();
    // All are under way at once: each is evaluated on what the one before left.
    let few = r#","few":{"S":"x"}"#;
    let mut answers: Vec<_> = (1..=9).map(|sk| put(&mut rig, sk, few)).collect();
    answers.push(put(&mut rig, 5, ""));
    answers.push(delete(&mut rig, 6));
    answers.push(put(&mut rig, 7, few));
    rig.settle();
    assert!(answers.iter().all(is_done));
    assert_eq!((count(&rig, 3), count(&rig, 4)), (8 + 7, 1));
    // Names and values: pk and p, sk and a digit, all and a digit; few and x.
    let (item, few) = (3 + 4 + 5, 4);
    let expected = 8 * (item + item) + 7 * (few + item + few);
    // An entry by `few` holds no `all`, but its own key.
    let expected = expected - 7 * 5;
    assert_eq!(collection_bytes(&rig), Some(expected));
    let total = |index, entries, bytes| IndexTotals { index: LocalIndexId(index), entries, bytes };
    assert_eq!(totals(&rig), [total(1, 8, 8 * item), total(2, 7, 7 * (item - 5 + few))]);
}

#[test]
fn an_emptied_collection_leaves_nothing() {
    let mut rig = rig();
    put(&mut rig, 1, "");
    rig.settle();
    assert!(collection_bytes(&rig).is_some());
    delete(&mut rig, 1);
    delete(&mut rig, 2);
    rig.settle();
    assert_eq!((count(&rig, 1), count(&rig, 3), count(&rig, 4)), (0, 0, 0));
    assert_eq!(totals(&rig), [IndexTotals { index: LocalIndexId(1), entries: 0, bytes: 0 }]);
}

#[test]
fn a_power_loss_keeps_entries_with_their_items() {
    let mut rig = rig();
    for sk in 1..=20 {
        put(&mut rig, sk, if sk % 2 == 0 { r#","few":{"S":"x"}"# } else { "" });
        rig.settle();
    }
    for seed in 0..8 {
        rig = rig.power_loss(seed);
        rig.settle();
        assert_eq!((count(&rig, 1), count(&rig, 3), count(&rig, 4)), (20, 30, 1));
        assert_eq!(totals(&rig).iter().map(|totals| totals.entries).collect::<Vec<_>>(), [20, 10]);
    }
}

// Rule: index.collection-size
#[test]
fn a_collection_at_its_limit_takes_no_more_and_gives_back() {
    let mut rig = rig();
    put(&mut rig, 1, "");
    rig.settle();
    let full = |rig: &mut Rig, operation, body: &str| {
        let command = rig.command(operation, body);
        let prefetched = rig.prefetch(&command);
        rig.submit(command, Prefetched { collection_bytes: limits::COLLECTION_BYTES, ..prefetched })
    };
    // What was read ahead is believed: nothing was written since the store was looked at.
    let mut rig = rig.power_loss(1);
    rig.settle();
    let body = r#"{"TableName":"tab","Item":{"pk":{"S":"p"},"sk":{"N":"2"}}}"#;
    let refused = full(&mut rig, Operation::PutItem, body);
    rig.settle();
    let Some(Answer::Done(Err(error))) = refused.lock().unwrap().take() else { panic!("done") };
    assert_eq!(error.code(), ErrorCode::ItemCollectionSizeLimitExceededException);
    assert_eq!(count(&rig, 1), 1);
    let body = r#"{"TableName":"tab","Key":{"pk":{"S":"p"},"sk":{"N":"1"}}}"#;
    let deleted = full(&mut rig, Operation::DeleteItem, body);
    rig.settle();
    assert!(is_done(&deleted));
    assert_eq!(count(&rig, 1), 0);
}

const FEW: &str = r#","few":{"S":"x"}"#;
const COUNT_FEW: &str = r#"{"TableName":"tab","IndexName":"by-few","Select":"COUNT"}"#;

#[test]
fn a_scan_of_a_sparse_index_ends_its_looks_and_finds_what_there_is() {
    let mut rig = rig();
    for sk in 0..4_200 {
        put_in(&mut rig, &format!("p{sk}"), sk, if sk % 2_000 == 0 { FEW } else { "" });
    }
    rig.settle();
    let (answer, looks) = rig.read_all(Operation::Scan, COUNT_FEW);
    assert_eq!((&*answer, looks), (r#"{"Count":3,"ScannedCount":3}"#, 2));
}

#[test]
fn a_large_collection_of_another_index_is_skipped() {
    let mut rig = rig();
    for sk in 0..4_200 {
        put(&mut rig, sk, if sk % 2_000 == 0 { FEW } else { "" });
    }
    rig.settle();
    let (answer, looks) = rig.read_all(Operation::Scan, COUNT_FEW);
    assert_eq!((&*answer, looks), (r#"{"Count":3,"ScannedCount":3}"#, 1));
    let body = r#"{"TableName":"tab","IndexName":"by-few","ScanIndexForward":false,"Limit":2,
        "Select":"ALL_ATTRIBUTES","KeyConditions":{"pk":
        {"ComparisonOperator":"EQ","AttributeValueList":[{"S":"p"}]}}}"#;
    let (answer, _) = rig.read_all(Operation::Query, body);
    let item = |sk, all| {
        format!(
            r#"{{"all":{{"N":"{all}"}},"few":{{"S":"x"}},"pk":{{"S":"p"}},"sk":{{"N":"{sk}"}}}}"#
        )
    };
    let expected = format!(
        r#"{{"Count":2,"ScannedCount":2,"Items":[{},{}],"LastEvaluatedKey":{{"few":{{"S":"x"}},"pk":{{"S":"p"}},"sk":{{"N":"2000"}}}}}}"#,
        item(4_000, 4_000 % 7 + 1),
        item(2_000, 2_000 % 7 + 1)
    );
    assert_eq!(answer, expected);
}
