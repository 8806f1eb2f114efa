//! What a phone does by itself.

/// How a phone answers messages from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Not at all.
    #[default]
    None,
    /// With the same text.
    Echo,
    /// With this text; `{text}`, `{sender}` (number) and `{count}` (messages shown so far) are
    /// filled in.
    Template(String),
}

/// The rules of one phone. Replies are sent only to messages that were not written by another
/// phone's rule, so two phones never talk for ever.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Sends a delivery receipt for each message from others.
    pub deliver: bool,
    /// Sends a read receipt at once.
    pub read: bool,
    /// Answers texts.
    pub reply: Reply,
}

impl Default for Rules {
    fn default() -> Self {
        Self { deliver: true, read: false, reply: Reply::None }
    }
}

impl Reply {
    /// The answer to a text, if there is one.
    pub(crate) fn to(&self, text: &str, sender: &str, count: u64) -> Option<String> {
        match self {
            Self::None => None,
            Self::Echo => Some(text.to_owned()),
            Self::Template(template) => Some(fill(template, text, sender, count)),
        }
    }
}

/// Fills the placeholders in one pass, so that a text that looks like one stays as it is.
fn fill(template: &str, text: &str, sender: &str, count: u64) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let (length, value) = if rest.starts_with("{text}") {
            ("{text}".len(), text.to_owned())
        } else if rest.starts_with("{sender}") {
            ("{sender}".len(), sender.to_owned())
        } else if rest.starts_with("{count}") {
            ("{count}".len(), count.to_string())
        } else {
            (1, "{".to_owned())
        };
        out.push_str(&value);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let reply = Reply::Template("{count}: {sender} said {text} {?}".to_owned());
        let filled = reply.to("{count}", "155", 3).unwrap();
        assert_eq!(filled, "3: 155 said {count} {?}");
    }

    #[test]
    fn echo_and_none() {
        assert_eq!(Reply::Echo.to("hi", "1", 1).as_deref(), Some("hi"));
        assert_eq!(Reply::None.to("hi", "1", 1), None);
    }
}
