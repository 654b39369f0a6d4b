//! Refusals: the error's name and text are those of the service, to the letter.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, StreamSpecification, TransactWriteItem,
};
use stator_e2e::client::{KeyAttribute, client, create_table, make_table};
use stator_e2e::site::Site;

const PK: KeyAttribute = KeyAttribute::new("pk", 'S');
const SK: KeyAttribute = KeyAttribute::new("sk", 'B');

/// Fails unless the answer is this error with this text.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug, E>(
    answer: Result<T, SdkError<E>>,
    code: &str,
    message: &str,
) where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let error = answer.expect_err("this must be refused");
    assert_eq!((error.code(), error.message()), (Some(code), Some(message)), "{error:?}");
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

#[tokio::test]
async fn tables_that_are_missing_or_there_already() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    let not_found = "ResourceNotFoundException";
    assert_refused(
        client.put_item().table_name("Nowhere").item("pk", s("k")).send().await,
        not_found,
        "Requested resource not found",
    );
    assert_refused(
        client.get_item().table_name("Nowhere").key("pk", s("k")).send().await,
        not_found,
        "Requested resource not found",
    );
    assert_refused(
        client.describe_table().table_name("Nowhere").send().await,
        not_found,
        "Requested resource not found: Table: Nowhere not found",
    );
    assert_refused(
        client.delete_table().table_name("Nowhere").send().await,
        not_found,
        "Requested resource not found: Table: Nowhere not found",
    );
    make_table(&client, "Here", PK, None).await;
    assert_refused(
        create_table(&client, "Here", PK, None).await,
        "ResourceInUseException",
        "Table already exists: Here",
    );
    site.assert_quiet();
}

#[tokio::test]
async fn names_that_no_table_can_have() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    let long = "x".repeat(256);
    for (name, rule) in [
        ("ab", "Member must have length greater than or equal to 3"),
        (long.as_str(), "Member must have length less than or equal to 255"),
        ("a b c", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ] {
        assert_refused(
            create_table(&client, name, PK, None).await,
            "ValidationException",
            &format!(
                "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy \
                 constraint: {rule}"
            ),
        );
    }
    site.assert_quiet();
}

/// One refused PutItem: what it is, the attributes sent, the text.
type Case = (&'static str, Vec<(&'static str, AttributeValue)>, String);

#[tokio::test]
async fn items_that_cannot_be_stored() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Strict", PK, Some(SK)).await;
    for (what, attributes, message) in key_cases().into_iter().chain(value_cases()) {
        let mut request = client.put_item().table_name("Strict");
        for (name, value) in attributes {
            request = request.item(name, value);
        }
        let error = request.send().await.expect_err(what);
        let answered = (error.code(), error.message());
        assert_eq!(answered, (Some("ValidationException"), Some(message.as_str())), "{what}");
    }
    site.assert_quiet();
}

fn b(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

fn key_cases() -> Vec<Case> {
    let one = |text: &str| format!("One or more parameter values were invalid: {text}");
    let empty = |kind: &str, key: &str| {
        format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {key}"
        )
    };
    vec![
        ("no partition key", vec![("sk", b(b"k"))], one("Missing the key pk in the item")),
        ("no sort key", vec![("pk", s("k"))], one("Missing the key sk in the item")),
        (
            "partition key of another type",
            vec![("pk", n("1")), ("sk", b(b"k"))],
            one("Type mismatch for key pk expected: S actual: N"),
        ),
        (
            "sort key of another type",
            vec![("pk", s("k")), ("sk", s("k"))],
            one("Type mismatch for key sk expected: B actual: S"),
        ),
        ("empty partition key", vec![("pk", s("")), ("sk", b(b"k"))], empty("string", "pk")),
        ("empty sort key", vec![("pk", s("k")), ("sk", b(b""))], empty("binary", "sk")),
        (
            "partition key too long",
            vec![("pk", s(&"k".repeat(2049))), ("sk", b(b"k"))],
            one("Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ),
        (
            "sort key too long",
            vec![("pk", s("k")), ("sk", b(&[1; 1025]))],
            one("Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
        ),
    ]
}

fn value_cases() -> Vec<Case> {
    let with = |value: AttributeValue| vec![("pk", s("k")), ("sk", b(b"k")), ("value", value)];
    let enveloped = |text: &str| {
        format!("1 validation error detected: One or more parameter values were invalid: {text}")
    };
    let mut deep = AttributeValue::Null(true);
    for _ in 0..40 {
        deep = AttributeValue::L(vec![deep]);
    }
    vec![
        (
            "39 digits",
            with(n(&"1".repeat(39))),
            "Attempting to store more than 38 significant digits in a Number".to_owned(),
        ),
        (
            "a number too large",
            with(n("1e126")),
            "Number overflow. Attempting to store a number with magnitude larger than supported \
             range"
                .to_owned(),
        ),
        (
            "a number too small",
            with(n("1e-131")),
            "Number underflow. Attempting to store a number with magnitude smaller than supported \
             range"
                .to_owned(),
        ),
        (
            "not a number",
            with(n("abc")),
            "The parameter cannot be converted to a numeric value: abc".to_owned(),
        ),
        (
            "an empty set",
            with(AttributeValue::Ss(Vec::new())),
            enveloped("An string set  may not be empty"),
        ),
        (
            "a set with a member twice",
            with(AttributeValue::Ss(vec!["a".to_owned(), "a".to_owned()])),
            enveloped("Input collection [a, a] contains duplicates."),
        ),
        (
            "a NULL that is false",
            with(AttributeValue::Null(false)),
            enveloped("Null attribute value types must have the value of true"),
        ),
        (
            "nesting over the limit",
            with(deep),
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested \
             levels beyond supported limit"
                .to_owned(),
        ),
    ]
}

#[tokio::test]
async fn keys_that_do_not_fit_the_table() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Strict", PK, Some(SK)).await;
    let get = |client: &Client| client.get_item().table_name("Strict");
    let mismatch = "The provided key element does not match the schema";
    for (what, request) in [
        ("the sort key is missing", get(&client).key("pk", s("k"))),
        ("of another type", get(&client).key("pk", n("1")).key("sk", b(b"k"))),
        ("one too many", get(&client).key("pk", s("k")).key("sk", b(b"k")).key("more", s("k"))),
        ("another name", get(&client).key("pk", s("k")).key("other", b(b"k"))),
    ] {
        let error = request.send().await.expect_err(what);
        let answered = (error.code(), error.message());
        assert_eq!(answered, (Some("ValidationException"), Some(mismatch)), "{what}");
    }
    site.assert_quiet();
}

#[tokio::test]
async fn return_values_that_a_put_does_not_have() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Put", PK, None).await;
    let request = client.put_item().table_name("Put").item("pk", s("k"));
    assert_refused(
        request.return_values(ReturnValue::AllNew).send().await,
        "ValidationException",
        "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
    );
    site.assert_quiet();
}

/// What does not work must never be accepted and ignored: a stream that is not there loses changes.
#[tokio::test]
async fn what_is_not_implemented_is_refused_by_name() {
    let site = Site::new();
    let node = site.start().await;
    let client = client(&node);
    make_table(&client, "Later", PK, None).await;
    let streams = StreamSpecification::builder().stream_enabled(true).build().expect("complete");
    let update = client.update_table().table_name("Later").stream_specification(streams);
    let error = update.send().await.expect_err("a stream must not be forgotten");
    assert!(error.message().expect("it says why").contains("StreamSpecification"), "{error:?}");

    let put = Put::builder().table_name("Later").item("pk", s("k")).build().expect("complete");
    let transaction = client.transact_write_items();
    let transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
    let error = transaction.send().await.expect_err("not implemented");
    assert!(error.message().expect("it says why").contains("TransactWriteItems"), "{error:?}");
    let got = client.get_item().table_name("Later").key("pk", s("k")).send().await;
    assert!(got.expect("it can be read").item.is_none(), "the refused item was stored");
    site.assert_quiet();
}
