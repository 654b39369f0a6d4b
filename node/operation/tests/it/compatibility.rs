//! What is compatible with the service, and which test says so: `docs/compatibility.md` is generated here
//! and compared. `STATOR_REWRITE=1` writes the page anew.
//!
//! The page has three parts. Which parameters of which operations work is asked of the operations
//! ([`parameters`]). What the service does is a list of rules (`compatibility/rules.txt`), which tests cite
//! by name ([`evidence`]). What it says is a list of texts (`compatibility/messages.txt`), which sessions
//! answer. A rule that no test cites, and a text that no session answers, is a gap, and named as one.

mod evidence;
mod parameters;
mod rules;

use std::fmt::Write as _;
use std::path::Path;

use stator_operation::{OPERATIONS, Operation};
use stator_protocol::Target;

use evidence::Evidence;
use parameters::{DIFFERENCES, Support, api, difference, support};
use rules::{Rule, Section, sections};

/// Where the generated part of the page begins.
const BEGIN: &str = "## Gaps\n";

/// The texts of the service's errors, by what they are about.
fn messages() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("compatibility/messages.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// The page's generated part.
fn generate() -> String {
    let (sections, evidence) = (sections(), Evidence::collect());
    [
        gaps(&sections, &evidence),
        differences(&sections),
        operations(&sections).0,
        rules(&sections, &evidence),
        texts(&evidence),
    ]
    .concat()
}

fn gaps(sections: &[Section], evidence: &Evidence) -> String {
    let all: Vec<&Rule> = sections.iter().flat_map(|section| &section.rules).collect();
    let untested =
        |rule: &&&Rule| !evidence.citations.contains_key(rule.name) && rule.difference.is_none();
    let rules: Vec<String> = all.iter().filter(untested).map(|rule| link(rule)).collect();
    let is_text = |line: &&str| !line.starts_with("## ");
    let unsaid = messages().filter(is_text).filter(|text| evidence.answering(text).is_empty());
    let texts: Vec<String> = unsaid.map(|text| format!("- `{text}`\n")).collect();
    let rules = match rules.as_slice() {
        [] => "each with a test that cites it, or a known difference.".to_owned(),
        some => format!("{} of them cited by no test: {}.", some.len(), some.join(", ")),
    };
    let texts = match texts.as_slice() {
        [] => "each answered in a session.\n".to_owned(),
        some => format!("{} of them answered in no session:\n{}", some.len(), some.concat()),
    };
    let said = messages().filter(is_text).count();
    format!("{BEGIN}\n{} rules, {rules}\n\n{said} texts, {texts}", all.len())
}

fn differences(sections: &[Section]) -> String {
    let mut list = String::from("\n## Known differences\n\n");
    for rule in sections.iter().flat_map(|section| &section.rules) {
        if let Some(difference) = rule.difference {
            let _ = writeln!(list, "- {}: {} Here: {difference}", link(rule), rule.text);
        }
    }
    for (operation, parameter, text) in DIFFERENCES {
        let dot = if parameter.is_empty() { "" } else { "." };
        let _ = writeln!(list, "- `{operation}{dot}{parameter}`: {text}.");
    }
    list
}

fn link(rule: &Rule) -> String {
    format!("[{0}](#{0})", rule.name)
}

/// The table of operations and parameters, and the parameters that nobody reads.
fn operations(sections: &[Section]) -> (String, Vec<String>) {
    let rules_of = |place: &str| {
        let rules = sections.iter().flat_map(|section| &section.rules);
        rules.filter(|rule| rule.is_about(place)).map(link).collect::<Vec<_>>().join(" ")
    };
    let mut built = String::from(
        "\n## Operations and parameters\n\n\
         | operation | parameter | works | rules | otherwise than in DynamoDB |\n|---|---|---|---|---|\n",
    );
    let (mut unbuilt, mut ignored) = (Vec::new(), Vec::new());
    for (target, parameters) in api() {
        let (_, name) = target.split_once('.').expect("a target has a dot");
        let parsed = Target::parse(Some(target)).expect("a good target");
        let operation = match Operation::from_target(parsed) {
            Ok(operation) => operation,
            Err(error) => {
                let said = error.message().unwrap_or_default();
                assert!(said.contains(name), "{target} is of the API: {error}");
                unbuilt.push(format!("`{name}`"));
                continue;
            }
        };
        let _ = writeln!(
            built,
            "| **{name}** | | yes | {} | {} |",
            rules_of(name),
            difference(name, "")
        );
        for parameter in parameters {
            let works = match support(operation, name, parameter) {
                Support::Works => "yes",
                Support::Refused if difference(name, parameter).is_empty() => "refused by name",
                Support::Refused => "partly, else refused by name",
                Support::Ignored => {
                    ignored.push(format!("{name} {parameter}"));
                    "ignored"
                }
            };
            let rules = rules_of(&format!("{name}.{parameter}"));
            let note = difference(name, parameter);
            let _ = writeln!(built, "| | `{parameter}` | {works} | {rules} | {note} |");
        }
    }
    let unbuilt = unbuilt.join(", ");
    (format!("{built}\nOperations that are not built, and say so: {unbuilt}.\n"), ignored)
}

fn rules(sections: &[Section], evidence: &Evidence) -> String {
    let mut page = String::from("\n## Rules\n");
    for section in sections {
        let _ = writeln!(page, "\n### {}\n", section.title);
        page.push_str("| rule | what the service does | from | tests |\n|---|---|---|---|\n");
        for rule in &section.rules {
            let tests = evidence.citations.get(rule.name);
            let tests = match (tests, rule.difference) {
                (Some(tests), _) => tests.iter().cloned().collect::<Vec<_>>().join(", "),
                (None, Some(_)) => "see the differences".to_owned(),
                (None, None) => "**none**".to_owned(),
            };
            let Rule { name, text, source, .. } = rule;
            let _ = writeln!(page, "| <a id=\"{name}\"></a>{name} | {text} | {source} | {tests} |");
        }
    }
    page
}

fn texts(evidence: &Evidence) -> String {
    let mut page = String::from("\n## Texts of errors\n");
    for line in messages() {
        if let Some(title) = line.strip_prefix("## ") {
            let _ = writeln!(page, "\n### Texts: {title}\n\n| text | a session |\n|---|---|");
            continue;
        }
        // One will do, and the page does not change with every session that is written.
        let session = evidence.answering(line).first().copied().unwrap_or("**none**");
        let _ = writeln!(page, "| `{line}` | {session} |");
    }
    page
}

#[test]
fn every_parameter_of_the_api_is_read() {
    let (_, ignored) = operations(&[]);
    assert!(ignored.is_empty(), "nobody reads {ignored:?}");
}

#[test]
fn the_list_of_the_api_has_every_operation_that_is_built_and_every_difference_its_place() {
    let listed: Vec<_> = api().collect();
    for spec in OPERATIONS {
        let target = format!("DynamoDB_20120810.{}", spec.name);
        assert!(listed.iter().any(|(listed, _)| *listed == target), "{target}");
    }
    for (operation, parameter, _) in DIFFERENCES {
        assert!(is_place(operation, parameter), "{operation} {parameter}");
    }
}

/// Whether the API has this operation, and this parameter of it unless that is empty.
fn is_place(operation: &str, parameter: &str) -> bool {
    let target = format!("DynamoDB_20120810.{operation}");
    let found = api().find(|(listed, _)| *listed == target);
    found.is_some_and(|(_, parameters)| parameter.is_empty() || parameters.contains(&parameter))
}

#[test]
fn every_rule_has_its_place_and_every_citation_its_rule() {
    let sections = sections();
    let rules: Vec<&Rule> = sections.iter().flat_map(|section| &section.rules).collect();
    for rule in &rules {
        for place in rule.places.iter().filter(|place| **place != "*") {
            let (operation, parameter) = place.split_once('.').unwrap_or((place, ""));
            assert!(is_place(operation, parameter), "{} is about {place}, which is not", rule.name);
        }
        assert!(!rule.text.contains('|'), "{} would be two cells", rule.name);
    }
    for (name, tests) in &Evidence::collect().citations {
        assert!(rules.iter().any(|rule| rule.name == name), "{tests:?} cite {name}, which is not");
    }
}

#[test]
fn the_page_says_what_works() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let page = std::fs::read_to_string(&path).expect("the page exists");
    let at = page.find(BEGIN).expect("the page has a generated part");
    let generated = generate();
    if std::env::var_os("STATOR_REWRITE").is_some_and(|value| value == "1") {
        std::fs::write(&path, format!("{}{generated}", &page[..at])).expect("is written");
        return;
    }
    let same = page[at..] == generated;
    let differ = page[at..].lines().zip(generated.lines()).find(|(there, now)| there != now);
    assert!(
        same,
        "STATOR_REWRITE=1 cargo test -p stator-operation writes it anew; the first difference: \
         {differ:?}"
    );
}
