use fjall::AbstractTree;
use stator_model::TabletId;

use super::*;
use crate::{Batch, Engine, FjallEngine, Options};

fn numbered() -> Format {
    Format { keyspaces: (1..=16).collect() }
}

#[test]
fn the_bytes_of_the_format_file_never_change() {
    let bytes = numbered().encode();
    assert_eq!(bytes[..12], *b"STATORKS\0\0\0\x01");
    assert_eq!(bytes[12..20], [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(bytes[132..140], [0, 0, 0, 0, 0, 0, 0, 16]);
    assert_eq!(bytes[140..], [0xa6, 0xdc, 0x5f, 0xc2]);
    assert!(matches!(Format::decode(&bytes), Ok(format) if format == numbered()));
}

#[test]
fn a_changed_byte_is_noticed() {
    let bytes = numbered().encode();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Format::decode(&changed).is_err(), "byte {at}");
        assert!(matches!(Format::decode(&bytes[..at]), Err(Undecoded::Garbage)), "cut at {at}");
    }
}

#[test]
fn a_newer_format_is_told_from_garbage() {
    let newer = b"STATORKS\0\0\0\x02whatever";
    assert!(matches!(Format::decode(newer), Err(Undecoded::Newer(2))));
}

/// What is read from the tables themselves is what fjall says of them once it has opened them.
#[test]
fn the_newest_number_in_the_tables_of_a_keyspace_is_read_without_fjall() {
    let dir = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(dir.path(), Options::default()).unwrap();
    let tablet = |keyspace| TabletId { keyspace, prefix: 1 << 32 };
    for keyspace in [3, 3, 7, 3] {
        let mut batch = Batch::new();
        batch.put(tablet(keyspace), b"key", &b"value"[..]);
        engine.commit(batch).unwrap();
        engine.drop_tablets(&[TabletId { keyspace, prefix: 2 << 32 }]).unwrap();
    }
    let mut found = 0;
    for keyspace in engine.keyspaces.iter() {
        let expected = keyspace.tree.get_highest_persisted_seqno();
        assert_eq!(flushed(dir.path(), keyspace.id()).unwrap(), expected);
        found += usize::from(expected.is_some());
    }
    assert_eq!(found, 2);
    assert!(flushed(dir.path(), META_KEYSPACE).unwrap().is_some());
}
