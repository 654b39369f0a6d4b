//! The ways in which a writer changes a key of its own.

use std::collections::HashMap;
use std::fmt::Debug;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use stator_e2e::oracle::{Item, Value, to_sdk, value_to_sdk};
use stator_e2e::random::Random;

use super::content::{item, key};
use super::trigger::Trigger;

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Puts an item, whatever is there.
    Put,
    /// Puts an item in the place of the one that must be there.
    Replace,
    /// Sets every attribute under the same condition, and adds to the number what is between the two writes:
    /// applied twice, it would give the number of a write that nobody made.
    Update,
    /// Takes away the item that must be there.
    Delete,
    /// Puts an item under a condition that cannot hold.
    Refused,
}

/// What came of a write that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Written,
    ConditionFailed,
}

impl Change {
    pub(crate) fn draw(random: &mut Random) -> Self {
        match random.below(10) {
            0..3 => Self::Put,
            3 | 4 => Self::Replace,
            5..8 => Self::Update,
            8 => Self::Delete,
            _ => Self::Refused,
        }
    }

    /// The number of what is there after it, if it is the writer's write of this number.
    pub(crate) const fn number(self, write: u64) -> u64 {
        match self {
            Self::Delete => 0,
            Self::Put | Self::Replace | Self::Update | Self::Refused => write,
        }
    }
}

/// A write of one key: by whom, and what is known to be there.
pub(crate) struct Write<'w> {
    pub(crate) table: &'w str,
    pub(crate) writer: u32,
    pub(crate) key: u64,
    /// The number of the write that is there for sure, 0 for nothing.
    pub(crate) settled: u64,
    /// The number of this one.
    pub(crate) number: u64,
}

/// Names and values of an expression.
struct Words {
    text: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Write<'_> {
    /// Makes the change; nothing if the node died over it.
    ///
    /// # Panics
    /// If a condition that must hold does not, or one holds that cannot.
    pub(crate) async fn send(
        &self,
        change: Change,
        client: &Client,
        trigger: &Trigger,
    ) -> Option<Outcome> {
        let words = self.words(change);
        let (condition, names, values) = match &words {
            Some(words) => (
                Some(words.text.clone()),
                Some(words.names.clone()),
                Some(to_sdk(&words.values)).filter(|values| !values.is_empty()),
            ),
            None => (None, None, None),
        };
        let names = names.filter(|names| !names.is_empty());
        match change {
            Change::Put | Change::Replace | Change::Refused => {
                let item = to_sdk(&item(self.writer, self.key, self.number));
                let request = client.put_item().table_name(self.table).set_item(Some(item));
                let request = request
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                outcome(change, request.send().await, trigger)
            }
            Change::Delete => {
                let request = client.delete_item().table_name(self.table);
                let request = request
                    .set_key(Some(to_sdk(&key(self.writer, self.key))))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                outcome(change, request.send().await, trigger)
            }
            Change::Update => self.update(client, trigger, words).await,
        }
    }

    async fn update(
        &self,
        client: &Client,
        trigger: &Trigger,
        condition: Option<Words>,
    ) -> Option<Outcome> {
        let mut request = client.update_item().table_name(self.table);
        request = request
            .set_key(Some(to_sdk(&key(self.writer, self.key))))
            .expression_attribute_names("#write", "write")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":step", number(self.number - self.settled));
        let mut text = "SET #write = if_not_exists(#write, :zero) + :step".to_owned();
        let mut item = item(self.writer, self.key, self.number);
        for name in ["head", "pad", "tail"] {
            let value = item.remove(name).expect("every item has them");
            text.push_str(&format!(", #{name} = :{name}"));
            request = request
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value_to_sdk(&value));
        }
        if let Some(Words { text: condition, names, values }) = condition {
            for (name, target) in names {
                request = request.expression_attribute_names(name, target);
            }
            for (name, value) in &values {
                request = request.expression_attribute_values(name, value_to_sdk(value));
            }
            request = request.condition_expression(condition);
        }
        outcome(Change::Update, request.update_expression(text).send().await, trigger)
    }

    /// The condition: what was acknowledged or found is there, whatever the node died of before.
    fn words(&self, change: Change) -> Option<Words> {
        let is = |number: i128| Words {
            text: "#write = :expected".to_owned(),
            names: HashMap::from([("#write".to_owned(), "write".to_owned())]),
            values: Item::from([(":expected".to_owned(), Value::N(number.to_string()))]),
        };
        match (change, self.settled) {
            (Change::Put, _) => None,
            (Change::Refused, _) => Some(is(-1)),
            (Change::Replace | Change::Update | Change::Delete, 0) => Some(Words {
                text: "attribute_not_exists(pk)".to_owned(),
                names: HashMap::new(),
                values: Item::new(),
            }),
            (Change::Replace | Change::Update | Change::Delete, settled) => {
                Some(is(settled.into()))
            }
        }
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn outcome<T, E: ProvideErrorMetadata + Debug, R: Debug>(
    change: Change,
    answer: Result<T, SdkError<E, R>>,
    trigger: &Trigger,
) -> Option<Outcome> {
    let code = |error: &SdkError<E, R>| error.as_service_error()?.code().map(str::to_owned);
    match (change, answer) {
        (Change::Refused, Ok(_)) => panic!("a condition held that cannot"),
        (_, Ok(_)) => Some(Outcome::Written),
        (Change::Refused, Err(error))
            if code(&error).as_deref() == Some("ConditionalCheckFailedException") =>
        {
            Some(Outcome::ConditionFailed)
        }
        (_, Err(error)) => {
            trigger.excuse(&error);
            None
        }
    }
}
