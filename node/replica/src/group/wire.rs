//! Between raft's messages and ours.

use raft::CAMPAIGN_TRANSFER;
use raft::prelude::{Entry, Message, MessageType};
use stator_model::{PartitionId, ReplicaId};

use crate::message::{
    Append, AppendAnswer, AppendedEntry, Body, Heartbeat, HeartbeatAnswer, Hint, RaftMessage,
    TimeoutNow, Vote, VoteAnswer,
};

/// What a message of raft is for us.
pub(super) enum Outgoing {
    /// A heartbeat.
    Heartbeat(Heartbeat),
    /// An answer to one.
    HeartbeatAnswer(HeartbeatAnswer),
    /// Anything else that goes to a peer.
    Raft(RaftMessage),
    /// What no peer is told: raft would forward commands and reads, we do not.
    Nothing,
}

/// What belongs to a heartbeat beyond what raft says.
#[derive(Clone, Copy)]
pub(super) struct Beat {
    /// The round of proof.
    pub(super) round: u64,
    /// Up to where every member has the log.
    pub(super) everywhere: u64,
}

/// Our form of a message of raft. `beat` is asked for a heartbeat only.
pub(super) fn outgoing(
    group: PartitionId,
    message: &mut Message,
    beat: impl FnOnce() -> Beat,
) -> Outgoing {
    let (group, to, from, term) = (group.get(), message.to, message.from, message.term);
    let commit = message.commit;
    let body = match message.get_msg_type() {
        MessageType::MsgHeartbeat => {
            let Beat { round, everywhere } = beat();
            let heartbeat = Heartbeat { group, to, from, term, commit, round, everywhere };
            return Outgoing::Heartbeat(heartbeat);
        }
        MessageType::MsgHeartbeatResponse => {
            let round = round_of(&message.context);
            let answer = HeartbeatAnswer { group, to, from, term, commit, round };
            return Outgoing::HeartbeatAnswer(answer);
        }
        MessageType::MsgAppend => Body::Append(append(message)),
        MessageType::MsgAppendResponse => {
            let hint = Hint { index: message.reject_hint, term: message.log_term };
            let refused = message.reject.then_some(hint);
            Body::AppendAnswer(AppendAnswer { index: message.index, refused, commit })
        }
        kind @ (MessageType::MsgRequestVote | MessageType::MsgRequestPreVote) => Body::Vote(Vote {
            is_pre: kind == MessageType::MsgRequestPreVote,
            is_transfer: message.context == CAMPAIGN_TRANSFER,
            index: message.index,
            log_term: message.log_term,
            commit,
            commit_term: message.commit_term,
        }),
        kind @ (MessageType::MsgRequestVoteResponse | MessageType::MsgRequestPreVoteResponse) => {
            Body::VoteAnswer(VoteAnswer {
                is_pre: kind == MessageType::MsgRequestPreVoteResponse,
                granted: !message.reject,
                commit,
                commit_term: message.commit_term,
            })
        }
        MessageType::MsgTimeoutNow => Body::TimeoutNow(TimeoutNow {}),
        MessageType::MsgHup
        | MessageType::MsgBeat
        | MessageType::MsgPropose
        | MessageType::MsgSnapshot
        | MessageType::MsgUnreachable
        | MessageType::MsgSnapStatus
        | MessageType::MsgCheckQuorum
        | MessageType::MsgTransferLeader
        | MessageType::MsgReadIndex
        | MessageType::MsgReadIndexResp => return Outgoing::Nothing,
    };
    Outgoing::Raft(RaftMessage { group, to, from, term, body: Some(body) })
}

fn append(message: &mut Message) -> Append {
    let entries = message.take_entries().into_iter();
    let entries = entries.map(|entry| AppendedEntry { term: entry.term, data: entry.data });
    Append {
        index: message.index,
        log_term: message.log_term,
        commit: message.commit,
        entries: entries.collect(),
    }
}

/// A checked heartbeat for raft. Its round travels as the context, which raft copies into the answer.
pub(super) fn heartbeat(heartbeat: &Heartbeat) -> Message {
    let mut message = message(MessageType::MsgHeartbeat, heartbeat.from, heartbeat.term);
    message.commit = heartbeat.commit;
    message.context = heartbeat.round.to_be_bytes().to_vec().into();
    message
}

/// A checked answer to a heartbeat for raft, without its round: rounds are not raft's.
pub(super) fn heartbeat_answer(answer: &HeartbeatAnswer) -> Message {
    let mut message = message(MessageType::MsgHeartbeatResponse, answer.from, answer.term);
    message.commit = answer.commit;
    message
}

/// A checked message for raft.
pub(super) fn incoming(from: ReplicaId, term: u64, body: Body) -> Message {
    let from = from.get();
    match body {
        Body::Append(Append { index, log_term, commit, entries }) => {
            let mut message = message(MessageType::MsgAppend, from, term);
            let entries = (index + 1..).zip(entries).map(|(index, entry)| Entry {
                index,
                term: entry.term,
                data: entry.data,
                ..Entry::default()
            });
            message.set_entries(entries.collect::<Vec<_>>().into());
            Message { index, log_term, commit, ..message }
        }
        Body::AppendAnswer(AppendAnswer { index, refused, commit }) => {
            let hint = refused.unwrap_or_default();
            let message = message(MessageType::MsgAppendResponse, from, term);
            let (reject, reject_hint, log_term) = (refused.is_some(), hint.index, hint.term);
            Message { index, commit, reject, reject_hint, log_term, ..message }
        }
        Body::Vote(Vote { is_pre, is_transfer, index, log_term, commit, commit_term }) => {
            let kind = match is_pre {
                true => MessageType::MsgRequestPreVote,
                false => MessageType::MsgRequestVote,
            };
            let mut message = message(kind, from, term);
            if is_transfer {
                message.context = CAMPAIGN_TRANSFER.into();
            }
            Message { index, log_term, commit, commit_term, ..message }
        }
        Body::VoteAnswer(VoteAnswer { is_pre, granted, commit, commit_term }) => {
            let kind = match is_pre {
                true => MessageType::MsgRequestPreVoteResponse,
                false => MessageType::MsgRequestVoteResponse,
            };
            Message { reject: !granted, commit, commit_term, ..message(kind, from, term) }
        }
        Body::TimeoutNow(TimeoutNow {}) => message(MessageType::MsgTimeoutNow, from, term),
    }
}

fn message(kind: MessageType, from: u64, term: u64) -> Message {
    let mut message = Message { from, term, ..Message::default() };
    message.set_msg_type(kind);
    message
}

fn round_of(context: &[u8]) -> u64 {
    context.try_into().map_or(0, u64::from_be_bytes)
}
