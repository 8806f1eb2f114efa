//! A gateway whose store is encrypted, from its first start to its second.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use wasup_store::records::Phase;

use crate::promises::{Linked, is_sent};
use crate::world::{PATIENCE, key_file};

/// Links, receives, sends, starts again and does the same once more. Answers which of what was said, and by whom, stands
/// in the files of the store.
async fn two_lives(extra: &[(&str, &str)]) -> BTreeSet<String> {
    let mut linked = Linked::with(1, extra).await;
    let ours = linked.phones[0].clone();
    let mut secrets = vec![ours.number().to_owned(), linked.friend.number().to_owned(), "The Shop".to_owned()];
    secrets.extend([&ours, &linked.friend].map(|phone| phone.lid().split(['@', ':']).next().unwrap().to_owned()));
    ours.set_push_name("The Shop");
    for life in ["first", "second"] {
        let (to_us, from_us) = (format!("hello from the {life} life"), format!("answer of the {life} life"));
        linked.friend.send_text(ours.number(), &to_us).await.unwrap();
        let shown = |page: &Value| page["data"].as_array().is_some_and(|all| all.iter().any(|m| m["text"] == to_us));
        linked.until("/v1/accounts/a0/messages", shown).await;
        let sent = linked.send("a0", &from_us).await;
        linked.message(&sent, is_sent).await;
        linked.friend.wait_for_text(&from_us, PATIENCE).await.unwrap();
        secrets.extend([to_us, from_us]);
        if life == "first" {
            let url = linked.network().url();
            let env: Vec<_> = [("WASUP__LINK__URL", url.as_str())].iter().chain(extra).copied().collect();
            linked.world = linked.world.restart(&env).await;
            linked.phases("a0", Phase::Connected).await;
            let messages = linked.world.get("/v1/accounts/a0/messages").await.1;
            assert_eq!(messages["data"].as_array().map(Vec::len), Some(2), "{messages}");
        }
    }
    assert_eq!(linked.network().violations(), []);
    let Linked { world, sandbox, .. } = linked;
    assert_eq!(world.gateway.stop().await.late, Vec::<String>::new());
    sandbox.shutdown().await;
    let files = bytes_under(&world.folder.path().join("data"));
    let holds = |secret: &String| files.windows(secret.len()).any(|window| window == secret.as_bytes());
    secrets.into_iter().filter(holds).collect()
}

fn bytes_under(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes_under(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_gateway_lives_twice_and_its_files_tell_nothing() {
    let plain = two_lives(&[]).await;
    assert!(plain.len() >= 8, "the search does not find what is there: {plain:?}");
    let keys = tempfile::tempdir().unwrap();
    let file = key_file(keys.path(), "key").display().to_string();
    let encrypted = two_lives(&[("WASUP__DATA__ENCRYPTION_KEY_FILE", &file)]).await;
    assert_eq!(encrypted, BTreeSet::new());
}
