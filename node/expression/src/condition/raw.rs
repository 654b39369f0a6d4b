//! Conditions as they are written: syntax, and nothing else.
//!
//! ```text
//! condition := conjunction {OR conjunction}      conjunction := negation {AND negation}
//! negation  := [NOT] primary                     primary := predicate | ( condition )
//! predicate := operand comparator operand | operand BETWEEN operand AND operand
//!            | operand IN ( operand {, operand} ) | call
//! operand   := path | :value | call | ( operand )
//! call      := name ( operand {, operand} )
//! ```
//!
//! Any name may be a function's here, and any function may stand anywhere: the service reports what is
//! wrong with functions after it has read all of the text.

use crate::path::RawPath;
use crate::token::{Cursor, TokenKind};
use crate::{ExpressionError, Fault, Kind, limits};

use super::Comparator;

/// A condition as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawCondition<'a> {
    pub(super) kind: Kind,
    pub(super) tree: Tree<'a>,
    /// Whether parentheses stand directly inside parentheses.
    pub(super) redundant_parentheses: bool,
}

/// Predicates and what holds them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree<'a> {
    And(Vec<Tree<'a>>),
    Or(Vec<Tree<'a>>),
    Not(Box<Tree<'a>>),
    Predicate(RawPredicate<'a>),
}

/// An operator or function and its operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawPredicate<'a> {
    pub(super) operator: RawOperator<'a>,
    pub(super) operands: Vec<RawOperand<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawOperator<'a> {
    Compare(Comparator),
    Between,
    In,
    Call(&'a str),
}

/// An operand as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RawOperand<'a> {
    Path(RawPath<'a>),
    /// A placeholder, with its `:`.
    Value(&'a str),
    Call {
        name: &'a str,
        operands: Vec<RawOperand<'a>>,
    },
}

impl<'a> Tree<'a> {
    /// Shows every predicate, in the order in which they are written, until one is wrong.
    pub(super) fn each_predicate(
        &self,
        check: &mut dyn FnMut(&RawPredicate<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().try_for_each(|part| part.each_predicate(check))
            }
            Self::Not(part) => part.each_predicate(check),
            Self::Predicate(predicate) => check(predicate),
        }
    }
}

impl<'a> RawCondition<'a> {
    /// Reads all of `text`.
    pub(crate) fn parse(kind: Kind, text: &'a str) -> Result<Self, ExpressionError> {
        let cursor = Cursor::new(kind, text)?;
        let parser = Parser { cursor, nesting: 0, redundant_parentheses: false };
        parser.whole().map_err(|fault| fault.of(kind))
    }
}

/// What has been read: parentheses alone do not tell whether a condition or an operand is in them.
struct Piece<'a> {
    content: Content<'a>,
    /// Whether it is parentheses and what is in them.
    in_parentheses: bool,
}

enum Content<'a> {
    Condition(Tree<'a>),
    Operand(RawOperand<'a>),
}

impl<'a> From<Tree<'a>> for Piece<'a> {
    fn from(tree: Tree<'a>) -> Self {
        Self { content: Content::Condition(tree), in_parentheses: false }
    }
}

impl<'a> From<RawPredicate<'a>> for Piece<'a> {
    fn from(predicate: RawPredicate<'a>) -> Self {
        Tree::Predicate(predicate).into()
    }
}

/// The only part, or what all parts together are.
fn one_or<'a>(mut parts: Vec<Tree<'a>>, all: fn(Vec<Tree<'a>>) -> Tree<'a>) -> Tree<'a> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            all(parts)
        }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    /// Parentheses that are open.
    nesting: usize,
    redundant_parentheses: bool,
}

impl<'a> Parser<'a> {
    fn whole(mut self) -> Result<RawCondition<'a>, Fault> {
        let piece = self.sequence()?;
        self.cursor.expect_end()?;
        let tree = self.condition(piece)?;
        self.cursor.check_operators()?;
        let Self { cursor, redundant_parentheses, .. } = self;
        Ok(RawCondition { kind: cursor.kind(), tree, redundant_parentheses })
    }

    /// A whole condition, or the operand that turns out to stand there alone.
    ///
    /// This and [`primary`](Self::primary) are all that one pair of parentheses takes of the stack.
    fn sequence(&mut self) -> Result<Piece<'a>, Fault> {
        let mut disjunction = Vec::new();
        let mut conjunction = Vec::new();
        loop {
            let negated = self.cursor.eat_word("NOT");
            let piece = self.primary()?;
            let joined = self.cursor.peek().is_word("AND") || self.cursor.peek().is_word("OR");
            if !joined && !negated && conjunction.is_empty() && disjunction.is_empty() {
                return Ok(piece);
            }
            let tree = self.condition(piece)?;
            conjunction.push(if negated { Tree::Not(Box::new(tree)) } else { tree });
            if !self.cursor.eat_word("AND") {
                let parts = std::mem::take(&mut conjunction);
                disjunction.push(one_or(parts, Tree::And));
                if !self.cursor.eat_word("OR") {
                    return Ok(one_or(disjunction, Tree::Or).into());
                }
            }
        }
    }

    fn primary(&mut self) -> Result<Piece<'a>, Fault> {
        if self.cursor.peek().kind != TokenKind::Open {
            let operand = self.operand()?;
            return self.predicate(operand, false);
        }
        self.open()?;
        let inner = self.sequence()?;
        self.close(inner.in_parentheses)?;
        match inner.content {
            Content::Condition(_) => Ok(Piece { in_parentheses: true, ..inner }),
            Content::Operand(operand) => self.predicate(operand, true),
        }
    }

    /// What begins with an operand: a predicate, or the operand alone.
    fn predicate(
        &mut self,
        left: RawOperand<'a>,
        in_parentheses: bool,
    ) -> Result<Piece<'a>, Fault> {
        if let Some(comparator) = comparator(self.cursor.peek().kind) {
            self.cursor.take();
            let operands = vec![left, self.operand_in_parentheses()?];
            let operator = RawOperator::Compare(comparator);
            return Ok(RawPredicate { operator, operands }.into());
        }
        if self.cursor.eat_word("BETWEEN") {
            let lower = self.operand_in_parentheses()?;
            if !self.cursor.eat_word("AND") {
                return Err(self.cursor.syntax_error());
            }
            let operands = vec![left, lower, self.operand_in_parentheses()?];
            return Ok(RawPredicate { operator: RawOperator::Between, operands }.into());
        }
        if self.cursor.eat_word("IN") {
            let mut operands = vec![left];
            self.operands(&mut operands)?;
            return Ok(RawPredicate { operator: RawOperator::In, operands }.into());
        }
        let is_call = matches!(left, RawOperand::Call { .. });
        let may_close = self.nesting > 0 && self.cursor.peek().kind == TokenKind::Close;
        if is_call || may_close {
            return Ok(Piece { content: Content::Operand(left), in_parentheses });
        }
        Err(self.cursor.syntax_error())
    }

    /// The condition that a piece is. A function alone is one.
    fn condition(&self, piece: Piece<'a>) -> Result<Tree<'a>, Fault> {
        match piece.content {
            Content::Condition(tree) => Ok(tree),
            Content::Operand(RawOperand::Call { name, operands }) => {
                Ok(Tree::Predicate(RawPredicate { operator: RawOperator::Call(name), operands }))
            }
            Content::Operand(RawOperand::Path(_) | RawOperand::Value(_)) => {
                Err(self.cursor.syntax_error())
            }
        }
    }

    fn operand_in_parentheses(&mut self) -> Result<RawOperand<'a>, Fault> {
        if self.cursor.peek().kind != TokenKind::Open {
            return self.operand();
        }
        self.open()?;
        let doubled = self.cursor.peek().kind == TokenKind::Open;
        let operand = self.operand_in_parentheses()?;
        self.close(doubled)?;
        Ok(operand)
    }

    fn operand(&mut self) -> Result<RawOperand<'a>, Fault> {
        if self.cursor.at_call() {
            let name = self.cursor.take().text;
            let mut operands = Vec::new();
            self.operands(&mut operands)?;
            Ok(RawOperand::Call { name, operands })
        } else if self.cursor.peek().kind == TokenKind::ValuePlaceholder {
            Ok(RawOperand::Value(self.cursor.take().text))
        } else {
            self.cursor.path().map(RawOperand::Path)
        }
    }

    /// Operands in parentheses, at least one.
    fn operands(&mut self, operands: &mut Vec<RawOperand<'a>>) -> Result<(), Fault> {
        self.open()?;
        operands.push(self.operand_in_parentheses()?);
        while self.cursor.eat(TokenKind::Comma) {
            operands.push(self.operand_in_parentheses()?);
        }
        self.close(false)
    }

    /// Takes an opening parenthesis. Everything that recurses does it here, so this bounds the stack:
    /// who nests deeper has more operators than are allowed, or parentheses that hold nothing else.
    fn open(&mut self) -> Result<(), Fault> {
        self.cursor.expect(TokenKind::Open)?;
        self.nesting += 1;
        if self.nesting > limits::OPERATORS {
            self.cursor.check_operators()?;
            return Err(Fault::RedundantParentheses);
        }
        Ok(())
    }

    fn close(&mut self, redundant: bool) -> Result<(), Fault> {
        self.cursor.expect(TokenKind::Close)?;
        self.nesting -= 1;
        self.redundant_parentheses |= redundant;
        Ok(())
    }
}

const fn comparator(token: TokenKind) -> Option<Comparator> {
    match token {
        TokenKind::Equal => Some(Comparator::Equal),
        TokenKind::NotEqual => Some(Comparator::NotEqual),
        TokenKind::Less => Some(Comparator::Less),
        TokenKind::LessOrEqual => Some(Comparator::LessOrEqual),
        TokenKind::Greater => Some(Comparator::Greater),
        TokenKind::GreaterOrEqual => Some(Comparator::GreaterOrEqual),
        TokenKind::Word
        | TokenKind::NamePlaceholder
        | TokenKind::ValuePlaceholder
        | TokenKind::Digits
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::OpenBracket
        | TokenKind::CloseBracket
        | TokenKind::Dot
        | TokenKind::Comma
        | TokenKind::Plus
        | TokenKind::Minus
        | TokenKind::Unknown
        | TokenKind::End => None,
    }
}
