//! What a run will be like: everything that is drawn from the seed before it begins.

use crate::disk::{Aim, Fault, Lies, Operation, Phase};
use crate::random::Random;

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// How often the node dies before the end.
    pub lives: u64,
    /// Steps of a life at most.
    pub steps: u64,
    /// Concurrent clients.
    pub clients: u64,
    /// Names of tables that they use.
    pub names: u64,
    /// Keys that every second request is about.
    pub hot_keys: u64,
    /// Of a hundred requests, so many are deletes: few of them meet unless they are many.
    pub erases: u64,
    /// Of a hundred writes that do not delete, so many are updates.
    pub updates: u64,
    /// Of a hundred writes, so many have a condition; those of a version always have.
    pub conditions: u64,
    /// All keys.
    pub keys: u64,
    /// One write of so many is large.
    pub large: u64,
    /// Bytes of a segment of the log.
    pub segment_bytes: u64,
    /// Bytes of its first segment.
    pub first_segment_bytes: u64,
    /// How often the store is synced, in milliseconds.
    pub persist_every: u64,
    /// How often the store's background work falls behind or catches up; 0 is never.
    pub pressure: u64,
    /// How long, in milliseconds, and how much may wait for the store before writes are refused.
    pub behind: (u64, u64),
    /// Whether the wall clock jumps.
    pub clock_jumps: bool,
    /// How each life ends, if that is not to be drawn.
    pub steer: Option<Steer>,
    /// Defects made on purpose.
    pub planted: Planted,
}

/// A crash aimed at one point.
#[derive(Clone, Copy, Debug)]
pub struct Steer {
    /// Where.
    pub point: CrashPoint,
    /// What the machine loses.
    pub power: Option<Loss>,
}

/// The moments at which a crash must be survived: between the steps of the write path, and in its disk
/// operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// While a batch is written to the log.
    LogWrite,
    /// While it is synced, or right after.
    LogSync,
    /// Before or after committed entries go to the store.
    Apply,
    /// Before or after the store is synced.
    Persist,
    /// While a segment begins with a checkpoint.
    Checkpoint,
    /// While a released segment becomes a spare, or a spare a segment.
    SegmentReuse,
    /// While a batch with an `Installed` record is written, or right after.
    Installed,
    /// While a batch with a `Destroyed` record is written, or right after.
    Destroyed,
    /// Before or after a tablet is dropped.
    DropTablet,
    /// While the log recovers.
    Recovery,
}

impl CrashPoint {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::LogWrite,
        Self::LogSync,
        Self::Apply,
        Self::Persist,
        Self::Checkpoint,
        Self::SegmentReuse,
        Self::Installed,
        Self::Destroyed,
        Self::DropTablet,
        Self::Recovery,
    ];
}

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// kill -9: what the process knew.
    Process,
    /// Power: also what was not synced.
    Power,
}

/// Where in the process, between two things that it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A batch is synced, nobody knows yet.
    LogSynced,
    /// Likewise, with an `Installed` record.
    InstalledSynced,
    /// Likewise, with a `Destroyed` record.
    DestroyedSynced,
    /// Entries are about to go to the store.
    BeforeApply,
    /// Entries are in the store, nobody knows yet.
    AfterApply,
    /// The store is about to be synced.
    BeforePersist,
    /// The store is synced, nobody knows yet.
    AfterPersist,
    /// A tablet is about to be dropped.
    BeforeDrop,
    /// A tablet is dropped.
    AfterDrop,
}

/// How a life ends.
#[derive(Clone, Copy, Debug)]
pub enum Doom {
    /// Between two steps of the scheduler, after so many.
    Step(u64),
    /// In an operation of the log's disk.
    Disk(Aim),
    /// At a moment in the process, when it comes for the so-and-so-manieth time.
    Moment(Moment, u64),
    /// The store fails from this step on.
    Store(u64),
}

/// Defects made on purpose, each of which the checks must find.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planted {
    /// Of the disk under the log.
    pub lies: Lies,
    /// The core is told that a batch is synced before it is written.
    pub synced_too_early: bool,
    /// The store's sync does nothing.
    pub persist_ignored: bool,
    /// Requests are let in before the node is ready, and reads do not ask whether the replica serves
    /// and what is committed.
    pub served_too_early: bool,
    /// Requests are let in before the node is ready, and a command for a replica that does not lead yet
    /// is evaluated against what the store holds.
    pub evaluated_too_early: bool,
    /// Updates are evaluated against the item that was read for them, whatever was written since.
    pub evaluated_at_edge: bool,
    /// An update of an item that is not there finds its key, and so an item.
    pub key_materialised: bool,
    /// A write that changes nothing is answered before what it looked at is committed.
    pub unchanged_answered_early: bool,
    /// A tablet is dropped before the log says that its replica is gone.
    pub dropped_too_early: bool,
    /// Terms and votes do not go to the log.
    pub votes_dropped: bool,
    /// Entries for a keyspace that is skipped are applied behind later ones.
    pub skipped_reordered: bool,
    /// Entries of local indexes stay where they are when their items move or go.
    pub entries_kept: bool,
}

impl Plan {
    /// The run of this seed.
    pub fn drawn(seed: u64) -> Self {
        let mut random = Random::new(seed).fork();
        Self {
            seed,
            lives: random.within(1, 5),
            steps: random.within(100, 600),
            clients: random.within(1, 6),
            names: random.within(1, 3),
            hot_keys: random.within(1, 3),
            erases: if random.chance(1, 3) { 40 } else { 6 },
            updates: random.within(3, 9) * 10,
            conditions: random.within(0, 7) * 10,
            keys: random.within(4, 30),
            large: random.within(20, 300),
            segment_bytes: random.within(2, 10) * 8192,
            first_segment_bytes: random.within(2, 8) * 4096,
            persist_every: random.within(20, 1000),
            pressure: if random.chance(1, 2) { random.within(1, 3) } else { 0 },
            behind: (random.within(10, 200), random.within(200, 20_000)),
            clock_jumps: random.chance(1, 3),
            steer: None,
            planted: Planted::default(),
        }
    }

    /// The run of this seed, in which the node dies at `point`.
    pub fn steered(seed: u64, point: CrashPoint, power: Option<Loss>) -> Self {
        Self { steer: Some(Steer { point, power }), ..Self::drawn(seed) }
    }

    /// How the next life ends, and what is lost then.
    pub fn doom(&self, random: &mut Random) -> (Doom, Loss) {
        let loss = if random.chance(1, 2) { Loss::Power } else { Loss::Process };
        match self.steer {
            Some(Steer { point, power }) => (aimed(point, random), power.unwrap_or(loss)),
            None => drawn(random, self.steps, loss),
        }
    }
}

fn drawn(random: &mut Random, steps: u64, loss: Loss) -> (Doom, Loss) {
    let seed = random.bits();
    let any = |fault, after| Doom::Disk(Aim { phase: None, operation: None, after, fault });
    match random.below(10) {
        0..3 => (Doom::Step(random.below(steps)), loss),
        3..5 => (any(Fault::Dies { seed }, random.below(70)), loss),
        // A sync that failed may have lost anything that was not synced before.
        5 => (any(Fault::Fails, random.below(70)), Loss::Power),
        6 => (Doom::Store(random.below(steps)), loss),
        _ => {
            let at = random.place(CrashPoint::ALL.len());
            let point = CrashPoint::ALL.get(at).copied().unwrap_or(CrashPoint::LogWrite);
            (aimed(point, random), loss)
        }
    }
}

fn aimed(point: CrashPoint, random: &mut Random) -> Doom {
    let fault = Fault::Dies { seed: random.bits() };
    let nth = random.below(6);
    let disk =
        |phase, operation, after| Doom::Disk(Aim { phase: Some(phase), operation, after, fault });
    let either = random.chance(1, 2);
    match point {
        CrashPoint::LogWrite => disk(Phase::Append, Some(Operation::Write), nth * 4),
        CrashPoint::LogSync if either => disk(Phase::Append, Some(Operation::Sync), nth * 4),
        CrashPoint::LogSync => Doom::Moment(Moment::LogSynced, nth * 4),
        CrashPoint::Apply if either => Doom::Moment(Moment::BeforeApply, nth * 3),
        CrashPoint::Apply => Doom::Moment(Moment::AfterApply, nth * 3),
        CrashPoint::Persist if either => Doom::Moment(Moment::BeforePersist, nth / 2),
        CrashPoint::Persist => Doom::Moment(Moment::AfterPersist, nth / 2),
        CrashPoint::Checkpoint => disk(Phase::Rotate, None, random.below(9)),
        CrashPoint::SegmentReuse if either => disk(Phase::Release, None, random.below(9)),
        CrashPoint::SegmentReuse => disk(Phase::Rotate, Some(Operation::Rename), nth / 2),
        CrashPoint::Installed if either => disk(Phase::Install, None, nth),
        CrashPoint::Installed => Doom::Moment(Moment::InstalledSynced, nth / 2),
        CrashPoint::Destroyed if either => disk(Phase::Destroy, None, nth / 2),
        CrashPoint::Destroyed => Doom::Moment(Moment::DestroyedSynced, 0),
        CrashPoint::DropTablet if either => Doom::Moment(Moment::BeforeDrop, 0),
        CrashPoint::DropTablet => Doom::Moment(Moment::AfterDrop, 0),
        CrashPoint::Recovery => disk(Phase::Open, None, random.below(25)),
    }
}
