//! The API's own description, made from its types.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use super::state::ApiState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "wasup",
        description = "A supervisor for many WhatsApp accounts. Every answer that says no is `application/problem+json`; \
                       `code` is for programs, `request_id` finds it in the log. Times are RFC 3339, UTC. \
                       `/livez`, `/readyz` and `/metrics` stand beside what is described here.",
    ),
    tags(
        (name = "accounts", description = "WhatsApp accounts and their pairing"),
        (name = "messages", description = "Messages, sent and received"),
        (name = "webhooks", description = "Where events go"),
        (name = "server", description = "The server itself"),
    )
)]
struct Described;

/// The routes with the document that describes them.
pub fn document(routes: OpenApiRouter<ApiState>) -> (Router<ApiState>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Described::openapi()).merge(routes).split_for_parts();
    let schemes = document.components.get_or_insert_with(Components::new);
    schemes.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let header = ApiKeyValue::new("X-Api-Key");
    schemes.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let either = ["bearer", "api_key"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    document.security = Some(either.to_vec());
    (router, document)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_the_one_on_record() {
        let (_, document) = super::document(super::super::guarded());
        insta::assert_json_snapshot!("openapi", document);
    }
}
