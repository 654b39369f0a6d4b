//! UpdateItem: what becomes of the item, what is shown of it, and what is refused.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeAction, AttributeValueUpdate, ReturnConsumedCapacity, ReturnValue,
};
use stator_e2e::oracle::{
    Action, Draw, Invent, Item, Schema, Source, Value, project, update, value_to_sdk,
};
use stator_e2e::random::Random;

use super::charge::{assert_charged, write_units};
use super::demand::Demand;
use super::words::{Verdict, Words, judge, on_failure};
use super::{Run, draw_target};

/// An update as it is drawn.
struct Drawn {
    schema: Schema,
    key: Item,
    before: Option<Item>,
    actions: Vec<Action>,
    demand: Demand,
    legacy: bool,
}

impl Run {
    pub(super) async fn update(&mut self, name: &str, random: &mut Random) {
        let drawn = self.draw_update(name, random);
        let actions = if drawn.legacy { &[] } else { drawn.actions.as_slice() };
        let words = Words::of_write(actions, drawn.demand.test());
        let after = drawn.after();
        let verdict = drawn.verdict(&after);
        let (on_failure, shown) = on_failure(drawn.before.as_ref(), random);
        let wanted = random.pick(&WANTED).clone();
        let request = self.client.update_item().table_name(name);
        let request = request
            .set_key(Some(Draw::new(random).spelt(&drawn.key)))
            .set_update_expression(words.update.clone())
            .set_condition_expression(words.condition.clone())
            .set_expression_attribute_names(words.names())
            .set_expression_attribute_values(words.values())
            .set_attribute_updates(drawn.attribute_updates(random))
            .set_expected(drawn.demand.expected(random))
            .set_conditional_operator(drawn.demand.operator(random))
            .set_return_values_on_condition_check_failure(on_failure)
            .set_return_values(wanted.clone())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.refusals.attempt("UpdateItem", random, request.clone().send()).await;
        let asked = format!("{:?} of {:?}", request.as_input(), drawn.before);
        let answer = request.send().await;
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
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        let charged = write_units(&drawn.schema, drawn.before.as_ref(), after.as_ref());
        assert_charged(consumed, &charged);
        if let Some(after) = after {
            self.model.get_mut(name).expect("the table exists").put(after);
        }
        self.counts.updates += 1;
    }

    fn draw_update(&self, name: &str, random: &mut Random) -> Drawn {
        let table = self.model.get(name).expect("the table exists");
        let schema = table.schema().clone();
        let key = draw_target(table, random);
        let before = table.get(&key).cloned();
        let about = before.clone().unwrap_or_else(|| {
            let mut item = Draw::new(random).attributes();
            item.extend(Draw::new(random).index_keys(schema.indexes()));
            item
        });
        let keys: Vec<&str> = schema.key_attributes().iter().map(|key| key.name).collect();
        let legacy = random.one_in(4);
        let mut invent = Invent::new(random, &about);
        let actions = if legacy { invent.legacy_actions(&keys) } else { invent.actions(&keys) };
        let demand = Demand::draw(&about, legacy, random);
        let demand = if random.one_in(3) { demand } else { Demand::Nothing };
        Drawn { schema, key, before, actions, demand, legacy }
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

/// What AttributeUpdates say where an expression would speak of its operand.
const OTHER_TYPE: &str = "Type mismatch for attribute to update";

impl Drawn {
    /// What the update leaves, if the condition holds.
    fn after(&self) -> Result<Option<Item>, Vec<String>> {
        let after = update(self.before.as_ref(), &self.key, &self.actions);
        let after = after.map_err(|reasons| {
            let text = |reason: &&str| {
                let is_operand = reason.contains("operand");
                if self.legacy && is_operand { OTHER_TYPE } else { *reason }.to_owned()
            };
            reasons.iter().map(text).collect::<Vec<_>>()
        })?;
        let complaint = after.as_ref().and_then(|item| self.schema.index_complaint(item, true));
        complaint.map_or(Ok(after), |complaint| Err(vec![complaint]))
    }

    /// What is wrong with it before any item is looked at: it sets the key of an index to what that cannot
    /// hold.
    fn static_complaints(&self) -> Vec<String> {
        let literal = |action: &Action| match action {
            Action::Set(path, Source::Value(value)) => {
                let item = Item::from([(path.head.clone(), value.clone())]);
                path.steps.is_empty().then(|| self.schema.index_complaint(&item, true))?
            }
            Action::Set(..) | Action::Add(..) | Action::Remove(_) | Action::Delete(..) => None,
        };
        self.actions.iter().filter_map(literal).collect()
    }

    fn verdict(&self, after: &Result<Option<Item>, Vec<String>>) -> Verdict {
        let item = self.before.clone().unwrap_or_default();
        let complaints = self.static_complaints();
        match (self.demand.holds(&item), after) {
            (_, Err(reasons)) if !complaints.is_empty() => {
                Verdict::Invalid([complaints, reasons.clone()].concat())
            }
            (_, _) if !complaints.is_empty() => Verdict::Invalid(complaints),
            (false, _) => Verdict::ConditionFailed,
            (true, Ok(_)) => Verdict::Success,
            (true, Err(reasons)) => Verdict::Invalid(reasons.clone()),
        }
    }

    /// `AttributeUpdates`; PUT may be left unsaid.
    fn attribute_updates(
        &self,
        random: &mut Random,
    ) -> Option<HashMap<String, AttributeValueUpdate>> {
        let mut update = |action: &Action| {
            let (action, value) = match action {
                Action::Set(_, Source::Value(value)) => {
                    ((!random.one_in(3)).then_some(AttributeAction::Put), Some(value))
                }
                Action::Remove(_) => (Some(AttributeAction::Delete), None),
                Action::Add(_, value) => (Some(AttributeAction::Add), Some(value)),
                Action::Delete(_, value) => (Some(AttributeAction::Delete), Some(value)),
                Action::Set(..) => panic!("no attribute update copies"),
            };
            let built = AttributeValueUpdate::builder().set_action(action);
            built.set_value(value.map(value_to_sdk)).build()
        };
        let named = |action: &Action| (action.target().head.clone(), update(action));
        self.legacy.then(|| self.actions.iter().map(named).collect())
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
