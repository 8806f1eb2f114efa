//! Contacts come into a list, and change.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_actors::CONTACTS_AT_ONCE;
use wasup_store::id::ListId;
use wasup_store::repo::listed::{Listed, Twice};

use super::form::{ChangeContact, ContactForm, NumberedForm, number};
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Listing;
use crate::api::view::ListedView;

/// What becomes of a contact that is in the list already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum KnownContacts {
    /// What is new goes over what is there: the name, fields by their names, tags beside the others.
    #[default]
    Merge,
    /// They stay as they are.
    Keep,
    /// They become what is said now.
    Replace,
}

impl From<KnownContacts> for Twice {
    fn from(known: KnownContacts) -> Self {
        match known {
            KnownContacts::Merge => Self::Merge,
            KnownContacts::Keep => Self::Keep,
            KnownContacts::Replace => Self::Replace,
        }
    }
}

/// Contacts for a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct AddContacts {
    /// The contacts, 1 to 1000.
    #[schema(min_items = 1, max_items = 1000)]
    contacts: Vec<NumberedForm>,
    /// What becomes of those who are in the list already: `merge` (default), `keep` or `replace`.
    #[serde(default)]
    known: KnownContacts,
}

/// What became of the contacts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AddedContacts {
    /// Contacts that came into the list.
    added: usize,
    /// Contacts that were there and are others now.
    changed: usize,
    /// Contacts that were there and stayed as they were.
    known: usize,
    /// Rows that were not taken.
    refused: usize,
    /// What became of each, in the order of the request.
    rows: Vec<AddedRow>,
}

/// What became of one of them.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AddedRow {
    /// The number in canonical form; `null` where it was not taken.
    phone: Option<String>,
    /// `added`, `changed`, `known` or `refused`.
    #[schema(examples("added"))]
    outcome: &'static str,
    /// What is wrong with it.
    error: Option<FieldError>,
}

const fn word(outcome: Listed) -> &'static str {
    match outcome {
        Listed::Added => "added",
        Listed::Changed => "changed",
        Listed::Known => "known",
    }
}

/// Adds up to 1000 contacts to a list, all that can be taken in one step, with an answer for each. Longer ones come as a
/// file: `POST /v1/lists/{id}/import`.
#[utoipa::path(post, path = "/v1/lists/{id}/contacts", tag = "lists", operation_id = "addListContacts",
    params(("id" = String, Path, description = "The list's id, `lst_…`")), request_body = AddContacts,
    responses((status = 200, body = AddedContacts), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn add(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path(id): Path<ListId>,
    Json(body): Json<AddContacts>,
) -> Result<axum::Json<AddedContacts>, Problem> {
    if !(1..=CONTACTS_AT_ONCE).contains(&body.contacts.len()) {
        return Err(Problem::invalid(vec![FieldError::new("contacts", "must be 1 to 1000")]));
    }
    let checked: Vec<_> = body.contacts.into_iter().map(|one| one.check(&settings)).collect();
    let good: Vec<_> = checked.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
    let outcomes = lists.put(&caller, id, good, body.known.into()).await?;
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (added, changed, known) = (count(Listed::Added), count(Listed::Changed), count(Listed::Known));
    let mut outcomes = outcomes.into_iter();
    let rows: Vec<AddedRow> = checked
        .into_iter()
        .map(|one| match one {
            Ok(contact) => {
                AddedRow { phone: Some(contact.number), outcome: outcomes.next().map_or("refused", word), error: None }
            }
            Err(error) => AddedRow { phone: None, outcome: "refused", error: Some(error) },
        })
        .collect();
    let refused = rows.len() - added - changed - known;
    Ok(axum::Json(AddedContacts { added, changed, known, refused, rows }))
}

/// Puts somebody into a list, or in the place of what stands under the number.
#[utoipa::path(put, path = "/v1/lists/{id}/contacts/{phone}", tag = "lists", operation_id = "putListContact",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("phone" = String, Path, description = "The number, in any usual form")),
    request_body = ContactForm,
    responses((status = 200, body = ListedView), (status = 201, description = "They were not in the list.", body = ListedView),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path((id, phone)): Path<(ListId, String)>,
    Json(body): Json<ContactForm>,
) -> Result<Response, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    let contact = body.under(number.clone()).map_err(|error| Problem::invalid(vec![error]))?;
    let outcomes = lists.put(&caller, id, vec![contact], Twice::Replace).await?;
    let status = if outcomes.contains(&Listed::Added) { StatusCode::CREATED } else { StatusCode::OK };
    let view = ListedView::from(&lists.contact(&caller, id, &number).await?);
    Ok((status, axum::Json(view)).into_response())
}

/// Changes somebody in a list.
#[utoipa::path(patch, path = "/v1/lists/{id}/contacts/{phone}", tag = "lists", operation_id = "changeListContact",
    params(("id" = String, Path, description = "The list's id, `lst_…`"), ("phone" = String, Path, description = "The number, in any usual form")),
    request_body = ChangeContact,
    responses((status = 200, body = ListedView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn change(
    State((lists, settings)): State<Listing>,
    Caller(caller): Caller,
    Path((id, phone)): Path<(ListId, String)>,
    Json(body): Json<ChangeContact>,
) -> Result<axum::Json<ListedView>, Problem> {
    let number = number("phone", &phone, &settings).map_err(|error| Problem::invalid(vec![error]))?;
    let contact = lists.change_contact(&caller, id, number, body.into()).await?;
    Ok(axum::Json(ListedView::from(&contact)))
}
