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
    let data = match options.storage() {
        Storage::Directory(path) => format!("in {}", absolute(&path)),
        Storage::Memory => "in memory only, gone when this process ends".to_owned(),
    };
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
