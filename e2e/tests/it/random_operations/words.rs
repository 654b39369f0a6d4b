//! The expressions of a request as they are sent, and what must be answered.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use stator_e2e::oracle::{Action, Item, Path, Range, Test, Value, Wording, value_to_sdk};
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
    pub(super) key_condition: Option<String>,
    pub(super) projection: Option<String>,
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
}

/// What a Query says of the key: the partition key's name and value, and the sort key's name and range.
pub(super) type Keys<'k> = ((&'k str, &'k Value), Option<(&'k str, &'k Range)>);

impl Words {
    /// Those of a write: what it changes, if it is an update, and on what it depends.
    pub(super) fn of_write(actions: &[Action], test: Option<&Test>) -> Self {
        let mut wording = Wording::default();
        let update = (!actions.is_empty()).then(|| wording.update(actions));
        let condition = test.map(|test| wording.condition(test));
        let Wording { names, values } = wording;
        Self { update, condition, names, values, ..Self::default() }
    }

    /// Those of a read: of which keys, with which filter, and what of each item.
    pub(super) fn of_read(
        keys: Option<Keys<'_>>,
        filter: Option<&Test>,
        paths: Option<&[Path]>,
        random: &mut Random,
    ) -> Self {
        let mut wording = Wording::default();
        let key_condition =
            keys.map(|(partition, sort)| wording.key_condition(partition, sort, random));
        let condition = filter.map(|filter| wording.condition(filter));
        let projection = paths.map(|paths| wording.projection(paths));
        let Wording { names, values } = wording;
        Self { key_condition, condition, projection, names, values, update: None }
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
}

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
