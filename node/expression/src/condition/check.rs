//! What can be wrong with a condition besides its syntax.
//!
//! Nothing here depends on an item: the service refuses a condition that no item could ever be asked,
//! whether or not there is an item. The order of the checks was found out by probing the service.

use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stator_model::AttributeValue;

use crate::{Fault, Kind, Path, Placeholders, limits};

use super::evaluate::order;
use super::raw::{RawCondition, RawOperand, RawOperator, RawPredicate, Tree};
use super::{Comparator, Condition, Operand};
use crate::function::Function;

/// The types, in the order in which the service lists them for attribute_type.
pub(crate) const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

/// What the service calls the type of a path, which is not known, where it wants a string.
const ANY_TYPE: &str = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

impl<'a> RawCondition<'a> {
    /// The condition, if all checks pass.
    pub(crate) fn check(&self, placeholders: &mut Placeholders) -> Result<Condition, Fault> {
        // Key conditions are observed to be taken with doubled parentheses, all others are not.
        if self.redundant_parentheses && self.kind != Kind::KeyCondition {
            return Err(Fault::RedundantParentheses);
        }
        self.tree.each_predicate(&mut |predicate| predicate.check_functions_known())?;
        self.tree.each_predicate(&mut |predicate| predicate.check_functions_in_place())?;
        self.tree.each_predicate(&mut |predicate| {
            predicate.operands.iter().try_for_each(RawOperand::check_reserved)
        })?;
        self.tree.resolve(placeholders)
    }
}

impl<'a> Tree<'a> {
    fn resolve(&self, placeholders: &mut Placeholders) -> Result<Condition, Fault> {
        let mut all = |parts: &[Self]| -> Result<Vec<_>, _> {
            parts.iter().map(|part| part.resolve(placeholders)).collect()
        };
        match self {
            Self::And(parts) => all(parts).map(Condition::And),
            Self::Or(parts) => all(parts).map(Condition::Or),
            Self::Not(part) => Ok(Condition::Not(Box::new(part.resolve(placeholders)?))),
            Self::Predicate(predicate) => predicate.resolve(placeholders),
        }
    }
}

impl<'a> RawOperand<'a> {
    fn check_functions_known(&self) -> Result<(), Fault> {
        match self {
            Self::Path(_) | Self::Value(_) => Ok(()),
            Self::Call { name, operands } => {
                operands.iter().try_for_each(Self::check_functions_known)?;
                Function::named(name).map(|_| ())
            }
        }
    }

    fn check_functions_in_place(&self) -> Result<(), Fault> {
        match self {
            Self::Path(_) | Self::Value(_) => Ok(()),
            Self::Call { name, operands } => {
                operands.iter().try_for_each(Self::check_functions_in_place)?;
                let function = Function::named(name)?;
                if function.is_operand() { Ok(()) } else { Err(function.misused()) }
            }
        }
    }

    fn check_reserved(&self) -> Result<(), Fault> {
        match self {
            Self::Path(path) => path.check_reserved(),
            Self::Value(_) => Ok(()),
            Self::Call { operands, .. } => operands.iter().try_for_each(Self::check_reserved),
        }
    }
}

impl<'a> RawPredicate<'a> {
    fn check_functions_known(&self) -> Result<(), Fault> {
        self.operands.iter().try_for_each(RawOperand::check_functions_known)?;
        self.function().map(|_| ())
    }

    fn check_functions_in_place(&self) -> Result<(), Fault> {
        self.operands.iter().try_for_each(RawOperand::check_functions_in_place)?;
        match self.function()? {
            Some(function) if !function.is_condition() => Err(function.misused()),
            Some(_) | None => Ok(()),
        }
    }

    /// The function that the predicate is, if it is one.
    fn function(&self) -> Result<Option<Function>, Fault> {
        match self.operator {
            RawOperator::Call(name) => Function::named(name).map(Some),
            RawOperator::Compare(_) | RawOperator::Between | RawOperator::In => Ok(None),
        }
    }

    fn resolve(&self, placeholders: &mut Placeholders) -> Result<Condition, Fault> {
        let resolve = |operand: &RawOperand<'a>| Term::resolve(operand, placeholders);
        let terms: Vec<Term> = self.operands.iter().map(resolve).collect::<Result<_, _>>()?;
        let operands: Vec<Operand> =
            terms.into_iter().map(Term::into_operand).collect::<Result<_, _>>()?;
        let operator = match self.operator {
            RawOperator::Compare(comparator) => Operator::Compare(comparator),
            RawOperator::Between => Operator::Between,
            RawOperator::In => Operator::In,
            RawOperator::Call(name) => Operator::Call(Function::named(name)?),
        };
        operator.check_count(operands.len())?;
        operator.build(operands)
    }
}

/// An operand with names and values in place, not yet known to have the right number of operands.
enum Term {
    Path(Path),
    Value(Arc<AttributeValue>),
    Size(Vec<Term>),
}

impl Term {
    fn resolve<'a>(raw: &RawOperand<'a>, placeholders: &mut Placeholders) -> Result<Self, Fault> {
        match raw {
            RawOperand::Path(path) => path.resolve(placeholders).map(Self::Path),
            RawOperand::Value(token) => placeholders.value(token).map(Self::Value),
            RawOperand::Call { operands, .. } => {
                let resolve = |operand| Self::resolve(operand, placeholders);
                operands.iter().map(resolve).collect::<Result<_, _>>().map(Self::Size)
            }
        }
    }

    fn into_operand(self) -> Result<Operand, Fault> {
        match self {
            Self::Path(path) => Ok(Operand::Path(path)),
            Self::Value(value) => Ok(Operand::Value(value)),
            Self::Size(of) => {
                let of: Vec<_> =
                    of.into_iter().map(Self::into_operand).collect::<Result<_, _>>()?;
                let [of] = exactly("size", of)?;
                Ok(Operand::Size(Box::new(of)))
            }
        }
    }
}

/// The operands, if there are as many as there must be.
fn exactly<const N: usize>(operator: &str, operands: Vec<Operand>) -> Result<[Operand; N], Fault> {
    <[Operand; N]>::try_from(operands).map_err(|operands| wrong_count(operator, operands.len()))
}

fn wrong_count(operator: &str, count: usize) -> Fault {
    Fault::OperandCount { operator: operator.to_owned(), count }
}

fn wrong_type(operator: &str, operand_type: &str) -> Fault {
    Fault::OperandType { operator: operator.to_owned(), operand_type: operand_type.to_owned() }
}

impl Operand {
    /// Its type, if that does not depend on the item.
    fn literal_type(&self) -> Option<&'static str> {
        match self {
            Self::Path(_) => None,
            Self::Value(value) => Some(value.type_name()),
            Self::Size(_) => Some("N"),
        }
    }

    /// Checks that the operand is of one of these types, or that it depends on the item.
    fn check_type(&self, operator: &str, types: &[&str]) -> Result<(), Fault> {
        match self.literal_type() {
            Some(literal) if !types.contains(&literal) => Err(wrong_type(operator, literal)),
            Some(_) | None => Ok(()),
        }
    }
}

/// Checks that what is in a size() can have a size. Another size() cannot: it is a number.
fn check_size_operand(operand: &Operand) -> Result<(), Fault> {
    match operand {
        Operand::Path(_) | Operand::Value(_) => Ok(()),
        Operand::Size(of) => of.check_type("size", &["S", "B", "SS", "NS", "BS", "L", "M"]),
    }
}

/// What a predicate does with its operands.
#[derive(Clone, Copy)]
pub(crate) enum Operator {
    Compare(Comparator),
    Between,
    In,
    Call(Function),
}

impl Operator {
    const fn name(self) -> &'static str {
        match self {
            Self::Compare(comparator) => comparator.symbol(),
            Self::Between => "BETWEEN",
            Self::In => "IN",
            Self::Call(function) => function.name(),
        }
    }

    fn check_count(self, count: usize) -> Result<(), Fault> {
        let options = count.saturating_sub(1);
        match self {
            // The syntax sees to these.
            Self::Compare(_) | Self::Between => Ok(()),
            Self::In if options > limits::IN_OPERANDS => {
                Err(Fault::TooManyInOperands { count: options })
            }
            Self::Call(function) if count != function.operands() => {
                Err(wrong_count(function.name(), count))
            }
            Self::In | Self::Call(_) => Ok(()),
        }
    }

    fn check_distinct(self, operands: &[Operand]) -> Result<(), Fault> {
        match operands.split_first() {
            Some((first @ Operand::Path(path), rest)) if rest.contains(first) => {
                let (operator, operand) = (self.name().to_owned(), path.to_string());
                Err(Fault::SameOperands { operator, operand })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The predicate of these operands, if they can be its operands. Legacy parameters may have more of
    /// them behind an IN than expressions.
    pub(crate) fn build(self, operands: Vec<Operand>) -> Result<Condition, Fault> {
        self.check_distinct(&operands)?;
        operands.iter().try_for_each(check_size_operand)?;
        self.apply(operands)
    }

    /// The predicate of these operands, if their types can be right.
    fn apply(self, operands: Vec<Operand>) -> Result<Condition, Fault> {
        let name = self.name();
        match self {
            Self::Compare(comparator) => {
                let [left, right] = exactly(name, operands)?;
                compare(left, comparator, right)
            }
            Self::Between => {
                let [value, lower, upper] = exactly(name, operands)?;
                between(value, lower, upper)
            }
            Self::In => {
                let mut operands = operands.into_iter();
                let value = operands.next().ok_or_else(|| wrong_count(name, 0))?;
                Ok(Condition::In { value, options: operands.collect() })
            }
            Self::Call(function) => call(function, operands),
        }
    }
}

fn call(function: Function, operands: Vec<Operand>) -> Result<Condition, Fault> {
    let name = function.name();
    match function {
        Function::AttributeExists => {
            let [operand] = exactly(name, operands)?;
            path_of(name, operand).map(Condition::Exists)
        }
        Function::AttributeNotExists => {
            let [operand] = exactly(name, operands)?;
            path_of(name, operand).map(Condition::NotExists)
        }
        Function::AttributeType => {
            let [value, wanted] = exactly(name, operands)?;
            Ok(Condition::HasType { value, type_name: type_named(&wanted)? })
        }
        Function::BeginsWith => {
            let [value, prefix] = exactly(name, operands)?;
            value.check_type(name, &["S", "B"])?;
            prefix.check_type(name, &["S", "B"])?;
            Ok(Condition::BeginsWith { value, prefix })
        }
        Function::Contains => {
            let [value, element] = exactly(name, operands)?;
            Ok(Condition::Contains { value, element })
        }
        Function::Size | Function::IfNotExists | Function::ListAppend => Err(function.misused()),
    }
}

/// Types that have an order.
const ORDERED: [&str; 3] = ["S", "N", "B"];

fn compare(left: Operand, comparator: Comparator, right: Operand) -> Result<Condition, Fault> {
    match comparator {
        Comparator::Equal | Comparator::NotEqual => {}
        Comparator::Less
        | Comparator::LessOrEqual
        | Comparator::Greater
        | Comparator::GreaterOrEqual => {
            left.check_type(comparator.symbol(), &ORDERED)?;
            right.check_type(comparator.symbol(), &ORDERED)?;
        }
    }
    Ok(Condition::Compare { left, comparator, right })
}

fn between(value: Operand, lower: Operand, upper: Operand) -> Result<Condition, Fault> {
    for operand in [&value, &lower, &upper] {
        operand.check_type("BETWEEN", &ORDERED)?;
    }
    if let (Operand::Value(from), Operand::Value(to)) = (&lower, &upper) {
        check_bounds(from, to)?;
    }
    Ok(Condition::Between { value, lower, upper })
}

/// Checks bounds that do not depend on the item. Both are of types that have an order.
fn check_bounds(lower: &AttributeValue, upper: &AttributeValue) -> Result<(), Fault> {
    let order = order(lower, upper);
    if order.is_some_and(Ordering::is_le) {
        return Ok(());
    }
    let (lower, upper) = (shown(lower), shown(upper));
    Err(match order {
        Some(_) => Fault::BoundsReversed { lower, upper },
        None => Fault::BoundsOfTwoTypes { lower, upper },
    })
}

/// A bound as messages show it: `{N:2}`. Only types that have an order come here.
fn shown(bound: &AttributeValue) -> String {
    let content = match bound {
        AttributeValue::S(text) => text.clone(),
        AttributeValue::N(number) => number.to_string(),
        AttributeValue::B(bytes) => STANDARD.encode(bytes),
        AttributeValue::Bool(_)
        | AttributeValue::Null
        | AttributeValue::Ss(_)
        | AttributeValue::Ns(_)
        | AttributeValue::Bs(_)
        | AttributeValue::L(_)
        | AttributeValue::M(_) => String::new(),
    };
    format!("{{{}:{content}}}", bound.type_name())
}

fn path_of(operator: &str, operand: Operand) -> Result<Path, Fault> {
    match operand {
        Operand::Path(path) => Ok(path),
        Operand::Value(_) | Operand::Size(_) => {
            Err(Fault::PathRequired { operator: operator.to_owned() })
        }
    }
}

/// The type that the second operand of attribute_type names.
fn type_named(operand: &Operand) -> Result<&'static str, Fault> {
    if let Operand::Value(value) = operand
        && let AttributeValue::S(name) = value.as_ref()
    {
        let known = TYPES.into_iter().find(|known| known == name);
        return known.ok_or_else(|| Fault::UnknownType { name: name.clone() });
    }
    Err(wrong_type("attribute_type", operand.literal_type().unwrap_or(ANY_TYPE)))
}
