use proptest::prelude::*;

use super::PathTree;
use crate::{Fault, Path, Relation, Step};

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        "[ab]".prop_map(Step::Name),
        "[ab]".prop_map(Step::Name),
        (0..2_u32).prop_map(Step::Index),
    ]
}

fn any_path() -> impl Strategy<Value = Path> {
    ("[ab]", prop::collection::vec(any_step(), 0..5)).prop_map(|(head, rest)| Path { head, rest })
}

/// The first path that stands so to an earlier one, and the earliest of those.
fn first(paths: &[Path], relation: Relation) -> Option<(String, String)> {
    paths.iter().enumerate().find_map(|(at, two)| {
        let one = paths[..at].iter().find(|one| one.relation(two) == relation)?;
        Some((one.to_string(), two.to_string()))
    })
}

#[test]
fn a_path_has_at_most_32_elements() {
    let path = |steps| Path { head: "a".into(), rest: vec![Step::Index(0); steps] };
    assert!(PathTree::new(&[&path(31)]).is_ok());
    assert_eq!(PathTree::new(&[&path(32)]), Err(Fault::TooManyLevels { levels: 33 }));
    assert_eq!(PathTree::new(&[&path(100_000)]), Err(Fault::TooManyLevels { levels: 100_001 }));
}

proptest! {
    #[test]
    fn clashes_are_those_of_comparing_all_pairs(paths in prop::collection::vec(any_path(), 0..7)) {
        let expected = if let Some((one, two)) = first(&paths, Relation::Overlap) {
            Err(Fault::PathsOverlap { one, two })
        } else if let Some((one, two)) = first(&paths, Relation::Conflict) {
            Err(Fault::PathsConflict { one, two })
        } else {
            Ok(())
        };
        let tree = PathTree::new(&paths.iter().collect::<Vec<_>>());
        prop_assert_eq!(tree.map(|_| ()), expected);
    }
}
