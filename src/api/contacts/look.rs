//! Whom an account knows, and what one of them says of themselves.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{ContactDetail, People, PeopleError};
use wasup_store::id::AccountId;

use super::one;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Knowing;
use crate::api::view::{Cursor, KnownView, Page, PersonView};

/// Longest text that is looked for, in bytes.
const TEXT_MAX: usize = 100;

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ContactsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only those with this text in a name or in the number.
    #[param(example = "ana")]
    q: Option<String>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ContactSource {
    /// The network where the account is connected, and what is known here.
    Auto,
    /// The network; else a problem.
    Server,
    /// What is known here.
    Store,
}

/// How somebody is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ContactQuery {
    /// `store` asks nobody; `server` insists on the network's answer; `auto` asks where the account is connected.
    #[param(inline, default = "auto")]
    source: Option<ContactSource>,
}

/// Somebody, as the account knows them and as they show themselves to it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ContactDetailView {
    /// Their id, where the account knows them.
    #[schema(examples("con_0000000g00001"))]
    id: Option<String>,
    #[serde(flatten)]
    who: PersonView,
    /// What the account's address book calls them.
    name: Option<String>,
    /// The name that they show.
    push_name: Option<String>,
    /// The id of the chat with them.
    chat: Option<String>,
    /// Where the rest comes from: `server`, or `store` where the network was not asked and nothing more is known.
    source: &'static str,
    /// Their text about themselves.
    about: Option<String>,
    /// Their picture.
    picture: Option<PictureView>,
    /// Whether it is a business.
    business: Option<bool>,
}

/// A picture of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PictureView {
    /// What names it; another one has another name.
    id: String,
    /// Where the network keeps it, for some days. The bytes are to be had here, too, at `…/picture`.
    url: String,
}

/// Lists whom an account knows: those who wrote to it, those it wrote to, and those in its address book, in the order in
/// which they became known. It need not be connected.
#[utoipa::path(get, path = "/v1/accounts/{id}/contacts", tag = "contacts", operation_id = "listContacts",
    params(("id" = String, Path, description = "The account's id"), ContactsQuery),
    responses((status = 200, body = Page<KnownView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State(people): State<People>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<ContactsQuery>,
) -> Result<axum::Json<Page<KnownView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Person(place))) => Some(place),
        Some(_) => return Err(bad_cursor()),
    };
    let text = query.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.len() > TEXT_MAX) {
        return Err(Problem::invalid(vec![FieldError::new("q", "must have at most 100 bytes")]));
    }
    let found = people.list(&caller, &id, after, text, limit).await?;
    Ok(axum::Json(Page {
        data: found.contacts.iter().map(KnownView::from).collect(),
        next_cursor: found.next.map(|place| Cursor::Person(place).to_string()),
    }))
}

/// Shows what the account knows of somebody and, where it is connected, what they say of themselves now.
#[utoipa::path(get, path = "/v1/accounts/{id}/contacts/{contact}", tag = "contacts", operation_id = "getContact",
    params(("id" = String, Path, description = "The account's id"),
        ("contact" = String, Path, description = "Our id, a number or an address"), ContactQuery),
    responses((status = 200, body = ContactDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
    Query(query): Query<ContactQuery>,
) -> Result<axum::Json<ContactDetailView>, Problem> {
    let name = one(&state, &caller, &id, contact).await?;
    let ask = match query.source {
        Some(ContactSource::Server) => Some(true),
        Some(ContactSource::Store) => Some(false),
        Some(ContactSource::Auto) | None => None,
    };
    let found = state.1.get(&caller, &id, &name, ask).await?;
    let picture = match &found.shown {
        Some(shown) if shown.picture_id.is_some() => match state.1.picture_at(&caller, &id, &found.who).await {
            Ok(at) => Some(PictureView { id: at.id, url: at.url }),
            // They show it to others.
            Err(PeopleError::NotFound) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    Ok(axum::Json(detail(found, picture)))
}

fn detail(found: ContactDetail, picture: Option<PictureView>) -> ContactDetailView {
    let ContactDetail { who, known, shown } = found;
    let source = if shown.is_some() { "server" } else { "store" };
    let line = known.as_ref().map(|known| &known.line);
    ContactDetailView {
        id: known.as_ref().map(|known| known.id.to_string()),
        who: PersonView::from(&who),
        name: line.and_then(|line| line.name.clone()),
        push_name: line.and_then(|line| line.push_name.clone()),
        chat: known.as_ref().and_then(|known| known.chat).map(|chat| chat.to_string()),
        source,
        business: shown.as_ref().map(|shown| shown.business),
        about: shown.and_then(|shown| shown.about),
        picture,
    }
}
