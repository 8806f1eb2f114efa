//! What is sealed once more, with the secret of the message that it is about: votes, and edits and reactions where the network
//! wants them so. Opened over the parent that the ledger keeps.

use wacore::poll::{self, PollVoteCiphertext};
use waproto::whatsapp::Message;
use waproto::whatsapp::message::secret_encrypted_message::SecretEncType;
use wasup_store::jid::Jid;
use wasup_store::records::{Content, MessageSecret, Participant, Target};

use super::content;
use super::frame::Frame;

/// What is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedKind {
    Vote,
    Edit,
    Reaction,
}

/// Something sealed with another message's secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) kind: SealedKind,
    pub(crate) target: Target,
    payload: Vec<u8>,
    iv: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The message that something sealed is about, as the ledger has it.
pub(crate) struct Parent<'a> {
    pub(crate) secret: MessageSecret,
    pub(crate) content: &'a Content,
    /// Every address of its author.
    pub(crate) author: Vec<String>,
}

/// Every address that a human may have used: by phone number and by the network's own.
pub(crate) fn addresses(of: &Participant) -> Vec<String> {
    let phone = of.phone.as_deref().map(Jid::phone);
    let mut all: Vec<String> =
        [Some(of.jid.clone()), phone, of.lid.clone()].into_iter().flatten().map(|jid| jid.to_string()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Sealed {
    /// What a message has sealed, where it has.
    pub(crate) fn of(base: &Message, frame: &Frame<'_>) -> Option<Self> {
        let (kind, key, payload, iv) = if let Some(update) = base.poll_update_message.as_option() {
            let vote = update.vote.as_option()?;
            (SealedKind::Vote, &update.poll_creation_message_key, vote.enc_payload.as_deref(), vote.enc_iv.as_deref())
        } else if let Some(enc) = base.enc_reaction_message.as_option() {
            (SealedKind::Reaction, &enc.target_message_key, enc.enc_payload.as_deref(), enc.enc_iv.as_deref())
        } else {
            let enc = base.secret_encrypted_message.as_option()?;
            // Others change polls and events by parts that are not kept here.
            enc.secret_enc_type.filter(|kind| *kind == SecretEncType::MESSAGE_EDIT)?;
            (SealedKind::Edit, &enc.target_message_key, enc.enc_payload.as_deref(), enc.enc_iv.as_deref())
        };
        let mut target = frame.target(key.as_option()?)?;
        if kind == SealedKind::Edit {
            (target.from_me, target.sender) = frame.author();
        }
        let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Some(Self { kind, target, payload: bytes(payload)?, iv: bytes(iv)? })
    }

    /// What is told of it where it can't be opened.
    pub(crate) fn unread(&self) -> Content {
        match self.kind {
            SealedKind::Vote => Content::PollVote { target: self.target.clone(), options: None },
            SealedKind::Edit => Content::Unsupported { kind: "encrypted_edit".to_owned() },
            SealedKind::Reaction => Content::Unsupported { kind: "encrypted_reaction".to_owned() },
        }
    }

    /// Opens it. Both sides are known by several addresses, and whoever sealed it used one of each.
    pub(crate) fn open(&self, parent: &Parent<'_>, writer: &[String], frame: &Frame<'_>) -> Option<Content> {
        let pairs = parent.author.iter().flat_map(|author| writer.iter().map(move |writer| (author, writer)));
        pairs.into_iter().find_map(|(author, writer)| self.open_as(parent, author, writer, frame))
    }

    fn open_as(&self, parent: &Parent<'_>, author: &str, writer: &str, frame: &Frame<'_>) -> Option<Content> {
        let (secret, id) = (&parent.secret.0, self.target.provider_id.as_str());
        match self.kind {
            SealedKind::Vote => {
                let sealed = PollVoteCiphertext { enc_payload: &self.payload, enc_iv: &self.iv };
                let hashes = poll::decrypt_poll_vote_with_secret(sealed, secret, id, author, writer).ok()?;
                let Content::Poll(asked) = parent.content else { return None };
                let chosen = |option: &&String| {
                    let hash = poll::compute_option_hash(option);
                    hashes.iter().any(|of| of.as_slice() == hash)
                };
                let options = asked.options.iter().filter(chosen).cloned().collect();
                Some(Content::PollVote { target: self.target.clone(), options: Some(options) })
            }
            SealedKind::Edit => {
                let context = wacore::message_edit::MessageEditContext {
                    original_msg_id: id,
                    original_sender_jid: author,
                    editor_jid: writer,
                };
                let inner =
                    wacore::message_edit::decrypt_message_edit(&self.payload, &self.iv, secret, &context).ok()?;
                match content::edit(inner.protocol_message.as_option()?, frame)? {
                    // Whichever message it names inside, the outer name is what the secret belongs to.
                    Content::Edit { body, .. } => Some(Content::Edit { target: self.target.clone(), body }),
                    _ => None,
                }
            }
            SealedKind::Reaction => {
                let inner =
                    wacore::reaction::decrypt_reaction_with_secret(&self.payload, &self.iv, secret, id, author, writer)
                        .ok()?;
                let emoji = inner.text.filter(|emoji| !emoji.is_empty());
                Some(Content::Reaction { target: self.target.clone(), emoji })
            }
        }
    }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
