//! What happens around every request: its id, its one line in the log, its metrics, and the one place that turns
//! problems and panics into answers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use super::problem::{ErrorCode, PROBLEM_JSON, Problem};
use crate::metrics::HttpMeters;

/// Header with the request's id, both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from a caller.
const REQUEST_ID_MAX: usize = 128;

/// The id of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    /// The caller's, where it is fit for a log line, else a fresh one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match given {
            Some(id) if (1..=REQUEST_ID_MAX).contains(&id.len()) && id.chars().all(fit) => Self(id.to_owned()),
            _ => Self(format!("req_{:032x}", rand::random::<u128>())),
        }
    }
}

/// Wraps a request.
pub(super) async fn track(State(meters): State<HttpMeters>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // The path itself can hold a number (as an account's id); the route can't.
    let route = route.unwrap_or_else(|| "none".to_owned());
    request.extensions_mut().insert(id.clone());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response =
        answer.unwrap_or_else(|_| Problem::new(ErrorCode::Internal, "the handler panicked").into_response());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log_outage(&problem, &id, &route);
        response = render(&problem, &id, response);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = began.elapsed();
    record(&meters, &method, &route, response.status(), took.as_secs_f64());
    tracing::debug!(%method, route, status = response.status().as_u16(), ms = took.as_millis(), request_id = id.0, "request");
    response
}

fn log_outage(problem: &Problem, id: &RequestId, route: &str) {
    if !problem.code.status().is_server_error() {
        return;
    }
    let cause = problem.cause.as_deref().map(ToString::to_string).unwrap_or_default();
    let code = problem.code;
    if code == ErrorCode::Internal {
        tracing::error!(?code, detail = problem.detail, cause, route, request_id = id.0, "a request failed");
    } else {
        tracing::warn!(?code, detail = problem.detail, cause, route, request_id = id.0, "a request was refused");
    }
}

/// The answer of a problem. Headers that the router set (`Allow`) stay.
fn render(problem: &Problem, id: &RequestId, response: Response) -> Response {
    let body = serde_json::to_vec(&problem.body(&id.0)).unwrap_or_default();
    let mut answer = (problem.code.status(), [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(wait) = problem.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    if problem.code == ErrorCode::Unauthorized {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"wasup\""));
    }
    answer
}

fn record(meters: &HttpMeters, method: &Method, route: &str, status: StatusCode, seconds: f64) {
    let method = match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    meters.answered(route, method, class, seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            RequestId::of(&headers).0
        };
        assert_eq!(of("abc-1.2_3"), "abc-1.2_3");
        for odd in ["", "with space", "quote\"", "ü", &"x".repeat(129)] {
            assert!(of(odd).starts_with("req_"), "{odd}");
        }
        assert_ne!(of(""), of(""));
    }
}
