//! `w:profile:picture`: where somebody's or a group's picture lies, and another one, or none, in its place.

use super::{Answer, Outcome, only_child};
use crate::account::Family;
use crate::connection::Session;
use crate::group::{self, Act, Refused};
use crate::picture::Picture;
use crate::stanza::{attr, content_bytes, jid_attr};
use crate::violation::{Broken, Rule};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

/// What clients hear where there is no picture, or none for them.
const NONE: Answer = Answer::Error(404, "item-not-found");

/// Where a picture lies. Those whom somebody keeps away do not see theirs, nor outsiders a group's.
pub(super) fn picture(session: &Session, iq: &Node) -> Outcome {
    let child = only_child(iq, "a question for a picture")?;
    let kind = attr(child, "type").unwrap_or_default();
    if child.tag != "picture" || !matches!(kind.as_ref(), "preview" | "image") {
        return Err(Broken::new(Rule::Attribute, "neither a preview nor an image is asked for"));
    }
    if attr(child, "query").as_deref() != Some("url") {
        return Err(Broken::new(Rule::Attribute, "a picture whose address is not asked for"));
    }
    let target = jid_attr(iq, "target");
    let target = target.ok_or_else(|| Broken::new(Rule::Attribute, "a question for nobody's picture"))?;
    let Some(found) = shown(session, &target) else { return Ok(NONE) };
    let host = session.registry.media();
    let url = format!("https://{}{}", host.address, found.path);
    let answer = NodeBuilder::new("picture").attr("id", found.id).attr("type", kind.into_owned()).attr("url", url);
    Ok(Answer::with(answer.attr("direct_path", found.path).build()))
}

fn shown(session: &Session, target: &Jid) -> Option<Picture> {
    if target.server == Server::Group {
        let group = session.registry.groups.find(target)?;
        let state = group.state();
        state.role(&session.account)?;
        return state.picture.clone();
    }
    let account = session.registry.account(target)?;
    if account.person.blocks(&session.account.number) { None } else { account.person.picture() }
}

/// Another picture for the account itself, or for a group.
pub(super) fn change(session: &Session, iq: &Node) -> Outcome {
    let picture = match iq.children().unwrap_or_default() {
        [] => None,
        [child] if child.tag == "picture" && attr(child, "type").as_deref() == Some("image") => {
            let bytes = content_bytes(child).unwrap_or_default();
            match Picture::keep(session.registry.media(), bytes) {
                Some(picture) => Some(picture),
                None => return Ok(Answer::Error(406, "not-acceptable")),
            }
        }
        _ => return Err(Broken::new(Rule::Child, "a picture is set by one image, or removed by nothing")),
    };
    let answer = match &picture {
        Some(picture) => Answer::with(NodeBuilder::new("picture").attr("id", picture.id.as_str()).build()),
        None => Answer::empty(),
    };
    let target = jid_attr(iq, "target");
    match target {
        Some(target) if target.server == Server::Group => {
            let Some(group) = session.registry.groups.find(&target) else { return Ok(Refused::NOT_FOUND.into()) };
            let done = group::run(&session.registry, &session.account, &group, Act::Picture(picture));
            Ok(done.map_or_else(Answer::from, |_| answer))
        }
        Some(target) if Family::of(&target).is_some() => {
            Err(Broken::new(Rule::Attribute, "nobody sets the picture of another"))
        }
        Some(_) => Err(Broken::new(Rule::Attribute, "a picture for something that has none")),
        None => {
            session.account.person.set_picture(picture);
            Ok(answer)
        }
    }
}
