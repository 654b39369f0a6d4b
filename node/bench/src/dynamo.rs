//! Requests as an AWS SDK sends them, and what their replies must say.
//!
//! The signature is one that nobody made: `stator-node dev` takes any, and so does DynamoDB Local. Its
//! bytes are there, since reading them is part of the work.

use std::io::Write as _;
use std::net::SocketAddr;

use crate::clock;
use crate::error::{Error, Result};
use crate::http::{Connection, Response};
use crate::item;

/// The table that figures use.
pub const TABLE: &str = "bench";

/// How much of a wrong reply is shown.
const SHOWN_BYTES: usize = 300;

/// Headers between the target and the length: those of the AWS SDK for Rust, shortened nowhere.
const HEADERS: &str = "content-type: application/x-amz-json-1.0\r\n\
    x-amz-date: 20261121T181500Z\r\n\
    user-agent: aws-sdk-rust/1.3.8 ua/2.1 api/dynamodb/1.136.0 os/linux lang/rust/1.95.0 m/E,C\r\n\
    x-amz-user-agent: aws-sdk-rust/1.3.8 ua/2.1 api/dynamodb/1.136.0 os/linux lang/rust/1.95.0\r\n\
    amz-sdk-invocation-id: 5a8a3f1e-0d0c-4e0b-9d7e-0a4b5a1c2d3e\r\n\
    amz-sdk-request: attempt=1; max=3\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/dynamodb/aws4_request, \
    SignedHeaders=content-type;host;x-amz-date;x-amz-target;x-amz-user-agent, \
    Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n";

/// Makes requests to one server, in buffers that are used again.
#[derive(Debug)]
pub struct Requests {
    authority: String,
    body: Vec<u8>,
    bytes: Vec<u8>,
}

impl Requests {
    /// Requests to the server at this address.
    pub fn to(address: SocketAddr) -> Self {
        Self { authority: address.to_string(), body: Vec::new(), bytes: Vec::new() }
    }

    /// A request with the members that `put` appends.
    pub fn make(&mut self, operation: &str, put: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.body.clear();
        self.body.push(b'{');
        put(&mut self.body);
        self.body.push(b'}');
        self.bytes.clear();
        // Writing to memory cannot fail.
        let _ = write!(
            self.bytes,
            "POST / HTTP/1.1\r\nhost: {}\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
             {HEADERS}content-length: {}\r\n\r\n",
            self.authority,
            self.body.len()
        );
        self.bytes.extend_from_slice(&self.body);
        &self.bytes
    }

    /// GetItem of one item, strongly consistent.
    pub fn get_item(&mut self, number: u64) -> &[u8] {
        self.make("GetItem", |body| {
            put_table(TABLE, body);
            body.extend_from_slice(b",\"ConsistentRead\":true,\"Key\":{");
            item::put_key(number, body);
            body.push(b'}');
        })
    }

    /// PutItem of one item.
    pub fn put_item(&mut self, number: u64, turn: u64) -> &[u8] {
        self.make("PutItem", |body| {
            put_table(TABLE, body);
            body.extend_from_slice(b",\"Item\":{");
            item::put_members(number, turn, body);
            body.push(b'}');
        })
    }

    /// UpdateItem that adds one to a number of one item.
    pub fn add_one(&mut self, number: u64) -> &[u8] {
        self.make("UpdateItem", |body| {
            put_table(TABLE, body);
            body.extend_from_slice(b",\"Key\":{");
            item::put_key(number, body);
            body.extend_from_slice(
                b"},\"UpdateExpression\":\"ADD visits :one\",\
                \"ExpressionAttributeValues\":{\":one\":{\"N\":\"1\"}}",
            );
        })
    }

    /// BatchWriteItem of puts of these items.
    pub fn put_batch(&mut self, numbers: std::ops::Range<u64>) -> &[u8] {
        self.make("BatchWriteItem", |body| {
            body.extend_from_slice(b"\"RequestItems\":{\"");
            body.extend_from_slice(TABLE.as_bytes());
            body.extend_from_slice(b"\":[");
            for number in numbers.clone() {
                if number > numbers.start {
                    body.push(b',');
                }
                body.extend_from_slice(b"{\"PutRequest\":{\"Item\":{");
                item::put_members(number, 0, body);
                body.extend_from_slice(b"}}}");
            }
            body.extend_from_slice(b"]}");
        })
    }

    /// One page of a Scan of the table, whose reply said where it begins.
    pub fn scan(&mut self, start: Option<&[u8]>) -> &[u8] {
        self.make("Scan", |body| {
            put_table(TABLE, body);
            if let Some(start) = start {
                body.extend_from_slice(b",\"ExclusiveStartKey\":");
                body.extend_from_slice(start);
            }
        })
    }

    /// One page of a Scan with a filter that looks at one number of each item and lets all pass.
    pub fn filtered_scan(&mut self, start: Option<&[u8]>) -> &[u8] {
        self.make("Scan", |body| {
            put_table(TABLE, body);
            body.extend_from_slice(
                b",\"FilterExpression\":\"visits >= :least\",\
                \"ExpressionAttributeValues\":{\":least\":{\"N\":\"1\"}}",
            );
            if let Some(start) = start {
                body.extend_from_slice(b",\"ExclusiveStartKey\":");
                body.extend_from_slice(start);
            }
        })
    }

    /// A request that only names a table.
    pub fn of_table(&mut self, operation: &str, table: &str) -> &[u8] {
        self.make(operation, |body| put_table(table, body))
    }

    /// CreateTable with a partition key `pk`, paid per request.
    pub fn create_table(&mut self, table: &str) -> &[u8] {
        self.make("CreateTable", |body| {
            put_table(table, body);
            body.extend_from_slice(
                b",\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"}]\
                  ,\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}]\
                  ,\"BillingMode\":\"PAY_PER_REQUEST\"",
            );
        })
    }
}

fn put_table(table: &str, body: &mut Vec<u8>) {
    body.extend_from_slice(b"\"TableName\":\"");
    body.extend_from_slice(table.as_bytes());
    body.push(b'"');
}

/// Fails unless the status is 200.
///
/// # Errors
/// [`Error::WrongReply`] with what the server says.
pub fn must_be_ok(operation: &'static str, reply: &Response<'_>) -> Result<()> {
    if reply.status == 200 { Ok(()) } else { Err(wrong(operation, reply, "it should be 200")) }
}

/// Fails unless a reply to PutItem says that nothing is wrong and nothing else.
///
/// # Errors
/// [`Error::WrongReply`].
pub fn must_be_put(reply: &Response<'_>) -> Result<()> {
    must_be_ok("PutItem", reply)?;
    if reply.body == b"{}" { Ok(()) } else { Err(wrong("PutItem", reply, "it should be empty")) }
}

/// Whether an UpdateItem that returns nothing succeeded.
///
/// # Errors
/// If it did not.
pub fn must_be_updated(reply: &Response<'_>) -> Result<()> {
    must_be_ok("UpdateItem", reply)?;
    if reply.body == b"{}" { Ok(()) } else { Err(wrong("UpdateItem", reply, "it should be empty")) }
}

/// An error that shows the reply.
pub fn wrong(operation: &'static str, reply: &Response<'_>, why: &'static str) -> Error {
    let shown = reply.body.get(..SHOWN_BYTES).unwrap_or(reply.body);
    let body = String::from_utf8_lossy(shown).into_owned();
    Error::WrongReply { operation, status: reply.status, why, body }
}

/// A connection for what is asked once.
#[derive(Debug)]
pub struct Session {
    /// Makes the requests.
    pub requests: Requests,
    /// Carries them.
    pub connection: Connection,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { requests: Requests::to(address), connection: Connection::open(address)? })
    }

    /// Creates a table and waits until it is ACTIVE.
    ///
    /// # Errors
    /// If it is refused, or takes too long.
    pub fn create_table(&mut self, table: &str) -> Result<()> {
        let reply = self.connection.call(self.requests.create_table(table))?;
        must_be_ok("CreateTable", &reply)?;
        self.until_active(table)
    }

    /// Asks again until the table is ACTIVE, without a pause: the wait is part of what is measured.
    ///
    /// # Errors
    /// If it is refused, or takes too long.
    pub fn until_active(&mut self, table: &str) -> Result<()> {
        let limit = std::time::Duration::from_secs(30);
        let deadline = clock::now() + limit;
        while clock::now() < deadline {
            let reply = self.connection.call(self.requests.of_table("DescribeTable", table))?;
            must_be_ok("DescribeTable", &reply)?;
            if contains(reply.body, b"\"TableStatus\":\"ACTIVE\"") {
                return Ok(());
            }
        }
        Err(Error::TooLong { what: "a table becoming ACTIVE", seconds: limit.as_secs() })
    }

    /// Deletes a table, without waiting until it is gone.
    ///
    /// # Errors
    /// If it is refused.
    pub fn delete_table(&mut self, table: &str) -> Result<()> {
        let reply = self.connection.call(self.requests.of_table("DeleteTable", table))?;
        must_be_ok("DeleteTable", &reply)
    }

    /// The names of all tables, page after page.
    ///
    /// # Errors
    /// If a reply is refused or is not a list.
    pub fn list_tables(&mut self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let request = self.requests.make("ListTables", |body| {
                if let Some(last) = names.last() {
                    let _ = write!(body, "\"ExclusiveStartTableName\":\"{last}\"");
                }
            });
            let reply = self.connection.call(request)?;
            must_be_ok("ListTables", &reply)?;
            let page: TableNames = serde_json::from_slice(reply.body)?;
            names.extend(page.table_names);
            if page.last_evaluated_table_name.is_none() {
                return Ok(names);
            }
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableNames {
    table_names: Vec<String>,
    last_evaluated_table_name: Option<String>,
}

/// Whether `part` stands somewhere in `body`.
pub fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}
