//! The life of a read: part after part, each at a replica of the partition that holds it.
//!
//! ```text
//!            ┌──────── wait for a newer picture, or a moment ◄── nobody may answer
//!            ▼                                                     ▲
//!   start ─► Read (a part, at the replica here) ───────────────────┤
//!        └─► Forward (the part, to another node) ──────────────────┤
//!            ▲                                                     │
//!            └───── another replica, or more parts ◄────────────── found ─► Done
//! ```
//!
//! A consistent read goes to the partition's leader. Any other is answered here if the replica here is
//! fresh enough, and else by whoever's is. A read changes nothing: one that got no answer is sent again,
//! to another node. The page is put together here whoever found its parts, so that it is the page of a
//! single node.

use std::time::Duration;

use stator_catalog::Catalog;
use stator_model::{NodeId, PartitionId};
use stator_operation::read::{Found, Part};
use stator_operation::wire::ReadAnswer;
use stator_operation::{ReadCommand, Reply};
use stator_protocol::ApiError;

use crate::leaders::{Leaders, Search};
use crate::resolve::serving;

/// What to do next for a read.
pub enum ReadStep {
    /// Read this part at the replica of this partition here, then say what was found.
    Read(PartitionId, Part),
    /// Send the part to this node. It does not send it on.
    Forward {
        /// The node.
        node: NodeId,
        /// The part, which is needed again for its answer.
        part: Part,
        /// How long an answer is of use.
        remaining: Duration,
    },
    /// Wait until the catalog or the replicas have changed, or a moment has passed.
    Wait,
    /// Answer the client.
    Done(Result<Reply, ApiError>),
}

/// A read on its way.
pub struct ReadRoute {
    /// `None` once it is answered.
    command: Option<ReadCommand>,
    search: Search,
    /// Whether the part that is under way must be read at the leader.
    consistent: bool,
    must_wait: bool,
    /// Why no more can be read.
    failed: Option<ApiError>,
    deadline: Duration,
}

impl ReadRoute {
    /// A read that is given up at `deadline`, on a clock that never goes back: time since an origin of
    /// the caller's choice.
    pub fn new(command: ReadCommand, deadline: Duration) -> Self {
        Self {
            command: Some(command),
            search: Search::default(),
            consistent: false,
            must_wait: false,
            failed: None,
            deadline,
        }
    }

    /// What to do now. After [`ReadStep::Read`] comes [`found`](Self::found) or
    /// [`not_here`](Self::not_here), after [`ReadStep::Forward`] [`answered`](Self::answered) or
    /// [`lost`](Self::lost).
    pub fn next(&mut self, catalog: &Catalog, leaders: &dyn Leaders, now: Duration) -> ReadStep {
        if std::mem::take(&mut self.must_wait) {
            self.search.waited();
            return ReadStep::Wait;
        }
        let Some(command) = &self.command else {
            // Asked again after the answer.
            return ReadStep::Done(Err(ApiError::internal()));
        };
        if let Some(error) = self.failed.take() {
            return self.answer(Some(error));
        }
        let Some(part) = command.next() else { return self.answer(None) };
        if let Err(error) = serving(catalog, part.table) {
            return self.answer(Some(error));
        }
        if now >= self.deadline {
            return self.answer(Some(ApiError::unavailable()));
        }
        let Some(partition) = part.partition(catalog) else { return ReadStep::Wait };
        self.consistent = part.consistent;
        let node = if part.consistent {
            Some(self.search.leader(partition, leaders))
        } else {
            self.search.replica(partition, leaders)
        };
        let Some(node) = node else { return ReadStep::Wait };
        let part = part.within(&partition.range);
        if node == leaders.here() {
            return ReadStep::Read(partition.id, part);
        }
        ReadStep::Forward { node, part, remaining: self.deadline.saturating_sub(now) }
    }

    fn answer(&mut self, error: Option<ApiError>) -> ReadStep {
        ReadStep::Done(match (self.command.take(), error) {
            (Some(command), None) => Ok(command.reply()),
            (Some(command), Some(error)) => command.give_up(error),
            (None, _) => Err(ApiError::internal()),
        })
    }

    /// Takes in what was found of the part.
    pub fn found(&mut self, part: &Part, found: Found) {
        // If the next part is of the same partition, it is read where this one was.
        self.search.put_off();
        self.search.waited();
        if let Some(command) = &mut self.command {
            command.found(part, found);
        }
    }

    /// Takes in what another node answered to the part.
    pub fn answered(&mut self, part: &Part, answer: ReadAnswer) {
        match answer {
            ReadAnswer::Found(found) => self.found(part, found),
            ReadAnswer::NotServing(leader) => self.sent_on(leader),
            ReadAnswer::Failed(error) => self.failed = Some(error),
        }
    }

    /// The replica here may not answer: to be tried again, or elsewhere.
    pub fn not_here(&mut self) {
        self.sent_on(None);
    }

    fn sent_on(&mut self, leader: Option<NodeId>) {
        let wait = self.search.sent_on(leader);
        self.must_wait = wait && (self.consistent || self.search.is_through());
    }

    /// Another node could not be reached, or sent no answer that can be read: others are tried.
    pub fn lost(&mut self) {
        self.sent_on(None);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use stator_catalog::Command;
    use stator_model::{AttributeValue, Item};
    use stator_operation::read::{Place, Row, Rows};
    use stator_operation::{ItemWork, Operation, Request, ServiceInfo};

    use super::*;
    use crate::testing::{DEADLINE, HERE, NOW, catalog, decide};

    fn route(catalog: &Catalog, operation: Operation, body: &str) -> ReadRoute {
        let service = ServiceInfo { region: "r".to_owned(), account: "0".to_owned() };
        let Ok(Request::Items(request)) = Request::parse(operation, body.as_bytes()) else {
            panic!("{body}");
        };
        match request.validate(catalog, &service) {
            Ok(ItemWork::Read(command)) => ReadRoute::new(command, DEADLINE),
            other => panic!("{other:?}"),
        }
    }

    fn get(catalog: &Catalog) -> ReadRoute {
        route(catalog, Operation::GetItem, r#"{"TableName":"music","Key":{"pk":{"S":"k"}}}"#)
    }

    fn part(step: ReadStep) -> (PartitionId, Part) {
        match step {
            ReadStep::Read(partition, part) => (partition, part),
            ReadStep::Wait | ReadStep::Forward { .. } => panic!("waits, or goes elsewhere"),
            ReadStep::Done(result) => panic!("{result:?}"),
        }
    }

    fn body(step: ReadStep) -> String {
        match step {
            ReadStep::Done(Ok(reply)) => String::from_utf8(reply.to_body()).unwrap(),
            ReadStep::Done(Err(error)) => panic!("{error}"),
            ReadStep::Wait | ReadStep::Read(..) | ReadStep::Forward { .. } => panic!("goes on"),
        }
    }

    #[track_caller]
    fn refused(step: ReadStep, expected: &ApiError) {
        match step {
            ReadStep::Done(result) => {
                assert_eq!(result.map(|reply| reply.to_body()), Err(expected.clone()))
            }
            ReadStep::Wait | ReadStep::Read(..) | ReadStep::Forward { .. } => panic!("goes on"),
        }
    }

    #[test]
    fn an_item_is_read_where_it_lies_and_then_the_read_is_done() {
        let catalog = catalog();
        let mut route = get(&catalog);
        let (partition, part) = part(route.next(&catalog, &HERE, NOW));
        let Place::Item(location) = &part.place else { panic!("{part:?}") };
        assert!(catalog.partition(partition).unwrap().range.contains(location));
        route.found(&part, Found::Item(None));
        assert_eq!(body(route.next(&catalog, &HERE, NOW)), "{}");
    }

    #[test]
    fn a_replica_that_may_not_answer_is_asked_again_until_the_deadline() {
        let catalog = catalog();
        let mut route = get(&catalog);
        for _ in 0..3 {
            part(route.next(&catalog, &HERE, NOW));
            route.not_here();
            assert!(matches!(route.next(&catalog, &HERE, NOW), ReadStep::Wait));
        }
        refused(route.next(&catalog, &HERE, DEADLINE), &ApiError::unavailable());
    }

    #[test]
    fn a_scan_asks_every_partition_in_order_for_its_own_range() {
        let catalog = catalog();
        let mut route = route(&catalog, Operation::Scan, r#"{"TableName":"music"}"#);
        let table = catalog.table_by_name("music").unwrap().id;
        for expected in catalog.partitions_of(table) {
            let (partition, part) = part(route.next(&catalog, &HERE, NOW));
            let Place::Range(walk) = &part.place else { panic!("{part:?}") };
            assert_eq!((partition, &walk.range), (expected.id, &expected.range));
            route.found(&part, Found::Rows(Rows::default()));
        }
        assert_eq!(
            body(route.next(&catalog, &HERE, NOW)),
            r#"{"Count":0,"ScannedCount":0,"Items":[]}"#
        );
    }

    #[test]
    fn a_page_that_cannot_be_gone_on_with_ends_with_what_it_has() {
        let catalog = catalog();
        let mut route = route(&catalog, Operation::Scan, r#"{"TableName":"music"}"#);
        let (_, first) = part(route.next(&catalog, &HERE, NOW));
        let pair = ("pk".to_owned(), AttributeValue::S("k".to_owned()));
        let item = Arc::new(Item::from_pairs(vec![pair]).unwrap());
        let rows = vec![Row { item, behind: None }];
        route.found(&first, Found::Rows(Rows { rows, unseen: None }));
        assert_eq!(
            body(route.next(&catalog, &HERE, DEADLINE)),
            r#"{"Count":1,"ScannedCount":1,"Items":[{"pk":{"S":"k"}}],"LastEvaluatedKey":{"pk":{"S":"k"}}}"#
        );
    }

    #[test]
    fn a_segment_stays_within_its_bounds() {
        let catalog = catalog();
        let segment = r#"{"TableName":"music","Segment":1,"TotalSegments":8}"#;
        let mut route = route(&catalog, Operation::Scan, segment);
        let (_, part) = part(route.next(&catalog, &HERE, NOW));
        let expected = stator_model::KeyRange::of_segment(1, 8);
        assert!(matches!(&part.place, Place::Range(walk) if walk.range == expected));
        route.found(&part, Found::Rows(Rows::default()));
        body(route.next(&catalog, &HERE, NOW));
    }

    #[test]
    fn a_batch_that_has_begun_returns_the_keys_that_it_could_not_read() {
        let catalog = catalog();
        let keys: Vec<String> = (0..20).map(|n| format!(r#"{{"pk":{{"S":"k{n}"}}}}"#)).collect();
        let request = format!(r#"{{"RequestItems":{{"music":{{"Keys":[{}]}}}}}}"#, keys.join(","));
        let mut route = route(&catalog, Operation::BatchGetItem, &request);
        let mut partitions = BTreeSet::new();
        for _ in 0..19 {
            let (partition, part) = part(route.next(&catalog, &HERE, NOW));
            partitions.insert(partition);
            route.found(&part, Found::Item(None));
        }
        assert_eq!(partitions.len(), 4);
        assert_eq!(
            body(route.next(&catalog, &HERE, DEADLINE)),
            r#"{"Responses":{"music":[]},"UnprocessedKeys":{"music":{"Keys":[{"pk":{"S":"k19"}}],"ConsistentRead":false}}}"#
        );
    }

    #[test]
    fn a_batch_that_has_not_begun_is_refused() {
        let catalog = catalog();
        let request = r#"{"RequestItems":{"music":{"Keys":[{"pk":{"S":"k"}}]}}}"#;
        let mut route = route(&catalog, Operation::BatchGetItem, request);
        refused(route.next(&catalog, &HERE, DEADLINE), &ApiError::unavailable());
    }

    #[test]
    fn a_table_that_is_deleted_on_the_way_is_not_found() {
        let mut catalog = catalog();
        let mut route = get(&catalog);
        part(route.next(&catalog, &HERE, NOW));
        route.not_here();
        assert!(matches!(route.next(&catalog, &HERE, NOW), ReadStep::Wait));
        decide(&mut catalog, &Command::DeleteTable { name: "music".to_owned() });
        refused(route.next(&catalog, &HERE, NOW), &ApiError::table_not_found());
    }
}
