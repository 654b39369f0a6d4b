//! The AWS SDK, set up for a node of a test.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, LocalSecondaryIndex,
    ProjectionType, ScalarAttributeType, TableStatus,
};

use crate::oracle::{Projection, Schema};
use crate::site::Node;
use crate::tap::Tap;
use crate::wait::eventually;

/// No request of a test may take longer: a hang is a failure, not a wait.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// How long a table may take to become usable, or to be gone.
const TABLE_LIMIT: Duration = Duration::from_secs(30);

/// A client of `node` that sends every request exactly once: a retry would hide a failure, and would
/// make one write of the test two of the server.
pub fn client(node: &Node) -> Client {
    Client::from_conf(config(node).build())
}

/// A client of `node` whose requests pass this tap.
pub fn tapped_client(node: &Node, tap: &Tap) -> Client {
    Client::from_conf(config(node).interceptor(tap.clone()).build())
}

fn config(node: &Node) -> aws_sdk_dynamodb::config::Builder {
    let http = aws_smithy_http_client::Builder::new().build_http();
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "stator-e2e"))
        .endpoint_url(node.endpoint())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(REQUEST_LIMIT).build())
}

/// An attribute of a key: its name and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: &'static str,
    /// `S`, `N` or `B`.
    pub kind: char,
}

impl KeyAttribute {
    /// A key attribute of this name and type.
    pub const fn new(name: &'static str, kind: char) -> Self {
        Self { name, kind }
    }

    /// Its part of `AttributeDefinitions`.
    ///
    /// # Panics
    /// If no key may have its type.
    pub fn definition(self) -> AttributeDefinition {
        let kind = match self.kind {
            'S' => ScalarAttributeType::S,
            'N' => ScalarAttributeType::N,
            'B' => ScalarAttributeType::B,
            other => panic!("no key has the type {other}"),
        };
        AttributeDefinition::builder()
            .attribute_name(self.name)
            .attribute_type(kind)
            .build()
            .expect("name and type are set")
    }

    /// Its part of a `KeySchema`.
    ///
    /// # Panics
    /// Never: name and role are set.
    pub fn element(self, role: KeyType) -> KeySchemaElement {
        KeySchemaElement::builder()
            .attribute_name(self.name)
            .key_type(role)
            .build()
            .expect("name and role are set")
    }
}

/// Creates an on-demand table with this partition key and, after it, this sort key, if any.
///
/// # Errors
/// Those of the operation.
pub async fn create_table(
    client: &Client,
    name: &str,
    partition_key: KeyAttribute,
    sort_key: Option<KeyAttribute>,
) -> Result<
    aws_sdk_dynamodb::operation::create_table::CreateTableOutput,
    aws_sdk_dynamodb::error::SdkError<aws_sdk_dynamodb::operation::create_table::CreateTableError>,
> {
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(partition_key.definition())
        .key_schema(partition_key.element(KeyType::Hash));
    if let Some(sort_key) = sort_key {
        request = request
            .attribute_definitions(sort_key.definition())
            .key_schema(sort_key.element(KeyType::Range));
    }
    request.send().await
}

/// Waits until a table is ACTIVE, as clients must before they use it.
///
/// # Panics
/// If it is not in time.
pub async fn until_active(client: &Client, name: &str) {
    eventually(&format!("table {name} to be ACTIVE"), TABLE_LIMIT, async || {
        match status(client, name).await {
            Some(TableStatus::Active) => Some(()),
            _ => None,
        }
    })
    .await;
}

/// Waits until a table does not exist any more.
///
/// # Panics
/// If it still does in the end.
pub async fn until_gone(client: &Client, name: &str) {
    eventually(&format!("table {name} to be gone"), TABLE_LIMIT, async || {
        status(client, name).await.is_none().then_some(())
    })
    .await;
}

/// The status of a table; `None` if there is no such table.
///
/// # Panics
/// If the node answers with another error.
pub async fn status(client: &Client, name: &str) -> Option<TableStatus> {
    match client.describe_table().table_name(name).send().await {
        Ok(output) => output.table.and_then(|table| table.table_status),
        Err(error) => {
            let error = error.into_service_error();
            assert!(error.is_resource_not_found_exception(), "DescribeTable {name}: {error:?}");
            None
        }
    }
}

/// Creates a table and waits until it is ACTIVE.
///
/// # Panics
/// If that fails.
pub async fn make_table(
    client: &Client,
    name: &str,
    partition_key: KeyAttribute,
    sort_key: Option<KeyAttribute>,
) {
    create_table(client, name, partition_key, sort_key).await.expect("the table can be created");
    until_active(client, name).await;
}

/// Creates an on-demand table with these keys and local indexes and waits until it is ACTIVE.
///
/// # Panics
/// If that fails.
pub async fn make_indexed_table(client: &Client, name: &str, schema: &Schema) {
    let roles = [KeyType::Hash, KeyType::Range];
    let keys = schema.key_attributes();
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (key, role) in keys.iter().zip(roles) {
        request = request.attribute_definitions(key.definition()).key_schema(key.element(role));
    }
    for index in schema.indexes() {
        let partition_key = keys.first().expect("a table has a key");
        let built = LocalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(partition_key.element(KeyType::Hash))
            .key_schema(index.sort_key.element(KeyType::Range))
            .projection(sdk_projection(&index.projection));
        request = request
            .attribute_definitions(index.sort_key.definition())
            .local_secondary_indexes(built.build().expect("complete"));
    }
    request.send().await.expect("the table can be created");
    until_active(client, name).await;
}

fn sdk_projection(projection: &Projection) -> aws_sdk_dynamodb::types::Projection {
    let built = aws_sdk_dynamodb::types::Projection::builder();
    match projection {
        Projection::All => built.projection_type(ProjectionType::All),
        Projection::KeysOnly => built.projection_type(ProjectionType::KeysOnly),
        Projection::Include(names) => {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            built.projection_type(ProjectionType::Include).set_non_key_attributes(Some(names))
        }
    }
    .build()
}
