use super::*;

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
