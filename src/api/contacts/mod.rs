//! `/v1/accounts/{id}/contacts`: whom an account knows, who is on the network, what they say of themselves, whom the
//! account keeps away.

mod block;
mod check;
mod look;
pub(super) mod picture;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{ContactName, PeopleError, Principal};
use wasup_sessions::number::participant;
use wasup_store::id::{AccountId, ContactId};
use wasup_store::jid::JidKind;
use wasup_store::records::Participant;

use super::problem::{FieldError, Problem};
use super::state::{ApiState, Knowing};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(look::list))
        .routes(routes!(check::check))
        .routes(routes!(block::blocked))
        .routes(routes!(look::show))
        .routes(routes!(picture::show))
        .routes(routes!(block::block))
        .routes(routes!(block::unblock))
}

/// People by number or address; each wrong text is told at its place in the field.
pub(super) async fn people(
    (accounts, _, settings): &Knowing,
    caller: &Principal,
    id: &AccountId,
    (field, texts): (&str, &[String]),
) -> Result<Vec<Participant>, Problem> {
    let account = accounts.get(caller, id).await?;
    let region = account.default_region.as_deref().or(settings.region.as_deref());
    let (mut found, mut errors) = (Vec::with_capacity(texts.len()), Vec::new());
    for (place, text) in texts.iter().enumerate() {
        match participant(text, region) {
            Ok(who) if matches!(who.jid.kind(), JidKind::Phone | JidKind::Lid) => found.push(who),
            Ok(_) => errors.push(FieldError::new(format!("{field}[{place}]"), "is not a person")),
            Err(error) => errors.push(FieldError::new(format!("{field}[{place}]"), error.to_string())),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(Problem::invalid(errors)) }
}

/// The human that a part of the path names: our id, a number or an address. What can be no name is the name of nobody.
pub(super) async fn one(
    state: &Knowing,
    caller: &Principal,
    id: &AccountId,
    text: String,
) -> Result<ContactName, Problem> {
    if text.starts_with(ContactId::PREFIX) {
        return text.parse().map(ContactName::Id).map_err(|_| Problem::not_found("contact"));
    }
    // An unknown account is told before anything about the number.
    state.0.get(caller, id).await?;
    let found = people(state, caller, id, ("contact", &[text])).await.map_err(|_| Problem::not_found("contact"))?;
    found.into_iter().next().map(ContactName::Address).ok_or_else(|| Problem::not_found("contact"))
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::AccountNotFound => Self::not_found("account"),
            PeopleError::NotFound => Self::not_found("contact"),
            PeopleError::Network(error) => error.into(),
            PeopleError::Store(error) => error.into(),
        }
    }
}
