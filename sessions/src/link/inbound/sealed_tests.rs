use super::*;
use crate::link::inbound::address;
use buffa::MessageField;
use waproto::whatsapp::MessageKey;
use waproto::whatsapp::message as part;
use wasup_store::records::Poll;

const ANN: &str = "62811@s.whatsapp.net";
const ANN_LID: &str = "900@lid";
const OWN: &str = "62800@s.whatsapp.net";

fn someone() -> Participant {
    address::participant(&ANN.parse().unwrap(), Some(&ANN_LID.parse().unwrap())).unwrap()
}

fn key(from_me: bool) -> MessageField<MessageKey> {
    MessageField::some(MessageKey { id: Some("3EB0".into()), from_me: Some(from_me), ..MessageKey::default() })
}

fn own(jid: &wacore_binary::Jid) -> bool {
    jid.user == "62800"
}

#[test]
fn a_vote_is_opened_by_whichever_address_sealed_it() {
    let ann = someone();
    let frame = Frame { from_me: false, group: false, chat: &ann, sender: Some(&ann), is_own: &own };
    let secret = MessageSecret([7; 32]);
    let asked = Poll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], choices: 1 };
    let asked = Content::Poll(asked);
    for voter in [ANN, ANN_LID] {
        let chosen = [poll::compute_option_hash("no").to_vec(), vec![1; 32]];
        let (payload, iv) = poll::encrypt_poll_vote_with_secret(&chosen, &secret.0, "3EB0", OWN, voter).unwrap();
        let vote = part::PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) };
        let update = part::PollUpdateMessage {
            poll_creation_message_key: key(false),
            vote: MessageField::some(vote),
            ..Default::default()
        };
        let message = Message { poll_update_message: MessageField::some(update), ..Message::default() };
        let sealed = Sealed::of(&message, &frame).unwrap();
        assert_eq!((sealed.kind, sealed.target.from_me), (SealedKind::Vote, true));
        let parent = Parent { secret, content: &asked, author: vec![OWN.into()] };
        let target = sealed.target.clone();
        let read = sealed.open(&parent, &addresses(&ann), &frame);
        assert_eq!(read, Some(Content::PollVote { target, options: Some(vec!["no".into()]) }));
        let other = Parent { secret: MessageSecret([8; 32]), ..parent };
        assert_eq!(sealed.open(&other, &addresses(&ann), &frame), None);
        assert!(matches!(sealed.unread(), Content::PollVote { options: None, .. }));
    }
}

#[test]
fn an_edit_and_a_reaction_are_opened() {
    let ann = someone();
    let frame = Frame { from_me: false, group: false, chat: &ann, sender: Some(&ann), is_own: &own };
    let secret = MessageSecret([7; 32]);
    let inner = Message {
        protocol_message: MessageField::some(part::ProtocolMessage {
            key: key(true),
            r#type: Some(part::protocol_message::Type::MESSAGE_EDIT),
            edited_message: MessageField::some(Message { conversation: Some("new".into()), ..Message::default() }),
            ..Default::default()
        }),
        ..Message::default()
    };
    let context = wacore::message_edit::MessageEditContext {
        original_msg_id: "3EB0",
        original_sender_jid: ANN_LID,
        editor_jid: ANN_LID,
    };
    let (payload, iv) = wacore::message_edit::encrypt_message_edit(&inner, &secret.0, &context).unwrap();
    let edit = part::SecretEncryptedMessage {
        target_message_key: key(true),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
        secret_enc_type: Some(SecretEncType::MESSAGE_EDIT),
        ..Default::default()
    };
    let message = Message { secret_encrypted_message: MessageField::some(edit), ..Message::default() };
    let sealed = Sealed::of(&message, &frame).unwrap();
    let said = Content::text("old");
    let parent = Parent { secret, content: &said, author: addresses(&ann) };
    let read = sealed.open(&parent, &addresses(&ann), &frame);
    assert_eq!(read, Some(Content::Edit { target: sealed.target.clone(), body: "new".into() }));
    assert_eq!(sealed.target.sender.as_ref(), Some(&ann), "only the author edits");

    let (payload, iv) = wacore::reaction::encrypt_reaction_with_secret("👍", 1, &secret.0, "3EB0", OWN, ANN).unwrap();
    let reaction = part::EncReactionMessage {
        target_message_key: key(false),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
    };
    let message = Message { enc_reaction_message: MessageField::some(reaction), ..Message::default() };
    let sealed = Sealed::of(&message, &frame).unwrap();
    let parent = Parent { secret, content: &said, author: vec![OWN.into()] };
    let read = sealed.open(&parent, &addresses(&ann), &frame);
    assert_eq!(read, Some(Content::Reaction { target: sealed.target.clone(), emoji: Some("👍".into()) }));
}
