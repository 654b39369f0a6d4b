//! What one client, and all clients together, may take from the edge.

use std::time::Duration;

use stator_model::limits::BODY_BYTES;

/// Bounds of the client port. The defaults are what `stator-node` runs with; tests make them small.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the request line (the service's own limit is 16 KB).
    pub request_line_bytes: usize,
    /// Bytes of all header lines together (the service's own limit is 16 KB).
    pub header_bytes: usize,
    /// Header lines. Under hyper's own bound of 100, so that ours answers.
    pub header_lines: u32,
    /// From the first byte of a head to its last.
    pub head_time: Duration,
    /// Bytes of a body, before and after any content encoding is undone.
    pub body_bytes: usize,
    /// What a body may take in any case; each second beyond needs `body_rate` bytes.
    pub body_time: Duration,
    /// Bytes a second that a body must bring once `body_time` is used up.
    pub body_rate: u64,
    /// How long a connection may lie idle between two requests.
    pub idle_time: Duration,
    /// How long a client may leave a reply unread without taking a single byte.
    pub write_time: Duration,
    /// How long, and for how many bytes, a connection that is being closed is still read from, so
    /// that a client that is busy sending gets to see the reply that refuses it.
    pub linger_time: Duration,
    /// See `linger_time`.
    pub linger_bytes: usize,
    /// Connections at one time. One more is closed as soon as it is accepted.
    pub connections: usize,
    /// Bytes of request bodies and large replies held at one time, all connections together.
    pub bytes_in_flight: usize,
    /// Answers that may be large (a batch of reads has up to 16 MB) and are being made at one time. Others
    /// wait, and begin only if there is room for their answer then.
    pub large_answers: usize,
    /// How long requests in flight may take to finish when the process stops.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line_bytes: 16 * 1024,
            header_bytes: 16 * 1024,
            header_lines: 96,
            head_time: Duration::from_secs(10),
            body_bytes: BODY_BYTES,
            body_time: Duration::from_secs(10),
            body_rate: 16 * 1024,
            idle_time: Duration::from_secs(120),
            write_time: Duration::from_secs(30),
            linger_time: Duration::from_secs(2),
            linger_bytes: 4 * BODY_BYTES,
            connections: 20_000,
            bytes_in_flight: 16 * BODY_BYTES,
            large_answers: 16,
            stop_time: Duration::from_secs(10),
        }
    }
}
