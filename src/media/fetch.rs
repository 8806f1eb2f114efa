//! Files at addresses, fetched under the rules for webhooks: only to addresses that the config allows, checked after the
//! name is resolved and at each redirect.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::Client;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};

use super::names::of_address;
use super::refusal::MediaRefusal;
use crate::webhook_http::{Reach, file_client};

/// Redirects that are followed, each checked like the first address.
const REDIRECTS: usize = 3;

/// Fetches files.
#[derive(Clone)]
pub struct FileFetcher {
    client: Client,
    reach: Reach,
    timeout: Duration,
}

/// A file that is coming.
pub(super) struct Fetched {
    pub(super) mimetype: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) pieces: BoxStream<'static, Result<Bytes, MediaRefusal>>,
}

impl FileFetcher {
    /// Fetches under this rule, each file within `timeout`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(reach: Reach, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { client: file_client(reach, timeout)?, reach, timeout })
    }

    pub(super) async fn fetch(&self, address: &str, most: u64) -> Result<Fetched, MediaRefusal> {
        let mut url = self.reach.check(address)?;
        for _ in 0..=REDIRECTS {
            // The limit of time holds for the body, too.
            let answer = self.client.get(url.clone()).timeout(self.timeout).send().await;
            let response = answer.map_err(|error| MediaRefusal::UrlFailed(why(&error).into()))?;
            if response.status().is_redirection() {
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| url.join(to).ok());
                let to = to.ok_or_else(|| MediaRefusal::UrlFailed("redirects to nowhere".into()))?;
                url = self.reach.check(to.as_str())?;
                continue;
            }
            if !response.status().is_success() {
                return Err(MediaRefusal::UrlFailed(format!("answers with {}", response.status().as_u16())));
            }
            return coming(response, &url, most);
        }
        Err(MediaRefusal::UrlFailed("redirects too often".into()))
    }
}

fn coming(response: reqwest::Response, url: &url::Url, most: u64) -> Result<Fetched, MediaRefusal> {
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
    let size = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if size.is_some_and(|size| size > most) {
        return Err(MediaRefusal::TooLarge(most));
    }
    // What servers say when they do not know.
    let vague = |kind: &&str| kind.starts_with("application/octet-stream") || kind.starts_with("binary/");
    let mimetype = text(CONTENT_TYPE).filter(|kind| !vague(kind)).map(str::to_owned);
    let filename = of_address(url);
    let pieces = response.bytes_stream().map_err(|error| {
        if error.is_timeout() { MediaRefusal::UrlFailed(why(&error).into()) } else { MediaRefusal::Truncated }
    });
    Ok(Fetched { mimetype, filename, size, pieces: pieces.boxed() })
}

/// Without the address, which may hold a secret.
fn why(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "did not answer in time"
    } else if crate::webhook_http::is_forbidden(error) {
        "leads to a place that is not asked (see webhooks.allow_loopback, allow_private)"
    } else {
        "can't be reached"
    }
}
