//! `GET /v/{folder}/{file}`: a file goes out, whole or a range of it.

use super::MediaFault;
use super::blob::Blob;
use super::shelf::{number_of, parameter};
use super::upload::{Served, status};
use crate::violation::Rule;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use std::io;
use std::ops::Range;
use std::time::Duration;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

pub(super) async fn handle(
    State(served): State<Served>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let found = number_of(uri.path()).and_then(|_| served.host.find(uri.path()));
    let Some(hosted) = found else { return status(404) };
    if parameter(&query, "oh") != Some(hosted.oh.as_str()) {
        served.violated(None, Rule::Signature, "a download without the path's own hash", "GET /v");
        return status(403);
    }
    if parameter(&query, "token").is_some_and(|token| token != hosted.token) {
        served.violated(None, Rule::Attribute, "a download whose token is not the file's hash", "GET /v");
        return status(403);
    }
    if let Some(forgotten) = hosted.forgotten {
        return status(forgotten.status());
    }
    let fault = served.host.faults.of_download();
    if let Some(MediaFault::RefuseDownload { status: code }) = fault {
        return status(code);
    }
    let len = hosted.body.len();
    let wanted = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let (code, range) = match wanted.map(|wanted| range_of(wanted, len)) {
        None => (StatusCode::OK, 0..len),
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(None) => return StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
    };
    served.registry.counters.media_downloads.add_one();
    let mut response = answer(hosted.body.clone(), code, range, len, fault);
    if hosted.is_picture() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    }
    response
}

fn answer(body: Blob, code: StatusCode, range: Range<u64>, len: u64, fault: Option<MediaFault>) -> Response {
    let sent = match fault {
        Some(MediaFault::Truncate) => range.start..range.start + (range.end - range.start) / 2,
        _ => range.clone(),
    };
    let mut response = Response::builder()
        .status(code)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, sent.end - sent.start);
    if code == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {}-{}/{len}", range.start, range.end - 1));
    }
    response.body(Body::from_stream(pieces(body, sent, fault))).unwrap_or_else(|_| status(500))
}

fn pieces(body: Blob, range: Range<u64>, fault: Option<MediaFault>) -> impl Stream<Item = io::Result<Bytes>> {
    let middle = range.start + (range.end - range.start) / 2;
    let (piece, pause) = match fault {
        Some(MediaFault::Slow { bytes_per_second }) => {
            let rate = bytes_per_second.max(1_024);
            ((rate / 20) as usize, Duration::from_millis(50))
        }
        _ => (PIECE, Duration::ZERO),
    };
    let corrupt = fault == Some(MediaFault::Corrupt);
    futures_util::stream::try_unfold((body, range.start), move |(body, at)| async move {
        let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let mut bytes = body.read(at, piece.min(left))?;
        if corrupt && (at..at + bytes.len() as u64).contains(&middle) {
            let mut wrong = bytes.to_vec();
            wrong[usize::try_from(middle - at).unwrap_or_default()] ^= 0x55;
            bytes = wrong.into();
        }
        let next = at + bytes.len() as u64;
        Ok(Some((bytes, (body, next))))
    })
}

/// One range of bytes, as RFC 9110 writes it. `None` where it can't be satisfied.
fn range_of(header: &str, len: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) => first..last.saturating_add(1).min(len),
        (Some(first), None) if last.is_empty() => first..len,
        (None, Some(suffix)) if first.is_empty() => len.saturating_sub(suffix)..len,
        _ => return None,
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_browsers_and_players_ask_for_them() {
        for (header, range) in [
            ("bytes=0-99", Some(0..100)),
            ("bytes=100-", Some(100..1_000)),
            ("bytes=-10", Some(990..1_000)),
            ("bytes=900-5000", Some(900..1_000)),
            ("bytes=1000-", None),
            ("bytes=5-4", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(range_of(header, 1_000), range, "{header}");
        }
    }
}
