use super::{Cursor, TokenKind, tokens};
use crate::{ExpressionError, Fault, Kind, limits};

fn cursor(text: &str) -> Cursor<'_> {
    Cursor::new(Kind::Condition, text).unwrap()
}

/// The error at the token of this number.
fn near(text: &str, at: usize) -> (String, String) {
    let mut cursor = cursor(text);
    (0..at).for_each(|_| {
        cursor.take();
    });
    let Fault::Syntax { token, near } = cursor.syntax_error() else { panic!("{text}") };
    (token, near)
}

#[test]
fn tokens_are_as_long_as_they_can_be() {
    let kinds = |text| tokens(text).iter().map(|token| token.kind).collect::<Vec<_>>();
    assert_eq!(
        kinds("a_1 #0 :x< <= <> >=>=+-12,.[]()"),
        [
            TokenKind::Word,
            TokenKind::NamePlaceholder,
            TokenKind::ValuePlaceholder,
            TokenKind::Less,
            TokenKind::LessOrEqual,
            TokenKind::NotEqual,
            TokenKind::GreaterOrEqual,
            TokenKind::GreaterOrEqual,
            TokenKind::Plus,
            TokenKind::Minus,
            TokenKind::Digits,
            TokenKind::Comma,
            TokenKind::Dot,
            TokenKind::OpenBracket,
            TokenKind::CloseBracket,
            TokenKind::Open,
            TokenKind::Close,
        ]
    );
    assert_eq!(kinds("_a"), [TokenKind::Unknown, TokenKind::Word]);
    assert_eq!(kinds("# : é \u{a0}"), [TokenKind::Unknown; 4]);
    assert_eq!(kinds(" \t\r\n"), []);
    assert_eq!(kinds("1a"), [TokenKind::Digits, TokenKind::Word]);
}

// Texts that clients have met on the service.
#[test]
fn a_syntax_error_shows_the_token_with_its_neighbours_as_they_are_written() {
    let pair = |token: &str, near: &str| (token.to_owned(), near.to_owned());
    assert_eq!(near("ADD hits : incr", 2), pair(":", "hits : incr"));
    assert_eq!(near("INVALID SYNTAX HERE", 0), pair("INVALID", "INVALID SYNTAX"));
    assert_eq!(near("a = :a AND __typename", 4), pair("_", "AND __"));
    assert_eq!(near("SET #a = :a, #, x", 5), pair("#", ", #,"));
    assert_eq!(near("contains (themes, :theme", 5), pair("<EOF>", ":theme"));
    assert_eq!(near("foo  ", 1), pair("<EOF>", "foo"));
    assert_eq!(near("  ", 0), pair("<EOF>", ""));
    assert_eq!(near("a ]", 1), pair("]", "a ]"));
    assert_eq!(near("é=", 0), pair("é", "é="));
}

#[test]
fn the_end_can_be_taken_again() {
    let mut cursor = cursor("a");
    cursor.take();
    assert_eq!(cursor.take().kind, TokenKind::End);
    assert_eq!(cursor.take().kind, TokenKind::End);
    assert_eq!(cursor.syntax_error(), Fault::Syntax { token: "<EOF>".into(), near: "a".into() });
}

// "Expression parameters" in "Quotas and limits in Amazon DynamoDB" (developer guide).
#[test]
fn an_expression_has_at_most_4096_bytes() {
    let of_length = |length| Cursor::new(Kind::Filter, &"a".repeat(length)).map(|_| ());
    assert_eq!(of_length(0), Err(Fault::Empty.of(Kind::Filter)));
    assert_eq!(of_length(limits::EXPRESSION_BYTES - 1), Ok(()));
    assert_eq!(of_length(limits::EXPRESSION_BYTES), Ok(()));
    let error: ExpressionError = of_length(limits::EXPRESSION_BYTES + 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; \
         expression size: 4097"
    );
}

#[test]
fn a_word_before_a_parenthesis_is_a_function_and_a_keyword_is_neither() {
    let at_call = |text| cursor(text).at_call();
    assert!(at_call("size (a)") && at_call("SIZE(a)") && !at_call("size") && !at_call("#size(a)"));
    assert!(!at_call("not (a)") && !at_call("In (a)"));
    let path = |kind, text| Cursor::new(kind, text).unwrap().path().is_ok();
    assert!(path(Kind::Condition, "size") && path(Kind::Condition, "#not"));
    assert!(!path(Kind::Condition, "Between") && !path(Kind::Filter, "a.not"));
    assert!(!path(Kind::Update, "remove a") && path(Kind::Projection, "remove"));
}

#[test]
fn operators_and_functions_count_and_parentheses_do_not() {
    let count = |text: &str, kind| {
        let cursor = Cursor::new(kind, text).unwrap();
        (0..cursor.tokens.len()).filter(|&at| cursor.is_operator(at)).count()
    };
    assert_eq!(count("(a = b) AND NOT (c <> d OR e < f)", Kind::Condition), 6);
    assert_eq!(count("a BETWEEN b AND c and size(a) in (b)", Kind::Condition), 4);
    assert_eq!(count("SET a = b + c, d = if_not_exists(e, f) REMOVE g", Kind::Update), 2);
}
