//! Request bodies: read whole, bounded, and freed of their content encoding.
//!
//! The limit of the service holds for the bytes on the wire and for what they inflate to. Every byte
//! held is first taken from the budget, those of a declared length before the first is read.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::budget::{Budget, Hold};
use super::limits::Limits;

/// How much is inflated at a time, hence by how much the limit may be missed.
const INFLATE_BYTES: usize = 64 * 1024;

/// A body, and its share of the budget for as long as anything made of it may live.
#[derive(Debug)]
pub(super) struct RequestBody {
    pub(super) bytes: Bytes,
    pub(super) hold: Hold,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// More bytes than the service allows.
    TooLarge,
    /// All requests together hold as much as they may.
    Busy,
    /// Not of the encoding that it claims, or of one that nobody knows.
    Undecodable,
    /// The client was too slow.
    TimedOut,
    /// The client stopped in the middle, or the chunks are malformed.
    Incomplete,
}

/// Reads a request's body to its end.
///
/// # Errors
/// See [`BodyError`]. Where something is left unread, hyper closes the connection behind the reply.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    limits: &Limits,
    budget: &Arc<Budget>,
) -> Result<RequestBody, BodyError> {
    let mut hold = budget.hold();
    let bytes = collect(body, limits, &mut hold).await?;
    let bytes = match encoding(headers)? {
        Encoding::Identity => bytes,
        Encoding::Gzip => inflate(MultiGzDecoder::new(&*bytes), limits, &mut hold)?,
        Encoding::Deflate => inflate(ZlibDecoder::new(&*bytes), limits, &mut hold)?,
    };
    Ok(RequestBody { bytes, hold })
}

async fn collect(mut body: Incoming, limits: &Limits, hold: &mut Hold) -> Result<Bytes, BodyError> {
    let size = body.size_hint();
    let declared = usize::try_from(size.lower()).unwrap_or(usize::MAX);
    if declared > limits.body_bytes {
        return Err(BodyError::TooLarge);
    }
    if !hold.grow(declared) {
        return Err(BodyError::Busy);
    }
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        // Trailers mean nothing here.
        let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() else { continue };
        read += data.len();
        if read > limits.body_bytes {
            return Err(BodyError::TooLarge);
        }
        if size.exact().is_none() && !hold.grow(data.len()) {
            return Err(BodyError::Busy);
        }
        if first.is_empty() {
            // A small body is one frame, and then is never copied.
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(declared.max(read));
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { Bytes::from(rest) })
}

fn failure(error: &hyper::Error) -> BodyError {
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        if let Some(io) = source.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::TimedOut
        {
            return BodyError::TimedOut;
        }
        cause = source.source();
    }
    BodyError::Incomplete
}

enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Encoding::Identity) };
    let value = value.as_bytes().trim_ascii();
    let named = |name: &str| value.eq_ignore_ascii_case(name.as_bytes());
    match values.next() {
        Some(_) => Err(BodyError::Undecodable),
        None if value.is_empty() || named("identity") => Ok(Encoding::Identity),
        None if named("gzip") || named("x-gzip") => Ok(Encoding::Gzip),
        None if named("deflate") => Ok(Encoding::Deflate),
        None => Err(BodyError::Undecodable),
    }
}

fn inflate(decoder: impl Read, limits: &Limits, hold: &mut Hold) -> Result<Bytes, BodyError> {
    let mut decoder = decoder.take(limits.body_bytes as u64 + 1);
    let mut bytes = Vec::new();
    loop {
        if !hold.grow(INFLATE_BYTES) {
            return Err(BodyError::Busy);
        }
        let mut part = decoder.by_ref().take(INFLATE_BYTES as u64);
        match part.read_to_end(&mut bytes) {
            Ok(0) => return Ok(Bytes::from(bytes)),
            Ok(_) if bytes.len() > limits.body_bytes => return Err(BodyError::TooLarge),
            Ok(_) => {}
            Err(_malformed) => return Err(BodyError::Undecodable),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[track_caller]
    fn check(decoder: impl Read, expected: Result<&[u8], BodyError>) {
        let limits = Limits { body_bytes: 200_000, ..Limits::default() };
        let mut hold = Arc::new(Budget::new(1_000_000)).hold();
        let result = inflate(decoder, &limits, &mut hold);
        assert_eq!(result.as_ref().map(|bytes| &**bytes), expected.as_ref().map(|bytes| *bytes));
    }

    #[test]
    fn inflates_every_member_of_a_gzip_body() {
        let (left, right) = (vec![1; 150_000], vec![2; 50_000]);
        let members = [gzip(&left), gzip(&right)].concat();
        check(MultiGzDecoder::new(&*members), Ok(&[left, right].concat()));
    }

    #[test]
    fn inflates_a_deflate_body() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").expect("to memory");
        check(ZlibDecoder::new(&*encoder.finish().expect("to memory")), Ok(b"{}"));
    }

    #[test]
    fn the_limit_holds_for_what_comes_out() {
        check(MultiGzDecoder::new(&*gzip(&vec![0; 200_000])), Ok(&vec![0; 200_000]));
        check(MultiGzDecoder::new(&*gzip(&vec![0; 200_001])), Err(BodyError::TooLarge));
    }

    #[test]
    fn damaged_bodies_are_undecodable() {
        let mut body = gzip(b"some text that is long enough");
        check(MultiGzDecoder::new(&body[..body.len() - 3]), Err(BodyError::Undecodable));
        body[12] ^= 0x55;
        check(MultiGzDecoder::new(&*body), Err(BodyError::Undecodable));
        check(MultiGzDecoder::new(&b"{}"[..]), Err(BodyError::Undecodable));
        check(ZlibDecoder::new(&b"{}"[..]), Err(BodyError::Undecodable));
    }

    #[test]
    fn the_budget_bounds_inflation() {
        let mut hold = Arc::new(Budget::new(100_000)).hold();
        let body = gzip(&vec![0; 150_000]);
        let result = inflate(MultiGzDecoder::new(&*body), &Limits::default(), &mut hold);
        assert_eq!(result, Err(BodyError::Busy));
    }
}
