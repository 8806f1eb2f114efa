//! What a whole run leaves in its log: every line, and nothing that is anybody's secret.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

/// A run's log: on standard error, and in its files.
struct Logged {
    stderr: String,
    files: [String; 3],
    secrets: Vec<String>,
}

const FILES: [&str; 3] = ["combined.log", "warnings.log", "error.log"];

fn demo(format: &str, level: &str) -> Logged {
    let folder = tempfile::tempdir().unwrap();
    let (logs, confidential) = (folder.path().join("logs"), folder.path().join("confidential"));
    let mut demo = Command::new(env!("CARGO_BIN_EXE_wasup"));
    demo.args(["demo", "--once", "--json", "--accounts", "4", "--messages", "5", "--confidential"]).arg(&confidential);
    demo.current_dir(folder.path()).env("WASUP__LOG__FILES__DIR", &logs);
    let output = demo.env("WASUP__LOG__LEVEL", level).env("WASUP__LOG__FORMAT", format).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let files = FILES.map(|name| std::fs::read_to_string(logs.join(name)).unwrap());
    Logged { stderr, files, secrets: secrets(&confidential) }
}

/// Everything that must not be found, in each form it could have.
fn secrets(file: &Path) -> Vec<String> {
    let known: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let list = |name: &str| -> Vec<String> {
        let all: Vec<String> = serde_json::from_value(known[name].clone()).unwrap();
        assert!(!all.is_empty(), "no {name} to look for");
        all
    };
    let mut secrets = vec![known["api_key"].as_str().unwrap().to_owned()];
    secrets.extend(["numbers", "texts"].into_iter().flat_map(list));
    secrets.extend(list("lids").iter().map(|lid| lid.split(['@', ':']).next().unwrap().to_owned()));
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for secret in list("webhook_secrets") {
        keys.push(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap());
    }
    for code in list("codes") {
        // A token of the server, then the account's Noise and identity keys and its pairing secret.
        let (token, rest) = code.split_once(',').unwrap();
        secrets.push(token.to_owned());
        let parts: Vec<_> = rest.split(',').filter_map(|part| STANDARD.decode(part).ok()).collect();
        assert!(parts.iter().filter(|key| key.len() == 32).count() >= 3, "the code has no keys");
        keys.extend(parts.into_iter().filter(|key| key.len() == 32));
    }
    for key in keys {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        // As Debug prints bytes.
        let list = format!("{key:?}");
        secrets.extend([STANDARD.encode(&key), URL_SAFE.encode(&key), hex.to_uppercase(), hex, list]);
    }
    secrets
}

/// What of it is in a text, and what else looks as if it had no place there.
fn found(text: &str, secrets: &[String]) -> Vec<String> {
    let mut found: Vec<String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect();
    let word = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    found.extend(text.split(|c| !word(c)).filter(|word| word.len() >= 40 && !word.starts_with('/')).map(str::to_owned));
    let digits = text.split(|c: char| !c.is_ascii_alphanumeric());
    found.extend(digits.filter(|run| run.len() >= 10 && run.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned));
    let bytes = text.split(['[', ']']).filter(|list| {
        let mut numbers = list.split(", ");
        list.len() > 40 && numbers.all(|number| number.parse::<u8>().is_ok())
    });
    found.extend(bytes.map(str::to_owned));
    found
}

fn assert_clean(logged: &Logged) {
    for (name, text) in FILES.iter().zip(&logged.files).chain([(&"standard error", &logged.stderr)]) {
        let found = found(text, &logged.secrets);
        assert!(found.is_empty(), "{name} holds {found:?}:\n{text}");
    }
}

/// The lines of our own format, without the banner that is no log line.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("wasup: ")).collect()
}

#[test]
fn a_log_for_people_holds_every_line_and_no_secret() {
    let logged = demo("human", "debug");
    assert_clean(&logged);
    let [combined, warnings, errors] = &logged.files;
    assert_eq!(lines(&logged.stderr).len(), lines(combined).len(), "{}\n--\n{combined}", logged.stderr);
    assert!(combined.contains("stopped late=0"), "the last line is flushed:\n{combined}");
    assert!(!combined.contains('\u{1b}'), "colours in a file");
    assert!(warnings.contains("sandbox build") && lines(warnings).iter().all(|line| line.contains(" WARN ")));
    assert_eq!(errors, "");
    for level in [" DEBUG ", " INFO "] {
        assert!(combined.contains(level), "no {level} in\n{combined}");
    }

    // The search finds what is there: a line that was logged, in each place, and each secret where it is put.
    let logged_once = ["the account's state changed".to_owned()];
    for text in [&logged.stderr, combined] {
        assert!(!found(text, &logged_once).is_empty());
    }
    for secret in &logged.secrets {
        assert!(!found(&format!("{warnings} and {secret} there"), &logged.secrets).is_empty());
    }
    for unknown in ["to 6281234567890@lid", &STANDARD.encode([7; 32]), &format!("{:?}", [7_u8; 32])] {
        assert!(!found(&format!("{warnings} {unknown}"), &[]).is_empty(), "{unknown}");
    }
}

#[test]
fn a_log_for_machines_tells_each_change_of_state_once_and_no_secret() {
    let logged = demo("json", "debug");
    assert_clean(&logged);
    let parsed = |text: &str| -> Vec<Value> {
        let without_time = |line: &&str| {
            let mut line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(line["timestamp"].take().is_string());
            line
        };
        lines(text).iter().map(without_time).collect()
    };
    let (shown, kept) = (parsed(&logged.stderr), parsed(&logged.files[0]));
    // Threads log at the same time: each place has its own order.
    let sorted = |mut all: Vec<Value>| {
        all.sort_by_key(ToString::to_string);
        all
    };
    assert_eq!(sorted(shown), sorted(kept.clone()));
    for n in 1..=4 {
        let account = format!("demo-{n:03}");
        let changes: Vec<_> = kept.iter().filter(|line| line["account"] == account.as_str()).collect();
        let mut phase = "stopped";
        for change in &changes {
            assert_eq!(change["from"], phase, "{changes:#?}");
            phase = change["to"].as_str().unwrap();
            assert!(change["reason"].is_string() && change["epoch"].is_u64(), "{change}");
        }
        assert_eq!(phase, "stopped", "{changes:#?}");
        let connected = changes.iter().filter(|change| change["to"] == "connected").count();
        assert!(connected >= 1 && changes.len() >= 4, "{changes:#?}");
    }
}

/// The protocol library's own lines, which an operator may ask for: with numbers and keys taken out.
#[test]
fn the_librarys_lines_are_scrubbed_wherever_they_go() {
    let targets = ["Client", "AppState", "MessageQueue", "whatsapp_rust", "wacore", "Chatstate", "usync", "TcToken"];
    let level = targets.iter().fold("debug".to_owned(), |level, target| format!("{level},{target}=debug"));
    let logged = demo("json", &level);
    let ours =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["target"].as_str().unwrap().starts_with("wasup");
    let theirs = lines(&logged.files[0]).into_iter().filter(|line| !ours(line)).count();
    assert!(theirs > 20, "the library logged {theirs} lines: this test looks at nothing");
    assert!(logged.files[0].contains('…'), "nothing had to be taken out");
    assert_clean(&logged);
}
