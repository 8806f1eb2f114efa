//! For whom an account's chatbot is switched on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{Accounts, Endpoints, Principal};
use wasup_sessions::number::participant;
use wasup_store::id::AccountId;
use wasup_store::jid::JidKind;
use wasup_store::records::Participant;

use crate::api::accounts::{PageQuery, bad_cursor, limit};
use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Settings;
use crate::api::view::{ChatbotSenderView, Cursor, Page};

/// Whether the chatbot hears a human.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchSender {
    /// Whether it does.
    active: bool,
}

/// The human that a text in the path means.
async fn human(
    accounts: &Accounts,
    settings: &Settings,
    caller: &Principal,
    id: &AccountId,
    text: &str,
) -> Result<Participant, Problem> {
    let account = accounts.get(caller, id).await?;
    let region = account.default_region.as_deref().or(settings.region.as_deref());
    let bad = |what: String| Problem::invalid(vec![FieldError::new("sender", what)]);
    let who = participant(text, region).map_err(|error| bad(error.to_string()))?;
    match who.jid.kind() {
        JidKind::Phone | JidKind::Lid => Ok(who),
        _ => Err(bad("must be a human: a number, or an address …@s.whatsapp.net or …@lid".to_owned())),
    }
}

/// Lists the humans about whom something was said, in the order in which they became known.
#[utoipa::path(get, path = "/v1/accounts/{id}/chatbot/senders", tag = "chatbots", operation_id = "listChatbotSenders",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), PageQuery),
    responses((status = 200, body = Page<ChatbotSenderView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Page<ChatbotSenderView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Person(place))) => Some(place),
        Some(_) => return Err(bad_cursor()),
    };
    let found = endpoints.senders(&caller, &id, after, limit + 1).await?;
    let page = Page::of(
        found,
        limit,
        |sender| Cursor::Person(sender.place),
        |sender| ChatbotSenderView::new(&sender.who, sender.standing),
    );
    Ok(axum::Json(page))
}

/// Switches the chatbot on or off for a human, who need not have written yet.
#[utoipa::path(put, path = "/v1/accounts/{id}/chatbot/senders/{sender}", tag = "chatbots", operation_id = "switchChatbotSender",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), ("sender" = String, Path, description = "A number in any form, or an address")),
    request_body = SwitchSender,
    responses((status = 200, body = ChatbotSenderView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(endpoints): State<Endpoints>,
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path((id, sender)): Path<(AccountId, String)>,
    Json(body): Json<SwitchSender>,
) -> Result<axum::Json<ChatbotSenderView>, Problem> {
    let who = human(&accounts, &settings, &caller, &id, &sender).await?;
    let standing = endpoints.switch_sender(&caller, &id, who.clone(), body.active).await?;
    Ok(axum::Json(ChatbotSenderView::new(&who, standing)))
}

/// Shows whether the chatbot hears a human.
#[utoipa::path(get, path = "/v1/accounts/{id}/chatbot/senders/{sender}", tag = "chatbots", operation_id = "getChatbotSender",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), ("sender" = String, Path, description = "A number in any form, or an address")),
    responses((status = 200, body = ChatbotSenderView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(endpoints): State<Endpoints>,
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path((id, sender)): Path<(AccountId, String)>,
) -> Result<axum::Json<ChatbotSenderView>, Problem> {
    let who = human(&accounts, &settings, &caller, &id, &sender).await?;
    let standing = endpoints.sender(&caller, &id, &who).await?;
    let standing = standing.ok_or_else(|| Problem::not_found("sender of the chatbot"))?;
    Ok(axum::Json(ChatbotSenderView::new(&who, standing)))
}

/// Forgets what was said about a human: the chatbot does not hear them.
#[utoipa::path(delete, path = "/v1/accounts/{id}/chatbot/senders/{sender}", tag = "chatbots", operation_id = "forgetChatbotSender",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), ("sender" = String, Path, description = "A number in any form, or an address")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(endpoints): State<Endpoints>,
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path((id, sender)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let who = human(&accounts, &settings, &caller, &id, &sender).await?;
    match endpoints.forget_sender(&caller, &id, who).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("sender of the chatbot")),
    }
}
