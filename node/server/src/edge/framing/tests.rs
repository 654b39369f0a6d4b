use proptest::prelude::*;

use super::*;

/// Shows `pieces` one after the other; the stage at the end, or the first refusal.
fn observe<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Stage, Refusal> {
    let mut framing = Framing::default();
    let limits = Limits::default();
    let mut shown = pieces.into_iter();
    shown.try_for_each(|piece| framing.observe(piece, &limits)).map_err(|refused| refused.why)?;
    Ok(framing.stage())
}

#[track_caller]
fn check(bytes: &str, expected: Result<Stage, Refusal>) {
    assert_eq!(observe([bytes.as_bytes()]), expected, "at once: {bytes:?}");
    assert_eq!(observe(bytes.as_bytes().chunks(1)), expected, "byte by byte: {bytes:?}");
}

#[test]
fn requests_are_followed_to_their_ends() {
    check("", Ok(Stage::Idle));
    check("P", Ok(Stage::Head));
    check("\r\n\r\n", Ok(Stage::Head));
    check("POST / HTTP/1.1\r\nHost: a\r\n", Ok(Stage::Head));
    check("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(Stage::Idle));
    check("POST / HTTP/1.1\nHost: a\n\n", Ok(Stage::Idle));
    check("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n", Ok(Stage::Body(5)));
    check("POST / HTTP/1.1\r\nCONTENT-LENGTH:5\r\n\r\nabc", Ok(Stage::Body(2)));
    check("POST / HTTP/1.1\r\ncontent-length: 5\t\r\n\r\nabcde", Ok(Stage::Idle));
    check("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcdeP", Ok(Stage::Head));
    check("POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\naGET / HTTP/1.1\r\n\r\n", Ok(Stage::Idle));
    check("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\nGET", Ok(Stage::Chunked));
}

#[test]
fn ambiguous_lengths_are_refused() {
    let head = |lines: &str| format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n");
    for lines in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nHost: a\r\ncontent-length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
    ] {
        check(&head(lines), Err(Refusal::BadLength));
    }
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
    ] {
        check(&head(lines), Err(Refusal::BadTransferEncoding));
    }
    check(&head("Host: a\r\n Content-Length: 5"), Err(Refusal::FoldedLine));
}

#[test]
fn a_refusal_says_where_its_head_begins() {
    let good = b"GET / HTTP/1.1\r\n\r\n".as_slice();
    let bad = b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n".as_slice();
    let at = |pieces: &[&[u8]]| {
        let mut framing = Framing::default();
        let mut pieces = pieces.iter();
        pieces.find_map(|piece| framing.observe(piece, &Limits::default()).err()).map(|err| err.at)
    };
    assert_eq!(at(&[bad]), Some(0));
    assert_eq!(at(&[good, bad]), Some(0));
    assert_eq!(at(&[&[good, bad].concat()]), Some(good.len()));
    assert_eq!(at(&[&[good, &bad[..5]].concat(), &bad[5..]]), Some(0));
}

#[test]
fn limits_hold_to_the_byte() {
    let limits = Limits::default();
    let line = |bytes: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(bytes - 16));
    check(&line(limits.request_line_bytes), Ok(Stage::Idle));
    check(&line(limits.request_line_bytes + 1), Err(Refusal::LongRequestLine));
    let header = |bytes: usize| format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(bytes - 7));
    check(&header(limits.header_bytes), Ok(Stage::Idle));
    check(&header(limits.header_bytes + 1), Err(Refusal::LargeHeader));
    let lines = |count: u32| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count as usize));
    check(&lines(limits.header_lines), Ok(Stage::Idle));
    check(&lines(limits.header_lines + 1), Err(Refusal::LargeHeader));
    check(&"\r\n".repeat(limits.request_line_bytes), Err(Refusal::LongRequestLine));
}

#[test]
fn each_request_enters_new_stages() {
    let mut framing = Framing::default();
    let mut observe = |bytes: &[u8]| {
        framing.observe(bytes, &Limits::default()).expect("allowed");
        framing.changes()
    };
    let first = observe(b"GET / HTTP/1.1\r\n\r\n");
    let second = observe(b"GET / HTTP/1.1\r\n\r\n");
    assert_ne!(first, second);
}

/// Parts that matter to framing, put together at random.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("POST / HTTP/1.1\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\r"),
        Just("content-length: 3\r\n"),
        Just("Content-Length: 0\r\n"),
        Just("transfer-encoding: chunked\r\n"),
        Just("transfer-encoding: gzip\r\n"),
        Just("host: a\r\n"),
        Just("abc"),
        Just(" x\r\n"),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_how_bytes_are_cut(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect::<Vec<_>>();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(observe(pieces), observe([bytes.as_slice()]));
    }
}
