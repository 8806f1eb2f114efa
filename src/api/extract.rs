//! Extractors whose failures are problems like any other.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use wasup_actors::{Principal, Who};
use wasup_store::id::DEFAULT_TENANT;

use super::problem::{ErrorCode, FieldError, Problem};
use super::request::RequestId;

/// A JSON body.
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body as JSON, with the header `Content-Type: application/json`";
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|error| no_body(&error))?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let inner = error.into_inner();
            match inner.classify() {
                serde_json::error::Category::Data => {
                    let message = plain(&inner);
                    Problem::invalid(vec![FieldError::new(field(&place, &message), message)])
                }
                _ => Problem::new(ErrorCode::Malformed, format!("the body is no JSON: {inner}")),
            }
        })?;
        json.end().map_err(|error| Problem::new(ErrorCode::Malformed, format!("the body is no JSON: {error}")))?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// What JSON says that was looked at before.
    ///
    /// # Errors
    /// The problem with it.
    pub(super) fn of(value: serde_json::Value) -> Result<Self, Problem> {
        let read = serde_path_to_error::deserialize(value).map_err(|error| {
            let place = error.path().to_string();
            let message = plain(error.inner());
            Problem::invalid(vec![FieldError::new(field(&place, &message), message)])
        });
        read.map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn no_body(error: &BytesRejection) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(ErrorCode::BodyTooLarge, "the body is longer than server.body_max_bytes allows")
        }
        _ => Problem::new(ErrorCode::Malformed, "the body did not arrive whole"),
    }
}

/// The field that is meant: a missing one is named in the message only, its place is the object it is missing from.
fn field(place: &str, message: &str) -> String {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (place, missing) {
        (".", Some(name)) => name.to_owned(),
        (place, Some(name)) => format!("{place}.{name}"),
        (".", None) => "body".to_owned(),
        (place, None) => place.to_owned(),
    }
}

/// What serde says, without the place in the text: the field is named beside it.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |at| text[..at].to_owned())
}

/// A part of the path. One that can't be a name of the thing is the name of nothing: 404.
pub(super) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Problem::new(ErrorCode::NotFound, "there is nothing with a name of this form"))
            }
            Err(error) => Err(Problem::new(ErrorCode::Internal, "the path has no such part").because(error)),
        }
    }
}

/// The query.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| Problem::invalid(vec![FieldError::new("query", error.body_text())]))
    }
}

/// Who asks.
pub(super) struct Caller(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(Self(Principal { tenant: DEFAULT_TENANT, who: Who::RootKey, request_id: id }))
    }
}
