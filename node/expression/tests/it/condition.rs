//! Conditions and filters.

use stator_expression::{Condition, Kind};

use crate::session::{self, Settings};

fn answer(kind: Kind, settings: &Settings, expression: &str) -> String {
    match Condition::parse(kind, expression, &mut settings.placeholders()) {
        Ok(condition) => condition.holds(&settings.attributes("item")).to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn conditions_answer_as_written() {
    session::play("condition", 300, |settings, text| answer(Kind::Condition, settings, text));
}

#[test]
fn filters_answer_as_written() {
    session::play("filter", 5, |settings, text| answer(Kind::Filter, settings, text));
}
