//! What people write about an account, in the API and in the accounts file, and the rules it has to keep.

mod check;
mod proxy;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::config::Span;
use crate::endpoint_form::patch;

pub(crate) use check::conflicting;
pub use proxy::ProxyText;

/// Longest name of an account, in characters.
pub(crate) const NAME_MAX: usize = 200;

/// A change of an account, as a JSON merge patch (RFC 7396): what is left out stays, `null` takes a setting back to the
/// installation's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccount {
    /// A name for humans.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub name: Option<Option<String>>,
    /// Region for numbers in national form: two capital letters, such as `ID`.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("ID"))]
    pub default_region: Option<Option<String>>,
    /// Whether it starts with the server; `null`: it does.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<bool>)]
    pub autostart: Option<Option<bool>>,
    /// Your own notes, replaced as a whole.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Option<serde_json::Map<String, serde_json::Value>>>,
    /// A remark for people to read.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub note: Option<Option<String>>,
    /// How often it is started again when it breaks.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<RestartForm>)]
    pub restart: Option<Option<RestartForm>>,
    /// How fast it sends.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<PacingForm>)]
    pub pacing: Option<Option<PacingForm>>,
    /// The account's only way to the network: `http://`, `https://`, `socks5://` or `socks5h://`, a host and a port, perhaps a
    /// user and a password, which are never shown. A running account connects anew.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("socks5://user:password@proxy.example.com:1080"))]
    pub proxy: Option<Option<ProxyText>>,
    /// What the phone's list of devices calls it, at most 50 characters; `null`: its name. From the next pairing on.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 50)]
    pub device_name: Option<Option<String>>,
    /// What a fresh link asks the phone for. From the next pairing on.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<HistoryForm>)]
    pub history: Option<Option<HistoryForm>>,
}

/// How often a broken account is started again. What is left out stays, `null` is the installation's (`[supervision]`).
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartForm {
    /// Restarts, 0 to 1000 ...
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 1000)]
    pub max_restarts: Option<Option<u32>>,
    /// ... within this time, 1s to 1 day; then it is quarantined.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("10m"))]
    pub within: Option<Option<Span>>,
    /// The first wait, 10ms to 1h.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("1s"))]
    pub backoff_base: Option<Option<Span>>,
    /// The longest wait, 10ms to 1 day.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("5m"))]
    pub backoff_cap: Option<Option<Span>>,
    /// Up this long, its history is forgotten. 1s to 1 day.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("10m"))]
    pub stable_after: Option<Option<Span>>,
}

/// How fast an account sends. What is left out stays, `null` is the installation's (`[send.pacing]`).
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PacingForm {
    /// Time between two messages, drawn anew for each.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<GapForm>)]
    pub gap: Option<Option<GapForm>>,
    /// Most messages in a minute, up to 1000; 0 for any number.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 1000)]
    pub per_minute: Option<Option<u32>>,
    /// Most chats in 24 hours that it may write to without ever having heard from them, up to 1000; 0 for any number.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 1000)]
    pub cold_per_day: Option<Option<u32>>,
}

/// Time between two messages.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapForm {
    /// The shortest, up to 1h.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("500ms"))]
    pub min: Option<Option<Span>>,
    /// The longest, up to 1h.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, examples("3s"))]
    pub max: Option<Option<Span>>,
}

/// What a fresh link asks the phone for; the phone may send less. What is left out stays, `null` is the installation's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryForm {
    /// Days back, 1 to 3650.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    pub days: Option<Option<u32>>,
    /// Megabytes, 1 to 100000.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    pub megabytes: Option<Option<u32>>,
    /// Everything that the phone has, within these bounds.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<bool>)]
    pub full: Option<Option<bool>>,
}
