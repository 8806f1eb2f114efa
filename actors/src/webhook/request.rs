//! The request of an attempt.

use std::borrow::Cow;

use bytes::Bytes;
use wasup_store::id::{EventId, Millis};
use wasup_store::records::EndpointRecord;

use super::sign;

/// Headers that an endpoint can't have of its own: they say what the delivery is, or belong to the connection.
const OURS: [&str; 8] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "content-length",
    "host",
    "connection",
    "transfer-encoding",
];

fn own(endpoint: &EndpointRecord) -> impl Iterator<Item = &(String, String)> {
    endpoint.headers.iter().filter(|(name, _)| !OURS.contains(&name.as_str()))
}

/// The headers of an attempt. `now_ms` decides which secrets still sign; `wall_ms` is what the receiver's clock is
/// compared with.
pub(super) fn headers(
    endpoint: &EndpointRecord,
    id: EventId,
    body: &Bytes,
    (now_ms, wall_ms): (Millis, Millis),
) -> Vec<(Cow<'static, str>, String)> {
    let secrets = sign::secrets(endpoint, now_ms);
    // The event's id: the same on every try, and never chosen by a user.
    let signed = sign::headers(secrets, &id.to_string(), wall_ms / 1_000, body);
    let mut all: Vec<_> = signed.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
    all.push((Cow::Borrowed("content-type"), "application/json".to_owned()));
    all.extend(own(endpoint).map(|(name, value)| (Cow::Owned(name.clone()), value.clone())));
    all
}

/// The headers of an attempt that was made at a time, as they may be shown: without the signature, and of the
/// endpoint's own only the names.
pub(crate) fn shown(endpoint: &EndpointRecord, id: EventId, at_ms: Option<Millis>) -> Vec<(String, String)> {
    let hidden = || "…".to_owned();
    let mut all = vec![("webhook-id".to_owned(), id.to_string())];
    all.extend(at_ms.map(|at_ms| ("webhook-timestamp".to_owned(), (at_ms / 1_000).to_string())));
    all.push(("webhook-signature".to_owned(), hidden()));
    all.push(("content-type".to_owned(), "application/json".to_owned()));
    all.extend(own(endpoint).map(|(name, _)| (name.clone(), hidden())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, EndpointId, Position};

    #[test]
    fn an_endpoints_own_headers_go_along_and_never_replace_ours() {
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![7; 32], 1);
        let own = [("authorization", "Bearer x"), ("webhook-id", "forged"), ("content-type", "text/html")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let endpoint = EndpointRecord { headers: own.to_vec(), ..plain };
        let id = EventId { incarnation: 1, position: Position(9) };
        let all = headers(&endpoint, id, &Bytes::from_static(b"{}"), (5, 7_000));
        let value = |name: &str| -> Vec<&str> {
            all.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(value("authorization"), ["Bearer x"]);
        assert_eq!(value("webhook-id"), [id.to_string().as_str()]);
        assert_eq!(value("content-type"), ["application/json"]);
        assert_eq!(value("webhook-timestamp"), ["7"]);
        let shown = shown(&endpoint, id, Some(7_000));
        assert!(shown.iter().all(|(_, value)| !value.contains("Bearer") && !value.starts_with("v1,")), "{shown:?}");
        assert_eq!(shown.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().len(), all.len());
    }
}
