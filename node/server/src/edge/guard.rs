//! The socket as hyper sees it: watched, timed, and closed gently.
//!
//! Every byte goes straight from the socket into hyper's buffer and from hyper's reply into the
//! socket; the guard only looks on. It owns what hyper lacks:
//!
//! - heads that are ambiguous or too large (see [`super::framing`]) never reach hyper whole: the
//!   bytes that would complete them are replaced by ones that hyper refuses, so that the answer is
//!   400 and the end of the connection, in order behind the replies to whole requests before;
//! - one deadline for whatever the connection is waiting for, on one timer that is moved only when
//!   it fires or must fire earlier, so that a busy connection pays nothing for it;
//! - closing while the client still sends: without reading on for a moment the kernel would answer
//!   with a reset, which may destroy the reply before the client has seen it.
//!
//! NOTE: the deadlines count from the first time that hyper had to wait. hyper does not read while a
//! request is being answered (the edge allows half-closed connections), so an answer may take as long
//! as it likes without the connection being idle.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::framing::{Framing, Stage};
use super::limits::Limits;
use crate::clock;
use crate::metrics::Metrics;

/// Bytes that end any head, and that no head may have.
const POISON: &[u8] = b"\0\r\n\r\n";

/// See the module.
pub(super) struct Guard<Io> {
    io: Io,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    framing: Framing,
    closing: Closing,
    /// The change of stage that `read_wait` belongs to.
    read_stage: u64,
    read_wait: Option<Instant>,
    write_wait: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// ```text
/// Open ──head refused──► Poisoned ──hyper told──► Refused ──┐
///   └──────────────────────shutdown───────────────────────┴──► Lingering ──client done──► Closed
/// ```
enum Closing {
    Open,
    Poisoned,
    Refused,
    Lingering { until: Instant, bytes: usize },
    Closed,
}

impl<Io> Guard<Io> {
    pub(super) fn new(io: Io, limits: Arc<Limits>, metrics: Arc<Metrics>) -> Self {
        Self {
            io,
            limits,
            metrics,
            framing: Framing::default(),
            closing: Closing::Open,
            read_stage: 0,
            read_wait: None,
            write_wait: None,
            timer: None,
        }
    }

    /// When waiting to read must end, given that it began at `since`.
    fn read_deadline(&self, since: Instant) -> Instant {
        let body_time = || {
            // By whole seconds: the timer then seldom has to be moved.
            let seconds = self.framing.body_bytes().checked_div(self.limits.body_rate);
            self.limits.body_time + Duration::from_secs(seconds.unwrap_or(0))
        };
        since
            + match self.framing.stage() {
                Stage::Idle => self.limits.idle_time,
                Stage::Head => self.limits.head_time,
                Stage::Body(_) | Stage::Chunked => body_time(),
            }
    }

    /// Notes that reading has to wait, and fails if it has waited too long.
    fn wait_to_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read_stage != self.framing.changes() {
            self.read_stage = self.framing.changes();
            self.read_wait = None;
        }
        let since = *self.read_wait.get_or_insert_with(clock::monotonic);
        let read = self.read_deadline(since);
        let write = self.write_wait.map(|since| since + self.limits.write_time);
        self.wait_until(cx, write.map_or(read, |write| write.min(read)))
    }

    /// Notes that writing has to wait, and fails if it has waited too long.
    fn wait_to_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let since = *self.write_wait.get_or_insert_with(clock::monotonic);
        self.wait_until(cx, since + self.limits.write_time)
    }

    /// Pending before `deadline`, then a time-out. The task is woken at the deadline or before.
    fn wait_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<()>> {
        let wake = tokio::time::Instant::from_std(deadline);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wake)));
        if timer.deadline() > wake {
            timer.as_mut().reset(wake);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if clock::monotonic() >= deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(wake);
        }
        Poll::Pending
    }

    /// Looks at the bytes in `buf` behind `before`, which just came.
    fn observe(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let came = buf.filled().get(before..).unwrap_or_default();
        self.metrics.bytes_received.inc_by(came.len() as u64);
        let Err(refused) = self.framing.observe(came, &self.limits) else { return Ok(()) };
        tracing::debug!(why = ?refused.why, "request head refused");
        self.metrics.heads_refused.inc();
        self.closing = Closing::Poisoned;
        buf.set_filled(before + refused.at);
        // An empty read would be the end of the stream.
        if refused.at == 0 { self.poison(buf) } else { Ok(()) }
    }

    fn poison(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        self.closing = Closing::Refused;
        if buf.remaining() < POISON.len() {
            // hyper always offers kilobytes.
            return Err(io::ErrorKind::InvalidData.into());
        }
        buf.put_slice(POISON);
        Ok(())
    }

    fn note_written(&mut self, bytes: usize) {
        self.write_wait = None;
        self.metrics.bytes_sent.inc_by(bytes as u64);
    }
}

impl<Io: AsyncRead + Unpin> Guard<Io> {
    /// Reads and forgets what the client still sends, until it stops or the bounds are met.
    fn poll_linger(
        &mut self,
        cx: &mut Context<'_>,
        until: Instant,
        mut bytes: usize,
    ) -> Poll<io::Result<()>> {
        let mut space = [0; 8 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut self.io).poll_read(cx, &mut buf)? {
                Poll::Ready(()) if buf.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(()) => match bytes.checked_sub(buf.filled().len()) {
                    Some(left) => bytes = left,
                    None => return Poll::Ready(Ok(())),
                },
                Poll::Pending => {
                    self.closing = Closing::Lingering { until, bytes };
                    return self.wait_until(cx, until).map(|_timed_out| Ok(()));
                }
            }
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Guard<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.closing {
            Closing::Open => {}
            Closing::Poisoned => return Poll::Ready(this.poison(buf)),
            Closing::Refused | Closing::Lingering { .. } | Closing::Closed => {
                return Poll::Ready(Ok(()));
            }
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf)? {
            Poll::Ready(()) => Poll::Ready(this.observe(buf, before)),
            Poll::Pending => this.wait_to_read(cx),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write_vectored(cx, bufs)? {
            Poll::Ready(written) => {
                this.note_written(written);
                Poll::Ready(Ok(written))
            }
            Poll::Pending => this.wait_to_write(cx).map_ok(|()| 0),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.closing {
                Closing::Open | Closing::Poisoned | Closing::Refused => {
                    ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
                    let open = matches!(this.closing, Closing::Open);
                    this.closing = if !open || this.framing.stage() != Stage::Idle {
                        let until = clock::monotonic() + this.limits.linger_time;
                        Closing::Lingering { until, bytes: this.limits.linger_bytes }
                    } else {
                        Closing::Closed
                    };
                }
                Closing::Lingering { until, bytes } => {
                    ready!(this.poll_linger(cx, until, bytes))?;
                    this.closing = Closing::Closed;
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
