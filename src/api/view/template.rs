//! Templates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Compiled;
use wasup_store::id::{MediaId, TemplateId};
use wasup_store::records::{TemplateMedia, TemplateRecord};

use super::Time;

/// A file that goes with a template's text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TemplateMediaView {
    /// The file.
    #[schema(value_type = String, examples("med_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub id: MediaId,
    /// As what it is sent.
    #[schema(examples("image"))]
    pub kind: String,
}

impl From<&TemplateMedia> for TemplateMediaView {
    fn from(media: &TemplateMedia) -> Self {
        Self { id: media.id, kind: media.kind.clone() }
    }
}

/// A template.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TemplateView {
    /// Its id.
    #[schema(value_type = String, examples("tpl_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub id: TemplateId,
    /// What you call it.
    #[schema(examples("Welcome"))]
    pub name: String,
    /// The text.
    pub body: String,
    /// A place for which a contact has nothing is an error, and not empty.
    pub strict: bool,
    /// What stands in places where a contact has nothing.
    pub defaults: BTreeMap<String, String>,
    /// The file that goes with it.
    pub media: Option<TemplateMediaView>,
    /// What of contacts it uses.
    #[schema(examples(json!(["city", "name"])))]
    pub fields: BTreeSet<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub changed_at: Time,
}

impl From<&(TemplateId, TemplateRecord)> for TemplateView {
    fn from((id, template): &(TemplateId, TemplateRecord)) -> Self {
        Self {
            id: *id,
            name: template.name.clone(),
            body: template.body.clone(),
            strict: template.strict,
            defaults: template.defaults.clone(),
            media: template.media.as_ref().map(TemplateMediaView::from),
            fields: Compiled::new(template).map(|compiled| compiled.fields()).unwrap_or_default(),
            created_at: Time::from_ms(template.created_ms),
            changed_at: Time::from_ms(template.changed_ms),
        }
    }
}
