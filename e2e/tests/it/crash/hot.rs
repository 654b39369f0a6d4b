//! One key per table that all its writers write, and the order in which that happened.
//!
//! Each write asks for the item that it replaced. So the acknowledged writes form a chain: no item is
//! replaced twice, and every item but the last is replaced by somebody.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use stator_e2e::oracle::{Item, Value};

use super::table_name;
use super::writer::Writer;

const KEY: &str = "hot";

/// Which write of which writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriteId {
    pub(crate) writer: u32,
    pub(crate) write: u64,
}

/// A write to the hot key, as its client saw it.
#[derive(Clone, Debug)]
pub(crate) struct HotWrite {
    pub(crate) id: WriteId,
    /// When it was sent.
    pub(crate) began: u64,
    /// When it was acknowledged; none if that is unknown.
    pub(crate) ended: Option<u64>,
    /// What it replaced, if it was acknowledged.
    pub(crate) replaced: Option<WriteId>,
}

/// The item of a write, whole only if both its ends name the same one.
pub(crate) fn item(id: WriteId) -> Item {
    let name = format!("{}/{}", id.writer, id.write);
    Item::from([
        ("pk".to_owned(), Value::S(KEY.to_owned())),
        ("sk".to_owned(), Value::S(KEY.to_owned())),
        ("head".to_owned(), Value::S(name.clone())),
        ("tail".to_owned(), Value::S(name)),
    ])
}

/// The write whose item this is; none if it is not whole.
pub(crate) fn id_of(found: &Item) -> Option<WriteId> {
    let Some(Value::S(name)) = found.get("head") else { return None };
    let (writer, write) = name.split_once('/')?;
    let id = WriteId { writer: writer.parse().ok()?, write: write.parse().ok()? };
    (*found == item(id)).then_some(id)
}

/// The hot key of one table.
pub(crate) struct Hot {
    table: u32,
    /// What was there after the last comparison.
    settled: Option<WriteId>,
}

impl Hot {
    pub(crate) const fn new(table: u32) -> Self {
        Self { table, settled: None }
    }

    /// Reads the key, says what is wrong, and begins anew from what it found.
    pub(crate) async fn compare(
        &mut self,
        client: &Client,
        writers: &mut [Writer],
        defects: &mut Vec<String>,
    ) {
        let mut writes = Vec::new();
        for writer in writers.iter_mut().filter(|writer| writer.table() == self.table) {
            writes.extend(writer.take_hot_writes());
        }
        let request = client.get_item().table_name(table_name(self.table)).consistent_read(true);
        let key = || AttributeValue::S(KEY.to_owned());
        let request = request.key("pk", key()).key("sk", key());
        let found = request.send().await.expect("it can be read").item;
        let found = match found.as_ref().map(Value::item_from_sdk) {
            None => None,
            Some(item) => match id_of(&item) {
                Some(id) => Some(id),
                None => {
                    defects.push(format!("hot key of table {}: torn: {item:?}", self.table));
                    return;
                }
            },
        };
        for defect in judge(self.settled, &writes, found) {
            defects.push(format!("hot key of table {}: {defect}", self.table));
        }
        let kept = |write: &&HotWrite| Some(write.id) == found && write.ended.is_none();
        if let Some(write) = writes.iter().find(kept) {
            let by = writers.iter_mut().find(|writer| writer.id() == write.id.writer);
            by.expect("somebody sent it").count_kept();
        }
        self.settled = found;
    }
}

/// What is wrong with a round in which `before` was there first, these writes were sent, and `after`
/// was there in the end.
fn judge(before: Option<WriteId>, writes: &[HotWrite], after: Option<WriteId>) -> Vec<String> {
    let mut defects = Vec::new();
    match writes.iter().find(|write| Some(write.id) == after) {
        Some(last) => {
            // A write that began after `last` was acknowledged came later for sure.
            let ended = last.ended.unwrap_or(u64::MAX);
            let later = |write: &&HotWrite| write.ended.is_some() && write.began > ended;
            if let Some(lost) = writes.iter().find(later) {
                defects.push(format!("lost: {lost:?}; {last:?} is there"));
            }
        }
        None if after != before => defects.push(format!("invented: {after:?}")),
        None => {
            if let Some(lost) = writes.iter().find(|write| write.ended.is_some()) {
                defects.push(format!("lost: {lost:?}; still there is {before:?}"));
            }
        }
    }
    defects.extend(judge_chain(before, writes, after));
    defects
}

fn judge_chain(
    before: Option<WriteId>,
    writes: &[HotWrite],
    after: Option<WriteId>,
) -> Vec<String> {
    let mut defects = Vec::new();
    let mut replaced = BTreeSet::new();
    for write in writes.iter().filter(|write| write.ended.is_some()) {
        if !replaced.insert(write.replaced) {
            defects.push(format!(
                "replaced twice: {:?}, the second time by {write:?}",
                write.replaced
            ));
        }
    }
    // Each write of unknown fate may have replaced one item without telling anybody.
    let silent = writes.iter().filter(|write| write.ended.is_none()).count();
    let acknowledged =
        writes.iter().filter(|write| write.ended.is_some()).map(|write| Some(write.id));
    let there: Vec<_> = acknowledged.chain([before]).collect();
    let vanished: Vec<_> =
        there.iter().filter(|id| **id != after && !replaced.contains(*id)).collect();
    if vanished.len() > silent {
        defects.push(format!("vanished, with {silent} writes unknown: {vanished:?}"));
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(write: u64) -> WriteId {
        WriteId { writer: 0, write }
    }

    fn acknowledged(write: u64, began: u64, ended: u64, replaced: Option<u64>) -> HotWrite {
        HotWrite { id: id(write), began, ended: Some(ended), replaced: replaced.map(id) }
    }

    fn unknown(write: u64, began: u64) -> HotWrite {
        HotWrite { id: id(write), began, ended: None, replaced: None }
    }

    #[test]
    fn a_chain_that_ends_in_what_is_there_is_right() {
        let writes = [acknowledged(1, 0, 1, None), acknowledged(2, 2, 3, Some(1)), unknown(3, 4)];
        assert_eq!(judge(None, &writes, Some(id(2))), Vec::<String>::new());
        assert_eq!(judge(None, &writes, Some(id(3))), Vec::<String>::new());
    }

    #[test]
    fn an_acknowledged_write_that_is_not_there_is_noticed() {
        let writes = [acknowledged(1, 0, 1, None), acknowledged(2, 2, 3, Some(1))];
        assert!(!judge(None, &writes, Some(id(1))).is_empty());
        assert!(!judge(None, &writes, None).is_empty());
    }

    #[test]
    fn an_item_that_nobody_sent_is_noticed() {
        assert!(!judge(None, &[acknowledged(1, 0, 1, None)], Some(id(9))).is_empty());
    }

    #[test]
    fn two_writes_that_replace_the_same_item_are_noticed() {
        let writes = [acknowledged(1, 0, 5, None), acknowledged(2, 1, 4, None)];
        assert!(!judge(None, &writes, Some(id(2))).is_empty());
    }

    #[test]
    fn a_gap_in_the_chain_needs_an_unknown_write_to_explain_it() {
        let gap = [acknowledged(1, 0, 1, None), acknowledged(3, 4, 5, Some(2))];
        assert!(!judge(None, &gap, Some(id(3))).is_empty());
        let explained = [gap[0].clone(), unknown(2, 2), gap[1].clone()];
        assert_eq!(judge(None, &explained, Some(id(3))), Vec::<String>::new());
    }
}
