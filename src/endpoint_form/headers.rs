//! Headers that go with deliveries. Their values are secrets more often than not.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};
use wasup_actors::HeaderChange;

use crate::api::problem::FieldError;

/// Longest name, in bytes.
const NAME_MAX: usize = 128;
/// Longest value, in bytes.
const VALUE_MAX: usize = 4_096;

/// Headers that are for one connection, or that say how the body travels.
const RESERVED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];
/// Families of headers that are ours: signatures, and what the body is.
const RESERVED_PREFIXES: [&str; 2] = ["webhook-", "content-"];

/// The value of a header. Never part of debug output or of an error.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText(String);

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderText(…)")
    }
}

struct Written;

impl de::Visitor<'_> for Written {
    type Value = HeaderText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderText, E> {
        Ok(HeaderText(text.to_owned()))
    }

    // What the visitor's own answers would repeat may be a secret without its quotes.
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<HeaderText, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<HeaderText, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<HeaderText, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<HeaderText, E> {
        Err(E::custom(NO_TEXT))
    }
}

const NO_TEXT: &str = "the value of a header must be a text";

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Checks headers by name; a value of `None` removes one.
pub(super) fn check(headers: BTreeMap<String, Option<HeaderText>>, errors: &mut Vec<FieldError>) -> HeaderChange {
    let mut changes: Vec<(String, Option<String>)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let value = value.map(|text| text.0);
        let wrong = bad_name(&lower).or_else(|| value.as_deref().and_then(bad_value));
        let twice = changes.iter().any(|(there, _)| *there == lower);
        if let Some(wrong) = wrong.or(twice.then_some("is there twice: names do not differ by case")) {
            errors.push(FieldError::new(format!("headers.{name}"), wrong));
        }
        changes.push((lower, value));
    }
    HeaderChange::Merge(changes)
}

fn bad_name(name: &str) -> Option<&'static str> {
    if name.len() > NAME_MAX || HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Some("is no name of a header: 1 to 128 letters, digits, and any of !#$%&'*+-.^_`|~");
    }
    if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Some("is set by the server, or belongs to one connection only");
    }
    None
}

fn bad_value(value: &str) -> Option<&'static str> {
    let plain = value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    if value.len() > VALUE_MAX || !plain || HeaderValue::from_str(value).is_err() {
        return Some("must have at most 4096 visible ASCII characters and spaces");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &[(&str, Option<&str>)]) -> (HeaderChange, Vec<String>) {
        let text = |value: &&str| HeaderText((*value).to_owned());
        let map = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().map(text))).collect();
        let mut errors = Vec::new();
        let change = check(map, &mut errors);
        (change, errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn own_headers_are_taken_in_lower_case() {
        let (change, errors) =
            checked(&[("Authorization", Some("Bearer abc")), ("X-Shop", Some("")), ("user-agent", None)]);
        assert_eq!(errors, Vec::<String>::new());
        let HeaderChange::Merge(changes) = change else { panic!("a merge") };
        let text = |text: &str| text.to_owned();
        assert_eq!(
            changes,
            [
                (text("authorization"), Some(text("Bearer abc"))),
                (text("x-shop"), Some(String::new())),
                (text("user-agent"), None),
            ]
        );
    }

    #[test]
    fn the_servers_own_and_what_is_no_header_is_refused() {
        for name in [
            "Host",
            "Connection",
            "TE",
            "Transfer-Encoding",
            "Upgrade",
            "Content-Type",
            "content-length",
            "Webhook-Id",
            "webhook-signature",
            "webhook-anything",
            "Proxy-Authorization",
            "Expect",
            "",
            "a b",
            "ä",
            "x:y",
            "a\r\nb",
        ] {
            assert_eq!(checked(&[(name, Some("x"))]).1, [format!("headers.{name}")], "{name}");
        }
        for value in ["a\r\nX-Evil: 1", "\u{0}", "ä", &"x".repeat(4_097)] {
            assert_eq!(checked(&[("x-a", Some(value))]).1, ["headers.x-a"]);
        }
        assert_eq!(checked(&[("X-A", Some("1")), ("x-a", Some("2"))]).1, ["headers.x-a"]);
        assert_eq!(checked(&[(&"x".repeat(129), Some("1"))]).1.len(), 1);
    }

    #[test]
    fn a_value_is_in_no_debug_output_and_no_error() {
        let read = |text: &str| serde_json::from_str::<BTreeMap<String, Option<HeaderText>>>(text);
        assert!(!format!("{:?}", read(r#"{"x-a": "s3cret"}"#)).contains("s3cret"));
        for bad in ["90210", "-90210", "90210.5", "true"] {
            let error = read(&format!(r#"{{"x-a": {bad}}}"#)).unwrap_err().to_string();
            assert!(error.contains(NO_TEXT) && !error.contains("90210"), "{error}");
        }
    }
}
