//! `/v1/accounts/{id}/qr`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Accounts, QrAnswer};
use wasup_store::id::AccountId;

use super::extract::{Caller, Path, Query};
use super::problem::{ErrorCode, Problem, ProblemView};
use super::qr_image::{QrImageError, png, svg, terminal};
use super::state::Settings;
use super::view::{StateView, Time};
use crate::config::Span;

/// When to ask again for a code that is on its way.
const SOON: Duration = Duration::from_secs(1);

/// The code to scan with the phone (WhatsApp, Linked devices, Link a device).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QrView {
    /// The text that the QR code holds. Whoever has it can link the account.
    code: String,
    /// Until when it can be scanned.
    expires_at: Time,
    /// The code as a picture: a data URL with a PNG.
    #[schema(examples("data:image/png;base64,iVBORw0KGgo="))]
    png: String,
}

/// A picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
struct PngView(#[expect(dead_code, reason = "stands for bytes in the API's description")] Vec<u8>);

/// How a code is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum QrFormat {
    /// Text, expiry and picture in JSON.
    Json,
    /// `image/png`.
    Png,
    /// `image/svg+xml`.
    Svg,
    /// Blocks for a terminal, `text/plain`.
    Text,
}

/// How a code is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct QrQuery {
    /// `json`, `png`, `svg` or `text`. Without it the header `Accept` decides.
    #[param(inline)]
    format: Option<QrFormat>,
    /// How long to wait for a code, such as `30s`; at most the server's `long_poll_max`.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
    /// A code that you have: with `wait`, the answer waits for the next one.
    known: Option<String>,
}

/// What `Accept` asks for: the first type in it that can be made.
fn accepted(headers: &HeaderMap) -> QrFormat {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = |kind: &str| match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" | "*/*" | "application/*" => Some(QrFormat::Json),
        "image/png" | "image/*" => Some(QrFormat::Png),
        "image/svg+xml" => Some(QrFormat::Svg),
        "text/plain" | "text/*" => Some(QrFormat::Text),
        _ => None,
    };
    accept.split(',').find_map(format).unwrap_or(QrFormat::Json)
}

/// Shows the QR code of an account that waits for its phone.
#[utoipa::path(get, path = "/v1/accounts/{id}/qr", tag = "accounts", operation_id = "getQr",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), QrQuery),
    responses(
        (status = 200, content((QrView = "application/json"), (PngView = "image/png"), (String = "image/svg+xml"), (String = "text/plain"))),
        (status = 409, description = "No code is needed (`wrong_state`, `state` says why), or none is there yet (`qr_not_ready`).", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<QrQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wait = settings.patience(query.wait.map(|span| span.0));
    let asked = accounts.qr(&caller, &id, wait, query.known.as_deref());
    let Some(answer) = settings.until_ending(asked).await else {
        return Err(Problem::new(ErrorCode::ShuttingDown, "the server is stopping").after(SOON));
    };
    match answer? {
        QrAnswer::Code { code, expires_ms } => {
            let format = query.format.unwrap_or_else(|| accepted(&headers));
            Ok(picture(&code.0, Time::from_ms(expires_ms), format)?)
        }
        QrAnswer::NotYet(state) => Err(not_yet(StateView::from(&state))),
        QrAnswer::NotNeeded(state) => Err(not_needed(StateView::from(&state))),
    }
}

fn not_yet(state: StateView) -> Problem {
    let detail = "the account is about to show a QR code; ask again, or wait for it with ?wait=30s";
    Problem::new(ErrorCode::QrNotReady, detail).after(SOON).in_state(state)
}

fn not_needed(state: StateView) -> Problem {
    Problem::new(ErrorCode::WrongState, "the account needs no QR code in the state it is in").in_state(state)
}

fn picture(code: &str, expires_at: Time, format: QrFormat) -> Result<Response, QrImageError> {
    let typed = |kind: &'static str, body: Vec<u8>| ([(CONTENT_TYPE, kind)], body).into_response();
    let mut response = match format {
        QrFormat::Json => {
            let png = format!("data:image/png;base64,{}", STANDARD.encode(png(code)?));
            axum::Json(QrView { code: code.to_owned(), expires_at, png }).into_response()
        }
        QrFormat::Png => typed("image/png", png(code)?),
        QrFormat::Svg => typed("image/svg+xml", svg(code)?.into_bytes()),
        QrFormat::Text => typed("text/plain; charset=utf-8", terminal(code)?.into_bytes()),
    };
    // A code that lies in a cache could still link the account.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl From<QrImageError> for Problem {
    fn from(error: QrImageError) -> Self {
        Self::new(ErrorCode::Internal, "the QR code can't be drawn").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_the_first_kind_that_can_be_made() {
        for (accept, expected) in [
            ("", QrFormat::Json),
            ("*/*", QrFormat::Json),
            ("text/html, image/png;q=0.9", QrFormat::Png),
            ("image/avif,image/svg+xml,*/*", QrFormat::Svg),
            ("text/plain", QrFormat::Text),
            ("application/pdf", QrFormat::Json),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(accepted(&headers), expected, "{accept}");
        }
    }
}
