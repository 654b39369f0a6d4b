//! Planted defects: commands that are evaluated at the edge, where nobody knows what is under way.

use stator_model::{Item, SharedItem};
use stator_operation::{
    Current, ItemCommand, ItemWork, ItemWrite, Operation, Reply, Request, Written,
};
use stator_protocol::{ApiError, JsonWriter};
use stator_replica::{Prefetched, ReplicaHandle};

use super::Shore;

/// What a defect makes of a command.
pub(super) enum Early {
    /// Nothing.
    Not,
    /// It is answered by what the store holds.
    Answered(Result<Reply, ApiError>),
    /// What is there is put over with this, and then the answer is this.
    Put(Box<ItemCommand>, Written),
}

/// Evaluates `command` against the item that was read for it, or against `ghost` if there was none, if
/// that is the planted defect.
pub(super) fn evaluate(
    command: &ItemCommand,
    prefetched: &Prefetched,
    ghost: Option<SharedItem>,
    handle: &ReplicaHandle,
    shore: &Shore<'_>,
) -> Early {
    let is_update = matches!(command, ItemCommand::Update(_));
    let is_early = shore.planted.evaluated_too_early && !handle.is_serving();
    let ghost = ghost.filter(|_| is_update && prefetched.item.is_none());
    let is_at_edge = is_update && shore.planted.evaluated_at_edge;
    if !(is_early || is_at_edge || ghost.is_some()) {
        return Early::Not;
    }
    let item = prefetched.item.clone().or(ghost);
    let evaluation = command.evaluate(Current { item, ..Current::default() });
    match (evaluation.write, evaluation.reply) {
        (None, reply) if is_early => Early::Answered(reply.map(Reply::Written)),
        (Some(ItemWrite::Put(item)), Ok(written)) => put(command, &item, shore)
            .map_or(Early::Not, |command| Early::Put(Box::new(command), written)),
        (None | Some(_), _) => Early::Not,
    }
}

/// The command that puts this item into the table of the other.
fn put(command: &ItemCommand, item: &Item, shore: &Shore<'_>) -> Option<ItemCommand> {
    let catalog = &shore.picture.catalog;
    let table = catalog.table(&command.table())?;
    let mut body = JsonWriter::new();
    body.object(|body| {
        body.member("TableName").text(&table.name);
        body.member("Item").item(item);
    });
    let request = Request::parse(Operation::PutItem, &body.into_bytes()).ok()?;
    let Request::Items(request) = request else { return None };
    match request.validate(catalog, shore.service).ok()? {
        ItemWork::Write(command) => Some(*command),
        ItemWork::Batch(_) | ItemWork::Read(_) => None,
    }
}
