use proptest::prelude::*;

use super::*;

fn tablet() -> TabletId {
    TabletId { keyspace: 5, prefix: 0x0102_0304_0506_0708 }
}

fn hard_state() -> HardState {
    HardState { term: Term::new(3), vote: Some(ReplicaId::new(4)), commit: LogIndex::new(5) }
}

/// Checks a record's bytes both ways.
#[track_caller]
fn golden(stored: &Stored, expected: &str) {
    let mut bytes = Vec::new();
    match stored {
        Stored::Record(record) => encode(record, &mut bytes).unwrap(),
        Stored::Segment { length } => encode_segment(*length, &mut bytes).unwrap(),
        Stored::Group(head) => encode_group(head, &mut bytes).unwrap(),
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected.replace(' ', ""));
    assert_eq!(decode(&mut Fields::new(&bytes)).as_ref(), Ok(stored));
    for length in 0..bytes.len() {
        let cut = decode(&mut Fields::new(&bytes[..length]));
        assert_eq!(cut, Err(Unreadable::Malformed), "{length} bytes of it");
    }
}

const IDS: &str = "0100000000000000 0200000000000000";

fn group() -> PartitionId {
    PartitionId::new(1)
}

fn replica() -> ReplicaId {
    ReplicaId::new(2)
}

#[test]
fn an_entry_has_the_bytes_it_always_had() {
    let record = Record::Entry {
        group: group(),
        replica: replica(),
        term: Term::new(3),
        index: LogIndex::new(4),
        body: Bytes::from_static(b"body"),
    };
    let expected = format!("01 01 24000000 {IDS} 0300000000000000 0400000000000000 626f6479");
    golden(&Stored::Record(record), &expected);
}

#[test]
fn a_hard_state_has_the_bytes_it_always_had() {
    let HardState { term, vote, commit } = hard_state();
    let record = Record::HardState { group: group(), replica: replica(), term, vote, commit };
    let expected =
        format!("02 01 29000000 {IDS} 0300000000000000 01 0400000000000000 0500000000000000");
    golden(&Stored::Record(record), &expected);
    let record = Record::HardState { group: group(), replica: replica(), term, vote: None, commit };
    let expected =
        format!("02 01 29000000 {IDS} 0300000000000000 00 0000000000000000 0500000000000000");
    golden(&Stored::Record(record), &expected);
}

#[test]
fn an_installed_replica_has_the_bytes_it_always_had() {
    let record = Record::Installed {
        group: group(),
        replica: replica(),
        tablet: tablet(),
        index: LogIndex::new(6),
        term: Term::new(7),
        state: Bytes::from_static(b"state"),
    };
    let expected = format!(
        "03 01 2e000000 {IDS} 05 0807060504030201 0600000000000000 0700000000000000 7374617465"
    );
    golden(&Stored::Record(record), &expected);
}

#[test]
fn a_tombstone_has_the_bytes_it_always_had() {
    let record = Record::Destroyed { group: group(), replica: replica() };
    golden(&Stored::Record(record), &format!("04 01 10000000 {IDS}"));
}

#[test]
fn a_segment_and_a_group_of_a_checkpoint_have_the_bytes_they_always_had() {
    golden(&Stored::Segment { length: 0x10_0000 }, "05 01 08000000 0000100000000000");
    let head = GroupHead {
        group: group(),
        replica: replica(),
        hard_state: hard_state(),
        tablet: tablet(),
        installed: (LogIndex::new(6), Term::new(7)),
        durable_applied: LogIndex::new(8),
        state: Bytes::from_static(b"state"),
    };
    let expected = format!(
        "06 01 4f000000 {IDS} 0300000000000000 01 0400000000000000 0500000000000000 \
         05 0807060504030201 0600000000000000 0700000000000000 0800000000000000 7374617465"
    );
    golden(&Stored::Group(head), &expected);
}

#[test]
fn a_later_version_and_an_unknown_kind_are_told_from_nonsense() {
    let read = |bytes: &[u8]| decode(&mut Fields::new(bytes));
    assert_eq!(read(&[4, 2, 0, 0, 0, 0]), Err(Unreadable::Newer { version: 2 }));
    assert_eq!(read(&[7, 1, 0, 0, 0, 0]), Err(Unreadable::Newer { version: 1 }));
    assert_eq!(read(&[4, 0, 0, 0, 0, 0]), Err(Unreadable::Malformed));
    assert_eq!(read(&[0, 1, 0, 0, 0, 0]), Err(Unreadable::Malformed));
    assert_eq!(read(&[4, 1, 255, 255, 255, 255]), Err(Unreadable::Malformed));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_what_is_read_has_these_bytes(
        kind in 0..9_u8,
        payload in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut bytes = vec![kind, VERSION];
        bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend(payload);
        let mut again = Vec::new();
        match decode(&mut Fields::new(&bytes)) {
            Ok(Stored::Record(record)) => encode(&record, &mut again).unwrap(),
            Ok(Stored::Segment { length }) => encode_segment(length, &mut again).unwrap(),
            Ok(Stored::Group(head)) => encode_group(&head, &mut again).unwrap(),
            Err(_) => return Ok(()),
        }
        // A vote that is not there has bytes all the same, which are not read.
        prop_assert_eq!(again.len(), bytes.len());
        prop_assert_eq!(decode(&mut Fields::new(&again)), decode(&mut Fields::new(&bytes)));
    }
}
