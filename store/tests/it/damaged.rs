//! Damaged copies of a store: bytes changed, files cut off, files missing. Each is noticed, or everything is there.
//!
//! `WASUP_DAMAGED_COPIES` sets how many (`scripts/damaged-copies` makes 200), `WASUP_SEED` repeats their damages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wasup_store::engine::SledEngine;
use wasup_store::insurance::{Fingerprint, verify_engine};

use crate::child;
use crate::crash::{Acks, lines, note, wait_ready};
use crate::support::keyring;

/// Copies of the short run.
const COPIES: u64 = 24;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap();
        }
    }
}

/// A store after some load, killed or stopped in order.
fn loaded(folder: &Path, killed: bool) {
    let mut child = child::command("load", folder, 16).spawn().unwrap();
    let lines = lines(&mut child);
    wait_ready(&lines);
    let mut acks = Acks::new();
    while acks.values().sum::<u64>() < 2_500 {
        note(&mut acks, &lines.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    if !killed {
        drop(crate::support::open(folder, 16 << 20).unwrap());
    }
}

/// What is done to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    OneByte,
    Bytes,
    Page,
    CutShort,
    CutTail,
    Missing,
}

const DAMAGES: [Damage; 6] =
    [Damage::OneByte, Damage::Bytes, Damage::Page, Damage::CutShort, Damage::CutTail, Damage::Missing];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

fn names(folder: &Path) -> BTreeSet<String> {
    files(folder).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn damage(folder: &Path, how: Damage, rng: &mut StdRng) -> String {
    let files = files(folder);
    // Most of a store is in one file, and so are most accidents.
    let db = folder.join("db");
    let path =
        if rng.random_bool(0.7) && how != Damage::Missing { &db } else { &files[rng.random_range(0..files.len())] };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    if how == Damage::Missing {
        fs::remove_file(path).unwrap();
        return name;
    }
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len().max(1);
    let at = rng.random_range(0..length);
    match how {
        Damage::CutShort => file.set_len(at).unwrap(),
        Damage::CutTail => file.set_len(length - length.min(rng.random_range(1..20_000))).unwrap(),
        _ => {
            let bytes = match how {
                Damage::OneByte => 1,
                Damage::Bytes => 16,
                _ => 4_096,
            };
            let mut was = vec![0; bytes];
            let read = file.read_at(&mut was, at).unwrap();
            // Every bit of it may change, and one surely does.
            was[..read].iter_mut().for_each(|byte| *byte ^= rng.random_range(1..=255_u8));
            file.write_all_at(&was[..read], at).unwrap();
        }
    }
    name
}

#[test]
fn no_damaged_copy_starts_silently_short() {
    let copies = std::env::var("WASUP_DAMAGED_COPIES").map_or(COPIES, |copies| copies.parse().unwrap());
    let seed = std::env::var("WASUP_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("{copies} copies; WASUP_SEED={seed} repeats them");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Vec::new();
    for killed in [false, true] {
        let path = folder.path().join(format!("whole-{killed}"));
        loaded(&path, killed);
        let read = folder.path().join(format!("read-{killed}"));
        copy(&path, &read);
        let engine = SledEngine::open(&read, 16 << 20).unwrap();
        let fingerprint = Fingerprint::of(&engine).unwrap();
        println!("killed: {killed}; {} rows, {} bytes", fingerprint.rows, fs::metadata(path.join("db")).unwrap().len());
        whole.push((path, fingerprint, verify_engine(&engine, &keyring(&engine), 9).commit));
    }
    let mut told: BTreeMap<(bool, Damage, String), u32> = BTreeMap::new();
    for n in 0..copies {
        let killed = n % 2 == 1;
        let (path, fingerprint, commit) = &whole[usize::from(killed)];
        let how = DAMAGES[usize::try_from(n / 2).unwrap() % DAMAGES.len()];
        let damaged = folder.path().join(format!("copy-{n}"));
        copy(path, &damaged);
        let name = damage(&damaged, how, &mut rng);
        let before = names(&damaged);
        let result = child::result("open", &damaged);
        let lost: Vec<_> = before.difference(&names(&damaged)).cloned().collect();
        let own = |name: &String| name.starts_with("snap.") || name == "seal";
        assert!(lost.iter().all(own), "{result}: {lost:?} was deleted");
        let outcome = match result.strip_prefix("open ") {
            Some(rows) => {
                // It started: then nothing may be missing, changed or too much.
                let engine = SledEngine::open(&damaged, 16 << 20).unwrap();
                let found = Fingerprint::of(&engine).unwrap();
                if found == *fingerprint {
                    "whole".to_owned()
                } else {
                    // Of a killed store's last moments some was never acknowledged, and may go.
                    let report = verify_engine(&engine, &keyring(&engine), 9);
                    let older = killed && report.is_sound() && report.commit < *commit;
                    assert!(older, "copy {n}: {how:?} of {name} started with {rows} marks and other rows: {report:#?}");
                    "whole but for what was not acknowledged".to_owned()
                }
            }
            None => result.split(':').next().unwrap_or_default().to_owned(),
        };
        *told.entry((killed, how, outcome)).or_default() += 1;
        fs::remove_dir_all(&damaged).unwrap();
    }
    for ((killed, how, outcome), times) in told {
        println!("killed: {killed}; {how:?}: {times} {outcome}");
    }
}
