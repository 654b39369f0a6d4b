//! Against every possible choice, compared one by one.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stator_model::NodeId;

use super::{Candidate, spread, voters_among};

const ZONES: [&str; 4] = ["a", "b", "c", "d"];

fn candidate(node: u64, zone: &str, replicas: u64) -> Candidate<'_> {
    Candidate { node: NodeId::new(node), zone, replicas, first: 0 }
}

fn numbers(nodes: &[NodeId]) -> Vec<u64> {
    nodes.iter().map(|node| node.get()).collect()
}

/// How bad a choice is: replicas crowded into zones first, then replicas on full nodes, then high ids.
fn badness(candidates: &[Candidate<'_>], chosen: u32) -> (Vec<usize>, Vec<(u64, NodeId)>) {
    let chosen = (0..).zip(candidates).filter(|(at, _)| chosen & (1 << at) != 0);
    let (mut zones, mut loads) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (_, candidate) in chosen {
        *zones.entry(candidate.zone).or_default() += 1;
        loads.push((candidate.replicas, candidate.node));
    }
    let mut crowds: Vec<_> = zones.into_values().collect();
    crowds.sort_by(|left, right| right.cmp(left));
    loads.sort();
    (crowds, loads)
}

/// The best choice of all choices.
fn best(candidates: &[Candidate<'_>], count: usize) -> Vec<NodeId> {
    let count = count.min(candidates.len());
    let choices = (0..1_u32 << candidates.len()).filter(|it| it.count_ones() as usize == count);
    let best = choices.min_by_key(|choice| badness(candidates, *choice)).unwrap_or(0);
    let mut nodes: Vec<_> = (0..)
        .zip(candidates)
        .filter(|(at, _)| best & (1 << at) != 0)
        .map(|(_, candidate)| candidate.node)
        .collect();
    nodes.sort();
    nodes
}

fn any_candidates() -> impl Strategy<Value = Vec<(usize, u64, u64)>> {
    prop::collection::vec((0..ZONES.len(), 0..4_u64, 0..3_u64), 0..9)
}

proptest! {
    #[test]
    fn a_group_is_placed_as_well_as_any_choice_would(
        drawn in any_candidates(),
        count in 0..6_usize,
    ) {
        let candidates: Vec<_> = (1..)
            .zip(&drawn)
            .map(|(node, (zone, replicas, first))| {
                Candidate { first: *first, ..candidate(node, ZONES[*zone], *replicas) }
            })
            .collect();
        let placed = spread(&candidates, count);
        let mut sorted = placed.clone();
        sorted.sort();
        prop_assert_eq!(&sorted, &best(&candidates, count));
        let first_of = |node| candidates.iter().find(|it| it.node == node).map(|it| it.first);
        let fewest = placed.iter().map(|node| first_of(*node)).min();
        prop_assert_eq!(placed.first().map(|node| first_of(*node)), fewest);
        let reversed: Vec<_> = candidates.into_iter().rev().collect();
        prop_assert_eq!(spread(&reversed, count), placed, "the order of the nodes is nothing");
    }

    /// With equal zones, no node ever gets two more than another, and none is named first two times more.
    #[test]
    fn many_groups_are_spread_evenly(zones in 1..5_usize, in_zone in 1..4_usize, groups in 1..60) {
        let mut held = vec![(0_u64, 0_u64); zones * in_zone];
        for _ in 0..groups {
            let candidates: Vec<_> = (0_u64..)
                .zip(&held)
                .map(|(node, (replicas, first))| {
                    let zone = ZONES[usize::try_from(node).unwrap() % zones];
                    Candidate { first: *first, ..candidate(node, zone, *replicas) }
                })
                .collect();
            for (at, node) in spread(&candidates, 3).into_iter().enumerate() {
                let (replicas, first) = &mut held[usize::try_from(node.get()).unwrap()];
                *replicas += 1;
                *first += u64::from(at == 0);
            }
            let counts = || held.iter().map(|(replicas, _)| *replicas);
            prop_assert!(counts().max().unwrap() - counts().min().unwrap() <= 1, "{held:?}");
            let firsts = || held.iter().map(|(_, first)| *first);
            prop_assert!(firsts().max().unwrap() - firsts().min().unwrap() <= 2, "{held:?}");
        }
    }
}

#[test]
fn replicas_are_in_different_zones_before_they_are_on_empty_nodes() {
    let full_zones =
        [candidate(1, "a", 0), candidate(2, "a", 0), candidate(3, "b", 9), candidate(4, "c", 9)];
    assert_eq!(numbers(&spread(&full_zones, 3)), [1, 3, 4]);
    let two_zones =
        [candidate(1, "a", 5), candidate(2, "a", 5), candidate(3, "b", 5), candidate(4, "b", 4)];
    assert_eq!(numbers(&spread(&two_zones, 3)), [4, 1, 2]);
    assert_eq!(numbers(&spread(&[candidate(7, "", 0)], 3)), [7]);
    assert_eq!(spread(&[], 3), []);
}

#[test]
fn a_catalog_has_five_voters_from_seven_nodes_on() {
    let voters: Vec<_> = (0..9).map(voters_among).collect();
    assert_eq!(voters, [0, 1, 2, 3, 3, 3, 3, 5, 5]);
}
