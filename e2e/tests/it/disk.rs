//! Data directories that a node cannot use, or that it fills.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use stator_e2e::client::{KeyAttribute, client, make_table};
use stator_e2e::run::can_mount;
use stator_e2e::site::Site;
use stator_e2e::wait::eventually;

/// Room for an empty node, the reserve that it keeps, and some data.
const SMALL: &str = "600m";
const LARGE: &str = "2g";

const LIMIT: Duration = Duration::from_secs(10);

/// A file system in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).expect("the place can be made");
        mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], at);
        Self(at.to_path_buf())
    }

    fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still uses it is on its way out.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) {
    let status = Command::new("mount").args(arguments).arg(at).status();
    assert!(status.is_ok_and(|status| status.success()), "mount {arguments:?} {}", at.display());
}

fn value(at: usize) -> String {
    format!("{at:08}").repeat(25_000)
}

/// Puts items from this one on until the node does not take one; returns which.
async fn fill(client: &Client, from: usize) -> usize {
    for at in from.. {
        let request = client.put_item().table_name("Full").item("pk", key(at));
        if request.item("value", AttributeValue::S(value(at))).send().await.is_err() {
            return at;
        }
    }
    unreachable!("no disk is large enough");
}

fn key(at: usize) -> AttributeValue {
    AttributeValue::S(at.to_string())
}

/// The item as it is stored; `None` if there is none.
async fn stored(client: &Client, at: usize) -> Option<String> {
    let request = client.get_item().table_name("Full").key("pk", key(at));
    let item = request.consistent_read(true).send().await.expect("it can be read").item;
    item.and_then(|item| item.get("value")?.as_s().ok().cloned())
}

/// New data is refused while there still is space for everything else, and taken again once there is
/// more; a node on such a disk can be started.
#[tokio::test]
async fn a_disk_that_is_nearly_full_is_kept_for_reads_and_deletes() {
    if !can_mount() {
        return;
    }
    let site = Site::new();
    let disk = Disk::mount(&site.data(), SMALL);
    let node = site.start().await;
    let count = {
        let client = client(&node);
        make_table(&client, "Full", KeyAttribute::new("pk", 'S'), None).await;
        fill(&client, 0).await
    };
    assert!(count > 100, "the disk holds {count} items of 200 KB");
    assert!(node.stop().await.success());

    let node = site.start().await;
    let client = client(&node);
    // A start may have freed some.
    let count = fill(&client, count).await;
    let refusal = client.put_item().table_name("Full").item("pk", key(0)).send().await;
    crate::errors::assert_refused(
        refusal,
        "ServiceUnavailable",
        "The disk of this node is nearly full: it takes no new data until there is more space. Reads \
         and deletes go on",
    );
    for at in 0..count {
        assert_eq!(stored(&client, at).await, Some(value(at)), "item {at} of {count}");
    }
    let request = client.delete_item().table_name("Full").key("pk", key(0));
    request.send().await.expect("deletes go on");
    assert!(site.log().contains("the disk is nearly full"), "{}", site.log());

    disk.remount(&format!("size={LARGE}"));
    eventually("data to be taken again", LIMIT, async || {
        let request = client.put_item().table_name("Full").item("pk", key(count));
        request.send().await.ok().map(drop)
    })
    .await;
    drop(node);
}

/// Somebody else took all the space. Whether the node sees it in time or ends because a write failed,
/// everything that it acknowledged is there afterwards.
#[tokio::test]
async fn a_disk_that_somebody_else_fills_loses_nothing_that_was_acknowledged() {
    if !can_mount() {
        return;
    }
    let site = Site::new();
    let disk = Disk::mount(&site.path().join("disk"), SMALL);
    // The data directory is a folder of the disk, beside whatever else fills it.
    let data = disk.0.join("data");
    std::fs::create_dir(&data).expect("the folder can be made");
    std::os::unix::fs::symlink(&data, site.data()).expect("the link can be made");
    let node = site.start().await;
    let client_of_full = client(&node);
    make_table(&client_of_full, "Full", KeyAttribute::new("pk", 'S'), None).await;
    for at in 0..20 {
        let request = client_of_full.put_item().table_name("Full").item("pk", key(at));
        let request = request.item("value", AttributeValue::S(value(at)));
        request.send().await.expect("there is space");
    }
    let ballast = disk.0.join("ballast");
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M", &format!("of={}", ballast.display())])
        .stderr(std::process::Stdio::null())
        .status();
    assert!(filled.is_ok_and(|status| !status.success()), "dd goes on until the disk is full");
    let refused = client_of_full.put_item().table_name("Full").item("pk", key(20));
    let refused = refused.item("value", AttributeValue::S(value(20)));
    assert!(refused.send().await.is_err(), "there is no space");
    node.kill().await;

    std::fs::remove_file(&ballast).expect("the ballast can go");
    let node = site.start().await;
    let client = client(&node);
    for at in 0..20 {
        assert_eq!(stored(&client, at).await, Some(value(at)), "item {at}");
    }
    drop(node);
}

#[tokio::test]
async fn a_read_only_disk_is_refused_at_the_start() {
    if !can_mount() {
        return;
    }
    let site = Site::new();
    let disk = Disk::mount(&site.data(), SMALL);
    let node = site.start().await;
    assert!(node.stop().await.success());
    disk.remount("ro");
    let refusal = site.refused_start().await;
    assert!(refusal.contains(&site.data().display().to_string()), "{refusal}");
    assert!(refusal.contains("writable"), "{refusal}");
}

#[tokio::test]
async fn a_directory_that_another_node_uses_is_refused() {
    let site = Site::new();
    let node = site.start().await;
    let refusal = site.refused_start().await;
    assert!(refusal.contains("another process"), "{refusal}");
    assert!(node.stop().await.success(), "the first one is not disturbed");
}

/// Each part of the directory says its version, and a later one is not guessed at.
#[tokio::test]
async fn a_directory_of_a_later_version_is_refused() {
    let site = Site::new();
    let node = site.start().await;
    assert!(node.stop().await.success());
    let identity = site.data().join("IDENTITY");
    let text = std::fs::read_to_string(&identity).expect("it is text");
    std::fs::write(&identity, text.replacen('1', "2", 1)).expect("it can be changed");
    let refusal = site.refused_start().await;
    assert!(refusal.contains("format 2") && refusal.contains("newer stator-node"), "{refusal}");
}
