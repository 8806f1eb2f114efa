//! Webhooks over HTTP: one POST, no redirects, no proxy, a limit on time and on the answer, and only to addresses that
//! the config allows.

mod policy;
mod ranges;
#[cfg(test)]
mod rebinding_tests;
mod resolver;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use wasup_actors::webhook::{Answered, WebhookAnswer, WebhookRequest, WebhookTransport};

use crate::config::WebhooksConfig;
use resolver::{Filtered, Lookup, NowhereAllowed, system};

pub use policy::{BadUrl, Reach, URL_MAX};
pub use ranges::{Place, place};

/// How long an idle connection to a receiver is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Longest `Retry-After` that is passed on; the schedule decides above it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);

/// Sends webhooks.
pub struct WebhookHttp {
    client: Client,
    reach: Reach,
    answer_max: usize,
}

impl WebhookHttp {
    /// A transport after the config.
    ///
    /// # Errors
    /// When no HTTP client can be made, which is so without certificates of authorities on the system.
    pub fn new(config: &WebhooksConfig) -> Result<Self, reqwest::Error> {
        Self::resolving(config, system())
    }

    fn resolving(config: &WebhooksConfig, lookup: Lookup) -> Result<Self, reqwest::Error> {
        let reach = Reach::from(config);
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Filtered { reach, lookup }))
            .connect_timeout(config.timeout.0)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(config.concurrency_per_endpoint)
            .tcp_nodelay(true)
            .user_agent(concat!("wasup/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach, answer_max: usize::try_from(config.answer_max_bytes.0).unwrap_or(usize::MAX) })
    }

    async fn attempt(&self, request: WebhookRequest) -> Result<WebhookAnswer, reqwest::Error> {
        // Resolved addresses are checked by the resolver; a literal one never meets it.
        let Ok(url) = self.reach.check(&request.url) else { return Ok(WebhookAnswer::Forbidden) };
        let mut post = self.client.post(url).timeout(request.timeout).body(request.body);
        for (name, value) in request.headers {
            post = post.header(name.as_ref(), value);
        }
        let response = post.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers();
        let (retry_after, content_type) = (retry_after(headers), content_type(headers));
        let (body, cut) = beginning(response, request.answer_max.unwrap_or(self.answer_max)).await;
        Ok(WebhookAnswer::Answered(Answered { status, retry_after, content_type, body, cut }))
    }
}

/// The first bytes of an answer, and whether there was more of it. A short answer is read to its end, so that the
/// connection can be used again; a longer one costs the connection. The attempt's time goes on meanwhile, so an
/// answer that drips or has no end holds nobody: its status counts, its body is what had come.
async fn beginning(mut response: Response, most: usize) -> (Bytes, bool) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => return (body.freeze(), false),
            Err(_) => return (body.freeze(), true),
            Ok(Some(piece)) => {
                let room = most.saturating_sub(body.len());
                body.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() > room {
                    return (body.freeze(), true);
                }
            }
        }
    }
}

#[async_trait]
impl WebhookTransport for WebhookHttp {
    async fn post(&self, request: WebhookRequest) -> WebhookAnswer {
        match self.attempt(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => WebhookAnswer::TimedOut,
            Err(error) if is_forbidden(&error) => WebhookAnswer::Forbidden,
            Err(_) => WebhookAnswer::Unreachable,
        }
    }
}

/// A client for files, under the same rule. It follows no redirects by itself.
///
/// # Errors
/// As [`WebhookHttp::new`].
pub(crate) fn file_client(reach: Reach, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Filtered { reach, lookup: system() }))
        .connect_timeout(timeout)
        .read_timeout(timeout)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .user_agent(concat!("wasup/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Whether a request failed because its address is not one that is asked.
pub(crate) fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NowhereAllowed>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Longest content type that is kept, in bytes.
const CONTENT_TYPE_MAX: usize = 128;

fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    (text.len() <= CONTENT_TYPE_MAX).then(|| text.to_owned())
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("99999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(of("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert!(of("Fri, 31 Dec 2100 23:59:59 GMT").is_some_and(|wait| wait == RETRY_AFTER_MAX));
        assert_eq!(of("soon"), None);
    }
}
