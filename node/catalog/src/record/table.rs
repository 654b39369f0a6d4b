//! The record of a table.

use bytes::Bytes;
use stator_model::{
    Billing, DescriptionVersion, HashSecret, KeyAttribute, KeySchema, KeyType, LocalIndex,
    OnDemandCaps, TableClass, TableDescription, TableHistory, TableId, TableSettings, TableStatus,
    UnixMillis, Warmth,
};

use super::{array, local_index, open, parse, seal};
use crate::{Error, RecordKind};

const KIND: RecordKind = RecordKind::Table;

pub(super) mod v1 {
    use bytes::Bytes;

    pub(super) const VERSION: u8 = 1;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Table {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(uint64, tag = "2")]
        pub(super) version: u64,
        /// 1 creating, 2 active, 3 deleting.
        #[prost(uint32, tag = "3")]
        pub(super) status: u32,
        /// Unix milliseconds.
        #[prost(uint64, tag = "4")]
        pub(super) created: u64,
        #[prost(message, optional, tag = "5")]
        pub(super) partition_key: Option<KeyAttribute>,
        #[prost(message, optional, tag = "6")]
        pub(super) sort_key: Option<KeyAttribute>,
        /// Absent: pay per request.
        #[prost(message, optional, tag = "7")]
        pub(super) provisioned: Option<Provisioned>,
        #[prost(bool, tag = "8")]
        pub(super) deletion_protection: bool,
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "9")]
        pub(super) hash_secret: Bytes,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::record) struct KeyAttribute {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        /// 1 string, 2 number, 3 binary.
        #[prost(uint32, tag = "2")]
        pub(super) key_type: u32,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Provisioned {
        #[prost(uint64, tag = "1")]
        pub(super) read: u64,
        #[prost(uint64, tag = "2")]
        pub(super) write: u64,
    }
}

/// All of version 1, under the same numbers, and what came after it.
mod v2 {
    use bytes::Bytes;

    pub(super) use super::v1::{KeyAttribute, Provisioned};

    pub(super) const VERSION: u8 = 2;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Table {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(uint64, tag = "2")]
        pub(super) version: u64,
        /// 1 creating, 2 active, 3 deleting.
        #[prost(uint32, tag = "3")]
        pub(super) status: u32,
        /// Unix milliseconds, as all moments.
        #[prost(uint64, tag = "4")]
        pub(super) created: u64,
        #[prost(message, optional, tag = "5")]
        pub(super) partition_key: Option<KeyAttribute>,
        #[prost(message, optional, tag = "6")]
        pub(super) sort_key: Option<KeyAttribute>,
        /// Absent: pay per request.
        #[prost(message, optional, tag = "7")]
        pub(super) provisioned: Option<Provisioned>,
        #[prost(bool, tag = "8")]
        pub(super) deletion_protection: bool,
        /// 16 bytes.
        #[prost(bytes = "bytes", tag = "9")]
        pub(super) hash_secret: Bytes,
        #[prost(message, optional, tag = "10")]
        pub(super) settings: Option<Settings>,
        #[prost(message, optional, tag = "11")]
        pub(super) history: Option<History>,
    }

    /// Absent: all as it is by default.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Settings {
        /// 0 standard, 1 infrequent access.
        #[prost(uint32, tag = "1")]
        pub(super) class: u32,
        #[prost(uint64, optional, tag = "2")]
        pub(super) on_demand_read: Option<u64>,
        #[prost(uint64, optional, tag = "3")]
        pub(super) on_demand_write: Option<u64>,
        /// In byte order of the keys.
        #[prost(message, repeated, tag = "4")]
        pub(super) tags: Vec<Tag>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Tag {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }

    /// Absent: nothing was changed.
    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct History {
        #[prost(uint64, optional, tag = "1")]
        pub(super) on_demand: Option<u64>,
        #[prost(uint64, optional, tag = "2")]
        pub(super) increase: Option<u64>,
        #[prost(uint64, optional, tag = "3")]
        pub(super) decrease: Option<u64>,
        /// On the day of the last one.
        #[prost(uint32, tag = "4")]
        pub(super) decreases: u32,
        #[prost(uint64, optional, tag = "5")]
        pub(super) class: Option<u64>,
        #[prost(message, optional, tag = "6")]
        pub(super) warm: Option<Warmth>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Warmth {
        #[prost(uint64, tag = "1")]
        pub(super) read: u64,
        #[prost(uint64, tag = "2")]
        pub(super) write: u64,
    }
}

/// A table of version 1 was never changed by a client, and a manifest that changed one left no trace: what
/// is on demand counts as having been so from the beginning.
impl From<v1::Table> for v2::Table {
    fn from(table: v1::Table) -> Self {
        let on_demand = table.provisioned.is_none().then_some(table.created);
        let history = v2::History { on_demand, ..v2::History::default() };
        Self {
            name: table.name,
            version: table.version,
            status: table.status,
            created: table.created,
            partition_key: table.partition_key,
            sort_key: table.sort_key,
            provisioned: table.provisioned,
            deletion_protection: table.deletion_protection,
            hash_secret: table.hash_secret,
            settings: None,
            history: Some(history),
        }
    }
}

/// A table with local indexes. A version of its own, so that a program that knows nothing of them refuses
/// the table instead of writing items without their entries.
mod v3 {
    use bytes::Bytes;

    use super::local_index::LocalIndex;

    pub(super) const VERSION: u8 = 3;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Table {
        /// The record of the table without them, of an earlier version.
        #[prost(bytes = "bytes", tag = "1")]
        pub(super) plain: Bytes,
        #[prost(message, repeated, tag = "2")]
        pub(super) local_indexes: Vec<LocalIndex>,
    }
}

pub(crate) fn encode(table: &TableDescription) -> Bytes {
    let plain = encode_plain(table);
    if table.local_indexes.is_empty() {
        return plain;
    }
    let local_indexes = table.local_indexes.iter().map(local_index::message).collect();
    seal(v3::VERSION, &v3::Table { plain, local_indexes })
}

fn encode_plain(table: &TableDescription) -> Bytes {
    let message = v2::Table {
        name: table.name.clone(),
        version: table.version.get(),
        status: status_number(table.status),
        created: table.created.0,
        partition_key: Some(attribute_message(&table.key_schema.partition)),
        sort_key: table.key_schema.sort.as_ref().map(attribute_message),
        provisioned: match table.billing {
            Billing::Provisioned { read, write } => Some(v2::Provisioned { read, write }),
            Billing::PayPerRequest => None,
        },
        deletion_protection: table.deletion_protection,
        hash_secret: Bytes::copy_from_slice(table.hash_secret.as_bytes()),
        settings: Some(settings_message(&table.settings))
            .filter(|it| *it != v2::Settings::default()),
        history: Some(history_message(&table.history)).filter(|it| *it != v2::History::default()),
    };
    seal(v2::VERSION, &message)
}

pub(crate) fn decode(id: TableId, value: &[u8]) -> Result<TableDescription, Error> {
    match open(KIND, value)? {
        (v3::VERSION, message) => {
            let message: v3::Table = parse(KIND, message)?;
            let invalid = Error::Field { record: KIND, field: "local index" };
            let indexes = message.local_indexes.into_iter().map(local_index::index);
            let indexes: Option<Vec<LocalIndex>> = indexes.collect();
            let local_indexes = indexes.filter(|list| !list.is_empty()).ok_or(invalid)?;
            Ok(TableDescription { local_indexes, ..decode_plain(id, &message.plain)? })
        }
        (_, _) => decode_plain(id, value),
    }
}

fn decode_plain(id: TableId, value: &[u8]) -> Result<TableDescription, Error> {
    match open(KIND, value)? {
        (v1::VERSION, message) => from_v2(id, parse::<v1::Table>(KIND, message)?.into()),
        (v2::VERSION, message) => from_v2(id, parse(KIND, message)?),
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

fn from_v2(id: TableId, message: v2::Table) -> Result<TableDescription, Error> {
    let invalid = |field| Error::Field { record: KIND, field };
    if message.name.is_empty() {
        return Err(invalid("name"));
    }
    let partition = message.partition_key.and_then(attribute);
    let sort = match message.sort_key {
        Some(sort) => Some(attribute(sort).ok_or(invalid("sort key"))?),
        None => None,
    };
    Ok(TableDescription {
        id,
        name: message.name,
        version: DescriptionVersion::new(message.version),
        status: status(message.status).ok_or(invalid("status"))?,
        created: UnixMillis(message.created),
        key_schema: KeySchema { partition: partition.ok_or(invalid("partition key"))?, sort },
        local_indexes: Vec::new(),
        billing: match message.provisioned {
            Some(v2::Provisioned { read, write }) => Billing::Provisioned { read, write },
            None => Billing::PayPerRequest,
        },
        deletion_protection: message.deletion_protection,
        settings: settings(message.settings.unwrap_or_default()).ok_or(invalid("class"))?,
        history: history(message.history.unwrap_or_default()),
        hash_secret: HashSecret::from_bytes(array(KIND, "hash secret", &message.hash_secret)?),
    })
}

const fn status_number(status: TableStatus) -> u32 {
    match status {
        TableStatus::Creating => 1,
        TableStatus::Active => 2,
        TableStatus::Deleting => 3,
    }
}

const fn status(number: u32) -> Option<TableStatus> {
    match number {
        1 => Some(TableStatus::Creating),
        2 => Some(TableStatus::Active),
        3 => Some(TableStatus::Deleting),
        _ => None,
    }
}

fn settings_message(settings: &TableSettings) -> v2::Settings {
    let tag = |(key, value): (&str, &str)| v2::Tag { key: key.to_owned(), value: value.to_owned() };
    v2::Settings {
        class: match settings.class {
            TableClass::Standard => 0,
            TableClass::InfrequentAccess => 1,
        },
        on_demand_read: settings.on_demand.read,
        on_demand_write: settings.on_demand.write,
        tags: settings.tags.iter().map(tag).collect(),
    }
}

/// `None` for a class that is none.
fn settings(message: v2::Settings) -> Option<TableSettings> {
    let class = match message.class {
        0 => TableClass::Standard,
        1 => TableClass::InfrequentAccess,
        _ => return None,
    };
    let on_demand = OnDemandCaps { read: message.on_demand_read, write: message.on_demand_write };
    let tags = message.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Some(TableSettings { class, on_demand, tags })
}

fn history_message(history: &TableHistory) -> v2::History {
    let millis = |moment: Option<UnixMillis>| moment.map(|moment| moment.0);
    v2::History {
        on_demand: millis(history.on_demand),
        increase: millis(history.increase),
        decrease: millis(history.decrease),
        decreases: history.decreases,
        class: millis(history.class),
        warm: history.warm.map(|Warmth { read, write }| v2::Warmth { read, write }),
    }
}

fn history(message: v2::History) -> TableHistory {
    let moment = |millis: Option<u64>| millis.map(UnixMillis);
    TableHistory {
        on_demand: moment(message.on_demand),
        increase: moment(message.increase),
        decrease: moment(message.decrease),
        decreases: message.decreases,
        class: moment(message.class),
        warm: message.warm.map(|v2::Warmth { read, write }| Warmth { read, write }),
    }
}

pub(super) fn attribute_message(attribute: &KeyAttribute) -> v2::KeyAttribute {
    let key_type = match attribute.key_type {
        KeyType::S => 1,
        KeyType::N => 2,
        KeyType::B => 3,
    };
    v2::KeyAttribute { name: attribute.name.clone(), key_type }
}

pub(super) fn attribute(message: v2::KeyAttribute) -> Option<KeyAttribute> {
    let key_type = match message.key_type {
        1 => KeyType::S,
        2 => KeyType::N,
        3 => KeyType::B,
        _ => return None,
    };
    Some(KeyAttribute { name: message.name, key_type })
        .filter(|attribute| !attribute.name.is_empty())
}

#[cfg(test)]
mod tests {
    use stator_model::{
        Billing, DescriptionVersion, HashSecret, KeyAttribute, KeySchema, KeyType, LocalIndex,
        LocalIndexId, OnDemandCaps, Projection, TableClass, TableDescription, TableHistory,
        TableId, TableSettings, TableStatus, UnixMillis, Warmth,
    };

    use super::{decode, encode};
    use crate::{Error, RecordKind};

    const ID: TableId = TableId::from_bytes(*b"0123456789abcdef");

    fn table() -> TableDescription {
        let attribute = |name: &str, key_type| KeyAttribute { name: name.to_owned(), key_type };
        TableDescription {
            id: ID,
            name: "orders".to_owned(),
            version: DescriptionVersion::new(1),
            status: TableStatus::Active,
            created: UnixMillis(300),
            key_schema: KeySchema {
                partition: attribute("pk", KeyType::S),
                sort: Some(attribute("sk", KeyType::B)),
            },
            local_indexes: Vec::new(),
            billing: Billing::Provisioned { read: 5, write: 0 },
            deletion_protection: true,
            settings: TableSettings::default(),
            history: TableHistory::default(),
            hash_secret: HashSecret::from_bytes(*b"ABCDEFGHIJKLMNOP"),
        }
    }

    /// On demand, and nothing else of it set.
    fn plain() -> TableDescription {
        let mut plain = table();
        plain.status = TableStatus::Creating;
        plain.key_schema.partition.key_type = KeyType::N;
        plain.key_schema.sort = None;
        plain.billing = Billing::PayPerRequest;
        plain.deletion_protection = false;
        plain
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = b"\x02\x0a\x06orders\x10\x01\x18\x02\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x01\
            \x32\x06\x0a\x02sk\x10\x03\x3a\x02\x08\x05\x40\x01\x4a\x10ABCDEFGHIJKLMNOP";
        assert_eq!(encode(&table()), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(table()));

        let golden = b"\x02\x0a\x06orders\x10\x01\x18\x01\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x02\
            \x4a\x10ABCDEFGHIJKLMNOP";
        assert_eq!(encode(&plain()), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(plain()));
    }

    #[test]
    fn the_bytes_of_settings_and_history_are_golden() {
        let tags = [("team", "shop"), ("Team", ""), ("a", "b")];
        let tag = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let moment = |millis| Some(UnixMillis(millis));
        let mut full = plain();
        full.settings = TableSettings {
            class: TableClass::InfrequentAccess,
            on_demand: OnDemandCaps { read: Some(300), write: Some(1) },
            tags: tags.into_iter().map(tag).collect(),
        };
        full.history = TableHistory {
            on_demand: moment(300),
            increase: moment(301),
            decrease: moment(302),
            decreases: 4,
            class: moment(303),
            warm: Some(Warmth { read: 300, write: 0 }),
        };
        let golden = b"\x02\x0a\x06orders\x10\x01\x18\x01\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x02\
            \x4a\x10ABCDEFGHIJKLMNOP\
            \x52\x25\x08\x01\x10\xac\x02\x18\x01\
            \x22\x06\x0a\x04Team\x22\x06\x0a\x01a\x12\x01b\x22\x0c\x0a\x04team\x12\x04shop\
            \x5a\x13\x08\xac\x02\x10\xad\x02\x18\xae\x02\x20\x04\x28\xaf\x02\x32\x03\x08\xac\x02";
        assert_eq!(encode(&full), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(full));
    }

    #[test]
    fn records_of_version_1_are_read() {
        let golden = b"\x01\x0a\x06orders\x10\x01\x18\x02\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x01\
            \x32\x06\x0a\x02sk\x10\x03\x3a\x02\x08\x05\x40\x01\x4a\x10ABCDEFGHIJKLMNOP";
        assert_eq!(decode(ID, golden), Ok(table()));

        // On demand from the beginning, as version 1 told it.
        let golden = b"\x01\x0a\x06orders\x10\x01\x18\x01\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x02\
            \x4a\x10ABCDEFGHIJKLMNOP";
        let mut on_demand = plain();
        on_demand.history.on_demand = Some(on_demand.created);
        assert_eq!(decode(ID, golden), Ok(on_demand));
    }

    #[test]
    fn the_bytes_of_a_table_with_local_indexes_are_golden() {
        let index = |id, name: &str, projection| LocalIndex {
            id: LocalIndexId(id),
            name: name.to_owned(),
            sort: KeyAttribute { name: "at".to_owned(), key_type: KeyType::N },
            projection,
        };
        let mut table = table();
        let include = Projection::Include(vec!["a".to_owned(), "b".to_owned()]);
        table.local_indexes = vec![
            index(1, "all", Projection::All),
            index(2, "keys", Projection::KeysOnly),
            index(3, "some", include),
        ];
        let plain = b"\x02\x0a\x06orders\x10\x01\x18\x02\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x01\
            \x32\x06\x0a\x02sk\x10\x03\x3a\x02\x08\x05\x40\x01\x4a\x10ABCDEFGHIJKLMNOP";
        let indexes = b"\x12\x11\x08\x01\x12\x03all\x1a\x06\x0a\x02at\x10\x02\x20\x01\
            \x12\x12\x08\x02\x12\x04keys\x1a\x06\x0a\x02at\x10\x02\x20\x02\
            \x12\x18\x08\x03\x12\x04some\x1a\x06\x0a\x02at\x10\x02\x20\x03\x2a\x01a\x2a\x01b";
        let golden = [b"\x03\x0a\x38".as_slice(), plain, indexes].concat();
        assert_eq!(encode(&table), golden.as_slice());
        assert_eq!(decode(ID, &golden), Ok(table));

        let (record, field) = (RecordKind::Table, "local index");
        let none = [b"\x03\x0a\x38".as_slice(), plain].concat();
        assert_eq!(decode(ID, &none), Err(Error::Field { record, field }));
        let unknown = [&none[..], b"\x12\x11\x08\x01\x12\x03all\x1a\x06\x0a\x02at\x10\x02\x20\x04"];
        assert_eq!(decode(ID, &unknown.concat()), Err(Error::Field { record, field }));
    }

    #[test]
    fn free_capacity_is_not_pay_per_request() {
        let mut table = table();
        table.billing = Billing::Provisioned { read: 0, write: 0 };
        assert_eq!(decode(ID, &encode(&table)), Ok(table));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let record = RecordKind::Table;
        let check = |value: &[u8], field| {
            assert_eq!(decode(ID, value), Err(Error::Field { record, field }));
        };
        let head = b"\x02\x0a\x06orders".as_slice();
        let keyed = [head, b"\x2a\x06\x0a\x02pk\x10\x01"].concat();
        check(b"\x01", "name");
        check(b"\x02", "name");
        check(&[head, b"\x32\x06\x0a\x02sk\x10\x04"].concat(), "sort key");
        check(head, "status");
        check(&[head, b"\x18\x04"].concat(), "status");
        check(&[head, b"\x18\x01"].concat(), "partition key");
        check(&[head, b"\x18\x01\x2a\x02\x10\x01"].concat(), "partition key");
        check(&[&keyed, b"\x18\x01".as_slice()].concat(), "hash secret");
        check(&[&keyed, b"\x18\x01\x52\x02\x08\x02".as_slice()].concat(), "class");
        assert_eq!(decode(ID, b""), Err(Error::Empty { record }));
        assert_eq!(decode(ID, b"\x00"), Err(Error::UnknownVersion { record, version: 0 }));
        assert_eq!(decode(ID, b"\x04"), Err(Error::UnknownVersion { record, version: 4 }));
        assert!(matches!(decode(ID, b"\x01\x0a\x02\xff\xff"), Err(Error::Malformed { .. })));
    }
}
