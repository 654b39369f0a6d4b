//! The README's tour, run as it stands: what a newcomer pastes must work.
//!
//! Every fenced block whose info string ends in `tour` is run in order, each in a process of its own.
//! A `json tour` block is what the block before it must print: one JSON value or several.

use std::fs;
use std::path::Path;

use stator_e2e::site::{Node, Site};

use crate::clients::{client_programs, repository, run_against};

/// Where the README says that the database is.
const ENDPOINT: &str = "http://127.0.0.1:8000";

/// A fenced block: its language and its text.
type Block = (String, String);

/// The blocks of the tour, in order.
fn tour(readme: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(language) = info.strip_suffix(" tour") {
            blocks.push((language.to_owned(), text.join("\n")));
        }
    }
    blocks
}

async fn run_block(node: &Node, language: &str, text: &str) -> String {
    let text = text.replace(ENDPOINT, &node.endpoint());
    match language {
        "sh" => run_against(node, Path::new("bash"), &["-euc", &text]).await,
        "python" => run_against(node, &client_programs().join("python"), &["-c", &text]).await,
        other => panic!("the tour has a block in {other}"),
    }
}

#[tokio::test]
async fn the_tour_of_the_readme_works_as_it_stands() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let blocks = tour(&readme);
    let languages: Vec<&str> = blocks.iter().map(|(language, _)| language.as_str()).collect();
    let expected = ["sh", "python", "sh", "json", "sh", "json", "python", "sh"];
    assert_eq!(languages, expected, "the tour is found");

    let mut site = Site::new();
    // As `make run` starts it.
    site.add_argument("--manifests");
    site.add_argument(repository().join("e2e/samples"));
    let node = site.start().await;
    let mut printed = String::new();
    for (language, text) in &blocks {
        if language == "json" {
            let parse = |text: &str| {
                let values = serde_json::Deserializer::from_str(text).into_iter();
                values.collect::<Result<Vec<serde_json::Value>, _>>().expect("JSON")
            };
            assert_eq!(parse(&printed), parse(text));
        } else {
            printed = run_block(&node, language, text).await;
        }
    }
    site.assert_quiet();
}
