//! What peers say, what time brings, and who leads.

use std::time::Duration;

use stator_catalog::Command;
use stator_model::{NodeId, PartitionId};

use super::{Core, Replica};
use crate::event::CatalogRequest;
use crate::group::{Fault, Group, Incoming, Refused};
use crate::machine::Machine;
use crate::message::PeerMessage;
use crate::proof::{TICK, Waiter};

/// Bytes of entries that are kept for slow followers only, of all groups together. One that needs more is
/// sent a snapshot.
const KEPT_BYTES: u64 = 64 << 20;
/// Refused messages that one flush tells of.
const REFUSED: usize = 16;

impl Core {
    /// Takes a peer's message in.
    pub(super) fn peer(&mut self, from: NodeId, at: Duration, message: PeerMessage) {
        let PeerMessage { heartbeats, heartbeat_answers, raft, ready } = message;
        for heartbeat in heartbeats {
            self.incoming(from, at, heartbeat.group, Incoming::Heartbeat(heartbeat));
        }
        for answer in heartbeat_answers {
            self.incoming(from, at, answer.group, Incoming::HeartbeatAnswer(answer));
        }
        for message in raft {
            self.incoming(from, at, message.group, Incoming::Raft(message));
        }
        for partition in ready {
            self.peer_leads(from, PartitionId::new(partition));
        }
    }

    /// A message for one group. One for a group that is not here, or not any more, is late or early:
    /// whoever sent it will send it again.
    fn incoming(&mut self, from: NodeId, at: Duration, group: u64, message: Incoming) {
        let partition = PartitionId::new(group);
        let Some(Replica { group, machine }) = self.replicas.get_mut(&partition) else { return };
        let kept = group.kept_bytes();
        match group.receive(from, at, message) {
            Ok(due) => due.into_iter().for_each(|waiter| settle(group, machine, waiter)),
            Err(fault) if self.refused.len() < REFUSED => {
                self.refused.push(Refused { from, partition, fault });
            }
            Err(_many) => {}
        }
        self.kept_bytes = self.kept_bytes + group.kept_bytes() - kept;
        self.active.insert(partition);
    }

    /// A peer leads a partition that the catalog does not know to be ready. If this replica does not lead
    /// the catalog, the peer finds out who does and says it again.
    fn peer_leads(&mut self, from: NodeId, partition: PartitionId) {
        let deciding = self.catalog_machine().and_then(|machine| machine.deciding());
        let Some(record) = deciding.and_then(|catalog| catalog.partition(partition)) else {
            return;
        };
        let is_member = record.replicas.iter().any(|(node, _)| *node == from);
        if is_member && !record.ready {
            let command = Command::PartitionReady { partition };
            self.queue_catalog(CatalogRequest { command, responder: Box::new(|_| ()) });
        } else if !is_member && self.refused.len() < REFUSED {
            let fault = Fault::NotAMember { replica: stator_model::ReplicaId::default() };
            self.refused.push(Refused { from, partition, fault });
        }
    }

    /// One tick for every group of several members, unless the last was less than an interval ago.
    pub(super) fn tick(&mut self, now: Duration) {
        if now < self.ticked + TICK {
            return;
        }
        self.ticked = now;
        for (partition, Replica { group, .. }) in &mut self.replicas {
            if !group.is_alone() && group.tick(now) {
                self.active.insert(*partition);
            }
        }
        // What the catalog's leader was told may be lost.
        self.compare |= self.replicas.values().any(|replica| replica.group.is_unreported());
    }

    pub(super) fn transfer(&mut self, partition: PartitionId, to: NodeId) {
        if let Some(Replica { group, .. }) = self.replicas.get_mut(&partition) {
            group.transfer(to);
            self.active.insert(partition);
        }
    }

    /// Lets the oldest of the entries go that are kept for slow followers only, if they are too many.
    pub(super) fn bound_kept(&mut self) {
        if self.kept_bytes <= KEPT_BYTES {
            return;
        }
        let keep = |group: &Group| group.kept_bytes() > 0;
        let holders = self.replicas.values().filter(|replica| keep(&replica.group)).count();
        // Half of what there may be, so that this is seldom done.
        let share = KEPT_BYTES / 2 / u64::try_from(holders.max(1)).unwrap_or(u64::MAX);
        for Replica { group, .. } in self.replicas.values_mut() {
            group.bound_kept(share);
        }
        self.kept_bytes = self.replicas.values().map(|replica| replica.group.kept_bytes()).sum();
    }
}

/// Leadership was proven for whoever waited.
fn settle(group: &mut Group, machine: &mut Machine, waiter: Waiter) {
    match waiter {
        Waiter::Read(responder) => responder(Ok(group.committed())),
        Waiter::Answers(answers) => {
            let settled = group.hold(answers);
            machine.settle(settled);
        }
    }
}
