//! `POST /mms/{kind}/{token}`: a file comes, encrypted. The token is the hash of its bytes.

use super::shelf::parameter;
use super::{Draft, Grant, KINDS, MediaFault, MediaHost};
use crate::registry::Registry;
use crate::violation::{Broken, Rule};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::json;
use std::sync::Arc;

/// Largest file, as the real network has it for documents: 2 GB.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// What handlers know.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) registry: Arc<Registry>,
    pub(super) host: Arc<MediaHost>,
}

impl Served {
    /// Writes a broken rule into the list that tests read.
    pub(super) fn violated(&self, who: Option<&Grant>, rule: Rule, detail: &str, shape: &str) {
        let who = who.map(|grant| (grant.number.clone(), grant.device));
        self.registry.violated_elsewhere(who, &Broken::new(rule, detail), shape);
    }
}

/// An answer without a body worth reading.
pub(super) fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

pub(super) async fn no_such_route(State(served): State<Served>, method: Method, uri: Uri) -> Response {
    // The path may hold a token: the shape says only where it begins.
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    served.violated(None, Rule::Unknown, "no such path on the media host", &format!("{method} /{first}"));
    status(404)
}

pub(super) async fn handle(
    State(served): State<Served>,
    Path((kind, token)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let query = query.unwrap_or_default();
    let shape = format!("POST /mms/{}", if KINDS.iter().any(|(known, _)| *known == kind) { &kind } else { "?" });
    let Some(auth) = parameter(&query, "auth") else {
        served.violated(None, Rule::Attribute, "an upload without auth", &shape);
        return status(401);
    };
    // One that was taken back, or is over: an honest client asks for another.
    let Some(grant) = served.host.granted(auth) else { return status(401) };
    if let Some(broken) = check(&kind, &token, &query) {
        served.violated(Some(&grant), broken.rule, &broken.detail, &shape);
        return status(400);
    }
    let upload = Upload { served, grant, kind, token, shape };
    if parameter(&query, "resume") == Some("1") {
        return upload.progress();
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let Some(length) = length.filter(|length| *length > 0) else {
        upload.violated(Rule::Attribute, "an upload that does not say its length");
        return status(411);
    };
    let offset = parameter(&query, "file_offset").map_or(Some(0), |offset| offset.parse().ok());
    upload.take(offset, length, body).await
}

fn check(kind: &str, token: &str, query: &str) -> Option<Broken> {
    if !KINDS.iter().any(|(known, _)| *known == kind) {
        return Some(Broken::new(Rule::Unknown, "an upload of an unknown kind"));
    }
    let hash = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes());
    if hash.is_ok_and(|hash| hash.len() != 32) || parameter(query, "token") != Some(token) {
        return Some(Broken::new(Rule::Attribute, "an upload whose token is not the hash in its path"));
    }
    None
}

/// One upload.
struct Upload {
    served: Served,
    grant: Grant,
    kind: String,
    token: String,
    shape: String,
}

impl Upload {
    fn violated(&self, rule: Rule, detail: &str) {
        self.served.violated(Some(&self.grant), rule, detail, &self.shape);
    }

    /// How much is there already.
    fn progress(&self) -> Response {
        match self.served.host.path_of(&self.token) {
            Some(path) => {
                let mut answer = self.place(&path);
                answer["resume"] = "complete".into();
                Json(answer).into_response()
            }
            None => Json(json!({"resume": self.served.host.drafted(&self.token).to_string()})).into_response(),
        }
    }

    fn place(&self, path: &str) -> serde_json::Value {
        json!({
            "url": format!("https://{}{path}&mms3=true", self.served.host.address),
            "direct_path": path,
            "handle": self.token,
        })
    }

    async fn take(&self, offset: Option<u64>, length: u64, body: Body) -> Response {
        let fault = self.served.host.faults.of_upload();
        if let Some(MediaFault::RefuseUpload { status: code }) = fault {
            return status(code);
        }
        let there = self.served.host.take_draft(&self.token);
        let draft = match offset {
            Some(0) => Draft::new(),
            Some(offset) => match there.filter(|draft| draft.len() == offset) {
                Some(draft) => draft,
                None => {
                    self.violated(Rule::OutOfOrder, "an upload goes on where the host is not");
                    return status(400);
                }
            },
            None => {
                self.violated(Rule::Attribute, "an upload with an offset that is none");
                return status(400);
            }
        };
        if draft.len().saturating_add(length) > LARGEST {
            return status(413);
        }
        let most = match fault {
            Some(MediaFault::CutUpload { after }) => after,
            _ => u64::MAX,
        };
        self.receive(draft, body, most).await
    }

    async fn receive(&self, mut draft: Draft, body: Body, most: u64) -> Response {
        let mut pieces = body.into_data_stream();
        let start = draft.len();
        while let Some(piece) = pieces.next().await {
            let Ok(mut piece) = piece else {
                // It broke off: what came is kept, so that the client can go on.
                self.served.host.put_draft(&self.token, draft);
                return status(408);
            };
            let left = most - (draft.len() - start);
            let cut = piece.len() as u64 > left;
            if cut {
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            }
            if let Err(error) = draft.push(&piece) {
                tracing::warn!(%error, "the media host cannot keep a file");
                return status(500);
            }
            if cut {
                self.served.host.put_draft(&self.token, draft);
                return abrupt();
            }
        }
        self.finish(draft)
    }

    fn finish(&self, draft: Draft) -> Response {
        let (body, hash) = draft.finish();
        if data_encoding::BASE64URL_NOPAD.encode(&hash) != self.token {
            self.violated(Rule::Signature, "an upload whose bytes are not what its token says");
            return status(400);
        }
        let counters = &self.served.registry.counters;
        match self.served.host.keep(&self.kind, &self.token, body) {
            Some(path) => {
                counters.media_uploads.add_one();
                self.served.registry.changed.notify_waiters();
                Json(self.place(&path)).into_response()
            }
            None => status(400),
        }
    }
}

/// An answer whose body fails at once: the connection is cut.
fn abrupt() -> Response {
    let broken = futures_util::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("cut")) });
    ([(CONTENT_LENGTH, "1000")], Body::from_stream(broken)).into_response()
}
