use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{AttributeMap, DuplicateName, ItemSize, ItemView as _};
use crate::AttributeValue;

fn value(number: u8) -> AttributeValue {
    AttributeValue::S("x".repeat(usize::from(number % 4)))
}

#[derive(Clone, Debug)]
enum Step {
    Insert(String, u8),
    Remove(String),
    Get(String),
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || "[a-dä]{0,2}";
    prop_oneof![
        (name(), any::<u8>()).prop_map(|(name, number)| Step::Insert(name, number)),
        name().prop_map(Step::Remove),
        name().prop_map(Step::Get),
    ]
}

proptest! {
    #[test]
    fn a_map_behaves_like_a_btree_map(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut map = AttributeMap::new();
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(name, number) => {
                    prop_assert_eq!(
                        map.insert(name.clone(), value(number)),
                        model.insert(name, value(number))
                    );
                }
                Step::Remove(name) => prop_assert_eq!(map.remove(&name), model.remove(&name)),
                Step::Get(name) => prop_assert_eq!(map.get(&name), model.get(&name)),
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.is_empty(), model.is_empty());
            prop_assert!(map.iter().eq(model.iter().map(|(name, value)| (name.as_str(), value))));
        }
        let bytes: usize = model.iter().map(|(name, value)| name.len() + value.size()).sum();
        prop_assert_eq!(map.size(), ItemSize::from_bytes(bytes));
    }

    #[test]
    fn from_pairs_sorts_and_refuses_a_name_twice(
        pairs in prop::collection::vec(("[a-e]{1,2}", any::<u8>()), 0..8),
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(name, number)| (name, value(number))).collect();
        let model: BTreeMap<_, _> = pairs.iter().cloned().collect();
        match AttributeMap::from_pairs(pairs.clone()) {
            Ok(map) => {
                prop_assert_eq!(model.len(), pairs.len());
                prop_assert!(map.into_iter().eq(model));
            }
            Err(DuplicateName(name)) => {
                prop_assert!(pairs.iter().filter(|(have, _)| *have == name).count() > 1);
            }
        }
    }
}

#[test]
fn units_round_up_and_are_at_least_one() {
    for (bytes, read, write) in
        [(0, 1, 1), (1, 1, 1), (1024, 1, 1), (1025, 1, 2), (4096, 1, 4), (4097, 2, 5)]
    {
        let size = ItemSize(bytes);
        assert_eq!((size.read_units(), size.write_units()), (read, write), "{bytes}");
    }
}

// Rule: item.size
#[test]
fn an_item_may_have_400_kib_and_not_one_byte_more() {
    assert!(ItemSize::from_bytes(409_600).is_allowed());
    assert!(!ItemSize::from_bytes(409_601).is_allowed());
    assert!(!ItemSize::from_bytes(usize::MAX).is_allowed());
}

#[test]
fn only_what_is_picked_is_copied_with_all_that_is_in_it() {
    let nested = |name: &str| {
        let inner = vec![(name.to_owned(), value(2)), ("list".to_owned(), value(3))];
        let inner = AttributeValue::M(AttributeMap::from_pairs(inner).unwrap());
        AttributeValue::L(vec![value(1), inner, AttributeValue::Ss(vec!["x".to_owned()])])
    };
    let pairs = ["a", "b", "c"].map(|name| (name.to_owned(), nested(name)));
    let item = AttributeMap::from_pairs(pairs.to_vec()).unwrap();
    assert_eq!(crate::to_item(&item), item);
    let picked = crate::to_item_of(&item, &|name| ["a", "c", "list"].contains(&name));
    assert_eq!(picked.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "c"]);
    assert!(picked.iter().all(|(name, value)| item.get(name) == Some(value)));
    assert!(crate::to_item_of(&item, &|_| false).is_empty());
}
