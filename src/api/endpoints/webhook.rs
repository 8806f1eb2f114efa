//! `/v1/accounts/{id}/webhook`: the account's first endpoint in a simple form.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{EndpointSpec, Endpoints};
use wasup_store::id::AccountId;
use wasup_store::records::EventKind;

use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Settings;
use crate::api::view::{DeliveriesView, WebhookView};
use crate::endpoint_form::addressed;
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
    #[schema(value_type = Option<String>)]
    secret: Option<SecretString>,
    /// Types of events; none or an empty list: every one.
    #[serde(default)]
    #[schema(value_type = Vec<String>, examples("message.received", "message.status"))]
    events: Vec<String>,
}

impl SetWebhook {
    fn check(self, reach: Reach) -> Result<EndpointSpec, Problem> {
        let (secret, mut errors) = addressed(&self.url, self.secret.as_ref(), reach);
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
            Ok(EndpointSpec { url: self.url, secret, events })
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

/// Sets the webhook of an account, and switches it on. That is its first endpoint; what this form does not hold stays as it is.
/// A secret that is replaced signs beside the new one for as long as `webhooks.secret_overlap` says.
#[utoipa::path(put, path = "/v1/accounts/{id}/webhook", tag = "webhooks", operation_id = "setWebhook",
    params(("id" = String, Path, description = "The account's id, percent-encoded")), request_body = SetWebhook,
    responses((status = 200, body = WebhookView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(endpoints): State<Endpoints>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<SetWebhook>,
) -> Result<axum::Json<WebhookView>, Problem> {
    let (record, made) = endpoints.set(&caller, &id, body.check(settings.reach)?).await?;
    let secret = made.map(|secret| secret.0);
    Ok(axum::Json(WebhookView { secret, ..WebhookView::from(&record) }))
}

/// Shows the webhook of an account, without its secret.
#[utoipa::path(get, path = "/v1/accounts/{id}/webhook", tag = "webhooks", operation_id = "getWebhook",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = WebhookView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<WebhookView>, Problem> {
    let found = endpoints.webhook(&caller, &id).await?;
    let endpoint = found.ok_or_else(|| Problem::not_found("webhook"))?;
    let deliveries = Some(DeliveriesView::from(endpoint.counters));
    Ok(axum::Json(WebhookView { deliveries, ..WebhookView::from(&endpoint.record) }))
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
    match endpoints.remove_webhook(&caller, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("webhook")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_value_is_named() {
        let body = SetWebhook {
            url: "http://169.254.169.254/".into(),
            secret: Some("short".into()),
            events: vec!["message.received".into(), "message.recieved".into()],
        };
        let problem = body.check(Reach { loopback: true, private: true, https_only: false }).unwrap_err();
        let fields: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["url", "secret", "events[1]"]);
    }
}
