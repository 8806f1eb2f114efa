//! Who is in a group, and who administers it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_actors::{Groups, JoinRequest, MemberOutcome, MemberVerb, Principal};
use wasup_store::id::AccountId;

use super::super::extract::{Caller, Json, Path};
use super::super::problem::{Problem, ProblemView};
use super::super::state::Grouping;
use super::super::view::{PersonView, Time};
use super::{group_of, people};

/// People in a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct GroupPeople {
    /// Who, by number or address; 1 to 1024.
    #[schema(examples(json!(["+62 812-3456-7890"])))]
    participants: Vec<String>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct GroupOutcomes {
    /// In the order of the request.
    data: Vec<GroupOutcome>,
}

/// What became of one person.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct GroupOutcome {
    #[serde(flatten)]
    who: PersonView,
    /// Whether it was done.
    done: bool,
    /// Why not: `already`, `not_found`, `privacy`, `blocked`, `left_recently`, `not_allowed`, `full`, `refused`.
    reason: Option<&'static str>,
    /// The network's code, where it gave one.
    network_code: Option<u16>,
}

/// Who asks to be let in.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct JoinRequests {
    /// Each of them.
    data: Vec<JoinRequestView>,
}

/// Somebody who asks to be let in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JoinRequest)]
pub(in crate::api) struct JoinRequestView {
    #[serde(flatten)]
    who: PersonView,
    /// Since when.
    requested_at: Option<Time>,
}

impl From<&MemberOutcome> for GroupOutcome {
    fn from(outcome: &MemberOutcome) -> Self {
        Self {
            who: PersonView::from(&outcome.who),
            done: outcome.refused.is_none(),
            reason: outcome.refused.map(reason),
            network_code: outcome.refused.filter(|code| *code != u16::MAX),
        }
    }
}

impl From<&JoinRequest> for JoinRequestView {
    fn from(request: &JoinRequest) -> Self {
        Self { who: PersonView::from(&request.who), requested_at: request.at_ms.map(Time::from_ms) }
    }
}

const fn reason(code: u16) -> &'static str {
    match code {
        401 => "blocked",
        403 => "privacy",
        404 => "not_found",
        405 | 406 => "not_allowed",
        408 => "left_recently",
        409 => "already",
        419 => "full",
        _ => "refused",
    }
}

async fn act(
    state: Grouping,
    caller: Principal,
    (id, group): (AccountId, String),
    verb: MemberVerb,
    body: GroupPeople,
) -> Result<axum::Json<GroupOutcomes>, Problem> {
    let group = group_of(&group)?;
    let who = people(&state, &caller, &id, &body.participants).await?;
    let outcomes = state.1.members(&caller, &id, &group, verb, who).await?;
    Ok(axum::Json(GroupOutcomes { data: outcomes.iter().map(GroupOutcome::from).collect() }))
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident: $method:ident $path:literal $operation:literal $verb:ident;)+) => {$(
        $(#[$doc])*
        #[utoipa::path($method, path = $path, tag = "groups", operation_id = $operation,
            params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
            request_body = GroupPeople,
            responses((status = 200, body = GroupOutcomes), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
        pub(in crate::api) async fn $name(
            State(state): State<Grouping>,
            Caller(caller): Caller,
            Path(place): Path<(AccountId, String)>,
            Json(body): Json<GroupPeople>,
        ) -> Result<axum::Json<GroupOutcomes>, Problem> {
            act(state, caller, place, MemberVerb::$verb, body).await
        }
    )+};
}

verbs! {
    /// Puts people into a group.
    add: post "/v1/accounts/{id}/groups/{group}/participants" "addParticipants" Add;
    /// Puts people out of a group.
    remove: delete "/v1/accounts/{id}/groups/{group}/participants" "removeParticipants" Remove;
    /// Makes members admins.
    promote: post "/v1/accounts/{id}/groups/{group}/admins" "promoteAdmins" Promote;
    /// Makes admins members like any other.
    demote: delete "/v1/accounts/{id}/groups/{group}/admins" "demoteAdmins" Demote;
    /// Lets people in who asked.
    approve: post "/v1/accounts/{id}/groups/{group}/join-requests/approve" "approveJoinRequests" Approve;
    /// Turns people away who asked.
    reject: post "/v1/accounts/{id}/groups/{group}/join-requests/reject" "rejectJoinRequests" Reject;
}

/// Lists who asks to be let in.
#[utoipa::path(get, path = "/v1/accounts/{id}/groups/{group}/join-requests", tag = "groups", operation_id = "listJoinRequests",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    responses((status = 200, body = JoinRequests), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn requests(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
) -> Result<axum::Json<JoinRequests>, Problem> {
    let found = groups.requests(&caller, &id, &group_of(&group)?).await?;
    Ok(axum::Json(JoinRequests { data: found.iter().map(JoinRequestView::from).collect() }))
}
