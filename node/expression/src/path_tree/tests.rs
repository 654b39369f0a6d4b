use std::sync::Arc;

use proptest::prelude::*;

use super::{Node, PathTree};
use crate::{Fault, Path, Relation, Step};

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        "[ab]".prop_map(|name| Step::Name(name.into())),
        "[ab]".prop_map(|name| Step::Name(name.into())),
        (0..2_u32).prop_map(Step::Index),
    ]
}

fn any_path() -> impl Strategy<Value = Path> {
    ("[ab]", prop::collection::vec(any_step(), 0..5))
        .prop_map(|(head, rest)| Path { head: head.into(), rest })
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

#[test]
fn a_tree_shares_the_names_of_its_paths() {
    let name: Arc<str> = "a".into();
    let path = Path { head: Arc::clone(&name), rest: vec![Step::Name(Arc::clone(&name)); 31] };
    let tree = PathTree::new(&[&path]).unwrap();
    let mut names = tree.names();
    for _ in 0..path.rest.len() {
        let (have, Node::Map(inner)) = names.first_key_value().unwrap() else { panic!("a map") };
        assert!(Arc::ptr_eq(have, &name));
        names = inner;
    }
    assert!(names.keys().all(|have| Arc::ptr_eq(have, &name)));
    drop(path);
    assert_eq!(Arc::strong_count(&name), 1 + 32, "the paths are gone, and nothing else has it");
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
