//! What clients asked and were told, in the order in which it happened.
//!
//! Items are registers, one for each key of each life of a table; a table's name is an object too.
//! The edge tells which life of a table a request was about: that is not a client's knowledge, and it
//! makes every check stricter.

use std::collections::BTreeMap;

use stator_model::{TableId, TableStatus};

use crate::change::{Change, Condition, Content, Shown};
use crate::content::{KeyNumber, WriteNumber};
use crate::linear::{Call, Moment};

/// A register: one key in one life of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    /// The life of the table.
    pub table: TableId,
    /// The key.
    pub key: KeyNumber,
}

/// A write of a register.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its number.
    pub number: WriteNumber,
    /// What it does.
    pub change: Change,
    /// On what it depends.
    pub condition: Option<Condition>,
    /// What the client was told.
    pub outcome: Outcome,
}

/// What a client knows of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and this was shown.
    Done(Shown),
    /// The condition did not hold; with the item, if that was asked for.
    Refused(Option<Option<Content>>),
    /// Not done, for certain.
    NotDone,
    /// Not known: the node died, or said so.
    Unknown,
}

/// A read of a register.
#[derive(Clone, Debug)]
pub struct Get {
    /// Whether it was strongly consistent.
    pub consistent: bool,
    /// What was there.
    pub found: Option<Content>,
}

/// All that happened to one register.
#[derive(Clone, Debug, Default)]
pub struct RegisterHistory {
    /// Writes.
    pub writes: Vec<Call<Write>>,
    /// Reads that were answered.
    pub gets: Vec<Call<Get>>,
}

/// What was asked of a table's name, and the answer.
#[derive(Clone, Debug)]
pub enum NameOperation {
    /// CreateTable drew this id and was accepted (or nobody knows).
    Created(TableId),
    /// CreateTable found the name taken.
    CreateRefused,
    /// DeleteTable was accepted, for this life of the table; `None` if nobody knows.
    Deleted(Option<TableId>),
    /// DeleteTable found the table being created.
    DeleteRefused,
    /// The name was found to be a table, in this status if that was shown.
    Found(Option<(TableId, TableStatus)>),
    /// The name was found to be no table.
    Missing,
}

/// The versions of items that clients have seen last, by name of the table and key.
pub type Versions = BTreeMap<(u64, KeyNumber), Option<WriteNumber>>;

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By register.
    pub registers: BTreeMap<Register, RegisterHistory>,
    /// What clients know of versions.
    pub versions: Versions,
    /// By name.
    pub names: BTreeMap<String, Vec<Call<NameOperation>>>,
    /// Operations that were answered with success.
    pub answered: u64,
    /// Operations of which nobody knows what became.
    pub unknown: u64,
    /// Updates among those that were answered with success.
    pub updated: u64,
    /// Writes whose condition did not hold.
    pub refused: u64,
}

impl History {
    /// Notes a write.
    pub fn write(
        &mut self,
        register: Register,
        called: Moment,
        returned: Option<Moment>,
        write: Write,
    ) {
        self.refused += u64::from(matches!(write.outcome, Outcome::Refused(_)));
        let is_done = matches!(write.outcome, Outcome::Done(_));
        self.updated += u64::from(is_done && write.change.field().is_some());
        let call = Call { called, returned, operation: write };
        self.registers.entry(register).or_default().writes.push(call);
    }

    /// Notes a read.
    pub fn get(&mut self, register: Register, called: Moment, returned: Moment, get: Get) {
        let call = Call { called, returned: Some(returned), operation: get };
        self.registers.entry(register).or_default().gets.push(call);
    }

    /// Notes what was asked of a name.
    pub fn name(
        &mut self,
        name: &str,
        called: Moment,
        returned: Option<Moment>,
        operation: NameOperation,
    ) {
        let calls = self.names.entry(name.to_owned()).or_default();
        calls.push(Call { called, returned, operation });
    }
}
