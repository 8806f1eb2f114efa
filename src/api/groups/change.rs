//! Making, changing and leaving groups.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_actors::{Groups, NewGroup};
use wasup_store::id::AccountId;
use wasup_store::records::GroupChange;

use super::super::extract::{Caller, Json, Path};
use super::super::problem::{FieldError, Problem, ProblemView};
use super::super::state::Grouping;
use super::super::view::{GroupView, PersonView};
use super::{group_of, people};

/// Longest subject, in characters.
const SUBJECT_MAX: usize = 100;
/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 2_048;
/// Longest that messages may stay before they disappear, in seconds: a year.
const DISAPPEARS_MAX: u32 = 31_536_000;

/// A group to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CreateGroup {
    /// Its name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, examples("Friends"))]
    subject: String,
    /// The text below it, at most 2048 characters.
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// Who is to be in it, by number or address, but the account itself; at most 1024.
    #[schema(examples(json!(["+62 812-3456-7890"])))]
    participants: Vec<String>,
}

/// A group that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CreatedGroup {
    #[serde(flatten)]
    group: GroupView,
    /// Who was asked for and is not in it: not on the network, or not to be added to groups.
    missing: Vec<PersonView>,
}

/// What is to change about a group; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChangeGroup {
    /// Another name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    subject: Option<String>,
    /// Another text below it, at most 2048 characters; an empty one takes it away.
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// Only admins change its subject, description and picture.
    locked: Option<bool>,
    /// Only admins write.
    announce: Option<bool>,
    /// Seconds after which messages disappear, at most a year; 0 keeps them.
    #[schema(maximum = 31_536_000)]
    disappears_after: Option<u32>,
    /// Admins decide who joins by link.
    approval: Option<bool>,
    /// Members may add others, not only admins.
    members_add: Option<bool>,
}

fn subject(text: &str, errors: &mut Vec<FieldError>) {
    if text.trim().is_empty() || text.chars().count() > SUBJECT_MAX {
        errors.push(FieldError::new("subject", "must have 1 to 100 characters"));
    }
}

fn description(text: &str, errors: &mut Vec<FieldError>) {
    if text.chars().count() > DESCRIPTION_MAX {
        errors.push(FieldError::new("description", "must have at most 2048 characters"));
    }
}

impl ChangeGroup {
    fn changes(self) -> Result<Vec<GroupChange>, Problem> {
        let mut errors = Vec::new();
        if let Some(text) = &self.subject {
            subject(text, &mut errors);
        }
        if let Some(text) = &self.description {
            description(text, &mut errors);
        }
        if self.disappears_after.is_some_and(|seconds| seconds > DISAPPEARS_MAX) {
            errors.push(FieldError::new("disappears_after", "must be at most 31536000"));
        }
        let changes = [
            self.subject.map(GroupChange::Subject),
            self.description.map(|text| GroupChange::Description(Some(text).filter(|text| !text.is_empty()))),
            self.locked.map(GroupChange::Locked),
            self.announce.map(GroupChange::Announce),
            self.disappears_after.map(|seconds| GroupChange::DisappearsAfter(Some(seconds).filter(|held| *held > 0))),
            self.approval.map(GroupChange::Approval),
            self.members_add.map(GroupChange::MembersAdd),
        ];
        let changes: Vec<GroupChange> = changes.into_iter().flatten().collect();
        if changes.is_empty() && errors.is_empty() {
            errors.push(FieldError::new("body", "must change something"));
        }
        if errors.is_empty() { Ok(changes) } else { Err(Problem::invalid(errors)) }
    }
}

/// Makes a group.
#[utoipa::path(post, path = "/v1/accounts/{id}/groups", tag = "groups", operation_id = "createGroup",
    params(("id" = String, Path, description = "The account's id")), request_body = CreateGroup,
    responses((status = 201, body = CreatedGroup), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn create(
    State(state): State<Grouping>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<CreateGroup>,
) -> Result<(StatusCode, axum::Json<CreatedGroup>), Problem> {
    let mut errors = Vec::new();
    subject(&body.subject, &mut errors);
    description(body.description.as_deref().unwrap_or_default(), &mut errors);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let members = people(&state, &caller, &id, &body.participants).await?;
    let description = body.description.filter(|text| !text.is_empty());
    let new = NewGroup { subject: body.subject, description, members };
    let made = state.1.create(&caller, &id, &new).await?;
    let missing = made.missing.iter().map(PersonView::from).collect();
    Ok((StatusCode::CREATED, axum::Json(CreatedGroup { group: GroupView::new(&made.group, true), missing })))
}

/// Changes what a group shows, or how it is set. The changes are made one after the other until one is refused.
#[utoipa::path(patch, path = "/v1/accounts/{id}/groups/{group}", tag = "groups", operation_id = "changeGroup",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")), request_body = ChangeGroup,
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn patch(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
    Json(body): Json<ChangeGroup>,
) -> Result<axum::Json<GroupView>, Problem> {
    let changed = groups.change(&caller, &id, &group_of(&group)?, body.changes()?).await?;
    Ok(axum::Json(GroupView::new(&changed, true)))
}

/// Leaves a group.
#[utoipa::path(delete, path = "/v1/accounts/{id}/groups/{group}", tag = "groups", operation_id = "leaveGroup",
    params(("id" = String, Path, description = "The account's id"), ("group" = String, Path, description = "The group's id, `…@g.us`")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn leave(
    State(groups): State<Groups>,
    Caller(caller): Caller,
    Path((id, group)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    groups.leave(&caller, &id, &group_of(&group)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
