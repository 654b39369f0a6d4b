//! Conditions as programs.

use std::sync::Arc;

use stator_model::AttributeValue;

use super::words::{WordsIn, WordsOut};
use super::{Error, Problem, Program, Reader, Writer};
use crate::condition::{Operator, TYPES};
use crate::function::Function;
use crate::{Comparator, Condition, Operand, limits};

mod op {
    pub(super) const PATH: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    pub(super) const SIZE: u32 = 3;
    pub(super) const COMPARE: u32 = 4;
    pub(super) const BETWEEN: u32 = 5;
    pub(super) const IN: u32 = 6;
    pub(super) const EXISTS: u32 = 7;
    pub(super) const NOT_EXISTS: u32 = 8;
    pub(super) const HAS_TYPE: u32 = 9;
    pub(super) const BEGINS_WITH: u32 = 10;
    pub(super) const CONTAINS: u32 = 11;
    pub(super) const NOT: u32 = 12;
    pub(super) const AND: u32 = 13;
    pub(super) const OR: u32 = 14;
}

/// Comparators by their numbers.
const COMPARATORS: [Comparator; 6] = [
    Comparator::Equal,
    Comparator::NotEqual,
    Comparator::Less,
    Comparator::LessOrEqual,
    Comparator::Greater,
    Comparator::GreaterOrEqual,
];

impl<'e> Writer<'e> {
    /// The program of a condition.
    pub fn condition(&mut self, condition: &'e Condition) -> Program {
        let mut out = WordsOut::new(self);
        put_condition(condition, &mut out);
        out.finish()
    }
}

fn put_condition<'e>(condition: &'e Condition, out: &mut WordsOut<'_, 'e>) {
    match condition {
        Condition::And(parts) => put_all(parts, op::AND, out),
        Condition::Or(parts) => put_all(parts, op::OR, out),
        Condition::Not(part) => {
            put_condition(part, out);
            out.word(op::NOT);
        }
        Condition::Compare { left, comparator, right } => {
            put_operands([left, right], op::COMPARE, out);
            out.count(place(&COMPARATORS, comparator));
        }
        Condition::Between { value, lower, upper } => {
            put_operands([value, lower, upper], op::BETWEEN, out);
        }
        Condition::In { value, options } => {
            put_operands(std::iter::once(value).chain(options), op::IN, out);
            out.count(options.len());
        }
        Condition::Exists(path) => put_path(path, op::EXISTS, out),
        Condition::NotExists(path) => put_path(path, op::NOT_EXISTS, out),
        Condition::HasType { value, type_name } => {
            put_operands([value], op::HAS_TYPE, out);
            out.count(place(&TYPES, type_name));
        }
        Condition::BeginsWith { value, prefix } => {
            put_operands([value, prefix], op::BEGINS_WITH, out);
        }
        Condition::Contains { value, element } => {
            put_operands([value, element], op::CONTAINS, out);
        }
    }
}

fn put_all<'e>(parts: &'e [Condition], operation: u32, out: &mut WordsOut<'_, 'e>) {
    parts.iter().for_each(|part| put_condition(part, out));
    out.word(operation);
    out.count(parts.len());
}

fn put_path<'e>(path: &'e crate::Path, operation: u32, out: &mut WordsOut<'_, 'e>) {
    out.word(op::PATH);
    out.path(path);
    out.word(operation);
}

fn put_operands<'e>(
    operands: impl IntoIterator<Item = &'e Operand>,
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
        Operand::Size(of) => {
            put_operand(of, out);
            out.word(op::SIZE);
        }
    }
}

fn place<T: PartialEq>(all: &[T], this: &T) -> usize {
    all.iter().position(|other| other == this).expect("all of them are listed")
}

impl Reader {
    /// The condition of a program.
    ///
    /// # Errors
    /// If it is none, or none that a request can have.
    pub fn condition(&self, program: &Program) -> Result<Condition, Error> {
        let mut words = WordsIn::new("condition", self, program);
        let mut stack = Stack::default();
        while let Some(operation) = words.operation() {
            stack.step(operation, &mut words)?;
        }
        match (stack.conditions.pop(), stack.conditions.is_empty() && stack.operands.is_empty()) {
            (Some((condition, _)), true) => Ok(condition),
            (Some(_), false) => Err(words.error(Problem::LeftOver)),
            (None, _) => Err(words.error(Problem::Missing)),
        }
    }
}

/// What was read and is not yet part of anything.
#[derive(Default)]
struct Stack {
    operands: Vec<Operand>,
    /// Each with its depth.
    conditions: Vec<(Condition, usize)>,
}

impl Stack {
    fn step(&mut self, operation: u32, words: &mut WordsIn<'_>) -> Result<(), Error> {
        match operation {
            op::PATH => self.operands.push(Operand::Path(words.path()?)),
            op::VALUE => self.operands.push(Operand::Value(words.value()?)),
            op::SIZE => self.size(words)?,
            op::COMPARE => {
                let comparator = words.choice(&COMPARATORS)?;
                self.predicate(Operator::Compare(comparator), 2, words)?;
            }
            op::BETWEEN => self.predicate(Operator::Between, 3, words)?,
            op::IN => match words.count()? {
                0 => return Err(words.error(Problem::Missing)),
                options => self.predicate(Operator::In, options + 1, words)?,
            },
            op::EXISTS => self.call(Function::AttributeExists, words)?,
            op::NOT_EXISTS => self.call(Function::AttributeNotExists, words)?,
            op::HAS_TYPE => {
                let name = AttributeValue::S(words.choice(&TYPES)?.to_owned());
                self.operands.push(Operand::Value(Arc::new(name)));
                self.call(Function::AttributeType, words)?;
            }
            op::BEGINS_WITH => self.call(Function::BeginsWith, words)?,
            op::CONTAINS => self.call(Function::Contains, words)?,
            op::NOT => {
                let (mut parts, depth) = self.parts(1, words)?;
                let part = parts.pop().ok_or_else(|| words.error(Problem::Missing))?;
                self.put(Condition::Not(Box::new(part)), depth, words)?;
            }
            op::AND | op::OR => {
                let (parts, depth) = match words.count()? {
                    0 | 1 => return Err(words.error(Problem::Missing)),
                    count => self.parts(count, words)?,
                };
                let whole =
                    if operation == op::AND { Condition::And(parts) } else { Condition::Or(parts) };
                self.put(whole, depth, words)?;
            }
            unknown => return Err(words.error(Problem::Operation(unknown))),
        }
        Ok(())
    }

    /// A size() of a size() is refused at once: a tower of them could not be taken down again.
    fn size(&mut self, words: &WordsIn<'_>) -> Result<(), Error> {
        match self.operands.pop() {
            Some(of @ (Operand::Path(_) | Operand::Value(_))) => {
                self.operands.push(Operand::Size(Box::new(of)));
                Ok(())
            }
            Some(Operand::Size(_)) => Err(words.error(Problem::Operands)),
            None => Err(words.error(Problem::Missing)),
        }
    }

    fn call(&mut self, function: Function, words: &WordsIn<'_>) -> Result<(), Error> {
        self.predicate(Operator::Call(function), function.operands(), words)
    }

    fn predicate(
        &mut self,
        operator: Operator,
        count: usize,
        words: &WordsIn<'_>,
    ) -> Result<(), Error> {
        let from = self.operands.len().checked_sub(count);
        let from = from.ok_or_else(|| words.error(Problem::Missing))?;
        // The reason would show values of the client.
        let condition = operator
            .build(self.operands.split_off(from))
            .map_err(|_| words.error(Problem::Operands))?;
        self.put(condition, 0, words)
    }

    /// The last conditions, and the depth of the deepest.
    fn parts(
        &mut self,
        count: usize,
        words: &WordsIn<'_>,
    ) -> Result<(Vec<Condition>, usize), Error> {
        let from = self.conditions.len().checked_sub(count);
        let from = from.ok_or_else(|| words.error(Problem::Missing))?;
        let parts = self.conditions.split_off(from);
        let depth = parts.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        Ok((parts.into_iter().map(|(part, _)| part).collect(), depth))
    }

    /// Takes in a condition around others of this depth.
    fn put(
        &mut self,
        condition: Condition,
        inside: usize,
        words: &WordsIn<'_>,
    ) -> Result<(), Error> {
        if inside >= limits::OPERATORS {
            return Err(words.error(Problem::TooDeep));
        }
        self.conditions.push((condition, inside + 1));
        Ok(())
    }
}
