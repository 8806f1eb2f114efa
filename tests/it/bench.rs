//! `wasup bench`, small: the shape of each answer, and that nothing is lost or doubled. No figure is judged here.

use std::process::Command;

use serde_json::Value;

/// Runs a bench and hands back its answer.
fn bench(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasup"));
    let output = command.arg("bench").args(arguments).args(["--json", "--seed", "7"]).current_dir(folder.path());
    let output = output.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {log}"));
    assert!(output.status.success(), "{answer}\n{log}");
    assert_eq!(answer["seed"], 7);
    answer
}

/// Every key, as paths; the elements of a list count as one.
fn keys(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| -> Vec<String> {
        let inner = keys(value);
        if inner.is_empty() { vec![name.to_owned()] } else { inner.iter().map(|key| format!("{name}.{key}")).collect() }
    };
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| below(name, value)).collect(),
        Value::Array(rows) => rows.first().map(keys).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn count(answer: &Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or_else(|| panic!("{name} of {answer}"))
}

#[test]
fn messages_arrive_once_at_phones_and_webhooks() {
    for extra in [&["--messages", "12", "--rate", "60"][..], &["--messages", "30", "--webhook", "all"]] {
        let answer = bench(&[&["messages", "--accounts", "3"], extra].concat());
        let total = 3 * extra[1].parse::<u64>().unwrap();
        for (name, expected) in [("sent", total), ("received", total), ("lost", 0), ("duplicated", 0)] {
            assert_eq!(count(&answer, name), expected, "{name}: {answer}");
        }
        for name in ["send_to_decrypt_ms", "commit_to_webhook_ms", "request_ms"] {
            assert_eq!(count(&answer[name], "count"), total, "{name}: {answer}");
            assert!(
                answer[name]["p50"].as_f64() > Some(0.0)
                    && answer[name]["p99"].as_f64() >= answer[name]["p50"].as_f64()
            );
        }
        insta::assert_json_snapshot!("messages", keys(&answer));
    }
}

#[test]
fn what_phones_type_arrives_once() {
    let answer = bench(&["messages", "--accounts", "2", "--messages", "40", "--by", "phones"]);
    for (name, expected) in [("received", 80), ("lost", 0), ("duplicated", 0)] {
        assert_eq!(count(&answer, name), expected, "{name}: {answer}");
    }
    assert_eq!(count(&answer["commit_to_webhook_ms"], "count"), 80);
}

#[test]
fn a_file_of_contacts_comes_into_a_list_and_nobody_is_lost() {
    let answer = bench(&["import", "--contacts", "3000", "--looks", "4"]);
    assert_eq!((count(&answer, "contacts"), count(&answer, "lost")), (3_000, 0), "{answer}");
    assert_eq!(answer["imports"].as_array().map(Vec::len), Some(2));
    assert!(answer["looks"].as_array().unwrap().iter().all(|look| look["ms"]["count"] == 4), "{answer}");
}

#[test]
fn accounts_come_back_after_a_restart_and_broken_ones_disturb_nobody() {
    let answer = bench(&["accounts", "--accounts", "20", "--kill", "4", "--settle", "0"]);
    assert_eq!((count(&answer, "accounts"), count(&answer, "connected")), (20, 20));
    assert!((1..=16).contains(&count(&answer, "connects_in_flight_max")), "{answer}");
    assert!(count(&answer, "rss_bytes") > count(&answer, "rss_base_bytes") / 2);
    let kills = &answer["kills"];
    for (name, expected) in
        [("killed", 4), ("back", 4), ("others", 16), ("others_reconnected", 0), ("restarts", 4), ("live", 20)]
    {
        assert_eq!(count(kills, name), expected, "{name}: {answer}");
    }
    assert_eq!(answer["promises"]["memory_within_limit"], Value::Null, "20 accounts are too few to judge");
    insta::assert_json_snapshot!("accounts", keys(&answer));
}

#[test]
fn the_store_counts_what_it_answered() {
    let answer = bench(&["store", "--seconds", "1", "--writers", "1,4"]);
    assert_eq!((count(&answer, "lost"), count(&answer, "duplicated")), (0, 0));
    let runs = answer["runs"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| count(run, "writers")).collect::<Vec<_>>(), [1, 4]);
    assert!(runs.iter().all(|run| count(run, "commits") > 0 && run["commits"] == run["commit_ms"]["count"]));
    insta::assert_json_snapshot!("store", keys(&answer));
}

#[test]
fn every_endpoint_is_told_every_message_also_beside_a_dead_one() {
    let answer = bench(&[
        "webhooks",
        "--accounts",
        "2",
        "--endpoints",
        "2,4",
        "--rate",
        "20",
        "--seconds",
        "1",
        "--dead",
        "1",
        "--dead-timeout",
        "1",
    ]);
    assert_eq!((count(&answer, "lost"), count(&answer, "duplicated")), (0, 0));
    // 20 messages to each endpoint of their account: half of the endpoints.
    let healthy = &answer["dead"]["healthy"];
    let runs = answer["runs"].as_array().unwrap().iter().chain([healthy]);
    let seen: Vec<_> = runs.map(|run| (count(run, "endpoints"), count(run, "deliveries"))).collect();
    assert_eq!(seen, [(0, 0), (2, 20), (4, 40), (4, 40)]);
    assert_eq!(healthy["commit_to_webhook_ms"]["count"], 40, "{answer}");
    assert!(answer["dead"]["p99_ratio"].as_f64().unwrap() > 0.0);
    insta::assert_json_snapshot!("webhooks", keys(&answer));
}

#[test]
fn every_message_of_a_chat_and_every_chat_is_read_once_at_any_depth() {
    let answer = bench(&["chats", "--messages", "3000", "--chats", "200", "--pages", "50,1000", "--jumps", "20"]);
    assert_eq!((count(&answer, "lost"), count(&answer, "messages"), count(&answer, "chats")), (0, 3_000, 200));
    let pages = |name: &str, order: &str, page: u64| -> u64 {
        let depths = answer[name].as_array().unwrap().iter();
        depths
            .filter(|depth| depth["order"] == order && depth["page"] == page)
            .map(|depth| count(&depth["ms"], "count"))
            .sum()
    };
    for order in ["desc", "asc"] {
        assert_eq!((pages("messages_by_depth", order, 50), pages("messages_by_depth", order, 1_000)), (60, 3));
    }
    // Whether more come is known only when nothing comes.
    assert!((4..=5).contains(&pages("chats_by_depth", "desc", 50)), "{answer}");
    assert!(answer["jumps"].as_array().unwrap().iter().all(|jump| jump["ms"]["count"] == 20), "{answer}");
    insta::assert_json_snapshot!("chats", keys(&answer));
}

#[test]
fn the_api_keeps_what_it_accepted() {
    let answer = bench(&["api", "--accounts", "2", "--seconds", "1", "--concurrency", "4"]);
    assert_eq!((count(&answer, "lost"), count(&answer, "duplicated")), (0, 0));
    assert!(count(&answer, "accepted") > 0 && answer["accepted"] == answer["request_ms"]["count"], "{answer}");
    insta::assert_json_snapshot!("api", keys(&answer));
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("something"), "x").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasup"));
    let output = command.args(["bench", "store", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
}
