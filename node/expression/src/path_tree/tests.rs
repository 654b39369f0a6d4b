use std::sync::Arc;

use proptest::prelude::*;

use super::{Node, PathTree};
use crate::{Fault, Path, Step};

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

/// How two paths stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// They lead to different places.
    Apart,
    /// They are the same, or one leads through the other's place.
    Overlap,
    /// They take one element for a map and for a list.
    Conflict,
}

fn relation(one: &Path, two: &Path) -> Relation {
    if one.head != two.head {
        return Relation::Apart;
    }
    match one.rest.iter().zip(&two.rest).find(|(one, two)| one != two) {
        None => Relation::Overlap,
        Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))) => {
            Relation::Conflict
        }
        Some((Step::Name(_), Step::Name(_)) | (Step::Index(_), Step::Index(_))) => Relation::Apart,
    }
}

/// The first path that stands so to an earlier one, and the earliest of those.
fn first(paths: &[Path], wanted: Relation) -> Option<(String, String)> {
    paths.iter().enumerate().find_map(|(at, two)| {
        let one = paths[..at].iter().find(|one| relation(one, two) == wanted)?;
        Some((one.to_string(), two.to_string()))
    })
}

#[test]
fn two_paths_overlap_conflict_or_stand_apart() {
    let name = |name: &str| Step::Name(name.into());
    let path = |rest: &[Step]| Path { head: "a".into(), rest: rest.to_vec() };
    let clash = |one: &Path, two: &Path| match PathTree::new(&[one, two]) {
        Ok(_) => Relation::Apart,
        Err(Fault::PathsOverlap { .. }) => Relation::Overlap,
        Err(Fault::PathsConflict { .. }) => Relation::Conflict,
        Err(other) => panic!("{other}"),
    };
    let cases = [
        (path(&[]), path(&[]), Relation::Overlap),
        (path(&[]), path(&[name("b"), Step::Index(0)]), Relation::Overlap),
        (path(&[name("b")]), path(&[Step::Index(1)]), Relation::Conflict),
        (
            path(&[Step::Index(0), name("b"), name("c")]),
            path(&[Step::Index(0), name("b"), Step::Index(2)]),
            Relation::Conflict,
        ),
        (path(&[name("b")]), path(&[name("c")]), Relation::Apart),
        (path(&[Step::Index(0)]), path(&[Step::Index(1)]), Relation::Apart),
        (path(&[name("b"), name("c")]), path(&[name("c"), Step::Index(0)]), Relation::Apart),
        // One placeholder is one element, whatever the name behind it holds.
        (Path::attribute("a.x"), path(&[name("x")]), Relation::Apart),
    ];
    for (one, two, expected) in cases {
        assert_eq!(clash(&one, &two), expected, "{one} {two}");
        assert_eq!(clash(&two, &one), expected, "{two} {one}");
    }
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
        let (have, Node::Map(inner)) = names.first().unwrap() else { panic!("a map") };
        assert!(Arc::ptr_eq(have, &name));
        names = inner;
    }
    assert!(names.iter().all(|(have, _)| Arc::ptr_eq(have, &name)));
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
