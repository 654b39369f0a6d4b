//! **The catalog's figures are those of a recount.** At quiescence each partition's count of items and
//! their bytes equal what lies in its tablet, in the replica's handle and in the stored state alike;
//! and every item lies within the partition's range. Entries applied twice or half would show.
//!
//! Reference: docs/adr/0005.

use std::ops::Bound;

use stator_model::{ItemView, PartitionId};
use stator_replica::{Published, ReplicaHandle};
use stator_store::keys::{self, Key};
use stator_store::state::PartitionState;
use stator_store::{Engine, StoredItem};

use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "statistics";

/// Recounts every partition of every table.
///
/// # Errors
/// The first violation.
pub fn hold(picture: &Published, engine: &dyn Engine) -> Verdict {
    for partition in picture.catalog.partitions() {
        let id = partition.id;
        let Some(handle) = picture.replicas.get(&id) else {
            return Err(Violation::new(NAME, format!("{id} has no replica")));
        };
        let state = stored_state(id, handle, engine)?;
        let counted = recount(handle, engine, &state)?;
        let (shown, stored) = (handle.statistics(), (state.items, state.bytes));
        ensure(counted == shown && counted == stored, NAME, || {
            format!("{id} has {counted:?} items and bytes, shows {shown:?}, stores {stored:?}")
        })?;
    }
    Ok(())
}

fn stored_state(
    id: PartitionId,
    handle: &ReplicaHandle,
    engine: &dyn Engine,
) -> Result<PartitionState, Violation> {
    let value = engine
        .get(handle.tablet(), &keys::state_key(id))
        .map_err(|error| Violation::new(NAME, format!("{id}: {error}")))?
        .ok_or_else(|| Violation::new(NAME, format!("{id} has no state in its tablet")))?;
    PartitionState::decode(&value).map_err(|error| Violation::new(NAME, format!("{id}: {error}")))
}

fn recount(
    handle: &ReplicaHandle,
    engine: &dyn Engine,
    state: &PartitionState,
) -> Result<(u64, u64), Violation> {
    let broken = |error: &dyn std::fmt::Display| {
        Violation::new(NAME, format!("{}: {error}", handle.tablet()))
    };
    let view = engine.snapshot().map_err(|error| broken(&error))?;
    let (mut items, mut bytes) = (0, 0);
    for entry in view.scan(handle.tablet(), Bound::Unbounded, Bound::Unbounded) {
        let (key, value) = entry.map_err(|error| broken(&error))?;
        let Key::Item(location) = Key::parse(&key).map_err(|error| broken(&error))? else {
            continue;
        };
        ensure(state.range.contains(&location), NAME, || {
            format!("{} holds an item outside {:?}", handle.partition(), state.range)
        })?;
        let item = StoredItem::parse(value).map_err(|error| broken(&error))?;
        items += 1;
        bytes += u64::from(item.size().0);
    }
    Ok((items, bytes))
}
