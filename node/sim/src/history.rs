//! What clients asked and were told, in the order in which it happened.
//!
//! Items are registers, one for each key of each life of a table; a table's name is an object too.
//! The edge tells which life of a table a request was about: that is not a client's knowledge, and it
//! makes every check stricter.

use std::collections::BTreeMap;

use stator_model::{TableId, TableStatus};

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
pub struct Put {
    /// Its value; that of a delete is seen by nobody.
    pub write: WriteNumber,
    /// Whether it leaves nothing.
    pub deletes: bool,
    /// What was there before, if that was asked for and answered.
    pub old: Option<Option<WriteNumber>>,
    /// What the client was told.
    pub outcome: Outcome,
}

/// What a client knows of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
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
    pub found: Option<WriteNumber>,
}

/// All that happened to one register.
#[derive(Clone, Debug, Default)]
pub struct RegisterHistory {
    /// Writes.
    pub puts: Vec<Call<Put>>,
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

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By register.
    pub registers: BTreeMap<Register, RegisterHistory>,
    /// By name.
    pub names: BTreeMap<String, Vec<Call<NameOperation>>>,
    /// Operations that were answered with success.
    pub answered: u64,
    /// Operations of which nobody knows what became.
    pub unknown: u64,
}

impl History {
    /// Notes a write.
    pub fn put(&mut self, register: Register, called: Moment, returned: Option<Moment>, put: Put) {
        let call = Call { called, returned, operation: put };
        self.registers.entry(register).or_default().puts.push(call);
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
