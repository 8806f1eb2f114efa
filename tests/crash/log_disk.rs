//! A full log disk costs log lines and nothing else: the server answers and delivers, and logs again when there is room.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::disk::SmallDisk;
use crate::gateway::Gateway;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);
/// Messages in each direction of a round.
const ROUND: usize = 20;
/// A file's last page takes some lines more when the disk has no page left.
const PAGE: u64 = 4_096;

/// Sends a round from the first account and one to it; both have to arrive, and be told to the receiver.
async fn round(world: &World, name: &str) {
    let (account, phone) = &world.accounts[0];
    let stranger = &world.strangers[0];
    let told = world.receiver.count("message.received");
    let shown = stranger.counts().shown;
    for n in 0..ROUND {
        let text = format!("{name} {n}");
        world.api.send(account, stranger.number(), &text, &format!("{name}-{n}")).await.unwrap();
        stranger.send_text(phone.number(), &text).await.unwrap();
    }
    assert!(world.receiver.wait_until(PATIENCE, |seen| seen.count("message.received") >= told + ROUND).await);
    stranger.wait_for_counts(PATIENCE, |counts| counts.shown >= shown + ROUND as u64).await.unwrap();
    assert!(world.api.is_ready().await, "not ready");
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

/// Waits until a file says it.
async fn says(path: &Path, what: &str) {
    let begun = Instant::now();
    while !read(path).contains(what) {
        assert!(begun.elapsed() < PATIENCE, "no {what:?} in {}:\n{}", path.display(), read(path));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// With files on the full disk, and with standard error on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_log_disk_stops_nothing_and_lines_come_again() {
    let Some(disk) = SmallDisk::mount("2m") else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let world = World::build().await;
    world.receiver.fail_every(0);
    let logs = disk.path().join("logs");
    let combined = logs.join("combined.log");
    let stderr = world.folder.path().join("log");
    let mut gateway = Gateway::start_with(&world, |command| {
        command.env("WASUP__LOG__FILES__DIR", &logs).env("WASUP__LOG__LEVEL", "debug");
    });
    gateway.wait_ready(&world).await;
    world.link_all().await;
    round(&world, "before").await;
    says(&combined, "the account's state changed").await;
    assert!(!read(&stderr).contains("can't be written"));

    disk.fill();
    let length = combined.metadata().unwrap().len();
    round(&world, "full").await;
    says(&stderr, "a log file can't be written").await;
    assert!(combined.metadata().unwrap().len() < length + PAGE, "the disk was not full");
    let told = read(&stderr).lines().filter(|line| line.contains("can't be written")).count();
    assert!(told <= 3, "told {told} times about three files");

    disk.make_room();
    round(&world, "room").await;
    says(&stderr, "a log file is written again").await;
    let text = read(&combined);
    assert!(text.len() as u64 > length + PAGE, "nothing was logged again");
    assert!(text.lines().all(|line| line.starts_with("20")), "a line that is not whole:\n{text}");
    drop(gateway);

    let on_disk = disk.path().join("stderr");
    let mut gateway = Gateway::start_with(&world, |command| {
        command.env("WASUP__LOG__LEVEL", "debug").stderr(File::create(&on_disk).unwrap());
    });
    gateway.wait_ready(&world).await;
    disk.fill();
    let length = on_disk.metadata().unwrap().len();
    round(&world, "deaf").await;
    assert!(on_disk.metadata().unwrap().len() < length + PAGE, "the disk was not full");
}
