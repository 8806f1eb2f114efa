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

/// Somebody in a list, by the phone number. Packed in rows of `contact`.
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

/// Most tags of a contact.
pub const TAGS_MAX: usize = 32;
/// Longest tag, in characters.
pub const TAG_CHARS: usize = 64;
/// Most fields of a contact.
pub const FIELDS_MAX: usize = 64;
/// Longest name of a field, in characters.
pub const FIELD_CHARS: usize = 64;
/// Longest value of a field, in characters.
pub const VALUE_CHARS: usize = 2_000;
/// Longest name of a contact, in characters.
pub const CONTACT_NAME_CHARS: usize = 200;

/// What of a contact is longer, or more, than may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitContact {
    /// Its name.
    #[error("a name has at most {CONTACT_NAME_CHARS} characters")]
    Name,
    /// It has too many fields.
    #[error("a contact has at most {FIELDS_MAX} fields")]
    Fields,
    /// The name of a field is empty or too long.
    #[error("the name of a field has 1 to {FIELD_CHARS} characters")]
    Field,
    /// What stands in a field.
    #[error("a field has at most {VALUE_CHARS} characters")]
    Value,
    /// It has too many tags.
    #[error("a contact has at most {TAGS_MAX} tags")]
    Tags,
    /// A tag is empty or too long, or has a character that stands between tags in files.
    #[error("a tag has 1 to {TAG_CHARS} characters, and no comma, semicolon or bar")]
    Tag,
}

impl ListedContact {
    /// Refuses what no contact may have.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn fit(&self) -> Result<(), UnfitContact> {
        // Bytes first: most texts are short, and counting characters is not free where a million come.
        let over = |text: &str, most: usize| text.len() > most && text.chars().count() > most;
        if self.name.as_ref().is_some_and(|name| over(name, CONTACT_NAME_CHARS)) {
            return Err(UnfitContact::Name);
        }
        if self.fields.len() > FIELDS_MAX {
            return Err(UnfitContact::Fields);
        }
        for (name, value) in &self.fields {
            if name.is_empty() || over(name, FIELD_CHARS) {
                return Err(UnfitContact::Field);
            }
            if over(value, VALUE_CHARS) {
                return Err(UnfitContact::Value);
            }
        }
        if self.tags.len() > TAGS_MAX {
            return Err(UnfitContact::Tags);
        }
        let unfit = |tag: &String| tag.trim().is_empty() || over(tag, TAG_CHARS) || tag.contains([',', ';', '|']);
        match self.tags.iter().any(unfit) {
            true => Err(UnfitContact::Tag),
            false => Ok(()),
        }
    }
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
