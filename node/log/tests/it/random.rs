//! Random operations and random ends, compared with the model.

use bytes::Bytes;
use proptest::prelude::*;
use stator_log::memory_dir::Fault;
use stator_log::{Error, Log, MemoryDir, Record};
use stator_model::Term;

use crate::model::Model;
use crate::support::{cases, group, index, open, replica, tablet, try_open};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Saying>),
    Mark,
    Apply(u64),
    Persist,
    Rotate,
    Release,
    Prepare,
    Kill,
    Crash(u64),
}

/// A record, to be made to fit what is known.
#[derive(Clone, Debug)]
enum Saying {
    /// An entry that replaces so many of the last ones.
    Entry {
        group: u64,
        replaces: u64,
        size: usize,
    },
    HardState {
        group: u64,
        term: u64,
        vote: Option<u64>,
    },
    /// A replica, this far above the last entry.
    Install {
        group: u64,
        above: u64,
    },
    Destroy {
        group: u64,
    },
}

/// After so many operations of the disk this happens; then the power is cut with this seed, or the
/// process alone ends.
type End = (u64, Fault, Option<u64>);

/// A step, what happens in its midst, and what happens to the processes that try to recover then.
type Planned = (Step, Option<End>, Vec<End>);

fn saying() -> impl Strategy<Value = Saying> {
    let size = prop_oneof![4 => 0..200_usize, 2 => 3000..9000_usize, 1 => 20_000..50_000_usize];
    prop_oneof![
        8 => (1..4_u64, prop_oneof![4 => Just(0), 1 => 0..4_u64], size)
            .prop_map(|(group, replaces, size)| Saying::Entry { group, replaces, size }),
        2 => (1..4_u64, 1..9_u64, proptest::option::of(1..4_u64))
            .prop_map(|(group, term, vote)| Saying::HardState { group, term, vote }),
        1 => (1..4_u64, 0..3_u64).prop_map(|(group, above)| Saying::Install { group, above }),
        1 => (1..4_u64).prop_map(|group| Saying::Destroy { group }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(saying(), 1..5).prop_map(Step::Append),
        1 => Just(Step::Mark),
        3 => (0..4_u64).prop_map(Step::Apply),
        2 => Just(Step::Persist),
        3 => Just(Step::Rotate),
        2 => Just(Step::Release),
        1 => Just(Step::Prepare),
        1 => Just(Step::Kill),
        2 => any::<u64>().prop_map(Step::Crash),
    ]
}

fn planned() -> impl Strategy<Value = Planned> {
    let fault = prop_oneof![3 => Just(Fault::PowerCut), 1 => Just(Fault::Failure)];
    let end = (0..8_u64, fault, proptest::option::weighted(0.8, any::<u64>()));
    let trouble = prop_oneof![3 => Just(0), 1 => 1..3_usize].prop_flat_map({
        let end = end.clone();
        move |count| prop::collection::vec(end.clone(), count)
    });
    (step(), proptest::option::weighted(0.3, end), trouble)
}

struct World {
    dir: MemoryDir,
    log: Log,
    model: Model,
    starts: u32,
    /// Replicas are never named twice.
    replicas: u64,
    troubles: Vec<End>,
}

impl World {
    fn new() -> Self {
        let dir = MemoryDir::new();
        let (log, recovered) = open(&dir);
        let model = Model::default();
        assert_eq!(model.differs(&recovered), None);
        Self { dir, log, model, starts: recovered.start.0, replicas: 0, troubles: Vec::new() }
    }

    fn take(&mut self, (step, end, troubles): Planned) {
        self.troubles = troubles;
        let Some((after, fault, seed)) = end else {
            let before = self.model.clone();
            let result = self.step(&step);
            assert!(result.is_ok(), "{step:?}: {result:?}\n{before:?}");
            return;
        };
        let before = self.model.clone();
        self.dir.inject(after, fault);
        let result = self.step(&step);
        let possible = match result {
            Ok(()) => vec![self.model.clone()],
            Err(_) => vec![self.model.clone(), before],
        };
        self.end(seed);
        self.recover(&possible);
    }

    fn end(&self, seed: Option<u64>) {
        match seed {
            Some(seed) => self.dir.crash(seed),
            None => self.dir.kill(),
        }
    }

    /// Opens the log and finds one of these states.
    fn recover(&mut self, possible: &[Model]) {
        for (after, fault, seed) in std::mem::take(&mut self.troubles) {
            self.dir.inject(after, fault);
            if let Ok((_, recovered)) = try_open(&self.dir) {
                self.starts = recovered.start.0;
            }
            self.end(seed);
        }
        let (log, recovered) = open(&self.dir);
        let wrong: Vec<_> = possible.iter().map(|model| model.differs(&recovered)).collect();
        let Some(found) = wrong.iter().position(Option::is_none) else {
            panic!("recovered {recovered:?}\nwrong: {wrong:#?}");
        };
        assert!(recovered.start.0 > self.starts, "a start number came twice");
        self.starts = recovered.start.0;
        self.log = log;
        self.model = possible[found].clone();
        self.model.restart();
    }

    /// Carries out a step. The model is what it is afterwards even if the step fails.
    fn step(&mut self, step: &Step) -> Result<(), Error> {
        match step {
            Step::Append(sayings) => {
                let records = self.records(sayings);
                self.log.append(&records).map(|_| ())
            }
            Step::Mark => self.log.mark(),
            Step::Apply(count) => {
                for known in self.model.groups.values_mut() {
                    known.applied = index(known.applied.get() + count).min(known.last());
                }
                Ok(())
            }
            Step::Persist => {
                for known in self.model.groups.values_mut() {
                    known.durable = known.applied;
                }
                Ok(())
            }
            Step::Rotate => {
                let checkpoint = self.model.checkpoint();
                self.model.said();
                self.log.rotate(&checkpoint)
            }
            Step::Release => {
                let durable = self.model.durable();
                self.model.released();
                self.log.release(&durable)
            }
            // The owner may ignore that it fails, unless the machine is dead.
            Step::Prepare => self.log.preparer().prepare(),
            Step::Kill => {
                self.dir.kill();
                let model = self.model.clone();
                self.recover(std::slice::from_ref(&model));
                Ok(())
            }
            Step::Crash(seed) => {
                self.dir.crash(*seed);
                let model = self.model.clone();
                self.recover(std::slice::from_ref(&model));
                Ok(())
            }
        }
    }

    fn records(&mut self, sayings: &[Saying]) -> Vec<Record> {
        let mut records = Vec::new();
        for saying in sayings {
            if let Some(record) = self.record(saying) {
                self.model.apply(&record);
                records.push(record);
            }
        }
        records
    }

    fn record(&mut self, saying: &Saying) -> Option<Record> {
        let id = match saying {
            Saying::Entry { group, .. }
            | Saying::HardState { group, .. }
            | Saying::Install { group, .. }
            | Saying::Destroy { group } => self::group(*group),
        };
        let known = self.model.groups.get(&id);
        let (name, last) =
            known.map_or((replica(0), index(0)), |known| (known.replica, known.last()));
        Some(match saying {
            Saying::Install { above, .. } => {
                // A replica that is there gets a snapshot now and then, and a new one otherwise.
                let name = if known.is_some() && above % 2 == 0 { name } else { self.mint() };
                let at = index(last.get() + above);
                let term = Term::new(*above);
                let state = Bytes::from(format!("state of {name} at {at}"));
                let tablet = tablet(self.replicas * 1000 + at.get());
                Record::Installed { group: id, replica: name, tablet, index: at, term, state }
            }
            Saying::Entry { replaces, size, .. } => {
                // What is applied is committed, and is never replaced.
                let floor = known?.applied.max(known?.installed()).next();
                let at = index((last.get() + 1).saturating_sub(*replaces)).max(floor);
                let fill = u8::try_from((at.get() * 7 + *replaces) % 251).unwrap();
                let body = Bytes::from(vec![fill; *size]);
                let term = Term::new(at.get() / 4);
                Record::Entry { group: id, replica: name, term, index: at, body }
            }
            Saying::HardState { term, vote, .. } => {
                known?;
                let (term, vote) = (Term::new(*term), vote.map(replica));
                Record::HardState { group: id, replica: name, term, vote, commit: last }
            }
            Saying::Destroy { .. } => {
                known?;
                Record::Destroyed { group: id, replica: name }
            }
        })
    }

    fn mint(&mut self) -> stator_model::ReplicaId {
        self.replicas += 1;
        replica(self.replicas)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(64), ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_recovered_and_nothing_is_invented(
        plan in prop::collection::vec(planned(), 1..60)
    ) {
        let mut world = World::new();
        for planned in plan {
            world.take(planned);
        }
        world.dir.crash(1);
        let model = world.model.clone();
        world.recover(std::slice::from_ref(&model));
    }
}
