//! The command a newcomer types, as a script.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_demo_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (extra, accounts, messages) in
        [(&["--accounts", "6", "--messages", "20"][..], 6, 120), (&["--messages", "3"][..], 3, 9)]
    {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_wasup"));
        demo.args(["demo", "--once", "--json"]).args(extra).current_dir(folder.path());
        let output = demo.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {log}"));
        let count = |name: &str| report[name].as_u64().unwrap();
        for (name, expected) in [("accounts", accounts), ("paired", accounts), ("lost", 0), ("duplicated", 0)] {
            assert_eq!(count(name), expected, "{name}: {report}\n{log}");
        }
        for name in ["sent", "delivered", "received", "webhooks_delivered"] {
            assert_eq!(count(name), messages, "{name}: {report}\n{log}");
        }
        assert_eq!(report.as_object().unwrap().len(), 9, "{report}");
        assert!(output.status.success());
    }
}
