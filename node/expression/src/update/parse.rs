//! The grammar of update expressions.
//!
//! ```text
//! update  := clause {clause}                 each keyword once, in any order
//! clause  := SET path = value {, …} | REMOVE path {, …} | ADD path :v {, …} | DELETE path :v {, …}
//! value   := sum | ( sum )
//! sum     := operand [+ operand] | operand [- operand]
//! operand := term | ( term )
//! term    := path | :v | name( operand {, operand} )
//! ```
//!
//! Any name of a function is read, and any clause twice: that is found out behind the grammar, as the
//! service does.

use crate::Fault;
use crate::path::RawPath;
use crate::token::{Cursor, TokenKind};

/// The clauses of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Set,
    Remove,
    Add,
    Delete,
}

/// An update as it is written.
#[derive(Debug)]
pub(super) struct RawUpdate<'a> {
    /// The keywords.
    pub(super) clauses: Vec<Clause>,
    /// What stands behind all of them.
    pub(super) actions: Vec<RawAction<'a>>,
}

/// An action as it is written.
#[derive(Debug)]
pub(super) struct RawAction<'a> {
    pub(super) target: RawPath<'a>,
    pub(super) change: RawChange<'a>,
}

/// What an action does, as it is written. Values are placeholders, with their `:`.
#[derive(Debug)]
pub(super) enum RawChange<'a> {
    Set(RawOperand<'a>, Option<(Operator, RawOperand<'a>)>),
    Remove,
    Add(&'a str),
    Delete(&'a str),
}

/// An operand as it is written.
#[derive(Debug)]
pub(super) enum RawOperand<'a> {
    Path(RawPath<'a>),
    /// A placeholder, with its `:`.
    Value(&'a str),
    /// A function and its operands, at least one.
    Call(&'a str, Vec<Self>),
}

/// The operators of a SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
}

impl Clause {
    const ALL: [Self; 4] = [Self::Set, Self::Remove, Self::Add, Self::Delete];

    /// The word with which the clause begins, as messages show it.
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Remove => "REMOVE",
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }

    fn at(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let found = Self::ALL.into_iter().find(|clause| cursor.eat_word(clause.keyword()));
        found.ok_or_else(|| cursor.syntax_error())
    }

    fn action<'a>(self, cursor: &mut Cursor<'a>) -> Result<RawAction<'a>, Fault> {
        let target = cursor.path()?;
        let change = match self {
            Self::Set => {
                cursor.expect(TokenKind::Equal)?;
                let (left, right) = value(cursor)?;
                RawChange::Set(left, right)
            }
            Self::Remove => RawChange::Remove,
            Self::Add => RawChange::Add(cursor.expect(TokenKind::ValuePlaceholder)?.text),
            Self::Delete => RawChange::Delete(cursor.expect(TokenKind::ValuePlaceholder)?.text),
        };
        Ok(RawAction { target, change })
    }
}

impl Operator {
    /// The sign, as messages show it.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
        }
    }

    fn at(cursor: &mut Cursor<'_>) -> Option<Self> {
        if cursor.eat(TokenKind::Plus) {
            Some(Self::Plus)
        } else {
            cursor.eat(TokenKind::Minus).then_some(Self::Minus)
        }
    }
}

/// Reads an update up to its end.
pub(super) fn update<'a>(cursor: &mut Cursor<'a>) -> Result<RawUpdate<'a>, Fault> {
    // Before anything else: functions nest no deeper than there are operators.
    cursor.check_operators()?;
    let mut update = RawUpdate { clauses: Vec::new(), actions: Vec::new() };
    loop {
        let clause = Clause::at(cursor)?;
        update.clauses.push(clause);
        update.actions.push(clause.action(cursor)?);
        while cursor.eat(TokenKind::Comma) {
            update.actions.push(clause.action(cursor)?);
        }
        if cursor.expect_end().is_ok() {
            return Ok(update);
        }
    }
}

/// An operand and what may follow it on the right-hand side of a SET.
type RawValue<'a> = (RawOperand<'a>, Option<(Operator, RawOperand<'a>)>);

fn value<'a>(cursor: &mut Cursor<'a>) -> Result<RawValue<'a>, Fault> {
    if !cursor.eat(TokenKind::Open) {
        let left = operand(cursor)?;
        return sum(left, cursor);
    }
    let doubled = cursor.peek().kind == TokenKind::Open;
    let left = operand(cursor)?;
    let (left, right) = sum(left, cursor)?;
    cursor.expect(TokenKind::Close)?;
    // The parentheses may have been those of the first operand.
    if right.is_none() && !doubled { sum(left, cursor) } else { Ok((left, right)) }
}

fn sum<'a>(left: RawOperand<'a>, cursor: &mut Cursor<'a>) -> Result<RawValue<'a>, Fault> {
    let right = match Operator::at(cursor) {
        Some(operator) => Some((operator, operand(cursor)?)),
        None => None,
    };
    Ok((left, right))
}

fn operand<'a>(cursor: &mut Cursor<'a>) -> Result<RawOperand<'a>, Fault> {
    if !cursor.eat(TokenKind::Open) {
        return term(cursor);
    }
    let inner = term(cursor)?;
    cursor.expect(TokenKind::Close)?;
    Ok(inner)
}

fn term<'a>(cursor: &mut Cursor<'a>) -> Result<RawOperand<'a>, Fault> {
    if cursor.peek().kind == TokenKind::ValuePlaceholder {
        return Ok(RawOperand::Value(cursor.take().text));
    }
    if !cursor.at_call() {
        return Ok(RawOperand::Path(cursor.path()?));
    }
    let name = cursor.take().text;
    cursor.expect(TokenKind::Open)?;
    let mut operands = vec![operand(cursor)?];
    while cursor.eat(TokenKind::Comma) {
        operands.push(operand(cursor)?);
    }
    cursor.expect(TokenKind::Close)?;
    Ok(RawOperand::Call(name, operands))
}

impl<'a> RawAction<'a> {
    /// The operands and those inside them, in the order in which they are written, each with the
    /// function whose operand it is.
    fn operands(&self) -> Vec<(&RawOperand<'a>, Option<&'a str>)> {
        let (left, right) = match &self.change {
            RawChange::Set(left, right) => (Some(left), right.as_ref().map(|(_, right)| right)),
            RawChange::Remove | RawChange::Add(_) | RawChange::Delete(_) => (None, None),
        };
        let mut open: Vec<_> = right.into_iter().chain(left).map(|it| (it, None)).collect();
        let mut all = Vec::new();
        while let Some((operand, around)) = open.pop() {
            all.push((operand, around));
            if let RawOperand::Call(name, operands) = operand {
                open.extend(operands.iter().rev().map(|inner| (inner, Some(*name))));
            }
        }
        all
    }

    /// The target and what operands name.
    pub(super) fn paths(&self) -> impl Iterator<Item = &RawPath<'a>> {
        let right = self.operands().into_iter().filter_map(|(operand, _)| match operand {
            RawOperand::Path(path) => Some(path),
            RawOperand::Value(_) | RawOperand::Call(..) => None,
        });
        std::iter::once(&self.target).chain(right)
    }

    /// Placeholders of values.
    pub(super) fn values(&self) -> impl Iterator<Item = &'a str> {
        let own = match self.change {
            RawChange::Add(token) | RawChange::Delete(token) => Some(token),
            RawChange::Set(..) | RawChange::Remove => None,
        };
        let operands = self.operands().into_iter().filter_map(|(operand, _)| match operand {
            RawOperand::Value(token) => Some(*token),
            RawOperand::Path(_) | RawOperand::Call(..) => None,
        });
        own.into_iter().chain(operands)
    }

    /// Functions, each with the one whose operand it is.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.operands().into_iter().filter_map(|(operand, around)| match operand {
            RawOperand::Call(name, _) => Some((*name, around)),
            RawOperand::Path(_) | RawOperand::Value(_) => None,
        })
    }
}
