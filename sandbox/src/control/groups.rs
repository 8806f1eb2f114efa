//! Groups: what a phone's user does in them.

use super::refusal::{Answer, Body, Refusal, phone};
use crate::{GroupView, Network};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

pub(super) fn routes() -> Router<Network> {
    Router::new()
        .route("/v1/phones/{number}/groups", get(list).post(create))
        .route("/v1/phones/{number}/groups/join", post(join))
        .route("/v1/phones/{number}/groups/{group}", get(one).patch(change).delete(leave))
        .route("/v1/phones/{number}/groups/{group}/{verb}", post(members))
        .route("/v1/phones/{number}/groups/{group}/code", get(code))
}

async fn list(State(network): State<Network>, Path(number): Path<String>) -> Answer<Vec<GroupView>> {
    let phone = phone(&network, &number)?;
    let groups = phone.groups();
    Ok(Json(groups.iter().filter_map(|jid| phone.group(jid).ok()).collect()))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    subject: String,
    numbers: Vec<String>,
    lid: Option<bool>,
}

async fn create(
    State(network): State<Network>,
    Path(number): Path<String>,
    Body(request): Body<Create>,
) -> Answer<GroupView> {
    let phone = phone(&network, &number)?;
    let numbers: Vec<&str> = request.numbers.iter().map(String::as_str).collect();
    let jid = phone.create_group(&request.subject, &numbers, request.lid)?;
    Ok(Json(phone.group(&jid)?))
}

async fn one(State(network): State<Network>, Path((number, group)): Path<(String, String)>) -> Answer<GroupView> {
    Ok(Json(phone(&network, &number)?.group(&group)?))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    subject: Option<String>,
    description: Option<String>,
    locked: Option<bool>,
    announce: Option<bool>,
    ephemeral: Option<u32>,
    approval: Option<bool>,
    members_add: Option<bool>,
}

async fn change(
    State(network): State<Network>,
    Path((number, group)): Path<(String, String)>,
    Body(request): Body<Change>,
) -> Answer<GroupView> {
    let phone = phone(&network, &number)?;
    if let Some(subject) = &request.subject {
        phone.rename_group(&group, subject)?;
    }
    if let Some(text) = &request.description {
        phone.describe_group(&group, Some(text.as_str()).filter(|text| !text.is_empty()))?;
    }
    let mut settings = phone.group(&group)?.settings;
    settings.locked = request.locked.unwrap_or(settings.locked);
    settings.announce = request.announce.unwrap_or(settings.announce);
    settings.ephemeral = request.ephemeral.unwrap_or(settings.ephemeral);
    settings.approval = request.approval.unwrap_or(settings.approval);
    settings.members_add = request.members_add.unwrap_or(settings.members_add);
    phone.set_group(&group, &settings)?;
    Ok(Json(phone.group(&group)?))
}

async fn leave(
    State(network): State<Network>,
    Path((number, group)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    phone(&network, &number)?.leave_group(&group)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    numbers: Vec<String>,
}

#[derive(serde::Serialize)]
struct Failed {
    jid: String,
    code: u16,
}

/// `add`, `remove`, `promote`, `demote`, `approve`, `reject`: answers who could not be, and why.
async fn members(
    State(network): State<Network>,
    Path((number, group, verb)): Path<(String, String, String)>,
    Body(request): Body<Members>,
) -> Answer<Vec<Failed>> {
    let phone = phone(&network, &number)?;
    let numbers: Vec<&str> = request.numbers.iter().map(String::as_str).collect();
    let failed = match verb.as_str() {
        "add" => phone.add_to_group(&group, &numbers)?,
        "remove" => phone.remove_from_group(&group, &numbers)?,
        "promote" => phone.promote_in_group(&group, &numbers)?,
        "demote" => phone.demote_in_group(&group, &numbers)?,
        "approve" => phone.decide_in_group(&group, true, &numbers)?,
        "reject" => phone.decide_in_group(&group, false, &numbers)?,
        verb => return Err(Refusal::unknown_verb(verb)),
    };
    Ok(Json(failed.into_iter().map(|(jid, code)| Failed { jid, code }).collect()))
}

#[derive(serde::Serialize)]
struct Code {
    code: String,
}

async fn code(State(network): State<Network>, Path((number, group)): Path<(String, String)>) -> Answer<Code> {
    let code = phone(&network, &number)?.group_code(&group, false)?;
    Ok(Json(Code { code }))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    code: String,
}

#[derive(serde::Serialize)]
struct Joined {
    joined: bool,
}

async fn join(State(network): State<Network>, Path(number): Path<String>, Body(request): Body<Join>) -> Answer<Joined> {
    let joined = phone(&network, &number)?.join_group(&request.code)?;
    Ok(Json(Joined { joined }))
}
