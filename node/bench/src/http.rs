//! One keep-alive connection, HTTP/1.1, as plain as the node's clients allow: a request is one write,
//! a reply has a Content-Length.
//!
//! Made by hand because it must cost little and do the same for every server that is measured: the
//! client's core limits how much load there is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result, io};

/// Longer than any reply takes on a machine that works.
const PATIENCE: Duration = Duration::from_secs(30);
/// No head of a reply is longer.
const HEAD_BYTES: usize = 16 * 1024;
/// No body of a reply is longer: a page of a scan is 1 MB of items, and JSON less than thrice that.
const BODY_BYTES: usize = 64 << 20;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What was read: the reply is at its beginning.
    buffer: Vec<u8>,
    filled: usize,
}

/// A reply, whole.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// 200 and so on.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a [u8],
    /// The body, as it came.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = connect().map_err(io(format!("connect to {address}")))?;
        Ok(Self { stream, buffer: vec![0; HEAD_BYTES], filled: 0 })
    }

    /// Sends a whole request and waits for the whole reply.
    ///
    /// # Errors
    /// If the connection fails, or what comes is no reply.
    pub fn call(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).map_err(io("send a request"))?;
        self.filled = 0;
        let head = loop {
            if let Some(end) = end_of_head(self.read()) {
                break end;
            }
            if self.filled >= HEAD_BYTES {
                return Err(Error::Http("its head does not end"));
            }
            self.fill()?;
        };
        let (status, length) = parse_head(self.buffer.get(..head).unwrap_or_default())?;
        if length > BODY_BYTES {
            return Err(Error::Http("its body is too long"));
        }
        let end = head + length;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        while self.filled < end {
            self.fill()?;
        }
        if self.filled > end {
            return Err(Error::Http("something follows that nobody asked for"));
        }
        let (head, body) = self.buffer.get(..end).unwrap_or_default().split_at(head);
        Ok(Response { status, head, body })
    }

    fn read(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    fn fill(&mut self) -> Result<()> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let came = self.stream.read(room).map_err(io("read a reply"))?;
        if came == 0 {
            return Err(Error::Http("the connection ends before it does"));
        }
        self.filled += came;
        Ok(())
    }
}

/// Where the body begins.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Status and Content-Length.
fn parse_head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head).map_err(|_| Error::Http("its head is not text"))?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.get(..3)?.parse().ok())
        .ok_or(Error::Http("it has no status line"))?;
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    Ok((status, length.ok_or(Error::Http("it has no Content-Length"))?))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Asks a server that reads one request of 4 bytes and then writes these pieces.
    fn ask(pieces: &'static [&'static [u8]]) -> Result<(u16, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 4]).unwrap();
            for piece in pieces {
                stream.write_all(piece).unwrap();
            }
        });
        let mut connection = Connection::open(address)?;
        let reply = connection.call(b"ping").map(|reply| (reply.status, reply.body.to_vec()));
        server.join().unwrap();
        reply
    }

    #[test]
    fn a_reply_is_whole_however_it_is_cut() {
        let reply = ask(&[b"HTTP/1.1 20", b"1 Yes\r\nContent-LENGTH: 5\r\n\r", b"\nhe", b"llo"]);
        assert_eq!(reply.unwrap(), (201, b"hello".to_vec()));
    }

    #[test]
    fn what_is_no_whole_reply_is_refused() {
        for pieces in [
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell" as &[u8]] as &[&[u8]],
            &[b"HTTP/1.1 200 OK\r\n\r\n"],
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"],
            &[b"220 mail ready\r\ncontent-length: 0\r\n\r\n"],
        ] {
            assert!(ask(pieces).is_err(), "{pieces:?}");
        }
    }
}
