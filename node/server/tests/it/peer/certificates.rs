//! Who is believed, and how certificates are replaced.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::date_time_ymd;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use stator_server::peer::{Error, Lane, Security, TlsError, TlsFiles};

use super::hostile::hello;
use super::rig::{Authority, CLUSTER, Node, Plan, eventually, put};

fn start(id: u64, files: TlsFiles) -> Node {
    Plan { security: Security::Tls(files), ..Plan::new(id) }.start()
}

/// A second node with these files, which dials a sound one and is dialled by it.
fn refused(authority: &Authority, files: TlsFiles, security_of_two: impl Fn(TlsFiles) -> Node) {
    let mut one = start(1, authority.files(1));
    let mut two = security_of_two(files);
    two.know(&[&one]);
    eventually("the dialling node is refused", || !two.peers.troubles().is_empty());
    one.know(&[&two]);
    eventually("the dialled node is refused", || !one.peers.troubles().is_empty());
    assert!(one.inbound.changes.try_recv().is_err());
    assert!(two.inbound.changes.try_recv().is_err());
}

#[test]
fn nodes_of_one_authority_talk() {
    let authority = Authority::new();
    let (mut one, mut two) = (start(1, authority.files(1)), start(2, authority.files(2)));
    one.know(&[&two]);
    two.know(&[&one]);
    one.expect_up(2, 1);
    two.expect_up(1, 1);
    for lane in Lane::ALL {
        one.send(2, lane, b"secret");
        two.expect_message(1, lane, b"secret");
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    refused(&authority, other.files(2), |files| start(2, files));
}

#[test]
fn a_certificate_of_another_node_is_refused() {
    let authority = Authority::new();
    // n2 shows the certificate of node-3, and says that it is node-2.
    let files = authority.files(3);
    let wrong = Plan { security: Security::Tls(files), ..Plan::new(2) }.try_start().err();
    assert!(matches!(&wrong, Some(Error::Tls(TlsError::Name { .. }))), "{wrong:?}");
    let text = wrong.expect("it works").to_string();
    assert!(text.contains("stator://636c7573746572206f66207465737473/node-2"), "{text}");
}

/// Believes any server: what is looked at is what the node believes.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a node answers to one that shows these files and says that it is node-9.
fn answer_to(node: &Node, files: &TlsFiles) -> Vec<u8> {
    let chain = CertificateDer::pem_file_iter(&files.certificate).expect("a file");
    let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_client_auth_cert(chain.collect::<Result<_, _>>().expect("certificates"), key)
        .expect("a certificate");
    let name = ServerName::IpAddress(node.address().ip().into());
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let tcp = TcpStream::connect(node.address()).expect("the port is open");
    let mut stream = StreamOwned::new(tls, tcp);
    stream.write_all(&hello(4)).expect("it is written");
    let mut head = [0; 7];
    stream.read_exact(&mut head).expect("it answers");
    let [.., high, low] = head;
    let mut answer = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut answer).expect("it answers");
    answer
}

#[test]
fn a_node_is_believed_only_with_its_own_certificate() {
    let authority = Authority::new();
    let one = start(1, authority.files(1));
    let own = answer_to(&one, &authority.files(9));
    assert!(own.windows(6).any(|part| part == b"node-1"), "it says hello: {own:?}");
    let other = answer_to(&one, &authority.files(3));
    let text = String::from_utf8_lossy(&other);
    assert!(text.contains("its certificate is not for stator://"), "{text}");
}

#[test]
fn a_certificate_of_another_cluster_is_refused() {
    let authority = Authority::new();
    let one = start(1, authority.files(1));
    let files = authority.files_with([7; 16], "node-2", |_| {});
    let security = Security::Tls(files);
    let two = Plan { cluster: [7; 16], security, ..Plan::new(2) }.start();
    two.know(&[&one]);
    two.expect_trouble("it refused this node (code 1)");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let expired = authority.files_with(CLUSTER, "node-2", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    refused(&authority, expired, |files| start(2, files));
}

#[test]
fn a_node_without_a_certificate_is_refused() {
    let authority = Authority::new();
    refused(&authority, authority.files(2), |_| Plan::new(2).start());
}

#[test]
fn files_that_cannot_be_used_say_which_and_why() {
    let authority = Authority::new();
    let check = |break_it: &dyn Fn(&TlsFiles), expected: &str| {
        let files = authority.files(1);
        break_it(&files);
        let error = Plan { security: Security::Tls(files), ..Plan::new(1) }.try_start().err();
        let text = error.expect("it does not start").to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(
        &|files| std::fs::remove_file(&files.key).expect("it works"),
        "tls.key: check that it exists",
    );
    check(&|files| put(&files.certificate, "x"), "tls.crt holds no certificate");
    check(&|files| put(&files.key, "x"), "tls.key holds no private key");
    check(&|files| put(&files.authority, ""), "ca.crt holds no certificate");
    check(&|files| put(&files.authority, &"x".repeat(2_000_000)), "ca.crt is longer than");
    let other = authority.files(1);
    let key = std::fs::read_to_string(other.key).expect("it works");
    check(&|files| put(&files.key, &key), "tls.crt cannot be used");
}

#[test]
fn certificates_are_replaced_under_a_running_node() {
    let (old, new) = (Authority::new(), Authority::new());
    let (files_one, files_two) = (old.files(1), old.files(2));
    let mut one = start(1, files_one.clone());
    let two = start(2, files_two.clone());
    let address = two.address();
    one.know(&[&two]);
    one.expect_up(2, 1);
    two.kill();
    one.expect_down(2, 1);

    // A half-written file changes nothing.
    put(&files_one.certificate, "-----BEGIN");
    let two =
        Plan { start: 2, address, security: Security::Tls(files_two.clone()), ..Plan::new(2) };
    let two = two.start();
    one.expect_up(2, 2);
    two.kill();
    one.expect_down(2, 2);

    // From one authority to another: n1 is moved while it runs.
    new.write(&files_two, CLUSTER, "node-2", |_| {});
    let two = Plan { start: 3, address, security: Security::Tls(files_two), ..Plan::new(2) };
    let mut two = two.start();
    one.expect_trouble("invalid peer certificate");
    new.write(&files_one, CLUSTER, "node-1", |_| {});
    one.expect_up(2, 3);
    one.send(2, Lane::Control, b"moved");
    two.expect_message(1, Lane::Control, b"moved");
}
