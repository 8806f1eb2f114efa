//! What people write about a webhook endpoint, in the API and in the accounts file, and the rules it has to keep.

mod check;
mod headers;
mod retry;
mod secret;

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wasup_store::id::AccountId;
use wasup_store::records::{DeliveryOrder, EventKind, FilesAs, PayloadFormat, ReplyMode};

pub use headers::HeaderText;
pub use retry::{RetryForm, StatusLists};
pub(crate) use secret::{BAD_SECRET, addressed, given, secret_bytes};

/// A new webhook endpoint. What is left out, or `null`, has its default.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEndpoint {
    /// The account whose events it gets. Without one: every account's.
    #[schema(value_type = Option<String>, examples("shop"))]
    pub account: Option<AccountId>,
    /// Where events go, http or https; at most 2048 bytes.
    #[schema(examples("https://example.com/hook"))]
    pub url: String,
    /// The signing secret: `whsec_` and the base64 of 24 to 64 bytes. Without it one is made and shown in this answer only.
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
    /// What you call it, at most 200 characters.
    #[schema(max_length = 200, examples("CRM"))]
    pub name: Option<String>,
    /// Types of events; none: every one.
    #[schema(value_type = Option<Vec<String>>, examples("message.received", "message.status"))]
    pub events: Option<Vec<EventKind>>,
    /// Which of those events, by chat and by what a message holds.
    pub filter: Option<FilterForm>,
    /// Headers of your own that go with every delivery, at most 32 and 16 KiB together. Their values are never shown.
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub headers: Option<BTreeMap<String, Option<HeaderText>>>,
    /// How deliveries are tried, where that is not as the server's config says.
    pub retry: Option<RetryForm>,
    /// `chat`: within a chat each delivery waits for the one before it. `none` (default): none waits.
    #[schema(value_type = Option<String>, examples("none", "chat"))]
    pub order: Option<DeliveryOrder>,
    /// `answer`: the receiver's answer to a received message is sent to its chat. `off` (default): it is only kept.
    #[schema(value_type = Option<String>, examples("off", "answer"))]
    pub reply: Option<ReplyMode>,
    /// How files stand in events: `link` (default), a link that works without a key for a time; `base64`, their bytes where
    /// they are not more than `media.event_base64_max`, else a link; `none`.
    #[schema(value_type = Option<String>, examples("link", "base64", "none"))]
    pub media: Option<FilesAs>,
    /// What the body looks like: `envelope`, the event as in the event log.
    #[schema(value_type = Option<String>, examples("envelope"))]
    pub format: Option<PayloadFormat>,
}

/// A change of a webhook endpoint, as a JSON merge patch (RFC 7396): what is left out stays, `null` takes a setting back to
/// its default, lists are replaced. Its secret has a request of its own.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEndpoint {
    /// The account whose events it gets; `null`: every account's.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub account: Option<Option<AccountId>>,
    /// Where events go. Has no default to go back to.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = String, required = false)]
    pub url: Option<Option<String>>,
    /// What you call it.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub name: Option<Option<String>>,
    /// Types of events; `null` or an empty list: every one.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<String>>)]
    pub events: Option<Option<Vec<EventKind>>>,
    /// Which of those events; `null`: all of them.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<FilterForm>)]
    pub filter: Option<Option<FilterForm>>,
    /// Headers to set, by name, or with `null` to remove; others stay. `null` instead of the object removes all.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    pub headers: Option<Option<BTreeMap<String, Option<HeaderText>>>>,
    /// How deliveries are tried; `null`: all as the server's config says.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<RetryForm>)]
    pub retry: Option<Option<RetryForm>>,
    /// Whether deliveries of a chat wait for one another.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub order: Option<Option<DeliveryOrder>>,
    /// Whether the receiver's answer may be a message.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub reply: Option<Option<ReplyMode>>,
    /// How files stand in events.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub media: Option<Option<FilesAs>>,
    /// What the body looks like.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub format: Option<Option<PayloadFormat>>,
}

/// Which events besides their types. Events that are about no chat, or no message, pass the lists about them.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterForm {
    /// Chats: numbers in any form (in national form where the account or the installation has a `default_region`), and
    /// addresses (`…@s.whatsapp.net`, `…@lid`, `…@g.us`, `…@newsletter`). None: every chat. At most 100.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<String>>, examples("+62 812-3456-7890", "120363041234567890@g.us"))]
    pub chats: Option<Option<Vec<String>>>,
    /// What messages hold, such as `text`. None: whatever they hold.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<String>>, examples("text"))]
    pub message_types: Option<Option<Vec<String>>>,
}

/// Tells what was left out from what is `null`.
pub(crate) fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}
