//! Texts of messages with places for what is known of each contact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{MediaId, Millis, TenantNo};

/// A file that goes with a template's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateMedia {
    /// The file.
    pub id: MediaId,
    /// As what it is sent: a word of the API's kinds.
    pub kind: String,
}

/// Row of `template`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateRecord {
    /// Whose it is.
    pub tenant: TenantNo,
    /// What people call it.
    pub name: String,
    /// The text, with its places.
    pub body: String,
    /// A place without anything to stand there is an error, and not empty.
    pub strict: bool,
    /// What stands in places where a contact has nothing.
    pub defaults: BTreeMap<String, String>,
    /// The file that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<TemplateMedia>,
    /// When it was made.
    pub created_ms: Millis,
    /// When it was changed last.
    pub changed_ms: Millis,
}
