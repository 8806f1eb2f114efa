//! How the API says no: RFC 9457, with a code that programs can rely on.
//!
//! A handler returns a [`Problem`]; [`super::request`] turns it into the answer, in one place, because only there the
//! request's id is at hand.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::StateView;

mod ask;

/// Type of the body of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $retryable:literal, $title:literal;)+) => {
        /// What went wrong, for programs. The list is closed: a new one comes with a new version of this document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $name,)+ }

        impl ErrorCode {
            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// Whether the same request may succeed later.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)+ }
            }

            /// What it is called, for humans.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The request can't be read: no JSON, no UTF-8, no such form.
    Malformed: BAD_REQUEST, false, "The request can't be read";
    /// The request can be read, but values in it are wrong; `errors` names them.
    Invalid: BAD_REQUEST, false, "Values in the request are wrong";
    /// The key is missing or wrong.
    Unauthorized: UNAUTHORIZED, false, "The API key is missing or wrong";
    /// There is no such thing.
    NotFound: NOT_FOUND, false, "Not found";
    /// The path exists, but not for this method; `Allow` names the ones it has.
    MethodNotAllowed: METHOD_NOT_ALLOWED, false, "The method is not allowed here";
    /// The place in the event log is gone: pruned, or of another life of the store. `oldest_cursor` is the oldest there
    /// is.
    CursorGone: GONE, false, "The place in the event log is gone";
    /// The account exists already.
    AccountExists: CONFLICT, false, "The account exists already";
    /// The account has as many endpoints as one may have, or there are as many for every account.
    TooManyEndpoints: CONFLICT, false, "There are enough endpoints";
    /// There are as many lists, templates or imports as there may be.
    TooMany: CONFLICT, false, "There are enough of these";
    /// The expression of cron can't be read; `errors` says why.
    CronInvalid: BAD_REQUEST, false, "The cron expression can't be read";
    /// There is no such time zone.
    TimezoneUnknown: BAD_REQUEST, false, "There is no such time zone";
    /// None of the schedule's times is to come.
    NoTimeLeft: CONFLICT, false, "No time is left";
    /// The endpoint is paused or switched off.
    EndpointOff: CONFLICT, false, "The endpoint is off";
    /// A backup of that name exists already; nothing is overwritten.
    BackupExists: CONFLICT, false, "The backup exists already";
    /// No accounts file is configured.
    NoAccountsFile: CONFLICT, false, "There is no accounts file";
    /// The accounts file is wrong, and nothing was changed; `errors` names its lines.
    AccountsFileWrong: CONFLICT, false, "The accounts file is wrong";
    /// The account is not connected to the network at this moment, which this needs.
    AccountNotConnected: CONFLICT, true, "The account is not connected";
    /// The network says that things stand otherwise than the request takes for granted.
    Conflict: CONFLICT, false, "Things stand otherwise";
    /// The network refused, with another code than those that have a word of their own here.
    NetworkRefused: CONFLICT, false, "The network refused";
    /// The network does not allow the account to do this.
    ForbiddenByNetwork: FORBIDDEN, false, "The network does not allow it";
    /// The account's state does not allow it; `state` says which it is.
    WrongState: CONFLICT, false, "The account's state does not allow it";
    /// The account is about to show a QR code, but has none at this moment.
    QrNotReady: CONFLICT, true, "No QR code at this moment";
    /// The account is about to get a pairing code, but has none at this moment.
    CodeNotReady: CONFLICT, true, "No pairing code at this moment";
    /// The network gives no pairing code for the number; a QR code may do.
    CodeRefused: CONFLICT, false, "The network gives no pairing code";
    /// Another replay of the endpoint's deliveries runs.
    ReplayRunning: CONFLICT, true, "Another replay runs";
    /// The delivery's event was pruned: it can't be delivered again.
    EventGone: GONE, false, "The event is gone";
    /// The body is larger than the configured limit.
    BodyTooLarge: PAYLOAD_TOO_LARGE, false, "The body is too large";
    /// The body is of another type than the one that can be read here.
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE, false, "The body's type is not supported";
    /// The file has no bytes.
    MediaEmpty: BAD_REQUEST, false, "The file is empty";
    /// The file is another one than it was said to be: its bytes are of another type.
    MediaTypeMismatch: BAD_REQUEST, false, "The file is of another type";
    /// The file has another hash than it was said to have.
    MediaHashMismatch: BAD_REQUEST, false, "The file has another hash";
    /// The file did not arrive whole.
    MediaTruncated: BAD_REQUEST, false, "The file did not arrive whole";
    /// The file begins like one of its type and can't be read as one.
    MediaDamaged: BAD_REQUEST, false, "The file is damaged";
    /// The picture has more pixels than anybody should decode.
    MediaTooManyPixels: BAD_REQUEST, false, "The picture has too many pixels";
    /// The virus scanner found something in the file; `detail` names its signature. Nothing is kept.
    MediaInfected: UNPROCESSABLE_ENTITY, false, "The file is infected";
    /// The file is larger than files of its kind may be.
    MediaTooLarge: PAYLOAD_TOO_LARGE, false, "The file is too large";
    /// Files of this type are not allowed as what it is to be sent as.
    MediaTypeNotAllowed: UNSUPPORTED_MEDIA_TYPE, false, "The file's type is not allowed";
    /// The file could not be fetched from its address.
    MediaUrlFailed: FAILED_DEPENDENCY, true, "The file could not be fetched";
    /// The message has no file.
    NoFile: NOT_FOUND, false, "The message has no file";
    /// The network has forgotten the file, and the phone has it no more.
    MediaGone: GONE, false, "The file is gone";
    /// The file has no such bytes.
    RangeNotSatisfiable: RANGE_NOT_SATISFIABLE, false, "The file has no such bytes";
    /// The link was not made here, or its time is over.
    LinkInvalid: FORBIDDEN, false, "The link does not work";
    /// As many bytes of files are kept as `media.max_bytes` allows.
    MediaFull: SERVICE_UNAVAILABLE, true, "There is no room for files";
    /// The virus scanner can't be asked, and files that it did not see are not kept.
    ScannerUnavailable: SERVICE_UNAVAILABLE, true, "The virus scanner is not available";
    /// What the network answers is not the file.
    MediaUnavailable: SERVICE_UNAVAILABLE, true, "The file could not be fetched from the network";
    /// The template gives no text for this contact; `errors` says where and why.
    TemplateFailed: BAD_REQUEST, false, "The template gives no text";
    /// The idempotency key was used before, with another body.
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY, false, "The idempotency key was used with another body";
    /// Too many messages of the account wait to be sent.
    OutboxFull: TOO_MANY_REQUESTS, true, "Too many messages wait";
    /// The network wants fewer requests from the account.
    RateLimited: TOO_MANY_REQUESTS, true, "The network wants fewer requests";
    /// Too many pairing codes were asked for.
    TooManyCodes: TOO_MANY_REQUESTS, true, "Too many pairing codes";
    /// The network could not be asked for a pairing code.
    CodeFailed: SERVICE_UNAVAILABLE, true, "The network could not be asked";
    /// The network did not answer in time. Whether it did what it was asked for is not known.
    NetworkTimeout: SERVICE_UNAVAILABLE, true, "The network did not answer in time";
    /// The network could not be asked, or its answer not be read.
    NetworkFailed: SERVICE_UNAVAILABLE, true, "The network could not be asked";
    /// The account is busy with something else, such as stopping.
    Busy: SERVICE_UNAVAILABLE, true, "The account is busy";
    /// As many files of contacts come in as may.
    TooManyImports: SERVICE_UNAVAILABLE, true, "Too many imports";
    /// As many live streams are open as `server.streams_max` allows.
    TooManyStreams: SERVICE_UNAVAILABLE, true, "Too many live streams";
    /// The disk is nearly full: new work is refused, messages that arrive are still kept.
    SpaceLow: SERVICE_UNAVAILABLE, true, "The disk is nearly full";
    /// The server is stopping.
    ShuttingDown: SERVICE_UNAVAILABLE, true, "The server is stopping";
    /// The store can't be read or written.
    StoreUnavailable: SERVICE_UNAVAILABLE, true, "The store is not available";
    /// The backup could not be written.
    BackupFailed: INTERNAL_SERVER_ERROR, false, "The backup could not be written";
    /// A bug.
    Internal: INTERNAL_SERVER_ERROR, false, "A bug in the server";
}

/// One wrong value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Which: dotted path in the body, or the name of a query parameter or header.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl FieldError {
    /// A wrong value.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// An answer that says no.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong here, for humans.
    pub detail: String,
    /// Which values are wrong.
    pub errors: Vec<FieldError>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The state the account is in, where that is why.
    pub state: Option<Box<StateView>>,
    /// Where the event log begins, where that is asked before it.
    pub oldest_cursor: Option<String>,
    /// What caused it; logged, never answered.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            state: None,
            oldest_cursor: None,
            cause: None,
        }
    }

    /// Nothing of that kind and name.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("there is no such {what}"))
    }

    /// Values that are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(ErrorCode::Invalid, detail) }
    }

    /// With a time to try again.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With the account's state.
    #[must_use]
    pub fn in_state(mut self, state: StateView) -> Self {
        self.state = Some(Box::new(state));
        self
    }

    /// With what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The body, for the request with this id.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ProblemView {
        ProblemView {
            r#type: format!("urn:wasup:problem:{}", word(self.code)),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            request_id: request_id.to_owned(),
            retryable: self.code.retryable(),
            errors: self.errors.clone(),
            state: self.state.as_deref().cloned(),
            oldest_cursor: self.oldest_cursor.clone(),
        }
    }
}

fn word(code: ErrorCode) -> String {
    let json = serde_json::to_value(code).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// The body of every answer that says no, after RFC 9457.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemView {
    /// Names the kind of problem; `urn:wasup:problem:` and the code.
    pub r#type: String,
    /// The kind of problem, for humans.
    #[schema(value_type = String)]
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong here, for humans.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: ErrorCode,
    /// The request's id, as in the header `X-Request-Id` and in the server's log.
    pub request_id: String,
    /// Whether the same request may succeed later; then `Retry-After` says when to try.
    pub retryable: bool,
    /// Which values are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The account's state, where that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateView>,
    /// With `cursor_gone`: give it as `after` to go on from the oldest event that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_cursor: Option<String>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<wasup_store::StoreError> for Problem {
    fn from(error: wasup_store::StoreError) -> Self {
        match error {
            wasup_store::StoreError::SpaceLow { .. } => {
                Self::new(ErrorCode::SpaceLow, "the disk has less free space than the configured floor")
                    .after(Duration::from_secs(60))
            }
            error if error.is_poisoned() => Self::new(
                ErrorCode::StoreUnavailable,
                "the store stopped after a failed write; the server will restart",
            )
            .after(Duration::from_secs(5))
            .because(error),
            error => Self::new(ErrorCode::Internal, "the store could not answer").because(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_code_status_and_fields() {
        let problem = Problem::invalid(vec![FieldError::new("to", "is no number")]);
        let body = serde_json::to_value(problem.body("req_1")).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:wasup:problem:invalid", "title": "Values in the request are wrong", "status": 400,
                "detail": "to: is no number", "code": "invalid", "request_id": "req_1", "retryable": false,
                "errors": [{"field": "to", "message": "is no number"}],
            })
        );
    }

    #[test]
    fn low_space_is_retryable_and_poison_is_an_outage() {
        let low = Problem::from(wasup_store::StoreError::SpaceLow { floor: 1 });
        assert!(low.code == ErrorCode::SpaceLow && low.retry_after.is_some() && low.code.retryable());
        assert_eq!(Problem::from(wasup_store::StoreError::Closed).code, ErrorCode::StoreUnavailable);
        assert_eq!(Problem::from(wasup_store::StoreError::JobPanicked).code, ErrorCode::Internal);
    }
}
