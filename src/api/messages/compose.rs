//! How a request to send becomes a message: who gets it, what it says, what surrounds it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};
use wasup_actors::{Accepted, Messages, Principal, target_of};
use wasup_store::id::{AccountId, MessageId};
use wasup_store::jid::JidKind;
use wasup_store::records::{
    Audience, Content, Direction, Media, MessageContext, MessageRecord, Participant, Poll, Quoted, Target,
};

use super::address::Addresses;
use super::again::Again;
use super::body::{Common, FileBody, MessageBody, SendMessage};
use super::problems::one;
use super::{content, status};
use crate::api::media::MediaForm;
use crate::api::problem::{FieldError, Problem};
use crate::api::state::ApiState;
use crate::media::{Intake, MediaKind};

/// Most humans that a message may name.
const MENTIONS_MAX: usize = 1_024;

/// A request to send, while it is made into a message.
pub(in crate::api) struct Composer<'a> {
    pub(super) addresses: Addresses<'a>,
    pub(super) messages: &'a Messages,
    pub(super) caller: &'a Principal,
    pub(super) account: &'a AccountId,
    text_max: usize,
    intake: &'a Intake,
    /// Files that were taken in for messages before this one, where the same one is taken in once.
    taken: Option<Taken>,
}

/// Files by how they are named.
type Taken = Mutex<HashMap<(MediaKind, MediaForm), Arc<OnceCell<Media>>>>;

/// A message as it is sent: what it says, where it goes, what surrounds it.
pub(in crate::api) type Composed = (Content, Participant, Option<Box<MessageContext>>);

impl<'a> Composer<'a> {
    /// For what a caller sends over an account.
    pub(in crate::api) fn new(state: &'a ApiState, caller: &'a Principal, account: &'a AccountId) -> Self {
        let ApiState { accounts, messages, settings, intake, .. } = state;
        let addresses = Addresses::new(accounts, settings, caller, account);
        Self { addresses, messages, caller, account, text_max: settings.text_max, intake, taken: None }
    }

    /// For many messages: a file that several of them name in the same way is taken in once.
    pub(in crate::api) fn sharing_files(self) -> Self {
        Self { taken: Some(Mutex::default()), ..self }
    }

    /// The whole message, whose mentions are known.
    pub(in crate::api) async fn whole(
        &self,
        request: &SendMessage,
        mentions: Vec<Participant>,
    ) -> Result<Composed, Problem> {
        // Who sees a status is known before anything is fetched.
        let audience = status::audience(request, &self.addresses, (self.messages, self.caller, self.account)).await?;
        let (content, chat) = self.content(request, &mentions).await?;
        let context = self.context(request, &chat, mentions, audience).await?;
        Ok((content, chat, context))
    }
}

impl Composer<'_> {
    /// The message that a request names in a field.
    async fn named(&self, field: &str, name: &str) -> Result<(MessageId, MessageRecord), Problem> {
        match self.messages.named(self.caller, self.account, name).await {
            Ok(found) => Ok(found),
            Err(wasup_actors::MessageError::NotFound) => {
                Err(one(FieldError::new(field, "the account has no such message")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The message of an act, with the chat that the act goes to.
    async fn target(&self, name: &str, common: &Common) -> Result<(Target, MessageRecord, Participant), Problem> {
        let (id, record) = self.named("message", name).await?;
        let feed = record.chat.jid.kind() == JidKind::Broadcast;
        if feed || record.content.target().is_some() || record.content == Content::Revoked {
            return Err(one(FieldError::new("message", "nothing can be done to it")));
        }
        if let Some(to) = &common.to {
            let to = self.addresses.one("to", to).await?;
            let jids = [Some(&record.chat.jid), record.chat.lid.as_ref()];
            let same = jids.contains(&Some(&to.jid)) || (to.phone.is_some() && to.phone == record.chat.phone);
            if !same {
                return Err(one(FieldError::new("to", "is not the chat of the message")));
            }
        }
        let chat = record.chat.clone();
        Ok((target_of(id, &record), record, chat))
    }

    async fn chat(&self, common: &Common) -> Result<Participant, Problem> {
        match &common.to {
            Some(to) if status::is_meant(to) => Ok(status::feed()),
            Some(to) => self.addresses.one("to", to).await,
            None => Err(one(FieldError::new("to", "missing field `to`"))),
        }
    }

    /// What is sent and where.
    async fn content(&self, request: &SendMessage, named: &[Participant]) -> Result<(Content, Participant), Problem> {
        let common = &request.common;
        if let Some((kind, body)) = request.body.file() {
            // Whoever gets it is known before anything is fetched.
            let chat = self.chat(common).await?;
            return Ok((self.file(kind, body, named).await?, chat));
        }
        let content = match &request.body {
            MessageBody::Reaction(body) => {
                let emoji = content::emoji(body.emoji.as_deref()).map_err(one)?;
                let (target, _, chat) = self.target(&body.message, common).await?;
                return Ok((Content::Reaction { target, emoji }, chat));
            }
            MessageBody::PollVote(body) => {
                let (target, record, chat) = self.target(&body.message, common).await?;
                let options = content::votes(poll_of(&record)?, &body.options).map_err(one)?;
                return Ok((Content::PollVote { target, options: Some(options) }, chat));
            }
            body => self.plain(body, named).await?,
        };
        Ok((content, self.chat(common).await?))
    }

    /// What neither has a file nor is about another message.
    async fn plain(&self, body: &MessageBody, named: &[Participant]) -> Result<Content, Problem> {
        let content = match body {
            MessageBody::Text(body) => content::text(body, named, self.text_max),
            MessageBody::Location(body) => content::location(body),
            MessageBody::Contact(body) => content::contacts(body, self.addresses.region().await?),
            MessageBody::Poll(body) => content::poll(body),
            _ => Err(FieldError::new("type", "is about another message")),
        };
        content.map_err(one)
    }

    /// A message that many get: it says to nobody whom it is to, and is about no other message.
    pub(in crate::api) async fn for_many(
        &self,
        request: &SendMessage,
    ) -> Result<(Content, Option<Box<MessageContext>>), Problem> {
        let Common { to, client_message_id, reply_to, mentions, expiration, recipients, except } = &request.common;
        let named = [
            ("to", to.is_some()),
            ("client_message_id", client_message_id.is_some()),
            ("reply_to", reply_to.is_some()),
            ("mentions", !mentions.is_empty()),
            ("recipients", recipients.is_some() || !except.is_empty()),
        ];
        if let Some((field, _)) = named.into_iter().find(|(_, is_there)| *is_there) {
            return Err(one(FieldError::new(field, "is not for a message that many get")));
        }
        let (content, view_once) = match request.body.file() {
            Some((kind, body)) => (self.file(kind, body, &[]).await?, body.view_once),
            None => (self.plain(&request.body, &[]).await?, false),
        };
        let disappears_after = content::expiration(*expiration).map_err(one)?;
        let context = MessageContext { disappears_after, view_once, ..MessageContext::default() };
        Ok((content, (context != MessageContext::default()).then(|| Box::new(context))))
    }

    /// A message with a file: taken in, looked at and kept before the message is.
    async fn file(&self, kind: MediaKind, body: &FileBody, named: &[Participant]) -> Result<Content, Problem> {
        let spoken = matches!(kind, MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker);
        if body.caption.is_some() && spoken {
            return Err(one(FieldError::new("caption", "is not shown under sounds and stickers")));
        }
        if body.view_once && !matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Voice) {
            return Err(one(FieldError::new("view_once", "is for pictures, films and voice notes")));
        }
        let caption = body.caption.as_deref().filter(|caption| !caption.is_empty());
        let caption = caption.map(|caption| content::words("caption", caption, named, self.text_max));
        let caption = caption.transpose().map_err(one)?;
        let media = self.taken(kind, &body.media).await?;
        Ok(kind.content(Media { caption, ..media }))
    }

    async fn taken(&self, kind: MediaKind, form: &MediaForm) -> Result<Media, Problem> {
        let Some(taken) = &self.taken else { return form.clone().take(self.intake, kind).await };
        // Those who want the same file wait for it, and nobody else.
        let cell = Arc::clone(taken.lock().await.entry((kind, form.clone())).or_default());
        cell.get_or_try_init(|| form.clone().take(self.intake, kind)).await.cloned()
    }

    /// The first answer to a repeated request with a file: then the file is not fetched, decoded and kept again. That of a
    /// form has come with the request: its bytes are a part of what is asked for.
    pub(super) async fn replayed(&self, request: &SendMessage, again: &Again<'_>) -> Result<Option<Accepted>, Problem> {
        if request.body.file().is_none() {
            return Ok(None);
        }
        let Some(key) = again.over(&self.chat(&request.common).await?) else { return Ok(None) };
        Ok(self.messages.replayed(self.caller, self.account, &key).await?)
    }

    /// What surrounds it.
    async fn context(
        &self,
        request: &SendMessage,
        chat: &Participant,
        mentions: Vec<Participant>,
        audience: Option<Audience>,
    ) -> Result<Option<Box<MessageContext>>, Problem> {
        let common = &request.common;
        let view_once = request.body.file().is_some_and(|(_, body)| body.view_once);
        let quoted = match &common.reply_to {
            Some(name) => Some(Box::new(self.quoted(name, chat).await?)),
            None => None,
        };
        let disappears_after = content::expiration(common.expiration).map_err(one)?;
        let audience = audience.map(Box::new);
        let context =
            MessageContext { quoted, mentions, disappears_after, view_once, audience, ..MessageContext::default() };
        Ok((context != MessageContext::default()).then(|| Box::new(context)))
    }

    async fn quoted(&self, name: &str, chat: &Participant) -> Result<Quoted, Problem> {
        let (id, record) = self.named("reply_to", name).await?;
        let here = record.chat.jid == chat.jid
            || (chat.phone.is_some() && record.chat.phone == chat.phone)
            || (chat.lid.is_some() && record.chat.lid == chat.lid);
        if !here {
            return Err(one(FieldError::new("reply_to", "is a message of another chat")));
        }
        if record.content.target().is_some() {
            return Err(one(FieldError::new("reply_to", "can't be answered")));
        }
        let mut content = record.content;
        if let Some(media) = content.media_mut() {
            (media.thumbnail, media.waveform) = (None, None);
        }
        Ok(Quoted {
            provider_id: record.provider_id,
            from_me: record.direction == Direction::Outbound,
            sender: record.sender,
            message: Some(id),
            content: Some(content),
        })
    }

    pub(in crate::api) async fn mentions(&self, common: &Common) -> Result<Vec<Participant>, Problem> {
        if common.mentions.len() > MENTIONS_MAX {
            return Err(one(FieldError::new("mentions", "must be at most 1024")));
        }
        let mut named = Vec::with_capacity(common.mentions.len());
        for (n, text) in common.mentions.iter().enumerate() {
            let who = self.addresses.one(&format!("mentions[{n}]"), text).await?;
            if who.phone.is_none() && who.lid.is_none() {
                return Err(one(FieldError::new(format!("mentions[{n}]"), "is no human")));
            }
            named.push(who);
        }
        Ok(named)
    }
}

fn poll_of(record: &MessageRecord) -> Result<&Poll, Problem> {
    match &record.content {
        Content::Poll(asked) if record.secret.is_some() => Ok(asked),
        Content::Poll(_) => Err(one(FieldError::new("message", "the poll's secret is not known here"))),
        _ => Err(one(FieldError::new("message", "is no poll"))),
    }
}
