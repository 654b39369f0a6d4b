//! UpdateItem: what becomes of the item, what is shown of it, and what is refused.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
use stator_e2e::oracle::{Action, Draw, Invent, Item, Test, Value, item_size, project, update};
use stator_e2e::random::Random;

use super::words::{Verdict, WRONG_CONDITIONS, WRONG_UPDATES, Words, judge, on_failure};
use super::{Run, assert_charged, draw_target, units};

/// An update as it is drawn.
struct Drawn {
    key: Item,
    before: Option<Item>,
    actions: Vec<Action>,
    test: Option<Test>,
}

impl Run {
    pub(super) async fn update(&mut self, name: &str, random: &mut Random) {
        let drawn = self.draw_update(name, random);
        let mut words = Words::of_write(&drawn.actions, drawn.test.as_ref());
        let flaw = random.one_in(8).then(|| {
            let canned: &[_] = if random.one_in(3) { &WRONG_CONDITIONS } else { &WRONG_UPDATES };
            words.spoil(canned, random)
        });
        let after = drawn.after();
        let verdict = drawn.verdict(flaw, &after);
        let (on_failure, shown) = on_failure(drawn.before.as_ref(), random);
        let wanted = random.pick(&WANTED).clone();
        let request = self.client.update_item().table_name(name);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&drawn.key)))
            .set_update_expression(words.update.clone())
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_return_values_on_condition_check_failure(on_failure)
            .set_return_values(wanted.clone())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await;
        let asked = format!("{words:?} of {:?}", drawn.before);
        let item_of = |error: &UpdateItemError| {
            let UpdateItemError::ConditionalCheckFailedException(failed) = error else {
                return None;
            };
            failed.item.as_ref().map(Value::item_from_sdk)
        };
        self.counts.count(&verdict);
        let Some(answer) = judge(answer, &verdict, &asked, item_of, shown.as_ref()) else { return };
        let after = after.expect("it succeeded");

        let answered = answer.attributes.as_ref().map(Value::item_from_sdk);
        assert_eq!(answered, drawn.shown(wanted.as_ref(), after.as_ref()), "{wanted:?} of {asked}");
        let size = |item: Option<&Item>| item.map_or(0, item_size);
        let larger = size(drawn.before.as_ref()).max(size(after.as_ref()));
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        assert_charged(consumed, units(larger, 1024, 1.0));
        if let Some(after) = after {
            self.model.get_mut(name).expect("the table exists").put(after);
        }
        self.counts.updates += 1;
    }

    fn draw_update(&self, name: &str, random: &mut Random) -> Drawn {
        let table = self.model.get(name).expect("the table exists");
        let key = draw_target(table, random);
        let before = table.get(&key).cloned();
        let about = before.clone().unwrap_or_else(|| Draw::new(random).attributes());
        let mut invent = Invent::new(random, &about);
        let keys: Vec<&str> = table.key_attributes().iter().map(|key| key.name).collect();
        let actions = invent.actions(&keys);
        let test = invent.test(0);
        let test = random.one_in(3).then_some(test);
        Drawn { key, before, actions, test }
    }
}

const WANTED: [Option<ReturnValue>; 6] = [
    None,
    Some(ReturnValue::None),
    Some(ReturnValue::AllOld),
    Some(ReturnValue::AllNew),
    Some(ReturnValue::UpdatedOld),
    Some(ReturnValue::UpdatedNew),
];

impl Drawn {
    /// What the update leaves, if the condition holds.
    fn after(&self) -> Result<Option<Item>, Vec<&'static str>> {
        update(self.before.as_ref(), &self.key, &self.actions)
    }

    fn verdict(
        &self,
        flaw: Option<String>,
        after: &Result<Option<Item>, Vec<&'static str>>,
    ) -> Verdict {
        let item = self.before.clone().unwrap_or_default();
        let holds = self.test.as_ref().is_none_or(|test| test.holds(&item));
        match (flaw, holds, after) {
            (Some(flaw), ..) => Verdict::Invalid(vec![flaw]),
            (None, false, _) => Verdict::ConditionFailed,
            (None, true, Ok(_)) => Verdict::Success,
            (None, true, Err(reasons)) => {
                Verdict::Invalid(reasons.iter().map(|&reason| reason.to_owned()).collect())
            }
        }
    }

    /// `Attributes` of the answer.
    fn shown(&self, wanted: Option<&ReturnValue>, after: Option<&Item>) -> Option<Item> {
        let touched = |item: Option<&Item>| {
            let touched = project(item?, self.actions.iter().map(Action::target));
            (!touched.is_empty()).then_some(touched)
        };
        match wanted {
            Some(ReturnValue::AllOld) => self.before.clone(),
            Some(ReturnValue::AllNew) => after.cloned(),
            Some(ReturnValue::UpdatedOld) => touched(self.before.as_ref()),
            Some(ReturnValue::UpdatedNew) => touched(after),
            _ => None,
        }
    }
}
