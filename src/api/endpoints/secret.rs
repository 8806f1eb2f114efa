//! An endpoint's secret is replaced.

use std::time::Duration;

use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{Endpoints, Rotation};
use wasup_store::id::EndpointId;

use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::view::EndpointView;
use crate::config::{OVERLAP_MAX, Span};
use crate::endpoint_form::given;

/// A new secret.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateSecret {
    /// The new secret: `whsec_` and the base64 of 24 to 64 bytes. Without it one is made and shown in this answer only.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretString>,
    /// How long the old one still signs beside it, up to 30 days; `0s` ends it at once. Without it as the server's config
    /// says (`webhooks.secret_overlap`).
    #[schema(value_type = Option<String>, examples("24h"))]
    overlap: Option<Span>,
}

impl RotateSecret {
    fn check(self) -> Result<Rotation, Problem> {
        let secret = given(self.secret.as_ref());
        let overlap: Option<Duration> = self.overlap.map(|span| span.0);
        let long = overlap.is_some_and(|overlap| overlap > OVERLAP_MAX.0);
        let long = long.then(|| FieldError::new("overlap", "must not be longer than 30 days"));
        match (secret, long) {
            (Ok(secret), None) => Ok(Rotation { secret, overlap }),
            (secret, long) => Err(Problem::invalid(secret.err().into_iter().chain(long).collect())),
        }
    }
}

/// Gives an endpoint a new secret. For a while deliveries are signed with the old one, too; at most 10 old ones are kept.
#[utoipa::path(post, path = "/v1/endpoints/{id}/rotate-secret", tag = "webhooks", operation_id = "rotateEndpointSecret",
    params(("id" = String, Path, description = "The endpoint's id, `ep_…`")), request_body = RotateSecret,
    responses((status = 200, body = EndpointView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn rotate(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
    Json(body): Json<RotateSecret>,
) -> Result<axum::Json<EndpointView>, Problem> {
    let (endpoint, made) = endpoints.rotate_secret(&caller, id, body.check()?).await?;
    Ok(axum::Json(EndpointView::with_secret(&endpoint, made)))
}
