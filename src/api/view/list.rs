//! Lists of contacts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::ListId;
use wasup_store::jid::Jid;
use wasup_store::records::{ContactList, ListedContact, OptOut};
use wasup_store::repo::listed::Tagged;

use super::Time;

/// A list of contacts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ContactListView {
    /// Its id.
    #[schema(value_type = String, examples("lst_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub id: ListId,
    /// What you call it.
    #[schema(examples("Customers"))]
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many contacts are in it.
    pub contacts: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it, or a contact in it, was changed last.
    pub changed_at: Time,
}

impl From<&(ListId, ContactList)> for ContactListView {
    fn from((id, list): &(ListId, ContactList)) -> Self {
        Self {
            id: *id,
            name: list.name.clone(),
            description: list.description.clone(),
            contacts: list.contacts,
            created_at: Time::from_ms(list.created_ms),
            changed_at: Time::from_ms(list.changed_ms),
        }
    }
}

/// Somebody in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListedView {
    /// The phone number: E.164 without `+`.
    #[schema(examples("6281234567890"))]
    pub phone: String,
    /// The number as an address.
    #[schema(examples("6281234567890@s.whatsapp.net"))]
    pub jid: String,
    /// What you call them.
    pub name: Option<String>,
    /// What else is known, by the name of the field.
    pub fields: BTreeMap<String, String>,
    /// Words that group contacts.
    pub tags: BTreeSet<String>,
    /// When they came into the list.
    pub added_at: Time,
}

impl From<&ListedContact> for ListedView {
    fn from(contact: &ListedContact) -> Self {
        Self {
            jid: Jid::phone(&contact.number).to_string(),
            phone: contact.number.clone(),
            name: contact.name.clone(),
            fields: contact.fields.clone(),
            tags: contact.tags.clone(),
            added_at: Time::from_ms(contact.added_ms),
        }
    }
}

/// A tag of a list's contacts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TagView {
    /// The tag, in small letters.
    #[schema(examples("vip"))]
    pub tag: String,
    /// How many have it.
    pub contacts: u64,
}

impl From<&Tagged> for TagView {
    fn from(tagged: &Tagged) -> Self {
        Self { tag: tagged.tag.clone(), contacts: tagged.contacts }
    }
}

/// Somebody who wants no campaigns.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OptOutView {
    /// The phone number: E.164 without `+`.
    #[schema(examples("6281234567890"))]
    pub phone: String,
    /// Since when.
    pub since: Time,
    /// How it became known.
    pub note: Option<String>,
}

impl From<&OptOut> for OptOutView {
    fn from(out: &OptOut) -> Self {
        Self { phone: out.number.clone(), since: Time::from_ms(out.since_ms), note: out.note.clone() }
    }
}
