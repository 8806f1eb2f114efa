//! The config as the binary reads it: layers, refusals, masking. A process of its own for each case, because the
//! environment and the working folder belong to a process.

#![expect(clippy::unwrap_used, reason = "what a test can not get, fails it")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs `wasup` in a folder with these variables and no others.
fn wasup(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasup"));
    command.current_dir(folder).args(args).env_clear().envs(env.iter().copied());
    command.output().unwrap()
}

/// What `wasup config check` prints, and on standard error.
fn check(folder: &Path, env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = wasup(folder, &["config", "check"], env);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Exit code of a config that is refused.
const BAD_CONFIG: Option<i32> = Some(78);

#[test]
fn the_defaults_are_whole_and_print_as_a_config_again() {
    let here = folder();
    let (code, printed, told) = check(here.path(), &[]);
    assert_eq!(code, Some(0), "{told}");
    std::fs::write(here.path().join("wasup.toml"), &printed).unwrap();
    let (code, again, told) = check(here.path(), &[]);
    assert_eq!((code, again), (Some(0), printed), "{told}");
    assert!(told.contains("wasup.toml"), "{told}");
}

#[test]
fn the_environment_beats_the_file_and_the_file_the_defaults() {
    let here = folder();
    let file = "[server]\nlisten = \"127.0.0.1:7001\"\nbody_max_bytes = \"2 MiB\"\n";
    std::fs::write(here.path().join("wasup.toml"), file).unwrap();
    let (code, printed, told) = check(here.path(), &[("WASUP__SERVER__LISTEN", "127.0.0.1:7002")]);
    assert_eq!(code, Some(0), "{told}");
    for line in ["listen = \"127.0.0.1:7002\"", "body_max_bytes = \"2 MiB\"", "ack_timeout = \"20s\""] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
}

#[test]
fn a_named_file_is_taken_instead_of_the_usual_one() {
    let here = folder();
    std::fs::write(here.path().join("wasup.toml"), "default_region = \"ID\"\n").unwrap();
    std::fs::write(here.path().join("other.toml"), "default_region = \"DE\"\n").unwrap();
    let output = wasup(here.path(), &["config", "check", "--config", "other.toml"], &[]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("default_region = \"DE\""));
    let missing = wasup(here.path(), &["config", "check", "--config", "missing.toml"], &[]);
    assert_eq!(missing.status.code(), BAD_CONFIG);
    assert!(String::from_utf8(missing.stderr).unwrap().contains("missing.toml"));
}

#[test]
fn every_kind_of_value_can_come_from_the_environment() {
    let here = folder();
    let (code, printed, told) = check(
        here.path(),
        &[
            ("WASUP__DEFAULT_REGION", "ID"),
            ("WASUP__SERVER__METRICS_ALLOW", "[\"10.0.0.0/8\", \"::1/128\"]"),
            ("WASUP__WEBHOOKS__SCHEDULE", "[\"0s\", \"1s\"]"),
            ("WASUP__WEBHOOKS__ALLOW_PRIVATE", "false"),
            ("WASUP__SEND__IN_FLIGHT", "3"),
            ("WASUP__SUPERVISION__BACKOFF_FACTOR", "3"),
            ("WASUP__DATA__CACHE", "8 MiB"),
            ("WASUP__SERVER__API_KEY", "1029384756102938"),
        ],
    );
    assert_eq!(code, Some(0), "{told}");
    for line in [
        "default_region = \"ID\"",
        "\"10.0.0.0/8\"",
        "\"1s\"",
        "allow_private = false",
        "in_flight = 3",
        "backoff_factor = 3.0",
    ] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
}

#[test]
fn secrets_are_masked() {
    let here = folder();
    let secret = "8f2b64c09a7d113e";
    let (code, printed, told) = check(here.path(), &[("WASUP__SERVER__API_KEY", secret)]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("api_key = \"********\""), "{printed}");
    assert!(!printed.contains(secret) && !told.contains(secret));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    for (file, words) in [
        ("[server]\nlisen = \"127.0.0.1:1\"\n", ["wasup.toml", "server.lisen", "server.listen"]),
        ("[sevrer]\nlisten = \"127.0.0.1:1\"\n", ["wasup.toml", "sevrer", "did you mean"]),
        ("[webhooks]\nack_timeout = \"1s\"\n", ["wasup.toml", "webhooks.ack_timeout", "send.ack_timeout"]),
        ("qr = true\n", ["wasup.toml", "qr", "no such key"]),
        ("[log.files]\ndri = \"logs\"\n", ["wasup.toml", "log.files.dri", "log.files.dir"]),
        ("[log]\nfiles = \"logs\"\n", ["wasup.toml", "log.files", "no such key"]),
    ] {
        let here = folder();
        std::fs::write(here.path().join("wasup.toml"), file).unwrap();
        let (code, _, told) = check(here.path(), &[]);
        assert_eq!(code, BAD_CONFIG, "{file}");
        for word in words {
            assert!(told.contains(word), "{word} is not in: {told}");
        }
    }
    let here = folder();
    let (code, _, told) = check(here.path(), &[("WASUP__SERVER__LISTN", "x"), ("WASUP__QR", "true")]);
    assert_eq!(code, BAD_CONFIG);
    assert!(told.contains("WASUP__SERVER__LISTN") && told.contains("server.listen"), "{told}");
    assert!(told.contains("WASUP__QR:"), "{told}");
}

#[test]
fn bad_values_are_refused_with_what_would_be_right() {
    for (name, value, words) in [
        ("WASUP__SERVER__LISTEN", "localhost", ["server.listen", "127.0.0.1:8080"]),
        ("WASUP__SEND__ACK_TIMEOUT", "20", ["send.ack_timeout", "30s"]),
        ("WASUP__SEND__ACK_TIMEOUT", "20h", ["send.ack_timeout", "must be from 1s to 10m"]),
        ("WASUP__DATA__CACHE", "64", ["data.cache", "64 MiB"]),
        ("WASUP__LOG__FORMAT", "xml", ["log.format", "human, json"]),
        ("WASUP__LOG__LEVEL", "loud", ["log.level", "debug"]),
        ("WASUP__LOG__FILES__DIR", "/etc/passwd", ["log.files.dir", "name a folder"]),
        ("WASUP__LOG__FILES__WRITE", "[\"all\"]", ["log.files.write", "combined"]),
        ("WASUP__LOG__FILES__MAX_SIZE", "1 KiB", ["log.files.max_size", "64 KiB"]),
        ("WASUP__SEND__IN_FLIGHT", "many", ["send.in_flight", "integer"]),
        ("WASUP__SEND__IN_FLIGHT", "0", ["send.in_flight", "from 1 to 1000"]),
        ("WASUP__WEBHOOKS__SCHEDULE", "[]", ["webhooks.schedule", "1 to 50"]),
        ("WASUP__WEBHOOKS__JITTER", "nan", ["webhooks.jitter", "from 0 to 1"]),
        ("WASUP__WEBHOOKS__SCHEDULE", "[\"8d\"]", ["webhooks.schedule", "7 days"]),
        ("WASUP__WEBHOOKS__DISABLE_AFTER", "10s", ["webhooks.disable_after", "from 1m to 365 days"]),
        ("WASUP__WEBHOOKS__DISABLE_AFTER", "5", ["webhooks.disable_after", "never"]),
        ("WASUP__WEBHOOKS__SECRET_OVERLAP", "31d", ["webhooks.secret_overlap", "from 0s to"]),
        ("WASUP__WEBHOOKS__REQUIRE_HTTPS", "always", ["webhooks.require_https", "bool"]),
        ("WASUP__WEBHOOKS__STATUSES__GONE", "[\"4xx\"]", ["webhooks.statuses.gone", "such as 410"]),
        ("WASUP__WEBHOOKS__STATUSES__REFUSED", "[\"200-299\"]", ["webhooks.statuses.refused", "between 300 and 599"]),
        ("WASUP__WEBHOOKS__BREAKER__FAILURES", "0", ["webhooks.breaker.failures", "from 1 to"]),
        ("WASUP__WEBHOOKS__BREAKER__PROBE_MAX", "5s", ["webhooks.breaker.probe_max", "from 30s"]),
        ("WASUP__WEBHOOKS__DEFAULT__URL", "ftp://a/", ["webhooks.default.url", "http"]),
        ("WASUP__WEBHOOKS__DEFAULT__URL", "http://169.254.169.254/", ["webhooks.default.url", "range"]),
        ("WASUP__WEBHOOKS__DEFAULT__SECRET", "whsec_AAAA", ["webhooks.default.secret", "24 to 64 bytes"]),
        ("WASUP__WEBHOOKS__DEFAULT__EVENTS", "[\"message\"]", ["webhooks.default.events", "message.received"]),
        ("WASUP__WEBHOOKS__KEEP_DELIVERIES", "1m", ["webhooks.keep_deliveries", "must be from 1h"]),
        ("WASUP__EVENTS__KEEP", "forever", ["events.keep", "1h 30m"]),
        ("WASUP__EVENTS__KEEP", "1m", ["events.keep", "must be from 1h"]),
        ("WASUP__EVENTS__HEARTBEAT", "0s", ["events.heartbeat", "must be from 1s to 5m"]),
        ("WASUP__EVENTS__STREAM_PATIENCE", "30s", ["events.stream_patience", "server.write_timeout"]),
        ("WASUP__AUDIT__KEEP", "1h", ["audit.keep", "must be from 1day"]),
        ("WASUP__SERVER__WRITE_TIMEOUT", "11m", ["server.write_timeout", "1s to 10m"]),
        ("WASUP__SERVER__METRICS_ALLOW", "[\"localhost\"]", ["server.metrics_allow", "10.0.0.0/8"]),
        ("WASUP__DEFAULT_REGION", "Indonesia", ["default_region", "two capital letters"]),
        ("WASUP__SUPERVISION__BACKOFF_CAP", "10ms", ["supervision.backoff_cap", "from 1s"]),
        ("WASUP__SUPERVISION__STOP_TIMEOUT", "1m", ["supervision.stop_timeout", "server.shutdown_timeout"]),
        ("WASUP__WEBHOOKS__CONCURRENCY_PER_ENDPOINT", "65", ["webhooks.concurrency_per_endpoint", "from 1 to 64"]),
    ] {
        let here = folder();
        let (code, _, told) = check(here.path(), &[(name, value)]);
        assert_eq!(code, BAD_CONFIG, "{name}={value}: {told}");
        for word in [name, words[0], words[1]] {
            assert!(told.contains(word), "{name}={value}: {word} is not in: {told}");
        }
    }
}

#[test]
fn every_mistake_of_a_kind_is_told_at_once() {
    let here = folder();
    let env = [("WASUP__SEND__IN_FLIGHT", "0"), ("WASUP__DEFAULT_REGION", "xx"), ("WASUP__LINK__PREKEYS", "4")];
    let (_, _, told) = check(here.path(), &env);
    assert!(env.iter().all(|(name, _)| told.contains(name)), "{told}");
}

#[test]
fn bad_keys_are_refused_and_not_repeated() {
    for key in ["short", "changemechangeme", "my secret key with spaces"] {
        let here = folder();
        let (code, printed, told) = check(here.path(), &[("WASUP__SERVER__API_KEY", key)]);
        assert_eq!(code, BAD_CONFIG, "{key}");
        assert!(told.contains("server.api_key") && !told.contains(key) && !printed.contains(key), "{told}");
    }
    let here = folder();
    std::fs::write(here.path().join("wasup.toml"), "[server]\napi_key = 90210902109021\n").unwrap();
    let (code, _, told) = check(here.path(), &[]);
    assert_eq!(code, BAD_CONFIG);
    assert!(told.contains("server.api_key") && !told.contains("90210902109021"), "{told}");
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let here = folder();
    std::fs::write(here.path().join("wasup.toml"), "[server]\nlisten = \"127.0.0.1:1\"\nlisten = 2\n").unwrap();
    let (code, _, told) = check(here.path(), &[]);
    assert_eq!(code, BAD_CONFIG);
    assert!(told.contains("wasup.toml, line 3"), "{told}");
}

#[test]
fn source_folders_are_no_place_for_data() {
    let root = env!("CARGO_MANIFEST_DIR");
    for dir in [root.to_owned(), format!("{root}/sessions")] {
        let here = folder();
        let (code, _, told) = check(here.path(), &[("WASUP__DATA__DIR", &dir)]);
        assert_eq!(code, BAD_CONFIG, "{dir}");
        assert!(told.contains("data.dir") && told.contains("source code"), "{told}");
    }
}

#[test]
fn accounts_files_are_read_with_the_config() {
    let here = folder();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/accounts.example.toml");
    let (code, _, told) = check(here.path(), &[("WASUP__ACCOUNTS__FILE", example)]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("3 accounts"), "{told}");
    std::fs::write(here.path().join("accounts.toml"), "[[account]]\nid = \"a\"\ncolour = \"red\"\n").unwrap();
    let (code, _, told) = check(here.path(), &[("WASUP__ACCOUNTS__FILE", "accounts.toml")]);
    assert_eq!(code, BAD_CONFIG);
    assert!(told.contains("accounts.toml, line 3") && told.contains("colour"), "{told}");
}

#[test]
fn risky_settings_are_warned_about() {
    let here = folder();
    let env = [
        ("WASUP__SERVER__LISTEN", "0.0.0.0:8080"),
        ("WASUP__SERVER__METRICS_ALLOW", "[\"0.0.0.0/0\"]"),
        ("WASUP__SERVER__STREAMS_MAX", "1024"),
        ("WASUP__EVENTS__KEEP", "1day"),
        ("WASUP__EVENTS__MAX_ROWS", "500"),
    ];
    let (code, _, told) = check(here.path(), &env);
    assert_eq!(code, Some(0), "{told}");
    for key in [
        "server.listen",
        "server.metrics_allow",
        "webhooks.allow_private",
        "server.streams_max",
        "events.keep",
        "events.max_rows",
        "webhooks.keep_deliveries",
    ] {
        assert!(told.contains(&format!("warning: {key}")), "{key} is not in: {told}");
    }
}

#[cfg(not(feature = "sandbox"))]
#[test]
fn only_a_sandbox_build_can_connect_elsewhere() {
    let here = folder();
    let (code, _, told) = check(here.path(), &[("WASUP__LINK__URL", "ws://127.0.0.1:1/")]);
    assert_eq!(code, BAD_CONFIG);
    assert!(told.contains("link.url") && told.contains("sandbox"), "{told}");
}

#[cfg(feature = "sandbox")]
#[test]
fn a_sandbox_build_takes_another_address() {
    let here = folder();
    let (code, printed, told) = check(here.path(), &[("WASUP__LINK__URL", "ws://127.0.0.1:1/")]);
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("ws://127.0.0.1:1/"));
    let (code, _, told) = check(here.path(), &[("WASUP__LINK__URL", "http://127.0.0.1:1/")]);
    assert!(code == BAD_CONFIG && told.contains("wss://"), "{told}");
}
