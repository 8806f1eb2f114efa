//! `/v1/accounts/{id}/chats`.

mod history;
mod list;
mod marks;
mod messages;
mod problems;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{Accounts, ChatName, MessageName, Principal};
use wasup_store::id::{AccountId, ChatId, MessageId};

use wasup_sessions::number::participant;

use super::messages::status;
use super::problem::{FieldError, Problem};
use super::state::{ApiState, Settings};

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::show, marks::delete))
        .routes(routes!(messages::list))
        .routes(routes!(history::show))
        .routes(routes!(marks::read))
        .routes(routes!(marks::unread))
        .routes(routes!(marks::typing))
        .routes(routes!(marks::recording))
        .routes(routes!(marks::archive))
        .routes(routes!(marks::pin))
        .routes(routes!(marks::mute))
}

/// The chat that a text names: our id, an address (`status@broadcast` for the statuses) or a number. One that can be no name of a chat is the name of nothing.
async fn chat_name(
    accounts: &Accounts,
    settings: &Settings,
    caller: &Principal,
    id: &AccountId,
    text: &str,
) -> Result<ChatName, Problem> {
    if text.starts_with(ChatId::PREFIX) {
        return text.parse().map(ChatName::Id).map_err(|_| Problem::not_found("chat"));
    }
    let account = accounts.get(caller, id).await?;
    if status::is_meant(text) {
        return Ok(ChatName::Address(status::feed()));
    }
    let region = account.default_region.as_deref().or(settings.region.as_deref());
    let whom = participant(text, region);
    whom.map(ChatName::Address).map_err(|error| Problem::invalid(vec![FieldError::new("chat", error.to_string())]))
}

/// The message that a text names: our id, or the network's.
fn message_name(text: &str) -> MessageName {
    match text.parse::<MessageId>() {
        Ok(id) => MessageName::Id(id),
        Err(_) => MessageName::ProviderId(text.to_owned()),
    }
}
