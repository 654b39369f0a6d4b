//! Updates as programs.

use stator_model::AttributeValue;

use super::words::{WordsIn, WordsOut};
use super::{Error, Problem, Program, Reader, Writer};
use crate::update::{Action, Change, NewValue, Operand};
use crate::{Update, limits};

mod op {
    pub(super) const PATH: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    pub(super) const IF_NOT_EXISTS: u32 = 3;
    pub(super) const SET: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const DIFFERENCE: u32 = 6;
    pub(super) const LIST_APPEND: u32 = 7;
    pub(super) const REMOVE: u32 = 8;
    pub(super) const ADD: u32 = 9;
    pub(super) const DELETE: u32 = 10;
}

impl<'e> Writer<'e> {
    /// The program of an update.
    pub fn update(&mut self, update: &'e Update) -> Program {
        let mut out = WordsOut::new(self);
        for Action { target, change } in update.actions() {
            put_change(change, &mut out);
            out.path(target);
        }
        out.finish()
    }
}

fn put_change<'e>(change: &'e Change, out: &mut WordsOut<'_, 'e>) {
    match change {
        Change::Set(NewValue::Operand(operand)) => put_operands([operand], op::SET, out),
        Change::Set(NewValue::Sum(left, right)) => put_operands([left, right], op::SUM, out),
        Change::Set(NewValue::Difference(left, right)) => {
            put_operands([left, right], op::DIFFERENCE, out);
        }
        Change::Set(NewValue::ListAppend(left, right)) => {
            put_operands([left, right], op::LIST_APPEND, out);
        }
        Change::Remove => out.word(op::REMOVE),
        Change::Add(value) => {
            out.word(op::ADD);
            out.value(value);
        }
        Change::Delete(value) => {
            out.word(op::DELETE);
            out.value(value);
        }
    }
}

fn put_operands<'e, const N: usize>(
    operands: [&'e Operand; N],
    operation: u32,
    out: &mut WordsOut<'_, 'e>,
) {
    operands.into_iter().for_each(|operand| put_operand(operand, out));
    out.word(operation);
}

fn put_operand<'e>(operand: &'e Operand, out: &mut WordsOut<'_, 'e>) {
    match operand {
        Operand::Path(path) => {
            out.word(op::PATH);
            out.path(path);
        }
        Operand::Value(value) => {
            out.word(op::VALUE);
            out.value(value);
        }
        Operand::IfNotExists(path, otherwise) => {
            put_operand(otherwise, out);
            out.word(op::IF_NOT_EXISTS);
            out.path(path);
        }
    }
}

impl Reader {
    /// The update of a program.
    ///
    /// # Errors
    /// If it is none, or none that a request can have.
    pub fn update(&self, program: &Program) -> Result<Update, Error> {
        let mut words = WordsIn::new("update", self, program);
        let mut actions = Vec::new();
        let mut stack = Stack::default();
        while let Some(operation) = words.operation() {
            if let Some(change) = stack.step(operation, &mut words)? {
                if !stack.0.is_empty() {
                    return Err(words.error(Problem::LeftOver));
                }
                actions.push(Action { target: words.path()?, change });
            }
        }
        if !stack.0.is_empty() {
            return Err(words.error(Problem::LeftOver));
        }
        // The reason would show names of the client.
        Update::new(actions).map_err(|_| words.error(Problem::Targets))
    }
}

/// Operands that are not yet part of a change, each with its depth.
#[derive(Default)]
struct Stack(Vec<(Operand, usize)>);

impl Stack {
    /// Does what the operation says; returns the change that it makes, if it makes one.
    fn step(&mut self, operation: u32, words: &mut WordsIn<'_>) -> Result<Option<Change>, Error> {
        let change = match operation {
            op::PATH => {
                self.0.push((Operand::Path(words.path()?), 0));
                return Ok(None);
            }
            op::VALUE => {
                self.0.push((Operand::Value(words.value()?), 0));
                return Ok(None);
            }
            op::IF_NOT_EXISTS => {
                self.if_not_exists(words)?;
                return Ok(None);
            }
            op::SET => {
                let (operand, _) = self.pop(words)?;
                Change::Set(NewValue::Operand(operand))
            }
            op::SUM => self.pair("N", NewValue::Sum, words)?,
            op::DIFFERENCE => self.pair("N", NewValue::Difference, words)?,
            op::LIST_APPEND => self.pair("L", NewValue::ListAppend, words)?,
            op::REMOVE => Change::Remove,
            op::ADD => {
                let value = words.value()?;
                must_be(&value, &["N", "SS", "NS", "BS", "L"], words)?;
                Change::Add(value)
            }
            op::DELETE => {
                let value = words.value()?;
                must_be(&value, &["SS", "NS", "BS"], words)?;
                Change::Delete(value)
            }
            unknown => return Err(words.error(Problem::Operation(unknown))),
        };
        Ok(Some(change))
    }

    fn pop(&mut self, words: &WordsIn<'_>) -> Result<(Operand, usize), Error> {
        self.0.pop().ok_or_else(|| words.error(Problem::Missing))
    }

    fn if_not_exists(&mut self, words: &mut WordsIn<'_>) -> Result<(), Error> {
        let (otherwise, depth) = self.pop(words)?;
        if depth >= limits::OPERATORS {
            return Err(words.error(Problem::TooDeep));
        }
        let operand = Operand::IfNotExists(words.path()?, Box::new(otherwise));
        self.0.push((operand, depth + 1));
        Ok(())
    }

    /// A change by two operands, of which literals must be of this type.
    fn pair(
        &mut self,
        literal: &str,
        make: fn(Operand, Operand) -> NewValue,
        words: &WordsIn<'_>,
    ) -> Result<Change, Error> {
        let (right, _) = self.pop(words)?;
        let (left, _) = self.pop(words)?;
        for operand in [&left, &right] {
            match operand {
                Operand::Value(value) => must_be(value, &[literal], words)?,
                Operand::Path(_) | Operand::IfNotExists(..) => {}
            }
        }
        Ok(Change::Set(make(left, right)))
    }
}

fn must_be(value: &AttributeValue, types: &[&str], words: &WordsIn<'_>) -> Result<(), Error> {
    let fits = types.contains(&value.type_name());
    if fits { Ok(()) } else { Err(words.error(Problem::Operands)) }
}
