//! The expressions of a request as they are sent, and what can be wrong with them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use stator_e2e::oracle::{Action, Item, Path, Test, Value, Wording, value_to_sdk};
use stator_e2e::random::Random;

/// What must be answered.
#[derive(Debug)]
pub(super) enum Verdict {
    Success,
    /// The condition does not hold.
    ConditionFailed,
    /// The request is refused, and the text says one of these.
    Invalid(Vec<String>),
}

/// The expressions of a request.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) update: Option<String>,
    pub(super) condition: Option<String>,
    pub(super) projection: Option<String>,
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
}

impl Words {
    /// Those of a write: what it changes, if it is an update, and on what it depends.
    pub(super) fn of_write(actions: &[Action], test: Option<&Test>) -> Self {
        let mut wording = Wording::default();
        let update = (!actions.is_empty()).then(|| wording.update(actions));
        let condition = test.map(|test| wording.condition(test));
        let Wording { names, values } = wording;
        Self { update, condition, projection: None, names, values }
    }

    /// Those of a read.
    pub(super) fn of_read(paths: Option<&[Path]>) -> Self {
        let mut wording = Wording::default();
        let projection = paths.map(|paths| wording.projection(paths));
        Self { projection, names: wording.names, ..Self::default() }
    }

    /// `ExpressionAttributeNames`.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names = self.names.iter().map(|(name, target)| (name.clone(), target.clone()));
        (!self.names.is_empty()).then(|| names.collect())
    }

    /// `ExpressionAttributeValues`.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        let values = self.values.iter().map(|(name, value)| (name.clone(), value_to_sdk(value)));
        (!self.values.is_empty()).then(|| values.collect())
    }

    /// Makes something wrong, and says of what the service complains.
    pub(super) fn spoil(&mut self, canned: &[(&str, &str)], random: &mut Random) -> String {
        let takes_values = self.update.is_some() || self.condition.is_some();
        let has_expression = takes_values || self.projection.is_some();
        let name = pick_key(&self.names, random);
        let value = pick_key(&self.values, random);
        match (random.below(8), name, value) {
            (0, Some(name), _) => {
                self.names.remove(&name);
                format!("name used in the document path is not defined; attribute name: {name}")
            }
            (1, _, Some(value)) => {
                self.values.remove(&value);
                format!("value used in expression is not defined; attribute value: {value}")
            }
            (2, ..) if has_expression => {
                self.names.insert("#unused".to_owned(), "m0".to_owned());
                "ExpressionAttributeNames unused in expressions: keys: {#unused}".to_owned()
            }
            (3, ..) if takes_values => {
                self.values.insert(":unused".to_owned(), Value::Null);
                "ExpressionAttributeValues unused in expressions: keys: {:unused}".to_owned()
            }
            (4, ..) => {
                *self = Self::default();
                self.names.insert("#n".to_owned(), "m0".to_owned());
                "ExpressionAttributeNames can only be specified when using expressions".to_owned()
            }
            _ => {
                let (text, complaint) = *random.pick(canned);
                self.replace(text);
                complaint.to_owned()
            }
        }
    }

    /// Only this expression, with the placeholders that are in it. Its kind is told by its beginning.
    fn replace(&mut self, text: &str) {
        let (kind, text) = text.split_once(": ").expect("a kind stands before the text");
        let values = [
            (":s", Value::S("X".to_owned())),
            (":one", Value::N("1".to_owned())),
            (":two", Value::N("2".to_owned())),
            (":flag", Value::Bool(true)),
        ];
        let used = values.into_iter().filter(|(name, _)| text.contains(name));
        let values = used.map(|(name, value)| (name.to_owned(), value)).collect();
        *self = Self { values, ..Self::default() };
        let expression = match kind {
            "update" => &mut self.update,
            "condition" => &mut self.condition,
            "projection" => &mut self.projection,
            other => panic!("no kind {other}"),
        };
        *expression = Some(text.to_owned());
    }
}

fn pick_key<V>(map: &BTreeMap<String, V>, random: &mut Random) -> Option<String> {
    let keys: Vec<&String> = map.keys().collect();
    (!keys.is_empty()).then(|| (*random.pick(&keys)).clone())
}

/// What is wrong with an update, whatever the item.
pub(super) const WRONG_UPDATES: [(&str, &str); 23] = [
    ("update: SET nested.m0 = pk, nested = pk", "Two document paths overlap with each other"),
    ("update: REMOVE nested[0], nested[0]", "Two document paths overlap with each other"),
    ("update: REMOVE nested[0] SET nested.m0 = pk", "Two document paths conflict with each other"),
    ("update: ADD m0 :s", "operator: ADD, operand type: STRING"),
    ("update: ADD m0 :flag", "operator: ADD, operand type: BOOLEAN"),
    ("update: DELETE m0 :one", "operator: DELETE, operand type: NUMBER"),
    ("update: SET m0 = :s + :one", "operator or function: +, operand type: S"),
    ("update: SET m0 = m1 - :flag", "operator or function: -, operand type: BOOL"),
    ("update: SET m0 = list_append(:one, m1)", "list_append, operand type: N"),
    ("update: SET m0 = list_append(m1)", "function: list_append, number of operands: 1"),
    ("update: SET pk = :s", "Cannot update attribute pk. This attribute is part of the key"),
    ("update: REMOVE pk", "Cannot update attribute pk. This attribute is part of the key"),
    ("update: SET pk.m0 = :s", "Key attributes must be scalars"),
    ("update: SET m0 = pk[0]", "Key attributes must be scalars"),
    ("update: SET m0 = :s )", "Syntax error; token: \")\""),
    ("update: SET m0 = :one + :two - :one", "Syntax error; token: \"-\""),
    ("update: SET m0 = :s SET m1 = :s", "The \"SET\" section can only be used once"),
    ("update: SET name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("update: ", "Invalid UpdateExpression: The expression can not be empty;"),
    ("update: SET m0 = nope(m1, :s)", "Invalid function name; function: nope"),
    ("update: SET m0 = size(m1)", "not allowed in an update expression; function: size"),
    ("update: SET m0 = if_not_exists(:s, :one)", "requires a document path"),
    ("update: SET m0[99999999999999] = :s", "List index is not within the allowable range"),
];

/// What is wrong with a condition, whatever the item.
pub(super) const WRONG_CONDITIONS: [(&str, &str); 17] = [
    ("condition: ((attribute_exists(pk)))", "The expression has redundant parentheses;"),
    ("condition: pk", "Syntax error; token: \"<EOF>\""),
    ("condition: attribute_exists(pk) AND", "Syntax error; token: \"<EOF>\""),
    ("condition: begins_with(m0, :one)", "operator or function: begins_with, operand type: N"),
    ("condition: m0 < :flag", "operator or function: <, operand type: BOOL"),
    ("condition: contains(m0, m0)", "operator: contains, first operand: [m0]"),
    ("condition: m0 BETWEEN :two AND :one", "requires upper bound to be greater than or equal"),
    ("condition: m0 BETWEEN :one AND :s", "requires same data type for lower and upper bounds"),
    ("condition: attribute_type(m0, :s)", "Invalid attribute type name found; type: X"),
    ("condition: attribute_exists(:s)", "requires a document path"),
    ("condition: name = :s", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("condition: ", "Invalid ConditionExpression: The expression can not be empty;"),
    ("condition: nope(m0)", "Invalid function name; function: nope"),
    ("condition: size(:one) = :two", "operator or function: size, operand type: N"),
    ("condition: attribute_exists(pk, sk)", "attribute_exists, number of operands: 2"),
    ("condition: m0 = pk.m1", "Key attributes must be scalars"),
    ("condition: m0 = #undefined", "is not defined; attribute name: #undefined"),
];

/// What is wrong with a projection, whatever the item.
pub(super) const WRONG_PROJECTIONS: [(&str, &str); 8] = [
    ("projection: m0.m1, m0", "Two document paths overlap with each other"),
    ("projection: m0.m1, m0[0]", "Two document paths conflict with each other"),
    ("projection: m0,", "Syntax error; token: \"<EOF>\""),
    ("projection: m0[-1]", "Syntax error; token: \"-\""),
    ("projection: name", "Attribute name is a reserved keyword; reserved keyword: name"),
    ("projection: ", "Invalid ProjectionExpression: The expression can not be empty;"),
    ("projection: m0, pk.m1", "Key attributes must be scalars"),
    ("projection: m0.#undefined", "is not defined; attribute name: #undefined"),
];

/// The answer, if it must be a success; nothing if it is the failure that it must be. What a failed condition
/// shows is told by `shown`.
pub(super) fn judge<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    answer: Result<T, SdkError<E>>,
    verdict: &Verdict,
    asked: &str,
    shown: impl Fn(&E) -> Option<Item>,
    item: Option<&Item>,
) -> Option<T> {
    match (verdict, answer) {
        (Verdict::Success, Ok(answer)) => return Some(answer),
        (Verdict::ConditionFailed, Err(error)) => {
            let error = error.as_service_error().expect("the service answers");
            let code = error.code();
            assert_eq!(code, Some("ConditionalCheckFailedException"), "{asked}: {error:?}");
            assert_eq!(error.message(), Some("The conditional request failed"), "{asked}");
            assert_eq!(shown(error).as_ref(), item, "{asked}");
        }
        (Verdict::Invalid(texts), Err(error)) => {
            let error = error.as_service_error().expect("the service answers");
            assert_eq!(error.code(), Some("ValidationException"), "{asked}: {error:?}");
            let message = error.message().expect("there is a text");
            let fits = texts.iter().any(|text| message.contains(text.as_str()));
            assert!(fits, "{asked}: {message:?}, not {texts:?}");
        }
        (verdict, answer) => panic!("{asked}: {answer:#?}, not {verdict:?}"),
    }
    None
}

/// `ReturnValuesOnConditionCheckFailure`, and what then must be shown of this item.
pub(super) fn on_failure(
    item: Option<&Item>,
    random: &mut Random,
) -> (Option<ReturnValuesOnConditionCheckFailure>, Option<Item>) {
    match random.below(3) {
        0 => (Some(ReturnValuesOnConditionCheckFailure::AllOld), item.cloned()),
        1 => (Some(ReturnValuesOnConditionCheckFailure::None), None),
        _ => (None, None),
    }
}
