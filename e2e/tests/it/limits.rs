//! Limits, from both sides: just below, at, and just above each of them.
//!
//! A request is sent by the AWS SDK, which signs it and reads the answer; its body is put in as JSON on the
//! way, so that also what the SDK would not build is sent. Each line names the AWS document of its rule:
//! "Quotas" is "Quotas and limits in Amazon DynamoDB", "Naming" is "Supported data types and naming rules",
//! "Reference" the API reference of the operation.
//!
//! Elsewhere: pages and batches of 1 MB and 16 MB in `pages`, the largest item that can be put in `items`,
//! heads of requests and inflated bodies in the tests of `node/server`.

mod batches;
mod expressions;
mod tables;
mod values;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value as Json, json};
use stator_e2e::client::{tapped_client, until_active};
use stator_e2e::site::Node;
use stator_e2e::tap::Tap;

/// Sends requests that are given as JSON.
struct Asker {
    client: Client,
    tap: Tap,
}

/// What was answered: nothing of interest, or an error's name and text.
type Answer = Result<(), (String, String)>;

/// A rule with a number in it.
struct Limit {
    /// What is limited, and the document that says so.
    what: &'static str,
    operation: &'static str,
    /// The most that is allowed.
    most: usize,
    /// A request with so much of it.
    body: fn(usize) -> Json,
    /// What is said of one more.
    refusal: &'static str,
}

impl Asker {
    fn new(node: &Node) -> Self {
        let tap = Tap::default();
        Self { client: tapped_client(node, &tap), tap }
    }

    /// Creates a table from what CreateTable takes beside the name.
    async fn create(&self, name: &str, mut body: Json) {
        let members = body.as_object_mut().expect("members");
        members.insert("TableName".to_owned(), json!(name));
        members.entry("BillingMode").or_insert(json!("PAY_PER_REQUEST"));
        self.ask("CreateTable", body).await.expect("it can be created");
        until_active(&self.client, name).await;
    }

    /// A table with the key `pk`, a string, and the sort key `sk` of this type.
    async fn create_sorted(&self, name: &str, kind: &str) {
        let body = json!({
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": kind},
            ],
        });
        self.create(name, body).await;
    }

    /// Sends this body; what the SDK itself would build has only what it cannot do without.
    async fn ask(&self, operation: &str, body: Json) -> Answer {
        self.tap.change_next(move |sent| *sent = body);
        let client = &self.client;
        match operation {
            "BatchGetItem" => told(client.batch_get_item().send().await),
            "BatchWriteItem" => told(client.batch_write_item().send().await),
            "CreateTable" => told(client.create_table().table_name("any").send().await),
            "DeleteItem" => told(client.delete_item().table_name("any").send().await),
            "GetItem" => told(client.get_item().table_name("any").send().await),
            "ListTables" => told(client.list_tables().send().await),
            "PutItem" => told(client.put_item().table_name("any").send().await),
            "Query" => told(client.query().table_name("any").send().await),
            "Scan" => told(client.scan().table_name("any").send().await),
            "TagResource" => told(client.tag_resource().resource_arn("any").send().await),
            "UntagResource" => told(client.untag_resource().resource_arn("any").send().await),
            "UpdateItem" => told(client.update_item().table_name("any").send().await),
            other => panic!("nothing sends {other}"),
        }
    }

    /// One less, exactly so much, and one more of each; says of all that are wrong together.
    async fn check(&self, limits: &[Limit]) {
        let mut complaints = Vec::new();
        for Limit { what, operation, most, body, refusal } in limits {
            for allowed in [most - 1, *most] {
                if let Err(error) = self.ask(operation, body(allowed)).await {
                    complaints.push(format!("{what}, {allowed}: {error:?}"));
                }
            }
            match self.ask(operation, body(most + 1)).await {
                Ok(()) => complaints.push(format!("{what}: {} are allowed", most + 1)),
                Err((code, text)) if code == "ValidationException" && text.contains(refusal) => {}
                Err(error) => complaints.push(format!("{what}, {}: {error:?}", most + 1)),
            }
        }
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    async fn refuses(&self, what: &str, operation: &str, body: Json, refusal: &str) {
        let (code, text) =
            self.ask(operation, body).await.expect_err(&format!("{what} must be refused"));
        assert_eq!(code, "ValidationException", "{what}: {text}");
        assert!(text.contains(refusal), "{what}: {text}");
    }
}

fn told<T, E: ProvideErrorMetadata + std::fmt::Debug>(answer: Result<T, SdkError<E>>) -> Answer {
    let Err(error) = answer else { return Ok(()) };
    let Some(told) = error.as_service_error() else {
        panic!("the service answers: {error:?}");
    };
    // An error without a body has nothing but its status.
    let status = || error.raw_response().map_or(0, |raw| raw.status().as_u16()).to_string();
    let code = told.code().map_or_else(status, str::to_owned);
    Err((code, told.message().unwrap_or_default().to_owned()))
}

/// So many letters.
fn letters(count: usize) -> String {
    "x".repeat(count)
}
