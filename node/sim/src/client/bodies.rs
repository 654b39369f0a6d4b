//! What clients ask, as the bodies of requests.

use serde_json::{Map, Value, json};
use stator_operation::Operation;

use super::{Ask, Wants, Writing, batch, keys, kind_of, table_name};
use crate::change::{Change, Condition, Content, Field};
use crate::content::{self, KeyNumber, WriteNumber};

/// Bytes of padding of an item that a batch puts.
const PADDING_IN_BATCH: usize = 20;

impl Ask {
    /// The operation and the body that asks for it.
    pub(super) fn body(self) -> (Operation, Value) {
        match self {
            Self::Write(writing) => writing.body(),
            Self::Get { name, key, consistent } => {
                let body = json!({
                    "TableName": table_name(name),
                    "Key": kind_of(name).attributes(key),
                    "ConsistentRead": consistent,
                });
                (Operation::GetItem, body)
            }
            Self::WriteBatch { name, from, write, count, deletes } => {
                let writes = batch(from, write, count, deletes);
                let requests = writes.map(|(key, number, change)| {
                    if change == Change::Erase {
                        json!({ "DeleteRequest": { "Key": kind_of(name).attributes(key) } })
                    } else {
                        let item = put_item(name, key, number, PADDING_IN_BATCH);
                        json!({ "PutRequest": { "Item": item } })
                    }
                });
                let requests: Vec<Value> = requests.collect();
                (
                    Operation::BatchWriteItem,
                    json!({ "RequestItems": { table_name(name): requests } }),
                )
            }
            Self::GetBatch { name, from, count, consistent } => {
                let keys = keys(from, count).map(|key| kind_of(name).attributes(key));
                let asked = json!({
                    "Keys": keys.collect::<Vec<Value>>(),
                    "ConsistentRead": consistent,
                });
                (Operation::BatchGetItem, json!({ "RequestItems": { table_name(name): asked } }))
            }
            Self::Scan { name, consistent, limit, segments } => {
                let mut body = json!({
                    "TableName": table_name(name),
                    "ConsistentRead": consistent,
                    "Segment": 0,
                    "TotalSegments": segments,
                });
                if limit > 0
                    && let Some(members) = body.as_object_mut()
                {
                    members.insert("Limit".to_owned(), json!(limit));
                }
                (Operation::Scan, body)
            }
            Self::Query { name, group, by_write, consistent, forward, limit } => {
                let body = json!({
                    "TableName": table_name(name),
                    "IndexName": by_write.then_some(content::BY_WRITE),
                    "KeyConditionExpression": "pk = :pk",
                    "ExpressionAttributeValues": { ":pk": kind_of(name).partition(group) },
                    "Select": "ALL_ATTRIBUTES",
                    "ConsistentRead": consistent,
                    "ScanIndexForward": forward,
                    "Limit": (limit > 0).then_some(limit),
                });
                (Operation::Query, body)
            }
            Self::Create { name } => {
                let (definitions, schema) = kind_of(name).schema();
                let body = json!({
                    "TableName": table_name(name),
                    "AttributeDefinitions": definitions,
                    "KeySchema": schema,
                    "LocalSecondaryIndexes": kind_of(name).local_indexes(),
                    "BillingMode": "PAY_PER_REQUEST",
                });
                (Operation::CreateTable, body)
            }
            Self::Delete { name } => {
                (Operation::DeleteTable, json!({ "TableName": table_name(name) }))
            }
            Self::Describe { name } => {
                (Operation::DescribeTable, json!({ "TableName": table_name(name) }))
            }
            Self::List => (Operation::ListTables, json!({})),
        }
    }
}

fn put_item(name: u64, key: KeyNumber, number: WriteNumber, padding: usize) -> Value {
    let content = Content { put: Some(number), ..Content::default() };
    content::item(kind_of(name), key, content, padding)
}

impl Writing {
    fn body(self) -> (Operation, Value) {
        let mut members = Map::new();
        let mut values = Map::new();
        members.insert("TableName".to_owned(), json!(table_name(self.name)));
        let operation = match self.change {
            Change::Put => {
                let item = put_item(self.name, self.key, self.number, self.padding);
                members.insert("Item".to_owned(), item);
                Operation::PutItem
            }
            Change::Erase => Operation::DeleteItem,
            Change::Add | Change::SetVersion | Change::SetFirst | Change::Remove(_) => {
                Operation::UpdateItem
            }
        };
        if self.change != Change::Put {
            members.insert("Key".to_owned(), kind_of(self.name).attributes(self.key));
        }
        if let Some(update) = update_expression(self.change) {
            members.insert("UpdateExpression".to_owned(), json!(update));
            if update.contains(":number") {
                values.insert(":number".to_owned(), json!({ "N": self.number.0.to_string() }));
            }
        }
        if let Some(condition) = self.condition {
            members.insert("ConditionExpression".to_owned(), json!(text_of(condition)));
            if let Condition::Version(Some(expected)) = condition {
                values.insert(":expected".to_owned(), json!({ "N": expected.0.to_string() }));
            }
            if self.wants_refused {
                let name = "ReturnValuesOnConditionCheckFailure".to_owned();
                members.insert(name, json!("ALL_OLD"));
            }
        }
        members.insert("ReturnValues".to_owned(), json!(word(self.wants)));
        if !values.is_empty() {
            members.insert("ExpressionAttributeValues".to_owned(), Value::Object(values));
        }
        (operation, Value::Object(members))
    }
}

fn update_expression(change: Change) -> Option<String> {
    match change {
        Change::Put | Change::Erase => None,
        Change::Add => Some(format!("ADD {} :number", Field::Hits.name())),
        Change::SetVersion => Some(format!("SET {} = :number", Field::Version.name())),
        Change::SetFirst => {
            let name = Field::First.name();
            Some(format!("SET {name} = if_not_exists({name}, :number)"))
        }
        Change::Remove(field) => Some(format!("REMOVE {}", field.name())),
    }
}

const fn text_of(condition: Condition) -> &'static str {
    match condition {
        Condition::Absent => "attribute_not_exists(pk)",
        Condition::Present => "attribute_exists(pk)",
        Condition::Version(None) => "attribute_not_exists(version)",
        Condition::Version(Some(_)) => "version = :expected",
    }
}

const fn word(wants: Wants) -> &'static str {
    match wants {
        Wants::Nothing => "NONE",
        Wants::Old => "ALL_OLD",
        Wants::New => "ALL_NEW",
        Wants::FieldOld => "UPDATED_OLD",
        Wants::FieldNew => "UPDATED_NEW",
    }
}
