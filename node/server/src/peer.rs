//! The peer transport: messages between the nodes of a cluster.
//!
//! Whoever has something to say to another node dials it: for every ordered pair of nodes there is one
//! stream for each [`Lane`], so that a snapshot never stands in front of a vote. Streams are dialled again
//! whenever they end, after a pause that grows and is never twice the same. The first thing on a
//! stream is a hello from both ends, which are checked against each other, against what is known of
//! the node, and against its certificate. What a stream carries is framed, numbered and checksummed.
//!
//! Nothing here is reliable, on purpose. [`Peers::send`] never waits: it takes a message or says why not, and
//! a message that was taken may still be lost with its stream. Order holds on one lane, for one life of its
//! stream. Everything is bounded: messages, queues by bytes and by time, what is received and not
//! yet taken, handshakes under way, streams, nodes.
//!
//! Runs on the runtime that it is given, the small one, and never touches the store. Nothing survives a
//! crash.

mod accept;
mod dial;
mod frame;
mod hello;
mod queue;
mod registry;
mod stream;
mod targets;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use stator_catalog::FeatureRange;
use stator_model::{NodeId, StartNumber};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

pub(crate) use hello::is_name;
use registry::Registry;
use tls::Tls;
pub use tls::{TlsError, TlsFiles};

use crate::random;

/// Nodes that are known or heard of, at most.
const NODES: usize = 1_024;
/// Ups and downs that wait to be taken, at most.
const EVENTS: usize = 1_024;

/// What kind of message a stream carries. Each has its own stream, queue and bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Raft: small, urgent, worthless when late.
    Raft,
    /// Requests of clients that another node answers, and the answers.
    Forward,
    /// Replicas in pieces.
    Snapshot,
    /// Forming, membership, health.
    Control,
}

impl Lane {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Raft, Self::Forward, Self::Snapshot, Self::Control];

    /// Its number on the wire.
    const fn number(self) -> u8 {
        match self {
            Self::Raft => 1,
            Self::Forward => 2,
            Self::Snapshot => 3,
            Self::Control => 4,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raft => "raft",
            Self::Forward => "forward",
            Self::Snapshot => "snapshot",
            Self::Control => "control",
        })
    }
}

/// One value for each lane.
#[derive(Clone, Debug)]
pub struct PerLane<T> {
    /// For [`Lane::Raft`].
    pub raft: T,
    /// For [`Lane::Forward`].
    pub forward: T,
    /// For [`Lane::Snapshot`].
    pub snapshot: T,
    /// For [`Lane::Control`].
    pub control: T,
}

impl<T> PerLane<T> {
    /// That of a lane.
    pub const fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Raft => &self.raft,
            Lane::Forward => &self.forward,
            Lane::Snapshot => &self.snapshot,
            Lane::Control => &self.control,
        }
    }

    fn map<U>(&self, mut map: impl FnMut(&T) -> U) -> PerLane<U> {
        PerLane {
            raft: map(&self.raft),
            forward: map(&self.forward),
            snapshot: map(&self.snapshot),
            control: map(&self.control),
        }
    }
}

/// The bounds of a lane. Both ends of a cluster have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLimits {
    /// A message, at most.
    pub message_bytes: usize,
    /// What waits to be sent to one node, at most.
    pub queue_bytes: usize,
    /// How long it waits, at most.
    pub queue_time: Duration,
    /// What was received from all nodes and not taken yet, at most. Beyond it the senders wait.
    pub inbound_bytes: usize,
}

/// The bounds of the transport.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of each lane.
    pub lanes: PerLane<LaneLimits>,
    /// How long a stream may take until both ends have said hello.
    pub hello_time: Duration,
    /// Streams from others of which no hello is known yet, at most.
    pub strangers: usize,
    /// The pause before a stream is dialled again, at first.
    pub first_pause: Duration,
    /// The pause, at most.
    pub longest_pause: Duration,
    /// How often names of nodes that are not reached are looked up.
    pub lookup_time: Duration,
    /// How often certificates are looked at.
    pub certificate_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let lane = |message, queue, seconds, inbound| LaneLimits {
            message_bytes: message * MIB,
            queue_bytes: queue * MIB,
            queue_time: Duration::from_secs(seconds),
            inbound_bytes: inbound * MIB,
        };
        Self {
            lanes: PerLane {
                raft: lane(20, 64, 2, 128),
                forward: lane(20, 64, 5, 128),
                snapshot: lane(4, 16, 60, 64),
                control: lane(1, 4, 5, 16),
            },
            hello_time: Duration::from_secs(5),
            strangers: 128,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(5),
            lookup_time: Duration::from_secs(2),
            certificate_time: Duration::from_secs(10),
        }
    }
}

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its cluster.
    pub cluster: [u8; 16],
    /// Itself.
    pub node: NodeId,
    /// Its name: a DNS name.
    pub name: String,
    /// How often its process has started.
    pub start: StartNumber,
    /// What it can read and write.
    pub features: FeatureRange,
}

/// How streams are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Mutual TLS with these files.
    Tls(TlsFiles),
    /// Not at all, and therefore on loopback only.
    PlaintextOnLoopback,
}

/// A node that is known, and where it says that it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNode {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// `host:port` of its peer port.
    pub address: String,
}

/// What the transport is started with.
#[derive(Debug)]
pub struct Options {
    /// Who this node is.
    pub identity: Identity,
    /// The peer port.
    pub listener: std::net::TcpListener,
    /// How streams are protected.
    pub security: Security,
    /// `host:port` of nodes to begin with. A name that stands for several addresses stands for several nodes.
    pub seeds: Vec<String>,
    /// Its bounds.
    pub limits: Limits,
}

/// The transport does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener cannot be used.
    #[error("the peer port cannot be used")]
    Listen(#[source] io::Error),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The name is not one that nodes have.
    #[error("{0:?} cannot be the name of a node: it must be a DNS name in lower case")]
    Name(String),
    /// Anybody could read and forge everything.
    #[error(
        "the peer port {0} can be reached by other machines and is not protected: give certificates, or listen \
         on loopback"
    )]
    Exposed(SocketAddr),
}

/// A message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There is no stream to this node on this lane.
    #[error("there is no stream to that node")]
    Down,
    /// Too much waits for this node on this lane.
    #[error("too much waits for that node")]
    Full,
    /// No message of the lane is as long.
    #[error("the message is longer than its lane allows")]
    TooLong,
}

/// A message from another node.
#[derive(Debug)]
pub struct Message {
    /// Whose.
    pub from: NodeId,
    /// Of which of its lives.
    pub start: StartNumber,
    /// What it says.
    pub bytes: Bytes,
    /// Room in the lane, given back when the message is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

/// A node came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is reached: messages can be sent to it on [`Lane::Control`] and [`Lane::Raft`], and on the other lanes
    /// within moments. Of every node, ups and downs take turns.
    Up {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// How often its process has started: another one is another life.
        start: StartNumber,
        /// What it can read and write.
        features: FeatureRange,
    },
    /// It is not reached any more.
    Down {
        /// The node.
        node: NodeId,
        /// The life of it that was reached.
        start: StartNumber,
    },
}

/// What comes in: one bounded channel for each lane, and one for ups and downs.
#[derive(Debug)]
pub struct Inbound {
    /// Messages by lane.
    pub lanes: PerLane<mpsc::Receiver<Message>>,
    /// Ups and downs.
    pub changes: mpsc::Receiver<Change>,
}

/// The transport. See the module. Streams end when the last clone is dropped or [`stop`](Self::stop)ped.
#[derive(Clone, Debug)]
pub struct Peers {
    shared: Arc<Shared>,
    /// Dropped with the last clone: everything ends then.
    stop: Arc<watch::Sender<bool>>,
}

/// What all tasks of the transport share.
#[derive(Debug)]
struct Shared {
    identity: Identity,
    limits: Limits,
    /// `None`: plaintext.
    tls: Option<Tls>,
    registry: Registry,
    /// Drawn for this process.
    process: [u8; 16],
    known: watch::Sender<Vec<KnownNode>>,
    address: SocketAddr,
}

impl Shared {
    /// What this node says first on a stream.
    fn hello(&self, lane: Lane) -> hello::Hello {
        let Identity { cluster, node, name, start, features } = self.identity.clone();
        let (process, draw) = (self.process, random::secret());
        hello::Hello { cluster, node, name, start, features, lane, process, draw }
    }
}

impl Peers {
    /// Opens the peer port and begins to dial.
    ///
    /// # Errors
    /// If port or certificates cannot be used, or plaintext could be read by others.
    pub fn start(options: Options, runtime: &Handle) -> Result<(Self, Inbound), Error> {
        let Options { identity, listener, security, seeds, limits } = options;
        if !is_name(&identity.name) {
            return Err(Error::Name(identity.name));
        }
        let address = listener.local_addr().map_err(Error::Listen)?;
        let tls = match security {
            Security::Tls(files) => Some(Tls::open(files, &identity.cluster, &identity.name)?),
            Security::PlaintextOnLoopback if !address.ip().is_loopback() => {
                return Err(Error::Exposed(address));
            }
            Security::PlaintextOnLoopback => None,
        };
        listener.set_nonblocking(true).map_err(Error::Listen)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(Error::Listen)?
        };
        let (changes, changed) = mpsc::channel(EVENTS);
        let (registry, lanes) = Registry::new(&limits, changes);
        let (known, _) = watch::channel(Vec::new());
        let process = random::secret();
        let shared = Shared { identity, limits, tls, registry, process, known, address };
        let shared = Arc::new(shared);
        let (stop, stopped) = watch::channel(false);
        let tasks = run(Arc::clone(&shared), listener, seeds, stopped);
        runtime.spawn(tasks);
        Ok((Self { shared, stop: Arc::new(stop) }, Inbound { lanes, changes: changed }))
    }

    /// The address of the peer port.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Queues a message for a node. Never waits.
    ///
    /// # Errors
    /// Why the message was not taken. One that was taken can still be lost.
    pub fn send(&self, node: NodeId, lane: Lane, message: Bytes) -> Result<(), NotSent> {
        self.shared.registry.queue(node, lane).ok_or(NotSent::Down)?.push(message)
    }

    /// From now on these nodes are known: they are dialled, and nobody else is believed to be one of them.
    pub fn know(&self, nodes: Vec<KnownNode>) {
        self.shared.registry.know(&nodes);
        self.shared.known.send_replace(nodes);
    }

    /// Addresses that are not reached, and why, in words.
    pub fn troubles(&self) -> Vec<(String, String)> {
        self.shared.registry.troubles()
    }

    /// How many messages were dropped because they waited too long, by lane.
    pub fn late(&self) -> PerLane<u64> {
        self.shared.registry.late()
    }

    /// Ends all streams and closes the port.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// Everything that the transport does, until it is stopped.
async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    seeds: Vec<String>,
    mut stopped: watch::Receiver<bool>,
) {
    let accepting = accept::accept(Arc::clone(&shared), listener);
    let dialling = targets::follow(Arc::clone(&shared), seeds);
    let refreshing = stream::refresh_certificates(&shared);
    tokio::select! {
        () = accepting => {}
        () = dialling => {}
        () = refreshing => {}
        // An error says that the last handle is gone.
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}
