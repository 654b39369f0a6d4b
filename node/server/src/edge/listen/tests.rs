use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use stator_operation::{Reply, Request};
use stator_protocol::ApiError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::edge::Limits;
use crate::metrics::Metrics;

/// A socket whose client sends this and then no more; it notes each write.
struct Socket {
    input: Vec<u8>,
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.input.len().min(buf.remaining());
        buf.put_slice(&self.input.drain(..count).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.lock().expect("no panic").push(buf.to_vec());
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write(cx, &bufs.iter().flat_map(|buf| buf.to_vec()).collect::<Vec<_>>())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Unavailable;

impl Service for Unavailable {
    fn call(&self, _: Request) -> impl Future<Output = Result<Reply, ApiError>> + Send {
        std::future::ready(Err(ApiError::unavailable()))
    }
}

#[tokio::test]
async fn every_reply_is_one_write() {
    let metrics = Arc::new(Metrics::new().expect("names differ"));
    let edge = Arc::new(Edge::new(Unavailable, "local", Limits::default(), metrics));
    let writes = Arc::new(Mutex::new(Vec::new()));
    let input = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_vec();
    let socket = Socket { input, writes: Arc::clone(&writes) };
    edge.connection(socket).await.expect("ends well");
    let writes = writes.lock().expect("no panic");
    assert_eq!(writes.len(), 2);
    let ends_with = |at: usize, end: &str| String::from_utf8_lossy(&writes[at]).ends_with(end);
    assert!(ends_with(0, r#"{"__type":"com.amazon.coral.service#SerializationException"}"#));
    assert!(ends_with(1, "\r\n\r\nhealthy: dynamodb.local.amazonaws.com "));
}
