//! Which numbers are on the network.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_store::id::AccountId;

use super::people;
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Knowing;
use crate::api::view::PersonView;

/// Most numbers in one request.
const NUMBERS_MAX: usize = 1_000;

/// Numbers to look up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CheckNumbers {
    /// Numbers or addresses, 1 to 1000.
    #[schema(min_items = 1, max_items = 1000, examples(json!(["+62 812-3456-7890"])))]
    numbers: Vec<String>,
}

/// What the network says of each.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CheckedNumbers {
    /// In the order of the request.
    data: Vec<CheckedNumber>,
}

/// What the network says of a number.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CheckedNumber {
    /// As it was asked for.
    number: String,
    /// Whether it is on the network.
    exists: bool,
    /// Whether it is a business.
    business: bool,
    #[serde(flatten)]
    who: PersonView,
}

/// Says which numbers are on the network. The account asks it, so it must be connected.
#[utoipa::path(post, path = "/v1/accounts/{id}/contacts/check", tag = "contacts", operation_id = "checkNumbers",
    params(("id" = String, Path, description = "The account's id")), request_body = CheckNumbers,
    responses((status = 200, body = CheckedNumbers), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn check(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<CheckNumbers>,
) -> Result<axum::Json<CheckedNumbers>, Problem> {
    if body.numbers.is_empty() || body.numbers.len() > NUMBERS_MAX {
        return Err(Problem::invalid(vec![FieldError::new("numbers", "must be 1 to 1000 numbers")]));
    }
    let who = people(&state, &caller, &id, ("numbers", &body.numbers)).await?;
    let checked = state.1.check(&caller, &id, &who).await?;
    let data = body.numbers.into_iter().zip(checked).map(|(number, one)| CheckedNumber {
        number,
        exists: one.registered,
        business: one.business,
        who: PersonView::from(&one.who),
    });
    Ok(axum::Json(CheckedNumbers { data: data.collect() }))
}
