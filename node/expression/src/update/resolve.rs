//! From an update as it is written to the actions that it means.
//!
//! The checks go over the whole expression one after the other, so that of several errors the one is
//! reported that the service reports.

use std::sync::Arc;

use stator_model::AttributeValue;

use super::parse::{self, Clause, Operator, RawAction, RawChange, RawOperand, RawUpdate};
use super::{Action, Change, NewValue, Operand, Update};
use crate::function::Function;
use crate::path::RawPath;
use crate::path_tree::PathTree;
use crate::token::Cursor;
use crate::{ExpressionError, Fault, Kind, Path, Placeholders};

const IF_NOT_EXISTS: &str = Function::IfNotExists.name();
const LIST_APPEND: &str = Function::ListAppend.name();

impl Update {
    /// Reads an update expression.
    ///
    /// # Errors
    /// If the text is empty, too long, has too many operators or is not of the grammar; then, each of
    /// the whole expression, if a bare name is a reserved word, a function is unknown or may not stand
    /// where it does, a clause is used twice, a `#` placeholder is not defined, a `:` placeholder is
    /// not defined, targets overlap, targets conflict, ADD or DELETE cannot take its value, or
    /// another operator or function cannot take its operands.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, ExpressionError> {
        let mut cursor = Cursor::new(Kind::Update, text)?;
        let update = parse::update(&mut cursor).and_then(|raw| resolve(&raw, placeholders));
        update.map_err(|fault| fault.of(Kind::Update))
    }
}

fn resolve(raw: &RawUpdate<'_>, placeholders: &mut Placeholders) -> Result<Update, Fault> {
    let RawUpdate { clauses, actions: raw } = raw;
    raw.iter().flat_map(RawAction::paths).try_for_each(RawPath::check_reserved)?;
    check_functions(raw)?;
    check_clauses(clauses)?;
    // A name that is not defined anywhere is reported before a value, so all are looked up first.
    for path in raw.iter().flat_map(RawAction::paths) {
        path.resolve(placeholders)?;
    }
    for token in raw.iter().flat_map(RawAction::values) {
        placeholders.value(token)?;
    }
    let mut resolver = Resolver(placeholders);
    let targets = raw.iter().map(|action| resolver.path(&action.target));
    let targets: Vec<Path> = targets.collect::<Result<_, _>>()?;
    let tree = PathTree::new(&targets.iter().collect::<Vec<_>>())?;
    raw.iter().try_for_each(|action| resolver.check_action(&action.change))?;
    let changes = raw.iter().map(|action| resolver.change(&action.change));
    let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
    let actions = targets.into_iter().zip(changes);
    let actions = actions.map(|(target, change)| Action { target, change }).collect();
    Ok(Update { actions, targets: tree })
}

fn check_functions(raw: &[RawAction<'_>]) -> Result<(), Fault> {
    let calls = || raw.iter().flat_map(RawAction::calls);
    for (name, _) in calls() {
        Function::named(name)?;
    }
    for (name, around) in calls() {
        let function = Function::named(name)?;
        if !function.is_of_updates() {
            return Err(Fault::FunctionOfConditions { function: name.to_owned() });
        }
        // Observed: no function but if_not_exists may be an operand of a function.
        if function == Function::ListAppend && around.is_some() {
            return Err(function.misused());
        }
    }
    Ok(())
}

fn check_clauses(clauses: &[Clause]) -> Result<(), Fault> {
    let earlier = |at| clauses.get(..at).unwrap_or_default();
    let twice = clauses.iter().enumerate().find(|(at, clause)| earlier(*at).contains(clause));
    twice.map_or(Ok(()), |(_, clause)| Err(Fault::SectionTwice { section: clause.keyword() }))
}

/// Puts names and values in place of placeholders, and checks operands.
struct Resolver<'p>(&'p mut Placeholders);

impl Resolver<'_> {
    fn path(&mut self, path: &RawPath<'_>) -> Result<Path, Fault> {
        path.resolve(self.0)
    }

    fn value(&mut self, token: &str) -> Result<Arc<AttributeValue>, Fault> {
        self.0.value(token)
    }

    /// Checks that an ADD or DELETE can take its value.
    fn check_action(&mut self, change: &RawChange<'_>) -> Result<(), Fault> {
        let (action, token, takes_numbers) = match change {
            RawChange::Add(token) => (Clause::Add.keyword(), token, true),
            RawChange::Delete(token) => (Clause::Delete.keyword(), token, false),
            RawChange::Set(..) | RawChange::Remove => return Ok(()),
        };
        let value = self.value(token)?;
        if takes_numbers && matches!(*value, AttributeValue::N(_)) {
            return Ok(());
        }
        let refused = |operand_type| Err(Fault::ActionOperandType { action, operand_type });
        long_name(&value).map_or(Ok(()), refused)
    }

    fn change(&mut self, change: &RawChange<'_>) -> Result<Change, Fault> {
        match change {
            RawChange::Remove => Ok(Change::Remove),
            RawChange::Add(token) => self.value(token).map(Change::Add),
            RawChange::Delete(token) => self.value(token).map(Change::Delete),
            RawChange::Set(left, Some((operator, right))) => {
                self.sum(*operator, left, right).map(Change::Set)
            }
            RawChange::Set(RawOperand::Call(name, operands), None) if *name == LIST_APPEND => {
                self.list_append(operands).map(Change::Set)
            }
            RawChange::Set(operand, None) => {
                self.operand(operand).map(|operand| Change::Set(NewValue::Operand(operand)))
            }
        }
    }

    fn sum(
        &mut self,
        operator: Operator,
        left: &RawOperand<'_>,
        right: &RawOperand<'_>,
    ) -> Result<NewValue, Fault> {
        let left = self.typed_operand(left, operator.sign(), "N")?;
        let right = self.typed_operand(right, operator.sign(), "N")?;
        Ok(match operator {
            Operator::Plus => NewValue::Sum(left, right),
            Operator::Minus => NewValue::Difference(left, right),
        })
    }

    fn list_append(&mut self, operands: &[RawOperand<'_>]) -> Result<NewValue, Fault> {
        let [left, right] = pair(LIST_APPEND, operands)?;
        let left = self.typed_operand(left, LIST_APPEND, "L")?;
        let right = self.typed_operand(right, LIST_APPEND, "L")?;
        Ok(NewValue::ListAppend(left, right))
    }

    /// An operand of which the type must be this one, as far as it is known without an item.
    fn typed_operand(
        &mut self,
        operand: &RawOperand<'_>,
        operator: &'static str,
        expected: &'static str,
    ) -> Result<Operand, Fault> {
        let found = match operand {
            RawOperand::Value(token) => Some(self.value(token)?.type_name()),
            RawOperand::Call(name, _) if *name == LIST_APPEND => Some("L"),
            RawOperand::Path(_) | RawOperand::Call(..) => None,
        };
        match found {
            Some(found) if found != expected => Err(Fault::OperandType {
                operator: operator.to_owned(),
                operand_type: found.to_owned(),
            }),
            Some(_) | None => self.operand(operand),
        }
    }

    /// An operand that is no list_append.
    fn operand(&mut self, operand: &RawOperand<'_>) -> Result<Operand, Fault> {
        match operand {
            RawOperand::Path(path) => self.path(path).map(Operand::Path),
            RawOperand::Value(token) => self.value(token).map(Operand::Value),
            RawOperand::Call(_, operands) => {
                let [first, otherwise] = pair(IF_NOT_EXISTS, operands)?;
                let RawOperand::Path(path) = first else {
                    return Err(Fault::PathRequired { operator: IF_NOT_EXISTS.to_owned() });
                };
                let otherwise = Box::new(self.operand(otherwise)?);
                Ok(Operand::IfNotExists(self.path(path)?, otherwise))
            }
        }
    }
}

/// The operands of a function that takes two.
fn pair<'r, 'a>(
    function: &'static str,
    operands: &'r [RawOperand<'a>],
) -> Result<[&'r RawOperand<'a>; 2], Fault> {
    let [left, right] = operands else {
        let operator = function.to_owned();
        return Err(Fault::OperandCount { operator, count: operands.len() });
    };
    Ok([left, right])
}

/// The name of a type that is no set, in the messages on ADD and DELETE.
const fn long_name(value: &AttributeValue) -> Option<&'static str> {
    match value {
        AttributeValue::S(_) => Some("STRING"),
        AttributeValue::N(_) => Some("NUMBER"),
        AttributeValue::B(_) => Some("BINARY"),
        AttributeValue::Bool(_) => Some("BOOLEAN"),
        AttributeValue::Null => Some("NULL"),
        AttributeValue::L(_) => Some("LIST"),
        AttributeValue::M(_) => Some("MAP"),
        AttributeValue::Ss(_) | AttributeValue::Ns(_) | AttributeValue::Bs(_) => None,
    }
}
