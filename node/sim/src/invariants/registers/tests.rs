use stator_model::TableId;

use super::*;
use crate::content::KeyNumber;

const PLACE: Register = Register { table: TableId::from_bytes([1; 16]), key: KeyNumber(1) };

const DONE: Outcome = Outcome::Done(Shown::Nothing);

/// A history of one register.
#[derive(Default)]
struct Story(History);

impl Story {
    /// A write that took from `called` to the moment after it, or has no answer.
    fn write(
        &mut self,
        called: Moment,
        number: u64,
        change: Change,
        outcome: Outcome,
    ) -> &mut Self {
        self.write_if(called, number, change, None, outcome)
    }

    fn write_if(
        &mut self,
        called: Moment,
        number: u64,
        change: Change,
        condition: impl Into<Option<Condition>>,
        outcome: Outcome,
    ) -> &mut Self {
        let returned = (outcome != Outcome::Unknown).then_some(called + 1);
        let condition = condition.into();
        let write = Write { number: WriteNumber(number), change, condition, outcome };
        self.0.write(PLACE, called, returned, write);
        self
    }

    fn put(&mut self, called: Moment, number: u64, outcome: Outcome) -> &mut Self {
        self.write(called, number, Change::Put, outcome)
    }

    fn erase(&mut self, called: Moment, outcome: Outcome) -> &mut Self {
        self.write(called, 1000 + called, Change::Erase, outcome)
    }

    fn get(&mut self, called: Moment, consistent: bool, found: Option<Content>) -> &mut Self {
        self.0.get(PLACE, called, called + 1, Get { consistent, found });
        self
    }

    #[track_caller]
    fn holds(&mut self) -> &mut Self {
        assert_eq!(hold(&self.0), Ok(0));
        self
    }

    #[track_caller]
    fn is_broken(&self) {
        assert!(hold(&self.0).is_err(), "{:#?}", self.0.registers);
    }
}

fn of_put(number: u64) -> Content {
    Content { put: Some(WriteNumber(number)), ..Content::default() }
}

fn found(number: u64) -> Option<Content> {
    Some(of_put(number))
}

fn hits(hits: u64) -> Option<Content> {
    Some(Content { hits: Some(hits), ..Content::default() })
}

#[test]
fn an_acknowledged_write_that_is_gone_is_found() {
    for consistent in [true, false] {
        let mut story = Story::default();
        story.put(1, 7, DONE).get(5, consistent, found(7)).holds();
        story.get(9, consistent, None).is_broken();
    }
}

#[test]
fn a_refused_write_that_is_seen_is_found() {
    let mut story = Story::default();
    story.put(1, 7, Outcome::NotDone).get(5, true, None).holds();
    story.get(9, true, found(7)).is_broken();
}

#[test]
fn an_unknown_write_may_happen_once_at_any_time() {
    let mut story = Story::default();
    story.put(1, 7, Outcome::Unknown).get(5, true, None).get(9, true, found(7));
    story.put(11, 8, DONE).get(15, false, found(8)).holds();
    story.get(19, true, found(7)).is_broken();
}

#[test]
fn a_value_that_nobody_wrote_is_found() {
    for consistent in [true, false] {
        Story::default().get(5, consistent, found(3)).is_broken();
        Story::default().get(5, consistent, hits(3)).get(7, true, hits(3)).is_broken();
        let version = Content { version: Some(WriteNumber(3)), ..Content::default() };
        Story::default().get(5, consistent, Some(version)).is_broken();
    }
}

#[test]
fn the_value_that_a_write_replaced_counts_as_a_read() {
    let mut story = Story::default();
    story.put(1, 7, DONE).put(5, 8, DONE);
    story.put(9, 9, Outcome::Done(Shown::Old(found(7)))).is_broken();
}

#[test]
fn a_deleted_item_that_is_seen_again_is_found() {
    for consistent in [true, false] {
        let mut story = Story::default();
        story.put(1, 7, DONE).erase(5, DONE).get(9, consistent, None).holds();
        story.get(13, consistent, found(7)).is_broken();
    }
}

#[test]
fn an_unknown_delete_may_explain_an_absence_once() {
    for consistent in [true, false] {
        let mut story = Story::default();
        story.put(1, 7, DONE).erase(5, Outcome::Unknown).get(9, consistent, found(7));
        story.get(13, consistent, None).holds();
    }
    let mut story = Story::default();
    story.put(1, 7, DONE).erase(5, Outcome::Unknown).get(9, true, None);
    story.put(11, 8, DONE).get(15, true, None).is_broken();
}

#[test]
fn of_two_writes_of_what_must_not_be_there_one_wins() {
    let mut story = Story::default();
    story.write_if(1, 7, Change::Put, Condition::Absent, DONE).holds();
    story.write_if(5, 8, Change::Put, Condition::Absent, Outcome::Refused(Some(found(7)))).holds();
    story.write_if(9, 9, Change::Add, Condition::Absent, DONE).is_broken();
}

#[test]
fn a_refusal_that_no_state_of_the_item_justifies_is_found() {
    for item in [None, Some(None)] {
        let mut story = Story::default();
        story.erase(1, DONE);
        story.write_if(5, 7, Change::Put, Condition::Absent, Outcome::Refused(item)).is_broken();
    }
    let mut story = Story::default();
    story.put(1, 7, DONE);
    story.write_if(5, 8, Change::Put, Condition::Present, Outcome::Refused(None)).is_broken();
}

#[test]
fn a_refusal_may_be_the_only_sight_of_an_unknown_write() {
    let mut story = Story::default();
    story.put(1, 7, Outcome::Unknown);
    story.write_if(5, 8, Change::Put, Condition::Absent, Outcome::Refused(None)).holds();
    story.erase(9, DONE).get(11, true, None).holds();
    let mut story = Story::default();
    story.put(1, 7, Outcome::Unknown);
    story.write_if(5, 8, Change::Put, Condition::Absent, Outcome::Refused(None));
    story.get(9, true, None).is_broken();
}

#[test]
fn a_refusal_that_shows_what_was_replaced_is_found() {
    let mut story = Story::default();
    story.put(1, 7, DONE).put(5, 8, DONE);
    story.write_if(9, 9, Change::Put, Condition::Absent, Outcome::Refused(Some(found(7))));
    story.is_broken();
}

#[test]
fn an_addition_that_is_lost_or_made_twice_is_found() {
    let add = |story: &mut Story| {
        story.write(1, 7, Change::Add, DONE).write(3, 8, Change::Add, Outcome::Unknown);
        story.write(5, 9, Change::Add, DONE);
    };
    for (sum, fits) in [(16, true), (24, true), (9, false), (7, false), (31, false), (17, false)] {
        let mut story = Story::default();
        add(&mut story);
        story.get(9, true, hits(sum));
        assert_eq!(hold(&story.0).is_ok(), fits, "{sum}");
    }
}

#[test]
fn what_an_update_shows_must_fit_a_moment() {
    let shown = |shown: Shown| {
        let mut story = Story::default();
        story.write(1, 7, Change::Add, DONE).write(5, 8, Change::Add, Outcome::Done(shown));
        hold(&story.0).is_ok()
    };
    assert!(shown(Shown::FieldNew(Some(15))) && !shown(Shown::FieldNew(Some(8))));
    assert!(shown(Shown::FieldOld(Some(7))) && !shown(Shown::FieldOld(None)));
    assert!(shown(Shown::New(hits(15))) && !shown(Shown::New(hits(8))) && !shown(Shown::New(None)));
    assert!(shown(Shown::Old(hits(7))) && !shown(Shown::Old(None)));
}

#[test]
fn a_version_is_won_once() {
    let set = |story: &mut Story, called, number, expected: Option<u64>, outcome| {
        let condition = Condition::Version(expected.map(WriteNumber));
        story.write_if(called, number, Change::SetVersion, condition, outcome);
    };
    let mut story = Story::default();
    set(&mut story, 1, 7, None, DONE);
    set(&mut story, 5, 8, Some(7), DONE);
    set(&mut story, 9, 9, Some(7), Outcome::Refused(None));
    story.holds();
    set(&mut story, 13, 10, Some(7), DONE);
    story.is_broken();
}

#[test]
fn an_old_version_is_no_longer_read() {
    let version =
        |version| Some(Content { version: Some(WriteNumber(version)), ..Content::default() });
    let mut story = Story::default();
    story.write(1, 7, Change::SetVersion, DONE).write(5, 8, Change::SetVersion, DONE);
    story.get(9, false, version(8)).holds();
    story.get(13, false, version(7)).is_broken();
}

#[test]
fn what_is_there_is_not_set_again() {
    let first = |first| Some(Content { first: Some(WriteNumber(first)), ..Content::default() });
    let mut story = Story::default();
    story.write(1, 7, Change::SetFirst, DONE).write(5, 8, Change::SetFirst, DONE);
    story.get(9, true, first(7)).holds();
    story.write(11, 9, Change::Remove(Field::First), DONE).get(13, true, Some(Content::default()));
    story.write(15, 10, Change::SetFirst, DONE).get(17, true, first(10)).holds();
    story.get(19, true, first(7)).is_broken();
}

#[test]
fn an_unknown_update_may_have_created_an_item_that_keeps_no_trace_of_it() {
    let mut story = Story::default();
    story.write(1, 7, Change::SetFirst, Outcome::Unknown);
    story.write(5, 8, Change::Remove(Field::First), DONE).get(9, true, Some(Content::default()));
    story.holds();
}
