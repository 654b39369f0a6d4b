//! Mutual TLS between nodes: which certificates a node shows, and which it believes.
//!
//! TLS 1.3 only. A node is named by the URI `stator://CLUSTER/NAME` in its certificate's subject alternative
//! names, CLUSTER being the cluster's id as 32 hexadecimal digits; both ends compare it with what the other
//! says of itself. Host names are not looked at: addresses of nodes change, their names do not.
//!
//! Certificates are read again from time to time, so that they can be replaced under a running node.
//! Streams that exist go on; new ones use the new certificates. A file that cannot be used leaves those that
//! are in use alone, and is told once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, PeerIncompatible, RootCertStore,
    ServerConfig, SignatureScheme,
};

use crate::clock;

/// A file of certificates, at most.
const FILE_BYTES: u64 = 1024 * 1024;

/// Where the files lie, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The node's certificate, and those between it and the authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates of the authorities that are believed.
    pub authority: PathBuf,
}

/// Certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: check that it exists and that this process may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is longer than certificates are.
    #[error("{path} is longer than {FILE_BYTES} bytes: it is not a file of certificates")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what it must.
    #[error("{path} holds no {what} in PEM form")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// The certificate is of another node.
    #[error(
        "{path} is a certificate for {found:?}, and this node needs one with the URI {wanted} among its \
         subject alternative names"
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// The URIs found.
        found: Vec<String>,
        /// The one needed.
        wanted: String,
    },
    /// Certificate and key cannot be used together.
    #[error("{path} cannot be used: {what}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

/// The name of a node in certificates.
pub(super) fn uri(cluster: &[u8; 16], name: &str) -> String {
    format!("stator://{:032x}/{name}", u128::from_be_bytes(*cluster))
}

/// Whether a certificate names a node so. `false` for what is no certificate.
pub(super) fn names(certificate: &CertificateDer<'_>, uri: &str) -> bool {
    uris(certificate).iter().any(|it| it == uri)
}

fn uris(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    parsed.valid_uri_names().map(str::to_owned).collect()
}

/// The certificates in use.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    uri: String,
    loaded: ArcSwap<Loaded>,
}

/// What the files held when they were last usable.
#[derive(Debug)]
pub(super) struct Loaded {
    /// What each file held.
    bytes: [Vec<u8>; 3],
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn open(files: TlsFiles, cluster: &[u8; 16], name: &str) -> Result<Self, TlsError> {
        let uri = uri(cluster, name);
        let loaded = load(&files, read(&files)?, &uri)?;
        Ok(Self { files, uri, loaded: ArcSwap::from_pointee(loaded) })
    }

    /// What to use now.
    pub(super) fn current(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Reads the files again; whether they held something new. Blocks.
    pub(super) fn refresh(&self) -> Result<bool, TlsError> {
        let bytes = read(&self.files)?;
        if bytes == self.loaded.load().bytes {
            return Ok(false);
        }
        self.loaded.store(Arc::new(load(&self.files, bytes, &self.uri)?));
        Ok(true)
    }
}

fn read(files: &TlsFiles) -> Result<[Vec<u8>; 3], TlsError> {
    let read = |path: &Path| {
        let error = |source| TlsError::Read { path: path.to_path_buf(), source };
        if fs::metadata(path).map_err(error)?.len() > FILE_BYTES {
            return Err(TlsError::TooLong { path: path.to_path_buf() });
        }
        fs::read(path).map_err(error)
    };
    Ok([read(&files.certificate)?, read(&files.key)?, read(&files.authority)?])
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError::Pem { path: path.to_path_buf(), what: "certificate" };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(none)
}

fn load(files: &TlsFiles, bytes: [Vec<u8>; 3], wanted: &str) -> Result<Loaded, TlsError> {
    let [certificate, key, authority] = &bytes;
    let chain = certificates(&files.certificate, certificate)?;
    let found = chain.first().map(uris).unwrap_or_default();
    if !found.iter().any(|uri| uri == wanted) {
        let (path, wanted) = (files.certificate.clone(), wanted.to_owned());
        return Err(TlsError::Name { path, found, wanted });
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| TlsError::Pem { path: files.key.clone(), what: "private key" })?;
    let unusable = |path: &Path| {
        let path = path.to_path_buf();
        move |what: String| TlsError::Unusable { path, what }
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.authority, authority)? {
        roots.add(authority).map_err(|error| unusable(&files.authority)(error.to_string()))?;
    }
    let roots = Arc::new(roots);
    let server = server(Arc::clone(&roots), chain.clone(), key.clone_key())
        .map_err(unusable(&files.certificate))?;
    let client = client(roots, chain, key).map_err(unusable(&files.certificate))?;
    Ok(Loaded { bytes, client: Arc::new(client), server: Arc::new(server) })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn server(
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, String> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(|error| error.to_string())?;
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(Time))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())?;
    // Each stream shows its certificate anew.
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, String> {
    let verifier = Arc::new(AnyHost { roots, provider: provider() });
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(Time))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())?;
    config.resumption = Resumption::disabled();
    // What follows the handshake says who is meant; an address says nothing.
    config.enable_sni = false;
    Ok(config)
}

/// Certificates are valid by the clock that everything else goes by.
#[derive(Debug)]
struct Time;

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(clock::wall().0)))
    }
}

/// Believes every certificate that an authority signed for a server, whatever host it is for: which node
/// it is for is compared once that node has said its name.
#[derive(Debug)]
struct AnyHost {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
