//! Random conditions and items against a model that says the same in the plainest way.
//!
//! The model has its own values, its own conditions and its own idea of what is refused. It writes its
//! conditions as text, so that what is compared goes the whole way from the text to the answer.

pub(crate) mod plain;
pub(crate) mod strategy;

use proptest::prelude::*;
use stator_expression::{Condition, Kind};
use stator_model::{AttributeMap, Item};

use crate::support::{cases, placeholders};
use plain::{Values, Written};
use strategy::{any_condition, any_item};

pub(crate) fn item_of(values: &Values) -> Item {
    let pairs = values.iter().map(|(name, value)| (name.clone(), value.stored()));
    AttributeMap::from_pairs(pairs.collect()).expect("each name once")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4_000)))]

    #[test]
    fn conditions_hold_when_the_model_says_so(
        model in any_condition(),
        items in prop::collection::vec(any_item(), 1..4),
    ) {
        let Written { text, values } = model.written();
        let mut placeholders = placeholders(&[("#a", "a")], &values).expect("good placeholders");
        let parsed = Condition::parse(Kind::Condition, &text, &mut placeholders);
        prop_assert_eq!(parsed.is_err(), model.is_refused(), "{}: {:?}", text, parsed);
        if let Ok(condition) = parsed {
            for values in &items {
                let item = item_of(values);
                prop_assert_eq!(condition.holds(&item), model.holds(values), "{}", text);
                let mut alone = values.clone();
                alone.retain(|name, _| condition.attributes().contains(&name.as_str()));
                prop_assert_eq!(condition.holds(&item_of(&alone)), condition.holds(&item));
            }
        }
    }
}
