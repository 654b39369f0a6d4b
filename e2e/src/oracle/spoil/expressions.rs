//! Expressions that are wrong in themselves.

use serde_json::json;

use super::{EXPRESSIONS, Flaw, Request, Text, VALUES, invalid, invalid_has, kind};

const GROUP: &str = "expression";

pub(super) fn spoil(request: &mut Request<'_>) -> Option<Flaw> {
    match request.random.below(8) {
        0 => empty(request),
        1 => too_long(request),
        2 => trailing(request),
        3 => redundant(request),
        4 => mixed(request),
        _ => canned(request),
    }
}

fn empty(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, kind) = request.expression()?;
    request.holder().insert(member.to_owned(), json!(""));
    let texts = request.wrapped(format!("{kind}The expression can not be empty;"));
    Some(invalid(GROUP, texts))
}

fn too_long(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, kind) = request.expression()?;
    let text = request.holder().get(member)?.as_str()?.to_owned();
    let text = format!("{text}{}", " ".repeat(4097 - text.len()));
    request.holder().insert(member.to_owned(), json!(text));
    let texts = request.wrapped(format!(
        "{kind}Expression size has exceeded the maximum allowed size; expression size: 4097"
    ));
    Some(invalid(GROUP, texts))
}

/// Something stands behind the end.
fn trailing(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, kind) = request.expression()?;
    let token = *request.random.pick(&[")", "]", ",", "AND", ".", "="]);
    let text = request.holder().get(member)?.as_str()?.to_owned();
    request.holder().insert(member.to_owned(), json!(format!("{text} {token}")));
    let found = if matches!(token, ")" | "]") { token } else { "" };
    // Of what could go on, the end is wrong, not the token.
    Some(invalid(GROUP, vec![Text::Has(format!("{kind}Syntax error; token: \"{found}"))]))
}

fn redundant(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, kind) = request.expression()?;
    // A key condition is said to be taken so, against the rule for all others.
    if !matches!(member, "ConditionExpression" | "FilterExpression") {
        return None;
    }
    let text = request.holder().get(member)?.as_str()?.to_owned();
    request.holder().insert(member.to_owned(), json!(format!("(({text}))")));
    let texts = request.wrapped(format!("{kind}The expression has redundant parentheses;"));
    Some(invalid(GROUP, texts))
}

/// An expression beside what the API had before there were any.
fn mixed(request: &mut Request<'_>) -> Option<Flaw> {
    request.expression()?;
    let (member, value) = match request.operation {
        "GetItem" | "BatchGetItem" => ("AttributesToGet", json!(["m0"])),
        "Query" if request.random.one_in(2) => {
            ("QueryFilter", json!({"m0": {"ComparisonOperator": "NULL"}}))
        }
        "Query" => ("AttributesToGet", json!(["m0"])),
        "Scan" => ("ScanFilter", json!({"m0": {"ComparisonOperator": "NOT_NULL"}})),
        _ => ("Expected", json!({"m0": {"Exists": false}})),
    };
    request.holder().insert(member.to_owned(), value);
    Some(invalid_has(
        GROUP,
        format!(
            "Can not use both expression and non-expression parameters in the same request: \
             Non-expression parameters: {{{member}}} Expression parameters: {{"
        ),
    ))
}

/// One of the texts below takes the place of an expression; what else there was goes, but for what a Query
/// cannot do without.
fn canned(request: &mut Request<'_>) -> Option<Flaw> {
    let (member, _) = request.expression()?;
    let canned: &[(&str, &str)] = match member {
        "UpdateExpression" => &UPDATES,
        "KeyConditionExpression" => &KEY_CONDITIONS,
        "ProjectionExpression" => &PROJECTIONS,
        _ => &CONDITIONS,
    };
    let (text, complaint) = *request.random.pick(canned);
    let is_of_key = text.contains("pk.") || text.contains("pk[");
    for other in EXPRESSIONS.into_iter().filter(|it| *it != "KeyConditionExpression") {
        // A projection that is not there cannot be wanted.
        if other != "ProjectionExpression" {
            request.holder().remove(other);
        }
    }
    request.holder().insert(member.to_owned(), json!(text));
    request.prune();
    let values = [
        (":s", json!({"S": "X"})),
        (":one", json!({"N": "1"})),
        (":two", json!({"N": "2"})),
        (":flag", json!({"BOOL": true})),
        (":list", json!({"L": []})),
    ];
    for (name, value) in values {
        if super::placeholders_in(text).iter().any(|used| used == name) {
            let values = request.holder().entry(VALUES.to_owned()).or_insert_with(|| json!({}));
            values.as_object_mut()?.insert(name.to_owned(), value);
        }
    }
    let is_of_one = |text: &str| text.starts_with("Cannot update") || text.starts_with("Query ");
    if complaint.is_empty() {
        return Some(invalid(GROUP, Vec::new()));
    }
    let whole = match complaint {
        text if is_of_one(text) || is_of_key => text.to_owned(),
        text => format!("{}{text}", kind(member)),
    };
    Some(invalid(GROUP, vec![Text::Has(whole)]))
}

/// What is wrong with an update, whatever the item.
const UPDATES: [(&str, &str); 25] = [
    (
        "SET nested.m0 = m1, nested = m1",
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [nested, m0], path two: [nested]",
    ),
    ("REMOVE nested[0], nested[0]", "Two document paths overlap with each other"),
    (
        "REMOVE nested[0] SET nested.m0 = m1",
        "Two document paths conflict with each other; must remove or rewrite one of these paths; ",
    ),
    (
        "ADD m0 :s",
        "Incorrect operand type for operator or function; operator: ADD, operand type: STRING",
    ),
    (
        "ADD m0 :flag",
        "Incorrect operand type for operator or function; operator: ADD, operand type: BOOLEAN",
    ),
    (
        "ADD m0 :list",
        "Incorrect operand type for operator or function; operator: ADD, operand type: LIST",
    ),
    (
        "DELETE m0 :one",
        "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER",
    ),
    (
        "SET m0 = :s + :one",
        "Incorrect operand type for operator or function; operator or function: +, operand type: S",
    ),
    (
        "SET m0 = m1 - :flag",
        "Incorrect operand type for operator or function; operator or function: -, operand type: BOOL",
    ),
    (
        "SET m0 = list_append(:one, m1)",
        "Incorrect operand type for operator or function; operator or function: list_append, operand type: N",
    ),
    (
        "SET m0 = list_append(m1)",
        "Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1",
    ),
    ("SET pk = :s", "Cannot update attribute pk. This attribute is part of the key"),
    ("REMOVE pk", "Cannot update attribute pk. This attribute is part of the key"),
    (
        "SET pk.m0 = :s",
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
    ),
    ("SET m0 = pk[0]", "Key attributes must be scalars"),
    ("SET m0 = :s )", "Syntax error; token: \")\", near: \":s )\""),
    ("SET m0 = :one + :two - :one", "Syntax error; token: \"-\", near: \":two - :one\""),
    (
        "SET m0 = :s SET m1 = :s",
        "The \"SET\" section can only be used once in an update expression;",
    ),
    ("SET name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("SET m0 = nope(m1, :s)", "Invalid function name; function: nope"),
    ("SET m0 = size(m1)", "The function is not allowed "),
    (
        "SET m0 = if_not_exists(:s, :one)",
        "Operator or function requires a document path; operator or function: if_not_exists",
    ),
    (
        "SET m0[99999999999999] = :s",
        "List index is not within the allowable range; index: [99999999999999]",
    ),
    ("REMOVE m0 m1", "Syntax error; token: \"m1\", near: \"m0 m1\""),
    ("SET m0 = if_not_exists(m1, :one + :two)", "Syntax error; token: \"+\""),
];

/// What is wrong with a condition or filter, whatever the item.
const CONDITIONS: [(&str, &str); 22] = [
    ("((attribute_exists(m0)))", "The expression has redundant parentheses;"),
    ("m0", "Syntax error; token: \"<EOF>\", near: \"m0\""),
    (
        "size(m0)",
        "The function is not allowed to be used this way in an expression; function: size",
    ),
    ("attribute_exists(m0) AND", "Syntax error; token: \"<EOF>\""),
    (
        "attribute_exists(m0) = :flag",
        "The function is not allowed to be used this way in an expression; function: attribute_exists",
    ),
    (
        "begins_with(m0, :one)",
        "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
    ),
    (
        "m0 < :flag",
        "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
    ),
    (
        "m0 >= :list",
        "Incorrect operand type for operator or function; operator or function: >=, operand type: L",
    ),
    (
        "contains(m0, m0)",
        "The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [m0]",
    ),
    (
        "m0 BETWEEN :two AND :one",
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
    ),
    (
        "m0 BETWEEN :one AND :s",
        "The BETWEEN operator requires same data type for lower and upper bounds; ",
    ),
    (
        "attribute_type(m0, :s)",
        "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
    ),
    (
        "attribute_exists(:s)",
        "Operator or function requires a document path; operator or function: attribute_exists",
    ),
    ("name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("nope(m0)", "Invalid function name; function: nope"),
    ("Contains(m0, :s)", "Invalid function name; function: Contains"),
    (
        "size(:one) = :two",
        "Incorrect operand type for operator or function; operator or function: size, operand type: N",
    ),
    (
        "attribute_exists(m0, m1)",
        "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
    ),
    ("m0 IN ()", "Syntax error; token: \")\""),
    ("NOT NOT attribute_exists(m0)", "Syntax error; token: \"NOT\""),
    (
        "m0 = #undefined",
        "An expression attribute name used in the document path is not defined; attribute name: #undefined",
    ),
    ("m0 == :s", "Syntax error; token: \"=\""),
];

/// What is wrong with a projection, whatever the item.
const PROJECTIONS: [(&str, &str); 8] = [
    ("m0.m1, m0", "Two document paths overlap with each other"),
    ("m0.m1, m0[0]", "Two document paths conflict with each other"),
    ("m0,", "Syntax error; token: \"<EOF>\""),
    ("m0[-1]", "Syntax error; token: \"-\""),
    ("name", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("m0, pk.m1", "Key attributes must be scalars"),
    (
        "m0.#undefined",
        "An expression attribute name used in the document path is not defined; attribute name: #undefined",
    ),
    ("size(m0)", "Syntax error; token: \"(\""),
];

/// What is wrong with a key condition, whatever the table's key.
const KEY_CONDITIONS: [(&str, &str); 14] = [
    ("pk = :s AND pk = :s", "KeyConditionExpressions must only contain one condition per key"),
    ("pk = :s OR pk = :s", "Invalid operator used in KeyConditionExpression: OR"),
    ("NOT pk = :s", "Invalid operator used in KeyConditionExpression: NOT"),
    ("pk <> :s", "Invalid operator used in KeyConditionExpression: <>"),
    ("pk IN (:s)", "Invalid operator used in KeyConditionExpression: IN"),
    ("attribute_exists(pk)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
    (
        "pk.m0 = :s",
        "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes",
    ),
    ("size(pk) = :one", "KeyConditionExpressions cannot contain nested operations"),
    (
        "pk = sk",
        "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
    ),
    ("pk =", "Syntax error; token: \"<EOF>\""),
    ("pk = :s AND m0 = :one AND m1 = :two", ""),
    (
        "begins_with(pk, :one)",
        "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
    ),
    ("name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
    (":one = :one", "Invalid condition in KeyConditionExpression: No key attribute specified"),
];
