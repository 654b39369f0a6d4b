//! What a key condition asks of a sort key.

use super::condition::order;
use super::value::Value;

/// Which sort keys are asked for.
#[derive(Clone, Debug)]
pub enum Range {
    /// Those for which `key comparator value` holds; every comparator but `<>`.
    Compare(&'static str, Value),
    /// Those from the first to the second.
    Between(Value, Value),
    /// Those that begin so.
    BeginsWith(Value),
}

/// The comparators that a key condition knows, and what the API called them before it had expressions.
pub(super) const COMPARATORS: [(&str, &str); 5] =
    [("=", "EQ"), ("<", "LT"), ("<=", "LE"), (">", "GT"), (">=", "GE")];

impl Range {
    /// Whether a sort key is asked for.
    ///
    /// # Panics
    /// If the key is of another type than what it is compared with.
    pub fn holds(&self, key: &Value) -> bool {
        let to = |other: &Value| order(key, other).expect("keys of one type have an order");
        match self {
            Self::Compare(comparator, value) => match *comparator {
                "=" => to(value).is_eq(),
                "<" => to(value).is_lt(),
                "<=" => to(value).is_le(),
                ">" => to(value).is_gt(),
                ">=" => to(value).is_ge(),
                other => panic!("no key condition has {other}"),
            },
            Self::Between(lower, upper) => to(lower).is_ge() && to(upper).is_le(),
            Self::BeginsWith(prefix) => match (key, prefix) {
                (Value::S(key), Value::S(prefix)) => key.starts_with(prefix.as_str()),
                (Value::B(key), Value::B(prefix)) => key.starts_with(prefix),
                _ => false,
            },
        }
    }

    /// The operator and its operands as `KeyConditions` name them.
    ///
    /// # Panics
    /// If it has a comparator that there is not.
    pub fn legacy(&self) -> (&'static str, Vec<Value>) {
        match self {
            Self::Compare(comparator, value) => {
                let named = COMPARATORS.iter().find(|(sign, _)| sign == comparator);
                (named.expect("it has a name").1, vec![value.clone()])
            }
            Self::Between(lower, upper) => ("BETWEEN", vec![lower.clone(), upper.clone()]),
            Self::BeginsWith(prefix) => ("BEGINS_WITH", vec![prefix.clone()]),
        }
    }
}
