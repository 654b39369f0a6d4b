//! Commands: the parts of the request that they were made of, to be validated again where they arrive.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use stator_catalog::Catalog;
use stator_expression::wire::{Program, Reader, Tables, Writer};
use stator_model::{
    AttributeMap, DescriptionVersion, Item, ItemView as _, Location, TableDescription, binary,
};

use super::{Error, table_id};
use crate::capacity::Charge;
use crate::condition::Precondition;
use crate::local_index::LocalIndexes;
use crate::options::{ReturnItemCollectionMetrics, ReturnValues};
use crate::update_item::Form;
use crate::{
    ItemCommand, ReturnConsumedCapacity, TableReference, delete_item, put_item, update_item,
};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteMessage {
    #[prost(bytes = "bytes", tag = "1")]
    table: Bytes,
    #[prost(uint64, tag = "2")]
    version: u64,
    /// What the request calls the table.
    #[prost(string, tag = "3")]
    given: String,
    /// 0 nothing, 1 the total, 2 what each index took.
    #[prost(uint32, tag = "4")]
    capacity: u32,
    /// Whether the client wants to hear of the item collection.
    #[prost(bool, tag = "5")]
    metrics: bool,
    #[prost(message, optional, tag = "6")]
    shared: Option<Tables>,
    #[prost(message, optional, tag = "7")]
    condition: Option<Program>,
    /// Whether the client wants to see the item for which the condition does not hold.
    #[prost(bool, tag = "8")]
    shows_item: bool,
    #[prost(oneof = "Kind", tags = "9, 10, 11")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "9")]
    Put(PutMessage),
    #[prost(message, tag = "10")]
    Update(UpdateMessage),
    #[prost(message, tag = "11")]
    Delete(DeleteMessage),
}

#[derive(Clone, PartialEq, Message)]
struct PutMessage {
    #[prost(bytes = "bytes", tag = "1")]
    item: Bytes,
    #[prost(bool, tag = "2")]
    return_old: bool,
}

#[derive(Clone, PartialEq, Message)]
struct UpdateMessage {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(message, optional, tag = "2")]
    update: Option<Program>,
    /// Whether the changes were written as AttributeUpdates, whose errors have other words.
    #[prost(bool, tag = "3")]
    legacy: bool,
    /// 0 NONE, 1 ALL_OLD, 2 UPDATED_OLD, 3 ALL_NEW, 4 UPDATED_NEW.
    #[prost(uint32, tag = "4")]
    return_values: u32,
}

#[derive(Clone, PartialEq, Message)]
struct DeleteMessage {
    #[prost(bytes = "bytes", tag = "1")]
    location: Bytes,
    #[prost(bool, tag = "2")]
    return_old: bool,
}

/// What a command says, to be sent.
pub(super) fn message(command: &ItemCommand) -> WriteMessage {
    let mut writer = Writer::default();
    let (precondition, charge) = (command.precondition(), command.charge());
    let condition = precondition.condition().map(|condition| writer.condition(condition));
    let kind = match command {
        ItemCommand::Put(put) => {
            Kind::Put(PutMessage { item: attributes(&put.item), return_old: put.return_old })
        }
        ItemCommand::Update(update) => Kind::Update(UpdateMessage {
            key: attributes(&update.key),
            update: Some(writer.update(&update.update)),
            legacy: match update.form {
                Form::Expression => false,
                Form::AttributeUpdates => true,
            },
            return_values: return_values_number(update.return_values),
        }),
        ItemCommand::Delete(delete) => Kind::Delete(DeleteMessage {
            location: Bytes::copy_from_slice(delete.location.as_bytes()),
            return_old: delete.return_old,
        }),
    };
    WriteMessage {
        table: Bytes::copy_from_slice(command.table().as_bytes()),
        version: command.version().get(),
        given: charge.given().to_owned(),
        capacity: capacity_number(charge.wanted()),
        metrics: command.local_indexes().is_some_and(LocalIndexes::has_metrics),
        shared: Some(writer.finish()),
        condition,
        shows_item: precondition.shows_item(),
        kind: Some(kind),
    }
}

fn attributes(attributes: &AttributeMap) -> Bytes {
    let mut bytes = Vec::with_capacity(attributes.size().0 as usize + 4 * attributes.len() + 8);
    attributes.put_binary(&mut bytes);
    bytes.into()
}

/// The command that a message says, validated as its request was.
pub(super) fn command(message: WriteMessage, catalog: &Catalog) -> Result<ItemCommand, Error> {
    let id = table_id(&message.table)?;
    let version = DescriptionVersion::new(message.version);
    let table = catalog.table(&id).filter(|table| table.version == version);
    let table = table.ok_or(Error::Stale(id))?;
    let reader = Reader::new(message.shared.ok_or(Error::Field("shared"))?)?;
    let condition = message.condition.map(|program| reader.condition(&program)).transpose()?;
    let parts = Parts {
        reference: TableReference::of_items(Some(message.given))?,
        precondition: Precondition::showing(condition, message.shows_item),
        capacity: capacity(message.capacity)?,
        metrics: if message.metrics {
            ReturnItemCollectionMetrics::Size
        } else {
            ReturnItemCollectionMetrics::None
        },
    };
    match message.kind.ok_or(Error::Field("kind"))? {
        Kind::Put(put) => parts.put(put, table),
        Kind::Update(update) => parts.update(update, &reader, table),
        Kind::Delete(delete) => parts.delete(&delete, table),
    }
}

/// What all commands have.
struct Parts {
    reference: TableReference,
    precondition: Precondition,
    capacity: ReturnConsumedCapacity,
    metrics: ReturnItemCollectionMetrics,
}

impl Parts {
    fn put(self, put: PutMessage, table: &Arc<TableDescription>) -> Result<ItemCommand, Error> {
        let item = request_attributes("item", put.item)?;
        let size = item.size();
        if !size.is_allowed() {
            return Err(Error::Field("size of the item"));
        }
        let input = put_item::Input {
            table: self.reference,
            item,
            size,
            precondition: self.precondition,
            return_old: put.return_old,
            return_capacity: self.capacity,
            return_metrics: self.metrics,
        };
        Ok(ItemCommand::Put(input.validate(table)?))
    }

    fn update(
        self,
        update: UpdateMessage,
        reader: &Reader,
        table: &Arc<TableDescription>,
    ) -> Result<ItemCommand, Error> {
        let program = update.update.ok_or(Error::Field("update"))?;
        let input = update_item::Input {
            table: self.reference,
            key: request_attributes("key", update.key)?,
            update: reader.update(&program)?,
            form: if update.legacy { Form::AttributeUpdates } else { Form::Expression },
            precondition: self.precondition,
            return_values: return_values(update.return_values)?,
            return_capacity: self.capacity,
            return_metrics: self.metrics,
        };
        Ok(ItemCommand::Update(input.validate(table)?))
    }

    fn delete(
        self,
        delete: &DeleteMessage,
        table: &Arc<TableDescription>,
    ) -> Result<ItemCommand, Error> {
        let location = Location::from_bytes(delete.location.clone());
        let key = table.key_schema.key_at(&location).ok_or(Error::Field("location"))?;
        let input = delete_item::Input {
            table: self.reference,
            key,
            precondition: self.precondition,
            return_old: delete.return_old,
            return_capacity: self.capacity,
            return_metrics: self.metrics,
        };
        let command = input.validate(table)?;
        // The hash in it, above all.
        if command.location != location {
            return Err(Error::Field("location"));
        }
        Ok(ItemCommand::Delete(command))
    }
}

fn request_attributes(field: &'static str, bytes: Bytes) -> Result<Item, Error> {
    let item = binary::parse_attributes(bytes);
    let item = item.map_err(|source| Error::Attributes { field, source })?;
    item.check().map_err(|source| Error::Rule { field, source })?;
    Ok(item)
}

const fn capacity_number(wanted: ReturnConsumedCapacity) -> u32 {
    match wanted {
        ReturnConsumedCapacity::None => 0,
        ReturnConsumedCapacity::Total => 1,
        ReturnConsumedCapacity::Indexes => 2,
    }
}

const fn capacity(number: u32) -> Result<ReturnConsumedCapacity, Error> {
    match number {
        0 => Ok(ReturnConsumedCapacity::None),
        1 => Ok(ReturnConsumedCapacity::Total),
        2 => Ok(ReturnConsumedCapacity::Indexes),
        _ => Err(Error::Field("capacity")),
    }
}

const fn return_values_number(wanted: ReturnValues) -> u32 {
    match wanted {
        ReturnValues::None => 0,
        ReturnValues::AllOld => 1,
        ReturnValues::UpdatedOld => 2,
        ReturnValues::AllNew => 3,
        ReturnValues::UpdatedNew => 4,
    }
}

const fn return_values(number: u32) -> Result<ReturnValues, Error> {
    match number {
        0 => Ok(ReturnValues::None),
        1 => Ok(ReturnValues::AllOld),
        2 => Ok(ReturnValues::UpdatedOld),
        3 => Ok(ReturnValues::AllNew),
        4 => Ok(ReturnValues::UpdatedNew),
        _ => Err(Error::Field("return values")),
    }
}

impl ItemCommand {
    fn precondition(&self) -> &Precondition {
        match self {
            Self::Put(put) => &put.precondition,
            Self::Update(update) => &update.precondition,
            Self::Delete(delete) => &delete.precondition,
        }
    }

    pub(super) fn charge(&self) -> &Charge {
        match self {
            Self::Put(put) => &put.charge,
            Self::Update(update) => &update.charge,
            Self::Delete(delete) => &delete.charge,
        }
    }

    /// Whether the client may be shown the item for which the condition does not hold.
    pub(super) fn shows_refused_item(&self) -> bool {
        self.precondition().condition().is_some() && self.precondition().shows_item()
    }

    /// Whether the client wants attributes in the answer.
    pub(super) fn returns_attributes(&self) -> bool {
        match self {
            Self::Put(put) => put.return_old,
            Self::Update(update) => update.return_values != ReturnValues::None,
            Self::Delete(delete) => delete.return_old,
        }
    }
}
