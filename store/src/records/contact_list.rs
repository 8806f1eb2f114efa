//! Lists of contacts, which campaigns go to, and people who want to hear of no campaign.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{Millis, TenantNo};

/// Row of `list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactList {
    /// Whose it is.
    pub tenant: TenantNo,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_ms: Millis,
    /// When it, or a contact in it, was changed last.
    pub changed_ms: Millis,
    /// Contacts in it.
    pub contacts: u64,
}

/// Row of `contact`: somebody in a list, by the phone number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ListedContact {
    /// The digits of the phone number, with the country's.
    pub number: String,
    /// What people call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What else is known, by the name of the field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Words that group contacts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// When they came into the list.
    pub added_ms: Millis,
}

/// Row of `own`: somebody wants no campaigns of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OptOut {
    /// The digits of the phone number.
    pub number: String,
    /// Since when.
    pub since_ms: Millis,
    /// How it became known, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
