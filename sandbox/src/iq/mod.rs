//! Requests of logged-in devices, one file per namespace.
//!
//! What is not known here is refused: the client gets an error and the network remembers it.

pub(crate) mod appstate;
mod blocklist;
mod encrypt;
mod groups;
mod linked;
mod media;
mod mex;
mod passive;
mod profile;
mod settings;
mod usync;

use crate::connection::Session;
use crate::stanza::{SERVER, attr, iq_error, iq_result};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;

/// The answer to a request.
pub(crate) enum Answer {
    /// A result, with or without content.
    Result(Option<Node>),
    /// An error that a well-behaved client may run into.
    Error(u16, &'static str),
    /// The handler has answered already.
    Sent,
}

impl Answer {
    fn empty() -> Self {
        Self::Result(None)
    }

    fn with(node: Node) -> Self {
        Self::Result(Some(node))
    }
}

/// What a handler makes of a request: an answer, or the rule it broke.
pub(crate) type Outcome = Result<Answer, Broken>;

/// Handles one `<iq>`.
pub(crate) fn handle(session: &Session, iq: &Node) {
    let Some(id) = attr(iq, "id").filter(|id| !id.is_empty()) else {
        let broken = Broken::new(Rule::Attribute, "an iq needs an id");
        session.refuse_stream(&broken, iq);
        return;
    };
    let outcome = match attr(iq, "type").as_deref() {
        // Answers to the server's own requests need nothing.
        Some("result" | "error") => Ok(Answer::Sent),
        Some(kind @ ("get" | "set")) => route(session, iq, kind),
        _ => Err(Broken::new(Rule::Attribute, "an iq is get, set, result or error")),
    };
    let mut answer = match outcome {
        Ok(Answer::Result(child)) => iq_result(&id, child),
        Ok(Answer::Error(code, text)) => iq_error(&id, code, text),
        Ok(Answer::Sent) => return,
        Err(broken) => {
            session.violated(&broken, iq);
            match broken.rule {
                Rule::Unknown | Rule::Unsupported => iq_error(&id, 501, "feature-not-implemented"),
                _ => iq_error(&id, 400, "bad-request"),
            }
        }
    };
    // Whoever was asked answers.
    if let Some(asked) = iq.attrs.get("to") {
        answer.attrs.insert("from", asked.clone());
    }
    session.link.send(answer);
}

fn route(session: &Session, iq: &Node, kind: &str) -> Outcome {
    let namespace = attr(iq, "xmlns").unwrap_or_default();
    if let Some(to) = attr(iq, "to")
        && to != SERVER
        && !matches!(namespace.as_ref(), "w:profile:picture" | "w:g2")
    {
        let detail = format!("{namespace} to something other than the server");
        return Err(Broken::new(Rule::Unsupported, detail));
    }
    match (namespace.as_ref(), kind) {
        ("passive", "set") => passive::handle(session, iq),
        ("w:g2", _) => groups::handle(session, iq, kind),
        ("encrypt", "get") => encrypt::get(session, iq),
        ("encrypt", "set") => encrypt::set(session, iq),
        ("usync", "get") => usync::handle(session, iq),
        ("w:sync:app:state", "set") => appstate::handle(session, iq),
        ("md", "set") => linked::handle(session, iq),
        ("abt", "get") => Ok(settings::props()),
        ("w", "get") => settings::old_props(iq),
        ("blocklist", "get") => Ok(blocklist::list(session)),
        ("blocklist", "set") => blocklist::change(session, iq),
        ("privacy", "get") => settings::privacy(iq),
        ("privacy", "set") => settings::set_privacy(iq),
        ("w:p", "get") => Ok(Answer::empty()),
        ("urn:xmpp:whatsapp:dirty", "set") => Ok(Answer::empty()),
        ("w:mex", "get") => mex::handle(session, iq),
        ("w:m", "set") => media::handle(session, iq),
        ("w:profile:picture", "get") => profile::picture(session, iq),
        ("w:profile:picture", "set") => profile::change(session, iq),
        ("status", "set") => Ok(Answer::empty()),
        _ => {
            let detail = format!("iq {kind} {namespace:?}");
            Err(Broken::new(Rule::Unknown, detail))
        }
    }
}

/// The one child a request must have.
fn only_child<'a>(iq: &'a Node, what: &str) -> Result<&'a Node, Broken> {
    match iq.children().unwrap_or_default() {
        [child] => Ok(child),
        children => {
            let detail = format!("{what} needs one child and has {}", children.len());
            Err(Broken::new(Rule::Child, detail))
        }
    }
}
