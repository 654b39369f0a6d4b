//! Who is known, who is linked, what waits for whom.
//!
//! One lock, held for moments and never across a wait.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stator_model::{NodeId, StartNumber};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::hello::{Hello, Refusal};
use super::queue::Queue;
use super::{Change, KnownNode, Lane, Limits, Message, NODES, PerLane};

/// Messages of a lane that wait to be taken, at most; mostly it is their bytes that are too many.
const INBOUND_MESSAGES: usize = 4_096;
/// Hosts whose streams were refused of which the reason is remembered, at most.
const STRANGERS: usize = 256;
/// Bytes for one permit of a lane's room.
const UNIT_BYTES: usize = 1_024;

/// The registry. See the module.
#[derive(Debug)]
pub(super) struct Registry {
    state: Mutex<State>,
    pub(super) changes: mpsc::Sender<Change>,
    inbound: PerLane<Door>,
    queues: PerLane<super::LaneLimits>,
}

/// Where messages of a lane go in.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) sender: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    units: u32,
}

impl Door {
    /// Room for a message of this length; waits for it.
    pub(super) async fn room(&self, length: usize) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let units = u32::try_from(length.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let units = units.clamp(1, self.units);
        Arc::clone(&self.room).acquire_many_owned(units).await.ok()
    }
}

#[derive(Debug, Default)]
struct State {
    peers: HashMap<NodeId, Peer>,
    /// Names of nodes, as the catalog has them.
    known: HashMap<NodeId, String>,
    troubles: BTreeMap<SocketAddr, String>,
    /// Of names that cannot be looked up.
    lookups: BTreeMap<String, String>,
    /// Why streams from these hosts were refused.
    strangers: BTreeMap<IpAddr, String>,
    next_stream: u64,
}

#[derive(Debug)]
struct Peer {
    /// The newest life that was heard of.
    start: StartNumber,
    /// The address by which it is linked.
    linked: Option<(SocketAddr, StartNumber)>,
    queues: Arc<PerLane<Queue>>,
    /// Streams from it: dropping the sender ends the stream.
    inbound: PerLane<Option<(u64, oneshot::Sender<()>)>>,
    /// Ends the link when a newer life of the node is heard of.
    kick: Option<oneshot::Sender<()>>,
}

/// A stream from another node was let in.
pub(super) struct Admitted {
    pub(super) stream: u64,
    /// Ends when a newer stream takes its place.
    pub(super) replaced: oneshot::Receiver<()>,
}

/// A node is linked by this address.
pub(super) struct Linked {
    pub(super) queues: Arc<PerLane<Queue>>,
    /// Ends when a newer life of the node is heard of.
    pub(super) kicked: oneshot::Receiver<()>,
}

impl Registry {
    pub(super) fn new(
        limits: &Limits,
        changes: mpsc::Sender<Change>,
    ) -> (Self, PerLane<mpsc::Receiver<Message>>) {
        let pairs = limits.lanes.map(|lane| {
            let (sender, receiver) = mpsc::channel(INBOUND_MESSAGES);
            let units = lane.inbound_bytes.max(lane.message_bytes).div_ceil(UNIT_BYTES);
            let room = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
            let units = u32::try_from(units).unwrap_or(u32::MAX);
            (Door { sender, room, units }, receiver)
        });
        let PerLane { raft, forward, snapshot, control } = pairs;
        let inbound =
            PerLane { raft: raft.0, forward: forward.0, snapshot: snapshot.0, control: control.0 };
        let receivers =
            PerLane { raft: raft.1, forward: forward.1, snapshot: snapshot.1, control: control.1 };
        let state = Mutex::default();
        (Self { state, changes, inbound, queues: limits.lanes.clone() }, receivers)
    }

    pub(super) const fn door(&self, lane: Lane) -> &Door {
        self.inbound.of(lane)
    }

    /// What waits for a node, if it was ever heard of.
    pub(super) fn queue(&self, node: NodeId, lane: Lane) -> Option<LaneQueue> {
        let queues = self.state().peers.get(&node).map(|peer| Arc::clone(&peer.queues))?;
        Some(LaneQueue { queues, lane })
    }

    pub(super) fn know(&self, nodes: &[KnownNode]) {
        let known = nodes.iter().take(NODES).map(|node| (node.id, node.name.clone()));
        self.state().known = known.collect();
    }

    /// Whether a node may be who it says, by what is known of it; notes its newest life.
    pub(super) fn meet(&self, theirs: &Hello) -> Result<(), Refusal> {
        let mut state = self.state();
        let node = theirs.node;
        if let Some(known) = state.known.get(&node).filter(|known| **known != theirs.name) {
            let (known, name) = (known.clone(), theirs.name.clone());
            return Err(Refusal::Copied { node, known, name });
        }
        state.make_room(node)?;
        let queues = &self.queues;
        let peer = state.peers.entry(node).or_insert_with(|| Peer::new(theirs.start, queues));
        if theirs.start < peer.start {
            let (given, seen) = (theirs.start.0, peer.start.0);
            return Err(Refusal::Older { node, given, seen });
        }
        if theirs.start > peer.start {
            peer.start = theirs.start;
            // Whatever belongs to the life before is over.
            peer.inbound = PerLane { raft: None, forward: None, snapshot: None, control: None };
            if peer.linked.is_some_and(|(_, start)| start < theirs.start) {
                peer.kick = None;
            }
        }
        Ok(())
    }

    /// Lets a stream from a node in; one that was there on its lane ends.
    pub(super) fn admit(&self, theirs: &Hello) -> Result<Admitted, Refusal> {
        let mut state = self.state();
        state.next_stream += 1;
        let stream = state.next_stream;
        let (keep, replaced) = oneshot::channel();
        let peer = state.peers.get_mut(&theirs.node).ok_or(Refusal::Full)?;
        if theirs.start != peer.start {
            let (node, given, seen) = (theirs.node, theirs.start.0, peer.start.0);
            return Err(Refusal::Older { node, given, seen });
        }
        *peer.inbound.of_mut(theirs.lane) = Some((stream, keep));
        Ok(Admitted { stream, replaced })
    }

    /// A stream from a node has ended.
    pub(super) fn leave(&self, theirs: &Hello, stream: u64) {
        let mut state = self.state();
        let Some(peer) = state.peers.get_mut(&theirs.node) else { return };
        let slot = peer.inbound.of_mut(theirs.lane);
        if slot.as_ref().is_some_and(|(current, _)| *current == stream) {
            *slot = None;
        }
    }

    /// Links a node by this address, unless it is linked by another one.
    pub(super) fn link(&self, theirs: &Hello, address: SocketAddr) -> Option<Linked> {
        let mut state = self.state();
        let peer = state.peers.get_mut(&theirs.node)?;
        if peer.linked.is_some() || theirs.start < peer.start {
            return None;
        }
        let (kick, kicked) = oneshot::channel();
        peer.linked = Some((address, theirs.start));
        peer.kick = Some(kick);
        Some(Linked { queues: Arc::clone(&peer.queues), kicked })
    }

    /// The link of a node has ended.
    pub(super) fn unlink(&self, node: NodeId) {
        let mut state = self.state();
        let Some(peer) = state.peers.get_mut(&node) else { return };
        peer.linked = None;
        peer.kick = None;
        Lane::ALL.into_iter().for_each(|lane| peer.queues.of(lane).close());
    }

    /// Whether the node that is linked by this address is one that may be.
    pub(super) fn is_kept(&self, address: SocketAddr) -> bool {
        let state = self.state();
        let at = |peer: &Peer| peer.linked.is_some_and(|(linked, _)| linked == address);
        let linked = state.peers.iter().find(|(_, peer)| at(peer));
        linked.is_some_and(|(node, _)| state.known.is_empty() || state.known.contains_key(node))
    }

    /// Notes why a stream from a host was refused; `true` if that is news.
    pub(super) fn stranger(&self, host: IpAddr, why: String) -> bool {
        let mut state = self.state();
        if state.strangers.len() >= STRANGERS {
            state.strangers.clear();
        }
        note(&mut state.strangers, host, Some(why))
    }

    /// Whether a node is linked by this address.
    pub(super) fn is_linked(&self, address: SocketAddr) -> bool {
        let at = |peer: &Peer| peer.linked.is_some_and(|(linked, _)| linked == address);
        self.state().peers.values().any(at)
    }

    /// Whether this node is linked by any address.
    pub(super) fn is_up(&self, node: NodeId) -> bool {
        self.state().peers.get(&node).is_some_and(|peer| peer.linked.is_some())
    }

    /// Notes why an address is not reached; `true` if that is news.
    pub(super) fn trouble(&self, address: SocketAddr, trouble: Option<String>) -> bool {
        note(&mut self.state().troubles, address, trouble)
    }

    /// Notes why a name cannot be looked up; `true` if that is news.
    pub(super) fn lookup_trouble(&self, name: &str, trouble: Option<String>) -> bool {
        note(&mut self.state().lookups, name.to_owned(), trouble)
    }

    pub(super) fn troubles(&self) -> Vec<(String, String)> {
        let state = self.state();
        let lookups = state.lookups.iter().map(|(name, text)| (name.clone(), text.clone()));
        let dials = state.troubles.iter().map(|(at, text)| (at.to_string(), text.clone()));
        lookups.chain(dials).collect()
    }

    pub(super) fn late(&self) -> PerLane<u64> {
        let state = self.state();
        let sum = |lane| state.peers.values().map(|peer| peer.queues.of(lane).late()).sum();
        PerLane {
            raft: sum(Lane::Raft),
            forward: sum(Lane::Forward),
            snapshot: sum(Lane::Snapshot),
            control: sum(Lane::Control),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note<K: Ord>(troubles: &mut BTreeMap<K, String>, of: K, trouble: Option<String>) -> bool {
    match trouble {
        Some(text) => {
            let before = troubles.insert(of, text.clone());
            before.is_none_or(|before| before != text)
        }
        None => troubles.remove(&of).is_some(),
    }
}

impl State {
    /// Makes room for a node, unless it is there: those that are neither known nor linked go first.
    fn make_room(&mut self, node: NodeId) -> Result<(), Refusal> {
        if self.peers.len() < NODES || self.peers.contains_key(&node) {
            return Ok(());
        }
        let known = &self.known;
        self.peers.retain(|node, peer| known.contains_key(node) || peer.is_in_use());
        let full = self.peers.len() >= NODES && !known.contains_key(&node);
        if full { Err(Refusal::Full) } else { Ok(()) }
    }
}

impl Peer {
    fn new(start: StartNumber, limits: &PerLane<super::LaneLimits>) -> Self {
        let queues = Arc::new(limits.map(|lane| Queue::new(*lane)));
        let inbound = PerLane { raft: None, forward: None, snapshot: None, control: None };
        Self { start, linked: None, queues, inbound, kick: None }
    }

    fn is_in_use(&self) -> bool {
        let streams = || Lane::ALL.into_iter().any(|lane| self.inbound.of(lane).is_some());
        self.linked.is_some() || streams()
    }
}

impl<T> PerLane<T> {
    const fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Raft => &mut self.raft,
            Lane::Forward => &mut self.forward,
            Lane::Snapshot => &mut self.snapshot,
            Lane::Control => &mut self.control,
        }
    }
}

/// One lane of what waits for a node.
pub(super) struct LaneQueue {
    queues: Arc<PerLane<Queue>>,
    lane: Lane,
}

impl LaneQueue {
    pub(super) fn push(&self, message: bytes::Bytes) -> Result<(), super::NotSent> {
        self.queues.of(self.lane).push(message)
    }
}
