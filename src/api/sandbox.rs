//! `/v1/sandbox`: faults for tests and benches of this product. Only in builds for the sandbox, and not part of the API's
//! description.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use wasup_actors::{Accounts, Fault};
use wasup_store::id::AccountId;

use super::extract::{Caller, Json};
use super::problem::Problem;
use super::state::ApiState;

/// What is broken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crash {
    account: AccountId,
    #[serde(default)]
    fault: FaultWord,
}

/// How.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultWord {
    #[default]
    Panic,
    Hang,
}

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().route("/v1/sandbox/crash", post(crash))
}

/// Breaks the actor of a running account.
async fn crash(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Json(body): Json<Crash>,
) -> Result<StatusCode, Problem> {
    accounts.get(&caller, &body.account).await?;
    let fault = match body.fault {
        FaultWord::Panic => Fault::Panic,
        FaultWord::Hang => Fault::Hang,
    };
    accounts.strike_for_test(&body.account, fault).await?;
    Ok(StatusCode::ACCEPTED)
}
