//! The proof that an fdatasync of the engine's file comes before every durable answer.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wasup_store::engine::SledEngine;
use wasup_store::{Durability, Tree};

use crate::child;
use crate::support::{over, write};

#[tokio::test]
async fn every_durable_answer_counts_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(SledEngine::open(folder.path(), 8 << 20).unwrap());
    let syncs = engine.sync_counter();
    let store = over(&engine);
    for n in 0..50_u64 {
        let before = syncs.load(Ordering::SeqCst);
        store.write(Durability::Relaxed, move |tx| tx.put_fixed(Tree::User, n.to_be_bytes(), &[])).await.unwrap();
        write(&store, move |tx| tx.put_fixed(Tree::Audit, n.to_be_bytes(), &[])).await;
        assert!(syncs.load(Ordering::SeqCst) > before);
    }
    // A durable read of what is on disk already costs none.
    let before = syncs.load(Ordering::SeqCst);
    let found = store.read_durable(|tx| tx.contains(Tree::Audit, 3_u64.to_be_bytes())).await;
    assert!(found.unwrap());
    assert_eq!(syncs.load(Ordering::SeqCst), before);
}

/// Finished fdatasyncs of the `db` file before each marker, from a trace of strace.
fn syncs_before_markers(trace: &str) -> Vec<u32> {
    let (mut begun, mut since, mut markers) = (BTreeSet::new(), 0, Vec::new());
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let of_the_file = call.contains("fdatasync(") && call.contains("/db>");
        if of_the_file && call.contains("unfinished") {
            begun.insert(process);
        } else if (of_the_file || (call.contains("fdatasync resumed") && begun.remove(process)))
            && call.ends_with("= 0")
        {
            since += 1;
        } else if call.contains("write(1<") && call.contains("\"ack ") || call.contains("\"\\nack ") {
            markers.push(since);
            since = 0;
        }
    }
    markers
}

#[test]
fn the_kernel_saw_an_fdatasync_before_every_durable_answer() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed, so the fdatasyncs were not traced (apt-get install strace)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let child = child::command("durable", &folder.path().join("store"), 0);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fdatasync,fsync,write", "-o"]).arg(&trace).arg("--").arg(child.get_program());
    strace.args(child.get_args()).envs(child.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = strace.output().unwrap();
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    if !output.status.success() && trace.is_empty() {
        eprintln!("SKIPPED: tracing is not permitted here, so the fdatasyncs were not traced");
        return;
    }
    let markers = syncs_before_markers(&trace);
    assert_eq!(markers.len(), 41, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(markers[1..].iter().all(|syncs| *syncs >= 1), "durable answers without an fdatasync: {markers:?}");
}
