//! What a node that is not a member yet waits for, in words for logs and for whoever asks whether it is
//! ready.

use std::fmt;

use stator_model::NodeId;

use super::{FIRST_CATALOG_REPLICA, Forming, Promise, Proposal, Report, Standing};
use crate::{FeatureRange, Founding, FoundingError, NodeRefusal};

/// How far a node has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is a member of its cluster.
    Member,
    /// Others are missing, or are not as they must be.
    Waiting(Vec<Lack>),
    /// All are there; promises are on their way.
    Agreeing,
    /// All are there and cannot form a cluster.
    Impossible(FoundingError),
    /// It is not one of the initial nodes and has not met a member.
    Outsider,
    /// A member was asked to let it in.
    Joining {
        /// The member.
        through: NodeId,
    },
    /// The catalog does not let it in.
    Refused(NodeRefusal),
    /// The cluster was formed with this node, which does not remember it: its disk is not the one that it
    /// was, or an older copy.
    Amnesia {
        /// The member that says so.
        member: NodeId,
    },
    /// It has promised itself, and a cluster was formed otherwise.
    Bypassed {
        /// The member that says so.
        member: NodeId,
    },
}

/// An initial node that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Its name.
    pub name: String,
    /// What is missing.
    pub why: Why,
}

/// Why the cluster cannot be formed with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It did not answer yet.
    Silent,
    /// It belongs to another cluster.
    Cluster([u8; 16]),
    /// It is configured with other initial nodes.
    Initial(Vec<String>),
    /// There is no feature level that both can.
    Features(FeatureRange),
    /// Another process has the name of this node.
    Twin(NodeId),
    /// It has promised itself to a data directory that is not there.
    Bound(Promise),
}

impl Forming {
    /// How far this node has come.
    pub fn status(&self) -> Status {
        if self.standing.is_member() {
            return Status::Member;
        }
        if let Some(status) = self.status_beside_members() {
            return status;
        }
        if !self.initial.contains(&self.me.name) {
            return Status::Outsider;
        }
        let lacks: Vec<_> = self.lacks().collect();
        if !lacks.is_empty() {
            return Status::Waiting(lacks);
        }
        let others = self.reports.values().map(|report| report.node.clone());
        let nodes = others.chain([self.me.clone()]).collect();
        match (Founding { cluster: self.cluster, nodes }).changes(FIRST_CATALOG_REPLICA) {
            Ok(_) => Status::Agreeing,
            Err(error) => Status::Impossible(error),
        }
    }

    fn status_beside_members(&self) -> Option<Status> {
        if let Some(member) = self.amnesia() {
            return Some(Status::Amnesia { member });
        }
        match &self.standing {
            Standing::Blank => {
                let through = self.member?;
                let joining = Status::Joining { through };
                Some(self.refused.clone().map_or(joining, Status::Refused))
            }
            // One that was formed with this node would have made it a member.
            Standing::Proposed(_) | Standing::Promised(_) => {
                let (member, _) = self.formed().next()?;
                Some(Status::Bypassed { member })
            }
            Standing::Formed(_) | Standing::Joined => None,
        }
    }

    /// The member that says that the cluster was formed with this node, which does not remember its part.
    pub(super) fn amnesia(&self) -> Option<NodeId> {
        let mut formed = self.formed();
        let forgot = |proposal: &Proposal| match &self.standing {
            Standing::Blank | Standing::Proposed(_) => proposal.names(&self.me),
            Standing::Promised(_) | Standing::Formed(_) | Standing::Joined => false,
        };
        formed.find(|(_, proposal)| forgot(proposal)).map(|(member, _)| member)
    }

    /// Members that the cluster was formed with, and how.
    pub(super) fn formed(&self) -> impl Iterator<Item = (NodeId, &Proposal)> {
        let fit = self.reports.values().filter(|report| report.cluster == self.cluster);
        fit.filter_map(|report| match &report.standing {
            Standing::Formed(proposal) => Some((report.node.id, proposal)),
            Standing::Blank | Standing::Proposed(_) | Standing::Promised(_) | Standing::Joined => {
                None
            }
        })
    }

    /// The initial nodes with which the cluster cannot be formed now.
    pub(super) fn lacks(&self) -> impl Iterator<Item = Lack> {
        self.initial.iter().filter_map(|name| {
            let mine = *name == self.me.name;
            let why = match self.reports.get(name) {
                Some(report) => self.unfit(report),
                None => (!mine).then_some(Why::Silent),
            };
            why.map(|why| Lack { name: name.clone(), why })
        })
    }

    /// Why a node that answered cannot form a cluster with this one.
    pub(super) fn unfit(&self, report: &Report) -> Option<Why> {
        if report.cluster != self.cluster {
            return Some(Why::Cluster(report.cluster));
        }
        if report.node.name == self.me.name {
            return Some(Why::Twin(report.node.id));
        }
        if report.initial != self.initial {
            return Some(Why::Initial(report.initial.iter().cloned().collect()));
        }
        if report.node.features.common(self.me.features).is_none() {
            return Some(Why::Features(report.node.features));
        }
        match report.standing {
            Standing::Promised(promise) if !self.is_here(promise.to) => Some(Why::Bound(promise)),
            Standing::Blank
            | Standing::Proposed(_)
            | Standing::Promised(_)
            | Standing::Formed(_)
            | Standing::Joined => None,
        }
    }

    fn is_here(&self, node: NodeId) -> bool {
        node == self.me.id || self.reports.values().any(|report| report.node.id == node)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member => f.write_str("member of the cluster"),
            Self::Waiting(lacks) => {
                f.write_str("waiting to form the cluster: ")?;
                for (at, lack) in lacks.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "; " };
                    write!(f, "{comma}{} {}", lack.name, lack.why)?;
                }
                Ok(())
            }
            Self::Agreeing => f.write_str("forming the cluster: all initial nodes are here"),
            Self::Impossible(error) => write!(f, "the cluster cannot be formed: {error}"),
            Self::Outsider => f.write_str(
                "waiting for a member of the cluster: this node is not one of cluster.initialNodes, so it \
                 joins and does not form; is a seed reachable?",
            ),
            Self::Joining { through } => write!(f, "joining the cluster by way of {through}"),
            Self::Refused(refusal) => write!(f, "the cluster does not let this node in: {refusal}"),
            Self::Amnesia { member } => write!(
                f,
                "{member} says that the cluster was formed with this data directory, which does not remember \
                 it: it is an older copy; bring back the newest one, or start on an empty directory and \
                 declare this node lost"
            ),
            Self::Bypassed { member } => write!(
                f,
                "{member} is a member of a cluster that was formed without the promise that this node \
                 gave; nothing was ever served from here: start on an empty data directory"
            ),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("does not answer"),
            Self::Cluster(id) => write!(
                f,
                "is of cluster {:032x}: give all nodes one cluster.id",
                u128::from_be_bytes(*id)
            ),
            Self::Initial(names) => write!(
                f,
                "has other cluster.initialNodes ({}): give all nodes one list",
                names.join(", ")
            ),
            Self::Features(features) => {
                write!(f, "handles feature levels {features}, none of which this node can")
            }
            Self::Twin(id) => write!(f, "is also the name of {id}: name each node once"),
            Self::Bound(promise) => write!(
                f,
                "has promised to form it with {}, which is not here: bring back its data directory, or \
                 start all initial nodes on empty ones, for nothing was served yet",
                promise.to
            ),
        }
    }
}
