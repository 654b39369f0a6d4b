use proptest::prelude::*;

use super::*;

fn full() -> PartitionState {
    PartitionState {
        applied: LogIndex::new(300),
        applied_term: Term::new(2),
        conf_state: ConfState {
            voters: vec![ReplicaId::new(1), ReplicaId::new(2)],
            learners: vec![ReplicaId::new(3)],
            voters_outgoing: vec![ReplicaId::new(4)],
            learners_next: vec![ReplicaId::new(5)],
            auto_leave: true,
        },
        epoch: Epoch::new(6),
        range: KeyRange { start: Bytes::from_static(b"a"), end: Some(Bytes::new()) },
        table: Some(TableId::from_bytes([9; 16])),
        description_version: DescriptionVersion::new(7),
        highest: Timestamp::from_bits(8),
        parent: Some(PartitionId::new(0)),
        items: 9,
        bytes: 10,
        local_indexes: vec![
            IndexTotals { index: LocalIndexId(1), entries: 11, bytes: 12 },
            IndexTotals { index: LocalIndexId(2), entries: 0, bytes: 0 },
        ],
    }
}

#[test]
fn the_bytes_of_a_state_never_change() {
    let bytes = [
        &[1][..],                        // version
        &[0x08, 0xac, 0x02, 0x10, 2],    // applied, its term
        &[0x1a, 15],                     // members
        &[0x0a, 2, 1, 2, 0x12, 1, 3],    // voters, learners
        &[0x1a, 1, 4, 0x22, 1, 5],       // outgoing voters, next learners
        &[0x28, 1],                      // left by itself
        &[0x20, 6],                      // epoch
        &[0x2a, 1, b'a', 0x32, 0],       // range
        &[0x3a, 16],                     // table
        &[9; 16],                        //
        &[0x40, 7],                      // description version
        &[0x49, 8, 0, 0, 0, 0, 0, 0, 0], // highest timestamp
        &[0x50, 0],                      // parent
        &[0x58, 9, 0x60, 10],            // items, their bytes
    ]
    .concat();
    let indexes = [
        &[0x6a, 6, 8, 1, 0x10, 11, 0x18, 12][..], // an index, its entries, their bytes
        &[0x6a, 2, 8, 2],                         // another, empty
    ];
    let indexed = [&bytes[..], &indexes.concat()].concat();
    assert_eq!(full().encode(), indexed);
    assert_eq!(PartitionState::decode(&indexed), Ok(full()));
    // What was written before there were indexes.
    let before = PartitionState { local_indexes: Vec::new(), ..full() };
    assert_eq!(before.encode(), bytes);
    assert_eq!(PartitionState::decode(&bytes), Ok(before));
    let blank = PartitionState::blank(Vec::new());
    assert_eq!(blank.encode(), [1, 0x1a, 0]);
    assert_eq!(PartitionState::decode(&[1, 0x1a, 0]), Ok(blank));
}

#[test]
fn a_state_that_is_none_is_refused() {
    let problem = |bytes: &[u8]| PartitionState::decode(bytes).unwrap_err().problem;
    assert_eq!(problem(&[]), Problem::CutShort);
    assert_eq!(problem(&[2, 0x1a, 0]), Problem::Version(2));
    assert_eq!(problem(&[1, 0x3a, 15]), Problem::Field);
    assert_eq!(problem(&[1, 0x6a, 3, 8, 0x80, 2]), Problem::Field);
    assert_eq!(problem(&[&[1, 0x3a, 15][..], &[9; 15]].concat()), Problem::Field);
}

fn replicas() -> impl Strategy<Value = Vec<ReplicaId>> {
    prop::collection::vec(any::<u64>().prop_map(ReplicaId::new), 0..4)
}

fn conf_states() -> impl Strategy<Value = ConfState> {
    (replicas(), replicas(), replicas(), replicas(), any::<bool>()).prop_map(
        |(voters, learners, voters_outgoing, learners_next, auto_leave)| ConfState {
            voters,
            learners,
            voters_outgoing,
            learners_next,
            auto_leave,
        },
    )
}

fn states() -> impl Strategy<Value = PartitionState> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let range = (bytes(), prop::option::of(bytes()));
    let table = prop::option::of(any::<[u8; 16]>().prop_map(TableId::from_bytes));
    let parent = prop::option::of(any::<u64>().prop_map(PartitionId::new));
    let index = (any::<u8>(), any::<u64>(), any::<u64>()).prop_map(|(index, entries, bytes)| {
        IndexTotals { index: LocalIndexId(index), entries, bytes }
    });
    let indexes = prop::collection::vec(index, 0..3);
    (any::<[u64; 7]>(), conf_states(), range, table, parent, indexes).prop_map(
        |(
            [applied, term, epoch, version, highest, items, size],
            conf_state,
            (start, end),
            table,
            parent,
            local_indexes,
        )| {
            PartitionState {
                applied: LogIndex::new(applied),
                applied_term: Term::new(term),
                conf_state,
                epoch: Epoch::new(epoch),
                range: KeyRange { start, end },
                table,
                description_version: DescriptionVersion::new(version),
                highest: Timestamp::from_bits(highest),
                parent,
                items,
                bytes: size,
                local_indexes,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases(128)))]

    #[test]
    fn a_state_comes_back_as_it_was_stored(state in states()) {
        prop_assert_eq!(PartitionState::decode(&state.encode()), Ok(state));
    }

    #[test]
    fn any_bytes_are_a_state_or_an_error(
        state in states(),
        at in any::<prop::sample::Index>(),
        flip in any::<u8>(),
    ) {
        let mut bytes = state.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = PartitionState::decode(&bytes);
        let _ = PartitionState::decode(&bytes[..at]);
    }
}
