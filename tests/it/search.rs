//! Words are found: with the index and without it, as it is built, switched off and on, and in an encrypted store.

use serde_json::Value;
use wasup_sandbox::Phone;

use crate::promises::Linked;
use crate::world::{PATIENCE, key_file};

const MESSAGES: &str = "/v1/accounts/a0/messages";

fn texts(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

async fn written(linked: &Linked, from: &Phone, said: &[&str]) {
    for text in said {
        from.send_text(linked.phones[0].number(), text).await.unwrap();
    }
    let last = *said.last().unwrap();
    linked.until(&format!("{MESSAGES}?limit=1"), |page| page["data"][0]["text"] == last).await;
}

/// Waits until the index has looked at every event.
async fn indexed(linked: &Linked, messages: u32) {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let metrics = linked.world.ask(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let value = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(name)).map(|line| line.rsplit(' ').next().unwrap());
            line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_default()
        };
        if value("wasup_search_indexed_total") >= f64::from(messages) && value("wasup_search_lag_events") == 0.0 {
            return;
        }
        assert!(std::time::Instant::now() < end, "{metrics}");
        tokio::task::yield_now().await;
    }
}

/// Asks all of these, each of the whole account and of the friend's chat.
async fn answers(linked: &Linked, whole: &[(&str, &[&str])]) {
    for (question, expected) in whole {
        let page = linked.world.get(&format!("{MESSAGES}?q={question}")).await.1;
        assert_eq!(texts(&page), *expected, "{question}");
        // One by one, the oldest first.
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = linked.world.get(&format!("{MESSAGES}?q={question}&limit=1&order=asc{cursor}")).await.1;
            all.extend(texts(&page).into_iter().map(str::to_owned));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        all.reverse();
        assert_eq!(all, *expected, "{question} by pages");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_found_while_the_index_comes_and_goes() {
    let linked = Linked::with(1, &[]).await;
    let other = linked.network().phone("6283333333333");
    written(&linked, &linked.friend, &["The blue whale sings", "green whale", "Blue, and only blue"]).await;
    written(&linked, &other, &["blue whale of another"]).await;
    let questions: [(&str, &[&str]); 6] = [
        ("blue%20whale%20", &["blue whale of another", "The blue whale sings"]),
        ("WHALE%20", &["blue whale of another", "green whale", "The blue whale sings"]),
        ("bl", &["blue whale of another", "Blue, and only blue", "The blue whale sings"]),
        ("green%20wh", &["green whale"]),
        ("nothing%20", &[]),
        ("blue%20green%20", &[]),
    ];
    answers(&linked, &questions).await;
    let url = linked.network().url();
    let restarted = async |linked: Linked, index: &str| {
        let Linked { world, sandbox, phones, friend } = linked;
        let world = world.restart(&[("WASUP__LINK__URL", url.as_str()), ("WASUP__SEARCH__INDEX", index)]).await;
        let linked = Linked { world, sandbox, phones, friend };
        linked.phases("a0", wasup_store::records::Phase::Connected).await;
        linked
    };
    // Over what is there already.
    let linked = restarted(linked, "true").await;
    answers(&linked, &questions).await;
    indexed(&linked, 4).await;
    answers(&linked, &questions).await;
    written(&linked, &linked.friend, &["a blue whale, again"]).await;
    let with_it: &[&str] = &["a blue whale, again", "blue whale of another", "The blue whale sings"];
    answers(&linked, &[("blue%20whale%20", with_it)]).await;
    let of_friend = format!("{MESSAGES}?q=blue%20whale%20&chat={}", linked.friend.number());
    assert_eq!(texts(&linked.world.get(&of_friend).await.1), ["a blue whale, again", "The blue whale sings"]);
    // What is gone is not found.
    let gone = format!("/v1/accounts/a0/chats/{}", other.number());
    assert_eq!(linked.world.delete(&gone).await.0, 204);
    answers(&linked, &[("blue%20whale%20", &["a blue whale, again", "The blue whale sings"])]).await;
    let linked = restarted(linked, "false").await;
    answers(&linked, &[("blue%20whale%20", &["a blue whale, again", "The blue whale sings"])]).await;
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_store_has_an_index_that_tells_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_file(folder.path(), "key").display().to_string();
    let env = [("WASUP__DATA__ENCRYPTION_KEY_FILE", key.as_str()), ("WASUP__SEARCH__INDEX", "true")];
    let linked = Linked::with(1, &env).await;
    written(&linked, &linked.friend, &["the unmistakable word", "another word"]).await;
    indexed(&linked, 2).await;
    let questions: [(&str, &[&str]); 3] = [
        ("word%20", &["another word", "the unmistakable word"]),
        ("unmistakable%20word", &["the unmistakable word"]),
        ("unmistakable%20wo", &["the unmistakable word"]),
    ];
    answers(&linked, &questions).await;
    let Linked { world, .. } = linked;
    let data = world.folder.path().join("data");
    world.gateway.stop().await;
    let mut files = vec![data];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(12).any(|part| part == b"unmistakable"), "{}", path.display());
        }
    }
}
