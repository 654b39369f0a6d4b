//! The node behind the edge: opens what is on disk, runs the threads, answers requests.
//!
//! Reads go to the store from the thread that asks; writes and changes of the catalog go through the
//! core. What a node acknowledged is on disk before it says so; what survives a crash is the data
//! directory.

pub mod data_dir;
mod request;
mod space;
mod threads;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use stator_catalog::Catalog;
use stator_log::{Log, MemoryDir, RealDir, Recovered};
use stator_model::{NodeId, ReplicaId};
use stator_operation::ServiceInfo;
use stator_replica::{Core, Event, Forming, Start, StartError};
use stator_store::{Engine, FjallEngine, MemoryEngine};

use self::data_dir::{DataDir, Identity};
use self::space::Space;
use self::threads::{Durability, Parts, Picture, Threads};
use crate::cli::Storage;
use crate::clock;
use crate::manifests::Owners;
use crate::metrics::{MeteredDir, Metrics, NodeMetrics, Replicas};
use crate::random;

pub(crate) use self::request::PARTITIONS;

/// Replicas of a node's first life bear this id.
const REPLICA: ReplicaId = ReplicaId::new(1);

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where data goes.
    pub storage: Storage,
    /// What ARNs say.
    pub service: ServiceInfo,
    /// Bytes of a segment of the Raft log.
    pub segment_bytes: u64,
}

impl Options {
    /// Segments of the length that the log's own options have.
    pub const fn new(storage: Storage, service: ServiceInfo) -> Self {
        let segment_bytes = stator_log::Options::new([0; 16]).segment_bytes;
        Self { storage, service, segment_bytes }
    }
}

/// A running storage node.
pub struct Node {
    events: Sender<Event>,
    picture: Arc<Picture>,
    engine: Arc<dyn Engine>,
    service: ServiceInfo,
    owners: Owners,
    space: Space,
}

/// What keeps a node running; [`Running::stop`] ends it.
pub struct Running {
    events: Sender<Event>,
    threads: Threads,
    _dir: Option<DataDir>,
}

/// A node that does not start. Says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be served.
    #[error(transparent)]
    Directory(#[from] data_dir::Error),
    /// The Raft log cannot be opened.
    #[error("the Raft log cannot be opened")]
    Log(#[from] stator_log::Error),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] stator_store::Error),
    /// Log and store do not fit each other.
    #[error("the replicas in {} cannot be restarted{}", path.display(), whole_up_to(cut.as_ref()))]
    Replicas {
        /// The data directory.
        path: PathBuf,
        /// A journal of the store that is not whole, and where.
        cut: Option<(PathBuf, u64)>,
        /// Why.
        #[source]
        source: Box<StartError>,
    },
    /// Nor do empty ones, in memory.
    #[error("the replicas in memory cannot be started")]
    Memory(#[source] StartError),
    /// The system has no thread to give.
    #[error("a thread cannot be started")]
    Thread(#[from] std::io::Error),
    /// Two families of metrics have one name.
    #[error("metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
}

/// Says where a journal stops making sense: an unsynced end is no damage, but the likeliest place of one.
fn whole_up_to(cut: Option<&(PathBuf, u64)>) -> String {
    cut.map(|(file, offset)| format!("; {} was whole up to byte {offset}", file.display()))
        .unwrap_or_default()
}

impl Node {
    /// Opens the data and starts the threads. The node serves once [`ready`](Self::ready) returns.
    ///
    /// # Errors
    /// If what is on disk cannot be served.
    pub fn start(options: Options, metrics: &Metrics) -> Result<(Self, Running), Error> {
        let metrics = metrics.of_node()?;
        let (parts, dir) = match &options.storage {
            Storage::Directory(path) => {
                let (parts, dir) = open_directory(path, options.segment_bytes, &metrics)?;
                (parts, Some(dir))
            }
            Storage::Memory => (open_memory(&metrics)?, None),
        };
        let engine = Arc::clone(&parts.engine);
        let (events, picture, threads) = threads::start(parts, &metrics)?;
        let seen = Arc::clone(&picture);
        metrics.registry.register(Box::new(Replicas::new(move || Arc::clone(&seen.load()))?))?;
        let space = Space::new(match options.storage {
            Storage::Directory(path) => Some(path),
            Storage::Memory => None,
        });
        let (service, owners) = (options.service, Owners::default());
        let node = Self { events: events.clone(), picture, engine, service, owners, space };
        Ok((node, Running { events, threads, _dir: dir }))
    }

    /// Waits until the node serves: the log is replayed, the catalog formed, every partition led.
    pub async fn ready(&self) {
        while !self.picture.is_ready() {
            self.picture.changed(Duration::from_millis(10)).await;
        }
    }

    /// What `look` finds in the catalog as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        look(&self.picture.load().catalog)
    }

    /// Waits for news of the catalog or of replicas, or for `limit`.
    pub(crate) async fn changed(&self, limit: Duration) {
        self.picture.changed(limit).await;
    }

    /// The tables that the API leaves alone.
    pub(crate) const fn owners(&self) -> &Owners {
        &self.owners
    }
}

impl Running {
    /// Ends the threads in order: the log writes what it was handed and says that it is complete, the
    /// store is synced as far as it is applied then. What is missing in it the next start replays. To be
    /// called once the edge has stopped.
    pub fn stop(self) {
        let _ = self.events.send(Event::Stop);
        self.threads.join();
    }
}

fn open_directory(
    path: &Path,
    segment_bytes: u64,
    metrics: &NodeMetrics,
) -> Result<(Parts, DataDir), Error> {
    let began = clock::running();
    let mut dir = DataDir::open(path)?;
    let expect = dir.identity().map(|identity| identity.log);
    let log_dir = MeteredDir::new(RealDir::new(dir.log_path())?, Arc::clone(&metrics.log));
    let defaults = stator_log::Options::new(random::secret());
    let first_segment_bytes = defaults.first_segment_bytes.min(segment_bytes);
    let log_options =
        stator_log::Options { segment_bytes, first_segment_bytes, expect, ..defaults };
    let (log, recovered) = Log::open(log_dir, log_options)?;
    let engine = FjallEngine::open(dir.store_path(), stator_store::Options::default())?;
    let persister = engine.persister();
    let cut = engine.cut().map(|(file, offset)| (file.to_path_buf(), offset));
    let engine = Arc::new(engine);
    let durability = Durability::Disk { persister, engine: Arc::clone(&engine) };
    let identity = match dir.identity() {
        Some(identity) => identity.clone(),
        None => {
            let log = recovered.id;
            let identity = Identity { cluster: random::secret(), node: NodeId::new(1), log };
            dir.formed(identity.clone())?;
            identity
        }
    };
    let forming = Forming { cluster: identity.cluster, node: identity.node, replica: REPLICA };
    let entries: usize = recovered.groups.iter().map(|group| group.entries.len()).sum();
    let (start, replicas) = (recovered.start.0, recovered.groups.len());
    let core = Core::start(alone(recovered, &*engine, forming)).map_err(|source| {
        Error::Replicas { path: path.to_path_buf(), cut, source: source.into() }
    })?;
    tracing::info!(
        start,
        replicas,
        segments = log.kept_segments(),
        entries,
        replayed = core.entries_to_replay(),
        millis = clock::millis_since(began),
        "recovered"
    );
    Ok((Parts { core, log, engine, durability }, dir))
}

/// A node that is a cluster by itself: no peers, hence no elections to be drawn.
fn alone(recovered: Recovered, engine: &dyn Engine, forming: Forming) -> Start<'_> {
    let (nodes, now, seed) = (Vec::new(), clock::running(), 0);
    Start { recovered, engine, forming, nodes, now, seed }
}

fn open_memory(metrics: &NodeMetrics) -> Result<Parts, Error> {
    let log_options = stator_log::Options::new(random::secret());
    let (log, recovered) =
        Log::open(MeteredDir::new(MemoryDir::new(), Arc::clone(&metrics.log)), log_options)?;
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    let forming = Forming { cluster: random::secret(), node: NodeId::new(1), replica: REPLICA };
    let core = Core::start(alone(recovered, &*engine, forming)).map_err(Error::Memory)?;
    let durability = Durability::Memory(Arc::clone(&engine));
    Ok(Parts { core, log, engine, durability })
}
