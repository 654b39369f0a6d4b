//! The tokens of an expression, and a cursor that goes over them.
//!
//! Any text has tokens: a character that begins none is a token of its own, which no rule of the
//! grammar accepts, so that it is reported where a parser comes to it, as the service does.

use crate::path::{RawName, RawPath, RawStep};
use crate::{ExpressionError, Fault, Kind, limits};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A bare name, a keyword or a function's name.
    Word,
    /// `#` and at least one letter, digit or underscore.
    NamePlaceholder,
    /// `:` and at least one letter, digit or underscore.
    ValuePlaceholder,
    /// Decimal digits.
    Digits,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// A character that begins no token.
    Unknown,
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// As it is written; empty at the end.
    pub(crate) text: &'a str,
    /// The byte at which it begins.
    start: usize,
}

impl Token<'_> {
    /// Whether it is this word, in whatever case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    const fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The tokens of `text`, without the end.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let blanks = rest.bytes().take_while(|byte| b" \t\r\n".contains(byte)).count();
        let Some((kind, length)) = rest.get(blanks..).and_then(first_token) else { break };
        let begin = start + blanks;
        start = begin + length;
        let text = text.get(begin..start).unwrap_or_default();
        tokens.push(Token { kind, text, start: begin });
    }
    tokens
}

/// The token with which `text` begins, and its length in bytes. `None` if there is nothing.
fn first_token(text: &str) -> Option<(TokenKind, usize)> {
    let first = text.chars().next()?;
    let word = |text: &str| text.bytes().take_while(|&byte| is_word_byte(byte)).count();
    let rest = text.get(first.len_utf8()..).unwrap_or_default();
    let placeholder = |kind| match word(rest) {
        0 => (TokenKind::Unknown, 1),
        length => (kind, 1 + length),
    };
    Some(match first {
        'a'..='z' | 'A'..='Z' => (TokenKind::Word, word(text)),
        '0'..='9' => (TokenKind::Digits, text.bytes().take_while(u8::is_ascii_digit).count()),
        '#' => placeholder(TokenKind::NamePlaceholder),
        ':' => placeholder(TokenKind::ValuePlaceholder),
        '(' => (TokenKind::Open, 1),
        ')' => (TokenKind::Close, 1),
        '[' => (TokenKind::OpenBracket, 1),
        ']' => (TokenKind::CloseBracket, 1),
        '.' => (TokenKind::Dot, 1),
        ',' => (TokenKind::Comma, 1),
        '=' => (TokenKind::Equal, 1),
        '<' if rest.starts_with('>') => (TokenKind::NotEqual, 2),
        '<' if rest.starts_with('=') => (TokenKind::LessOrEqual, 2),
        '<' => (TokenKind::Less, 1),
        '>' if rest.starts_with('=') => (TokenKind::GreaterOrEqual, 2),
        '>' => (TokenKind::Greater, 1),
        '+' => (TokenKind::Plus, 1),
        '-' => (TokenKind::Minus, 1),
        _ => (TokenKind::Unknown, first.len_utf8()),
    })
}

/// Whether the byte may be part of a word behind its first letter, or of a placeholder.
pub(crate) const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Goes over the tokens of one expression.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    kind: Kind,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first token of an expression.
    ///
    /// # Errors
    /// If nothing is written, or too much: the size is checked before anything is read.
    pub(crate) fn new(kind: Kind, text: &'a str) -> Result<Self, ExpressionError> {
        if text.is_empty() {
            return Err(Fault::Empty.of(kind));
        }
        if text.len() > limits::EXPRESSION_BYTES {
            return Err(Fault::TooLong { bytes: text.len() }.of(kind));
        }
        Ok(Self { kind, text, tokens: tokens(text), at: 0 })
    }

    /// Which kind of expression this is.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The token at the cursor.
    pub(crate) fn peek(&self) -> Token<'a> {
        self.token(self.at)
    }

    /// The token behind the one at the cursor.
    pub(crate) fn peek_second(&self) -> Token<'a> {
        self.token(self.at + 1)
    }

    fn token(&self, at: usize) -> Token<'a> {
        let end = Token { kind: TokenKind::End, text: "", start: self.text.len() };
        self.tokens.get(at).copied().unwrap_or(end)
    }

    /// Takes the token at the cursor. The end can be taken any number of times.
    pub(crate) fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += usize::from(token.kind != TokenKind::End);
        token
    }

    /// Takes the token if it is of this kind; says whether it was.
    pub(crate) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.take();
        }
        found
    }

    /// Takes the token, which must be of this kind.
    pub(crate) fn expect(&mut self, kind: TokenKind) -> Result<Token<'a>, Fault> {
        if self.peek().kind == kind { Ok(self.take()) } else { Err(self.syntax_error()) }
    }

    /// Takes the token if it is this keyword; says whether it was.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_word(word);
        if found {
            self.take();
        }
        found
    }

    /// Checks that nothing follows.
    pub(crate) fn expect_end(&self) -> Result<(), Fault> {
        if self.peek().kind == TokenKind::End { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Whether a function's name and its parenthesis are at the cursor.
    pub(crate) fn at_call(&self) -> bool {
        self.peek().kind == TokenKind::Word
            && !self.at_keyword()
            && self.peek_second().kind == TokenKind::Open
    }

    /// Whether a keyword of this kind of expression is at the cursor.
    fn at_keyword(&self) -> bool {
        let token = self.peek();
        self.kind.keywords().iter().any(|keyword| token.is_word(keyword))
    }

    /// Takes a path: `elem { . elem | [digits] }`.
    pub(crate) fn path(&mut self) -> Result<RawPath<'a>, Fault> {
        let head = self.path_name()?;
        let mut rest = Vec::new();
        loop {
            if self.eat(TokenKind::Dot) {
                rest.push(RawStep::Name(self.path_name()?));
            } else if self.eat(TokenKind::OpenBracket) {
                rest.push(RawStep::Index(self.expect(TokenKind::Digits)?.text));
                self.expect(TokenKind::CloseBracket)?;
            } else {
                return Ok(RawPath { head, rest });
            }
        }
    }

    fn path_name(&mut self) -> Result<RawName<'a>, Fault> {
        let token = self.peek();
        let name = if token.kind == TokenKind::NamePlaceholder {
            RawName::Placeholder(token.text)
        } else if token.kind == TokenKind::Word && !self.at_keyword() {
            RawName::Bare(token.text)
        } else {
            return Err(self.syntax_error());
        };
        self.take();
        Ok(name)
    }

    /// The error that the token at the cursor may not stand there.
    pub(crate) fn syntax_error(&self) -> Fault {
        let token = self.peek();
        let before = self.at.checked_sub(1).map(|at| self.token(at));
        let from = before.map_or(token.start, |before| before.start);
        let at_end = token.kind == TokenKind::End;
        // The end shows the last token alone, without the blanks that follow it.
        let last = if at_end { before.unwrap_or(token) } else { token };
        let after = Some(self.peek_second()).filter(|after| after.kind != TokenKind::End);
        let near = self.text.get(from..after.unwrap_or(last).end()).unwrap_or_default();
        let shown = if at_end { "<EOF>" } else { token.text };
        Fault::Syntax { token: shown.to_owned(), near: near.to_owned() }
    }

    /// Checks how many operators and functions the whole expression has.
    ///
    /// They are counted in the text: what they are applied to does not matter. BETWEEN and its AND are
    /// one. Parentheses are none.
    pub(crate) fn check_operators(&self) -> Result<(), Fault> {
        let count = (0..self.tokens.len()).filter(|&at| self.is_operator(at)).count();
        if count > limits::OPERATORS {
            return Err(Fault::TooManyOperators { count });
        }
        Ok(())
    }

    fn is_operator(&self, at: usize) -> bool {
        let token = self.token(at);
        match token.kind {
            TokenKind::Equal => self.kind != Kind::Update,
            TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessOrEqual
            | TokenKind::Greater
            | TokenKind::GreaterOrEqual
            | TokenKind::Plus
            | TokenKind::Minus => true,
            TokenKind::Word if self.kind.keywords().iter().any(|word| token.is_word(word)) => {
                self.kind != Kind::Update && !token.is_word("BETWEEN")
            }
            TokenKind::Word => self.token(at + 1).kind == TokenKind::Open,
            TokenKind::NamePlaceholder
            | TokenKind::ValuePlaceholder
            | TokenKind::Digits
            | TokenKind::Open
            | TokenKind::Close
            | TokenKind::OpenBracket
            | TokenKind::CloseBracket
            | TokenKind::Dot
            | TokenKind::Comma
            | TokenKind::Unknown
            | TokenKind::End => false,
        }
    }
}

#[cfg(test)]
mod tests;
