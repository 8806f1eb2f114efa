//! Accounts that address people by the network's own numbers.

use wasup_sandbox::Config;

use crate::world::{PATIENCE, World, body, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";

#[tokio::test(flavor = "multi_thread")]
async fn a_migrated_account_knows_people_by_both_addresses() {
    let world = World::with(Config { lid_migrated: true, ..Config::default() }, |_| {}).await;
    let (account, mut line, _) = world.linked("shop", OURS).await;
    let other = world.network.phone(THEIRS);
    other.send_text(OURS, "hello").await.unwrap();
    let stored = world.wait_messages(account.no, 1).await;
    let (_, message) = &stored[0];
    assert_eq!((body(message), message.chat.jid.as_str()), ("hello", other.lid().as_str()));
    assert_eq!(message.chat.phone.as_deref(), Some(THEIRS));
    // By its number alone, and by the address that it wrote under.
    let by_number = text(account.no, THEIRS, "to the number", 1);
    let mut by_lid = text(account.no, THEIRS, "to the lid", 2);
    by_lid.chat = message.chat.clone();
    by_lid.chat.phone = None;
    for message in [&by_number, &by_lid] {
        line.send(message).await;
        assert_eq!(line.ack(&message.provider_id).await, None);
        other.wait_for_message(&message.provider_id, PATIENCE).await.unwrap();
    }
    line.link.close().await;
    assert!(world.network.violations().is_empty(), "{:?}", world.network.violations());
}
