//! What people write about lists and their contacts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wasup_actors::ContactChange;
use wasup_store::records::ListedContact;
use wasup_store::repo::lists::ListPatch;

use crate::api::problem::{FieldError, Problem};
use crate::api::state::Settings;
use crate::phone::canonical;

/// Longest name of a list, in characters.
const NAME_MAX: usize = 200;
/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 2_000;

/// The canonical form of a number that stands in a field of this name.
///
/// # Errors
/// What is wrong with it.
pub(in crate::api) fn number(field: &str, text: &str, settings: &Settings) -> Result<String, FieldError> {
    canonical(text, settings.region.as_deref()).map_err(|why| FieldError::new(field, why))
}

/// `Some(None)` for an explicit `null`.
fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A new list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CreateList {
    /// What you call it, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, examples("Customers"))]
    name: String,
    /// What it is for, at most 2000 characters.
    #[schema(max_length = 2000)]
    description: Option<String>,
}

/// A change of a list, as a JSON merge patch: what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChangeList {
    /// What you call it. Can't be taken away.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// What it is for; `null` takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Option<Option<String>>,
}

fn words(name: Option<&str>, description: Option<&str>) -> Result<(), Problem> {
    let mut errors = Vec::new();
    if name.is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME_MAX) {
        errors.push(FieldError::new("name", "must have 1 to 200 characters"));
    }
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
        errors.push(FieldError::new("description", "must have at most 2000 characters"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

impl CreateList {
    /// Name and description.
    pub(super) fn check(self) -> Result<(String, Option<String>), Problem> {
        words(Some(&self.name), self.description.as_deref())?;
        Ok((self.name, self.description))
    }
}

impl ChangeList {
    pub(super) fn check(self) -> Result<ListPatch, Problem> {
        words(self.name.as_deref(), self.description.as_ref().and_then(Option::as_deref))?;
        Ok(ListPatch { name: self.name, description: self.description })
    }
}

/// A contact, without the number.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ContactForm {
    /// What you call them, at most 200 characters.
    #[schema(max_length = 200)]
    pub(in crate::api) name: Option<String>,
    /// What else is known: at most 64 fields, each with a name of at most 64 and a value of at most 2000 characters.
    #[schema(examples(json!({"city": "Jakarta"})))]
    pub(in crate::api) fields: BTreeMap<String, String>,
    /// Words that group contacts: at most 32, each of at most 64 characters.
    #[schema(examples(json!(["vip"])))]
    pub(in crate::api) tags: BTreeSet<String>,
}

impl ContactForm {
    /// The contact under this number.
    ///
    /// # Errors
    /// What of it is more than a contact may have.
    pub(in crate::api) fn under(self, number: String) -> Result<ListedContact, FieldError> {
        let Self { name, fields, tags } = self;
        let contact = ListedContact { number, name, fields, tags, added_ms: 0 };
        contact.fit().map(|()| contact).map_err(|unfit| FieldError::new("contact", unfit.to_string()))
    }
}

/// A contact with its number.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NumberedForm {
    /// The phone number, in any usual form.
    #[schema(examples("+62 812-3456-7890"))]
    pub(super) phone: String,
    /// What you call them.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// What else is known, by the name of the field.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// Words that group contacts.
    #[serde(default)]
    tags: BTreeSet<String>,
}

impl NumberedForm {
    pub(super) fn check(self, settings: &Settings) -> Result<ListedContact, FieldError> {
        let number = number("phone", &self.phone, settings)?;
        ContactForm { name: self.name, fields: self.fields, tags: self.tags }.under(number)
    }
}

/// A change of a contact, as a JSON merge patch: what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChangeContact {
    /// What you call them; `null` takes it away.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Option<Option<String>>,
    /// Fields to set, by name, or with `null` to remove; others stay. `null` instead of the object removes all.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    fields: Option<Option<BTreeMap<String, Option<String>>>>,
    /// All their tags; `null` for none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<String>>)]
    tags: Option<Option<BTreeSet<String>>>,
}

impl From<ChangeContact> for ContactChange {
    fn from(change: ChangeContact) -> Self {
        Self { name: change.name, fields: change.fields, tags: change.tags.map(Option::unwrap_or_default) }
    }
}
