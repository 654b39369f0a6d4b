//! Tables that are made and dropped while the node is being killed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{AttributeValue, TableStatus};
use stator_e2e::client::{KeyAttribute, create_table, status, until_active, until_gone};
use stator_e2e::random::Random;

use super::trigger::Trigger;

/// How many names it uses.
const NAMES: u64 = 4;

/// What is known of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// There is no such table.
    Absent,
    /// There is, and it holds its marker.
    Present,
    /// There is; whether it holds its marker is unknown.
    Unmarked,
    /// Its creation was under way when the node died.
    Creating,
    /// Its deletion was under way when the node died; before it, the table held its marker for sure,
    /// or not for sure.
    Deleting { marked: bool },
}

/// Makes and drops tables.
pub(crate) struct Churn {
    random: Random,
    names: Vec<Known>,
    changes: u64,
}

impl Churn {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, names: (0..NAMES).map(|_| Known::Absent).collect(), changes: 0 }
    }

    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Makes and drops tables until the node is dead.
    pub(crate) async fn run_until_dead(&mut self, client: &Client, trigger: &Trigger) {
        while !trigger.killing() {
            let at = self.random.index(self.names.len());
            let name = name(at);
            let known = self.names.get_mut(at).expect("one of the names");
            let alive = match *known {
                Known::Absent => create(client, trigger, &name, known).await,
                Known::Present | Known::Unmarked => delete(client, trigger, &name, known).await,
                Known::Creating | Known::Deleting { .. } => {
                    unreachable!("a comparison settles every name")
                }
            };
            if !alive {
                return;
            }
            self.changes += 1;
        }
    }

    /// Looks at every name and says what is wrong; unknown ones are settled by what is found. Returns
    /// how many it compared.
    pub(crate) async fn compare(&mut self, client: &Client, defects: &mut Vec<String>) -> u64 {
        for (at, known) in self.names.iter_mut().enumerate() {
            let name = name(at);
            let found = settle(client, &name).await;
            if possible(*known, found) {
                *known = found;
            } else {
                defects.push(format!("table {name}: {known:?}, found {found:?}"));
            }
        }
        NAMES
    }
}

/// Whether a table of which this was known may be found so after a restart.
fn possible(known: Known, found: Known) -> bool {
    match known {
        Known::Absent => found == Known::Absent,
        Known::Present => found == Known::Present,
        Known::Unmarked => found != Known::Absent,
        Known::Creating => found != Known::Present,
        Known::Deleting { marked: true } => found != Known::Unmarked,
        Known::Deleting { marked: false } => true,
    }
}

fn name(at: usize) -> String {
    format!("churn-{at}")
}

fn marker() -> AttributeValue {
    AttributeValue::S("marker".to_owned())
}

/// Creates a table, waits for it, finds it empty, and leaves a marker in it.
async fn create(client: &Client, trigger: &Trigger, name: &str, known: &mut Known) -> bool {
    let key = KeyAttribute::new("pk", 'S');
    if let Err(error) = create_table(client, name, key, None).await {
        trigger.excuse(&error);
        *known = Known::Creating;
        return false;
    }
    *known = Known::Unmarked;
    if !waited(client, trigger, name, Some(&TableStatus::Active)).await {
        return false;
    }
    let read = client.get_item().table_name(name).key("pk", marker()).send().await;
    match read {
        Ok(output) => assert!(output.item.is_none(), "new table {name} holds {output:?}"),
        Err(error) => {
            trigger.excuse(&error);
            return false;
        }
    }
    if let Err(error) = client.put_item().table_name(name).item("pk", marker()).send().await {
        trigger.excuse(&error);
        return false;
    }
    *known = Known::Present;
    true
}

async fn delete(client: &Client, trigger: &Trigger, name: &str, known: &mut Known) -> bool {
    if let Err(error) = client.delete_table().table_name(name).send().await {
        trigger.excuse(&error);
        *known = Known::Deleting { marked: *known == Known::Present };
        return false;
    }
    *known = Known::Absent;
    waited(client, trigger, name, None).await
}

/// Waits until a table has this status; false if the node died meanwhile.
async fn waited(
    client: &Client,
    trigger: &Trigger,
    name: &str,
    wanted: Option<&TableStatus>,
) -> bool {
    let what = format!("table {name} to become {wanted:?}");
    let limit = std::time::Duration::from_secs(30);
    stator_e2e::wait::eventually(&what, limit, async || {
        match client.describe_table().table_name(name).send().await {
            Ok(output) => {
                let table = output.table.expect("the answer holds a description");
                (table.table_status() == wanted).then_some(true)
            }
            Err(error) if is_missing(&error) => wanted.is_none().then_some(true),
            Err(error) => {
                trigger.excuse(&error);
                Some(false)
            }
        }
    })
    .await
}

fn is_missing<R>(error: &SdkError<DescribeTableError, R>) -> bool {
    error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception)
}

/// Waits until a table is either usable or gone, and says which.
async fn settle(client: &Client, name: &str) -> Known {
    match status(client, name).await {
        None => Known::Absent,
        Some(TableStatus::Deleting) => {
            until_gone(client, name).await;
            Known::Absent
        }
        Some(_) => {
            until_active(client, name).await;
            let read = client.get_item().table_name(name).consistent_read(true);
            let read = read.key("pk", marker()).send().await.expect("it can be read");
            if read.item.is_some() { Known::Present } else { Known::Unmarked }
        }
    }
}
