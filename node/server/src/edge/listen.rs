//! Accepts connections and runs each as one task until it ends.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::guard::Guard;
use super::{Edge, Service};

/// hyper's buffers: room for the largest head that the guard lets pass, and pieces of bodies.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait when the process or host is out of something that accepting needs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that the kernel holds until they are accepted; it bounds this by its own limit. A
/// herd of clients that comes back at once does not fit in the 128 that are usual.
const BACKLOG: u32 = 4096;

/// A port that is taken and not yet open: clients are refused until [`Port::listen`].
#[derive(Debug)]
pub struct Port(TcpSocket);

impl Port {
    /// Takes an address, so that no other process can.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Connections of an earlier process that still fade away do not hold the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Opens the port. To be called on a runtime.
    ///
    /// # Errors
    /// If another process that took the same port opened it first.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

impl<S: Service> Edge<S> {
    /// Serves the clients of `listener` until `stop` completes; then accepts no more, lets requests in
    /// flight finish for as long as [`super::Limits::stop_time`], and closes what is left.
    ///
    /// Returns how many connections had to be cut off.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> usize {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_ended) = connections.join_next() => self.count(&connections),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _peer)) => self.admit(stream, &graceful, &mut connections),
                    Err(error) => accept_failed(&error).await,
                },
            }
        }
        drop(listener);
        self.drain(graceful, connections).await
    }

    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        graceful: &GracefulShutdown,
        connections: &mut JoinSet<()>,
    ) {
        if connections.len() >= self.limits.connections {
            self.metrics.connections_refused.inc();
            return;
        }
        // Replies are whole writes; waiting for more to send would only delay them. A socket that
        // refuses is one that its client has closed.
        let _ = stream.set_nodelay(true);
        let connection = graceful.watch(self.connection(stream));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "client connection failed");
            }
        });
        self.count(connections);
    }

    /// HTTP on a socket, until it ends.
    fn connection<Io>(
        self: &Arc<Self>,
        io: Io,
    ) -> impl GracefulConnection<Output = hyper::Result<()>, Error = hyper::Error> + Send + use<Io, S>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let guard = Guard::new(io, Arc::clone(&self.limits), Arc::clone(&self.metrics));
        let edge = Arc::clone(self);
        let service = service_fn(move |request| {
            let edge = Arc::clone(&edge);
            async move { Ok::<_, Infallible>(edge.answer(request).await) }
        });
        builder().serve_connection(TokioIo::new(guard), service)
    }

    fn count(&self, connections: &JoinSet<()>) {
        self.metrics.connections.set(i64::try_from(connections.len()).unwrap_or(i64::MAX));
    }

    async fn drain(&self, graceful: GracefulShutdown, mut connections: JoinSet<()>) -> usize {
        let drained = async {
            graceful.shutdown().await;
            while connections.join_next().await.is_some() {}
        };
        let in_time = tokio::time::timeout(self.limits.stop_time, drained).await;
        let left = connections.len();
        if in_time.is_err() {
            tracing::warn!(connections = left, "clients cut off: their requests took too long");
        }
        connections.shutdown().await;
        self.count(&connections);
        left
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // No timer: the guard has the deadlines. Half-closed: see the module of the edge.
    builder.half_close(true).max_buf_size(BUFFER_BYTES);
    builder
}

async fn accept_failed(error: &io::Error) {
    let gone_before_we_came = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    );
    if !gone_before_we_came {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
