//! Records as they lie on disk or go between nodes.

use std::num::NonZeroU32;

use bytes::Bytes;
use stator_catalog::{Catalog, Change, Command};
use stator_model::{
    DescriptionVersion, Epoch, NodeId, PartitionId, ReplicaId, Timestamp, UnixMillis,
};
use stator_operation::{Operation, Request, ServiceInfo};
use stator_replica::WriteSet;
use stator_store::{PartitionState, collection, keys};

/// A key, a state or a size: the first byte says which.
pub(crate) fn store(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 3 {
        0 => {
            if let Ok(keys::Key::CatalogRecord(record)) = keys::Key::parse(bytes) {
                assert_eq!(keys::catalog_key(&record), bytes);
            }
        }
        1 => {
            if let Ok(state) = PartitionState::decode(bytes) {
                let encoded = state.encode();
                let again =
                    PartitionState::decode(&encoded).expect("what was encoded is well-formed");
                assert_eq!(again, state);
            }
        }
        _ => {
            if let Ok(size) = collection::decode(bytes) {
                assert_eq!(collection::encode(size), bytes);
            }
        }
    }
}

/// The data of a Raft entry.
pub(crate) fn write_set(input: &[u8]) {
    let Ok(set) = WriteSet::decode_entry(&Bytes::copy_from_slice(input)) else { return };
    let again =
        WriteSet::decode_entry(&set.encode_entry()).expect("what was encoded is well-formed");
    assert_eq!(again, set);
}

/// Records of a catalog: of each the lengths of key (1 byte) and value (2 bytes), then key and value. A
/// key whose length has the upper bit set has no value.
pub(crate) fn catalog(input: &[u8]) {
    let mut records = Vec::new();
    let mut rest = input;
    while let [key, high, low, after @ ..] = rest {
        let (length, has_value) = (usize::from(key & 0x7f), key & 0x80 == 0);
        let value = usize::from(u16::from_be_bytes([*high, *low]));
        let (key, after) = after.split_at(length.min(after.len()));
        let (value, after) = after.split_at(value.min(after.len()));
        rest = after;
        check_change(key, has_value.then_some(value));
        records.push((key, value));
    }
    if let Ok(catalog) = Catalog::load(records) {
        let reload = catalog.tables().map(|table| Change::PutTable(table.clone()).encode());
        assert!(reload.into_iter().all(|(_, value)| value.is_some()));
        for partition in catalog.partitions() {
            assert!(catalog.table(&partition.table).is_some(), "a partition is of a table");
        }
    }
}

fn check_change(key: &[u8], value: Option<&[u8]>) {
    let Ok(change) = Change::decode(key, value) else { return };
    let (again_key, again_value) = change.encode();
    assert_eq!(again_key, key, "a record has one key");
    let again = Change::decode(&again_key, again_value.as_deref());
    assert_eq!(again.expect("what was encoded is well-formed"), change);
}

pub(crate) fn store_seeds() -> Vec<Vec<u8>> {
    let state = PartitionState::blank(vec![ReplicaId::new(1), ReplicaId::new(7)]).encode();
    let partition = PartitionId::new(3);
    vec![
        [&[1], &state[..]].concat(),
        [&[0], &keys::state_key(partition)[..]].concat(),
        [&[0], &keys::counter_key(partition, b"name")[..]].concat(),
        [&[0], &keys::catalog_key(b"record")[..]].concat(),
        [&[0], &keys::collection_key(b"collection")[..]].concat(),
        [&[2], &collection::encode(1 << 40)[..]].concat(),
    ]
}

pub(crate) fn write_set_seeds() -> Vec<Vec<u8>> {
    let mut set = WriteSet::new(Epoch::new(3), DescriptionVersion::new(2));
    let empty = set.encode_entry();
    set.raise(Timestamp::from_bits(0x0102_0304_0506_0708));
    (set.items, set.bytes) = (7, 900);
    set.push(Bytes::from_static(b"key"), Some(Bytes::from_static(b"value")));
    set.push(Bytes::from_static(b"gone"), None);
    vec![empty.to_vec(), set.encode_entry().to_vec()]
}

/// A catalog with two tables, whole and record by record.
pub(crate) fn catalog_seeds() -> Vec<Vec<u8>> {
    let mut catalog = Catalog::default();
    let mut changes = Catalog::form([7; 16], NodeId::new(1), ReplicaId::new(1));
    changes.iter().for_each(|change| catalog.apply(change));
    for (number, command) in tables().enumerate() {
        let Ok(decision) = catalog.decide(&command, UnixMillis(1_700_000_000_123 + number as u64))
        else {
            continue;
        };
        decision.changes.iter().for_each(|change| catalog.apply(change));
        changes.extend(decision.changes);
    }
    let records: Vec<Vec<u8>> = changes.iter().map(framed).collect();
    records.iter().cloned().chain([records.concat()]).collect()
}

fn tables() -> impl Iterator<Item = Command> {
    let bodies: [&[u8]; 2] = [
        br#"{"TableName":"music","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#,
        br#"{"TableName":"other","ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":7},"Tags":[{"Key":"k","Value":"v"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"},{"AttributeName":"sk","AttributeType":"B"},{"AttributeName":"at","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"LocalSecondaryIndexes":[{"IndexName":"all","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]}"#,
    ];
    let service = ServiceInfo { region: "region".to_owned(), account: "000000000000".to_owned() };
    (1_u8..).zip(bodies).filter_map(move |(number, body)| {
        match Request::parse(Operation::CreateTable, body) {
            Ok(Request::CreateTable(input)) => {
                input.validate(&service, [number; 32], NonZeroU32::MIN).ok()
            }
            Ok(_) | Err(_) => None,
        }
    })
}

/// A record as [`catalog`] reads it.
fn framed(change: &Change) -> Vec<u8> {
    let (key, value) = change.encode();
    let value = value.unwrap_or_default();
    let lengths = (u8::try_from(key.len()), u16::try_from(value.len()));
    let (Ok(of_key), Ok(of_value)) = lengths else { return Vec::new() };
    [&[of_key], &of_value.to_be_bytes()[..], &key, &value].concat()
}
