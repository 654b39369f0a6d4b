//! Which addresses are dialled: those that the names of seeds and of known nodes stand for, now.
//!
//! Names are looked up again and again, the ones of nodes that are not reached most often: a node that moves
//! to another machine keeps its name. A lookup that fails changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::lookup_host;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::{KnownNode, NODES, Shared, dial};
use crate::clock;

/// How long a lookup may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// How often names are looked up whose addresses are all reached.
const REACHED: Duration = Duration::from_secs(30);

/// A name, and what it stood for when it was last looked up.
#[derive(Debug, Default)]
struct Name {
    addresses: BTreeSet<SocketAddr>,
    looked_up: Option<Duration>,
}

/// Keeps links to all that is to be reached, for ever.
pub(super) async fn follow(shared: Arc<Shared>, seeds: Vec<String>) {
    let mut changed = shared.known.subscribe();
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    let mut links = Links::default();
    loop {
        let known = changed.borrow_and_update().clone();
        let wanted = seeds.iter().chain(known.iter().map(|node| &node.address));
        let wanted: BTreeSet<String> =
            wanted.filter(|name| !name.is_empty()).take(NODES).cloned().collect();
        names.retain(|name, _| wanted.contains(name));
        for name in wanted {
            names.entry(name).or_default();
        }
        look_up(&shared, &mut names, &known).await;
        let addresses = names.values().flat_map(|name| &name.addresses).copied().collect();
        links.follow(&shared, &addresses);
        tokio::select! {
            () = tokio::time::sleep(shared.limits.lookup_time) => {}
            _ = changed.changed() => {}
        }
    }
}

/// Looks up the names that are due, all at once.
async fn look_up(shared: &Shared, names: &mut BTreeMap<String, Name>, known: &[KnownNode]) {
    let now = clock::running();
    let down: BTreeSet<_> = known
        .iter()
        .filter(|node| !shared.registry.is_up(node.id))
        .map(|node| node.address.as_str())
        .collect();
    let is_due = |text: &str, name: &Name| {
        let reached = name.addresses.iter().any(|at| shared.registry.is_linked(*at));
        let every = if reached && !down.contains(text) { REACHED } else { Duration::ZERO };
        name.looked_up.is_none_or(|at| now.saturating_sub(at) >= every)
    };
    let due: Vec<_> = names
        .iter()
        .filter(|(text, name)| is_due(text, name))
        .map(|(text, _)| text.clone())
        .collect();
    let lookups = due.into_iter().map(|text| async {
        let found = timeout(LOOKUP, lookup_host(text.clone())).await;
        (text, found)
    });
    for (text, found) in join_all(lookups).await {
        let trouble = match found {
            Ok(Ok(addresses)) => {
                if let Some(name) = names.get_mut(&text) {
                    name.addresses = addresses.take(NODES).collect();
                    name.looked_up = Some(now);
                }
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("its name was not looked up in time".to_owned()),
        };
        let failed = trouble.is_some();
        if shared.registry.lookup_trouble(&text, trouble) && failed {
            tracing::warn!(address = text, "the address of a peer cannot be looked up");
        }
    }
}

/// The links that are kept. Dropping them ends all.
#[derive(Debug, Default)]
struct Links {
    tasks: JoinSet<()>,
    by_address: BTreeMap<SocketAddr, AbortHandle>,
}

impl Links {
    /// Begins links that are wanted, and ends those that are not. One that stands is kept as long as its node
    /// is known: lookups may leave an address out that is still good.
    fn follow(&mut self, shared: &Arc<Shared>, wanted: &BTreeSet<SocketAddr>) {
        for address in wanted.iter().take(NODES) {
            if *address != shared.address && !self.by_address.contains_key(address) {
                let task = self.tasks.spawn(dial::keep(Arc::clone(shared), *address));
                self.by_address.insert(*address, task);
            }
        }
        self.by_address.retain(|address, task| {
            let keep = wanted.contains(address) || shared.registry.is_kept(*address);
            if !keep {
                task.abort();
                shared.registry.trouble(*address, None);
            }
            keep
        });
        while self.tasks.try_join_next().is_some() {}
    }
}
