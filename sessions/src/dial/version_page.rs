//! The page that tells which version of the client the network wants. Every account asks for it at its connect; the
//! process asks the network once and remembers the answer.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use wacore::net::HttpResponse;

/// How long a page is good.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// The page as it was last seen.
#[derive(Default)]
pub(crate) struct VersionPage {
    last: Mutex<Option<(Instant, HttpResponse)>>,
}

/// Whether a request asks for the page (whatsapp-rust 0.7.0, `version.rs`).
pub(crate) fn is_asked_for(method: &str, url: &str) -> bool {
    method == "GET" && url == "https://web.whatsapp.com/sw.js"
}

impl VersionPage {
    /// The remembered page, or the one that `fetch` brings. One account fetches, the others wait for it; when it
    /// fails, an old page is better than none.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> anyhow::Result<HttpResponse>
    where
        F: Future<Output = anyhow::Result<HttpResponse>>,
    {
        let mut last = self.last.lock().await;
        if let Some((at, page)) = &*last
            && at.elapsed() < LIFETIME
        {
            return Ok(page.clone());
        }
        match (fetch().await, &*last) {
            (Ok(page), _) if (200..300).contains(&page.status_code) => {
                *last = Some((Instant::now(), page.clone()));
                Ok(page)
            }
            (_, Some((_, old))) => Ok(old.clone()),
            (answer, None) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status_code: u16, body: &str) -> anyhow::Result<HttpResponse> {
        Ok(HttpResponse { status_code, body: body.into() })
    }

    async fn body(pages: &VersionPage, answer: anyhow::Result<HttpResponse>) -> Option<String> {
        pages.get(|| async { answer }).await.ok().map(|page| page.body_string().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetch_serves_all_and_an_old_page_outlives_a_failure() {
        let pages = VersionPage::default();
        assert_eq!(body(&pages, Err(anyhow::anyhow!("down"))).await, None);
        assert_eq!(body(&pages, page(500, "sorry")).await.as_deref(), Some("sorry"));
        assert_eq!(body(&pages, page(200, "v1")).await.as_deref(), Some("v1"));
        assert_eq!(body(&pages, page(200, "v2")).await.as_deref(), Some("v1"));
        tokio::time::advance(LIFETIME).await;
        assert_eq!(body(&pages, page(500, "sorry")).await.as_deref(), Some("v1"));
        assert_eq!(body(&pages, page(200, "v2")).await.as_deref(), Some("v2"));
    }
}
