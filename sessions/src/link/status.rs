//! Posting a status: to those who are named, with one key for all of them.

use wacore_binary::Jid as LibraryJid;
use waproto::whatsapp::Message;
use waproto::whatsapp::message::ExtendedTextMessage;
use wasup_store::records::{Audience, AudienceOf};
use whatsapp_rust::{StatusPrivacySetting, StatusSendOptions};

use super::inbound::address;
use super::people::AT_ONCE;
use super::sending;
use super::whatsapp::WhatsAppLink;
use crate::ports::{AskError, Outgoing, SendError};

/// What is behind a text that does not say it: a dark green that the network's own clients offer.
const BACKGROUND: u32 = 0xff1e_6e4f;

impl WhatsAppLink {
    /// Sends a status, or takes one back.
    pub(super) async fn post(&self, message: &Outgoing, content: Message) -> Result<(), SendError> {
        let audience = message.context.as_deref().and_then(|context| context.audience.as_deref());
        let audience = audience.ok_or(SendError::NotSendable)?;
        let to = self.readers(audience).await?;
        if to.is_empty() {
            return Err(SendError::NotSendable);
        }
        let options = StatusSendOptions {
            privacy: privacy(audience),
            message_id: Some(message.provider_id.clone()),
            ..StatusSendOptions::default()
        };
        let status = self.client().status();
        let send = Box::pin(status.send_raw(shown(content), &to, options));
        match tokio::time::timeout(self.query_timeout(), send).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(sending::failure(&error)),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Those of an audience who are on the network. A status goes to the network's own numbers, which have to be learnt
    /// first: the library leaves out whose it does not know.
    async fn readers(&self, audience: &Audience) -> Result<Vec<LibraryJid>, SendError> {
        let (mut readers, mut unknown) = (Vec::with_capacity(audience.who.len()), Vec::new());
        for who in &audience.who {
            let lid = who.lid.as_ref().and_then(|lid| lid.as_str().parse::<LibraryJid>().ok());
            match lid.or_else(|| address::destination(who)) {
                Some(jid) if jid.is_lid() || self.other_address(&jid).await.is_some() => readers.push(jid),
                Some(jid) => unknown.push(jid),
                None => {}
            }
        }
        for some in unknown.chunks(AT_ONCE) {
            let contacts = self.client().contacts();
            let asked = self.ask(async { contacts.is_on_whatsapp(some).await }).await;
            asked.map_err(|error| match error {
                AskError::NotConnected => SendError::NotConnected,
                AskError::TimedOut => SendError::TimedOut,
                _ => SendError::Transient,
            })?;
        }
        for jid in unknown {
            if self.other_address(&jid).await.is_some() {
                readers.push(jid);
            }
        }
        Ok(readers)
    }
}

fn privacy(audience: &Audience) -> StatusPrivacySetting {
    match audience.of {
        AudienceOf::Contacts => StatusPrivacySetting::Contacts,
        AudienceOf::Except => StatusPrivacySetting::DenyList,
        AudienceOf::Only => StatusPrivacySetting::AllowList,
    }
}

/// A text as a status shows it: phones show none that is said in the short form.
fn shown(mut message: Message) -> Message {
    if let Some(text) = message.conversation.take() {
        let text = ExtendedTextMessage { text: Some(text), ..ExtendedTextMessage::default() };
        message.extended_text_message = text.into();
    }
    if let Some(text) = message.extended_text_message.as_option_mut() {
        text.background_argb.get_or_insert(BACKGROUND);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_something_behind_it() {
        let short = Message { conversation: Some("hi".into()), ..Message::default() };
        let message = shown(short);
        let text = message.extended_text_message.as_option().unwrap();
        assert_eq!((message.conversation.as_ref(), text.text.as_deref()), (None, Some("hi")));
        assert_eq!(text.background_argb, Some(BACKGROUND));
        assert_eq!(shown(Message::default()), Message::default());
    }
}
