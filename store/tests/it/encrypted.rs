//! Encrypted stores: everything that holds for plain ones, and what only they promise.

use std::process::Command;

use crate::support::ENCRYPTED;

/// What runs again over encrypted stores. The others look at bytes that have no values yet, or at the disk alone.
const AGAIN: [&str; 11] = [
    "accounts::",
    "budget::",
    "conformance::",
    "crash::",
    "deliveries::",
    "durability::",
    "group::",
    "inbound::",
    "model::",
    "persons::",
    "sends::",
];

/// Every engine's conformance, the model, the recounted ledger, kills: the same tests, in a process whose stores have a
/// key.
#[test]
fn the_same_tests_pass_over_encrypted_stores() {
    if std::env::var_os(ENCRYPTED).is_some() {
        return;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args(AGAIN)
        .env(ENCRYPTED, "yes")
        .env("WASUP_KILL_ROUNDS", "3")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{told}{}", String::from_utf8_lossy(&again.stderr));
    for subject in AGAIN {
        assert!(told.contains(&format!("test {subject}")), "nothing of {subject} ran");
    }
}
