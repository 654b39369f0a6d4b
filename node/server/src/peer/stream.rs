//! A stream as both ends see it: TCP, perhaps TLS in it, and the certificate that came with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::hello::{Hello, Refusal};
use super::{Shared, tls};

/// Bytes both ways.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A stream whose ends have not said hello.
pub(super) struct Stream {
    pub(super) bytes: Box<dyn Bytes>,
    /// `None`: plaintext.
    certificate: Option<CertificateDer<'static>>,
}

impl Stream {
    /// Dials.
    pub(super) async fn dial(shared: &Shared, address: SocketAddr) -> io::Result<Self> {
        if shared.tls.is_none() && !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is another machine, and without certificates only loopback is dialled",
            ));
        }
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &shared.tls else { return Ok(Self::plain(tcp)) };
        let connector = TlsConnector::from(Arc::clone(&tls.current().client));
        let name = ServerName::IpAddress(address.ip().into());
        let stream = connector.connect(name, tcp).await?;
        let certificate = first(stream.get_ref().1.peer_certificates());
        Ok(Self { bytes: Box::new(stream), certificate })
    }

    /// Takes a stream that was dialled elsewhere.
    pub(super) async fn accept(shared: &Shared, tcp: TcpStream) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let Some(tls) = &shared.tls else { return Ok(Self::plain(tcp)) };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.current().server));
        let stream = acceptor.accept(tcp).await?;
        let certificate = first(stream.get_ref().1.peer_certificates());
        Ok(Self { bytes: Box::new(stream), certificate })
    }

    fn plain(tcp: TcpStream) -> Self {
        Self { bytes: Box::new(tcp), certificate: None }
    }

    /// Whether the other end may say this: to this node, now, with its certificate.
    pub(super) fn check(
        &self,
        shared: &Shared,
        mine: &Hello,
        theirs: &Hello,
    ) -> Result<(), Refusal> {
        mine.meets(theirs)?;
        if shared.tls.is_some() {
            let uri = tls::uri(&theirs.cluster, &theirs.name);
            let named = |it: &CertificateDer<'_>| tls::names(it, &uri);
            if !self.certificate.as_ref().is_some_and(named) {
                return Err(Refusal::Certificate(uri));
            }
        }
        shared.registry.meet(theirs)
    }
}

fn first(certificates: Option<&[CertificateDer<'static>]>) -> Option<CertificateDer<'static>> {
    certificates.and_then(|all| all.first()).cloned()
}

/// Looks at the certificates from time to time, for ever.
pub(super) async fn refresh_certificates(shared: &Arc<Shared>) {
    let mut told = None;
    loop {
        tokio::time::sleep(shared.limits.certificate_time).await;
        let again = Arc::clone(shared);
        let refresh = move || again.tls.as_ref().map_or(Ok(false), tls::Tls::refresh);
        match tokio::task::spawn_blocking(refresh).await {
            Ok(Ok(changed)) => {
                told = None;
                if changed {
                    tracing::info!("certificates of the peer port were replaced");
                }
            }
            Ok(Err(error)) => {
                let text = error.to_string();
                if told.as_ref() != Some(&text) {
                    tracing::warn!(error = text, "certificates of the peer port stay as they were");
                    told = Some(text);
                }
            }
            // The runtime ends.
            Err(_) => return,
        }
    }
}
