//! The corpus of manifests under `testdata/`, each with its verdict in `testdata/verdicts.txt`.
//!
//! `good` and `bad` are for every reader of these objects, an API server's included; what is in
//! `unread` is refused as a file, before there is an object to judge. With the environment variable
//! STATOR_REWRITE=1 the verdicts are written into the file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use stator_admin::{Manifest, TableDefinition, check_unique, read};
use stator_model::{Billing, KeyAttribute, LocalIndex, TableClass, TableSettings};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn list(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(testdata().join(folder)).expect("a folder of the corpus");
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    let mut files: Vec<_> =
        entries.map(|entry| format!("{folder}/{}", name(entry.expect("an entry")))).collect();
    files.sort();
    files
}

fn verdict(file: &str) -> Result<String, String> {
    let bytes = std::fs::read(testdata().join(file)).expect("a file of the corpus");
    let manifests = read(file, &bytes).map_err(|error| error.to_string())?;
    check_unique(&manifests).map_err(|error| error.to_string())?;
    let lines: Vec<String> = manifests.iter().map(describe).collect();
    Ok(lines.join("\n"))
}

fn describe(manifest: &Manifest) -> String {
    let TableDefinition {
        name,
        key_schema,
        local_indexes,
        billing,
        deletion_protection,
        settings,
        min_partitions,
    } = &manifest.table;
    let key: Vec<String> = key_schema.attributes().map(attribute).collect();
    let billing = match billing {
        Billing::PayPerRequest => "on demand".to_owned(),
        Billing::Provisioned { read, write } => format!("{read} to read, {write} to write"),
    };
    let settings = describe_settings(settings);
    let protected = if *deletion_protection { ", protected" } else { "" };
    let partitions =
        min_partitions.map(|count| format!(", at least {count} partitions")).unwrap_or_default();
    let key = key.join(", ");
    let index = |index: &LocalIndex| {
        format!(", {} by {} holding {:?}", index.name, attribute(&index.sort), index.projection)
    };
    let indexes: String = local_indexes.iter().map(index).collect();
    format!(
        "{}: table {name}: key {key}{indexes}; {billing}{protected}{settings}{partitions}",
        manifest.place
    )
}

fn describe_settings(TableSettings { class, on_demand, tags }: &TableSettings) -> String {
    let mut settings = String::new();
    if *class != TableClass::Standard {
        let _ = write!(settings, ", {}", class.name());
    }
    for (cap, what) in [(on_demand.read, "read"), (on_demand.write, "write")] {
        if let Some(units) = cap {
            let _ = write!(settings, ", at most {units} to {what}");
        }
    }
    for (key, value) in tags.iter() {
        let _ = write!(settings, ", {key:?} is {value:?}");
    }
    settings
}

fn attribute(attribute: &KeyAttribute) -> String {
    format!("{} {}", attribute.name, attribute.key_type.name())
}

#[test]
fn every_file_of_the_corpus_has_its_verdict() {
    let mut verdicts = String::new();
    for (folder, accepted) in [("good", true), ("bad", false), ("unread", false)] {
        for file in list(folder) {
            let found = verdict(&file);
            assert_eq!(found.is_ok(), accepted, "{file}: {found:?}");
            let (Ok(text) | Err(text)) = found;
            assert!(text.lines().all(|line| line.starts_with(&file)), "{file}: {text}");
            let _ = writeln!(verdicts, "{text}");
        }
    }
    let path = testdata().join("verdicts.txt");
    if std::env::var_os("STATOR_REWRITE").is_some_and(|value| value == "1") {
        std::fs::write(&path, verdicts).expect("verdicts can be written");
        return;
    }
    let written = std::fs::read_to_string(&path).expect("the verdicts are there");
    let mut wrong = String::new();
    for line in written.lines().filter(|line| !verdicts.lines().any(|found| found == *line)) {
        let _ = writeln!(wrong, "- {line}");
    }
    for line in verdicts.lines().filter(|line| !written.lines().any(|old| old == *line)) {
        let _ = writeln!(wrong, "+ {line}");
    }
    assert!(wrong.is_empty(), "verdicts differ:\n{wrong}");
}
