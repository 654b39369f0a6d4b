//! Reads in a cluster: the answer is that of a single node.

use proptest::prelude::*;
use stator_operation::{ItemWork, Operation, ReadCommand};

use crate::cluster::{Cluster, Dice};

fn key(at: u8) -> String {
    format!(r#""pk":{{"S":"k{}"}},"sk":{{"S":"s{}"}}"#, at % 5, at / 5)
}

/// An operation and a body.
fn any_read() -> impl Strategy<Value = (Operation, String)> {
    let consistent = any::<bool>().prop_map(|yes| format!(r#""ConsistentRead":{yes}"#));
    let limit = prop::option::of(1..12_u8)
        .prop_map(|limit| limit.map(|limit| format!(r#","Limit":{limit}"#)).unwrap_or_default());
    let start = prop::option::of(0..40_u8).prop_map(|at| {
        at.map(|at| format!(r#","ExclusiveStartKey":{{{}}}"#, key(at))).unwrap_or_default()
    });
    let get = (consistent.clone(), 0..40_u8).prop_map(|(consistent, at)| {
        (Operation::GetItem, format!(r#"{{"TableName":"ttt","Key":{{{}}},{consistent}}}"#, key(at)))
    });
    let batch = (consistent.clone(), prop::collection::btree_set(0..40_u8, 1..12)).prop_map(
        |(consistent, keys)| {
            let keys: Vec<_> = keys.into_iter().map(|at| format!("{{{}}}", key(at))).collect();
            let keys = keys.join(",");
            let body = format!(r#"{{"RequestItems":{{"ttt":{{"Keys":[{keys}],{consistent}}}}}}}"#);
            (Operation::BatchGetItem, body)
        },
    );
    let scan = (consistent.clone(), limit.clone(), start).prop_map(|(consistent, limit, start)| {
        let filter =
            r#","FilterExpression":"n < :n","ExpressionAttributeValues":{":n":{"N":"30"}}"#;
        let body = format!(r#"{{"TableName":"ttt",{consistent}{limit}{start}{filter}}}"#);
        (Operation::Scan, body)
    });
    let query = (consistent, limit, 0..5_u8, any::<bool>()).prop_map(
        |(consistent, limit, pk, forward)| {
            let body = format!(
                r#"{{"TableName":"ttt",{consistent}{limit},"KeyConditionExpression":"pk = :p","ScanIndexForward":{forward},
                    "ExpressionAttributeValues":{{":p":{{"S":"k{pk}"}}}},"ReturnConsumedCapacity":"TOTAL"}}"#
            );
            (Operation::Query, body)
        },
    );
    prop_oneof![1 => get, 1 => batch, 2 => scan, 2 => query]
}

fn command(cluster: &Cluster, operation: Operation, body: &str) -> ReadCommand {
    match cluster.validate(operation, body) {
        ItemWork::Read(command) => command,
        ItemWork::Write(_) | ItemWork::Batch(_) => panic!("{body}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_page_is_that_of_a_single_node(
        rolls in prop::collection::vec(any::<u8>(), 0..200),
        items in prop::collection::btree_set(0..40_u8, 0..40),
        reads in prop::collection::vec(any_read(), 1..5),
    ) {
        let mut cluster = Cluster::new(Dice::new(rolls), false);
        for at in items {
            let body = format!(r#"{{"TableName":"ttt","Item":{{{},"n":{{"N":"{at}"}}}}}}"#, key(at));
            let ItemWork::Write(put) = cluster.validate(Operation::PutItem, &body) else {
                panic!("a write");
            };
            drop(cluster.apply(&put));
        }
        for (operation, body) in reads {
            let alone = cluster.read_alone(command(&cluster, operation, &body));
            let reply = cluster.read(command(&cluster, operation, &body));
            let reply = reply.map(|reply| reply.to_body());
            prop_assert_eq!(reply, Ok(alone.to_body()), "{}", body);
        }
    }
}
