//! `/v1/numbers/{phone}`: what is known of a phone number across accounts.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{NumberContact, NumberMapping};
use wasup_sessions::number::digits;

use super::accounts::{bad_cursor, limit};
use super::extract::{Caller, Path, Query};
use super::problem::{FieldError, Problem, ProblemView};
use super::state::{ApiState, Knowing};
use super::view::{Cursor, KnownView, Page, PersonView};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(contacts)).routes(routes!(mapping))
}

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PieceQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Somebody whom an account with the number knows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberContactView {
    /// The account.
    #[schema(examples("shop"))]
    account: String,
    #[serde(flatten)]
    contact: KnownView,
}

impl From<&NumberContact> for NumberContactView {
    fn from(of: &NumberContact) -> Self {
        Self { account: of.account.to_string(), contact: KnownView::from(&of.contact) }
    }
}

/// As what an account knows the number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumberMappingView {
    /// The account.
    #[schema(examples("shop"))]
    account: String,
    /// It is the account's own number.
    own: bool,
    #[serde(flatten)]
    who: PersonView,
    /// The contact's id, where the account knows them.
    #[schema(examples("con_0000000g00001"))]
    contact: Option<String>,
    /// The id of the chat with them, where there is one.
    chat: Option<String>,
    /// What the account's address book calls them.
    name: Option<String>,
    /// The name that they show.
    push_name: Option<String>,
}

impl From<&NumberMapping> for NumberMappingView {
    fn from(mapping: &NumberMapping) -> Self {
        let contact = mapping.contact.as_ref().map(KnownView::from);
        let (id, chat, name, push_name) = match contact {
            Some(known) => (Some(known.id), known.chat, known.name, known.push_name),
            None => (None, None, None, None),
        };
        let (account, who) = (mapping.account.to_string(), PersonView::from(&mapping.who));
        Self { account, own: mapping.own, who, contact: id, chat, name, push_name }
    }
}

/// The number that a part of the path names.
fn number(text: &str, (_, _, settings): &Knowing) -> Result<String, Problem> {
    let number = digits(text, settings.region.as_deref());
    number.map_err(|error| Problem::invalid(vec![FieldError::new("phone", error.to_string())]))
}

/// Lists whom the accounts know that are linked to a phone number.
#[utoipa::path(get, path = "/v1/numbers/{phone}/contacts", tag = "contacts", operation_id = "listNumberContacts",
    params(("phone" = String, Path, description = "The accounts' own number"), PieceQuery),
    responses((status = 200, body = Page<NumberContactView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn contacts(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path(phone): Path<String>,
    Query(query): Query<PieceQuery>,
) -> Result<axum::Json<Page<NumberContactView>>, Problem> {
    let (limit, number) = (limit(query.limit)?, number(&phone, &state)?);
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Contact(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let (found, next) = state.1.of_number(&caller, &number, after, limit).await?;
    Ok(axum::Json(Page {
        data: found.iter().map(NumberContactView::from).collect(),
        next_cursor: next.map(|id| Cursor::Contact(id).to_string()),
    }))
}

/// Lists the accounts that know a phone number, and as whom: its other address, the contact and the chat.
#[utoipa::path(get, path = "/v1/numbers/{phone}/mapping", tag = "contacts", operation_id = "listNumberMapping",
    params(("phone" = String, Path, description = "Anybody's number"), PieceQuery),
    responses((status = 200, body = Page<NumberMappingView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn mapping(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path(phone): Path<String>,
    Query(query): Query<PieceQuery>,
) -> Result<axum::Json<Page<NumberMappingView>>, Problem> {
    let (limit, number) = (limit(query.limit)?, number(&phone, &state)?);
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Account(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let (found, next) = state.1.mapping(&caller, &number, after, limit).await?;
    Ok(axum::Json(Page {
        data: found.iter().map(NumberMappingView::from).collect(),
        next_cursor: next.map(|id| Cursor::Account(id).to_string()),
    }))
}
