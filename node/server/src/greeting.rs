//! What a person sees who started the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use stator_admin::TableDefinition;
use stator_model::{KeyAttribute, KeyType};
use stator_operation::OPERATIONS;

use crate::cli::{Dev, Storage};

/// Names of tables that are shown; a person wants to see that they are there, not all of them.
const SHOWN_TABLES: usize = 10;

/// The lines on standard output once the server serves. The first line is for programs too and does
/// not change.
pub(crate) fn greeting(
    client: SocketAddr,
    admin: SocketAddr,
    options: &Dev,
    tables: &[TableDefinition],
) -> String {
    let data = place(&options.storage());
    let mut lines = vec![
        format!("stator-node listening on http://{client}"),
        format!("data   {data}"),
        format!("admin  http://{admin} (/healthz, /readyz, /metrics)"),
    ];
    if !tables.is_empty() {
        lines.push(format!("tables {} (from manifests)", shown(tables)));
    }
    lines.push("Any credentials are accepted. Next:".to_owned());
    let mut reachable = client;
    if reachable.ip().is_unspecified() {
        reachable.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let region = &options.region;
    for command in commands(tables.first()) {
        lines.push(format!(
            "  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws dynamodb {command} \
             --endpoint-url http://{reachable} --region {region}"
        ));
    }
    lines.join("\n")
}

/// Where data goes, for people.
pub(crate) fn place(storage: &Storage) -> String {
    match storage {
        Storage::Directory(path) => format!("in {}", absolute(path)),
        Storage::Memory => "in memory only, gone when this process ends".to_owned(),
    }
}

fn shown(tables: &[TableDefinition]) -> String {
    let names: Vec<&str> = tables.iter().take(SHOWN_TABLES).map(|table| &*table.name).collect();
    let more = tables.len() - names.len();
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

/// Commands of the AWS CLI to try, on this table if there is one.
fn commands(table: Option<&TableDefinition>) -> Vec<String> {
    let mut commands = vec!["list-tables".to_owned()];
    let Some(table) = table else { return commands };
    let name = &table.name;
    commands.push(format!("describe-table --table-name {name}"));
    if let Some(key) = example_key(table) {
        commands.push(format!("put-item --table-name {name} --item '{key}'"));
        commands.push(if OPERATIONS.iter().any(|spec| spec.name == "Scan") {
            format!("scan --table-name {name}")
        } else {
            format!("get-item --table-name {name} --key '{key}'")
        });
    }
    commands
}

/// A key of the table, to be put between single quotes. `None` if its names need more quoting than that.
fn example_key(table: &TableDefinition) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let example = |attribute: &KeyAttribute| {
        let (key_type, value) = match attribute.key_type {
            KeyType::S => ("S", "example"),
            KeyType::N => ("N", "2026"),
            KeyType::B => ("B", "ZXhhbXBsZQ=="),
        };
        let name = &attribute.name;
        let member = format!(r#""{name}": {{"{key_type}": "{value}"}}"#);
        name.bytes().all(plain).then_some(member)
    };
    let members: Option<Vec<String>> = table.key_schema.attributes().map(example).collect();
    members.map(|members| format!("{{{}}}", members.join(", ")))
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use stator_model::{Billing, KeySchema, TableSettings};

    use super::*;
    use crate::cli::{Cli, Command};

    fn table(name: &str, key: &[(&str, KeyType)]) -> TableDefinition {
        let attribute = |(name, key_type): &(&str, KeyType)| KeyAttribute {
            name: (*name).to_owned(),
            key_type: *key_type,
        };
        let mut attributes = key.iter().map(attribute);
        let partition = attributes.next().expect("a key");
        TableDefinition {
            name: name.to_owned(),
            key_schema: KeySchema { partition, sort: attributes.next() },
            local_indexes: Vec::new(),
            billing: Billing::PayPerRequest,
            deletion_protection: false,
            settings: TableSettings::default(),
            min_partitions: None,
        }
    }

    fn greet(tables: &[TableDefinition]) -> Vec<String> {
        let line = ["stator-node", "dev", "--in-memory", "--region", "local"];
        let Command::Dev(options) = Cli::parse_from(line).command else { panic!("not dev") };
        let (client, admin) = ("0.0.0.0:8000".parse(), "127.0.0.1:1".parse());
        let text = greeting(client.expect("valid"), admin.expect("valid"), &options, tables);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_line_is_the_address_and_commands_name_one_that_can_be_reached() {
        let lines = greet(&[]);
        assert_eq!(lines[0], "stator-node listening on http://0.0.0.0:8000");
        let commands: Vec<_> = lines.iter().filter(|line| line.contains("aws dynamodb")).collect();
        assert_eq!(commands.len(), 1);
        assert!(commands[0].ends_with("--endpoint-url http://127.0.0.1:8000 --region local"));
    }

    #[test]
    fn commands_are_made_for_the_first_table_of_the_manifests() {
        let films = table("films", &[("title", KeyType::S), ("year", KeyType::N)]);
        let text = greet(&[films, table("six", &[("id", KeyType::B)])]).join("\n");
        assert!(text.contains("tables films, six (from manifests)"), "{text}");
        assert!(text.contains("describe-table --table-name films --endpoint-url"), "{text}");
        let item = r#"--item '{"title": {"S": "example"}, "year": {"N": "2026"}}' --endpoint-url"#;
        assert!(text.contains(item), "{text}");
    }

    #[test]
    fn many_tables_are_counted_and_names_that_need_quoting_are_not_pasted() {
        let tables: Vec<_> =
            (0..12).map(|number| table(&format!("t-{number}"), &[("it's", KeyType::S)])).collect();
        let text = greet(&tables).join("\n");
        assert!(text.contains("t-8, t-9 and 2 more (from manifests)"), "{text}");
        assert!(!text.contains("it's") && !text.contains("put-item"), "{text}");
    }
}
