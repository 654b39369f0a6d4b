use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};

use crate::random::Random;

use super::trace::Sync;
use super::{Disk, Entry, Faults, Image, Interposer, Operation, Trace, Tracing};

const SEEDS: u64 = 400;
const OLD: [u8; 8192] = [1; 8192];
const NEW: [u8; 8192] = [2; 8192];

/// Inodes.
const DIRECTORY: u64 = 10;
const FILE: u64 = 11;

fn sync(inode: u64, path: &str, id: u64) -> [Operation<'_>; 2] {
    let sync = Sync { inode, path, id, data_only: true };
    [Operation::SyncCall(sync), Operation::SyncReturn(sync)]
}

fn write(data: &[u8]) -> Operation<'_> {
    Operation::Write { inode: FILE, offset: 0, data }
}

fn made(faults: Faults) -> Disk<'static> {
    let mut disk = Disk::new(faults);
    let outside = sync(1, "..", 1);
    let made = [Operation::MakeDirectory { inode: DIRECTORY, path: "" }];
    made.iter().chain(&outside).for_each(|operation| disk.step(operation));
    disk
}

/// A disk with one file, `f`, that holds [`OLD`], safely.
fn settled(faults: Faults) -> Disk<'static> {
    let mut disk = made(faults);
    let create = [Operation::Create { inode: FILE, path: "f" }, write(&OLD)];
    let synced = [sync(FILE, "f", 2), sync(DIRECTORY, "", 3)];
    create.iter().chain(synced.iter().flatten()).for_each(|operation| disk.step(operation));
    disk
}

fn images(disk: &Disk<'_>) -> impl Iterator<Item = Image> {
    (0..SEEDS).map(|seed| disk.image(seed))
}

fn bytes(image: &Image, path: &str) -> Option<Vec<u8>> {
    match image.entries().get(path) {
        Some(Entry::File(bytes)) => Some(bytes.to_vec()),
        Some(Entry::Directory) | None => None,
    }
}

fn contents(disk: &Disk<'_>, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    images(disk).map(|image| bytes(&image, path)).collect()
}

#[test]
fn what_was_synced_is_there_whatever_happens() {
    let mut disk = settled(Faults::default());
    assert_eq!(contents(&disk, "f"), BTreeSet::from([Some(OLD.to_vec())]));
    disk.step(&write(&NEW));
    for operation in sync(FILE, "f", 4) {
        disk.step(&operation);
    }
    assert_eq!(contents(&disk, "f"), BTreeSet::from([Some(NEW.to_vec())]));
}

#[test]
fn unsynced_bytes_are_kept_lost_torn_and_reordered_but_never_invented() {
    let mut disk = settled(Faults::default());
    disk.step(&write(&NEW));
    let found = contents(&disk, "f");
    assert!(found.contains(&Some(OLD.to_vec())) && found.contains(&Some(NEW.to_vec())));
    let second_only = [OLD.get(..4096), NEW.get(..4096)].map(Option::unwrap).concat();
    assert!(found.contains(&Some(second_only)), "blocks are independent of each other");
    let mut torn = 0;
    for content in found.into_iter().map(Option::unwrap) {
        assert_eq!(content.len(), OLD.len());
        let pure = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]);
        assert!(content.chunks(512).all(pure), "a sector is whole");
        torn += usize::from(!pure(&content[..4096]));
    }
    assert!(torn > 0, "blocks are torn between sectors");
}

#[test]
fn a_sync_vouches_for_what_was_written_before_its_call_only() {
    let mut disk = settled(Faults::default());
    let [call, returned] = sync(FILE, "f", 4);
    disk.step(&call);
    disk.step(&write(&NEW));
    disk.step(&returned);
    assert!(contents(&disk, "f").contains(&Some(OLD.to_vec())));
}

#[test]
fn a_sync_that_has_not_returned_vouches_for_nothing() {
    let mut disk = settled(Faults::default());
    disk.step(&write(&NEW));
    let [call, _] = sync(FILE, "f", 4);
    disk.step(&call);
    assert!(contents(&disk, "f").contains(&Some(OLD.to_vec())));
    disk.step(&Operation::Start);
    assert!(contents(&disk, "f").contains(&Some(OLD.to_vec())));
}

#[test]
fn bytes_before_a_truncation_do_not_come_back_behind_it() {
    let mut disk = settled(Faults::default());
    disk.step(&Operation::Resize { inode: FILE, size: 100 });
    disk.step(&Operation::Write { inode: FILE, offset: 5000, data: &NEW });
    for content in contents(&disk, "f").into_iter().map(Option::unwrap) {
        if content.len() == OLD.len() {
            assert_eq!(content, OLD, "not truncated");
        } else {
            let gap = &content[content.len().min(100)..content.len().min(5000)];
            assert!(gap.iter().all(|byte| *byte == 0), "a hole is zeros");
        }
    }
}

#[test]
fn the_size_may_be_there_without_the_bytes_and_the_other_way_round() {
    let mut disk = settled(Faults::default());
    disk.step(&Operation::Write { inode: FILE, offset: 8192, data: &NEW });
    let found = contents(&disk, "f");
    let lengths: BTreeSet<usize> = found.iter().flatten().map(Vec::len).collect();
    assert_eq!(lengths, BTreeSet::from([8192, 16384]));
    let hollow = |content: &Vec<u8>| content.len() == 16384 && content[8192..12288] == [0; 4096];
    assert!(found.iter().flatten().any(hollow));
}

#[test]
fn a_new_file_whose_directory_was_not_synced_may_be_lost_though_its_bytes_were() {
    let mut disk = made(Faults::default());
    disk.step(&Operation::Create { inode: FILE, path: "f" });
    disk.step(&write(&OLD));
    for operation in sync(FILE, "f", 4) {
        disk.step(&operation);
    }
    assert_eq!(contents(&disk, "f"), BTreeSet::from([None, Some(OLD.to_vec())]));
}

#[test]
fn a_rename_is_whole_and_replaces_or_does_not() {
    let mut disk = settled(Faults::default());
    let fresh = FILE + 1;
    disk.step(&Operation::Create { inode: fresh, path: "g" });
    disk.step(&Operation::Write { inode: fresh, offset: 0, data: &NEW });
    let [call, returned] = sync(fresh, "g", 4);
    disk.step(&call);
    disk.step(&returned);
    disk.step(&Operation::Rename { from: "g", to: "f" });
    for image in images(&disk) {
        let (f, g) = (bytes(&image, "f"), bytes(&image, "g"));
        assert!(f.is_some(), "the name that is replaced is never missing");
        assert!(f != Some(NEW.to_vec()) || g.is_none(), "the file has one name");
    }
    assert_eq!(contents(&disk, "f").len(), 2);
    for operation in sync(DIRECTORY, "", 5) {
        disk.step(&operation);
    }
    assert_eq!(contents(&disk, "f"), BTreeSet::from([Some(NEW.to_vec())]));
    assert_eq!(contents(&disk, "g"), BTreeSet::from([None]));
}

#[test]
fn a_removed_file_comes_back_with_its_bytes_until_the_directory_is_synced() {
    let mut disk = settled(Faults::default());
    disk.step(&Operation::Unlink { path: "f" });
    assert_eq!(contents(&disk, "f"), BTreeSet::from([None, Some(OLD.to_vec())]));
    for operation in sync(DIRECTORY, "", 4) {
        disk.step(&operation);
    }
    assert_eq!(contents(&disk, "f"), BTreeSet::from([None]));
}

#[test]
fn planted_faults_undo_what_syncs_vouch_for() {
    let files = settled(Faults { forget_syncs_of: Some("f"), ..Faults::default() });
    assert!(contents(&files, "f").iter().any(|found| *found != Some(OLD.to_vec())));
    let directories = settled(Faults { forget_directories: true, ..Faults::default() });
    assert!(images(&directories).any(|image| image.entries().is_empty()), "not even the root");
}

/// Writes, syncs and truncations at random; every sector of every image was there at some moment
/// since the last sync, or is zeros where a truncation made them so.
#[test]
fn every_sector_of_an_image_was_there_since_the_last_sync() {
    for seed in 0..60 {
        let random = &mut Random::new(seed);
        let buffers: Vec<Vec<u8>> =
            (3..40_u8).map(|byte| vec![byte; 1 + random.index(9000)]).collect();
        let mut disk = settled(Faults::default());
        let mut now = OLD.to_vec();
        let mut since: Vec<Vec<u8>> = vec![now.clone()];
        for (at, buffer) in buffers.iter().enumerate() {
            let start = random.index(12_000);
            let end = start + buffer.len();
            disk.step(&Operation::Write { inode: FILE, offset: start as u64, data: buffer });
            now.resize(now.len().max(end), 0);
            now[start..end].copy_from_slice(buffer);
            since.push(now.clone());
            if random.one_in(5) {
                now.resize(random.index(16_000), 0);
                disk.step(&Operation::Resize { inode: FILE, size: now.len() as u64 });
                since.push(now.clone());
            }
            if random.one_in(5) {
                for operation in sync(FILE, "f", 10 + at as u64) {
                    disk.step(&operation);
                }
                since = vec![now.clone()];
            }
            let found = bytes(&disk.image(random.next()), "f").expect("its name is safe");
            check_sectors(&found, &since);
            assert_eq!(bytes(&disk.view(), "f"), Some(now.clone()));
        }
    }
}

fn check_sectors(found: &[u8], since: &[Vec<u8>]) {
    assert!(since.iter().any(|past| past.len() == found.len()), "the size was there");
    for (at, sector) in found.chunks(512).enumerate() {
        let possible = since.iter().any(|past| {
            let mut padded = past.get(at * 512..).unwrap_or_default().to_vec();
            padded.resize(padded.len().max(512), 0);
            // Where another size was kept, the last sector ends elsewhere.
            sector == &padded[..sector.len()] || sector.iter().all(|byte| *byte == 0)
        });
        let cut = found.len() < (at + 2) * 512;
        assert!(possible || cut, "sector {at} was never there");
    }
}

/// Runs a program on files of `data` under the library, with these bytes as its input.
fn run_traced(tracing: &Tracing, interposer: &Interposer, line: &str, input: &str) -> ExitStatus {
    let mut words = line.split(' ');
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .current_dir(tracing.directory.parent().unwrap())
        .envs(interposer.environment(tracing))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait().unwrap()
}

/// The real library under real programs: what it recorded is what is there.
#[test]
fn the_trace_of_real_programs_leads_to_the_files_they_left() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let tracing =
        Tracing { directory: base.join("data"), trace: base.join("trace"), kill_after: None };
    let interposer = Interposer::build(&base);
    for (line, input) in [
        ("mkdir data", ""),
        ("mkdir -p data/a/b data/a/c", ""),
        ("tee data/a/one", "one"),
        ("tee -a data/a/one", "two"),
        ("mv data/a/one data/a/two", ""),
        ("ln data/a/two data/a/three", ""),
        ("dd if=/dev/zero of=data/z bs=8192 count=3 status=none", ""),
        ("dd of=data/z bs=1 seek=5000 conv=notrunc,fsync status=none", "middle"),
        ("truncate -s 20000 data/z", ""),
        ("rm data/a/two", ""),
        ("rm -r data/a/b", ""),
        ("tee data/t", "long"),
        ("tee data/./t", "x"),
        ("sync data/a data/z", ""),
        ("sync -d data/z", ""),
        ("tee elsewhere", "not recorded"),
    ] {
        assert!(run_traced(&tracing, &interposer, line, input).success(), "{line}");
    }
    let trace = Trace::new(fs::read(&tracing.trace).unwrap());
    let mut disk = Disk::new(Faults::default());
    let records = trace.records();
    records.iter().for_each(|record| disk.step(&record.operation));
    let view = disk.view();
    assert_eq!(view.differences(&tracing.directory), Vec::<String>::new());
    assert_eq!(bytes(&view, "a/three"), Some(b"onetwo".to_vec()));
    let syncs =
        records.iter().filter(|record| matches!(record.operation, Operation::SyncReturn(_)));
    assert_eq!(syncs.count(), 4);

    let copy = base.join("copy");
    view.write_to(&copy);
    assert_eq!(view.differences(&copy), Vec::<String>::new());
    let adopted = Disk::holding(&copy);
    assert_eq!(adopted.image(1).differences(&copy), Vec::<String>::new());
    fs::write(copy.join("t"), "y").unwrap();
    assert_eq!(view.differences(&copy), ["t"]);
}

#[test]
fn a_process_that_is_to_die_does_so_after_exactly_so_many_records() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let tracing =
        Tracing { directory: base.join("data"), trace: base.join("trace"), kill_after: Some(3) };
    fs::create_dir(&tracing.directory).unwrap();
    let line = "dd if=/dev/zero of=data/z bs=512 count=10 status=none";
    assert!(!run_traced(&tracing, &Interposer::build(&base), line, "").success());
    let bytes = fs::read(&tracing.trace).unwrap();
    assert_eq!(Trace::new(bytes).records().len(), 3);
    assert_eq!(fs::metadata(base.join("data/z")).unwrap().len(), 512);
}
