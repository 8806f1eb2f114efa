//! What a template says to somebody: `POST /v1/templates/{id}/preview`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_actors::render;
use wasup_store::id::{ListId, TemplateId};
use wasup_store::records::ListedContact;

use crate::api::extract::{Caller, Json, Path};
use crate::api::lists::{ContactForm, number};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Templating;
use crate::api::view::TemplateMediaView;

/// Number of a contact that was given without one.
const NOBODY: &str = "10000000000";

/// For whom, and which draw of the variants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PreviewForm {
    /// Somebody, as in a list. Or a `list` that they are in.
    contact: Option<ContactForm>,
    /// The list of somebody who is in one.
    #[schema(value_type = Option<String>, examples("lst_0000106gk3fv0a0mk8d1p3m5r4"))]
    list: Option<ListId>,
    /// Their number; by it variants are drawn.
    #[schema(examples("+62 812-3456-7890"))]
    phone: Option<String>,
    /// Another seed draws other variants.
    #[serde(default)]
    seed: u64,
}

/// What a template says to somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PreviewView {
    /// The text.
    text: String,
    /// The file that goes with it.
    media: Option<TemplateMediaView>,
}

/// Shows what a template says to a contact, given here or of a list. Nothing is sent.
#[utoipa::path(post, path = "/v1/templates/{id}/preview", tag = "templates", operation_id = "previewTemplate",
    params(("id" = String, Path, description = "The template's id, `tpl_…`")), request_body = PreviewForm,
    responses((status = 200, body = PreviewView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn preview(
    State((templates, lists, settings)): State<Templating>,
    Caller(caller): Caller,
    Path(id): Path<TemplateId>,
    Json(body): Json<PreviewForm>,
) -> Result<axum::Json<PreviewView>, Problem> {
    let template = templates.get(&caller, id).await?;
    let invalid = |error: FieldError| Problem::invalid(vec![error]);
    let phone = body.phone.as_deref().map(|phone| number("phone", phone, &settings)).transpose().map_err(invalid)?;
    let contact: ListedContact = match (body.contact, body.list, phone) {
        (Some(contact), None, phone) => contact.under(phone.unwrap_or_else(|| NOBODY.to_owned())).map_err(invalid)?,
        (None, Some(list), Some(phone)) => lists.contact(&caller, list, &phone).await?,
        _ => return Err(invalid(FieldError::new("contact", "give one, or list and phone of somebody who is in it"))),
    };
    let seed = body.seed;
    // Whatever somebody wrote there: not on a thread that serves.
    let rendered = tokio::task::spawn_blocking(move || render(&template, &contact, seed)).await;
    let rendered = rendered.map_err(|error| {
        Problem::new(crate::api::problem::ErrorCode::Internal, "the template could not be tried").because(error)
    })??;
    let media = rendered.media.as_ref().map(TemplateMediaView::from);
    Ok(axum::Json(PreviewView { text: rendered.text, media }))
}
