//! What a message says and what surrounds it, flat: the same fields in answers, streams and webhooks.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::MessageId;
use wasup_store::records::{
    ContactCard, Content, LinkPreview, Location, Media, MessageContext, Participant, Poll, Quoted, Target,
};

use super::PersonView;
use super::file::MediaView;

/// What a message says, and what surrounds that.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContentView {
    /// `text`, `image`, `video`, `gif`, `video_note`, `audio`, `voice`, `document`, `sticker`, `location`, `contact`,
    /// `poll`; upon another message `reaction`, `edit`, `revoke`, `poll_vote`; `view_once_unavailable` for what only
    /// phones get; `unsupported` for what this version does not understand; `unavailable` for what could not be decrypted
    /// any more; `erased` for what is not kept.
    #[schema(examples("text"))]
    pub r#type: &'static str,
    /// The text, or the text under a file.
    pub text: Option<String>,
    /// The network's name of an unsupported kind.
    pub unsupported_kind: Option<String>,
    /// What is shown of a link in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_preview: Option<LinkPreviewView>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaView>,
    /// The place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationView>,
    /// The cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<ContactView>>,
    /// The question with its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<PollView>,
    /// The emoji put on another message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<EmojiView>,
    /// The answers chosen in a poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<ChoiceView>,
    /// The message that it does something to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetView>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<QuotedView>,
    /// Whom it names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<PersonView>,
    /// How often it was passed on; 0 for a message that was written for this chat. Phones say "many times" from 5 on.
    #[serde(skip_serializing_if = "is_zero")]
    pub forwarded: u32,
    /// After how many seconds phones make it disappear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disappears_after: Option<u32>,
    /// To be seen once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What is shown of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkPreviewView {
    /// The link as it stands in the text.
    pub url: String,
    /// The page's title.
    pub title: Option<String>,
    /// What the page says of itself.
    pub description: Option<String>,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LocationView {
    /// Degrees north of the equator.
    #[schema(examples(-6.1754))]
    pub latitude: f64,
    /// Degrees east of Greenwich.
    #[schema(examples(106.8272))]
    pub longitude: f64,
    /// What it is called.
    pub name: Option<String>,
    /// Where that is in words.
    pub address: Option<String>,
    /// It moves: the sender shares where they are.
    pub live: bool,
}

/// A human's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContactView {
    /// The name shown.
    pub name: String,
    /// The card, vCard 3.0.
    pub vcard: String,
}

/// A question with answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PollView {
    /// The question.
    pub question: String,
    /// The answers.
    pub options: Vec<String>,
    /// How many may be chosen; 0 is as many as one likes.
    pub choices: u32,
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EmojiView {
    /// The emoji; `null` where an earlier one was taken off.
    #[schema(examples("👍"))]
    pub emoji: Option<String>,
}

/// Answers chosen in a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChoiceView {
    /// Every answer chosen now; empty where the vote was taken back, `null` where it could not be read.
    pub options: Option<Vec<String>>,
}

/// The message that another one does something to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetView {
    /// Its id here, where it is kept.
    #[schema(value_type = Option<String>)]
    pub id: Option<MessageId>,
    /// The network's id of it.
    pub provider_message_id: String,
    /// The account itself wrote it.
    pub from_me: bool,
    /// Who wrote it, where that is not the account itself and is known.
    pub sender: Option<PersonView>,
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuotedView {
    /// Its id here, where it is kept.
    #[schema(value_type = Option<String>)]
    pub id: Option<MessageId>,
    /// The network's id of it.
    pub provider_message_id: String,
    /// The account itself wrote it.
    pub from_me: bool,
    /// Who wrote it, where that is not the account itself and is known.
    pub sender: Option<PersonView>,
    /// What it was, as the answer quotes it.
    #[schema(value_type = Option<String>, examples("text"))]
    pub r#type: Option<&'static str>,
    /// Its text or the text under its file, as the answer quotes it.
    pub text: Option<String>,
}

fn people(people: &[Participant]) -> Vec<PersonView> {
    people.iter().map(PersonView::from).collect()
}

impl ContentView {
    /// The view of a message's content and context.
    #[must_use]
    pub fn new(content: &Content, context: Option<&MessageContext>) -> Self {
        let around = context.cloned().unwrap_or_default();
        Self {
            r#type: content.kind(),
            text: text(content),
            unsupported_kind: match content {
                Content::Unsupported { kind } => Some(kind.clone()),
                _ => None,
            },
            link_preview: match content {
                Content::Text { preview, .. } => preview.as_deref().map(LinkPreviewView::from),
                _ => None,
            },
            media: content.media().map(MediaView::from),
            location: match content {
                Content::Location(place) => Some(LocationView::from(place)),
                _ => None,
            },
            contacts: match content {
                Content::Contact { cards } => Some(cards.iter().map(ContactView::from).collect()),
                _ => None,
            },
            poll: match content {
                Content::Poll(poll) => Some(PollView::from(poll)),
                _ => None,
            },
            reaction: match content {
                Content::Reaction { emoji, .. } => Some(EmojiView { emoji: emoji.clone() }),
                _ => None,
            },
            vote: match content {
                Content::PollVote { options, .. } => Some(ChoiceView { options: options.clone() }),
                _ => None,
            },
            target: content.target().map(TargetView::from),
            quoted: around.quoted.as_deref().map(QuotedView::from),
            mentions: people(&around.mentions),
            forwarded: around.forwarded,
            disappears_after: around.disappears_after,
            view_once: around.view_once,
        }
    }
}

/// What stands in `text`: the question of a poll and the name of a place have fields of their own.
fn text(content: &Content) -> Option<String> {
    match content {
        Content::Text { body, .. } | Content::Edit { body, .. } => Some(body.clone()),
        other => other.media().and_then(|media: &Media| media.caption.clone()),
    }
}

impl From<&LinkPreview> for LinkPreviewView {
    fn from(preview: &LinkPreview) -> Self {
        let LinkPreview { url, title, description } = preview.clone();
        Self { url, title, description }
    }
}

impl From<&Location> for LocationView {
    fn from(place: &Location) -> Self {
        Self {
            latitude: place.latitude.get(),
            longitude: place.longitude.get(),
            name: place.name.clone(),
            address: place.address.clone(),
            live: place.live,
        }
    }
}

impl From<&ContactCard> for ContactView {
    fn from(card: &ContactCard) -> Self {
        Self { name: card.name.clone(), vcard: card.vcard.clone() }
    }
}

impl From<&Poll> for PollView {
    fn from(poll: &Poll) -> Self {
        Self { question: poll.question.clone(), options: poll.options.clone(), choices: poll.choices }
    }
}

impl From<&Target> for TargetView {
    fn from(target: &Target) -> Self {
        Self {
            id: target.message,
            provider_message_id: target.provider_id.clone(),
            from_me: target.from_me,
            sender: target.sender.as_ref().map(PersonView::from),
        }
    }
}

impl From<&Quoted> for QuotedView {
    fn from(quoted: &Quoted) -> Self {
        Self {
            id: quoted.message,
            provider_message_id: quoted.provider_id.clone(),
            from_me: quoted.from_me,
            sender: quoted.sender.as_ref().map(PersonView::from),
            r#type: quoted.content.as_ref().map(Content::kind),
            text: quoted.content.as_ref().and_then(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wasup_store::jid::Jid;

    use super::*;

    fn ann() -> Participant {
        Participant { jid: Jid::phone("628123"), phone: Some("628123".into()), lid: None }
    }

    fn shown(content: &Content) -> serde_json::Value {
        serde_json::to_value(ContentView::new(content, None)).unwrap()
    }

    #[test]
    fn each_type_has_its_own_field_and_no_other() {
        let target = || Target { provider_id: "3EB0".into(), from_me: false, sender: Some(ann()), message: None };
        let person = json!({"phone": "628123", "jid": "628123@s.whatsapp.net", "lid": null});
        let upon = json!({"id": null, "provider_message_id": "3EB0", "from_me": false, "sender": person});
        let (latitude, longitude) = (1.5.try_into().unwrap(), (-2.0).try_into().unwrap());
        let place = Location { latitude, longitude, name: Some("Home".into()), address: None, live: false };
        let poll = Poll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], choices: 1 };
        let photo = Media { mimetype: "image/png".into(), size: 9, caption: Some("see".into()), ..Media::default() };
        for (content, text, own) in [
            (Content::text("hi"), json!("hi"), json!({})),
            (
                Content::Location(place),
                json!(null),
                json!({"location": {"latitude": 1.5, "longitude": -2.0, "name": "Home", "address": null, "live": false}}),
            ),
            (
                Content::Poll(poll),
                json!(null),
                json!({"poll": {"question": "Tea?", "options": ["yes", "no"], "choices": 1}}),
            ),
            (
                Content::Contact { cards: vec![ContactCard { name: "Ann".into(), vcard: "BEGIN".into() }] },
                json!(null),
                json!({"contacts": [{"name": "Ann", "vcard": "BEGIN"}]}),
            ),
            (
                Content::Reaction { target: target(), emoji: Some("👍".into()) },
                json!(null),
                json!({"reaction": {"emoji": "👍"}, "target": upon}),
            ),
            (Content::Edit { target: target(), body: "new".into() }, json!("new"), json!({"target": upon})),
            (
                Content::PollVote { target: target(), options: None },
                json!(null),
                json!({"vote": {"options": null}, "target": upon}),
            ),
            (Content::Image(Box::new(photo)), json!("see"), json!({"media": {"mimetype": "image/png", "size": 9}})),
        ] {
            let mut expected = json!({"type": content.kind(), "text": text, "unsupported_kind": null});
            expected.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            assert_eq!(shown(&content), expected);
        }
    }

    #[test]
    fn what_surrounds_it_stands_beside_it() {
        let quoted = Quoted {
            provider_id: "3EB1".into(),
            from_me: true,
            sender: None,
            message: None,
            content: Some(Content::text("before")),
        };
        let around = MessageContext {
            quoted: Some(Box::new(quoted)),
            mentions: vec![ann()],
            forwarded: 2,
            disappears_after: Some(86_400),
            view_once: false,
            audience: None,
        };
        let shown = serde_json::to_value(ContentView::new(&Content::text("hi"), Some(&around))).unwrap();
        let person = json!({"phone": "628123", "jid": "628123@s.whatsapp.net", "lid": null});
        assert_eq!(
            shown,
            json!({
                "type": "text", "text": "hi", "unsupported_kind": null, "mentions": [person], "forwarded": 2,
                "disappears_after": 86400,
                "quoted": {"id": null, "provider_message_id": "3EB1", "from_me": true, "sender": null,
                    "type": "text", "text": "before"},
            })
        );
    }
}
