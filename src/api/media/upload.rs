//! `POST /v1/media`.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_store::records::MediaFileRecord;

use crate::api::extract::Query;
use crate::api::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::api::view::MediaFileView;
use crate::config::Span;
use crate::media::{Intake, MediaKind, MediaRefusal, Wanted};

/// Longest field of a form beside the file, in bytes.
const FIELD_MAX: usize = 1_024;
/// How long a file may be kept by its own wish: as `media.keep`.
const KEEP_MIN: Duration = Duration::from_secs(60);
const KEEP_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is said of a file whose bytes are the body.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadQuery {
    /// Its name, without a path.
    #[param(example = "invoice.pdf")]
    filename: Option<String>,
    /// SHA-256 of it in hex; another one is refused.
    sha256: Option<String>,
    /// As what it is to be sent: then it is checked now by that kind's rules.
    #[param(example = "image")]
    kind: Option<String>,
    /// How long it stays at least, as `90d`, 1 minute to 10 years; `media.keep` where it is left out. Each use lets it stay for
    /// `media.keep` from then on, where that is longer.
    #[param(value_type = Option<String>, example = "90d")]
    keep: Option<Span>,
}

/// A file as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read piece by piece")]
pub(super) struct UploadForm {
    /// Its name, without a path. Before `file`, as the other fields.
    filename: Option<String>,
    /// SHA-256 of it in hex.
    sha256: Option<String>,
    /// As what it is to be sent.
    kind: Option<String>,
    /// How long it stays at least, as `90d`.
    keep: Option<String>,
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

impl UploadQuery {
    fn wanted(self) -> Result<Wanted, Problem> {
        let kind = self.kind.as_deref().map(kind_of).transpose()?;
        let sha256 = self.sha256.as_deref().map(hash_of).transpose()?;
        let keep = self.keep.map(keep_of).transpose()?;
        Ok(Wanted { kind, filename: self.filename, sha256, keep, ..Wanted::default() })
    }
}

fn keep_of(span: Span) -> Result<Duration, Problem> {
    let fits = (KEEP_MIN..=KEEP_MAX).contains(&span.0);
    fits.then_some(span.0).ok_or_else(unfit_keep)
}

fn unfit_keep() -> Problem {
    Problem::invalid(vec![FieldError::new("keep", "must be a time as 90d, of 1 minute to 10 years")])
}

fn kind_of(text: &str) -> Result<MediaKind, Problem> {
    let known = MediaKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| {
        let words = MediaKind::ALL.map(MediaKind::as_str).join(", ");
        Problem::invalid(vec![FieldError::new("kind", format!("must be one of {words}"))])
    })
}

pub(in crate::api) fn hash_of(text: &str) -> Result<[u8; 32], Problem> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let hash = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    hash.ok_or_else(|| Problem::invalid(vec![FieldError::new("sha256", "must be 64 hexadecimal digits")]))
}

/// Keeps a file, to be sent later by its id. The body is the file itself, or a form (`multipart/form-data`) with the field
/// `file`; it goes to the disk piece by piece. What the file is, is told by its bytes: a `Content-Type` that says something
/// else is refused.
#[utoipa::path(post, path = "/v1/media", tag = "media", operation_id = "uploadMedia", params(UploadQuery),
    request_body(content((String = "application/octet-stream"), (UploadForm = "multipart/form-data")), description = "The file"),
    responses((status = 201, body = MediaFileView),
        (status = 413, description = "It has more bytes than `media.max_size` allows.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn upload(
    State(intake): State<Intake>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let wanted = query.wanted()?;
    let declared = text(request.headers(), &CONTENT_TYPE).map(str::to_owned);
    let is_form = declared.as_deref().is_some_and(|declared| declared.starts_with("multipart/form-data"));
    let file = if is_form {
        form(&intake, wanted, request).await?
    } else {
        // What curl says when nobody said anything.
        let declared = declared.filter(|declared| !declared.starts_with("application/x-www-form-urlencoded"));
        let size = text(request.headers(), &CONTENT_LENGTH).and_then(|length| length.parse().ok());
        raw(&intake, Wanted { mimetype: declared, size, ..wanted }, request.into_body()).await?
    };
    Ok((StatusCode::CREATED, axum::Json(MediaFileView::from(&file))).into_response())
}

fn text<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn raw(intake: &Intake, wanted: Wanted, body: Body) -> Result<MediaFileRecord, Problem> {
    let pieces = body.into_data_stream().map_err(|_| MediaRefusal::Truncated);
    Ok(intake.from_stream(wanted, pieces).await?)
}

async fn form(intake: &Intake, mut wanted: Wanted, request: Request) -> Result<MediaFileRecord, Problem> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| malformed(&error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            wanted.mimetype = field.content_type().map(str::to_owned).or(wanted.mimetype);
            wanted.filename = wanted.filename.or_else(|| field.file_name().map(str::to_owned));
            let pieces = field.map_err(|_| MediaRefusal::Truncated);
            return Ok(intake.from_stream(wanted, pieces.boxed()).await?);
        }
        let value = field.text().await.map_err(|error| malformed(&error.body_text()))?;
        if value.len() > FIELD_MAX {
            return Err(Problem::invalid(vec![FieldError::new(name, "is too long")]));
        }
        match name.as_str() {
            "filename" => wanted.filename = Some(value),
            "mimetype" => wanted.mimetype = Some(value),
            "sha256" => wanted.sha256 = Some(hash_of(&value)?),
            "kind" => wanted.kind = Some(kind_of(&value)?),
            "keep" => wanted.keep = Some(keep_of(value.parse().map_err(|_| unfit_keep())?)?),
            _ => return Err(Problem::invalid(vec![FieldError::new(name, "is no field of this form")])),
        }
    }
    Err(Problem::invalid(vec![FieldError::new("file", "is missing, or does not come last")]))
}

fn malformed(why: &str) -> Problem {
    Problem::new(ErrorCode::Malformed, format!("the form can't be read: {why}"))
}
