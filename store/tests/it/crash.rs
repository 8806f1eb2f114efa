//! SIGKILL at random moments: what was acknowledged is there, and the rows agree with each other.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use wasup_store::Tree;
use wasup_store::engine::{Engine, SledEngine, Walk};
use wasup_store::key::Parts;

use crate::support::open;
use crate::{child, recount};

/// Newest acknowledged mark of each writer.
pub(crate) type Acks = BTreeMap<u64, u64>;

/// The child's lines, one after the other, until its pipe closes.
pub(crate) fn lines(child: &mut Child) -> Receiver<String> {
    let out = BufReader::new(child.stdout.take().unwrap());
    let (to, from) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
    from
}

pub(crate) fn note(acks: &mut Acks, line: &str) {
    let mut words = line.split(' ');
    if words.next() != Some("ack") {
        return;
    }
    if let (Some(Ok(writer)), Some(Ok(n))) = (words.next().map(str::parse::<u64>), words.next().map(str::parse::<u64>))
    {
        let newest = acks.entry(writer).or_insert(0);
        *newest = n.max(*newest);
    }
}

pub(crate) fn wait_ready(lines: &Receiver<String>) {
    while lines.recv_timeout(Duration::from_secs(60)).expect("the child did not get ready") != "ready" {}
}

/// Opens the store as a user would, then looks at every row. Answers the number of messages.
pub(crate) fn verify(folder: &Path, acks: &Acks) -> usize {
    drop(open(folder, 16 << 20).unwrap());
    let engine = SledEngine::open(folder, 16 << 20).unwrap();
    let mut marks: Acks = Acks::new();
    for (key, _) in engine.range(Tree::Audit, &[], None, Walk::Up, usize::MAX).unwrap() {
        let (writer, n) = (Parts(&key).u64().unwrap(), Parts(&key[8..]).u64().unwrap());
        let before = marks.insert(writer, n).unwrap_or(0);
        assert_eq!(n, before + 1, "a hole before {n} of writer {writer}");
    }
    for (writer, acked) in acks {
        assert!(
            marks.get(writer) >= Some(acked),
            "writer {writer} had {acked} acknowledged, {:?} is left",
            marks.get(writer)
        );
    }
    assert_eq!(std::fs::read_dir(folder.join("blobs")).unwrap().count(), 0);
    recount::check(&engine)
}

#[test]
fn every_acknowledged_row_survives_sigkill() {
    let rounds = std::env::var("WASUP_KILL_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut acks = Acks::new();
    let mut messages = 0;
    for round in 0..rounds {
        // The first life of a store and a full pipe of writers are both worth a kill.
        let writers = [1, 6, 64][round % 3];
        let mut child = child::command("load", folder.path(), writers).spawn().unwrap();
        let lines = lines(&mut child);
        if round > 0 {
            wait_ready(&lines);
        }
        // On a busy machine a quarter of a second may be too short for anything.
        while round % 2 == 1 && acks.is_empty() {
            note(&mut acks, &lines.recv_timeout(Duration::from_secs(60)).expect("nothing is acknowledged"));
        }
        std::thread::park_timeout(Duration::from_millis(rand::random_range(0..250)));
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        // The reader ends with the pipe, so this ends too.
        lines.iter().for_each(|line| note(&mut acks, &line));
        messages = verify(folder.path(), &acks);
    }
    let acked: u64 = acks.values().sum();
    println!("{rounds} kills: {acked} acknowledged, {messages} messages, nothing lost");
    assert!(acked > 0);
}
