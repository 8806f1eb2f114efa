//! The API's own description, made from its types.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Extension, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, RefOr, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use super::state::ApiState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "wasup",
        description = "A supervisor for many WhatsApp accounts. Every answer that says no is `application/problem+json`; \
                       `code` is for programs, `request_id` finds it in the log. Times are RFC 3339, UTC. \
                       Every path but `/livez` and `/readyz` wants the API key, and links to files want their signature.",
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "accounts", description = "WhatsApp accounts and their pairing"),
        (name = "messages", description = "Messages, sent and received"),
        (name = "contacts", description = "People: who is on the network, what they say of themselves, whom an account keeps away"),
        (name = "groups", description = "Groups, who is in them, and how one gets in"),
        (name = "jobs", description = "Many messages of one account, sent one after the other"),
        (name = "schedules", description = "Messages, jobs and campaigns at a time, or again and again"),
        (name = "media", description = "Files"),
        (name = "lists", description = "Lists of contacts, their tags, files of them, and who wants no campaigns"),
        (name = "campaigns", description = "One message, made anew for each of many recipients, sent by one or several accounts"),
        (name = "templates", description = "Texts with places for what is known of each contact"),
        (name = "events", description = "What happened: one log, as a list and as live streams"),
        (name = "webhooks", description = "Where events go"),
        (name = "chatbots", description = "Endpoints that answer the humans for whom they are switched on"),
        (name = "stats", description = "Numbers"),
        (name = "server", description = "The server itself"),
    )
)]
struct Described;

/// The document as it is answered.
#[derive(Clone)]
pub(super) struct Document(Bytes);

impl Document {
    pub(super) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        // It is made of maps, lists and texts: each has a form in JSON, and the snapshot test would see it empty.
        Self(serde_json::to_vec(document).unwrap_or_default().into())
    }
}

/// Shows this document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", operation_id = "getOpenapi",
    responses((status = 200, body = Object)))]
pub(super) async fn show(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document.0)
}

/// The routes with the document that describes them.
pub fn document(routes: OpenApiRouter<ApiState>) -> (Router<ApiState>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Described::openapi()).merge(routes).split_for_parts();
    let schemes = document.components.get_or_insert_with(Components::new);
    schemes.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let header = ApiKeyValue::new("X-Api-Key");
    schemes.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let either = ["bearer", "api_key"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    document.security = Some(either.to_vec());
    describe_answers(&mut document);
    (router, document)
}

/// Each answer wants a description; what the status says already needs none of its own.
fn describe_answers(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in all.into_iter().flatten() {
            for (status, answer) in &mut operation.responses.responses {
                if let RefOr::T(answer) = answer
                    && answer.description.is_empty()
                {
                    answer.description = if status == "default" { "A problem." } else { "Done." }.to_owned();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::super::{Door, routes};

    #[test]
    fn the_document_is_the_one_on_record() {
        let (_, document) = super::document(routes(&Door::new(&SecretString::from("x"), &[])));
        insta::assert_json_snapshot!("openapi", document);
    }
}
