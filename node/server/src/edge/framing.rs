//! Watches the bytes of one connection go by and finds where requests begin and end.
//!
//! hyper parses requests; this looks over its shoulder for what hyper lets pass and RFC 9112 §6.1
//! and §6.3 call an attack: a Content-Length beside a Transfer-Encoding, a Content-Length given
//! twice. hyper drops the second field silently, so that no service behind it can tell. It also
//! counts heads by the service's limits and knows what the connection is waiting for, which is what
//! timeouts hang on.
//!
//! Pure: bytes in, a verdict out, the same however the bytes are cut. It keeps at most one unfinished
//! line. Where it could disagree with hyper about the end of a message (a chunked body) it does not
//! guess: everything that follows passes unwatched, and the edge makes that request the last of its
//! connection.

use super::limits::Limits;

/// What the connection is reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Between requests: no byte of the next head has come.
    #[default]
    Idle,
    /// Inside a head.
    Head,
    /// Inside a body with this many bytes to come.
    Body(u64),
    /// Inside a chunked body, or whatever comes behind it.
    Chunked,
}

/// Why a head is refused, with 400 and the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request line is longer than the service's limit.
    LongRequestLine,
    /// The header lines are longer than the service's limit, or too many.
    LargeHeader,
    /// Content-Length is not a plain number, or given twice.
    BadLength,
    /// Transfer-Encoding is not plain `chunked`, given twice, or stands beside a Content-Length.
    BadTransferEncoding,
    /// A header line that continues the one before (obsolete line folding).
    FoldedLine,
}

/// A head that is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// Where it begins in the bytes shown last; 0 if it began before them. What comes earlier are
    /// whole requests.
    pub at: usize,
}

/// The head that is being read.
#[derive(Debug, Default)]
struct Head {
    /// A line whose end has not come yet.
    unfinished: Vec<u8>,
    in_headers: bool,
    line_bytes: usize,
    header_bytes: usize,
    header_lines: u32,
    length: Option<u64>,
    chunked: bool,
}

/// See the module. The default is a connection on which no byte has come.
#[derive(Debug, Default)]
pub struct Framing {
    stage: Stage,
    head: Head,
    changes: u64,
    body_bytes: u64,
}

impl Framing {
    /// What the connection is reading now.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Differs whenever another stage was entered in between, be it one of the same kind.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Bytes of the present body that have come.
    pub const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Takes note of bytes that came from the client.
    ///
    /// # Errors
    /// The first thing wrong with a head. The connection is to be closed; what follows must not be
    /// shown.
    pub fn observe(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), Refused> {
        let (mut rest, mut head_at) = (bytes, 0);
        while !rest.is_empty() {
            match self.stage {
                Stage::Idle => {
                    head_at = bytes.len() - rest.len();
                    self.enter(Stage::Head);
                }
                Stage::Head => {
                    rest = self
                        .observe_line(rest, limits)
                        .map_err(|why| Refused { why, at: head_at })?;
                }
                Stage::Body(left) => rest = self.observe_body(rest, left),
                Stage::Chunked => {
                    self.body_bytes += rest.len() as u64;
                    break;
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.changes += 1;
        match stage {
            Stage::Head => self.head = Head::default(),
            Stage::Body(_) | Stage::Chunked => self.body_bytes = 0,
            Stage::Idle => {}
        }
    }

    fn observe_body<'a>(&mut self, bytes: &'a [u8], left: u64) -> &'a [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (body, rest) = bytes.split_at(here);
        self.body_bytes += body.len() as u64;
        let left = left - body.len() as u64;
        if left == 0 {
            self.enter(Stage::Idle);
        } else {
            self.stage = Stage::Body(left);
        }
        rest
    }

    /// Takes the bytes up to the end of a line, or all if it does not end here.
    fn observe_line<'a>(&mut self, bytes: &'a [u8], limits: &Limits) -> Result<&'a [u8], Refusal> {
        let taken = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let (line, rest) = bytes.split_at(taken);
        self.head.count(line.len(), limits)?;
        if !line.ends_with(b"\n") {
            self.head.unfinished.extend_from_slice(line);
            return Ok(rest);
        }
        let done = if self.head.unfinished.is_empty() {
            self.head.line(line, limits)?
        } else {
            let mut whole = std::mem::take(&mut self.head.unfinished);
            whole.extend_from_slice(line);
            self.head.line(&whole, limits)?
        };
        if done {
            self.enter(self.head.stage_of_body());
        }
        Ok(rest)
    }
}

impl Head {
    fn count(&mut self, bytes: usize, limits: &Limits) -> Result<(), Refusal> {
        if self.in_headers {
            self.header_bytes += bytes;
            if self.header_bytes > limits.header_bytes {
                return Err(Refusal::LargeHeader);
            }
        } else {
            self.line_bytes += bytes;
            if self.line_bytes > limits.request_line_bytes {
                return Err(Refusal::LongRequestLine);
            }
        }
        Ok(())
    }

    /// Takes a whole line, its end included. Returns whether it ends the head.
    fn line(&mut self, line: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !self.in_headers {
            // Empty lines before the request line are skipped (RFC 9112 §2.2), by hyper too.
            self.in_headers = !line.is_empty();
            return Ok(false);
        }
        match line.first() {
            None => return Ok(true),
            Some(b' ' | b'\t') => return Err(Refusal::FoldedLine),
            Some(b'c' | b'C') => self.content_length(line)?,
            Some(b't' | b'T') => self.transfer_encoding(line)?,
            Some(_) => {}
        }
        self.header_lines += 1;
        if self.header_lines > limits.header_lines {
            return Err(Refusal::LargeHeader);
        }
        Ok(false)
    }

    fn content_length(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(value) = value_of(line, b"content-length") else { return Ok(()) };
        if self.length.is_some() {
            return Err(Refusal::BadLength);
        }
        if self.chunked {
            return Err(Refusal::BadTransferEncoding);
        }
        self.length = Some(plain_number(value).ok_or(Refusal::BadLength)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(value) = value_of(line, b"transfer-encoding") else { return Ok(()) };
        if self.length.is_some() || self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::BadTransferEncoding);
        }
        self.chunked = true;
        Ok(())
    }

    const fn stage_of_body(&self) -> Stage {
        match (self.chunked, self.length) {
            (true, _) => Stage::Chunked,
            (false, None | Some(0)) => Stage::Idle,
            (false, Some(length)) => Stage::Body(length),
        }
    }
}

/// The value of a header line, if it is of this (lower-case) name. A blank before the colon makes
/// another name of it, which hyper refuses.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (have, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    have.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn plain_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests;
