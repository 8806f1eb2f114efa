//! What messages do to other messages.

use wasup_store::Store;
use wasup_store::id::{MessageId, Position};
use wasup_store::records::*;
use wasup_store::repo::cancel::{self, Cancel};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::{chat, counters, event, mark, message};

use crate::support::{
    NOW, accept, arrived, both, depth, group, lid, memory, new_send, owned, phone, read, receive, stored, text, write,
};

/// The account's view of a message that came from somebody.
fn theirs(of: &NewInbound) -> Target {
    Target { provider_id: of.provider_id.clone(), from_me: false, sender: of.sender.clone(), message: None }
}

fn act(n: u64, by: &Participant, content: Content) -> NewInbound {
    NewInbound { content, ..arrived(n, by) }
}

fn edit(target: Target, body: &str) -> Content {
    Content::Edit { target, body: body.into() }
}

fn reaction(target: Target, emoji: &str) -> Content {
    Content::Reaction { target, emoji: Some(emoji).filter(|emoji| !emoji.is_empty()).map(Into::into) }
}

async fn got(store: &Store, id: MessageId) -> MessageRecord {
    read(store, |tx| message::get(tx, id)).await.unwrap()
}

async fn emojis(store: &Store, id: MessageId) -> Vec<String> {
    let marks = read(store, |tx| mark::list(tx, id, MarkKind::Reaction)).await;
    marks.into_iter().filter_map(|mark| mark.emoji).collect()
}

#[tokio::test]
async fn an_edit_and_a_revoke_change_their_message_and_are_no_messages_of_the_chat() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let ann = phone(62);
    let first = arrived(1, &ann);
    let id = stored(&receive(&store, &account, vec![first.clone()]).await[0]);
    let edited = act(2, &ann, edit(theirs(&first), "better"));
    let edit_id = stored(&receive(&store, &account, vec![edited.clone()]).await[0]);
    let now = got(&store, id).await;
    assert_eq!((now.content, now.aftermath.edited_ms), (text("better"), Some(edited.ts_ms)));
    let record = got(&store, edit_id).await;
    assert_eq!(record.content.target().unwrap().message, Some(id), "the act knows our id of its message");
    let list = read(&store, |tx| message::list(tx, account.no, Some(&ann), None, 9)).await;
    assert_eq!(list.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id]);
    // Again, and an older one after it: nothing.
    receive(
        &store,
        &account,
        vec![edited.clone(), NewInbound { ts_ms: edited.ts_ms - 1_000, ..act(3, &ann, edit(theirs(&first), "old")) }],
    )
    .await;
    assert_eq!(got(&store, id).await.content, text("better"));
    let revoked = act(4, &ann, Content::Revoke { target: theirs(&first) });
    receive(&store, &account, vec![revoked.clone(), act(5, &ann, edit(theirs(&first), "too late"))]).await;
    let now = got(&store, id).await;
    assert_eq!((now.content, now.aftermath.revoked_ms), (Content::Revoked, Some(revoked.ts_ms)));
    let events = read(&store, |tx| event::page(tx, Position(0), 99)).await;
    let kinds: Vec<_> = events.iter().map(|(_, event)| event.kind.as_str()).collect();
    assert_eq!(kinds, ["message.received", "message.edited", "message.edited", "message.revoked", "message.edited"]);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn nobody_changes_what_another_wrote() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let in_group = |m: NewInbound| NewInbound { chat: group(7), group: true, ..m };
    let (ann, bob) = (both(901, 62), phone(63));
    let (direct, grouped) = (arrived(1, &ann), in_group(arrived(2, &ann)));
    let outcomes = receive(&store, &account, vec![direct.clone(), grouped.clone()]).await;
    let (direct_id, grouped_id) = (stored(&outcomes[0]), stored(&outcomes[1]));
    let mine = accept(&store, new_send(account.no, 1, &ann)).await;
    let my = Target { provider_id: mine.record.provider_id.clone(), from_me: true, sender: None, message: None };
    receive(
        &store,
        &account,
        vec![
            in_group(act(3, &bob, edit(theirs(&grouped), "by another"))),
            act(4, &ann, edit(my.clone(), "by the other side")),
            act(5, &ann, Content::Revoke { target: my }),
            // In another chat there is no such message.
            act(6, &bob, edit(theirs(&direct), "from elsewhere")),
        ],
    )
    .await;
    assert_eq!(got(&store, grouped_id).await.content, text("message 2"));
    assert_eq!(got(&store, direct_id).await.content, text("message 1"));
    assert_eq!(got(&store, mine.id).await.content, text("send 1"));
    // Its author may, by whichever address, and in a group the network lets admins only take back what others wrote.
    receive(&store, &account, vec![in_group(act(7, &lid(901), edit(theirs(&grouped), "mine")))]).await;
    assert_eq!(got(&store, grouped_id).await.content, text("mine"));
    receive(&store, &account, vec![in_group(act(8, &bob, Content::Revoke { target: theirs(&grouped) }))]).await;
    assert_eq!(got(&store, grouped_id).await.content, Content::Revoked);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn everybody_has_one_reaction_and_takes_it_off_again() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let in_group = |m: NewInbound| NewInbound { chat: group(7), group: true, ..m };
    let first = in_group(arrived(1, &phone(62)));
    let id = stored(&receive(&store, &account, vec![first.clone()]).await[0]);
    let put = |n, by: &Participant, emoji| in_group(act(n, by, reaction(theirs(&first), emoji)));
    let own = NewInbound { from_me: true, sender: None, ..put(3, &phone(1), "🙂") };
    receive(&store, &account, vec![put(2, &phone(62), "👍"), own, put(4, &lid(900), "❤"), put(5, &phone(62), "🎉")])
        .await;
    assert_eq!(emojis(&store, id).await, ["🙂", "❤", "🎉"]);
    // One human by both addresses; the reaction of a number that turns out to be theirs is replaced, too.
    receive(&store, &account, vec![put(6, &phone(63), "😮"), put(7, &both(900, 63), "😂")]).await;
    assert_eq!(emojis(&store, id).await, ["🙂", "🎉", "😂"]);
    receive(&store, &account, vec![put(8, &lid(900), ""), NewInbound { ts_ms: 1, ..put(9, &phone(62), "") }]).await;
    assert_eq!(emojis(&store, id).await.len(), 1, "a time that can't be believed is now");
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn votes_replace_each_other_and_stand_on_polls_only() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let ann = phone(62);
    let poll = Content::Poll(Poll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], choices: 1 });
    let (poll, plain) = (act(1, &ann, poll), arrived(2, &ann));
    let outcomes = receive(&store, &account, vec![poll.clone(), plain.clone()]).await;
    let vote = |n, of: &NewInbound, options: Option<&[&str]>| {
        let options = options.map(|all| all.iter().map(|option| (*option).to_owned()).collect());
        act(n, &ann, Content::PollVote { target: theirs(of), options })
    };
    let yes = vote(3, &poll, Some(&["yes"]));
    receive(
        &store,
        &account,
        vec![yes, vote(4, &poll, Some(&["no"])), vote(5, &poll, None), vote(6, &plain, Some(&["no"]))],
    )
    .await;
    let votes = async |n: usize| read(&store, |tx| mark::list(tx, stored(&outcomes[n]), MarkKind::Vote)).await;
    assert_eq!(votes(0).await.iter().map(|vote| vote.options.clone()).collect::<Vec<_>>(), [["no"]]);
    assert!(votes(1).await.is_empty());
    receive(&store, &account, vec![vote(7, &poll, Some(&[]))]).await;
    assert!(votes(0).await.is_empty());
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn an_act_that_comes_before_its_message_is_told_and_changes_nothing() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let first = arrived(1, &phone(62));
    let early = stored(&receive(&store, &account, vec![act(2, &phone(62), edit(theirs(&first), "new"))]).await[0]);
    assert_eq!(got(&store, early).await.content.target().unwrap().message, None);
    let id = stored(&receive(&store, &account, vec![first]).await[0]);
    assert_eq!(got(&store, id).await.content, text("message 1"));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn the_accounts_own_act_is_done_when_the_network_has_it() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch, ann) = (account.no, account.epoch, phone(62));
    let first = accept(&store, new_send(no, 1, &ann)).await;
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    write(&store, move |tx| send::settle(tx, no, epoch, &[(first.id, Settlement::Sent)], NOW)).await;
    let target = Target { provider_id: first.record.provider_id, from_me: true, sender: None, message: Some(first.id) };
    let second = accept(&store, send::NewSend { content: edit(target, "new"), ..new_send(no, 2, &ann) }).await;
    write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    assert_eq!(got(&store, first.id).await.content, text("send 1"));
    write(&store, move |tx| send::settle(tx, no, epoch, &[(second.id, Settlement::Sent)], NOW)).await;
    let now = got(&store, first.id).await;
    assert_eq!((now.content, now.state), (text("new"), MessageState::Sent));
    assert!(write(&store, move |tx| message::star(tx, first.id, true)).await);
    assert!(!write(&store, move |tx| message::star(tx, first.id, true)).await, "it is one already");
    assert!(got(&store, first.id).await.aftermath.starred);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn one_that_could_not_be_read_leaves_its_chat_when_it_turns_out_to_be_an_act() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let ann = phone(62);
    let first = arrived(1, &ann);
    let lost = act(2, &ann, Content::Unavailable);
    let outcomes = receive(&store, &account, vec![first.clone(), lost.clone()]).await;
    let revoke = NewInbound { content: Content::Revoke { target: theirs(&first) }, ..lost };
    receive(&store, &account, vec![revoke]).await;
    assert_eq!(got(&store, stored(&outcomes[0])).await.content, Content::Revoked);
    let list = read(&store, |tx| message::list(tx, account.no, Some(&ann), None, 9)).await;
    assert_eq!(list.len(), 1);
    assert_eq!(read(&store, |tx| chat::find(tx, account.no, &ann)).await.len(), 1);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn what_waits_is_cancelled_once_and_what_is_on_the_wire_never() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (no, epoch, ann) = (account.no, account.epoch, phone(62));
    let (queued, sending) = (accept(&store, new_send(no, 1, &ann)).await, accept(&store, new_send(no, 2, &ann)).await);
    let (first, second) = (queued.id, sending.id);
    assert!(matches!(write(&store, move |tx| cancel::cancel(tx, first, NOW)).await, Cancel::Done(_)));
    assert!(matches!(write(&store, move |tx| cancel::cancel(tx, first, NOW)).await, Cancel::Settled(_)));
    let taken = write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await;
    assert_eq!(taken.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [second]);
    assert_eq!(write(&store, move |tx| cancel::cancel(tx, second, NOW)).await, Cancel::OnTheWire);
    let held = [(second, Settlement::Held(463))];
    write(&store, move |tx| send::settle(tx, no, epoch, &held, NOW)).await;
    assert!(matches!(write(&store, move |tx| cancel::cancel(tx, second, NOW)).await, Cancel::Done(_)));
    let counted = read(&store, |tx| counters::account(tx, no)).await;
    assert_eq!((counted.unsent, counted.held, depth(&store, no).await), (2, 0, 0));
    assert_eq!(write(&store, move |tx| send::take(tx, no, epoch, NOW, 9)).await, []);
    crate::recount::check(&*engine);
}
