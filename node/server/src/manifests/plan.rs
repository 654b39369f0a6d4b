//! What is to be done so that the tables are as their manifests say. Pure: data in, data out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::num::NonZeroU32;

use stator_admin::{MOST_MIN_PARTITIONS, Manifest};
use stator_catalog::{
    BillingUpdate, CapUpdate, Catalog, INITIAL_PARTITIONS, OnDemandUpdate, TableUpdate, TagUpdate,
};
use stator_model::{
    Billing, KeyAttribute, KeySchema, LocalIndex, OnDemandCaps, Projection, TableClass,
    TableDescription, TableStatus, Tags,
};

#[cfg(test)]
mod tests;

/// A manifest must not ask for more than the catalog makes.
const _: () = assert!(MOST_MIN_PARTITIONS == INITIAL_PARTITIONS);

/// What manifests are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They say how their tables are, always.
    Own,
    /// They say how their tables begin, where there are none.
    Seed,
}

/// What is to be done about one manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// The table is as it should be.
    Keep,
    /// Its table is to be made.
    Create(&'a Manifest),
    /// Its table is to be changed.
    Update(&'a Manifest, Update),
    /// Its table cannot be what it says; it stays as it is.
    Refuse(&'a Manifest, Reason),
    /// Nothing can be done before something else has happened.
    Wait(&'static str),
}

/// What differs between a table and its manifest, and can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    name: String,
    billing: Option<Billing>,
    deletion_protection: Option<bool>,
    class: Option<TableClass>,
    on_demand: Option<OnDemandCaps>,
    tags: Option<Tags>,
}

/// Why a table cannot be as its manifest says, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    /// The primary key is another.
    #[error(
        "its key is {} and cannot become {}: put the old key back, or, to replace the table, take \
         the document out, delete the table and put the document back",
        Key(is),
        Key(wanted)
    )]
    KeySchema {
        /// The table's.
        is: KeySchema,
        /// The manifest's.
        wanted: KeySchema,
    },
    /// The local indexes are others.
    #[error(
        "its local indexes are {} and cannot become {}: put the old ones back, or, to replace the \
         table, take the document out, delete the table and put the document back",
        Indexes(is),
        Indexes(wanted)
    )]
    LocalIndexes {
        /// The table's.
        is: Vec<LocalIndex>,
        /// The manifest's.
        wanted: Vec<LocalIndex>,
    },
    /// There are fewer partitions than the least.
    #[error(
        "it has {is} partitions and cannot be cut into {wanted} yet: lower minPartitions, or, to \
         replace the table, take the document out, delete the table and put the document back"
    )]
    Partitions {
        /// The table's.
        is: usize,
        /// The manifest's.
        wanted: NonZeroU32,
    },
    /// The object described another table before.
    #[error(
        "spec.tableName was {was:?} before and cannot be changed: put it back, or describe the new \
         table in an object with another metadata.name"
    )]
    Renamed {
        /// The table that it described.
        was: String,
    },
}

/// What is to be done, in the order of the manifests, so that each table is as its manifest says.
pub(super) fn plan<'a>(
    catalog: &Catalog,
    mode: Mode,
    manifests: &'a [Manifest],
) -> Vec<Action<'a>> {
    let decide = |manifest: &'a Manifest| match catalog.table_by_name(&manifest.table.name) {
        None => Action::Create(manifest),
        Some(table) => match (table.status, mode) {
            (TableStatus::Creating, _) => Action::Wait("tables are being created"),
            (TableStatus::Deleting, _) => {
                Action::Wait("tables of the same names are being deleted")
            }
            (TableStatus::Active, Mode::Seed) => Action::Keep,
            (TableStatus::Active, Mode::Own) => {
                compare(manifest, table, catalog.partitions_of(table.id).len())
            }
        },
    };
    manifests.iter().map(decide).collect()
}

fn compare<'a>(manifest: &'a Manifest, table: &TableDescription, partitions: usize) -> Action<'a> {
    let wanted = &manifest.table;
    if wanted.key_schema != table.key_schema {
        let (is, wanted) = (table.key_schema.clone(), wanted.key_schema.clone());
        return Action::Refuse(manifest, Reason::KeySchema { is, wanted });
    }
    if !same_indexes(&wanted.local_indexes, &table.local_indexes) {
        let (is, wanted) = (table.local_indexes.clone(), wanted.local_indexes.clone());
        return Action::Refuse(manifest, Reason::LocalIndexes { is, wanted });
    }
    let too_few =
        |least: &NonZeroU32| usize::try_from(least.get()).is_ok_and(|least| partitions < least);
    if let Some(least) = wanted.min_partitions.filter(too_few) {
        let reason = Reason::Partitions { is: partitions, wanted: least };
        return Action::Refuse(manifest, reason);
    }
    let billing = Some(wanted.billing).filter(|billing| *billing != table.billing);
    let protection = wanted.deletion_protection;
    let deletion_protection = Some(protection).filter(|it| *it != table.deletion_protection);
    let (settings, is) = (&wanted.settings, &table.settings);
    let update = Update {
        name: wanted.name.clone(),
        billing,
        deletion_protection,
        class: Some(settings.class).filter(|class| *class != is.class),
        on_demand: Some(settings.on_demand).filter(|caps| *caps != is.on_demand),
        tags: Some(&settings.tags).filter(|tags| **tags != is.tags).cloned(),
    };
    // Caps go by themselves when a table becomes provisioned.
    let is_provisioned = matches!(wanted.billing, Billing::Provisioned { .. });
    let update = Update { on_demand: update.on_demand.filter(|_| !is_provisioned), ..update };
    if update.is_nothing() { Action::Keep } else { Action::Update(manifest, update) }
}

/// What becomes of the manifests that were in force when others are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Succession {
    /// The manifests that are in force from now on.
    pub(super) accepted: Vec<Manifest>,
    /// Those of them that describe a table that none described before.
    pub(super) new: Vec<Manifest>,
    /// Manifests that want another table to be theirs. Their earlier selves stay in force.
    pub(super) renamed: Vec<(Manifest, Reason)>,
    /// Manifests that are gone.
    pub(super) released: Vec<Manifest>,
}

/// Replaces the manifests `before` by `now`.
pub(super) fn succeed(before: &[Manifest], now: Vec<Manifest>) -> Succession {
    let earlier: HashMap<_, _> =
        before.iter().map(|manifest| (object(manifest), manifest)).collect();
    let (before_names, now_names) = (names(before), names(&now));
    let (mut accepted, mut new, mut renamed) = (Vec::new(), Vec::new(), Vec::new());
    for manifest in &now {
        // A table that another object describes now has changed hands; nobody lost it.
        let lost = |earlier: &&&Manifest| !now_names.contains(earlier.table.name.as_str());
        if let Some(earlier) = earlier.get(&object(manifest)).filter(lost) {
            let was = earlier.table.name.clone();
            accepted.push(Manifest { table: earlier.table.clone(), ..manifest.clone() });
            renamed.push((manifest.clone(), Reason::Renamed { was }));
            continue;
        }
        if !before_names.contains(manifest.table.name.as_str()) {
            new.push(manifest.clone());
        }
        accepted.push(manifest.clone());
    }
    let kept = names(&accepted);
    let is_gone = |manifest: &&Manifest| !kept.contains(manifest.table.name.as_str());
    let released = before.iter().filter(is_gone).cloned().collect();
    Succession { accepted, new, renamed, released }
}

/// Which object of Kubernetes a manifest is.
fn object(manifest: &Manifest) -> (Option<&str>, &str) {
    (manifest.metadata.namespace.as_deref(), &manifest.metadata.name)
}

fn names(manifests: &[Manifest]) -> HashSet<&str> {
    manifests.iter().map(|manifest| manifest.table.name.as_str()).collect()
}

impl Update {
    fn is_nothing(&self) -> bool {
        let Self { name: _, billing, deletion_protection, class, on_demand, tags } = self;
        billing.is_none()
            && deletion_protection.is_none()
            && class.is_none()
            && on_demand.is_none()
            && tags.is_none()
    }
}

impl From<Update> for TableUpdate {
    fn from(update: Update) -> Self {
        let Update { name, billing, deletion_protection, class, on_demand, tags } = update;
        let cap = |cap: Option<u64>| cap.map_or(CapUpdate::Remove, CapUpdate::Set);
        let caps =
            |caps: OnDemandCaps| OnDemandUpdate { read: cap(caps.read), write: cap(caps.write) };
        Self {
            name,
            billing: billing.map(BillingUpdate::Declared),
            on_demand: on_demand.map(caps).unwrap_or_default(),
            class,
            deletion_protection,
            tags: tags.map(TagUpdate::Declared).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// As the log tells it.
impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let billing = self.billing.map(|billing| match billing {
            Billing::PayPerRequest => "on demand".to_owned(),
            Billing::Provisioned { read, write } => {
                format!("{read} units to read, {write} to write")
            }
        });
        let protection = self.deletion_protection.map(|on| {
            let text =
                if on { "protected against deletion" } else { "not protected against deletion" };
            text.to_owned()
        });
        let class = self.class.map(|class| format!("class {}", class.name()));
        let cap = |cap: Option<u64>| cap.map_or("any".to_owned(), |units| units.to_string());
        let caps = self.on_demand.map(|OnDemandCaps { read, write }| {
            format!("at most {} units to read, {} to write", cap(read), cap(write))
        });
        let tags = self.tags.as_ref().map(|tags| format!("tags ({})", tags.len()));
        let rest = protection.into_iter().chain(class).chain(caps).chain(tags);
        let all: Vec<String> = billing.into_iter().chain(rest).collect();
        f.write_str(&all.join(", "))
    }
}

/// A key as errors show it.
struct Key<'a>(&'a KeySchema);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attribute = |(it, role): (&stator_model::KeyAttribute, &str)| {
            format!("{} ({}, {role})", it.name, it.key_type.name())
        };
        let all: Vec<String> = self.0.attributes().zip(["HASH", "RANGE"]).map(attribute).collect();
        f.write_str(&all.join(", "))
    }
}

/// Local indexes as people tell them.
struct Indexes<'a>(&'a [LocalIndex]);

impl fmt::Display for Indexes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let index = |index: &LocalIndex| {
            let projection = match &index.projection {
                Projection::All => "ALL".to_owned(),
                Projection::KeysOnly => "KEYS_ONLY".to_owned(),
                Projection::Include(names) => format!("INCLUDE {}", names.join(" ")),
            };
            let sort = &index.sort;
            format!("{} ({}, {}, {projection})", index.name, sort.name, sort.key_type.name())
        };
        let all: Vec<String> = self.0.iter().map(index).collect();
        f.write_str(&all.join(", "))
    }
}

/// Whether these are the same indexes, in whatever order indexes and projected attributes were given.
fn same_indexes(left: &[LocalIndex], right: &[LocalIndex]) -> bool {
    let in_order = |indexes: &[LocalIndex]| -> BTreeMap<String, (KeyAttribute, Projection)> {
        let known = |index: &LocalIndex| {
            let mut projection = index.projection.clone();
            if let Projection::Include(names) = &mut projection {
                names.sort();
                names.dedup();
            }
            (index.name.clone(), (index.sort.clone(), projection))
        };
        indexes.iter().map(known).collect()
    };
    in_order(left) == in_order(right)
}
