//! `/v1/audit`: who did what.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::Audit;
use wasup_store::id::EndpointId;
use wasup_store::records::{Act, AuditRecord};
use wasup_store::repo::audit::AuditPlace;

use super::accounts::{bad_cursor, limit};
use super::extract::{Caller, Query};
use super::problem::{Problem, ProblemView};
use super::view::{Cursor, Page, Time};

/// Which acts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ActsQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

/// Something that somebody did. Sends are not among them: they tell their author in their own event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActView {
    /// When.
    at: Time,
    /// What.
    #[schema(examples("account_created"))]
    act: String,
    /// To which account; `null` for the server itself.
    account: Option<String>,
    /// To which endpoint, where it was one.
    endpoint: Option<String>,
    /// To what, where that has an id: an endpoint, a job, a schedule.
    subject: Option<String>,
    /// Who: `root_key` for the holder of the API key, `config` for the accounts file.
    #[schema(value_type = String, examples("root_key"))]
    who: &'static str,
    /// The request, as in its answer's `X-Request-Id`.
    request_id: String,
}

impl ActView {
    fn new(((at_ms, _), record): &(AuditPlace, AuditRecord)) -> Self {
        let (act, subject) = words(&record.act);
        let endpoint = subject.clone().filter(|subject| subject.parse::<EndpointId>().is_ok());
        Self {
            at: Time::from_ms(*at_ms),
            act,
            account: record.account.as_ref().map(ToString::to_string),
            endpoint,
            subject,
            who: record.by.who.as_str(),
            request_id: record.by.request_id.clone(),
        }
    }
}

/// The word of an act, and the id of what it was done to. The words on disk are the ones shown.
fn words(act: &Act) -> (String, Option<String>) {
    match serde_json::to_value(act) {
        Ok(Value::Object(fields)) => {
            let mut fields = fields.into_iter();
            let (word, subject) = fields.next().unwrap_or_default();
            (word, subject.as_str().map(str::to_owned))
        }
        Ok(Value::String(word)) => (word, None),
        _ => (String::new(), None),
    }
}

/// Lists who did what, the newest first. Kept as long as `audit.keep` says.
#[utoipa::path(get, path = "/v1/audit", tag = "server", operation_id = "listAudit", params(ActsQuery),
    responses((status = 200, body = Page<ActView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(audit): State<Audit>,
    Caller(caller): Caller,
    Query(query): Query<ActsQuery>,
) -> Result<axum::Json<Page<ActView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Act(place))) => Some(place),
        Some(_) => return Err(bad_cursor()),
    };
    let found = audit.list(&caller, before, limit + 1).await?;
    Ok(axum::Json(Page::of(found, limit, |(place, _)| Cursor::Act(*place), ActView::new)))
}

#[cfg(test)]
mod tests {
    use wasup_store::id::JobId;

    use super::*;

    #[test]
    fn an_act_is_a_word_and_perhaps_a_subject() {
        let endpoint = EndpointId::new(7, 9);
        assert_eq!(words(&Act::AccountCreated), ("account_created".to_owned(), None));
        assert_eq!(words(&Act::EndpointSet(endpoint)), ("endpoint_set".to_owned(), Some(endpoint.to_string())));
        let job = JobId::new(7, 9);
        assert_eq!(words(&Act::JobPaused(job)), ("job_paused".to_owned(), Some(job.to_string())));
    }
}
