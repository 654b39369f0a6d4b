//! On what a write depends, or what a read leaves out: in an expression, or as it was said before there
//! were any.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    ComparisonOperator, Condition, ConditionalOperator, ExpectedAttributeValue,
};
use stator_e2e::oracle::{Comparison, Invent, Item, Legacy, Test, value_to_sdk};
use stator_e2e::random::Random;

/// What is demanded of an item.
#[derive(Clone, Debug)]
pub(super) enum Demand {
    Nothing,
    Test(Test),
    Legacy(Legacy),
}

impl Demand {
    /// Something about this item, in the one form or the other.
    pub(super) fn draw(about: &Item, legacy: bool, random: &mut Random) -> Self {
        let mut invent = Invent::new(random, about);
        if legacy { Self::Legacy(invent.legacy()) } else { Self::Test(invent.test(0)) }
    }

    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Nothing => true,
            Self::Test(test) => test.holds(item),
            Self::Legacy(legacy) => legacy.holds(item),
        }
    }

    /// The attributes that it looks at.
    pub(super) fn attributes(&self) -> Vec<&str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Test(test) => test.attributes(),
            Self::Legacy(legacy) => legacy.comparisons.keys().map(String::as_str).collect(),
        }
    }

    pub(super) const fn test(&self) -> Option<&Test> {
        match self {
            Self::Test(test) => Some(test),
            Self::Nothing | Self::Legacy(_) => None,
        }
    }

    const fn legacy(&self) -> Option<&Legacy> {
        match self {
            Self::Legacy(legacy) => Some(legacy),
            Self::Nothing | Self::Test(_) => None,
        }
    }

    /// `ConditionalOperator`, which needs two comparisons; AND may be left unsaid.
    pub(super) fn operator(&self, random: &mut Random) -> Option<ConditionalOperator> {
        let legacy = self.legacy().filter(|legacy| legacy.comparisons.len() > 1)?;
        match (legacy.any, random.one_in(2)) {
            (true, _) => Some(ConditionalOperator::Or),
            (false, true) => Some(ConditionalOperator::And),
            (false, false) => None,
        }
    }

    /// `Expected`.
    pub(super) fn expected(
        &self,
        random: &mut Random,
    ) -> Option<HashMap<String, ExpectedAttributeValue>> {
        let each = self.legacy()?.comparisons.iter();
        Some(each.map(|(name, it)| (name.clone(), expected(it, random))).collect())
    }

    /// `QueryFilter` or `ScanFilter`.
    pub(super) fn filter(&self) -> Option<HashMap<String, Condition>> {
        let each = self.legacy()?.comparisons.iter();
        Some(each.map(|(name, it)| (name.clone(), condition(it))).collect())
    }
}

/// One comparison of `Expected`, now and then in its older form, of which there are two.
fn expected(comparison: &Comparison, random: &mut Random) -> ExpectedAttributeValue {
    let built = ExpectedAttributeValue::builder();
    let built = match (comparison.operator, comparison.arguments.as_slice(), random.below(4)) {
        ("NULL", [], 0) => built.exists(false),
        ("EQ", [value], 0) => built.value(value_to_sdk(value)),
        ("EQ", [value], 1) => built.value(value_to_sdk(value)).exists(true),
        (operator, [value], 2) => {
            built.comparison_operator(operator.into()).value(value_to_sdk(value))
        }
        (operator, values, _) => {
            let values: Vec<_> = values.iter().map(value_to_sdk).collect();
            let values = (!values.is_empty()).then_some(values);
            built.comparison_operator(operator.into()).set_attribute_value_list(values)
        }
    };
    built.build()
}

/// One comparison of a filter or of `KeyConditions`.
pub(super) fn condition(comparison: &Comparison) -> Condition {
    let values: Vec<_> = comparison.arguments.iter().map(value_to_sdk).collect();
    let values = (!values.is_empty()).then_some(values);
    Condition::builder()
        .comparison_operator(ComparisonOperator::from(comparison.operator))
        .set_attribute_value_list(values)
        .build()
        .expect("it has an operator")
}
