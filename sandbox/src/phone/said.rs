//! A phone says more than text: places, cards, polls; it reacts, edits, takes back and votes.

use super::seen::PollKept;
use super::{Phone, PhoneError};
use buffa::MessageField;
use serde::Deserialize;
use wacore::poll;
use waproto::whatsapp::message as part;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::{ContextInfo, Message, MessageContextInfo, MessageKey};

/// What a phone is to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// What it is called.
        name: Option<String>,
    },
    /// A human's card.
    Contact {
        /// The name shown.
        name: String,
        /// The card.
        vcard: String,
    },
    /// A question with answers.
    Poll {
        /// The question.
        question: String,
        /// The answers.
        options: Vec<String>,
        /// How many may be chosen; 0 is any number.
        choices: u32,
    },
    /// An emoji on a message that the phone has shown or sent; an empty one takes it off.
    Reaction {
        /// The message's id.
        id: String,
        /// The emoji.
        emoji: String,
    },
    /// Another text for a message that the phone, or one of its companions, sent.
    Edit {
        /// The message's id.
        id: String,
        /// The text.
        text: String,
    },
    /// As [`Said::Edit`], sealed with the message's secret, as newer phones do.
    SealedEdit {
        /// The message's id; the phone must know its secret.
        id: String,
        /// The text.
        text: String,
    },
    /// A message taken back for everybody.
    Revoke {
        /// The message's id.
        id: String,
    },
    /// A vote in a poll that the phone has shown or sent.
    Vote {
        /// The poll's id.
        id: String,
        /// Every answer chosen.
        options: Vec<String>,
    },
}

/// What surrounds what a phone says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Around {
    /// The shown or sent message that it answers.
    pub reply_to: Option<String>,
    /// Numbers of whom it names.
    pub mentions: Vec<String>,
    /// How often it was passed on.
    pub forwarded: u32,
    /// After how many seconds it disappears.
    pub expiration: Option<u32>,
}

impl Phone {
    /// Says something to a number (digits) or a jid. Returns the message id once the server has accepted it.
    ///
    /// # Errors
    /// When the phone is offline, the recipient is not on this network, or a message that is named is not known here.
    pub async fn say(&self, to: &str, said: &Said, around: &Around) -> Result<String, PhoneError> {
        let mut message = self.message(to, said, self.context(around))?;
        let secret: [u8; 32] = rand::random();
        if !matches!(said, Said::Reaction { .. } | Said::Edit { .. } | Said::Revoke { .. } | Said::Vote { .. }) {
            let info = MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() };
            message.message_context_info = MessageField::some(info);
        }
        let id = self.send_message(to, message).await?;
        let options = match said {
            Said::Poll { options, .. } => options.clone(),
            _ => Vec::new(),
        };
        let own = self.account.number.clone();
        self.account.phone.inbox().keep_secret(&id, PollKept { secret, options, author: own });
        Ok(id)
    }

    fn key(&self, to: &str, id: &str) -> MessageField<MessageKey> {
        let shown = self.account.phone.inbox().find(|message| message.id == id);
        let from_me = shown.as_ref().is_none_or(|message| message.from_me);
        // In a group a key says who wrote.
        let writer = shown.filter(|_| !from_me && super::group_of(to).is_some());
        MessageField::some(MessageKey {
            remote_jid: Some(to.to_owned()),
            from_me: Some(from_me),
            id: Some(id.to_owned()),
            participant: writer.and_then(|message| writer_of(&message.sender)),
        })
    }

    fn context(&self, around: &Around) -> MessageField<ContextInfo> {
        let quoted = around.reply_to.as_ref().map(|id| {
            let shown = self.account.phone.inbox().find(|message| message.id == *id);
            let author = shown.as_ref().map_or_else(
                || self.jid(),
                |message| match super::group_of(&message.chat) {
                    Some(_) => writer_of(&message.sender).unwrap_or_else(|| self.jid()),
                    None => message.chat.clone(),
                },
            );
            let text = shown.and_then(|message| message.text).unwrap_or_default();
            (id.clone(), author, Message { conversation: Some(text), ..Message::default() })
        });
        let mut info = ContextInfo {
            mentioned_jid: around.mentions.iter().map(|number| format!("{number}@s.whatsapp.net")).collect(),
            expiration: around.expiration,
            ..ContextInfo::default()
        };
        if around.forwarded > 0 {
            (info.is_forwarded, info.forwarding_score) = (Some(true), Some(around.forwarded));
        }
        if let Some((id, author, message)) = quoted {
            (info.stanza_id, info.participant) = (Some(id), Some(author));
            info.quoted_message = MessageField::some(message);
        }
        if info == ContextInfo::default() { MessageField::none() } else { MessageField::some(info) }
    }

    fn message(&self, to: &str, said: &Said, context: MessageField<ContextInfo>) -> Result<Message, PhoneError> {
        let empty = Message::default();
        let protocol = |kind, id: &str, edited: Option<Message>| Message {
            protocol_message: MessageField::some(part::ProtocolMessage {
                key: self.key(to, id),
                r#type: Some(kind),
                edited_message: edited.map(MessageField::some).unwrap_or_default(),
                timestamp_ms: Some(wacore::time::now_millis()),
                ..Default::default()
            }),
            ..Message::default()
        };
        let plain = |text: &str| Message { conversation: Some(text.to_owned()), ..Message::default() };
        Ok(match said {
            Said::Text { text } if context.is_unset() => plain(text),
            Said::Text { text } => {
                let text =
                    part::ExtendedTextMessage { text: Some(text.clone()), context_info: context, ..Default::default() };
                Message { extended_text_message: MessageField::some(text), ..empty }
            }
            Said::Location { latitude, longitude, name } => {
                let place = part::LocationMessage {
                    degrees_latitude: Some(*latitude),
                    degrees_longitude: Some(*longitude),
                    name: name.clone(),
                    context_info: context,
                    ..Default::default()
                };
                Message { location_message: MessageField::some(place), ..empty }
            }
            Said::Contact { name, vcard } => {
                let card = part::ContactMessage {
                    display_name: Some(name.clone()),
                    vcard: Some(vcard.clone()),
                    context_info: context,
                    ..Default::default()
                };
                Message { contact_message: MessageField::some(card), ..empty }
            }
            Said::Poll { question, options, choices } => {
                let option = |name: &String| part::poll_creation_message::Option {
                    option_name: Some(name.clone()),
                    ..Default::default()
                };
                let poll = part::PollCreationMessage {
                    name: Some(question.clone()),
                    options: options.iter().map(option).collect(),
                    selectable_options_count: Some(*choices),
                    context_info: context,
                    ..Default::default()
                };
                Message { poll_creation_message: MessageField::some(poll), ..empty }
            }
            Said::Reaction { id, emoji } => {
                let reaction = part::ReactionMessage {
                    key: self.key(to, id),
                    text: Some(emoji.clone()),
                    sender_timestamp_ms: Some(wacore::time::now_millis()),
                    ..Default::default()
                };
                Message { reaction_message: MessageField::some(reaction), ..empty }
            }
            Said::Edit { id, text } => protocol(ProtocolType::MESSAGE_EDIT, id, Some(plain(text))),
            Said::SealedEdit { id, text } => {
                self.sealed_edit(to, id, &protocol(ProtocolType::MESSAGE_EDIT, id, Some(plain(text))))?
            }
            Said::Revoke { id } => protocol(ProtocolType::REVOKE, id, None),
            Said::Vote { id, options } => self.vote(to, id, options)?,
        })
    }

    fn kept(&self, id: &str) -> Result<PollKept, PhoneError> {
        let kept = self.account.phone.inbox().secret(id);
        kept.ok_or_else(|| PhoneError::UnknownRecipient(format!("no secret of message {id}")))
    }

    fn sealed_edit(&self, to: &str, id: &str, inner: &Message) -> Result<Message, PhoneError> {
        let (kept, own) = (self.kept(id)?, self.jid());
        let context = wacore::message_edit::MessageEditContext {
            original_msg_id: id,
            original_sender_jid: &own,
            editor_jid: &own,
        };
        let (payload, iv) = wacore::message_edit::encrypt_message_edit(inner, &kept.secret, &context)
            .map_err(|error| PhoneError::File(error.to_string()))?;
        let sealed = part::SecretEncryptedMessage {
            target_message_key: self.key(to, id),
            enc_payload: Some(payload),
            enc_iv: Some(iv.to_vec()),
            secret_enc_type: Some(part::secret_encrypted_message::SecretEncType::MESSAGE_EDIT),
            ..Default::default()
        };
        Ok(Message { secret_encrypted_message: MessageField::some(sealed), ..Message::default() })
    }

    fn vote(&self, to: &str, id: &str, options: &[String]) -> Result<Message, PhoneError> {
        let kept = self.kept(id)?;
        let author = format!("{}@s.whatsapp.net", kept.author);
        let hashes: Vec<_> = options.iter().map(|option| poll::compute_option_hash(option).to_vec()).collect();
        let (payload, iv) = poll::encrypt_poll_vote_with_secret(&hashes, &kept.secret, id, &author, &self.jid())
            .map_err(|error| PhoneError::File(error.to_string()))?;
        let update = part::PollUpdateMessage {
            poll_creation_message_key: self.key(to, id),
            vote: MessageField::some(part::PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) }),
            sender_timestamp_ms: Some(wacore::time::now_millis()),
            ..Default::default()
        };
        Ok(Message { poll_update_message: MessageField::some(update), ..Message::default() })
    }
}

/// An address without its device.
fn writer_of(sender: &str) -> Option<String> {
    let jid: wacore_binary::Jid = sender.parse().ok()?;
    Some(jid.to_non_ad().to_string())
}
