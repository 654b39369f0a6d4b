//! Cuts through a run, and what the node makes of each.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stator_e2e::power_loss::{Disk, Faults, Image, Operation, Record, Trace, Tracing};
use stator_e2e::random::Random;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::points::Point;
use super::run::Run;
use crate::traffic::compare::{Found, get};
use crate::traffic::load::put_body;
use crate::traffic::{Connection, History, Process, compare};

/// How many cuts there are by default.
const CUTS: u64 = 100;

/// How many images are looked at side by side.
const ABREAST: usize = 2;

/// Where to cut.
pub(crate) struct Plan {
    /// Chooses the places, and with each place what its image holds.
    pub(crate) seed: u64,
    pub(crate) places: Places,
}

/// Which places.
pub(crate) enum Places {
    /// So many all over the run, more of them where something changes.
    Everywhere(u64),
    /// So many after the first write was acknowledged.
    Late(u64),
    /// This one; its image is kept.
    One(u64),
}

impl Plan {
    pub(crate) fn from_environment(seed: u64) -> Self {
        let everywhere = || Places::Everywhere(cuts());
        Self { seed, places: number("STATOR_CUT").map_or_else(everywhere, Places::One) }
    }

    /// The cuts in order, as lengths of the trace.
    fn places(&self, records: &[Record<'_>], history: &History) -> BTreeSet<u64> {
        let mut random = Random::new(self.seed);
        match self.places {
            Places::One(cut) => BTreeSet::from([cut]),
            Places::Everywhere(cuts) => {
                let classes = classes(records);
                (0..cuts).map(|at| draw(&mut random, records, &classes, at)).collect()
            }
            Places::Late(cuts) => {
                let first = history.first_acknowledged();
                let (_, late) = records.split_at(records.partition_point(|at| at.end < first));
                (0..cuts).map(|_| random.pick(late).end).collect()
            }
        }
    }
}

/// Records after which, and before which, it is worth to cut, in groups.
fn classes(records: &[Record<'_>]) -> Vec<Vec<usize>> {
    let select = |wanted: fn(&Operation<'_>) -> bool| -> Vec<usize> {
        let all = records.iter().enumerate();
        all.filter(|(_, record)| wanted(&record.operation)).map(|(at, _)| at).collect()
    };
    let syncs =
        select(|operation| matches!(operation, Operation::SyncReturn(_) | Operation::SyncCall(_)));
    let names = select(|operation| {
        matches!(
            operation,
            Operation::Create { .. }
                | Operation::Rename { .. }
                | Operation::Unlink { .. }
                | Operation::MakeDirectory { .. }
                | Operation::RemoveDirectory { .. }
        )
    });
    let starts = select(|operation| matches!(operation, Operation::Start));
    let shortly_after = |at: &usize| *at..(*at + 300).min(records.len());
    let starts = starts.iter().flat_map(shortly_after).collect();
    vec![(0..records.len()).collect(), syncs, names, starts]
}

fn draw(random: &mut Random, records: &[Record<'_>], classes: &[Vec<usize>], at: u64) -> u64 {
    let weights = [0, 0, 1, 1, 1, 2, 2, 3];
    let class = if at == 0 { 0 } else { *random.pick(&weights) };
    // The first cut is after everything, where there is the most to lose.
    let class_members = classes.get(class).expect("the weights name classes");
    let near = if at == 0 { records.len() - 1 } else { *random.pick(class_members) };
    let place = if class == 1 || class == 2 { near.saturating_sub(random.index(3)) } else { near };
    records.get(place).expect("one of the records").end
}

/// How many cuts to make.
pub(crate) fn cuts() -> u64 {
    number("STATOR_CUTS").unwrap_or(CUTS)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

/// What a campaign did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) images: u64,
    /// Of these, how many had the power fail a second time.
    pub(crate) second: u64,
    pub(crate) records: usize,
    pub(crate) syncs: usize,
    pub(crate) acknowledged: usize,
    pub(crate) compared: u64,
    pub(crate) entries: u64,
    /// Writes that were found though they were not acknowledged yet.
    pub(crate) unknown_found: u64,
}

/// An image that the node does not make good.
#[derive(Debug)]
pub(crate) struct Defect {
    cut: u64,
    origin: String,
    what: Vec<String>,
}

/// Cuts through one run.
pub(crate) struct Campaign<'r> {
    run: &'r Run,
    faults: Faults,
    /// After so many defective images the campaign ends: more tell nothing new.
    enough: usize,
    folder: TempDir,
    figures: Figures,
    defects: Vec<Defect>,
}

impl<'r> Campaign<'r> {
    pub(crate) fn new(run: &'r Run, faults: Faults, enough: usize) -> Self {
        // Images are read and written once; memory is the place for them.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_path_buf() } else { env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("stator-images-").tempdir_in(place);
        let folder = folder.expect("there is room for images");
        Self { run, faults, enough, folder, figures: Figures::default(), defects: Vec::new() }
    }

    pub(crate) const fn figures(&self) -> Figures {
        self.figures
    }

    pub(crate) fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// Makes the cuts.
    pub(crate) async fn cut(&mut self, plan: &Plan) {
        let records = self.run.trace.records();
        self.figures.records = records.len();
        let returned = |record: &&Record<'_>| matches!(record.operation, Operation::SyncReturn(_));
        self.figures.syncs = records.iter().filter(returned).count();
        self.figures.acknowledged = self.run.history.acknowledged();
        let mut places = plan.places(&records, &self.run.history).into_iter().peekable();
        let mut disk = Disk::new(self.faults);
        let mut checks = JoinSet::new();
        let history = Arc::new(self.run.history.clone());
        for record in &records {
            disk.step(&record.operation);
            let cut_here = places.next_if(|place| *place <= record.end).is_some();
            if !cut_here || self.defects.len() >= self.enough {
                continue;
            }
            let mut random = Random::new(plan.seed ^ record.end);
            let image = disk.image(random.next());
            let check = self.prepare(&image, record.end, &history, &mut random);
            if matches!(plan.places, Places::One(_)) {
                let kept = env::temp_dir().join(format!("stator-image-{}", record.end));
                image.write_to(&kept);
                println!("the image: {} ({})", kept.display(), image.origin());
            }
            if checks.len() >= ABREAST {
                let done = checks.join_next().await.expect("there are some");
                self.note(done.expect("a check does not panic"));
            }
            checks.spawn(check.run());
        }
        while let Some(done) = checks.join_next().await {
            self.note(done.expect("a check does not panic"));
        }
    }

    /// Crashes at these records, once as a kill and once as a power loss.
    pub(crate) async fn crash_at(&mut self, seed: u64, points: &BTreeMap<usize, Point>) {
        let records = self.run.trace.records();
        self.figures.records = records.len();
        self.figures.acknowledged = self.run.history.acknowledged();
        let mut disk = Disk::new(self.faults);
        let mut checks = JoinSet::new();
        let history = Arc::new(self.run.history.clone());
        for (at, record) in records.iter().enumerate() {
            disk.step(&record.operation);
            let Some(point) = points.get(&at) else { continue };
            let mut random = Random::new(seed ^ record.end);
            let power = disk.image(random.next());
            for (how, image) in [("a kill", disk.view()), ("a power loss", power)] {
                if self.defects.len() >= self.enough {
                    break;
                }
                let mut check = self.prepare(&image, record.end, &history, &mut random);
                check.origin = format!("{point:?}, {how}: {}", check.origin);
                if checks.len() >= ABREAST {
                    let done = checks.join_next().await.expect("there are some");
                    self.note(done.expect("a check does not panic"));
                }
                checks.spawn(check.run());
            }
        }
        while let Some(done) = checks.join_next().await {
            self.note(done.expect("a check does not panic"));
        }
    }

    fn prepare(
        &mut self,
        image: &Image,
        cut: u64,
        history: &Arc<History>,
        random: &mut Random,
    ) -> Check {
        self.figures.images += 1;
        let folder = self.folder.path().join(self.figures.images.to_string());
        fs::create_dir(&folder).expect("there is room");
        let folder = folder.canonicalize().expect("it is there");
        image.write_to(&folder.join("data"));
        Check {
            cut,
            origin: image.origin().to_owned(),
            second: random.one_in(4).then(|| random.fork()),
            tracing: Tracing {
                directory: folder.join("data"),
                trace: folder.join("trace"),
                kill_after: None,
            },
            interposer: self.run.interposer.clone(),
            folder,
            history: Arc::clone(history),
            compared: 0,
            entries: 0,
            unknown_found: 0,
        }
    }

    fn note(&mut self, (check, what): (Check, Vec<String>)) {
        self.figures.second += u64::from(check.second.is_some());
        self.figures.compared += check.compared;
        self.figures.entries += check.entries;
        self.figures.unknown_found += check.unknown_found;
        fs::remove_dir_all(&check.folder).expect("our own files can be removed");
        if !what.is_empty() {
            self.defects.push(Defect { cut: check.cut, origin: check.origin, what });
        }
    }

    /// What each defect is.
    pub(crate) fn describe(&self) -> String {
        let describe = |defect: &Defect| {
            format!("cut {}, {}:\n  {}\n", defect.cut, defect.origin, defect.what.join("\n  "))
        };
        self.defects.iter().map(describe).collect()
    }

    /// The defects, and how to see each again.
    pub(crate) fn explain(&self, run: &Path, seed: u64) -> String {
        let explain = |defect: &Defect| {
            format!(
                "cut {}, {}:\n  {}\n  again: STATOR_TRACE={} STATOR_SEED={seed} STATOR_CUT={} \
                 cargo test -p stator-e2e --test it power_loss_at_any -- --nocapture\n",
                defect.cut,
                defect.origin,
                defect.what.join("\n  "),
                run.display(),
                defect.cut,
            )
        };
        self.defects.iter().map(explain).collect()
    }
}

/// One image to look at.
struct Check {
    cut: u64,
    origin: String,
    /// If the power is to fail again while the node recovers.
    second: Option<Random>,
    interposer: stator_e2e::power_loss::Interposer,
    tracing: Tracing,
    folder: PathBuf,
    history: Arc<History>,
    compared: u64,
    entries: u64,
    unknown_found: u64,
}

impl Check {
    async fn run(mut self) -> (Self, Vec<String>) {
        let mut data = self.tracing.directory.clone();
        if let Some(random) = self.second.take() {
            let mut again = random.clone();
            self.second = Some(random);
            match self.fail_again(&mut again).await {
                Ok(second) => data = second,
                Err(defect) => return (self, vec![defect]),
            }
        }
        let log = self.folder.join("stderr.log");
        let process = match Process::start(&data, &log, &[]).await {
            Ok(process) => process,
            Err(refusal) => return (self, vec![refusal.to_string()]),
        };
        let mut defects = Vec::new();
        if let Err(error) = self.compare(&process, &mut defects).await {
            defects.push(format!("it stopped answering ({error}):\n{}", process.log_tail()));
        }
        process.kill().await;
        let log = fs::read_to_string(&log).unwrap_or_default();
        let errors = log.lines().filter(|line| line.contains(" ERROR "));
        defects.extend(errors.map(|line| format!("it logged {line}")));
        (self, defects)
    }

    /// Starts the node on the image, cuts through its recovery, and returns the image after that.
    async fn fail_again(&mut self, random: &mut Random) -> Result<PathBuf, String> {
        let before = Disk::holding(&self.tracing.directory);
        let environment = self.interposer.environment(&self.tracing);
        let log = self.folder.join("first.log");
        let process = Process::start(&self.tracing.directory, &log, &environment).await;
        let process = process.map_err(|refusal| refusal.to_string())?;
        process.stop().await;
        let trace = Trace::new(fs::read(&self.tracing.trace).expect("it was traced"));
        let mut disk = before;
        let records = trace.records();
        let cut = 1 + random.index(records.len());
        records.iter().take(cut).for_each(|record| disk.step(&record.operation));
        let image = disk.image(random.next());
        self.origin += &format!("; again after record {cut} of the recovery: {}", image.origin());
        let data = self.folder.join("data-2");
        image.write_to(&data);
        Ok(data)
    }

    async fn compare(&mut self, process: &Process, defects: &mut Vec<String>) -> io::Result<()> {
        let mut connection = Connection::open(process.address).await?;
        let found = compare(&mut connection, &self.history, self.cut).await?;
        self.compared += found.keys;
        self.entries += found.entries;
        self.unknown_found += found.unknown_found;
        defects.extend(found.defects);
        defects.extend(found.error.map(|error| format!("{} reads fail: {error}", found.errors)));
        for table in &found.tables {
            let body = put_body(table, "afterwards", 1, "1:written");
            let answer = connection.call("PutItem", &body).await?;
            let found = get(&mut connection, table, "afterwards").await?;
            if answer.status != 200 || !matches!(found, Found::Item(value) if value == "1:written")
            {
                defects.push(format!("table {table} takes no write: {}", answer.body));
            }
        }
        Ok(())
    }
}
