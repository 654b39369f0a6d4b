//! A planted defect: what changes nothing is answered at once, by what is under way.
//!
//! The core owes such answers from the newest entry on that they may have looked at. This mirror of its
//! overlay does not: it evaluates each command when it arrives, after all that arrived before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use stator_model::{Location, PartitionId, SharedItem};
use stator_operation::{Current, ItemWrite};
use stator_replica::{Answer, Event, Published, WriteRequest};

type Key = (PartitionId, Location);

/// What was written since the process began, applied or not.
#[derive(Default)]
pub(super) struct Hasty {
    written: Arc<Mutex<BTreeMap<Key, Option<SharedItem>>>>,
}

impl Hasty {
    /// The event, unless it is answered already.
    pub(super) fn take(&self, event: Event, picture: &Published) -> Option<Event> {
        let Event::Write(request) = event else { return Some(event) };
        let replica = picture.replicas.get(&request.partition);
        if !replica.is_some_and(|handle| handle.is_serving()) {
            return Some(Event::Write(request));
        }
        let WriteRequest { partition, command, prefetched, responder } = request;
        let key = (partition, command.location().clone());
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let item = written.get(&key).cloned().unwrap_or_else(|| prefetched.item.clone());
        let evaluation = command.evaluate(Current { item, ..Current::default() });
        let Some(write) = evaluation.write else {
            responder(Answer::Done(evaluation.reply));
            return None;
        };
        let after = match write {
            ItemWrite::Put(item) => Some(item as SharedItem),
            ItemWrite::Delete => None,
        };
        written.insert(key.clone(), after);
        let all = Arc::clone(&self.written);
        let responder = Box::new(move |answer| {
            if let Answer::NotDone(..) = answer {
                // The core did not take it: what is there is not known here any more.
                all.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            responder(answer);
        });
        Some(Event::Write(WriteRequest { partition, command, prefetched, responder }))
    }
}
