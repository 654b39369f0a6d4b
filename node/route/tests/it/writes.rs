//! Writes in a cluster: each is made once, or it is said that nobody knows.

use proptest::prelude::*;
use stator_operation::{ItemWork, Operation, Reply};
use stator_protocol::ErrorCode;

use crate::cluster::{Cluster, Dice};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_write_is_made_once_or_nobody_knows(
        rolls in prop::collection::vec(any::<u8>(), 0..200),
        keys in prop::collection::vec(0..20_u8, 1..8),
        is_split in any::<bool>(),
    ) {
        let mut cluster = Cluster::new(Dice::new(rolls), is_split);
        let mut counts = [(0_u32, 0_u32); 20];
        for key in keys {
            let body = format!(
                r#"{{"TableName":"ttt","Key":{{"pk":{{"S":"k{key}"}},"sk":{{"S":"s"}}}},
                    "UpdateExpression":"ADD n :n","ExpressionAttributeValues":{{":n":{{"N":"1"}}}},
                    "ReturnValues":"UPDATED_NEW"}}"#
            );
            let ItemWork::Write(command) = cluster.validate(Operation::UpdateItem, &body) else {
                panic!("a write");
            };
            let (applied, lost) = (cluster.applied, cluster.lost);
            let result = cluster.write(command);
            let (applied, lost) = (cluster.applied - applied, cluster.lost - lost);
            let (least, most) = &mut counts[usize::from(key)];
            *most += applied;
            match result {
                Ok(written) => {
                    prop_assert_eq!((applied, lost), (1, 0));
                    *least += 1;
                    let body = String::from_utf8(Reply::Written(written).to_body()).unwrap();
                    let expected = format!(r#"{{"Attributes":{{"n":{{"N":"{most}"}}}}}}"#);
                    prop_assert_eq!(body, expected);
                }
                Err(error) => {
                    prop_assert_eq!(error.code(), ErrorCode::InternalServerError);
                    prop_assert!(applied <= 1 && lost == 1);
                }
            }
            prop_assert!(*least <= *most);
        }
    }
}
