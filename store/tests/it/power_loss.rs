//! Power loss: a file system in a loop image; the image, not the files, is copied while the writers stand still, so that
//! only what reached the block device is there. The copy is mounted (its journal is replayed) and the store opened.
//!
//! The load is the gateway's own: received messages with the protocol library's rows around them, sends, deliveries.
//!
//! Needs root, loop devices and mkfs.ext4. `scripts/power-loss` runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::child;
use crate::crash::{Acks, lines, note, verify, wait_ready};

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A mounted image.
struct Mounted(PathBuf);

impl Mounted {
    fn new(image: &Path, at: &Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        run("mount", &["-o", "loop", image.to_str().unwrap(), at.to_str().unwrap()]);
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn signal(process: u32, name: &str) {
    run("kill", &[&format!("-{name}"), &process.to_string()]);
}

/// One power cut; the store goes on from what is left. Answers the number of messages.
fn round(folder: &Path, image: &Path, acks: &mut Acks, writers: u64) -> usize {
    let disk = Mounted::new(image, &folder.join("disk"));
    let mut child = child::command("load", &disk.0.join("store"), writers).spawn().unwrap();
    let lines = lines(&mut child);
    wait_ready(&lines);
    let stop = Instant::now() + Duration::from_millis(rand::random_range(150..2_500));
    while let Some(left) = stop.checked_duration_since(Instant::now()) {
        if let Ok(line) = lines.recv_timeout(left) {
            note(acks, &line);
        }
    }
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
    signal(child.id(), "STOP");
    // What the child had said before it stood still is still in the pipe and was acknowledged.
    while let Ok(line) = lines.recv_timeout(Duration::from_millis(100)) {
        note(acks, &line);
    }
    let copy = folder.join("copy.img");
    run("cp", &["--sparse=always", image.to_str().unwrap(), copy.to_str().unwrap()]);
    child.kill().unwrap();
    child.wait().unwrap();
    // Said while the image was copied: after the cut.
    drop(lines);
    drop(disk);
    std::fs::rename(&copy, image).unwrap();
    let disk = Mounted::new(image, &folder.join("disk"));
    verify(&disk.0.join("store"), acks)
}

#[test]
#[ignore = "needs root and loop devices; run by scripts/power-loss"]
fn every_acknowledged_row_survives_power_loss() {
    let rounds: usize = std::env::var("WASUP_POWER_LOSS_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.img");
    let mut total = 0;
    let mut acks = Acks::new();
    for n in 0..rounds {
        if n % 10 == 0 {
            // A fresh store every ten cuts: its first minutes are the most dangerous.
            total += acks.values().sum::<u64>();
            acks.clear();
            let _ = std::fs::remove_file(&image);
            run("truncate", &["-s", "768M", image.to_str().unwrap()]);
            run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
        }
        // Full groups of 256 jobs, some, and single ones.
        let writers = [400, 16, 1][n % 3];
        let messages = round(folder.path(), &image, &mut acks, writers);
        println!(
            "cut {n}: {writers} writers, {} acknowledged, {messages} messages, nothing lost",
            acks.values().sum::<u64>()
        );
    }
    total += acks.values().sum::<u64>();
    println!("{rounds} power cuts, {total} acknowledged, none lost");
}
