//! Nodes that talk, and the certificates that they show.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use stator_catalog::FeatureRange;
use stator_model::{NodeId, StartNumber};
use stator_server::clock;
use stator_server::peer::{
    Change, Error, Identity, Inbound, KnownNode, Lane, LaneLimits, Limits, Message, Options, Peers,
    Security, TlsFiles,
};
use tokio::runtime::Runtime;
use tokio::time::timeout;

pub(super) const CLUSTER: [u8; 16] = *b"cluster of tests";
/// What takes longer never comes; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a node is started.
pub(super) struct Plan {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) cluster: [u8; 16],
    pub(super) start: u32,
    pub(super) address: SocketAddr,
    pub(super) security: Security,
    pub(super) seeds: Vec<String>,
    pub(super) limits: Limits,
}

impl Plan {
    /// Node `n1` is named `node-1`, and so on.
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            name: format!("node-{id}"),
            cluster: CLUSTER,
            start: 1,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            security: Security::PlaintextOnLoopback,
            seeds: Vec::new(),
            limits: quick(),
        }
    }

    pub(super) fn try_start(self) -> Result<Node, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("set-up works");
        let identity = Identity {
            cluster: self.cluster,
            node: NodeId::new(self.id),
            name: self.name,
            start: StartNumber(self.start),
            features: FeatureRange::SUPPORTED,
        };
        let listener = TcpListener::bind(self.address).expect("set-up works");
        let (security, seeds, limits) = (self.security, self.seeds, self.limits);
        let options = Options { identity, listener, security, seeds, limits };
        let (peers, inbound) = Peers::start(options, runtime.handle())?;
        Ok(Node { id: NodeId::new(self.id), peers, inbound, runtime })
    }

    pub(super) fn start(self) -> Node {
        self.try_start().expect("set-up works")
    }
}

/// Bounds with which tests need not wait.
pub(super) fn quick() -> Limits {
    Limits {
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(50),
        lookup_time: Duration::from_millis(50),
        certificate_time: Duration::from_millis(20),
        ..Limits::default()
    }
}

/// Lanes that hold a few messages of a kilobyte.
pub(super) fn narrow() -> Limits {
    let lane = LaneLimits {
        message_bytes: 1_024,
        queue_bytes: 8 * 1_024,
        queue_time: Duration::from_secs(600),
        inbound_bytes: 4 * 1_024,
    };
    let mut limits = quick();
    limits.lanes.raft = lane;
    limits.lanes.forward = lane;
    limits.lanes.snapshot = lane;
    limits.lanes.control = lane;
    limits
}

pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) peers: Peers,
    pub(super) inbound: Inbound,
    runtime: Runtime,
}

impl Node {
    pub(super) fn address(&self) -> SocketAddr {
        self.peers.address()
    }

    /// Dials this one from now on.
    pub(super) fn know(&self, others: &[&Self]) {
        let known = others.iter().map(|node| KnownNode {
            id: node.id,
            name: format!("node-{}", node.id.get()),
            address: node.address().to_string(),
        });
        self.peers.know(known.collect());
    }

    pub(super) fn change(&mut self) -> Change {
        let next = async { timeout(PATIENCE, self.inbound.changes.recv()).await };
        self.runtime.block_on(next).expect("a node comes or goes").expect("the transport runs")
    }

    #[track_caller]
    pub(super) fn expect_up(&mut self, node: u64, start: u32) {
        let name = format!("node-{node}");
        let (node, start) = (NodeId::new(node), StartNumber(start));
        let features = FeatureRange::SUPPORTED;
        assert_eq!(self.change(), Change::Up { node, name, start, features });
    }

    #[track_caller]
    pub(super) fn expect_down(&mut self, node: u64, start: u32) {
        let (node, start) = (NodeId::new(node), StartNumber(start));
        assert_eq!(self.change(), Change::Down { node, start });
    }

    pub(super) fn message(&mut self, lane: Lane) -> Message {
        let lanes = &mut self.inbound.lanes;
        let receiver = match lane {
            Lane::Raft => &mut lanes.raft,
            Lane::Forward => &mut lanes.forward,
            Lane::Snapshot => &mut lanes.snapshot,
            Lane::Control => &mut lanes.control,
        };
        let next = async { timeout(PATIENCE, receiver.recv()).await };
        self.runtime.block_on(next).expect("a message comes").expect("the transport runs")
    }

    #[track_caller]
    pub(super) fn expect_message(&mut self, from: u64, lane: Lane, bytes: &[u8]) {
        let message = self.message(lane);
        assert_eq!((message.from, &message.bytes[..]), (NodeId::new(from), bytes));
    }

    /// Sends until the stream of the lane stands.
    pub(super) fn send(&self, to: u64, lane: Lane, bytes: &'static [u8]) {
        let sent = || self.peers.send(NodeId::new(to), lane, Bytes::from_static(bytes)).is_ok();
        eventually(&format!("the {lane} lane to n{to} stands"), sent);
    }

    /// Waits until an address is in trouble of this kind.
    pub(super) fn expect_trouble(&self, text: &str) {
        let found = || self.peers.troubles().iter().any(|(_, trouble)| trouble.contains(text));
        let began = clock::running();
        while !found() {
            let troubles = self.peers.troubles();
            assert!(clock::running() - began < PATIENCE, "no {text:?} among {troubles:?}");
            std::thread::yield_now();
        }
    }

    /// Ends the process.
    pub(super) fn kill(self) {
        drop(self.peers);
        self.runtime.shutdown_timeout(PATIENCE);
    }
}

/// Waits until something holds.
#[track_caller]
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = clock::running();
    while !holds() {
        assert!(clock::running() - began < PATIENCE, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// An authority, and a folder for files.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("set-up works");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("set-up works");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("set-up works");
        Self { issuer, folder: tempfile::tempdir().expect("set-up works") }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The files of a node, of this name and cluster, as `change` makes them.
    pub(super) fn files_with(
        &self,
        cluster: [u8; 16],
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsFiles {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("set-up works").keep();
        let files = TlsFiles {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
            authority: folder.join("ca.crt"),
        };
        self.write(&files, cluster, name, change);
        files
    }

    pub(super) fn files(&self, id: u64) -> TlsFiles {
        self.files_with(CLUSTER, &format!("node-{id}"), |_| {})
    }

    /// Writes the files of a node, over those that are there.
    pub(super) fn write(
        &self,
        files: &TlsFiles,
        cluster: [u8; 16],
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let uri = format!("stator://{:032x}/{name}", u128::from_be_bytes(cluster));
        let mut params = CertificateParams::new(Vec::new()).expect("set-up works");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("set-up works"))];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("set-up works");
        let certificate = params.signed_by(&key, &self.issuer).expect("set-up works");
        put(&files.authority, &self.pem());
        put(&files.key, &key.serialize_pem());
        put(&files.certificate, &certificate.pem());
    }
}

/// Replaces a file at once.
pub(super) fn put(path: &Path, text: &str) {
    let mut beside: PathBuf = path.to_path_buf();
    beside.set_extension("new");
    std::fs::write(&beside, text).expect("set-up works");
    std::fs::rename(&beside, path).expect("set-up works");
}
