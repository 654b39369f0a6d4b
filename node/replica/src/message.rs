//! What nodes say to each other: one [`PeerMessage`] for each node and flush, with the Raft messages of
//! all groups that the two share in it.
//!
//! ```text
//! version 1 byte │ protobuf, see the types
//! ```
//!
//! These types are on the wire between nodes of different versions: field numbers never change and never
//! come back. They are ours and not raft's, whose protobuf library must not see bytes from a network. What a
//! message says is believed only after it was compared with the state of its group (`group::check`). Who
//! sent it is for the transport to say.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use stator_model::{NodeId, PartitionId};

const VERSION: u8 = 1;
/// A message is closed once it weighs this much; one part of it, such as a large entry, may exceed it.
const FULL_BYTES: usize = 4 << 20;
/// The longest message that is read. Twice what a full one and its last part can weigh.
pub const MAX_MESSAGE_BYTES: usize = 32 << 20;

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The node.
    pub to: NodeId,
    /// What it is told.
    pub message: PeerMessage,
}

/// What one node tells another at one time.
#[derive(Clone, PartialEq, Message)]
pub struct PeerMessage {
    /// Heartbeats of groups that are led here: all in one message, as most groups are idle.
    #[prost(message, repeated, tag = "1")]
    pub heartbeats: Vec<Heartbeat>,
    /// Answers to heartbeats.
    #[prost(message, repeated, tag = "2")]
    pub heartbeat_answers: Vec<HeartbeatAnswer>,
    /// Everything else of Raft.
    #[prost(message, repeated, tag = "3")]
    pub raft: Vec<RaftMessage>,
    /// To the leader of the catalog: these partitions have a leader, and the catalog does not know it.
    #[prost(uint64, repeated, tag = "4")]
    pub ready: Vec<u64>,
}

/// "I lead." Replicas are named by their raw ids, groups by their partitions'.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Heartbeat {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group: u64,
    /// Who is meant.
    #[prost(uint64, tag = "2")]
    pub to: u64,
    /// The leader.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// Its term.
    #[prost(uint64, tag = "4")]
    pub term: u64,
    /// What is committed, as far as the receiver is known to have it.
    #[prost(uint64, tag = "5")]
    pub commit: u64,
    /// The round of proof that this is part of.
    #[prost(uint64, tag = "6")]
    pub round: u64,
    /// Every member has the log up to here: nobody will ask for what is before.
    #[prost(uint64, tag = "7")]
    pub everywhere: u64,
}

/// "I follow."
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct HeartbeatAnswer {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group: u64,
    /// The leader.
    #[prost(uint64, tag = "2")]
    pub to: u64,
    /// Who answers.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// Its term.
    #[prost(uint64, tag = "4")]
    pub term: u64,
    /// What it knows to be committed.
    #[prost(uint64, tag = "5")]
    pub commit: u64,
    /// The round of the heartbeat.
    #[prost(uint64, tag = "6")]
    pub round: u64,
}

/// A message of Raft that is not a heartbeat.
#[derive(Clone, PartialEq, Message)]
pub struct RaftMessage {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group: u64,
    /// Who is meant.
    #[prost(uint64, tag = "2")]
    pub to: u64,
    /// Who says it.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// The sender's term; in a request for a pre-vote and its granting, the one that it would be.
    #[prost(uint64, tag = "4")]
    pub term: u64,
    /// What is said; `None` is of a later version.
    #[prost(oneof = "Body", tags = "5, 6, 7, 8, 9")]
    pub body: Option<Body>,
}

/// What is said.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    /// Entries for the log.
    #[prost(message, tag = "5")]
    Append(Append),
    /// What became of them.
    #[prost(message, tag = "6")]
    AppendAnswer(AppendAnswer),
    /// A request for a vote.
    #[prost(message, tag = "7")]
    Vote(Vote),
    /// The vote.
    #[prost(message, tag = "8")]
    VoteAnswer(VoteAnswer),
    /// The leader hands over: stand for election now.
    #[prost(message, tag = "9")]
    TimeoutNow(TimeoutNow),
}

/// Entries that follow an entry which the receiver should have.
#[derive(Clone, PartialEq, Message)]
pub struct Append {
    /// The index of that entry; that of the first entry is one above.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Its term.
    #[prost(uint64, tag = "2")]
    pub log_term: u64,
    /// What is committed.
    #[prost(uint64, tag = "3")]
    pub commit: u64,
    /// The entries.
    #[prost(message, repeated, tag = "4")]
    pub entries: Vec<AppendedEntry>,
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct AppendedEntry {
    /// Its term.
    #[prost(uint64, tag = "1")]
    pub term: u64,
    /// What it carries; nothing in the entry with which a leader begins its term.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
}

/// What became of entries.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct AppendAnswer {
    /// The last index that is in the log and synced; refused, the index that was to be there.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// If it was not: where the leader may look instead.
    #[prost(message, optional, tag = "2")]
    pub refused: Option<Hint>,
    /// What is known to be committed.
    #[prost(uint64, tag = "3")]
    pub commit: u64,
}

/// An entry of a log that differs from the leader's.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Hint {
    /// Its index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Its term.
    #[prost(uint64, tag = "2")]
    pub term: u64,
}

/// A request for a vote.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Vote {
    /// It only asks who would vote: nobody's term changes.
    #[prost(bool, tag = "1")]
    pub is_pre: bool,
    /// The leader handed over: no promise stands against it.
    #[prost(bool, tag = "2")]
    pub is_transfer: bool,
    /// The last index of the candidate's log.
    #[prost(uint64, tag = "3")]
    pub index: u64,
    /// The term of that entry.
    #[prost(uint64, tag = "4")]
    pub log_term: u64,
    /// What the candidate knows to be committed.
    #[prost(uint64, tag = "5")]
    pub commit: u64,
    /// The term of that entry.
    #[prost(uint64, tag = "6")]
    pub commit_term: u64,
}

/// A vote.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct VoteAnswer {
    /// To a request that only asked who would.
    #[prost(bool, tag = "1")]
    pub is_pre: bool,
    /// Whether it is given.
    #[prost(bool, tag = "2")]
    pub granted: bool,
    /// If not: what the voter knows to be committed.
    #[prost(uint64, tag = "3")]
    pub commit: u64,
    /// The term of that entry.
    #[prost(uint64, tag = "4")]
    pub commit_term: u64,
}

/// The leader hands over.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct TimeoutNow {}

/// Bytes that are not a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// No bytes at all.
    #[error("a message of a peer is empty")]
    Empty,
    /// More bytes than any message has.
    #[error("a message of a peer has {bytes} bytes")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// Written by a later program.
    #[error("a message of a peer has the unknown version {version}")]
    Version {
        /// The version byte.
        version: u8,
    },
    /// The protobuf does not decode.
    #[error("a message of a peer does not decode")]
    Malformed(#[from] prost::DecodeError),
}

impl PeerMessage {
    /// The bytes that go over the wire.
    pub fn encode_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + self.encoded_len());
        bytes.put_u8(VERSION);
        self.encode(&mut bytes).expect("BytesMut grows");
        bytes.freeze()
    }

    /// The message in these bytes.
    ///
    /// # Errors
    /// If they are too many, of a later version, or do not decode.
    pub fn decode_bytes(bytes: &Bytes) -> Result<Self, MessageError> {
        match bytes.first() {
            _ if bytes.len() > MAX_MESSAGE_BYTES => {
                Err(MessageError::TooLong { bytes: bytes.len() })
            }
            None => Err(MessageError::Empty),
            Some(&VERSION) => Ok(Self::decode(bytes.slice(1..))?),
            Some(&version) => Err(MessageError::Version { version }),
        }
    }
}

/// Sorts what groups say by the node that it goes to.
#[derive(Default)]
pub(crate) struct Post {
    full: Vec<Envelope>,
    /// Few nodes: looked through in order.
    open: Vec<(Envelope, usize)>,
}

impl Post {
    fn to(&mut self, node: NodeId, bytes: usize) -> &mut PeerMessage {
        let at = match self.open.iter().position(|(envelope, _)| envelope.to == node) {
            Some(at) => at,
            None => {
                let message = PeerMessage::default();
                self.open.push((Envelope { to: node, message }, 0));
                self.open.len() - 1
            }
        };
        let (envelope, weight) = self.open.get_mut(at).expect("a place that was just found");
        if *weight >= FULL_BYTES {
            *weight = 0;
            let message = std::mem::take(&mut envelope.message);
            self.full.push(Envelope { to: node, message });
        }
        *weight += bytes;
        &mut envelope.message
    }

    pub(crate) fn heartbeat(&mut self, node: NodeId, heartbeat: Heartbeat) {
        self.to(node, size_of::<Heartbeat>()).heartbeats.push(heartbeat);
    }

    pub(crate) fn heartbeat_answer(&mut self, node: NodeId, answer: HeartbeatAnswer) {
        self.to(node, size_of::<HeartbeatAnswer>()).heartbeat_answers.push(answer);
    }

    pub(crate) fn raft(&mut self, node: NodeId, message: RaftMessage) {
        let entries = match &message.body {
            Some(Body::Append(append)) => append.entries.as_slice(),
            Some(
                Body::AppendAnswer(_) | Body::Vote(_) | Body::VoteAnswer(_) | Body::TimeoutNow(_),
            )
            | None => &[],
        };
        let bytes: usize = entries.iter().map(|entry| entry.data.len() + 16).sum();
        self.to(node, bytes + size_of::<RaftMessage>()).raft.push(message);
    }

    pub(crate) fn ready(&mut self, node: NodeId, partition: PartitionId) {
        self.to(node, size_of::<u64>()).ready.push(partition.get());
    }

    /// All of it, for each node in the order in which it was said.
    pub(crate) fn close(self) -> Vec<Envelope> {
        let mut all = self.full;
        all.extend(self.open.into_iter().map(|(envelope, _)| envelope));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PeerMessage {
        let raft = |body| RaftMessage { group: 7, to: 2, from: 1, term: 5, body: Some(body) };
        let entry = AppendedEntry { term: 5, data: Bytes::from_static(b"x") };
        PeerMessage {
            heartbeats: vec![Heartbeat {
                group: 1,
                to: 2,
                from: 3,
                term: 4,
                commit: 5,
                round: 6,
                everywhere: 7,
            }],
            heartbeat_answers: vec![HeartbeatAnswer {
                group: 1,
                to: 3,
                from: 2,
                term: 4,
                commit: 5,
                round: 6,
            }],
            raft: vec![
                raft(Body::Append(Append {
                    index: 9,
                    log_term: 4,
                    commit: 8,
                    entries: vec![entry],
                })),
                raft(Body::AppendAnswer(AppendAnswer {
                    index: 9,
                    refused: Some(Hint { index: 3, term: 2 }),
                    commit: 1,
                })),
                raft(Body::Vote(Vote {
                    is_pre: true,
                    is_transfer: true,
                    index: 1,
                    log_term: 2,
                    commit: 3,
                    commit_term: 4,
                })),
                raft(Body::VoteAnswer(VoteAnswer {
                    is_pre: true,
                    granted: true,
                    commit: 3,
                    commit_term: 4,
                })),
                raft(Body::TimeoutNow(TimeoutNow {})),
            ],
            ready: vec![300],
        }
    }

    #[test]
    fn bytes_of_a_message_never_change() {
        #[rustfmt::skip]
        let golden: &[u8] = &[
            1,
            10, 14, 8, 1, 16, 2, 24, 3, 32, 4, 40, 5, 48, 6, 56, 7,
            18, 12, 8, 1, 16, 3, 24, 2, 32, 4, 40, 5, 48, 6,
            26, 23, 8, 7, 16, 2, 24, 1, 32, 5, 42, 13, 8, 9, 16, 4, 24, 8, 34, 5, 8, 5, 18, 1, b'x',
            26, 20, 8, 7, 16, 2, 24, 1, 32, 5, 50, 10, 8, 9, 18, 4, 8, 3, 16, 2, 24, 1,
            26, 22, 8, 7, 16, 2, 24, 1, 32, 5, 58, 12, 8, 1, 16, 1, 24, 1, 32, 2, 40, 3, 48, 4,
            26, 18, 8, 7, 16, 2, 24, 1, 32, 5, 66, 8, 8, 1, 16, 1, 24, 3, 32, 4,
            26, 10, 8, 7, 16, 2, 24, 1, 32, 5, 74, 0,
            34, 2, 172, 2,
        ];
        assert_eq!(sample().encode_bytes().as_ref(), golden);
        assert_eq!(PeerMessage::decode_bytes(&Bytes::from_static(golden)).unwrap(), sample());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let decode = |bytes: &'static [u8]| PeerMessage::decode_bytes(&Bytes::from_static(bytes));
        assert!(matches!(decode(&[]), Err(MessageError::Empty)));
        assert!(matches!(decode(&[2]), Err(MessageError::Version { version: 2 })));
        assert!(matches!(decode(&[1, 10, 99]), Err(MessageError::Malformed(_))));
        let long = Bytes::from(vec![1; MAX_MESSAGE_BYTES + 1]);
        assert!(matches!(PeerMessage::decode_bytes(&long), Err(MessageError::TooLong { .. })));
    }

    #[test]
    fn what_goes_to_one_node_shares_a_message_until_that_is_full() {
        let mut post = Post::default();
        let (near, far) = (NodeId::new(2), NodeId::new(3));
        let data = Bytes::from(vec![0; 3 << 20]);
        for index in 0..3 {
            let entries = vec![AppendedEntry { term: 1, data: data.clone() }];
            let append = Append { index, log_term: 1, commit: 0, entries };
            let body = Some(Body::Append(append));
            post.raft(near, RaftMessage { group: 1, to: 2, from: 1, term: 1, body });
            post.heartbeat(far, Heartbeat { group: index, ..Heartbeat::default() });
        }
        let all = post.close();
        let parts = |to| {
            let of = all.iter().filter(|envelope| envelope.to == to);
            of.map(|envelope| (envelope.message.raft.len(), envelope.message.heartbeats.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!((parts(near), parts(far)), (vec![(2, 0), (1, 0)], vec![(0, 3)]));
    }
}
