use std::collections::VecDeque;
use std::task::Waker;

use super::*;

/// A socket that brings these pieces; an empty one is a wait.
struct Pieces(VecDeque<&'static str>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            None | Some("") => Poll::Pending,
            Some(piece) => {
                buf.put_slice(piece.as_bytes());
                Poll::Ready(Ok(()))
            }
        }
    }
}

fn guard(pieces: &[&'static str], limits: Limits) -> Guard<Pieces> {
    let metrics = Arc::new(Metrics::new().expect("names differ"));
    Guard::new(Pieces(pieces.iter().copied().collect()), Arc::new(limits), metrics)
}

/// Reads until the guard waits; what came.
fn read(guard: &mut Guard<Pieces>) -> String {
    let mut space = [0; 1024];
    let mut buf = ReadBuf::new(&mut space);
    let mut cx = Context::from_waker(Waker::noop());
    while Pin::new(&mut *guard).poll_read(&mut cx, &mut buf).is_ready() {}
    String::from_utf8(buf.filled().to_vec()).expect("is text")
}

const REQUEST: &str = "GET / HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn a_new_stage_begins_a_new_wait() {
    let pieces = ["", REQUEST, "", "GET", "", " / ", "", "HTTP/1.1\r\n\r\n", ""];
    let mut guard = guard(&pieces, Limits::default());
    let mut waits = Vec::new();
    for _ in 0..5 {
        read(&mut guard);
        waits.push(guard.read_wait.expect("waits"));
    }
    assert!(waits[1] > waits[0], "idle again, after a request");
    assert!(waits[2] > waits[1], "in a head");
    assert_eq!(waits[3], waits[2], "in the same head");
    assert!(waits[4] > waits[3], "idle again, after another");
}

#[tokio::test]
async fn each_stage_has_its_time_and_a_body_buys_more_with_its_bytes() {
    let limits = Limits { body_rate: 2, ..Limits::default() };
    let head = "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n";
    let mut guard = guard(&["", "POST", "", &head[4..], "", "abcde", ""], limits.clone());
    let since = clock::monotonic();
    let mut allowed = || {
        read(&mut guard);
        guard.read_deadline(since) - since
    };
    assert_eq!(allowed(), limits.idle_time);
    assert_eq!(allowed(), limits.head_time);
    assert_eq!(allowed(), limits.body_time);
    assert_eq!(allowed(), limits.body_time + Duration::from_secs(2));
}

#[tokio::test]
async fn whole_requests_pass_before_a_refused_head() {
    const BAD: &str = "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n";
    let both = concat!("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n");
    for pieces in [[both, ""], [REQUEST, BAD]] {
        let mut guard = guard(&pieces, Limits::default());
        let mut space = [0; 1024];
        let mut buf = ReadBuf::new(&mut space);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert!(Pin::new(&mut guard).poll_read(&mut cx, &mut buf).is_ready());
        }
        assert_eq!(buf.filled(), [REQUEST.as_bytes(), POISON].concat());
    }
}
