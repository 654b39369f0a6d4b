use super::content::BLOCK;
use super::*;

fn read(dir: &MemoryDir, name: &str) -> Option<u8> {
    dir.contents(name).first().copied()
}

/// What a power cut may leave of a file that was synced as 1, then written as 2 and as 3.
fn left(seed: u64, sync: bool) -> (Option<u8>, bool) {
    let dir = MemoryDir::new();
    let file = dir.create("file").unwrap();
    file.write_at(0, &[1; BLOCK]).unwrap();
    file.sync().unwrap();
    dir.sync().unwrap();
    file.write_at(0, &[2; BLOCK]).unwrap();
    file.write_at(0, &[3; BLOCK]).unwrap();
    if sync {
        file.sync().unwrap();
    }
    dir.crash(seed);
    assert!(file.sync().is_err(), "a handle outlived its process");
    let contents = dir.contents("file");
    (read(&dir, "file"), contents.iter().any(|byte| *byte != contents[0]))
}

#[test]
fn synced_bytes_survive_and_of_unsynced_ones_any_version_or_mixture_may() {
    let all: Vec<_> = (0..200).map(|seed| left(seed, false)).collect();
    for version in 1..4 {
        assert!(all.contains(&(Some(version), false)), "version {version} is never left");
    }
    assert!(all.iter().any(|(_, torn)| *torn), "no block is ever torn");
    assert!((0..200).all(|seed| left(seed, true) == (Some(3), false)));
}

#[test]
fn directory_changes_survive_for_sure_only_when_synced() {
    let left = |seed, sync: bool| {
        let dir = MemoryDir::new();
        drop(dir.create("a").unwrap());
        dir.sync().unwrap();
        dir.rename("a", "b").unwrap();
        drop(dir.create("c").unwrap());
        if sync {
            dir.sync().unwrap();
        }
        dir.crash(seed);
        dir.names().join(" ")
    };
    let all: Vec<_> = (0..200).map(|seed| left(seed, false)).collect();
    for names in ["a", "b", "a c", "b c"] {
        assert!(all.iter().any(|found| found == names), "{names} is never left");
    }
    assert!((0..200).all(|seed| left(seed, true) == "b c"));
}

#[test]
fn a_failed_sync_shows_what_it_will_never_write() {
    let dir = MemoryDir::new();
    let file = dir.create("file").unwrap();
    file.write_at(0, &[1]).unwrap();
    file.sync().unwrap();
    dir.sync().unwrap();
    file.write_at(0, &[2]).unwrap();
    dir.inject(0, Fault::Failure);
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(read(&dir, "file"), Some(2));
    dir.crash_keeping(|_, _| true);
    assert_eq!(read(&dir, "file"), Some(1));
}

#[test]
fn a_killed_process_leaves_the_page_cache() {
    let dir = MemoryDir::new();
    let file = dir.create("file").unwrap();
    file.write_at(0, &[1]).unwrap();
    dir.kill();
    assert!(file.size().is_err());
    assert_eq!((read(&dir, "file"), dir.unsynced_blocks().len()), (Some(1), 1));
}
