//! Accounts are linked by a code that is entered on the phone.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Accounts, PairingCodeAnswer};
use wasup_sessions::number::participant;
use wasup_sessions::ports::CodeRefusal;
use wasup_store::id::AccountId;

use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::api::state::Settings;
use crate::api::view::{AccountView, StateView, Time};
use crate::config::Span;

/// How long to wait for a code, where the caller does not say.
const WAIT: Duration = Duration::from_secs(20);
/// When to ask again for a code that is on its way.
const SOON: Duration = Duration::from_secs(1);
/// When to ask again after a failure, where the network does not say.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// ... and after too many questions.
const AFTER_TOO_MANY: Duration = Duration::from_secs(60);

/// Whose phone shall link the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantCode {
    /// The phone's number, in any usual form: with its country code, or in national form where the account or the
    /// installation has a `default_region`.
    #[schema(examples("+62 812-3456-7890"))]
    phone: String,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeQuery {
    /// How long to wait for the code, such as `20s`, which is the default; at most the server's `long_poll_max`.
    #[param(value_type = Option<String>, example = "20s")]
    wait: Option<Span>,
}

/// A code to enter on the phone: WhatsApp, Linked devices, Link a device, Link with phone number instead.
#[derive(Serialize, ToSchema)]
pub(super) struct CodeView {
    /// The code as the phone asks for it. Whoever has it, and the phone, can link the account.
    #[schema(examples("ABCD-EFGH"))]
    code: String,
    /// Until when it can be entered.
    expires_at: Time,
    /// The number that it is for, in digits.
    #[schema(examples("6281234567890"))]
    phone: String,
}

/// Asks for a code that links the account when it is entered on the phone. Asking makes the account run. A code that is on
/// show for the number is the answer again.
#[utoipa::path(post, path = "/v1/accounts/{id}/pairing-code", tag = "accounts", operation_id = "createPairingCode",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), CodeQuery), request_body = WantCode,
    responses((status = 200, body = CodeView),
        (status = 409, description = "None is needed (`wrong_state`, `state` says why), none is there yet (`code_not_ready`), or the network gives none for this number (`code_refused`).", body = ProblemView, content_type = "application/problem+json"),
        (status = 429, description = "Too many were asked for (`too_many_codes`); `Retry-After` says when to ask again.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn code(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<CodeQuery>,
    Json(body): Json<WantCode>,
) -> Result<Response, Problem> {
    let record = accounts.get(&caller, &id).await?;
    let region = record.default_region.as_deref().or(settings.region.as_deref());
    let phone = phone(&body.phone, region)?;
    let wait = settings.patience(Some(query.wait.map_or(WAIT, |span| span.0)));
    let asked = accounts.pairing_code(&caller, &id, &phone, wait);
    let Some(answer) = settings.until_ending(asked).await else {
        return Err(Problem::new(ErrorCode::ShuttingDown, "the server is stopping").after(SOON));
    };
    match answer? {
        PairingCodeAnswer::Code { code, expires_ms } => {
            let view = CodeView { code: formatted(&code.0), expires_at: Time::from_ms(expires_ms), phone };
            // A code that lies in a cache could still link the account.
            Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], axum::Json(view)).into_response())
        }
        PairingCodeAnswer::NotYet(state) => {
            let detail = "the network has not given a code yet; ask again with the same number";
            Err(Problem::new(ErrorCode::CodeNotReady, detail).after(SOON).in_state(StateView::from(&state)))
        }
        PairingCodeAnswer::NotNeeded(state) => {
            let detail = "the account takes no pairing code in the state it is in";
            Err(Problem::new(ErrorCode::WrongState, detail).in_state(StateView::from(&state)))
        }
        PairingCodeAnswer::Refused { reason, retry_after } => Err(refused(reason, retry_after)),
    }
}

/// The digits of the number that is meant.
fn phone(text: &str, region: Option<&str>) -> Result<String, Problem> {
    let wrong = |what: String| Problem::invalid(vec![FieldError::new("phone", what)]);
    let found = participant(text, region).map_err(|error| wrong(error.to_string()))?;
    found.phone.ok_or_else(|| wrong("must be a phone's number".to_owned()))
}

/// As the phone asks for it: two groups of four.
fn formatted(code: &str) -> String {
    let plain: Vec<char> = code.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

fn refused(reason: CodeRefusal, retry_after: Option<Duration>) -> Problem {
    match reason {
        CodeRefusal::BadNumber => {
            Problem::invalid(vec![FieldError::new("phone", "the network has no account with this number")])
        }
        CodeRefusal::RateLimited => Problem::new(ErrorCode::TooManyCodes, "too many pairing codes were asked for")
            .after(retry_after.unwrap_or(AFTER_TOO_MANY)),
        CodeRefusal::NotAvailable => Problem::new(
            ErrorCode::CodeRefused,
            "the network gives no pairing code for this number at present; scan the QR code instead",
        ),
        CodeRefusal::Expired | CodeRefusal::NotConnected | CodeRefusal::Failed => {
            Problem::new(ErrorCode::CodeFailed, "the network could not be asked for a pairing code")
                .after(retry_after.unwrap_or(AFTER_FAILURE))
        }
    }
}

/// Gives up linking an account: its codes are good for nothing any more, and it stands still. Of a linked one nothing
/// changes.
#[utoipa::path(delete, path = "/v1/accounts/{id}/pairing", tag = "accounts", operation_id = "cancelPairing",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<AccountView>, Problem> {
    Ok(axum::Json(AccountView::from(&accounts.cancel_pairing(&caller, &id).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shown_as_the_phone_asks_for_them() {
        for (code, shown) in [("ABCDEFGH", "ABCD-EFGH"), ("ABCD-EFGH", "ABCD-EFGH"), ("", "")] {
            assert_eq!(formatted(code), shown);
        }
    }

    #[test]
    fn numbers_come_in_every_usual_form() {
        for (text, region) in
            [("+62 812-3456-7890", None), ("0812-3456-7890", Some("ID")), ("6281234567890@s.whatsapp.net", None)]
        {
            assert_eq!(phone(text, region).unwrap(), "6281234567890", "{text}");
        }
        for (text, region) in [("0812-3456-7890", None), ("120363041234567890@g.us", None), ("", None)] {
            assert_eq!(phone(text, region).unwrap_err().errors[0].field, "phone", "{text}");
        }
    }

    #[test]
    fn each_refusal_says_whether_to_ask_again() {
        for (reason, code, after) in [
            (CodeRefusal::BadNumber, ErrorCode::Invalid, None),
            (CodeRefusal::RateLimited, ErrorCode::TooManyCodes, Some(AFTER_TOO_MANY)),
            (CodeRefusal::NotAvailable, ErrorCode::CodeRefused, None),
            (CodeRefusal::NotConnected, ErrorCode::CodeFailed, Some(AFTER_FAILURE)),
            (CodeRefusal::Failed, ErrorCode::CodeFailed, Some(AFTER_FAILURE)),
        ] {
            let problem = refused(reason, None);
            assert_eq!((problem.code, problem.retry_after), (code, after), "{reason:?}");
            assert_eq!(code.retryable(), after.is_some());
        }
        let told = refused(CodeRefusal::RateLimited, Some(Duration::from_secs(9)));
        assert_eq!(told.retry_after, Some(Duration::from_secs(9)));
    }
}
