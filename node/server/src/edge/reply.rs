//! Replies: headers, checksum, compression.
//!
//! `x-amz-crc32` covers the body as it goes over the wire, compressed or not: botocore
//! (`retryhandler.CRC32Checker`) looks at the bytes as they came, the Java SDK inflates them only
//! behind its check (`calculateCrc32FromCompressedData`), and both send the request again if the
//! checksum differs.

use std::io::Write;

use bytes::{Buf, Bytes};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, ORIGIN, SERVER, TRANSFER_ENCODING,
};
use hyper::{Response, StatusCode};
use stator_protocol::reply::crc32;
use stator_protocol::{ApiError, ContentType};

use super::budget::Hold;

/// Bodies beyond this many bytes are compressed for those who accept it.
const COMPRESSED_BYTES: usize = 4096;
/// What one reply takes beside its body; smaller bodies are not worth counting in the budget.
const UNCOUNTED_BYTES: usize = 16 * 1024;
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("172800");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

/// What a request is answered, before it is dressed for the wire.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) content_type: Option<&'static str>,
    /// Whether the connection ends behind it.
    pub(super) close: bool,
}

impl Reply {
    /// A reply with nothing in it.
    pub(super) const fn empty(status: StatusCode) -> Self {
        Self { status, body: Bytes::new(), content_type: None, close: false }
    }

    /// What an error looks like to the client.
    pub(super) fn of_error(error: &ApiError, content_type: ContentType) -> Self {
        Self {
            status: StatusCode::from_u16(error.status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body: Bytes::from(error.to_body()),
            content_type: Some(content_type.name()),
            close: false,
        }
    }

    /// The reply, and then the end of the connection.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The response that goes out. `hold` is what the request took of the budget; it goes on to the
    /// body, so that a client that does not read its reply keeps others from being accepted, not
    /// memory from being bounded.
    pub(super) fn dress(
        self,
        request: &HeaderMap,
        request_id: String,
        mut hold: Hold,
    ) -> Response<Full<ReplyBytes>> {
        let mut headers = HeaderMap::with_capacity(8);
        let body = match accepted(request).filter(|_| self.body.len() > COMPRESSED_BYTES) {
            Some(encoding) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
                encoding.compress(&self.body)
            }
            None => self.body,
        };
        headers.insert(SERVER, HeaderValue::from_static("Stator"));
        if let Ok(request_id) = HeaderValue::try_from(request_id) {
            headers.insert(REQUEST_ID, request_id);
        }
        headers.insert(CHECKSUM, HeaderValue::from(crc32(&body)));
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if request.contains_key(ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        // Behind a chunked body the edge no longer knows where requests begin: see `framing`.
        if self.close || request.contains_key(TRANSFER_ENCODING) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        hold.release();
        if body.len() > UNCOUNTED_BYTES {
            hold.grow_beyond(body.len());
        }
        let mut response = Response::new(Full::new(ReplyBytes { bytes: body, _hold: hold }));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// Adds what a CORS preflight asks for (Fetch standard, §3.2): every header and method it names.
pub(super) fn allow_preflight<B>(response: &mut Response<B>, request: &HeaderMap) {
    let headers = response.headers_mut();
    for (asked, allowed) in [
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
    ] {
        if let Some(value) = request.get(asked) {
            headers.insert(allowed, value.clone());
        }
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
}

/// The bytes of a reply with their share of the budget.
#[derive(Debug)]
pub(super) struct ReplyBytes {
    bytes: Bytes,
    _hold: Hold,
}

impl Buf for ReplyBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn compress(self, body: &[u8]) -> Bytes {
        let out = Vec::with_capacity(body.len() / 4);
        let compressed = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, Compression::fast());
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, Compression::fast());
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
        };
        Bytes::from(compressed.expect("writing to memory cannot fail"))
    }
}

/// The encoding that a client accepts, gzip first.
fn accepted(request: &HeaderMap) -> Option<Encoding> {
    let accepts = |wanted: Encoding| {
        request
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|offer| offers(offer, wanted.name()))
    };
    [Encoding::Gzip, Encoding::Deflate].into_iter().find(|encoding| accepts(*encoding))
}

/// Whether one member of Accept-Encoding offers `name` with a weight other than 0.
fn offers(offer: &str, name: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    let named = parts.next().is_some_and(|have| have.eq_ignore_ascii_case(name));
    let refused = |weight: &str| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
    named && !parts.filter_map(|part| part.strip_prefix("q=")).any(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expected: Option<Encoding>) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(value).expect("plain"));
        }
        assert_eq!(accepted(&headers), expected, "{accept:?}");
    }

    #[test]
    fn compression_is_used_only_if_accepted() {
        check(&[], None);
        check(&["identity"], None);
        check(&["*"], None);
        check(&["br, zstd"], None);
        check(&["gzip"], Some(Encoding::Gzip));
        check(&["deflate, GZIP"], Some(Encoding::Gzip));
        check(&["deflate"], Some(Encoding::Deflate));
        check(&["gzip;q=0, deflate ; q=0.5"], Some(Encoding::Deflate));
        check(&["br", "gzip; q=1.0"], Some(Encoding::Gzip));
        check(&["gzip;q=0.0"], None);
    }
}
