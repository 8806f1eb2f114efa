//! `/v1/accounts/{id}/groups` and what is below it.

mod change;
mod invites;
mod look;
mod members;
mod picture;

use axum::extract::DefaultBodyLimit;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{GroupError, GroupSource, Principal};
use wasup_sessions::number::participant;
use wasup_store::id::AccountId;
use wasup_store::jid::{Jid, JidKind};
use wasup_store::records::Participant;

use super::problem::{FieldError, Problem};
use super::state::{ApiState, Grouping};

/// Most people in one request.
const PEOPLE_MAX: usize = 1_024;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(look::list, change::create))
        .routes(routes!(invites::links))
        .routes(routes!(invites::preview))
        .routes(routes!(invites::join))
        .routes(routes!(look::show, change::patch, change::leave))
        .routes(routes!(members::add, members::remove))
        .routes(routes!(members::promote, members::demote))
        .routes(routes!(picture::show, picture::remove))
        .merge(OpenApiRouter::new().routes(routes!(picture::put)).layer(DefaultBodyLimit::disable()))
        .routes(routes!(invites::show, invites::renew))
        .routes(routes!(members::requests))
        .routes(routes!(members::approve))
        .routes(routes!(members::reject))
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceParam {
    /// From the store where it knows, else from the network.
    Auto,
    /// From the store.
    Store,
    /// From the network.
    Server,
}

/// What was asked for, or as it is best.
const fn source(asked: Option<SourceParam>) -> GroupSource {
    match asked {
        None | Some(SourceParam::Auto) => GroupSource::Auto,
        Some(SourceParam::Store) => GroupSource::Store,
        Some(SourceParam::Server) => GroupSource::Network,
    }
}

/// The group that a part of the path names.
fn group_of(text: &str) -> Result<Jid, Problem> {
    let text = if text.contains('@') { text.to_owned() } else { format!("{text}@g.us") };
    let jid = text.parse::<Jid>().ok().filter(|jid| jid.kind() == JidKind::Group);
    jid.ok_or_else(|| Problem::not_found("group"))
}

/// People by number or address.
async fn people(
    (accounts, _, settings): &Grouping,
    caller: &Principal,
    id: &AccountId,
    texts: &[String],
) -> Result<Vec<Participant>, Problem> {
    let account = accounts.get(caller, id).await?;
    let region = account.default_region.as_deref().or(settings.region.as_deref());
    if texts.is_empty() || texts.len() > PEOPLE_MAX {
        return Err(Problem::invalid(vec![FieldError::new("participants", "must be 1 to 1024 people")]));
    }
    let (mut people, mut errors) = (Vec::with_capacity(texts.len()), Vec::new());
    for (place, text) in texts.iter().enumerate() {
        let field = || format!("participants[{place}]");
        match participant(text, region) {
            Ok(who) if matches!(who.jid.kind(), JidKind::Phone | JidKind::Lid) => people.push(who),
            Ok(_) => errors.push(FieldError::new(field(), "is not a person")),
            Err(error) => errors.push(FieldError::new(field(), error.to_string())),
        }
    }
    if errors.is_empty() { Ok(people) } else { Err(Problem::invalid(errors)) }
}

/// The code in a code or a link.
fn code_of(text: &str) -> Result<String, Problem> {
    let code = text.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let code = code.split('?').next().unwrap_or_default();
    let fits = (10..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits {
        Ok(code.to_owned())
    } else {
        Err(Problem::invalid(vec![FieldError::new("code", "is neither an invite code nor a link with one")]))
    }
}

impl From<GroupError> for Problem {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::AccountNotFound => Self::not_found("account"),
            GroupError::NotFound => Self::not_found("group"),
            GroupError::Network(error) => error.into(),
            GroupError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_in_links() {
        for text in [
            "AbCdEfGhIjKlMnOpQrStUv",
            "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv",
            "chat.whatsapp.com/invite/AbCdEfGhIjKlMnOpQrStUv?x=1",
        ] {
            assert_eq!(code_of(text).unwrap_or_default(), "AbCdEfGhIjKlMnOpQrStUv", "{text}");
        }
        assert!(code_of("a b").is_err());
        assert!(code_of("").is_err());
    }

    #[test]
    fn groups_go_by_number_or_address() {
        assert_eq!(group_of("120363").unwrap().as_str(), "120363@g.us");
        assert_eq!(group_of("120363@g.us").unwrap().as_str(), "120363@g.us");
        assert!(group_of("6281@s.whatsapp.net").is_err());
    }
}
