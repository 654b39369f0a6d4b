//! How the first nodes of a cluster become one cluster, exactly one, whatever fails meanwhile.
//!
//! Every node is configured with the cluster's id and with the names of the nodes that form it, its
//! *initial nodes*. Nodes that are linked tell each other who they are, what they are configured with and
//! where they stand, again and again: a lost, late or repeated report does no harm.
//!
//! ```text
//!                     ┌──────────┐ all are here    ┌──────────┐ all have promised
//!   first by name ──► │  BLANK   │ ──────────────► │ PROPOSED │ ──────────────────┐
//!                     │          │                 └──────────┘                   ▼
//!                     │          │ asked by the    ┌──────────┐ one is FORMED  ┌────────┐
//!   others ─────────► │          │ first by name ► │ PROMISED │ ─────────────► │ FORMED │
//!                     └────┬─────┘                 └──────────┘                └────────┘
//!                          │ a member is there                                 ┌────────┐
//!                          └──── the catalog lets it in ─────────────────────► │ JOINED │
//!                                                                              └────────┘
//! ```
//!
//! The first of the initial nodes by name asks, once all have answered that they are blank and are
//! configured alike: a proposal names every node with its id, that is, with its data directory. A node
//! promises itself to one asking node, for ever, and to that node's newest proposal. A cluster is formed
//! when *all* named nodes have promised themselves to one proposal. So there is one at most: two proposals of
//! one asking node are told apart by that node alone, which never forms an older one, and a second asking
//! node would need the promise of somebody who gave it to the first.
//!
//! The price is that a node whose data directory is replaced while it asks leaves the others bound to one
//! that is gone. They say so; nothing was served yet, so they can be started on empty directories.
//!
//! It is also what this rests on: as long as one of the initial nodes keeps its data directory, no second
//! cluster is formed. With all of them on empty ones nobody is left who could remember the first.
//!
//! This is a state machine: [events](Event) in, [commands](Command) out, no clock, no socket. What survives
//! a crash is the [`Standing`]. Commands are carried out in their order, and none before a
//! [`Command::Persist`] that precedes it is on disk.

use std::collections::{BTreeMap, BTreeSet};

use stator_model::{NodeId, ReplicaId};

use crate::{Founding, NewNode, NodeRefusal};

mod report;
mod status;

pub use report::{Promise, Proposal, Report, Standing};
pub use status::{Lack, Status, Why};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

/// Initial nodes, at most. Those that are more join.
pub const INITIAL_NODES: usize = 32;

/// The id of the first replica of the catalog; those of the others follow.
pub const FIRST_CATALOG_REPLICA: ReplicaId = ReplicaId::new(1);

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a link to this node, which is what it says it is.
    Up(NodeId),
    /// The link is gone.
    Down(NodeId),
    /// A report came over a link.
    Report {
        /// Whose link it is.
        from: NodeId,
        /// What it says.
        report: Box<Report>,
    },
    /// Time went by, half a second or so: what got lost is said again.
    Tick,
    /// The catalog was asked to let this node in.
    Registered(Result<(), NodeRefusal>),
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Write down where this node stands, and sync it, before anything that follows.
    Persist(Standing),
    /// Tell a node.
    Send {
        /// Over the link to this node.
        to: NodeId,
        /// What to say.
        report: Box<Report>,
    },
    /// The cluster is formed: begin the catalog's group with what the founding says. A node that was
    /// stopped in between finds [`Standing::Formed`] on its disk and does the same.
    Found(Founding),
    /// Have the catalog register this node, by way of a member.
    Join {
        /// The member.
        through: NodeId,
    },
}

/// A node's part in forming its cluster. See the module.
#[derive(Clone, Debug)]
pub struct Forming {
    cluster: [u8; 16],
    me: NewNode,
    /// In order of their names.
    initial: BTreeSet<String>,
    standing: Standing,
    links: BTreeSet<NodeId>,
    /// The newest report of each initial node that is linked, by name.
    reports: BTreeMap<String, Report>,
    /// A member that is linked.
    member: Option<NodeId>,
    /// Whether that member was asked since the last tick.
    asked: bool,
    /// Why the catalog does not let this node in.
    refused: Option<NodeRefusal>,
    /// The planted defect: forms as soon as all have answered.
    #[cfg(test)]
    hasty: bool,
}

impl Forming {
    /// The machine of this node, which stands where its disk says.
    pub fn new(
        cluster: [u8; 16],
        me: NewNode,
        initial: BTreeSet<String>,
        standing: Standing,
    ) -> Self {
        Self {
            cluster,
            me,
            initial,
            standing,
            links: BTreeSet::new(),
            reports: BTreeMap::new(),
            member: None,
            asked: false,
            refused: None,
            #[cfg(test)]
            hasty: false,
        }
    }

    /// Where this node stands.
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Takes an event in.
    pub fn step(&mut self, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Up(node) => {
                self.links.insert(node);
                self.tell(node, &mut commands);
            }
            Event::Down(node) => self.forget(node),
            Event::Report { from, report } => self.hear(from, *report, &mut commands),
            Event::Tick => {
                self.asked = false;
                self.tell_all(&mut commands);
            }
            Event::Registered(outcome) => self.registered(outcome, &mut commands),
        }
        self.advance(&mut commands);
        commands
    }

    fn forget(&mut self, node: NodeId) {
        self.links.remove(&node);
        self.reports.retain(|_, report| report.node.id != node);
        if self.member == Some(node) {
            self.member = None;
        }
    }

    fn hear(&mut self, from: NodeId, report: Report, commands: &mut Vec<Command>) {
        if report.node.id != from || !self.links.contains(&from) {
            return;
        }
        if self.standing.is_member() {
            // Members speak when they are spoken to.
            if !report.standing.is_member() && report.cluster == self.cluster {
                commands.push(self.send(from));
            }
            return;
        }
        let is_member = report.standing.is_member() && report.cluster == self.cluster;
        if is_member && self.member.is_none() {
            self.member = Some(from);
        }
        if self.initial.contains(&report.node.name) {
            self.reports.insert(report.node.name.clone(), report);
        }
    }

    fn registered(&mut self, outcome: Result<(), NodeRefusal>, commands: &mut Vec<Command>) {
        match outcome {
            Ok(()) if self.standing == Standing::Blank => {
                self.refused = None;
                self.stand(Standing::Joined, commands);
            }
            Ok(()) => {}
            Err(refusal) => self.refused = Some(refusal),
        }
    }

    /// Whatever can be done is done.
    fn advance(&mut self, commands: &mut Vec<Command>) {
        match &self.standing {
            Standing::Blank if self.member.is_some() => self.join(commands),
            Standing::Blank if self.asks() => self.propose(0, commands),
            Standing::Blank => self.promise(None, commands),
            Standing::Promised(promise) => {
                let promise = *promise;
                match self.formed_as(promise) {
                    Some(proposal) => self.form(proposal, commands),
                    None => self.promise(Some(promise), commands),
                }
            }
            Standing::Proposed(proposal) => self.conclude(proposal.clone(), commands),
            Standing::Formed(_) | Standing::Joined => {}
        }
    }

    fn join(&mut self, commands: &mut Vec<Command>) {
        if let Some(through) = self.member
            && !self.asked
            && self.amnesia().is_none()
        {
            self.asked = true;
            commands.push(Command::Join { through });
        }
    }

    /// Whether this is the node that asks the others.
    fn asks(&self) -> bool {
        self.initial.first() == Some(&self.me.name)
    }

    /// Proposes what is here, if everybody is.
    fn propose(&mut self, newest: u64, commands: &mut Vec<Command>) {
        if self.lacks().next().is_some() {
            return;
        }
        let others = self.reports.values().map(|report| report.node.clone());
        let nodes = others.chain([self.me.clone()]).collect();
        let founding = Founding { cluster: self.cluster, nodes };
        if founding.changes(FIRST_CATALOG_REPLICA).is_err() {
            return;
        }
        let promise = Promise { to: self.me.id, ballot: newest + 1 };
        let proposal = Proposal { promise, founding };
        self.stand(Standing::Proposed(proposal.clone()), commands);
        self.conclude(proposal, commands);
    }

    /// Forms the cluster if all have promised; asks anew if one is not the node that it was.
    fn conclude(&mut self, proposal: Proposal, commands: &mut Vec<Command>) {
        if !self.is_sound(&proposal) {
            // It is configured otherwise since.
            return self.propose(proposal.promise.ballot, commands);
        }
        let others = || self.initial.iter().filter(|name| **name != self.me.name);
        let promised = |name: &String| {
            let report = self.reports.get(name)?;
            let named = proposal.names(&report.node);
            Some(named && report.standing == Standing::Promised(proposal.promise))
        };
        let all = others().all(|name| promised(name) == Some(true));
        #[cfg(test)]
        let all = all || self.hasty;
        if all {
            return self.form(proposal, commands);
        }
        let same = |name: &String| self.reports.get(name).is_none_or(|it| proposal.names(&it.node));
        if !others().all(same) {
            self.propose(proposal.promise.ballot, commands);
        }
    }

    /// Promises itself to the node that asks, if it asks for this node, and for nothing older than what
    /// was promised before.
    fn promise(&mut self, before: Option<Promise>, commands: &mut Vec<Command>) {
        let asking = self.initial.first().and_then(|name| self.reports.get(name));
        let Some(report) = asking.filter(|report| self.unfit(report).is_none()) else { return };
        let Standing::Proposed(proposal) = &report.standing else { return };
        let promise = proposal.promise;
        let newer = match before {
            Some(before) => before.to == promise.to && before.ballot < promise.ballot,
            None => true,
        };
        if newer && promise.to == report.node.id && self.is_sound(proposal) {
            self.stand(Standing::Promised(promise), commands);
        }
    }

    /// Whether a proposal is of the initial nodes, of this one too, and can be carried out.
    fn is_sound(&self, proposal: &Proposal) -> bool {
        let founding = &proposal.founding;
        let names = founding.nodes.iter().map(|node| &node.name);
        founding.cluster == self.cluster
            && names.collect::<BTreeSet<_>>() == self.initial.iter().collect()
            && proposal.names(&self.me)
            && founding.changes(FIRST_CATALOG_REPLICA).is_ok()
    }

    /// What became of a promise, if somebody knows that the cluster is formed. Whatever is configured since.
    fn formed_as(&self, promise: Promise) -> Option<Proposal> {
        let mine = |proposal: &&Proposal| {
            proposal.promise == promise
                && proposal.founding.cluster == self.cluster
                && proposal.names(&self.me)
        };
        self.formed().map(|(_, proposal)| proposal).find(mine).cloned()
    }

    fn form(&mut self, proposal: Proposal, commands: &mut Vec<Command>) {
        let founding = proposal.founding.clone();
        self.stand(Standing::Formed(proposal), commands);
        commands.push(Command::Found(founding));
    }

    /// Stands here from now on, and says so once that is on disk.
    fn stand(&mut self, standing: Standing, commands: &mut Vec<Command>) {
        commands.push(Command::Persist(standing.clone()));
        self.standing = standing;
        commands.extend(self.links.iter().map(|node| self.send(*node)));
    }

    fn tell_all(&self, commands: &mut Vec<Command>) {
        self.links.iter().for_each(|node| self.tell(*node, commands));
    }

    fn tell(&self, node: NodeId, commands: &mut Vec<Command>) {
        if !self.standing.is_member() {
            commands.push(self.send(node));
        }
    }

    fn send(&self, to: NodeId) -> Command {
        let report = Report {
            cluster: self.cluster,
            initial: self.initial.clone(),
            node: self.me.clone(),
            standing: self.standing.clone(),
        };
        Command::Send { to, report: Box::new(report) }
    }
}
