//! Whether an answer is meant for the chat. Pure.
//!
//! Receivers answer all kinds of things to a webhook: nothing, a page, `{"message":"Workflow was started"}`. Only what
//! can't be anything else is taken for a reply: plain text, or a JSON object with `text` or `media`.

use serde::Deserialize;

/// Longest reply, in characters.
pub const REPLY_MAX: usize = 4_096;

/// What an answer says to the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// This text.
    Text(String),
    /// More than replies may hold.
    TooLong,
    /// A file.
    Media(MediaReply),
}

/// A file as a reply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MediaReply {
    /// Where it is: an address, or its bytes in base64.
    pub media: String,
    /// Its type.
    #[serde(default)]
    pub mimetype: Option<String>,
    /// The text under it.
    #[serde(default)]
    pub caption: Option<String>,
    /// Its name.
    #[serde(default)]
    pub filename: Option<String>,
}

/// Reads an answer's body as a reply; `None` where it is none. `cut`: the body had more than this.
#[must_use]
pub fn reply(content_type: Option<&str>, body: &[u8], cut: bool) -> Option<Reply> {
    let mut parts = content_type?.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    let charset = parts.find_map(|part| part.to_ascii_lowercase().strip_prefix("charset=").map(str::to_owned));
    let readable = charset.is_none_or(|charset| ["utf-8", "utf8", "us-ascii"].contains(&charset.trim_matches('"')));
    match essence.as_str() {
        "text/plain" if readable && cut => Some(Reply::TooLong),
        "text/plain" if readable => text(std::str::from_utf8(body).ok()?.trim()),
        json if json == "application/json" || (json.starts_with("application/") && json.ends_with("+json")) => {
            object(body, cut)
        }
        _ => None,
    }
}

fn text(text: &str) -> Option<Reply> {
    if text.trim().is_empty() {
        return None;
    }
    Some(if text.chars().count() > REPLY_MAX { Reply::TooLong } else { Reply::Text(text.to_owned()) })
}

fn object(body: &[u8], cut: bool) -> Option<Reply> {
    if cut {
        // It can't be read any more. Whether it was a reply is only guessed, and only noted.
        let named = |name: &str| body.windows(name.len()).any(|part| part == name.as_bytes());
        return (named("\"text\"") || named("\"media\"")).then_some(Reply::TooLong);
    }
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let object = value.as_object()?;
    if object.get("media").is_some_and(|media| media.as_str().is_some_and(|media| !media.is_empty())) {
        return serde_json::from_value(value).ok().map(Reply::Media);
    }
    text(object.get("text")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_the_chat_is_a_reply() {
        let says = |said: &str| Some(Reply::Text(said.to_owned()));
        let long = "é".repeat(REPLY_MAX);
        let too_long = format!("{long}!");
        let (json, json_long) = (format!("{{\"text\":\"{long}\"}}"), format!("{{\"text\":\"{too_long}\"}}"));
        let file = |caption: Option<&str>| {
            let (media, caption) = ("http://a/x.png".to_owned(), caption.map(str::to_owned));
            Some(Reply::Media(MediaReply { media, mimetype: None, caption, filename: None }))
        };
        #[rustfmt::skip]
        let table: &[(Option<&str>, &str, Option<Reply>)] = &[
            (Some("text/plain"), "hello", says("hello")),
            (Some("text/plain; charset=utf-8"), "hé\n", says("hé")),
            (Some("Text/Plain;charset=\"UTF-8\""), " two\nlines ", says("two\nlines")),
            (Some("text/plain; charset=utf-16"), "hello", None),
            (Some("text/plain"), "", None),
            (Some("text/plain"), " \r\n", None),
            (Some("text/plain"), &long, says(&long)),
            (Some("text/plain"), &too_long, Some(Reply::TooLong)),
            (Some("application/json"), "{\"text\":\"hi\"}", says("hi")),
            (Some("application/json; charset=utf-8"), "{\"text\":\"hi\",\"more\":[1]}", says("hi")),
            (Some("application/vnd.bot+json"), "{\"text\":\"hi\"}", says("hi")),
            (Some("application/json"), &json, says(&long)),
            (Some("application/json"), &json_long, Some(Reply::TooLong)),
            (Some("application/json"), "{\"text\":\"\"}", None),
            (Some("application/json"), "{\"text\":\"  \"}", None),
            (Some("application/json"), "{\"text\":7}", None),
            (Some("application/json"), "{\"text\":null}", None),
            (Some("application/json"), "{\"text\":{\"body\":\"hi\"}}", None),
            (Some("application/json"), "{\"message\":\"Workflow was started\"}", None),
            (Some("application/json"), "{}", None),
            (Some("application/json"), "", None),
            (Some("application/json"), "\"hi\"", None),
            (Some("application/json"), "[{\"text\":\"hi\"}]", None),
            (Some("application/json"), "{\"text\":\"hi\"", None),
            (Some("application/json"), "{\"media\":\"http://a/x.png\"}", file(None)),
            (Some("application/json"), "{\"media\":\"http://a/x.png\",\"caption\":\"c\",\"text\":\"hi\"}", file(Some("c"))),
            (Some("application/json"), "{\"media\":\"\",\"text\":\"hi\"}", says("hi")),
            (Some("application/json"), "{\"media\":7,\"text\":\"hi\"}", says("hi")),
            (Some("text/html"), "<p>hello</p>", None),
            (Some("text/html; charset=utf-8"), "hello", None),
            (Some("application/octet-stream"), "hello", None),
            (Some("text/plainish"), "hello", None),
            (None, "hello", None),
            (None, "{\"text\":\"hi\"}", None),
        ];
        for (content_type, body, expected) in table {
            assert_eq!(reply(*content_type, body.as_bytes(), false), *expected, "{content_type:?} {body}");
        }
    }

    #[test]
    fn what_was_cut_off_is_never_sent() {
        assert_eq!(reply(Some("text/plain"), b"half", true), Some(Reply::TooLong));
        assert_eq!(reply(Some("application/json"), b"{\"text\":\"half", true), Some(Reply::TooLong));
        assert_eq!(reply(Some("application/json"), b"{\"items\":[1,2", true), None);
        assert_eq!(reply(Some("text/html"), b"<p>", true), None);
        assert_eq!(reply(Some("text/plain"), &[0xff, 0xfe, b'a'], false), None, "no text at all");
    }
}
