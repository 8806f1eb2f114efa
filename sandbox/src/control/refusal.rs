//! Refused requests, and bodies that refuse clearly.

use crate::{BadNumber, Network, NotFound, PairingError, Phone, PhoneError, WaitError};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

/// A request that is not carried out.
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

pub(super) type Answer<T> = Result<Json<T>, Refusal>;

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl ToString) -> Self {
        Self { status, code, message: message.to_string() }
    }

    /// The body is not what it should be.
    pub(super) fn bad_body(error: &dyn std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", error)
    }

    pub(super) fn unknown_verb(verb: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_route", format!("nothing is called {verb:?}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, Json(body)).into_response()
    }
}

pub(super) async fn no_such_route(uri: Uri) -> Refusal {
    let message = format!("there is no route {}", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "no_such_route", message)
}

/// The phone a path names; it must exist.
pub(super) fn phone(network: &Network, number: &str) -> Result<Phone, Refusal> {
    let missing = || NotFound::Account(number.to_owned()).into();
    network.find_phone(number).ok_or_else(missing)
}

impl From<NotFound> for Refusal {
    fn from(error: NotFound) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", error)
    }
}

impl From<BadNumber> for Refusal {
    fn from(error: BadNumber) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_number", error)
    }
}

impl From<WaitError> for Refusal {
    fn from(error: WaitError) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timed_out", error)
    }
}

impl From<PhoneError> for Refusal {
    fn from(error: PhoneError) -> Self {
        let (status, code) = match &error {
            PhoneError::Offline => (StatusCode::CONFLICT, "phone_offline"),
            PhoneError::BadRecipient(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_recipient"),
            PhoneError::UnknownRecipient(_) => (StatusCode::NOT_FOUND, "unknown_recipient"),
            PhoneError::File(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_file"),
            PhoneError::Refused(code) => (StatusCode::CONFLICT, refused(*code)),
            PhoneError::DeviceGone => (StatusCode::CONFLICT, "device_gone"),
            PhoneError::Signal(_) | PhoneError::Key(_) => (StatusCode::INTERNAL_SERVER_ERROR, "encryption"),
        };
        Self::new(status, code, error)
    }
}

/// The network's codes in words.
fn refused(code: u16) -> &'static str {
    match code {
        403 => "forbidden",
        404 => "no_such_group",
        405 => "not_allowed",
        409 => "conflict",
        410 => "gone",
        419 => "full",
        _ => "refused",
    }
}

impl From<PairingError> for Refusal {
    fn from(error: PairingError) -> Self {
        let (status, code) = match &error {
            PairingError::NotACode => (StatusCode::UNPROCESSABLE_ENTITY, "not_a_code"),
            PairingError::NotAPairingCode => (StatusCode::UNPROCESSABLE_ENTITY, "not_a_pairing_code"),
            PairingError::NoCodeRequested => (StatusCode::NOT_FOUND, "no_code_requested"),
            PairingError::CodeExpired => (StatusCode::GONE, "code_expired"),
            PairingError::WrongCode => (StatusCode::CONFLICT, "wrong_code"),
            PairingError::CodeSpent => (StatusCode::GONE, "code_spent"),
            PairingError::PasskeyDemanded => (StatusCode::CONFLICT, "passkey_demanded"),
            PairingError::UnknownReference => (StatusCode::NOT_FOUND, "unknown_reference"),
            PairingError::KeyMismatch => (StatusCode::CONFLICT, "key_mismatch"),
            PairingError::AlreadyScanned => (StatusCode::CONFLICT, "already_scanned"),
            PairingError::PhoneOffline => (StatusCode::CONFLICT, "phone_offline"),
            PairingError::Refused { .. } => (StatusCode::BAD_GATEWAY, "refused"),
            PairingError::BadAnswer(_) => (StatusCode::BAD_GATEWAY, "bad_answer"),
            PairingError::ConnectionLost => (StatusCode::BAD_GATEWAY, "connection_lost"),
            PairingError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
        };
        Self::new(status, code, error)
    }
}

impl From<JsonRejection> for Refusal {
    fn from(error: JsonRejection) -> Self {
        Self::new(error.status(), "bad_body", error.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(error: QueryRejection) -> Self {
        Self::new(error.status(), "bad_query", error.body_text())
    }
}

/// A JSON body whose faults are reported as a [`Refusal`].
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Query parameters whose faults are reported as a [`Refusal`].
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(params) = Query::from_request_parts(parts, state).await?;
        Ok(Self(params))
    }
}
