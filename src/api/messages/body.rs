//! What a request to send says: fields that every type has, and those of its type.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::media::MediaForm;
use crate::api::problem::{FieldError, Problem};
use crate::media::MediaKind;

/// Longest id of the caller's own, in bytes.
const CLIENT_ID_MAX: usize = 128;

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct SendMessage {
    /// What every type has.
    #[serde(flatten)]
    pub(in crate::api) common: Common,
    /// What is sent.
    #[serde(flatten)]
    pub(super) body: MessageBody,
}

/// What every type of message has.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = SendMessageCommon)]
#[serde(default, deny_unknown_fields)]
pub(in crate::api) struct Common {
    /// Who gets it: a phone number (`6281234567890`, `+62 812-3456-7890`; in national form where the account or the
    /// installation has a `default_region`), an address of the network (`…@s.whatsapp.net`, `…@lid`), a group (`…@g.us`) or `status@broadcast`, which posts a status. Reactions and votes go to the chat of their message.
    #[schema(examples("+62 812-3456-7890"))]
    pub(super) to: Option<String>,
    /// Your own id of it, at most 128 bytes. Without an `Idempotency-Key` it also makes repeats harmless.
    #[schema(max_length = 128)]
    pub(super) client_message_id: Option<String>,
    /// The message that it answers: its id here (`msg_…`) or the network's.
    pub(super) reply_to: Option<String>,
    /// Whom it names, as in `to`. `{m1}`, `{mention1}` and `{mention[0]}` in the text stand for the first, `{mentions}` for
    /// all of them.
    #[schema(max_items = 1024)]
    pub(super) mentions: Vec<String>,
    /// After how many seconds phones make it disappear: 86400, 604800 or 7776000.
    pub(super) expiration: Option<u32>,
    /// Of a status: who sees it, as in `to`, at most 2000. Without it everybody does whom the account's address book names.
    #[schema(max_items = 2000)]
    pub(super) recipients: Option<Vec<String>>,
    /// Of a status: who does not see it.
    #[schema(max_items = 2000)]
    pub(super) except: Vec<String>,
}

impl Common {
    const FIELDS: [&'static str; 7] =
        ["to", "client_message_id", "reply_to", "mentions", "expiration", "recipients", "except"];
}

/// What is sent, by its type.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum MessageBody {
    /// Text.
    Text(TextBody),
    /// A picture.
    Image(FileBody),
    /// A film.
    Video(FileBody),
    /// A film without sound that plays by itself, again and again: an MP4.
    Gif(FileBody),
    /// Sound as a file.
    Audio(FileBody),
    /// Sound spoken for the chat: ogg with opus, for it to be shown as one.
    Voice(FileBody),
    /// Any file.
    Document(FileBody),
    /// A sticker: WebP.
    Sticker(FileBody),
    /// A place.
    Location(LocationBody),
    /// Humans' cards.
    Contact(ContactBody),
    /// A question with answers to choose from.
    Poll(PollBody),
    /// An emoji on a message.
    Reaction(ReactionBody),
    /// Answers chosen in a poll.
    PollVote(VoteBody),
}

impl MessageBody {
    /// The file that it is, and as what it is sent.
    pub(super) const fn file(&self) -> Option<(MediaKind, &FileBody)> {
        Some(match self {
            Self::Image(body) => (MediaKind::Image, body),
            Self::Video(body) => (MediaKind::Video, body),
            Self::Gif(body) => (MediaKind::Gif, body),
            Self::Audio(body) => (MediaKind::Audio, body),
            Self::Voice(body) => (MediaKind::Voice, body),
            Self::Document(body) => (MediaKind::Document, body),
            Self::Sticker(body) => (MediaKind::Sticker, body),
            _ => return None,
        })
    }
}

/// Every word of `type`.
const TYPES: [&str; 13] = [
    "text",
    "image",
    "video",
    "gif",
    "audio",
    "voice",
    "document",
    "sticker",
    "location",
    "contact",
    "poll",
    "reaction",
    "poll_vote",
];

/// Text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextBody {
    /// The text, at least 1 character and at most `send.text_max` (4096).
    #[schema(min_length = 1, examples("Hello"))]
    pub(super) text: String,
    /// What is shown of a link in it. Nothing is fetched.
    pub(super) link_preview: Option<PreviewBody>,
}

/// A file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBody {
    /// The file. In a form (`multipart/form-data`) it is the last field, `file`, instead.
    pub(super) media: MediaForm,
    /// The text under it, at most `send.text_max` characters; not of sounds and stickers.
    pub(super) caption: Option<String>,
    /// To be seen once: of pictures, films and voice notes.
    #[serde(default)]
    pub(super) view_once: bool,
}

/// What is shown of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewBody {
    /// The link as it stands in the text; without it the first one there.
    pub(super) url: Option<String>,
    /// The page's title.
    #[schema(max_length = 500)]
    pub(super) title: Option<String>,
    /// What the page says of itself.
    #[schema(max_length = 2000)]
    pub(super) description: Option<String>,
}

/// A place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationBody {
    /// Degrees north of the equator.
    #[schema(minimum = -90, maximum = 90, examples(-6.1754))]
    pub(super) latitude: f64,
    /// Degrees east of Greenwich.
    #[schema(minimum = -180, maximum = 180, examples(106.8272))]
    pub(super) longitude: f64,
    /// What it is called.
    #[schema(max_length = 1000)]
    pub(super) name: Option<String>,
    /// Where that is in words.
    #[schema(max_length = 1000)]
    pub(super) address: Option<String>,
}

/// Humans' cards.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactBody {
    /// 1 to 100 of them.
    #[schema(min_items = 1, max_items = 100)]
    pub(super) contacts: Vec<CardBody>,
}

/// A human's card: whole as `vcard`, or by `name` and `phone`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CardBody {
    /// The name shown.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: String,
    /// Their phone number.
    pub(super) phone: Option<String>,
    /// Where they work.
    #[schema(max_length = 200)]
    pub(super) organization: Option<String>,
    /// The card itself, vCard 3.0.
    pub(super) vcard: Option<String>,
}

/// A question with answers to choose from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PollBody {
    /// The question, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) question: String,
    /// The answers, 2 to 12 different ones of 1 to 100 characters.
    #[schema(min_items = 2, max_items = 12)]
    pub(super) options: Vec<String>,
    /// How many may be chosen; 0 is as many as one likes. 1 where it is not given.
    pub(super) choices: Option<u32>,
}

/// An emoji on a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReactionBody {
    /// The message: its id here (`msg_…`) or the network's.
    pub(super) message: String,
    /// The emoji; `null` or empty takes an earlier one off.
    #[schema(examples("👍"))]
    pub(super) emoji: Option<String>,
}

/// Answers chosen in a poll.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VoteBody {
    /// The poll: its id here (`msg_…`) or the network's.
    pub(super) message: String,
    /// Every answer chosen now; none takes the vote back.
    pub(super) options: Vec<String>,
}

/// The request's fields in their one form, for telling repeats: the same words in whatever order.
pub(in crate::api) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let fields = fields.into_iter().map(|(name, value)| format!("{name:?}:{}", canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

impl SendMessage {
    /// Reads a request; each wrong value is named by its place.
    ///
    /// # Errors
    /// The problem with it.
    pub(in crate::api) fn read(value: Value) -> Result<Self, Problem> {
        let Value::Object(mut fields) = value else {
            return Err(wrong("body", "must be an object"));
        };
        let common: Map<String, Value> =
            Common::FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), fields.remove(*name)?))).collect();
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(wrong("type", "must be a word")),
            None => return Err(wrong("type", "missing field `type`")),
        };
        let body = match kind.as_str() {
            "text" => MessageBody::Text(part(fields)?),
            "image" => MessageBody::Image(part(fields)?),
            "video" => MessageBody::Video(part(fields)?),
            "gif" => MessageBody::Gif(part(fields)?),
            "audio" => MessageBody::Audio(part(fields)?),
            "voice" => MessageBody::Voice(part(fields)?),
            "document" => MessageBody::Document(part(fields)?),
            "sticker" => MessageBody::Sticker(part(fields)?),
            "location" => MessageBody::Location(part(fields)?),
            "contact" => MessageBody::Contact(part(fields)?),
            "poll" => MessageBody::Poll(part(fields)?),
            "reaction" => MessageBody::Reaction(part(fields)?),
            "poll_vote" => MessageBody::PollVote(part(fields)?),
            _ => return Err(wrong("type", &format!("must be one of {}", TYPES.join(", ")))),
        };
        Ok(Self { common: part(common)?, body })
    }

    /// The caller's own id of it.
    ///
    /// # Errors
    /// The problem with it.
    pub(in crate::api) fn own_id(&self) -> Result<Option<String>, Problem> {
        let own = &self.common.client_message_id;
        if own.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_ID_MAX) {
            return Err(wrong("client_message_id", "must have 1 to 128 bytes"));
        }
        Ok(own.clone())
    }
}

fn wrong(field: &str, message: &str) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

fn part<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let place = error.path().to_string();
        let message = error.into_inner().to_string();
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let field = match (place.as_str(), missing.or(unknown)) {
            (".", Some(name)) => name.to_owned(),
            (".", None) => "body".to_owned(),
            (place, Some(name)) if missing.is_some() => format!("{place}.{name}"),
            (place, _) => place.to_owned(),
        };
        wrong(&field, &message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_value_is_named_by_its_place() {
        for (body, field) in [
            (json!({"to": "1", "type": "text"}), "text"),
            (json!({"to": "1", "text": "x"}), "type"),
            (json!({"to": "1", "type": "song", "text": "x"}), "type"),
            (json!({"to": 1, "type": "text", "text": "x"}), "to"),
            (json!({"to": "1", "type": "text", "text": 5}), "text"),
            (json!({"to": "1", "type": "text", "text": "x", "emoji": "x"}), "emoji"),
            (json!({"to": "1", "type": "text", "text": "x", "mentions": ["1", 2]}), "mentions[1]"),
            (json!({"to": "1", "type": "contact", "contacts": [{"phone": "1"}]}), "contacts[0].name"),
            (json!({"to": "1", "type": "location", "latitude": "x", "longitude": 1}), "latitude"),
            (json!([]), "body"),
        ] {
            let problem = SendMessage::read(body.clone()).unwrap_err();
            assert_eq!(problem.errors[0].field, field, "{body}");
        }
    }

    #[test]
    fn the_order_of_fields_says_nothing() {
        let read = |text: &str| canonical(&serde_json::from_str(text).unwrap());
        assert_eq!(read(r#"{"a":1,"b":[{"c":2,"d":"x"}]}"#), read(r#"{"b":[{"d":"x","c":2}],"a":1}"#));
        assert_ne!(read(r#"{"a":[1,2]}"#), read(r#"{"a":[2,1]}"#));
        assert_ne!(read(r#"{"a":"1"}"#), read(r#"{"a":1}"#));
    }

    #[test]
    fn every_type_is_read() {
        let bodies = [
            json!({"type": "text", "text": "x", "link_preview": {"title": "A"}}),
            json!({"type": "image", "media": {"url": "https://a.example/x.png"}, "caption": "x", "view_once": true}),
            json!({"type": "video", "media": {"base64": "AAAA"}}),
            json!({"type": "gif", "media": {"base64": "AAAA", "sha256": "00"}}),
            json!({"type": "audio", "media": {"base64": "AAAA", "mimetype": "audio/mpeg"}}),
            json!({"type": "voice", "media": {"base64": "AAAA"}}),
            json!({"type": "document", "media": {"base64": "AAAA", "filename": "x.pdf"}}),
            json!({"type": "sticker", "media": {"base64": "AAAA"}}),
            json!({"type": "location", "latitude": 1, "longitude": 2.5}),
            json!({"type": "contact", "contacts": [{"name": "A", "phone": "1"}]}),
            json!({"type": "poll", "question": "?", "options": ["a", "b"]}),
            json!({"type": "reaction", "message": "msg_1", "emoji": null}),
            json!({"type": "poll_vote", "message": "msg_1", "options": []}),
        ];
        assert_eq!(bodies.len(), TYPES.len());
        for body in bodies {
            assert!(SendMessage::read(body.clone()).is_ok(), "{body}");
        }
    }
}
