//! What became of each recipient.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{Campaigns, RecipientsOf};
use wasup_store::id::CampaignId;
use wasup_store::records::ItemState;

use super::form::one;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::{Cursor, Page, RecipientView};

/// Which recipients.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipientsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only recipients in this state: `pending`, `deferred`, `queued`, `sent`, `delivered`, `read`, `failed`, `skipped` or
    /// `cancelled`; or `replied` for those who answered, whatever their state.
    state: Option<String>,
}

pub(super) fn of(word: Option<&str>) -> Result<RecipientsOf, Problem> {
    match word {
        None => Ok(RecipientsOf::All),
        Some("replied") => Ok(RecipientsOf::Replied),
        Some(word) => {
            let found = ItemState::ALL.into_iter().find(|state| state.as_str() == word).map(RecipientsOf::State);
            found.ok_or_else(|| {
                one("state", format!("must be one of {}, replied", ItemState::ALL.map(ItemState::as_str).join(", ")))
            })
        }
    }
}

/// Lists the recipients of a campaign in their order, with what became of each.
#[utoipa::path(get, path = "/v1/campaigns/{id}/recipients", tag = "campaigns", operation_id = "listRecipients",
    params(("id" = String, Path, description = "The campaign's id, `cmp_…`"), RecipientsQuery),
    responses((status = 200, body = Page<RecipientView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(campaigns): State<Campaigns>,
    Caller(caller): Caller,
    Path(id): Path<CampaignId>,
    Query(query): Query<RecipientsQuery>,
) -> Result<axum::Json<Page<RecipientView>>, Problem> {
    let limit = limit(query.limit)?;
    let from = match query.cursor.as_deref().map(Cursor::read) {
        None => 0,
        Some(Some(Cursor::Item(last))) => last.saturating_add(1),
        Some(_) => return Err(bad_cursor()),
    };
    let found = campaigns.recipients(&caller, id, of(query.state.as_deref())?, (from, limit + 1)).await?;
    Ok(axum::Json(Page::of(found, limit, |seen| Cursor::Item(seen.seq), |seen| RecipientView::from(seen))))
}
