//! What is asked for where a status is to be posted.

use wasup_actors::{AUDIENCE_MAX, AudienceError, Messages, Principal};
use wasup_store::id::AccountId;
use wasup_store::jid::{Jid, JidKind};
use wasup_store::records::{Audience, Participant};

use super::address::Addresses;
use super::body::{MessageBody, SendMessage};
use crate::api::problem::{FieldError, Problem};

/// Where statuses are.
const FEED: &str = "status@broadcast";

/// Whether a text names the statuses.
pub(in crate::api) fn is_meant(text: &str) -> bool {
    text.trim() == FEED
}

/// The statuses as a chat.
pub(in crate::api) fn feed() -> Participant {
    Participant { jid: Jid::status_feed(), phone: None, lid: None }
}

/// Who is to see what is asked for; `None` where it is no status.
pub(super) async fn audience(
    request: &SendMessage,
    addresses: &Addresses<'_>,
    (messages, caller, account): (&Messages, &Principal, &AccountId),
) -> Result<Option<Audience>, Problem> {
    let common = &request.common;
    let wrong = |field: &str, what: &str| Err(Problem::invalid(vec![FieldError::new(field, what)]));
    if !common.to.as_deref().is_some_and(is_meant) {
        return match (&common.recipients, common.except.is_empty()) {
            (Some(_), _) => wrong("recipients", "is for a status"),
            (None, false) => wrong("except", "is for a status"),
            (None, true) => Ok(None),
        };
    }
    let fits = matches!(
        request.body,
        MessageBody::Text(_)
            | MessageBody::Image(_)
            | MessageBody::Video(_)
            | MessageBody::Gif(_)
            | MessageBody::Voice(_)
    );
    if !fits {
        return wrong("type", "is no type of a status: text, image, video, gif or voice");
    }
    if request.body.file().is_some_and(|(_, body)| body.view_once) {
        return wrong("view_once", "is not for a status");
    }
    for (field, given) in [
        ("reply_to", common.reply_to.is_some()),
        ("mentions", !common.mentions.is_empty()),
        ("expiration", common.expiration.is_some()),
    ] {
        if given {
            return wrong(field, "is not for a status");
        }
    }
    let except = people(addresses, "except", &common.except).await?;
    let only = match &common.recipients {
        Some(texts) => Some(people(addresses, "recipients", texts).await?),
        None => None,
    };
    match messages.audience(caller, account, only, &except).await {
        Ok(audience) => Ok(Some(audience)),
        Err(AudienceError::Message(error)) => Err(error.into()),
        Err(error @ (AudienceError::Nobody | AudienceError::TooMany)) => wrong("recipients", &error.to_string()),
    }
}

async fn people(addresses: &Addresses<'_>, field: &str, texts: &[String]) -> Result<Vec<Participant>, Problem> {
    if texts.len() > AUDIENCE_MAX {
        return Err(Problem::invalid(vec![FieldError::new(field, format!("must be at most {AUDIENCE_MAX}"))]));
    }
    let mut people = Vec::with_capacity(texts.len());
    for (n, text) in texts.iter().enumerate() {
        let field = format!("{field}[{n}]");
        let who = addresses.one(&field, text).await?;
        if !matches!(who.jid.kind(), JidKind::Phone | JidKind::Lid) {
            return Err(Problem::invalid(vec![FieldError::new(field, "is not a person")]));
        }
        people.push(who);
    }
    Ok(people)
}
