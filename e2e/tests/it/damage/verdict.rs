//! Starting the node on damaged files, and what may come of it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::directory::{Kind, copy};
use super::harm::{Case, Harm};
use super::specimen::Specimen;
use crate::traffic::process::Refusal;
use crate::traffic::{Connection, Process, compare};

/// A refusal tells to do one of these.
const ADVICE: [&str; 3] = ["restore", "rebuild", "put back"];

/// What came of a damage.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The node does not start, names the file, and says what to do.
    Refused,
    /// It serves everything.
    Served,
    /// It serves; what it cannot read it answers with an error, and its log names the file.
    Errors,
    /// It ends while it serves, and its last words name the file.
    Ended,
    /// Anything else.
    Defective(String),
}

/// A verdict, and what it rests on.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) compared: u64,
    pub(crate) entries: u64,
    pub(crate) failed_reads: u64,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, compared: 0, entries: 0, failed_reads: 0 }
    }
}

/// Harms a copy of the directory and looks what the node makes of it.
pub(crate) async fn judge(specimen: &Specimen, case: &Case) -> Outcome {
    let folder = scratch();
    let path = folder.path().canonicalize().expect("it is there");
    let (data, log) = (path.join("data"), path.join("stderr.log"));
    copy(&specimen.data(), &data);
    let done = case.apply(&data, &specimen.older());
    let mut outcome = match Process::start(&data, &log, &[]).await {
        Err(refusal) => refused(case, &data, &refusal).into(),
        Ok(process) => served(specimen, case, process, &data, &log).await,
    };
    if let Verdict::Defective(what) = &mut outcome.verdict {
        *what = format!("{done}: {what}");
    }
    outcome
}

/// Copies are read and written once; memory is the place for them.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("stator-damaged-").tempdir_in(place);
    folder.expect("there is room")
}

fn refused(case: &Case, data: &Path, refusal: &Refusal) -> Verdict {
    let code = refusal.status.and_then(|status| status.code());
    if code.is_none_or(|code| code == 0) {
        return Verdict::Defective(refusal.to_string());
    }
    let advises = ADVICE.iter().any(|advice| refusal.log.contains(advice));
    if advises && names(case, data, &refusal.log) {
        Verdict::Refused
    } else {
        Verdict::Defective(format!("the file is not named, or not what to do: {refusal}"))
    }
}

/// Whether a text names the file, as far as that can be known.
fn names(case: &Case, data: &Path, text: &str) -> bool {
    let says = |path: PathBuf| text.contains(&path.display().to_string());
    if says(data.join(&case.path)) {
        return true;
    }
    match (case.kind, case.harm) {
        // "DIR holds log but no IDENTITY"
        (Kind::Identity, Harm::Remove) => {
            text.contains(&format!("{} holds", data.display())) && text.contains("IDENTITY")
        }
        // Which of the two is wrong cannot be told: they do not fit each other.
        (Kind::Current, _) => says(data.join(&case.path).with_file_name("v")),
        // A segment that an old one says must be there is named instead.
        (Kind::Horizon, Harm::Older) => says(data.join("log")) && text.contains("is missing"),
        // The only segment: what else there was nobody knows.
        (Kind::LastSegment, Harm::Remove) => {
            says(data.join("log")) && text.contains("holds no segment of a Raft log")
        }
        // The last journal may end anywhere; what it lacks the Raft log knows, but not where it was.
        (Kind::LastJournal, Harm::Zero | Harm::Remove | Harm::Older) => {
            let lacks = [
                "files of the store are missing",
                // What was in the journal alone is no longer in the Raft log either.
                "files of one of them are missing",
                "its newest journal, N.jnl, is missing",
            ];
            says(data.to_path_buf()) && lacks.iter().any(|lack| text.contains(lack))
        }
        (_, Harm::Flip | Harm::Hole | Harm::Truncate)
        | (_, Harm::Zero | Harm::Remove | Harm::Older) => false,
    }
}

async fn served(
    specimen: &Specimen,
    case: &Case,
    process: Process,
    data: &Path,
    log: &Path,
) -> Outcome {
    let compared = async {
        let mut connection = Connection::open(process.address).await?;
        compare(&mut connection, &specimen.history, u64::MAX).await
    };
    let compared = compared.await;
    let failed = compared.is_err();
    let status = if failed { process.gone().await } else { process.kill().await };
    let text = fs::read_to_string(log).unwrap_or_default();
    let file = data.join(&case.path).display().to_string();
    let told = text.lines().any(|line| line.contains(" ERROR ") && line.contains(&file));
    let found = match compared {
        Ok(found) => found,
        Err(_) if told && status.is_some_and(|status| !status.success()) => {
            return Verdict::Ended.into();
        }
        Err(error) => {
            return Verdict::Defective(format!("no answer ({error}), {status:?}:\n{text}")).into();
        }
    };
    let verdict = if !found.defects.is_empty() {
        Verdict::Defective(format!("{} wrong: {:#?}\n{text}", found.defects.len(), found.defects))
    } else if found.errors == 0 {
        Verdict::Served
    } else if told {
        Verdict::Errors
    } else {
        Verdict::Defective(format!("{} reads fail and nobody says why:\n{text}", found.errors))
    };
    Outcome { verdict, compared: found.keys, entries: found.entries, failed_reads: found.errors }
}
