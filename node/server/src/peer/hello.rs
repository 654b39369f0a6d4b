//! The first thing that two nodes say to each other on every stream, and what each must be for the other
//! to go on.
//!
//! ```text
//! magic      4 bytes: STPR
//! version    1 byte: of everything behind it, the frames too
//! length     2 bytes, big endian: of the message, at most 4,096
//! message    protobuf: a hello, or, as an answer only, why there is none
//! checksum   4 bytes: CRC-32C over all before
//! ```
//!
//! Who dials says hello first. The other end answers with its own, or with a refusal, which is a code and a
//! sentence for the log of whoever dialled.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message as _;
use stator_catalog::{FeatureLevel, FeatureRange};
use stator_model::{NodeId, StartNumber};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Lane;

const MAGIC: [u8; 4] = *b"STPR";
const VERSION: u8 = 1;
const MESSAGE_BYTES: u16 = 4_096;
/// A node's name, at most: the longest DNS name.
pub(crate) const NAME_BYTES: usize = 253;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) cluster: [u8; 16],
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) start: StartNumber,
    pub(super) features: FeatureRange,
    pub(super) lane: Lane,
    /// Drawn for this process: two processes on copies of one data directory differ in nothing else.
    pub(super) process: [u8; 16],
    /// Drawn for this connection.
    pub(super) draw: [u8; 16],
}

/// Why an end does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is of cluster {theirs:032x}, and this node of {mine:032x}")]
    Cluster { mine: u128, theirs: u128 },
    #[error("it handles feature levels {theirs}, and this node {mine}: none is common")]
    Features { mine: FeatureRange, theirs: FeatureRange },
    #[error("it is this node itself")]
    Myself,
    #[error(
        "it is node {name:?} and says that it is {node}, which is node {known:?}: a data directory was copied"
    )]
    Copied { node: NodeId, known: String, name: String },
    #[error(
        "it started {given} times, and {node} had started {seen} times: an older process, or an older copy of its data directory"
    )]
    Older { node: NodeId, given: u32, seen: u32 },
    #[error("its certificate is not for {0}")]
    Certificate(String),
    #[error("it answered for another lane")]
    Lane,
    #[error("this node has as many peers as it can")]
    Full,
}

impl Refusal {
    /// Says the same on the wire; a code stays what it is.
    const fn code(&self) -> u32 {
        match self {
            Self::Cluster { .. } => 1,
            Self::Features { .. } => 2,
            Self::Myself => 3,
            Self::Copied { .. } => 4,
            Self::Older { .. } => 5,
            Self::Certificate(_) => 6,
            Self::Lane => 7,
            Self::Full => 8,
        }
    }
}

/// The two ends cannot talk.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it does not speak the protocol of nodes: is it the peer port?")]
    Magic,
    #[error("it speaks version {0} of the protocol of nodes, and this node version {VERSION}")]
    Version(u8),
    #[error("its first message is longer than {MESSAGE_BYTES} bytes")]
    TooLong,
    #[error("its first message has a wrong checksum")]
    Checksum,
    #[error("its first message makes no sense: {0}")]
    Malformed(&'static str),
    #[error("it refused this node (code {code}): {text:?}")]
    Refused { code: u32, text: String },
    #[error("{0}")]
    Refusing(#[from] Refusal),
    #[error("it could not be read or written")]
    Io(#[from] io::Error),
}

mod wire {
    use bytes::Bytes;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Answer {
        #[prost(message, optional, tag = "1")]
        pub(super) hello: Option<Hello>,
        #[prost(message, optional, tag = "2")]
        pub(super) refusal: Option<Refusal>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Hello {
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "1")]
        pub(super) cluster: Bytes,
        #[prost(uint64, tag = "2")]
        pub(super) node: u64,
        #[prost(string, tag = "3")]
        pub(super) name: String,
        #[prost(uint32, tag = "4")]
        pub(super) start: u32,
        #[prost(uint32, tag = "5")]
        pub(super) min_level: u32,
        #[prost(uint32, tag = "6")]
        pub(super) max_level: u32,
        /// 1 raft, 2 forward, 3 snapshot, 4 control.
        #[prost(uint32, tag = "7")]
        pub(super) lane: u32,
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "8")]
        pub(super) process: Bytes,
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "9")]
        pub(super) draw: Bytes,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Refusal {
        #[prost(uint32, tag = "1")]
        pub(super) code: u32,
        #[prost(string, tag = "2")]
        pub(super) text: String,
    }
}

impl Hello {
    /// Whether this node goes on with one that says this; what depends on more than the two hellos is
    /// looked at elsewhere.
    pub(super) fn meets(&self, theirs: &Self) -> Result<(), Refusal> {
        if theirs.cluster != self.cluster {
            let (mine, theirs) =
                (u128::from_be_bytes(self.cluster), u128::from_be_bytes(theirs.cluster));
            return Err(Refusal::Cluster { mine, theirs });
        }
        if theirs.node == self.node {
            let (known, name) = (self.name.clone(), theirs.name.clone());
            let copied = Refusal::Copied { node: self.node, known, name };
            return Err(if theirs.process == self.process { Refusal::Myself } else { copied });
        }
        if theirs.features.common(self.features).is_none() {
            return Err(Refusal::Features { mine: self.features, theirs: theirs.features });
        }
        if theirs.lane != self.lane {
            return Err(Refusal::Lane);
        }
        Ok(())
    }

    fn message(&self) -> wire::Hello {
        wire::Hello {
            cluster: Bytes::copy_from_slice(&self.cluster),
            node: self.node.get(),
            name: self.name.clone(),
            start: self.start.0,
            min_level: self.features.min().get(),
            max_level: self.features.max().get(),
            lane: u32::from(self.lane.number()),
            process: Bytes::copy_from_slice(&self.process),
            draw: Bytes::copy_from_slice(&self.draw),
        }
    }

    fn parse(message: &wire::Hello) -> Result<Self, Error> {
        let array = |bytes: &Bytes, what| {
            <[u8; 16]>::try_from(&bytes[..]).map_err(|_| Error::Malformed(what))
        };
        let level = FeatureLevel::new;
        let features = FeatureRange::new(level(message.min_level), level(message.max_level));
        let lane = Lane::ALL.into_iter().find(|lane| u32::from(lane.number()) == message.lane);
        if !is_name(&message.name) {
            return Err(Error::Malformed("the name"));
        }
        Ok(Self {
            cluster: array(&message.cluster, "the cluster")?,
            node: NodeId::new(message.node),
            name: message.name.clone(),
            start: StartNumber(message.start),
            features: features.ok_or(Error::Malformed("the feature levels"))?,
            lane: lane.ok_or(Error::Malformed("the lane"))?,
            process: array(&message.process, "the process")?,
            draw: array(&message.draw, "the draw")?,
        })
    }
}

/// Whether a node can have this name: it is part of addresses and certificates, so it is a DNS name.
pub(crate) fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= NAME_BYTES && name.split('.').all(label)
}

/// Says hello.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    hello: &Hello,
) -> Result<(), Error> {
    let answer = wire::Answer { hello: Some(hello.message()), refusal: None };
    Ok(write_answer(stream, &answer).await?)
}

/// Says why there is no hello. Whether that arrives is of no matter.
pub(super) async fn refuse(stream: &mut (impl AsyncWrite + Unpin), refusal: &Refusal) {
    let text: String = refusal.to_string().chars().take(500).collect();
    let refusal = Some(wire::Refusal { code: refusal.code(), text });
    let _ = write_answer(stream, &wire::Answer { hello: None, refusal }).await;
}

async fn write_answer(
    stream: &mut (impl AsyncWrite + Unpin),
    answer: &wire::Answer,
) -> io::Result<()> {
    let message = answer.encode_to_vec();
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    let mut out = BytesMut::with_capacity(message.len() + 11);
    out.put_slice(&MAGIC);
    out.put_u8(VERSION);
    out.put_u16(length);
    out.put_slice(&message);
    let checksum = crc32c::crc32c(&out);
    out.put_u32(checksum);
    stream.write_all(&out).await?;
    stream.flush().await
}

/// Hears the other end's hello.
///
/// # Errors
/// If it refuses, or does not speak the protocol.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, Error> {
    let mut magic = [0; 4];
    stream.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(Error::Magic);
    }
    let version = stream.read_u8().await?;
    if version != VERSION {
        return Err(Error::Version(version));
    }
    let length = stream.read_u16().await?;
    if length > MESSAGE_BYTES {
        return Err(Error::TooLong);
    }
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    let sum = crc32c::crc32c(&MAGIC);
    let sum = crc32c::crc32c_append(sum, &[VERSION]);
    let sum = crc32c::crc32c_append(sum, &length.to_be_bytes());
    if crc32c::crc32c_append(sum, &message) != stream.read_u32().await? {
        return Err(Error::Checksum);
    }
    let answer = wire::Answer::decode(&message[..]).map_err(|_| Error::Malformed("the message"))?;
    match (answer.hello, answer.refusal) {
        (Some(hello), None) => Hello::parse(&hello),
        (_, Some(refusal)) => {
            let text = refusal.text.chars().take(500).collect();
            Err(Error::Refused { code: refusal.code, text })
        }
        (None, None) => Err(Error::Malformed("the message")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stator_catalog::{FeatureLevel, FeatureRange};
    use stator_model::{NodeId, StartNumber};

    use super::{Error, Hello, Refusal, is_name, read, refuse, write};
    use crate::peer::Lane;

    fn hello() -> Hello {
        Hello {
            cluster: *b"0123456789abcdef",
            node: NodeId::new(300),
            name: "stator-a-0".to_owned(),
            start: StartNumber(7),
            features: FeatureRange::SUPPORTED,
            lane: Lane::Control,
            process: *b"abcdefghijklmnop",
            draw: *b"ABCDEFGHIJKLMNOP",
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        block_on(write(&mut out, &hello())).unwrap();
        out
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden =
            b"STPR\x01\x00\x4f\x0a\x4d\x0a\x100123456789abcdef\x10\xac\x02\x1a\x0astator-a-0\
            \x20\x07\x28\x01\x30\x02\x38\x04\x42\x10abcdefghijklmnop\x4a\x10ABCDEFGHIJKLMNOP";
        let sum = crc32c::crc32c(golden).to_be_bytes();
        assert_eq!(written(), [&golden[..], &sum].concat());
        assert_eq!(block_on(read(&mut &written()[..])).unwrap(), hello());
    }

    #[test]
    fn a_refusal_arrives_with_its_reason() {
        let mut out = Vec::new();
        block_on(refuse(&mut out, &Refusal::Full));
        let error = block_on(read(&mut &out[..])).unwrap_err();
        assert!(matches!(&error, Error::Refused { code: 8, .. }), "{error}");
        assert!(error.to_string().contains("as many peers as it can"), "{error}");
    }

    #[test]
    fn what_is_no_hello_is_told_apart() {
        let error = |bytes: &[u8]| block_on(read(&mut &bytes[..])).unwrap_err();
        assert!(matches!(error(b"GET / HTTP/1.1\r\n"), Error::Magic));
        assert!(matches!(error(b"STPR\x02\0\0"), Error::Version(2)));
        assert!(matches!(error(b"STPR\x01\xff\xff"), Error::TooLong));
        assert!(matches!(error(b"STPR\x01\0\0\0\0\0\0"), Error::Checksum));
        assert!(matches!(error(b"STPR"), Error::Io(_)));
    }

    #[test]
    fn nodes_that_cannot_talk_refuse_each_other() {
        let mine = Hello { node: NodeId::new(1), name: "b".to_owned(), ..hello() };
        assert_eq!(mine.meets(&hello()), Ok(()));
        let refused = |theirs: Hello| mine.meets(&theirs).unwrap_err();
        assert!(matches!(refused(Hello { cluster: [1; 16], ..hello() }), Refusal::Cluster { .. }));
        assert_eq!(refused(mine.clone()), Refusal::Myself);
        let copied = Hello { process: [9; 16], ..mine.clone() };
        assert!(matches!(refused(copied), Refusal::Copied { .. }));
        let level = FeatureLevel::new(9);
        let features = FeatureRange::new(level, level).unwrap();
        assert!(matches!(refused(Hello { features, ..hello() }), Refusal::Features { .. }));
        assert_eq!(refused(Hello { lane: Lane::Raft, ..hello() }), Refusal::Lane);
    }

    #[test]
    fn names_are_dns_names() {
        for name in ["a", "stator-a-0", "n1.zone-2.example", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", "A", "a_b", "-a", "a-", "a..b", "a/b", "é", &"a".repeat(64), &"a.".repeat(127)]
        {
            assert!(!is_name(name), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]
        #[test]
        fn damaged_hellos_are_refused(
            garbage in prop::collection::vec(any::<u8>(), 0..120),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            prop_assert!(block_on(read(&mut &garbage[..])).is_err());
            let mut damaged = written();
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            prop_assert!(block_on(read(&mut &damaged[..])).is_err());
        }
    }
}
