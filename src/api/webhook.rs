//! `/v1/accounts/{id}/webhook`: where an account's events go. One endpoint an account in this version.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{EndpointError, EndpointSpec, Endpoints};
use wasup_store::id::AccountId;
use wasup_store::records::EventKind;

use super::extract::{Caller, Json, Path};
use super::problem::{FieldError, Problem, ProblemView};
use super::state::Settings;
use super::view::{DeliveriesView, EndpointView, whsec};
use crate::webhook_http::Reach;

/// Where an account's events go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetWebhook {
    /// The address, http or https.
    #[schema(examples("https://example.com/hook"))]
    url: String,
    /// The signing secret: `whsec_` and the base64 of 24 to 64 bytes. Without it the one there is stays, or one is
    /// made and shown in this answer only.
    secret: Option<String>,
    /// Types of events; none or an empty list: every one.
    #[serde(default)]
    #[schema(value_type = Vec<String>, examples("message.received", "message.status"))]
    events: Vec<String>,
}

/// The bytes of a secret in its public form.
pub(crate) fn secret_bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

/// What is wrong with a secret that [`secret_bytes`] refuses.
pub(crate) const BAD_SECRET: &str = "must be whsec_ and the base64 of 24 to 64 bytes";

impl SetWebhook {
    fn check(self, reach: Reach) -> Result<EndpointSpec, Problem> {
        let mut errors = Vec::new();
        if let Err(error) = reach.check(&self.url) {
            errors.push(FieldError::new("url", error.to_string()));
        }
        let secret = self.secret.as_deref().map(secret_bytes);
        if secret == Some(None) {
            errors.push(FieldError::new("secret", BAD_SECRET));
        }
        let mut events = Vec::new();
        for (at, word) in self.events.iter().enumerate() {
            match EventKind::from_word(word) {
                Some(kind) => events.push(kind),
                None => {
                    let known = EventKind::ALL.map(EventKind::as_str).join(", ");
                    errors.push(FieldError::new(format!("events[{at}]"), format!("must be one of {known}")));
                }
            }
        }
        if errors.is_empty() {
            Ok(EndpointSpec { url: self.url, secret: secret.flatten(), events })
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

/// Sets the webhook of an account, and switches it on.
#[utoipa::path(put, path = "/v1/accounts/{id}/webhook", tag = "webhooks", operation_id = "setWebhook",
    params(("id" = String, Path, description = "The account's id, percent-encoded")), request_body = SetWebhook,
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(endpoints): State<Endpoints>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<SetWebhook>,
) -> Result<axum::Json<EndpointView>, Problem> {
    let (record, made) = endpoints.set(&caller, &id, body.check(settings.reach)?).await?;
    let secret = made.map(|_| whsec(&record.secret));
    Ok(axum::Json(EndpointView { secret, ..EndpointView::from(&record) }))
}

/// Shows the webhook of an account, without its secret.
#[utoipa::path(get, path = "/v1/accounts/{id}/webhook", tag = "webhooks", operation_id = "getWebhook",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<EndpointView>, Problem> {
    let found = endpoints.get(&caller, &id).await?;
    let (record, counters) = found.ok_or_else(|| Problem::not_found("webhook"))?;
    let deliveries = Some(DeliveriesView::from(counters));
    Ok(axum::Json(EndpointView { deliveries, ..EndpointView::from(&record) }))
}

/// Removes the webhook of an account, with what was still to be delivered.
#[utoipa::path(delete, path = "/v1/accounts/{id}/webhook", tag = "webhooks", operation_id = "deleteWebhook",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    match endpoints.remove(&caller, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("webhook")),
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::AccountNotFound => Self::not_found("account"),
            EndpointError::BadSecret => Self::invalid(vec![FieldError::new("secret", BAD_SECRET)]),
            EndpointError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_back_from_their_public_form() {
        let secret = [7; 24];
        assert_eq!(secret_bytes(&whsec(&secret)), Some(secret.to_vec()));
        for bad in ["", "whsec_", "whsec_AAAA", "whsec_!!!!", STANDARD.encode(secret).as_str(), &whsec(&[1; 65])] {
            assert_eq!(secret_bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_wrong_value_is_named() {
        let body = SetWebhook {
            url: "http://169.254.169.254/".into(),
            secret: Some("short".into()),
            events: vec!["message.received".into(), "message.recieved".into()],
        };
        let problem = body.check(Reach { loopback: true, private: true }).unwrap_err();
        let fields: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["url", "secret", "events[1]"]);
    }
}
