//! **Nothing of a deleted table is left.** At quiescence the store holds the tablets of the replicas
//! that are there and no others; and there is a replica for every partition and no other.
//!
//! Reference: stator-store, `Engine::drop_tablets`; stator-replica, `Core::start`.

use std::collections::BTreeSet;

use stator_model::PartitionId;
use stator_replica::Published;
use stator_store::Engine;

use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "garbage";

/// Compares tablets, replicas and partitions.
///
/// # Errors
/// The first violation.
pub fn hold(picture: &Published, engine: &dyn Engine) -> Verdict {
    let mut wanted: BTreeSet<_> =
        picture.catalog.partitions().map(|partition| partition.id).collect();
    wanted.insert(PartitionId::CATALOG);
    let replicas: BTreeSet<_> = picture.replicas.keys().copied().collect();
    ensure(wanted == replicas, NAME, || {
        format!("replicas of {replicas:?} are here, and partitions are {wanted:?}")
    })?;
    let named: BTreeSet<_> = picture.replicas.values().map(|handle| handle.tablet()).collect();
    let found =
        engine.tablets().map_err(|error| Violation::new(NAME, format!("tablets: {error}")))?;
    let found: BTreeSet<_> = found.into_iter().collect();
    let left: Vec<_> = found.difference(&named).collect();
    ensure(left.is_empty(), NAME, || format!("nobody owns {left:?}"))
}
