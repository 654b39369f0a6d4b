//! Heads of HTTP requests: where they begin and end, and the headers that the API has.

use stator_protocol::{ContentType, Credentials, Target};
use stator_server::edge::{Framing, Limits, Refusal, Stage};

/// Lines that are also looked at as headers of the API.
const MOST_LINES: usize = 100;

/// Bytes of a connection, seen at once and in pieces: the verdict is the same. The first byte says how long
/// the pieces are.
pub(crate) fn watch(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let limits = Limits::default();
    let whole = verdict(std::iter::once(bytes), &limits);
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    assert_eq!(whole, verdict(pieces, &limits), "cuts change nothing");
    for line in bytes.split(|&byte| byte == b'\n').take(MOST_LINES) {
        if let Ok(line) = std::str::from_utf8(line) {
            header(line.trim());
        }
    }
}

fn verdict<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Result<(Stage, u64), Refusal> {
    let mut framing = Framing::default();
    for piece in pieces {
        framing.observe(piece, limits).map_err(|refused| {
            assert!(refused.at <= piece.len());
            refused.why
        })?;
    }
    Ok((framing.stage(), framing.body_bytes()))
}

fn header(line: &str) {
    let value = line.split_once(':').map_or(line, |(_, value)| value.trim());
    let _ = ContentType::negotiate(Some(value), true);
    if let Ok(target) = Target::parse(Some(value)) {
        let _ = stator_operation::Operation::from_target(target);
    }
    let query = line.split_once('?').map(|(_, query)| query);
    for (authorization, has_date) in [(Some(value), true), (None, false)] {
        let _ = Credentials { authorization, query, has_date }.check();
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let heads: [&[u8]; 7] = [
        b"\x40POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.GetItem\r\nauthorization: AWS4-HMAC-SHA256 Credential=a/20150830/r/dynamodb/aws4_request, SignedHeaders=host, Signature=00\r\nx-amz-date: 20150830T123600Z\r\ncontent-length: 2\r\n\r\n{}",
        b"\x01GET / HTTP/1.1\r\n\r\nGET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d HTTP/1.1\r\n\r\n",
        b"\x07POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"\x03POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        b"\x05POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"\x09GET / HTTP/1.1\r\na: b\r\n c: d\r\n\r\n",
        b"\xff\r\n\r\nGET / HTTP/1.1\nhost: x\ncontent-length: 18446744073709551616\n\n",
    ];
    heads.map(<[u8]>::to_vec).to_vec()
}
