//! A link: the streams that this node dials to one address, one for each lane.
//!
//! The control stream leads. It finds out which node is there; once it stands, the others are dialled,
//! each by itself and again when it ends. When it ends, all end, and the node is down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frame::{BEAT_TIME, Broken, Sequence, read_head};
use super::hello::{self, Hello, Refusal};
use super::queue::Queue;
use super::registry::Linked;
use super::stream::Stream;
use super::{Change, Lane, Limits, Shared};
use crate::random;

/// How long an address is left alone that is this node's own, or of a node that another address reaches.
const IDLE: Duration = Duration::from_secs(20);

/// A link cannot be made, or has ended.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it did not answer in time")]
    Late,
    #[error("{error}{}", cause(error))]
    Hello {
        #[from]
        error: hello::Error,
    },
    #[error("{error}{}", cause(error))]
    Broken {
        #[from]
        error: Broken,
    },
    #[error("another node answered than on the control stream")]
    OtherNode,
    #[error("the node is reached by another address")]
    Reached,
    #[error("the node has started anew")]
    Restarted,
}

/// What is behind an error, if anything is.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(|source| format!(": {source}")).unwrap_or_default()
}

impl Error {
    /// Whether there is nothing wrong with the address, and nothing to do.
    fn is_idle(&self) -> bool {
        match self {
            Self::Reached => true,
            Self::Hello { error } => match error {
                hello::Error::Refusing(refusal) => *refusal == Refusal::Myself,
                // The other end is this process, and was the first to notice.
                hello::Error::Refused { code, .. } => *code == 3,
                hello::Error::Magic
                | hello::Error::Version(_)
                | hello::Error::TooLong
                | hello::Error::Checksum
                | hello::Error::Malformed(_)
                | hello::Error::Io(_) => false,
            },
            Self::Late | Self::Broken { .. } | Self::OtherNode | Self::Restarted => false,
        }
    }
}

/// The pause before the next attempt: doubled each time, and drawn from its upper half, so that nodes
/// that lost each other at one moment do not meet again and again at one moment.
struct Pause(Duration);

impl Pause {
    const fn new(limits: &Limits) -> Self {
        Self(limits.first_pause)
    }

    async fn wait(&mut self, limits: &Limits) {
        let [drawn] = random::label::<1>();
        let half = self.0 / 2;
        tokio::time::sleep(half + half * u32::from(drawn) / 255).await;
        self.0 = (self.0 * 2).min(limits.longest_pause);
    }
}

/// Keeps a link to an address, for ever.
pub(super) async fn keep(shared: Arc<Shared>, address: SocketAddr) {
    let mut pause = Pause::new(&shared.limits);
    loop {
        match link(&shared, address).await {
            // It stood: begin with the short pause again.
            Ok(error) => {
                pause = Pause::new(&shared.limits);
                tell(&shared, address, &error);
            }
            Err(error) if error.is_idle() => {
                shared.registry.trouble(address, None);
                tokio::time::sleep(IDLE).await;
                continue;
            }
            Err(error) => tell(&shared, address, &error),
        }
        pause.wait(&shared.limits).await;
    }
}

fn tell(shared: &Shared, address: SocketAddr, error: &Error) {
    let text = error.to_string();
    if shared.registry.trouble(address, Some(text.clone())) {
        tracing::warn!(%address, error = text, "no link to a peer");
    }
}

/// Makes a link and keeps it while it stands; returns what ended it. An error: it was never made.
async fn link(shared: &Arc<Shared>, address: SocketAddr) -> Result<Error, Error> {
    let (stream, mine, theirs) = dial(shared, address, Lane::Control).await?;
    let Linked { queues, kicked } = shared.registry.link(&theirs, address).ok_or(Error::Reached)?;
    // Whatever ends this future, the node is unlinked, and told to be down if it was told to be up.
    let up = Up { shared, theirs: &theirs, told: AtomicBool::new(false) };
    shared.registry.trouble(address, None);
    queues.of(Lane::Control).open();
    let raft = Arc::new(Notify::new());
    let mut others = JoinSet::new();
    for lane in [Lane::Raft, Lane::Forward, Lane::Snapshot] {
        let (shared, theirs) = (Arc::clone(shared), theirs.clone());
        let (queues, raft) = (Arc::clone(&queues), Arc::clone(&raft));
        others.spawn(async move {
            let opened = || {
                if lane == Lane::Raft {
                    raft.notify_one()
                }
            };
            keep_lane(&shared, address, lane, &theirs, queues.of(lane), opened).await;
        });
    }
    let announce = async {
        raft.notified().await;
        up.tell().await;
        tracing::info!(node = %theirs.node, name = theirs.name, %address, "a peer is up");
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! {
        Err(broken) = pump(stream, &mine, &theirs, queues.of(Lane::Control)) => broken.into(),
        _ = kicked => Error::Restarted,
        () = announce => Error::Restarted,
        // A lane says that the node is not the one that it was.
        Some(_) = others.join_next() => Error::OtherNode,
    };
    drop(others);
    up.down().await;
    tracing::info!(node = %theirs.node, name = theirs.name, %address, error = %ended, "a peer is down");
    Ok(ended)
}

/// A node that was told to be up.
struct Up<'a> {
    shared: &'a Shared,
    theirs: &'a Hello,
    told: AtomicBool,
}

impl Up<'_> {
    async fn tell(&self) {
        let Hello { node, name, start, features, .. } = self.theirs.clone();
        let change = Change::Up { node, name, start, features };
        // Told or not, a down does no harm; one that is missing would.
        self.told.store(true, Ordering::Relaxed);
        let _ = self.shared.registry.changes.send(change).await;
    }

    async fn down(self) {
        self.shared.registry.unlink(self.theirs.node);
        if self.told.swap(false, Ordering::Relaxed) {
            let _ = self.shared.registry.changes.send(self.change()).await;
        }
    }

    fn change(&self) -> Change {
        Change::Down { node: self.theirs.node, start: self.theirs.start }
    }
}

impl Drop for Up<'_> {
    /// When the link's task is ended from outside.
    fn drop(&mut self) {
        self.shared.registry.unlink(self.theirs.node);
        if self.told.load(Ordering::Relaxed) {
            let _ = self.shared.registry.changes.try_send(self.change());
        }
    }
}

/// Keeps the stream of one lane; returns when another node answers.
async fn keep_lane(
    shared: &Shared,
    address: SocketAddr,
    lane: Lane,
    node: &Hello,
    queue: &Queue,
    opened: impl Fn(),
) {
    let mut pause = Pause::new(&shared.limits);
    loop {
        match dial(shared, address, lane).await {
            Ok((_, _, theirs)) if (theirs.node, theirs.start) != (node.node, node.start) => return,
            Ok((stream, mine, theirs)) => {
                pause = Pause::new(&shared.limits);
                queue.open();
                opened();
                let ended = pump(stream, &mine, &theirs, queue).await;
                queue.close();
                if let Err(broken) = ended {
                    tracing::debug!(node = %node.node, %lane, error = %broken, "a stream has ended");
                }
            }
            Err(error) => {
                tracing::debug!(node = %node.node, %lane, %error, "a stream cannot be made");
            }
        }
        pause.wait(&shared.limits).await;
    }
}

/// Makes a stream up to the hellos of both ends.
async fn dial(
    shared: &Shared,
    address: SocketAddr,
    lane: Lane,
) -> Result<(Stream, Hello, Hello), Error> {
    let greet = async {
        let mut stream = Stream::dial(shared, address).await?;
        let mine = shared.hello(lane);
        hello::write(&mut stream.bytes, &mine).await?;
        let theirs = hello::read(&mut stream.bytes).await?;
        stream.check(shared, &mine, &theirs)?;
        Ok((stream, mine, theirs))
    };
    let greeted: Result<_, hello::Error> =
        timeout(shared.limits.hello_time, greet).await.map_err(|_| Error::Late)?;
    Ok(greeted?)
}

/// Sends what waits until the stream ends.
async fn pump(stream: Stream, mine: &Hello, theirs: &Hello, queue: &Queue) -> Result<(), Broken> {
    let lane = theirs.lane.number();
    let outgoing = Sequence::new(&mine.draw, &theirs.draw, lane);
    let incoming = Sequence::new(&theirs.draw, &mine.draw, lane);
    let (reader, writer) = tokio::io::split(stream.bytes);
    tokio::select! {
        ended = write(writer, outgoing, queue) => ended,
        ended = watch(reader, incoming) => ended,
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut sequence: Sequence,
    queue: &Queue,
) -> Result<(), Broken> {
    let (mut batch, mut out) = (Vec::new(), BytesMut::new());
    loop {
        // Taking from the queue loses nothing when the beat comes first: it ends with the taking.
        if timeout(BEAT_TIME, queue.next(&mut batch)).await.is_err() {
            sequence.beat(&mut out);
        }
        batch.drain(..).for_each(|message| sequence.seal(&message, &mut out));
        writer.write_all(&out).await?;
        writer.flush().await?;
        out = BytesMut::new();
    }
}

/// Nothing but beats comes back; without them the other end is gone.
async fn watch(mut reader: impl AsyncRead + Unpin, mut sequence: Sequence) -> Result<(), Broken> {
    read_head(&mut reader, &mut sequence, 0).await?;
    Err(Broken::Unasked)
}
