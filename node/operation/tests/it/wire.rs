//! Bytes of another node: those that were sent always, and those that nobody should send.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use stator_model::rules::ValueRule;
use stator_model::value::SetError;
use stator_model::{
    AttributeValue, Item, ItemView as _, KeyRange, NodeId, SharedItem, binary, to_item,
};
use stator_operation::read::{Found, Part, Place, Room, Row, Rows, Source};
use stator_operation::wire::{
    Error, NotDone, ReadAnswer, Request, Work, WriteAnswer, read_request, write_request,
};
use stator_operation::{Current, ItemCommand, ItemWork, Operation, ServiceInfo, Written};
use stator_protocol::{ApiError, ErrorCode};

use crate::world::World;

const TIME: Duration = Duration::from_micros(300);

/// A server with the tables `t` (`pk`, a string) and `i` (`pk` and `sk`, strings), which has the local
/// index `by_mark` (`mark`, a number).
fn world() -> World {
    let mut world = World::new();
    let attribute =
        |name: &str, of: &str| format!(r#"{{"AttributeName":"{name}","AttributeType":"{of}"}}"#);
    let key =
        |name: &str, role: &str| format!(r#"{{"AttributeName":"{name}","KeyType":"{role}"}}"#);
    let table = format!(
        r#"{{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{}],"KeySchema":[{}]}}"#,
        attribute("pk", "S"),
        key("pk", "HASH")
    );
    let indexed = format!(
        r#"{{"TableName":"iii","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{},{},{}],
            "KeySchema":[{},{}],"LocalSecondaryIndexes":[{{"IndexName":"by_mark","KeySchema":[{},{}],
            "Projection":{{"ProjectionType":"KEYS_ONLY"}}}}]}}"#,
        attribute("pk", "S"),
        attribute("sk", "S"),
        attribute("mark", "N"),
        key("pk", "HASH"),
        key("sk", "RANGE"),
        key("pk", "HASH"),
        key("mark", "RANGE"),
    );
    for (name, body) in [("ttt", table), ("iii", indexed)] {
        let (status, answer) = world.answer("CreateTable", body.as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        world.activate(name);
    }
    world
}

fn work(world: &World, operation: Operation, body: &str) -> ItemWork {
    let service = ServiceInfo { region: "test-region-1".to_owned(), account: "0".repeat(12) };
    match stator_operation::Request::parse(operation, body.as_bytes()) {
        Ok(stator_operation::Request::Items(request)) => request
            .validate(world.catalog(), &service)
            .unwrap_or_else(|error| panic!("{body}: {error}")),
        other => panic!("{body}: {other:?}"),
    }
}

fn command(world: &World, operation: Operation, body: &str) -> ItemCommand {
    let ItemWork::Write(command) = work(world, operation, body) else { panic!("{body}") };
    *command
}

fn part(world: &World, operation: Operation, body: &str) -> Part {
    let ItemWork::Read(command) = work(world, operation, body) else { panic!("{body}") };
    command.next().expect("a part")
}

const PUT: &str = r#"{"TableName":"ttt","Item":{"pk":{"S":"k"},"n":{"N":"1"}},"ReturnValues":"ALL_OLD",
    "ConditionExpression":"n = :n","ExpressionAttributeValues":{":n":{"N":"1"}},
    "ReturnValuesOnConditionCheckFailure":"ALL_OLD","ReturnConsumedCapacity":"TOTAL"}"#;
const UPDATE: &str = r#"{"TableName":"iii","Key":{"pk":{"S":"k"},"sk":{"S":"s"}},"ReturnValues":"UPDATED_NEW",
    "UpdateExpression":"ADD mark :n","ExpressionAttributeValues":{":n":{"N":"1"}},
    "ReturnItemCollectionMetrics":"SIZE","ReturnConsumedCapacity":"INDEXES"}"#;
const DELETE: &str = r#"{"TableName":"ttt","Key":{"pk":{"S":"k"}}}"#;
const GET: &str = r#"{"TableName":"ttt","Key":{"pk":{"S":"k"}},"ConsistentRead":true}"#;
const QUERY: &str = r#"{"TableName":"iii","IndexName":"by_mark","KeyConditionExpression":"pk = :p",
    "ExpressionAttributeValues":{":p":{"S":"k"}},"ScanIndexForward":false,"Limit":3,
    "Select":"ALL_ATTRIBUTES"}"#;
const SCAN: &str = r#"{"TableName":"ttt"}"#;

/// Every kind of request, as bytes.
fn requests(world: &World) -> Vec<Bytes> {
    let write = |operation, body| write_request(&command(world, operation, body), TIME);
    let read = |operation, body| read_request(&part(world, operation, body), TIME);
    vec![
        write(Operation::PutItem, PUT),
        write(Operation::UpdateItem, UPDATE),
        write(Operation::DeleteItem, DELETE),
        read(Operation::GetItem, GET),
        read(Operation::Query, QUERY),
        read(Operation::Scan, SCAN),
    ]
}

fn item(n: &str) -> Item {
    let pairs = [
        ("pk", AttributeValue::S("k".to_owned())),
        ("n", AttributeValue::N(n.parse().expect("as it should be"))),
    ];
    Item::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)).into())
        .expect("as it should be")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Without what another secret or id would change: the table's id and hashes.
fn without_chance(bytes: &[u8], world: &World) -> String {
    let mut text = hex(bytes);
    for name in ["ttt", "iii"] {
        let table = world.catalog().table_by_name(name).expect("as it should be");
        text = text.replace(&hex(table.id.as_bytes()), name);
        let mut place = Vec::new();
        stator_model::KeyValue::S("k".to_owned()).encode_partition(&table.hash_secret, &mut place);
        text = text.replace(&hex(place.first_chunk::<8>().expect("a hash")), "hash");
    }
    text
}

#[test]
fn the_bytes_of_requests_never_change() {
    let world = world();
    let golden = [
        "0108ac0212440a10ttt10011a03747474200132080a016e12030201013a090a070100000200040040014a100a0c02016e02010102706b01016b1001",
        "0108ac0212450a10iii10011a0369696920022801320b0a046d61726b120302010152190a0d0202706b01016b02736b01017312060a04090000002004",
        "0108ac02122a0a10ttt10011a0374747432005a0d0a0bhash6b0001",
        "0108ac021a210a10ttt10011a0bhash6b0001",
        "0108ac021a400a10iii222c0a0408011001121c0a0chash6b000101120chash6b0001021801200328808040",
        "0108ac021a250a10ttt2211120020ffffffffffffffffff0128808040",
    ];
    let bytes: Vec<_> =
        requests(&world).iter().map(|bytes| without_chance(bytes, &world)).collect();
    assert_eq!(bytes, golden);
    for bytes in requests(&world) {
        assert_eq!(
            Request::decode(bytes, world.catalog()).expect("as it should be").remaining,
            TIME
        );
    }
}

#[test]
fn the_bytes_of_answers_never_change() {
    let world = world();
    let put = command(&world, Operation::PutItem, PUT);
    let update = command(&world, Operation::UpdateItem, UPDATE);
    let before: SharedItem = Arc::new(item("1"));
    let evaluate = |command: &ItemCommand, item: Option<SharedItem>| {
        WriteAnswer::Done(command.evaluate(Current { item, collection_bytes: 7 }).reply)
    };
    let refused = evaluate(&put, Some(Arc::new(item("2"))));
    let rows = Rows {
        rows: vec![Row { item: Arc::clone(&before), behind: None }],
        unseen: Some(KeyRange { start: Bytes::from_static(b"x"), end: None }),
    };
    let answers = [
        evaluate(&put, Some(Arc::clone(&before))).encode(),
        evaluate(&update, None).encode(),
        refused.encode(),
        WriteAnswer::NotDone(NotDone::NotLeader(Some(NodeId::new(3)))).encode(),
        WriteAnswer::NotDone(NotDone::Unknown).encode(),
        ReadAnswer::Found(Found::Item(Some(before))).encode(),
        ReadAnswer::Found(Found::Item(None)).encode(),
        ReadAnswer::Found(Found::Rows(rows)).encode(),
        ReadAnswer::NotServing(None).encode(),
        ReadAnswer::Failed(ApiError::unparsable()).encode(),
    ];
    let golden = [
        "010a100a0c02016e02010102706b01016b1002",
        "010a1c0a0901046d61726b02010110021a0b0a0762795f6d61726b1002201f",
        "011230080c121e54686520636f6e646974696f6e616c2072657175657374206661696c65641a0c02016e02010202706b01016b",
        "011a0408021003",
        "011a020805",
        "010a0e0a0c02016e02010102706b01016b",
        "010a00",
        "0112150a0e0a0c02016e02010102706b01016b12030a0178",
        "011a00",
        "0122020802",
    ];
    assert_eq!(answers.map(|bytes| hex(&bytes)).to_vec(), golden);
}

fn body(answer: &WriteAnswer) -> Vec<u8> {
    match answer {
        WriteAnswer::Done(Ok(written)) => {
            stator_operation::Reply::Written(written.clone()).to_body()
        }
        WriteAnswer::Done(Err(error)) => error.to_body(),
        WriteAnswer::NotDone(reason) => format!("{reason:?}").into_bytes(),
    }
}

#[test]
fn every_reason_comes_back() {
    let world = world();
    let delete = command(&world, Operation::DeleteItem, DELETE);
    for reason in [
        NotDone::Stale,
        NotDone::NotLeader(None),
        NotDone::NotLeader(Some(NodeId::new(u64::MAX))),
        NotDone::Busy,
        NotDone::Throttled,
        NotDone::Unknown,
    ] {
        let answer = WriteAnswer::NotDone(reason);
        let sent = WriteAnswer::decode(answer.encode(), &delete).expect("as it should be");
        assert_eq!(body(&sent), body(&answer));
    }
    let part = part(&world, Operation::GetItem, GET);
    let leader = Some(NodeId::new(9));
    let sent = ReadAnswer::decode(ReadAnswer::NotServing(leader).encode(), &part);
    assert!(matches!(sent, Ok(ReadAnswer::NotServing(at)) if at == leader));
    let sent = ReadAnswer::decode(ReadAnswer::Failed(ApiError::internal()).encode(), &part);
    assert!(matches!(sent, Ok(ReadAnswer::Failed(error)) if error == ApiError::internal()));
}

#[test]
fn a_table_that_is_not_known_here_in_that_version_is_stale() {
    let (here, elsewhere) = (world(), World::new());
    for bytes in requests(&here) {
        let error = Request::decode(bytes, elsewhere.catalog()).expect_err("refused");
        assert!(matches!(error, Error::Stale(_)), "{error}");
    }
}

#[test]
fn versions_and_things_that_are_no_message_are_refused() {
    let world = world();
    let decode = |bytes: &[u8]| {
        Request::decode(Bytes::copy_from_slice(bytes), world.catalog()).map(|it| it.remaining)
    };
    assert_eq!(decode(&[]), Err(Error::Empty));
    assert_eq!(decode(&[2, 8, 1]), Err(Error::Version(2)));
    assert_eq!(decode(&[1]), Err(Error::Field("work")));
    assert!(matches!(decode(&[1, 0xff]), Err(Error::Malformed(_))));
    // A write and a part of a read without anything in them.
    assert_eq!(decode(&[1, 18, 0]), Err(Error::Field("table")));
    assert_eq!(decode(&[1, 26, 0]), Err(Error::Field("table")));
    // However long another node wants to wait.
    let scan = part(&world, Operation::Scan, SCAN);
    let long = read_request(&scan, Duration::MAX);
    assert_eq!(decode(&long), Ok(Duration::from_secs(60)));
}

/// The error of a request in whose bytes `from`, which is there once, is replaced.
#[track_caller]
fn refused_with(world: &World, bytes: &Bytes, from: &[u8], to: &[u8]) -> Error {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    let [at] = places[..] else { panic!("{places:?}") };
    let mut bytes = bytes.to_vec();
    bytes.splice(at..at + from.len(), to.iter().copied());
    Request::decode(bytes.into(), world.catalog()).expect_err("a bad request")
}

#[test]
fn commands_that_no_edge_would_make_are_refused() {
    let world = world();
    let put = write_request(&command(&world, Operation::PutItem, PUT), TIME);
    // The item: another name for the key, no name, the key as a number.
    let key = [2, b'p', b'k', 1, 1, b'k'];
    let error = refused_with(&world, &put, &key, &[2, b'p', b'l', 1, 1, b'k']);
    assert_eq!(error, Error::Refused(ErrorCode::ValidationException));
    let error = refused_with(&world, &put, &key, &[2, b'p', b'k', 2, 1, b'k']);
    assert_eq!(error, Error::Refused(ErrorCode::ValidationException));
    let error = refused_with(&world, &put, &key, &[2, b'p', b'k', 9, 1, b'k']);
    assert!(matches!(error, Error::Attributes { field: "item", .. }), "{error}");
    let error =
        refused_with(&world, &put, &[1, b'n', 2, 1, 1, 2, b'p'], &[1, b'n', 2, 1, 1, 2, b'a']);
    assert!(matches!(error, Error::Attributes { .. }), "{error}");
    // What the table is called.
    let error = refused_with(&world, &put, b"ttt", b"t/t");
    assert_eq!(error, Error::Refused(ErrorCode::ValidationException));

    let delete = command(&world, Operation::DeleteItem, DELETE);
    let bytes = write_request(&delete, TIME);
    // The hash is not that of the key; the key does not end.
    let hash = &delete.location().as_bytes()[..8];
    let mut other = hash.to_vec();
    other[0] ^= 1;
    assert_eq!(refused_with(&world, &bytes, hash, &other), Error::Field("location"));
    assert_eq!(
        refused_with(&world, &bytes, &[b'k', 0, 1], &[b'k', 0, 2]),
        Error::Field("location")
    );

    // A member twice; an item that is too large.
    let set = r#"{"TableName":"ttt","Item":{"pk":{"S":"k"},"s":{"SS":["a","b"]}}}"#;
    let put = write_request(&command(&world, Operation::PutItem, set), TIME);
    let error = refused_with(&world, &put, &[7, 2, 1, b'a', 1, b'b'], &[7, 2, 1, b'a', 1, b'a']);
    let twice = ValueRule::Set(SetError::Duplicate);
    assert_eq!(error, Error::Rule { field: "item", source: twice });
    let error =
        Request::decode(put_of(&world, &large(409_600)), world.catalog()).expect_err("refused");
    assert_eq!(error, Error::Field("size of the item"));
    assert!(Request::decode(put_of(&world, &large(409_600 - 4)), world.catalog()).is_ok());
}

/// An item with a text of so many bytes, and 4 bytes besides.
fn large(bytes: usize) -> Item {
    let mut large = item("1");
    large.remove("n");
    large.insert("s".to_owned(), AttributeValue::S("x".repeat(bytes)));
    large
}

/// A request to put this item into `ttt`, whatever it is.
fn put_of(world: &World, item: &Item) -> Bytes {
    let field = |tag: u8, content: &[u8]| {
        let mut bytes = vec![(tag << 3) | 2];
        binary::put_blob(content, &mut bytes);
        bytes
    };
    let table = world.catalog().table_by_name("ttt").expect("as it should be");
    let mut attributes = Vec::new();
    item.put_binary(&mut attributes);
    let write = [
        field(1, table.id.as_bytes()),
        vec![2 << 3, u8::try_from(table.version.get()).expect("as it should be")],
        field(3, b"ttt"),
        field(6, &[]),
        field(9, &field(1, &attributes)),
    ];
    [vec![1], field(2, &write.concat())].concat().into()
}

#[test]
fn parts_that_no_edge_would_ask_for_are_refused() {
    let world = world();
    let scan = part(&world, Operation::Scan, SCAN);
    let query = part(&world, Operation::Query, QUERY);
    let refused = |part: &Part| {
        Request::decode(read_request(part, TIME), world.catalog()).expect_err("a bad part")
    };
    let with = |part: &Part, change: &dyn Fn(&mut stator_operation::read::Walk)| {
        let mut part = part.clone();
        match &mut part.place {
            Place::Range(walk) => change(walk),
            Place::Item(_) => panic!("a range"),
        }
        part
    };
    assert_eq!(
        refused(&with(&scan, &|walk| walk.room = Room::new(1, (1 << 20) + 1))),
        Error::Field("room")
    );
    assert_eq!(refused(&with(&scan, &|walk| walk.room = Room::new(0, 1))), Error::Field("room"));
    let empty = KeyRange { start: Bytes::from_static(b"b"), end: Some(Bytes::from_static(b"b")) };
    assert_eq!(refused(&with(&scan, &|walk| walk.range = empty.clone())), Error::Field("range"));
    let none = with(&query, &|walk| match &mut walk.source {
        Source::LocalIndex(source) => source.index.0 += 1,
        Source::Items => panic!("an index"),
    });
    assert_eq!(refused(&none), Error::Field("index"));
    let mut of_table = query.clone();
    of_table.table = scan.table;
    assert_eq!(refused(&of_table), Error::Field("index"));
    let mut get = part(&world, Operation::GetItem, GET);
    get.table = query.table;
    assert_eq!(refused(&get), Error::Field("location"));
}

fn written(command: &ItemCommand, item: Option<Item>) -> Result<Written, ApiError> {
    let item = item.map(|item| Arc::new(item) as SharedItem);
    command.evaluate(Current { item, collection_bytes: 0 }).reply
}

#[test]
fn an_answer_says_no_more_than_was_asked() {
    let world = world();
    let put = command(&world, Operation::PutItem, PUT);
    let update = command(&world, Operation::UpdateItem, UPDATE);
    let delete = command(&world, Operation::DeleteItem, DELETE);
    let decode = |answer: Result<Written, ApiError>, command: &ItemCommand| {
        WriteAnswer::decode(WriteAnswer::Done(answer).encode(), command).map(|answer| body(&answer))
    };
    assert_eq!(decode(written(&put, Some(item("1"))), &delete), Err(Error::Field("attributes")));
    assert_eq!(decode(written(&put, Some(item("2"))), &delete), Err(Error::Field("item")));
    assert_eq!(decode(written(&update, None), &put), Err(Error::Field("index")));
    assert_eq!(decode(written(&delete, None), &update), Err(Error::Field("collection")));
    assert!(decode(written(&delete, None), &put).is_ok());
}

#[test]
fn what_was_found_fits_the_part() {
    let world = world();
    let get = part(&world, Operation::GetItem, GET);
    let scan = part(&world, Operation::Scan, r#"{"TableName":"ttt","Limit":2}"#);
    let query = part(&world, Operation::Query, QUERY);
    let row = |behind: bool| {
        let item = Arc::new(item("1")) as SharedItem;
        Row { behind: behind.then(|| Arc::clone(&item)), item }
    };
    let rows = |rows: Vec<Row>, unseen: Option<KeyRange>| Found::Rows(Rows { rows, unseen });
    let decode = |found: Found, part: &Part| match ReadAnswer::decode(
        ReadAnswer::Found(found).encode(),
        part,
    ) {
        Ok(ReadAnswer::Found(Found::Item(found))) => Ok(usize::from(found.is_some())),
        Ok(ReadAnswer::Found(Found::Rows(found))) => Ok(found.rows.len()),
        Ok(ReadAnswer::NotServing(_) | ReadAnswer::Failed(_)) => panic!("another answer"),
        Err(error) => Err(error),
    };
    assert_eq!(decode(Found::Item(Some(row(false).item)), &get), Ok(1));
    assert_eq!(decode(Found::Item(None), &scan), Err(Error::Field("answer")));
    assert_eq!(decode(rows(vec![], None), &get), Err(Error::Field("answer")));
    assert_eq!(decode(rows(vec![row(false); 2], None), &scan), Ok(2));
    assert_eq!(decode(rows(vec![row(false); 3], None), &scan), Err(Error::Field("row")));
    assert_eq!(decode(rows(vec![row(true)], None), &scan), Err(Error::Field("row")));
    assert_eq!(decode(rows(vec![row(true)], None), &query), Ok(1));
    assert_eq!(decode(rows(vec![row(false)], None), &query), Err(Error::Field("row")));
    // The rest must be a rest.
    let from =
        |start: &'static [u8]| Some(KeyRange { start: Bytes::from_static(start), end: None });
    assert_eq!(decode(rows(vec![], from(b"x")), &scan), Ok(0));
    assert_eq!(decode(rows(vec![], from(b"")), &scan), Err(Error::Field("unseen")));
    let Place::Range(walk) = &query.place else { panic!("a range") };
    let unseen = |end: &[u8]| {
        let range =
            KeyRange { start: walk.range.start.clone(), end: Some(Bytes::copy_from_slice(end)) };
        decode(rows(vec![], Some(range)), &query)
    };
    let all = walk.range.end.clone().expect("an end");
    assert_eq!(unseen(&all), Err(Error::Field("unseen")));
    assert_eq!(unseen(&[&walk.range.start[..], &[7]].concat()), Ok(0));
}

#[test]
fn what_was_found_is_what_was_sent() {
    let world = world();
    let get = part(&world, Operation::GetItem, GET);
    let found = ReadAnswer::Found(Found::Item(Some(Arc::new(item("-1.5")))));
    match ReadAnswer::decode(found.encode(), &get) {
        Ok(ReadAnswer::Found(Found::Item(Some(sent)))) => {
            assert_eq!((to_item(sent.as_ref()), sent.size()), (item("-1.5"), item("-1.5").size()));
        }
        Ok(_) => panic!("another answer"),
        Err(error) => panic!("{error}"),
    }
    let mut broken = found.encode().to_vec();
    *broken.last_mut().expect("as it should be") ^= 0x80;
    let error = ReadAnswer::decode(broken.into(), &get).err().expect("no item");
    assert!(matches!(error, Error::Attributes { field: "item", .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn bytes_with_an_error_are_refused_or_are_another_request(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let world = world();
        let requests = requests(&world);
        let mut bytes = which.get(&requests).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        match Request::decode(bytes.into(), world.catalog()).map(|request| request.work) {
            Ok(Work::Write(command)) => {
                drop(command.evaluate(Current::default()));
                // What can be read is as good as what an edge makes: it is sent on as the same.
                let again = write_request(&command, TIME);
                prop_assert!(Request::decode(again, world.catalog()).is_ok());
            }
            Ok(Work::Read(part)) => {
                let again = Request::decode(read_request(&part, TIME), world.catalog());
                match again.map(|request| request.work) {
                    Ok(Work::Read(again)) => prop_assert_eq!(again, part),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            Err(_) => {}
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_none(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        kind in 0..5_u8,
    ) {
        let world = world();
        let bytes: Bytes = [vec![1, (kind << 3) | 2, u8::try_from(bytes.len()).expect("as it should be")], bytes].concat().into();
        let put = command(&world, Operation::PutItem, PUT);
        if let Ok(answer) = WriteAnswer::decode(bytes.clone(), &put) {
            body(&answer);
        }
        for part in [part(&world, Operation::GetItem, GET), part(&world, Operation::Query, QUERY)] {
            drop(ReadAnswer::decode(bytes.clone(), &part));
        }
        drop(Request::decode(bytes, world.catalog()));
    }
}
