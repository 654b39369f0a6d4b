//! Messages as they lie on a stream.
//!
//! ```text
//! length     4 bytes, big endian: of the message
//! kind       1 byte: 1 a message, 2 a beat, which has none
//! checksum   4 bytes: CRC-32C over what both ends drew for this connection, lane and direction, over the
//!            number of the frame on it, and over length, kind and message
//! message
//! ```
//!
//! Number and draws are not sent. So a frame of an old connection, a frame that comes twice and one of the
//! other direction are as wrong as one with a flipped bit. Beats say that the other end lives, also while
//! one end is too busy to read.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Bytes in front of a message.
const HEAD: usize = 9;
const MESSAGE: u8 = 1;
const BEAT: u8 = 2;
/// Room that a message gets before its bytes come: a length alone costs the reader no more.
const FIRST_ROOM: usize = 64 * 1024;

/// How often each end says that it lives.
pub(super) const BEAT_TIME: Duration = Duration::from_secs(1);
/// How long nothing may come before the other end counts as gone.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// How long a message may take once it has begun.
const MESSAGE_TIME: Duration = Duration::from_secs(20);

/// A stream that must be closed, and why.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("it was closed by the other end")]
    Closed,
    #[error("nothing came for {} s", SILENCE.as_secs())]
    Silent,
    #[error("a message did not end within {} s", MESSAGE_TIME.as_secs())]
    Slow,
    #[error("a frame has the unknown kind {0}")]
    Kind(u8),
    #[error("a message of {length} bytes was announced, and at most {most} are allowed")]
    TooLong { length: usize, most: usize },
    #[error("a frame has a wrong checksum: damaged, repeated or of another connection")]
    Checksum,
    #[error("a message came where only beats do")]
    Unasked,
    #[error("it could not be read or written")]
    Io(#[from] io::Error),
}

/// What makes the frames of one direction of one connection its own.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    seed: u32,
    next: u64,
}

impl Sequence {
    /// The frames that one end sends, after both have drawn.
    pub(super) fn new(sender: &[u8; 16], receiver: &[u8; 16], lane: u8) -> Self {
        let seed = crc32c::crc32c(sender);
        let seed = crc32c::crc32c_append(seed, receiver);
        Self { seed: crc32c::crc32c_append(seed, &[lane]), next: 0 }
    }

    fn checksum(&mut self, length: u32, kind: u8, message: &[u8]) -> u32 {
        let sum = crc32c::crc32c_append(self.seed, &self.next.to_be_bytes());
        let sum = crc32c::crc32c_append(sum, &length.to_be_bytes());
        let sum = crc32c::crc32c_append(sum, &[kind]);
        self.next = self.next.wrapping_add(1);
        crc32c::crc32c_append(sum, message)
    }

    /// Appends the frame of a message, which is no longer than lanes allow.
    pub(super) fn seal(&mut self, message: &[u8], out: &mut BytesMut) {
        self.frame(MESSAGE, message, out);
    }

    /// Appends a beat.
    pub(super) fn beat(&mut self, out: &mut BytesMut) {
        self.frame(BEAT, &[], out);
    }

    fn frame(&mut self, kind: u8, message: &[u8], out: &mut BytesMut) {
        let length = u32::try_from(message.len()).expect("queues take no message of 4 GB");
        out.reserve(HEAD + message.len());
        out.put_u32(length);
        out.put_u8(kind);
        let checksum = self.checksum(length, kind, message);
        out.put_u32(checksum);
        out.put_slice(message);
    }
}

/// The head of a frame whose message was not read yet.
pub(super) struct Head {
    length: u32,
    kind: u8,
    checksum: u32,
}

impl Head {
    /// Bytes of the message.
    pub(super) fn length(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }
}

/// Waits for the head of the next message; beats in front of it are read and forgotten.
pub(super) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    sequence: &mut Sequence,
    most: usize,
) -> Result<Head, Broken> {
    loop {
        let head = timeout(SILENCE, read_any_head(stream)).await.map_err(|_| Broken::Silent)??;
        match head.kind {
            MESSAGE if head.length() > most => {
                return Err(Broken::TooLong { length: head.length(), most });
            }
            MESSAGE => return Ok(head),
            BEAT if head.length > 0 => {
                return Err(Broken::TooLong { length: head.length(), most: 0 });
            }
            BEAT if sequence.checksum(0, BEAT, &[]) != head.checksum => {
                return Err(Broken::Checksum);
            }
            BEAT => {}
            kind => return Err(Broken::Kind(kind)),
        }
    }
}

async fn read_any_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Head, Broken> {
    let length = stream.read_u32().await.map_err(ended)?;
    let kind = stream.read_u8().await.map_err(ended)?;
    let checksum = stream.read_u32().await.map_err(ended)?;
    Ok(Head { length, kind, checksum })
}

/// Reads the message behind a head.
pub(super) async fn read_message(
    stream: &mut (impl AsyncRead + Unpin),
    sequence: &mut Sequence,
    head: &Head,
) -> Result<Bytes, Broken> {
    let length = head.length();
    let mut message = BytesMut::with_capacity(length.min(FIRST_ROOM));
    let read = async {
        let mut rest = stream.take(u64::from(head.length));
        while message.len() < length {
            if rest.read_buf(&mut message).await? == 0 {
                return Err(Broken::Closed);
            }
        }
        Ok(())
    };
    timeout(MESSAGE_TIME, read).await.map_err(|_| Broken::Slow)??;
    if sequence.checksum(head.length, MESSAGE, &message) != head.checksum {
        return Err(Broken::Checksum);
    }
    Ok(message.freeze())
}

fn ended(error: io::Error) -> Broken {
    if error.kind() == io::ErrorKind::UnexpectedEof { Broken::Closed } else { Broken::Io(error) }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{Broken, Sequence, read_head, read_message};

    const MOST: usize = 1_000;

    fn sequence() -> Sequence {
        Sequence::new(&[1; 16], &[2; 16], 0)
    }

    /// All messages in these bytes, and how they end.
    fn read(mut bytes: &[u8], mut sequence: Sequence) -> (Vec<Bytes>, Broken) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut messages = Vec::new();
            loop {
                let head = match read_head(&mut bytes, &mut sequence, MOST).await {
                    Ok(head) => head,
                    Err(broken) => return (messages, broken),
                };
                match read_message(&mut bytes, &mut sequence, &head).await {
                    Ok(message) => messages.push(message),
                    Err(broken) => return (messages, broken),
                }
            }
        })
    }

    fn sealed(messages: &[&[u8]]) -> BytesMut {
        let (mut out, mut sequence) = (BytesMut::new(), sequence());
        for message in messages {
            sequence.beat(&mut out);
            sequence.seal(message, &mut out);
        }
        out
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = b"\0\0\0\0\x02\xff\xff\xff\xff\0\0\0\x02\x01\xff\xff\xff\xffhi";
        let sealed = sealed(&[b"hi"]);
        let without_sums = |bytes: &[u8]| [&bytes[..5], &bytes[9..14], &bytes[18..]].concat();
        assert_eq!(without_sums(&sealed), without_sums(golden));
        let sums: Vec<u32> =
            [5, 14].map(|at| u32::from_be_bytes(sealed[at..at + 4].try_into().unwrap())).to_vec();
        let seed = crc32c::crc32c(&[[1; 16], [2; 16]].concat());
        let seed = crc32c::crc32c_append(seed, &[0]);
        let sum = |number: u64, rest: &[u8]| {
            crc32c::crc32c_append(crc32c::crc32c_append(seed, &number.to_be_bytes()), rest)
        };
        assert_eq!(sums, [sum(0, b"\0\0\0\0\x02"), sum(1, b"\0\0\0\x02\x01hi")]);
    }

    #[test]
    fn frames_that_are_not_the_next_ones_are_refused() {
        let whole = sealed(&[b"one", b"two"]);
        let (messages, end) = read(&whole, sequence());
        assert_eq!(messages, [&b"one"[..], b"two"]);
        assert!(matches!(end, Broken::Closed));
        let first = sealed(&[b"one"]);
        let check = |bytes: &[u8], sequence| {
            let (messages, end) = read(bytes, sequence);
            assert!(messages.len() <= 1 && matches!(end, Broken::Checksum), "{messages:?} {end}");
        };
        check(&[&first[..], &first[..]].concat(), sequence());
        check(&first, Sequence::new(&[1; 16], &[3; 16], 0));
        check(&first, Sequence::new(&[2; 16], &[1; 16], 0));
        check(&first, Sequence::new(&[1; 16], &[2; 16], 1));
        check(&whole[first.len()..], sequence());
    }

    #[test]
    fn a_length_is_looked_at_before_anything_is_read() {
        let (_, end) = read(b"\xff\xff\xff\xff\x01\0\0\0\0", sequence());
        let most = MOST;
        assert!(
            matches!(end, Broken::TooLong { length: 0xffff_ffff, most: m } if m == most),
            "{end}"
        );
        let (_, end) = read(b"\xff\xff\xff\xff\x02\0\0\0\0", sequence());
        assert!(matches!(end, Broken::TooLong { most: 0, .. }), "{end}");
        let (_, end) = read(b"\0\0\0\0\x07\0\0\0\0", sequence());
        assert!(matches!(end, Broken::Kind(7)), "{end}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]
        #[test]
        fn what_is_not_sealed_so_is_never_a_message(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let (messages, _) = read(&bytes, sequence());
            prop_assert!(messages.is_empty());
            let mut damaged = sealed(&[b"one", b"two", b"three"]);
            let at = at.index(damaged.len());
            damaged[at] ^= flip;
            let (messages, _) = read(&damaged, sequence());
            let sound = [&b"one"[..], b"two", b"three"];
            prop_assert!(messages.len() < 3);
            prop_assert!(messages.iter().zip(sound).all(|(read, sent)| *read == sent));
        }
    }
}
