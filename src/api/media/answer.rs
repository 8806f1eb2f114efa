//! A file as an answer: streamed from the disk, whole or a range of it.

use std::io::SeekFrom;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;
use wasup_store::records::MediaFileRecord;
use wasup_store::shelf::Shelf;

use super::problems::of_shelf;
use crate::api::problem::{ErrorCode, Problem};
use crate::media::unfit_name;

/// Bytes read from the disk at a time.
const PIECE: usize = 64 * 1024;

/// Answers with a file.
pub(super) async fn answer(shelf: &Shelf, file: &MediaFileRecord, headers: &HeaderMap) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&file.sha256.0));
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if said(IF_NONE_MATCH)
        .is_some_and(|tags| tags == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    let len = file.media.size;
    // A range of another file would be nonsense: then the whole one is answered.
    let wanted = said(RANGE).filter(|_| said(IF_RANGE).is_none_or(|tag| tag == etag));
    let (status, range) = match wanted.map(|wanted| range_of(wanted, len)) {
        None | Some(Wanted::All) => (StatusCode::OK, 0..len),
        Some(Wanted::Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Wanted::Nothing) => return Ok(nothing(len)),
    };
    let opened = shelf.open_file(file.id).map_err(of_shelf)?;
    let mut reader = tokio::fs::File::from_std(opened);
    let broken = |error: std::io::Error| Problem::new(ErrorCode::Internal, "the file can't be read").because(error);
    reader.seek(SeekFrom::Start(range.start)).await.map_err(broken)?;
    let body = Body::from_stream(ReaderStream::with_capacity(reader.take(range.end - range.start), PIECE));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let of = response.headers_mut();
    let mut put = |name, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            of.insert(name, value);
        }
    };
    put(CONTENT_TYPE, file.media.mimetype.clone());
    put(CONTENT_LENGTH, (range.end - range.start).to_string());
    put(ACCEPT_RANGES, "bytes".into());
    put(ETAG, etag);
    put(CONTENT_DISPOSITION, disposition(file));
    // Whoever wrote the file must not be able to run it in a browser in this server's name.
    put(X_CONTENT_TYPE_OPTIONS, "nosniff".into());
    put(CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".into());
    put(CACHE_CONTROL, "private, max-age=3600".into());
    if status == StatusCode::PARTIAL_CONTENT {
        put(CONTENT_RANGE, format!("bytes {}-{}/{len}", range.start, range.end - 1));
    }
    Ok(response)
}

fn nothing(len: u64) -> Response {
    let detail = format!("the file has {len} bytes");
    let mut response = Problem::new(ErrorCode::RangeNotSatisfiable, detail).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{len}")) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}

/// What a range asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Some(Range<u64>),
    /// Several ranges, or another unit: RFC 9110 lets a server answer everything.
    All,
    /// Bytes that there are not.
    Nothing,
}

fn range_of(header: &str, len: u64) -> Wanted {
    let Some(range) = header.strip_prefix("bytes=").filter(|range| !range.contains(',')) else { return Wanted::All };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::All };
    let range = match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Some(first), None) if last.is_empty() => first..len,
        (None, Some(suffix)) if first.is_empty() => len.saturating_sub(suffix)..len,
        _ => return Wanted::All,
    };
    if range.start < range.end { Wanted::Some(range) } else { Wanted::Nothing }
}

/// Always as a file to save: a page among them is never shown in this server's name.
fn disposition(file: &MediaFileRecord) -> String {
    let name = file.media.filename.as_deref().filter(|name| unfit_name(name).is_none());
    let name = name.map_or_else(|| format!("{}.{}", file.id, extension(&file.media.mimetype)), str::to_owned);
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ()".contains(c) { c } else { '_' }).collect();
    let exact: String = name
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

fn extension(mimetype: &str) -> &'static str {
    match mimetype.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/aac" => "aac",
        "audio/amr" => "amr",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_rfc_9110_has_them() {
        for (header, wanted) in [
            ("bytes=0-0", Wanted::Some(0..1)),
            ("bytes=5-", Wanted::Some(5..10)),
            ("bytes=-3", Wanted::Some(7..10)),
            ("bytes=-30", Wanted::Some(0..10)),
            ("bytes=2-99", Wanted::Some(2..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("items=1-2", Wanted::All),
            ("bytes=x", Wanted::All),
        ] {
            assert_eq!(range_of(header, 10), wanted, "{header}");
        }
    }
}
