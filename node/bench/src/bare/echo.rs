//! The least that an HTTP server can do for a request: axum reads the body and returns bytes that it
//! has had all along, with the headers that the node sends.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::post;
use tokio::net::TcpListener;

use crate::error::{Error, Result, io};

/// Serves until it is killed. `reply` is a file with a whole HTTP reply, as the node once sent it.
///
/// # Errors
/// If there is no port, or the file holds no reply.
pub fn serve(reply: &Path) -> Result<()> {
    let bytes = fs::read(reply).map_err(io(format!("read {}", reply.display())))?;
    let (headers, body) = split(&bytes)?;
    let answer = move |_request: Bytes| {
        let reply = (headers.clone(), body.clone());
        async move { reply }
    };
    // What `#[tokio::main]` gives: as many workers as there are cores, which is one.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(io("start threads"))?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(io("listen"))?;
        let address = listener.local_addr().map_err(io("listen"))?;
        let mut out = std::io::stdout();
        writeln!(out, "echo listening on http://{address}")
            .and_then(|()| out.flush())
            .map_err(io("say where it listens"))?;
        let app = Router::new().route("/", post(answer));
        axum::serve(listener, app).await.map_err(io("serve"))
    })
}

/// The headers that a handler sets, and the body. hyper adds the length and the date itself.
fn split(reply: &[u8]) -> Result<(HeaderMap, Bytes)> {
    let at = reply.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = at
        .and_then(|at| reply.split_at_checked(at + 4))
        .ok_or(Error::Http("the file holds no head"))?;
    let head = std::str::from_utf8(head).map_err(|_| Error::Http("its head is not text"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(": ")) {
        if !["content-length", "date"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
            let name = HeaderName::try_from(name);
            let name = name.map_err(|_| Error::Http("a header has no name"))?;
            let value = HeaderValue::try_from(value);
            headers.insert(name, value.map_err(|_| Error::Http("a header has no value"))?);
        }
    }
    Ok((headers, Bytes::copy_from_slice(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_reply_is_taken_apart() {
        let reply = b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 2\r\ndate: now\r\n\r\n{}";
        let (headers, body) = split(reply).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers.get("server").unwrap(), "x");
        assert_eq!(&*body, b"{}");
    }
}
