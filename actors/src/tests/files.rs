use wasup_store::records::{Content, Lane, Media, MessageState, Participant};

use super::world::{World, account, me, peer, somebody};
use crate::{Accepted, SendCommand};

impl World {
    async fn send_file(&self, id: &str, chat: &Participant) -> Accepted {
        let command = SendCommand {
            account: account(id),
            chat: chat.clone(),
            content: Content::Document(Box::new(Media { size: 1_000, ..Media::default() })),
            context: None,
            lane: Lane::Interactive,
            client_message_id: None,
            idempotency: None,
        };
        self.tree().messages.send(&me(), command).await.unwrap()
    }
}

#[tokio::test]
async fn an_upload_delays_its_own_chat_and_no_other() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.uploaders.forget_permits(1_000);
    let file = world.send_file("a", &peer()).await;
    let after = world.send("a", "after the file").await;
    let (again, last) = (world.send_file("a", &peer()).await, world.send("a", "the end").await);
    // So many chats that each lane has some.
    for n in 0..24 {
        let other = world.send_to("a", &somebody(n), "elsewhere").await;
        world.state(other.id, MessageState::Sent).await;
    }
    assert_eq!(world.message(file.id).await.state, MessageState::Sending);
    assert_eq!(world.network.wire(file.id.account).len(), 24, "nothing of the chat overtook its file");
    world.network.uploaders.add_permits(1);
    world.state(last.id, MessageState::Sent).await;
    let wire = world.network.wire(file.id.account);
    let of_chat: Vec<_> = wire.iter().skip(24).map(|message| message.id).collect();
    assert_eq!(of_chat, [file.id, after.id, again.id, last.id]);
}
