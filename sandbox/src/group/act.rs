//! What members do to a group, and what they may.

use super::members::{self, MemberChange, Outcome};
use super::node;
use super::state::{Description, Group, GroupRole, State};
use super::tell::{News, tell};
use crate::account::Account;
use crate::picture::Picture;
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;
use wacore_binary::Jid;

/// Longest subject, in characters.
pub(crate) const LONGEST_SUBJECT: usize = 100;
/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 2_048;

/// Something a member wants of a group.
pub(crate) enum Act {
    /// Another subject.
    Subject(String),
    /// Another description, or none; `prev` is the id of the one it replaces.
    Describe {
        id: String,
        prev: Option<String>,
        text: Option<String>,
    },
    Set(Setting),
    /// Another picture, or none.
    Picture(Option<Picture>),
    Change(MemberChange, Vec<Jid>),
    Leave,
    /// The invite code; with `true` a new one.
    Invite(bool),
    /// Who asks to be let in.
    Requests,
    /// Lets them in, or not.
    Decide(bool, Vec<Jid>),
}

/// One setting's new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Locked(bool),
    Announce(bool),
    Ephemeral(u32),
    Approval(bool),
    MembersAdd(bool),
}

/// What came of an act.
pub(crate) enum Done {
    Quiet,
    Members(Vec<Outcome>),
    Code(String),
    Requests(Vec<(Arc<Account>, u64)>),
}

/// Why an act is not carried out: the wire's code and word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16, pub(crate) &'static str);

impl Refused {
    pub(crate) const BAD_REQUEST: Self = Self(400, "bad-request");
    pub(crate) const FORBIDDEN: Self = Self(403, "forbidden");
    pub(crate) const NOT_FOUND: Self = Self(404, "item-not-found");
    pub(crate) const NOT_ALLOWED: Self = Self(405, "not-allowed");
    pub(crate) const NOT_ACCEPTABLE: Self = Self(406, "not-acceptable");
    pub(crate) const CONFLICT: Self = Self(409, "conflict");
    pub(crate) const GONE: Self = Self(410, "gone");
    pub(crate) const FULL: Self = Self(419, "resource-limit");
}

/// Carries an act out and tells everybody whom it concerns.
pub(crate) fn run(registry: &Registry, by: &Arc<Account>, group: &Arc<Group>, act: Act) -> Result<Done, Refused> {
    let (done, news) = {
        let mut state = group.state();
        let role = state.role(by).ok_or(Refused::FORBIDDEN)?;
        check(&state, role, &act)?;
        apply(registry, by, group, &mut state, act)?
    };
    for one in news {
        tell(registry, by, group, one);
    }
    Ok(done)
}

/// Whether somebody of this role may do this.
fn check(state: &State, role: GroupRole, act: &Act) -> Result<(), Refused> {
    let admin = role.is_admin();
    let allowed = match act {
        Act::Subject(_) | Act::Describe { .. } | Act::Picture(_) | Act::Set(Setting::Ephemeral(_)) => {
            admin || !state.settings.locked
        }
        Act::Set(_) | Act::Requests | Act::Decide(..) | Act::Invite(true) => admin,
        Act::Change(MemberChange::Add, _) => admin || state.settings.members_add,
        Act::Change(..) => admin,
        Act::Invite(false) => admin || state.settings.members_link,
        Act::Leave => true,
    };
    if allowed { Ok(()) } else { Err(Refused::FORBIDDEN) }
}

fn apply(
    registry: &Registry,
    by: &Arc<Account>,
    group: &Group,
    state: &mut State,
    act: Act,
) -> Result<(Done, Vec<News>), Refused> {
    let everybody = state.accounts();
    let quiet = |child| Ok((Done::Quiet, vec![News::new(child, everybody.clone())]));
    match act {
        Act::Subject(subject) => {
            if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT {
                return Err(Refused::NOT_ACCEPTABLE);
            }
            state.subject = subject;
            state.subject_by = by.clone();
            state.subject_at = now();
            quiet(node::subject(group, state))
        }
        Act::Describe { id, prev, text } => {
            describe(by, state, id, prev, text)?;
            quiet(node::description_news(state))
        }
        Act::Set(setting) => {
            set(state, setting);
            quiet(node::setting(setting))
        }
        Act::Picture(picture) => {
            state.picture = picture;
            Ok((Done::Quiet, vec![News::of_picture(node::picture(by, group, state), everybody)]))
        }
        Act::Change(change, who) => Ok(members::change(registry, by, group, state, change, &who)),
        Act::Leave => Ok((Done::Quiet, members::leave(by, group, state))),
        Act::Invite(reset) => {
            if reset {
                state.renew_code();
            }
            let news = reset.then(|| News::new(node::renewed(), everybody));
            Ok((Done::Code(state.code.clone()), news.into_iter().collect()))
        }
        Act::Requests => {
            let requests = state.requests.values().map(|request| (request.account.clone(), request.at));
            Ok((Done::Requests(requests.collect()), Vec::new()))
        }
        Act::Decide(approve, who) => Ok(members::decide(registry, group, state, approve, &who)),
    }
}

fn describe(
    by: &Arc<Account>,
    state: &mut State,
    id: String,
    prev: Option<String>,
    text: Option<String>,
) -> Result<(), Refused> {
    let current = state.description.as_ref().map(|held| held.id.clone());
    if current != prev {
        return Err(Refused::CONFLICT);
    }
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(Refused::NOT_ACCEPTABLE);
    }
    // Without a text the description is gone, but the next change still names it.
    let text = text.unwrap_or_default();
    state.description = Some(Description { id, text, by: by.clone(), at: now() });
    Ok(())
}

fn set(state: &mut State, setting: Setting) {
    let settings = &mut state.settings;
    match setting {
        Setting::Locked(on) => settings.locked = on,
        Setting::Announce(on) => settings.announce = on,
        Setting::Ephemeral(seconds) => settings.ephemeral = seconds,
        Setting::Approval(on) => settings.approval = on,
        Setting::MembersAdd(on) => settings.members_add = on,
    }
}
