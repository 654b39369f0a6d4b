//! **Nothing is forgotten and nobody waits for ever.** Without faults a node becomes ready, every request
//! is answered and every table leaves CREATING and DELETING within [`STEPS`] steps of the scheduler; and
//! when every queue is empty the core has nothing left to hand out, because its thread would not wake to
//! ask.
//!
//! Reference: stator-replica (`Core::flush`), stator-server (`threads.rs`: the core blocks on its queue).

use stator_model::TableStatus;
use stator_replica::Published;

use crate::violation::{Verdict, Violation, ensure};

const NAME: &str = "progress";

/// Far more than any run needs to come to rest.
pub const STEPS: u64 = 20_000;

/// The core handed this out though nothing had happened.
pub fn forgotten(what: &str) -> Violation {
    Violation::new(NAME, format!("all queues were empty, and the core still had {what}"))
}

/// The run did not come to rest.
pub fn stuck(what: &str) -> Violation {
    Violation::new(NAME, format!("after {STEPS} steps without a fault {what}"))
}

/// A request got an answer that only an overloaded node gives, though nothing was wrong.
pub fn refused(what: &str) -> Violation {
    Violation::new(NAME, format!("a healthy node answered {what}"))
}

/// No table is on its way.
///
/// # Errors
/// If one is.
pub fn hold(picture: &Published) -> Verdict {
    ensure(picture.ready, NAME, || "the node is not ready".to_owned())?;
    picture.catalog.tables().try_for_each(|table| {
        ensure(table.status == TableStatus::Active, NAME, || {
            format!("{:?} is still {}", table.name, table.status.name())
        })
    })
}
