//! Templates come, are shown, change and go.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::Templates;
use wasup_store::id::TemplateId;

use super::form::{ChangeTemplate, CreateTemplate, fit};
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, Page, TemplateView};
use crate::media::Intake;

/// Which templates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplatesQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Makes a template. One that can't be read is refused with the line and the reason. There may be 1000.
#[utoipa::path(post, path = "/v1/templates", tag = "templates", operation_id = "createTemplate", request_body = CreateTemplate,
    responses((status = 201, body = TemplateView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(templates): State<Templates>,
    State(intake): State<Intake>,
    Caller(caller): Caller,
    Json(body): Json<CreateTemplate>,
) -> Result<impl IntoResponse, Problem> {
    let made = templates.create(&caller, body.check(&intake).await?).await?;
    Ok((StatusCode::CREATED, axum::Json(TemplateView::from(&made))))
}

/// Lists the templates, the oldest first.
#[utoipa::path(get, path = "/v1/templates", tag = "templates", operation_id = "listTemplates", params(TemplatesQuery),
    responses((status = 200, body = Page<TemplateView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(templates): State<Templates>,
    Caller(caller): Caller,
    Query(query): Query<TemplatesQuery>,
) -> Result<axum::Json<Page<TemplateView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Template(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let found = templates.page(&caller, after, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |one| Cursor::Template(one.0), |one| one.into())))
}

/// Shows a template, with the fields that it uses.
#[utoipa::path(get, path = "/v1/templates/{id}", tag = "templates", operation_id = "getTemplate",
    params(("id" = String, Path, description = "The template's id, `tpl_…`")),
    responses((status = 200, body = TemplateView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(templates): State<Templates>,
    Caller(caller): Caller,
    Path(id): Path<TemplateId>,
) -> Result<axum::Json<TemplateView>, Problem> {
    let template = templates.get(&caller, id).await?;
    Ok(axum::Json(TemplateView::from(&(id, template))))
}

/// Changes a template.
#[utoipa::path(patch, path = "/v1/templates/{id}", tag = "templates", operation_id = "changeTemplate",
    params(("id" = String, Path, description = "The template's id, `tpl_…`")), request_body = ChangeTemplate,
    responses((status = 200, body = TemplateView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(templates): State<Templates>,
    State(intake): State<Intake>,
    Caller(caller): Caller,
    Path(id): Path<TemplateId>,
    Json(body): Json<ChangeTemplate>,
) -> Result<axum::Json<TemplateView>, Problem> {
    let changes = body.check(&intake).await?;
    let rule = move |before| {
        let after = changes.over(before);
        fit(&after).map(|()| after)
    };
    let template = templates.change(&caller, id, rule).await?;
    Ok(axum::Json(TemplateView::from(&(id, template))))
}

/// Deletes a template.
#[utoipa::path(delete, path = "/v1/templates/{id}", tag = "templates", operation_id = "deleteTemplate",
    params(("id" = String, Path, description = "The template's id, `tpl_…`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(templates): State<Templates>,
    Caller(caller): Caller,
    Path(id): Path<TemplateId>,
) -> Result<StatusCode, Problem> {
    templates.delete(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
