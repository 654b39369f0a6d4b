//! Damage to any file of a data directory: the node says so and names the file, or serves everything
//! right, or answers what it cannot read with an error, or ends and names the file. Never does it answer
//! with a wrong item or with none.
//!
//! The real node fills a directory under load and is killed at a moment at which there is a file of every
//! kind ([`specimen`]). Then, for file after file, a copy is harmed ([`harm`]): a byte flipped, a block
//! zeroed, the file cut short, zeroed, removed, or replaced by an older copy of itself. The node is
//! started on it, and every key is read and compared with what was acknowledged ([`verdict`]).
//!
//! Every day each kind of file is harmed in each way once, which of several like files is left to the
//! seed. With `STATOR_CASES` above 1 each file is.
//!
//! | variable | what it does |
//! |---|---|
//! | `STATOR_CASES` | above 1: harm all files, not one of each kind |
//! | `STATOR_SEED` | decides the load, the files, and where they are harmed |
//! | `STATOR_SPECIMEN` | a filled directory (a failure keeps its own) to harm instead of filling one |
//! | `STATOR_HARM` | only the cases whose name contains this, as `flip store/0.jnl` |

mod directory;
mod harm;
mod specimen;
mod verdict;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::Arc;

use stator_e2e::random::{Random, seed};
use stator_e2e::run::{cases, evidence};
use tokio::task::JoinSet;

use directory::Kind;
use harm::{Case, Harm};
use specimen::Specimen;
use verdict::{Outcome, Verdict};

/// How many damaged directories are looked at side by side.
const ABREAST: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_to_any_file_is_named_or_harmless_and_never_answered_with_a_wrong_item() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let specimen = Arc::new(match env::var_os("STATOR_SPECIMEN") {
        Some(folder) => Specimen::open(Path::new(&folder)),
        None => Specimen::make(seed).await,
    });
    let cases = choose(&specimen, seed);
    let mut tally = Tally::default();
    let mut checks = JoinSet::new();
    for case in cases {
        if checks.len() >= ABREAST {
            tally.note(checks.join_next().await.expect("there are some").expect("no panic"));
        }
        let specimen = Arc::clone(&specimen);
        checks.spawn(async move {
            let outcome = verdict::judge(&specimen, &case).await;
            (case, outcome)
        });
    }
    while let Some(done) = checks.join_next().await {
        tally.note(done.expect("a check does not panic"));
    }
    if !tally.defects.is_empty() {
        let folder = specimen.keep();
        panic!(
            "{} of {} damaged directories are not dealt with; the directory is kept:\n{}\
             again: STATOR_SPECIMEN={} STATOR_SEED={seed} STATOR_HARM='…' cargo test -p stator-e2e \
             --test it damage_to -- --nocapture",
            tally.defects.len(),
            tally.cases,
            tally.defects.concat(),
            folder.display(),
        );
    }
    tally.report(seed);
}

/// The cases to try, in any order.
fn choose(specimen: &Specimen, seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let wanted = env::var("STATOR_HARM").ok();
    let all = cases(1) > 1 || wanted.is_some();
    let mut like: BTreeMap<(Kind, Harm), Vec<Case>> = BTreeMap::new();
    for case in specimen.cases(seed) {
        if wanted.as_ref().is_none_or(|wanted| case.name().contains(wanted.as_str())) {
            like.entry((case.kind, case.harm)).or_default().push(case);
        }
    }
    let pick = |cases: Vec<Case>| {
        if all { cases } else { vec![random.pick(&cases).clone()] }
    };
    like.into_values().flat_map(pick).collect()
}

/// What a run found.
#[derive(Default)]
struct Tally {
    cases: u64,
    kinds: BTreeMap<Kind, u64>,
    refused: u64,
    served: u64,
    errors: u64,
    ended: u64,
    compared: u64,
    entries: u64,
    failed_reads: u64,
    defects: Vec<String>,
}

impl Tally {
    fn note(&mut self, (case, outcome): (Case, Outcome)) {
        self.cases += 1;
        *self.kinds.entry(case.kind).or_default() += 1;
        self.compared += outcome.compared;
        self.entries += outcome.entries;
        self.failed_reads += outcome.failed_reads;
        if env::var_os("STATOR_HARM").is_some() {
            println!("{}: {:?}", case.name(), outcome.verdict);
        }
        match outcome.verdict {
            Verdict::Refused => self.refused += 1,
            Verdict::Served => self.served += 1,
            Verdict::Errors => self.errors += 1,
            Verdict::Ended => self.ended += 1,
            Verdict::Defective(what) => self.defects.push(format!("{}: {what}\n", case.name())),
        }
    }

    fn report(&self, seed: u64) {
        if env::var_os("STATOR_HARM").is_none() {
            let missing: Vec<_> =
                Kind::ALL.iter().filter(|kind| !self.kinds.contains_key(kind)).collect();
            assert!(missing.is_empty(), "no file of these kinds was harmed: {missing:?}");
        }
        evidence(
            "damage",
            &[
                ("seed", &seed),
                ("damaged_directories", &self.cases),
                ("kinds_of_files", &self.kinds.len()),
                ("refused_with_the_name_of_the_file", &self.refused),
                ("served_in_full", &self.served),
                ("served_with_failed_reads", &self.errors),
                ("ended_with_the_name_of_the_file", &self.ended),
                ("keys_compared", &self.compared),
                ("index_entries_compared", &self.entries),
                ("failed_reads", &self.failed_reads),
                ("wrong_or_missing_items", &0),
            ],
        );
    }
}
