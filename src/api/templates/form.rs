//! What people write about templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wasup_actors::Compiled;
use wasup_store::id::MediaId;
use wasup_store::records::{FIELD_CHARS, FIELDS_MAX, TemplateMedia, TemplateRecord, VALUE_CHARS};

use super::problems::bad;
use crate::api::problem::{FieldError, Problem};
use crate::media::{Intake, MediaKind};

/// Longest name, in characters.
const NAME_MAX: usize = 200;

/// `Some(None)` for an explicit `null`.
fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A file that goes with a template's text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TemplateMediaForm {
    /// A file that was uploaded (`POST /v1/media`). It has to be kept still when the template is used.
    #[schema(value_type = String, examples("med_0000106gk3fv0a0mk8d1p3m5r4"))]
    id: MediaId,
    /// As what it is sent: `image`, `video`, `gif`, `audio`, `voice`, `document` or `sticker`.
    #[schema(examples("image"))]
    kind: String,
}

/// A new template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CreateTemplate {
    /// What you call it, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, examples("Welcome"))]
    name: String,
    /// The text, at most 16 KiB. `{{ name }}`, `{{ number }}`, `{{ tags }}` and `{{ city }}` for any field; `{% if %}`,
    /// `{% for %}`; filters as `|default('friend')`, `|upper`, `|word`; and variants `{Hi|Hello}`, of which each contact gets
    /// one.
    #[schema(examples("{Hi|Hello} {{ name|word|default('friend') }}!"))]
    body: String,
    /// A place for which a contact has nothing is an error, and not empty.
    #[serde(default)]
    strict: bool,
    /// What stands in places where a contact has nothing, by the name of the field.
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    /// The file that goes with it; the text is its caption.
    media: Option<TemplateMediaForm>,
}

/// A change of a template, as a JSON merge patch: what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChangeTemplate {
    /// What you call it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The text.
    body: Option<String>,
    /// A place for which a contact has nothing is an error.
    strict: Option<bool>,
    /// All defaults; `null` for none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    defaults: Option<Option<BTreeMap<String, String>>>,
    /// The file that goes with it; `null` for none.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<TemplateMediaForm>)]
    media: Option<Option<TemplateMediaForm>>,
}

/// Refuses what no template may be.
pub(super) fn fit(template: &TemplateRecord) -> Result<(), Problem> {
    let mut errors = Vec::new();
    if template.name.trim().is_empty() || template.name.chars().count() > NAME_MAX {
        errors.push(FieldError::new("name", "must have 1 to 200 characters"));
    }
    let unfit = |(name, value): (&String, &String)| {
        name.is_empty() || name.chars().count() > FIELD_CHARS || value.chars().count() > VALUE_CHARS
    };
    if template.defaults.len() > FIELDS_MAX || template.defaults.iter().any(unfit) {
        errors.push(FieldError::new(
            "defaults",
            "are at most 64, with names of 1 to 64 and values of at most 2000 characters",
        ));
    }
    if template.body.trim().is_empty() && template.media.is_none() {
        errors.push(FieldError::new("body", "must say something, where there is no file"));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    Compiled::new(template).map(|_| ()).map_err(|error| bad(&error))
}

/// A file that is kept, and may be sent so.
async fn kept(media: Option<TemplateMediaForm>, intake: &Intake) -> Result<Option<TemplateMedia>, Problem> {
    let Some(TemplateMediaForm { id, kind }) = media else { return Ok(None) };
    let known = MediaKind::ALL.into_iter().find(|known| known.as_str() == kind);
    let known = known.ok_or_else(|| {
        let words = MediaKind::ALL.map(MediaKind::as_str).join(", ");
        Problem::invalid(vec![FieldError::new("media.kind", format!("must be one of {words}"))])
    })?;
    intake.kept(id, known).await?;
    Ok(Some(TemplateMedia { id, kind }))
}

impl CreateTemplate {
    pub(super) async fn check(self, intake: &Intake) -> Result<TemplateRecord, Problem> {
        let Self { name, body, strict, defaults, media } = self;
        let media = kept(media, intake).await?;
        let template = TemplateRecord { name, body, strict, defaults, media, ..TemplateRecord::default() };
        fit(&template).map(|()| template)
    }
}

/// What is to change about a template.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    name: Option<String>,
    body: Option<String>,
    strict: Option<bool>,
    defaults: Option<BTreeMap<String, String>>,
    media: Option<Option<TemplateMedia>>,
}

impl Changes {
    pub(super) fn over(&self, before: TemplateRecord) -> TemplateRecord {
        let Self { name, body, strict, defaults, media } = self.clone();
        TemplateRecord {
            name: name.unwrap_or(before.name),
            body: body.unwrap_or(before.body),
            strict: strict.unwrap_or(before.strict),
            defaults: defaults.unwrap_or(before.defaults),
            media: media.unwrap_or(before.media),
            ..before
        }
    }
}

impl ChangeTemplate {
    pub(super) async fn check(self, intake: &Intake) -> Result<Changes, Problem> {
        let Self { name, body, strict, defaults, media } = self;
        let media = match media {
            Some(media) => Some(kept(media, intake).await?),
            None => None,
        };
        Ok(Changes { name, body, strict, defaults: defaults.map(Option::unwrap_or_default), media })
    }
}
