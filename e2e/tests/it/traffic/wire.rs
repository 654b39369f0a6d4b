//! A connection that speaks just enough of the API: the campaign sends more requests than it could
//! with a whole SDK, and has no use for more.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// No request may take longer.
const LIMIT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Whether it is an error of this name.
    pub(crate) fn is_error(&self, name: &str) -> bool {
        self.status != 200 && self.body.contains(&format!("#{name}\""))
    }
}

/// A connection to a node.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request once and returns what is answered.
    pub(crate) async fn call(&mut self, operation: &str, body: &str) -> io::Result<Answer> {
        tokio::time::timeout(LIMIT, self.exchange(operation, body))
            .await
            .unwrap_or_else(|_| panic!("{operation} is not answered after {LIMIT:?}"))
    }

    async fn exchange(&mut self, operation: &str, body: &str) -> io::Result<Answer> {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n\
             X-Amz-Target: DynamoDB_20120810.{operation}\r\nX-Amz-Date: 20261121T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=k/20261121/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=s\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        self.stream.get_mut().write_all(&request).await?;
        let line = self.line().await?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut length = None;
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
        }
        let mut body = vec![0; length.expect("answers say how long they are")];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body: String::from_utf8(body).expect("answers are UTF-8") })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
