//! What an update costs is bounded by the item, the values and the text together, not by how often the
//! text names them. Were it not so, these tests would take minutes and gigabytes.

use std::fmt::Write as _;

use stator_expression::update::UpdateError;
use stator_expression::{Placeholders, Update};
use stator_model::{AttributeValue, Item, ItemView as _};

use super::key;

/// The longest text of the form `before item separator item … after`, and how many items it has.
fn longest(before: &str, item: impl Fn(usize) -> String) -> (String, usize) {
    let mut text = before.to_owned() + &item(0);
    for count in 1.. {
        let next = item(count);
        if text.len() + 1 + next.len() > 4_096 {
            return (text, count);
        }
        let _ = write!(text, ",{next}");
    }
    unreachable!("4 KB are full some time")
}

fn parse(text: &str, value: Option<AttributeValue>) -> Update {
    let values = value.map(|value| of("v", value, ":"));
    let mut placeholders = Placeholders::new(None, values).expect("good placeholders");
    Update::parse(text, &mut placeholders).expect("an update")
}

fn of(name: &str, value: AttributeValue, sigil: &str) -> Item {
    Item::from_pairs(vec![(format!("{sigil}{name}"), value)]).expect("one name")
}

fn text(bytes: usize) -> AttributeValue {
    AttributeValue::S("x".repeat(bytes))
}

fn strings(count: usize) -> AttributeValue {
    AttributeValue::Ss((0..count).map(|number| format!("{number:x}")).collect())
}

/// Why the update is refused, if it is.
fn refusal(update: &Update, item: Option<&Item>) -> Option<UpdateError> {
    update.apply(item, &key()).err()
}

#[test]
fn values_of_the_size_of_an_item_are_set_and_larger_ones_are_refused() {
    let set = |bytes| refusal(&parse("SET a = :v", Some(text(bytes))), None);
    assert_eq!(set(409_599), None);
    assert_eq!(set(409_600), None);
    assert_eq!(set(409_601), Some(UpdateError::TooLarge));
    let add = |bytes| refusal(&parse("SET a = :v, b = :v", Some(text(bytes))), None);
    assert_eq!(add(204_800), None);
    assert_eq!(add(204_801), Some(UpdateError::TooLarge));
    let append = |bytes| {
        let item = of("l", AttributeValue::L(vec![text(bytes)]), "");
        refusal(&parse("SET a = list_append(l, l)", None), Some(&item))
    };
    assert_eq!(append(204_797), None);
    assert_eq!(append(204_800), Some(UpdateError::TooLarge));
}

#[test]
fn what_is_removed_has_no_size_and_other_errors_come_first() {
    let item = of("a", text(409_000), "");
    assert_eq!(refusal(&parse("REMOVE a, b", None), Some(&item)), None);
    let update = parse("SET b = :v, c = x", Some(text(409_601)));
    assert_eq!(refusal(&update, Some(&item)), Some(UpdateError::MissingAttribute));
}

#[test]
fn a_large_value_may_be_named_a_thousand_times() {
    let (copies, count) = longest("SET ", |at| format!("b{at:x}=a"));
    assert!(count > 500);
    let item = of("a", AttributeValue::L(vec![AttributeValue::Null; 200_000]), "");
    assert_eq!(refusal(&parse(&copies, None), Some(&item)), Some(UpdateError::TooLarge));
    let (sets, count) = longest("SET ", |at| format!("b{at:x}=:v"));
    assert!(count > 400);
    let update = parse(&sets, Some(text(2_000_000)));
    assert_eq!(refusal(&update, None), Some(UpdateError::TooLarge));
    let (adds, _) = longest("ADD ", |at| format!("b{at:x} :v"));
    let update = parse(&adds, Some(strings(100_000)));
    assert_eq!(refusal(&update, None), Some(UpdateError::TooLarge));
    let (appends, count) = longest("SET ", |at| format!("b{at:x}=list_append(a,a)"));
    assert!(count > 150);
    assert_eq!(refusal(&parse(&appends, None), Some(&item)), Some(UpdateError::TooLarge));
}

#[test]
fn a_long_name_may_be_given_to_elements_of_hundreds_of_maps() {
    let (sets, count) = longest("SET ", |at| format!("b{at:x}.#n=:v"));
    assert!(count > 300);
    let maps = (0..count).map(|at| (format!("b{at:x}"), AttributeValue::M(Item::new())));
    let item = Item::from_pairs(maps.collect()).expect("names once");
    let named = |bytes| {
        let names = Some(vec![("#n".to_owned(), "n".repeat(bytes))]);
        let values = Some(of("v", AttributeValue::Null, ":"));
        let mut placeholders = Placeholders::new(names, values).expect("good placeholders");
        refusal(&Update::parse(&sets, &mut placeholders).expect("an update"), Some(&item))
    };
    assert_eq!(named(409_600 / count - 1), None);
    assert_eq!(named(409_600 / count), Some(UpdateError::TooLarge));
    assert_eq!(named(65_535), Some(UpdateError::TooLarge));
}

#[test]
fn a_large_set_may_be_taken_from_hundreds_of_sets() {
    let (deletes, count) = longest("DELETE ", |at| format!("b{at:x} :v"));
    assert!(count > 400);
    let sets = (0..count).map(|at| (format!("b{at:x}"), AttributeValue::Ss(vec!["-".into()])));
    let item = Item::from_pairs(sets.collect()).expect("names once");
    let update = parse(&deletes, Some(strings(100_000)));
    let updated = update.apply(Some(&item), &key()).expect("an update");
    assert!(updated.is_unchanged());
}

#[test]
fn many_targets_in_large_maps_and_lists_are_met_in_one_walk() {
    let nulls = |count: usize| (0..count).map(|at| (format!("k{at:06}"), AttributeValue::Null));
    let map = Item::from_pairs(nulls(45_000).collect()).expect("names once");
    let list = AttributeValue::L(vec![AttributeValue::Null; 90_000]);
    let item =
        Item::from_pairs(vec![("l".into(), list), ("m".into(), AttributeValue::M(map.clone()))]);
    let item = item.expect("names once");
    let (removes, count) = longest("REMOVE ", |at| format!("l[{}],m.k{:06}", 7 * at, 9 * at));
    let update = parse(&removes, None);
    let updated = update.apply(Some(&item), &key()).expect("an update");
    let gone = u32::try_from(count).expect("few");
    let size = updated.after().expect("an item").size().0;
    assert_eq!(size, item.size().0 - gone * (2 + 9));
    // New names in front of all that are there.
    let (sets, count) = longest("SET ", |at| format!("A_{at:x}=l[0]"));
    let before = Item::from_pairs(map.into_iter().chain(item.clone()).collect());
    let before = before.expect("names once");
    let update = parse(&sets, None);
    let updated = update.apply(Some(&before), &key()).expect("an update");
    assert_eq!(updated.after().expect("an item").len(), before.len() + count);
}
