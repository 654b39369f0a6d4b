//! The record of a table.

use bytes::Bytes;
use stator_model::{
    Billing, DescriptionVersion, HashSecret, KeyAttribute, KeySchema, KeyType, LocalIndex,
    TableDescription, TableId, TableStatus, UnixMillis,
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
    let message = v1::Table {
        name: table.name.clone(),
        version: table.version.get(),
        status: status_number(table.status),
        created: table.created.0,
        partition_key: Some(attribute_message(&table.key_schema.partition)),
        sort_key: table.key_schema.sort.as_ref().map(attribute_message),
        provisioned: match table.billing {
            Billing::Provisioned { read, write } => Some(v1::Provisioned { read, write }),
            Billing::PayPerRequest => None,
        },
        deletion_protection: table.deletion_protection,
        hash_secret: Bytes::copy_from_slice(table.hash_secret.as_bytes()),
    };
    seal(v1::VERSION, &message)
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
        (v1::VERSION, message) => from_v1(id, parse(KIND, message)?),
        (version, _) => Err(Error::UnknownVersion { record: KIND, version }),
    }
}

fn from_v1(id: TableId, message: v1::Table) -> Result<TableDescription, Error> {
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
            Some(v1::Provisioned { read, write }) => Billing::Provisioned { read, write },
            None => Billing::PayPerRequest,
        },
        deletion_protection: message.deletion_protection,
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

pub(super) fn attribute_message(attribute: &KeyAttribute) -> v1::KeyAttribute {
    let key_type = match attribute.key_type {
        KeyType::S => 1,
        KeyType::N => 2,
        KeyType::B => 3,
    };
    v1::KeyAttribute { name: attribute.name.clone(), key_type }
}

pub(super) fn attribute(message: v1::KeyAttribute) -> Option<KeyAttribute> {
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
        LocalIndexId, Projection, TableDescription, TableId, TableStatus, UnixMillis,
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
            hash_secret: HashSecret::from_bytes(*b"ABCDEFGHIJKLMNOP"),
        }
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = b"\x01\x0a\x06orders\x10\x01\x18\x02\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x01\
            \x32\x06\x0a\x02sk\x10\x03\x3a\x02\x08\x05\x40\x01\x4a\x10ABCDEFGHIJKLMNOP";
        assert_eq!(encode(&table()), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(table()));

        let mut plain = table();
        plain.status = TableStatus::Creating;
        plain.key_schema.partition.key_type = KeyType::N;
        plain.key_schema.sort = None;
        plain.billing = Billing::PayPerRequest;
        plain.deletion_protection = false;
        let golden = b"\x01\x0a\x06orders\x10\x01\x18\x01\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x02\
            \x4a\x10ABCDEFGHIJKLMNOP";
        assert_eq!(encode(&plain), golden.as_slice());
        assert_eq!(decode(ID, golden), Ok(plain));
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
        let plain = b"\x01\x0a\x06orders\x10\x01\x18\x02\x20\xac\x02\x2a\x06\x0a\x02pk\x10\x01\
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
        let head = b"\x01\x0a\x06orders".as_slice();
        let keyed = [head, b"\x2a\x06\x0a\x02pk\x10\x01"].concat();
        check(b"\x01", "name");
        check(&[head, b"\x32\x06\x0a\x02sk\x10\x04"].concat(), "sort key");
        check(head, "status");
        check(&[head, b"\x18\x04"].concat(), "status");
        check(&[head, b"\x18\x01"].concat(), "partition key");
        check(&[head, b"\x18\x01\x2a\x02\x10\x01"].concat(), "partition key");
        check(&[&keyed, b"\x18\x01".as_slice()].concat(), "hash secret");
        assert_eq!(decode(ID, b""), Err(Error::Empty { record }));
        assert_eq!(decode(ID, b"\x00"), Err(Error::UnknownVersion { record, version: 0 }));
        assert!(matches!(decode(ID, b"\x01\x0a\x02\xff\xff"), Err(Error::Malformed { .. })));
    }
}
