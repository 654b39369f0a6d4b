//! Power loss on real files: whatever was acknowledged is there afterwards, whatever was not sent is
//! not, nothing is half there, and the node starts.
//!
//! The real binary runs under load with the library of `stator_e2e::power_loss` preloaded, which
//! records what it does to its files; some of its processes are killed on the way. Then, for many cuts
//! through that record, a directory is made as a disk may be found if the power failed there: what a
//! sync vouches for is in it, anything else only perhaps. The binary is started on it, and every key
//! is read and compared with what was acknowledged before the cut. After some cuts the power fails a
//! second time while the node recovers.
//!
//! | variable | what it does |
//! |---|---|
//! | `STATOR_CUTS` | how many cuts, 100 by default |
//! | `STATOR_SEED` | decides the load, the cuts, and what each image holds |
//! | `STATOR_TRACE` | a recorded run (a failure keeps its own) to cut instead of recording one |
//! | `STATOR_CUT` | the one cut to make; the image is kept and its path printed |

mod campaign;
mod points;
mod run;

use std::collections::BTreeMap;

use stator_e2e::power_loss::Faults;
use stator_e2e::random::{Random, seed};
use stator_e2e::run::evidence;

use campaign::{Campaign, Places, Plan, cuts};
use points::Point;
use run::{Run, Size};

/// So many defective images say all that can be said.
const ENOUGH: usize = 8;

/// How many cuts a planted fault may stay unnoticed; about one image in three shows one.
const CUTS_TO_FIND_A_FAULT: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_at_any_moment_loses_invents_and_tears_nothing() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let run = match std::env::var_os("STATOR_TRACE") {
        Some(folder) => Run::open(folder.into()),
        None => Run::record(seed, Size::Full).await,
    };
    let plan = Plan::from_environment(seed);
    let mut campaign = Campaign::new(&run, Faults::default(), ENOUGH);
    campaign.cut(&plan).await;
    let figures = campaign.figures();
    if !campaign.defects().is_empty() {
        let folder = run.keep();
        panic!(
            "{} of {} images are defective; the run is kept. The first ones:\n{}",
            campaign.defects().len(),
            figures.images,
            campaign.explain(&folder, seed)
        );
    }
    assert!(figures.acknowledged > 0, "a run that wrote nothing shows nothing");
    evidence(
        "power-loss",
        &[
            ("seed", &seed),
            ("cuts", &figures.images),
            ("cuts_during_recovery", &figures.second),
            ("trace_records", &figures.records),
            ("syncs", &figures.syncs),
            ("acknowledged_writes", &figures.acknowledged),
            ("keys_compared", &figures.compared),
            ("index_entries_compared", &figures.entries),
            ("unsynced_writes_found", &figures.unknown_found),
            ("lost", &0),
            ("invented", &0),
            ("torn", &0),
            ("refused_to_start", &0),
        ],
    );
}

/// For so many cuts elsewhere there is one at each named point.
const CUTS_A_POINT: u64 = 50;

/// The cuts are not left to chance here: each point of the write path is met, as a kill leaves the files
/// there and as a power loss may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_each_point_of_the_write_path_loses_invents_and_tears_nothing() {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let run = match std::env::var_os("STATOR_TRACE") {
        Some(folder) => Run::open(folder.into()),
        None => Run::record(seed, Size::Full).await,
    };
    let found = points::find(&run.trace.records());
    let missed: Vec<_> = Point::ALL.iter().filter(|point| !found.contains_key(point)).collect();
    if !missed.is_empty() {
        panic!("the load never came to {missed:?}; the run is kept in {}", run.keep().display());
    }
    for (point, places) in &found {
        println!("{point:?}: {} times", places.len());
    }
    let chosen = choose(seed, &found);
    let mut campaign = Campaign::new(&run, Faults::default(), ENOUGH);
    campaign.crash_at(seed, &chosen).await;
    let figures = campaign.figures();
    if !campaign.defects().is_empty() {
        panic!(
            "{} of {} images are defective:\n{}again: STATOR_TRACE={} STATOR_SEED={seed} cargo test \
             -p stator-e2e --test it each_point -- --nocapture",
            campaign.defects().len(),
            figures.images,
            campaign.describe(),
            run.keep().display(),
        );
    }
    evidence(
        "crash-points",
        &[
            ("seed", &seed),
            ("named_points", &found.len()),
            ("times_they_are_in_the_trace", &found.values().map(Vec::len).sum::<usize>()),
            ("images", &figures.images),
            ("crashes_during_recovery", &figures.second),
            ("trace_records", &figures.records),
            ("acknowledged_writes", &figures.acknowledged),
            ("keys_compared", &figures.compared),
            ("index_entries_compared", &figures.entries),
            ("lost", &0),
            ("invented", &0),
            ("torn", &0),
            ("refused_to_start", &0),
        ],
    );
}

/// Some records for each point.
fn choose(seed: u64, found: &BTreeMap<Point, Vec<usize>>) -> BTreeMap<usize, Point> {
    let mut random = Random::new(seed);
    let each = cuts().div_ceil(CUTS_A_POINT).max(1);
    let mut chosen = BTreeMap::new();
    for (point, places) in found {
        for _ in 0..each {
            chosen.insert(*random.pick(places), *point);
        }
    }
    chosen
}

/// The test bed finds what it is there for: with a sync taken away it must not stay green.
async fn assert_found(faults: Faults) {
    let seed = seed();
    println!("STATOR_SEED={seed}");
    let run = Run::record(seed, Size::Small).await;
    let mut campaign = Campaign::new(&run, faults, 1);
    campaign.cut(&Plan { seed, places: Places::Late(CUTS_TO_FIND_A_FAULT) }).await;
    let images = campaign.figures().images;
    assert!(!campaign.defects().is_empty(), "{faults:?} was not noticed in {images} images");
    println!("{faults:?}: noticed in {images} images");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_synced_is_found_out() {
    assert_found(Faults { forget_syncs_of: Some("log/"), ..Faults::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_that_are_not_synced_are_found_out() {
    assert_found(Faults { forget_directories: true, ..Faults::default() }).await;
}
