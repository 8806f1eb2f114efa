//! Members come and go, rise and fall.

use super::act::Done;
use super::node;
use super::state::{Group, GroupRole, NewGroup, State, invite_code};
use super::tell::News;
use super::{LARGEST, Refused};
use crate::account::Account;
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;
use wacore_binary::Jid;

/// How long an invitation to somebody who could not be added is good for.
const INVITATION_SECONDS: u64 = 3 * 24 * 3_600;

/// What is done to members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberChange {
    Add,
    Remove,
    Promote,
    Demote,
}

impl MemberChange {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Promote => "promote",
            Self::Demote => "demote",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Promote, Self::Demote].into_iter().find(|change| change.word() == word)
    }
}

/// What became of one person.
pub(crate) struct Outcome {
    /// As asked for.
    pub(crate) jid: Jid,
    pub(crate) account: Option<Arc<Account>>,
    /// Why not, as the wire's code.
    pub(crate) error: Option<u16>,
    /// How to invite somebody who can't be added: a code and when it ends.
    pub(crate) invitation: Option<(String, u64)>,
}

impl Outcome {
    fn of(jid: &Jid, account: Option<Arc<Account>>, error: Option<u16>) -> Self {
        let invitation = (error == Some(403)).then(|| (invite_code(), now() + INVITATION_SECONDS));
        Self { jid: jid.clone(), account, error, invitation }
    }
}

/// Makes a group with its first members. Returns it and who could not be added.
pub(crate) fn create(registry: &Registry, new: NewGroup, people: &[Jid]) -> (Arc<Group>, Vec<Outcome>) {
    let creator = new.creator.clone();
    let group = registry.groups.create(new);
    let mut state = group.state();
    let outcomes = people.iter().filter(|jid| registry.account(jid).is_none_or(|one| one.number != creator.number));
    let outcomes = outcomes.map(|jid| {
        let account = registry.account(jid);
        let error = match &account {
            None => Some(Refused::NOT_FOUND.0),
            Some(account) => admit(&creator, &mut state, account).err().map(|refused| refused.0),
        };
        Outcome::of(jid, account, error)
    });
    let failed: Vec<Outcome> = outcomes.filter(|outcome| outcome.error.is_some()).collect();
    drop(state);
    (group, failed)
}

pub(super) fn change(
    registry: &Registry,
    by: &Arc<Account>,
    group: &Group,
    state: &mut State,
    change: MemberChange,
    who: &[Jid],
) -> (Done, Vec<News>) {
    let before = state.accounts();
    let mut changed = Vec::new();
    let mut outcomes = Vec::with_capacity(who.len());
    for jid in who {
        let account = registry.account(jid);
        let error = match &account {
            None => Some(Refused::NOT_FOUND.0),
            Some(account) => one(by, state, change, account).err().map(|refused| refused.0),
        };
        if let (None, Some(account)) = (error, &account) {
            changed.push(account.clone());
        }
        outcomes.push(Outcome::of(jid, account, error));
    }
    let news = news(group, state, change, &changed, before);
    (Done::Members(outcomes), news)
}

/// Those who were there are told of the change; those who came are told of the whole group.
fn news(
    group: &Group,
    state: &State,
    change: MemberChange,
    changed: &[Arc<Account>],
    before: Vec<Arc<Account>>,
) -> Vec<News> {
    if changed.is_empty() {
        return Vec::new();
    }
    let mut news = vec![News::new(node::members(group, state, change.word(), changed, None), before)];
    if change == MemberChange::Add {
        news.push(News::new(node::welcome(group, state), changed.to_vec()));
    }
    news
}

fn one(by: &Account, state: &mut State, change: MemberChange, account: &Arc<Account>) -> Result<(), Refused> {
    match change {
        MemberChange::Add => admit(by, state, account),
        MemberChange::Remove => {
            let role = state.role(account).ok_or(Refused::NOT_FOUND)?;
            if role == GroupRole::Owner {
                return Err(Refused::NOT_ALLOWED);
            }
            state.members.remove(&account.number);
            state.put_out.insert(account.number.clone());
            Ok(())
        }
        MemberChange::Promote => give_role(state, account, GroupRole::Admin),
        MemberChange::Demote => give_role(state, account, GroupRole::Member),
    }
}

fn admit(by: &Account, state: &mut State, account: &Arc<Account>) -> Result<(), Refused> {
    if state.role(account).is_some() {
        return Err(Refused::CONFLICT);
    }
    if state.members.len() >= LARGEST {
        return Err(Refused::FULL);
    }
    // Whoever left by itself is not taken back at once.
    if state.left.contains(&account.number) {
        return Err(Refused(408, "request-timeout"));
    }
    if account.person.blocks(&by.number) {
        return Err(Refused(401, "not-authorized"));
    }
    if account.person.refuses_groups() {
        return Err(Refused::FORBIDDEN);
    }
    state.enter(account, GroupRole::Member);
    Ok(())
}

fn give_role(state: &mut State, account: &Account, role: GroupRole) -> Result<(), Refused> {
    let member = state.members.get_mut(&account.number).ok_or(Refused::NOT_FOUND)?;
    if member.role == GroupRole::Owner {
        return Err(Refused::NOT_ALLOWED);
    }
    if member.role == role {
        return Err(Refused::CONFLICT);
    }
    member.role = role;
    Ok(())
}

/// The creator who leaves hands the group to the first admin, or to the first member.
pub(super) fn leave(by: &Arc<Account>, group: &Group, state: &mut State) -> Vec<News> {
    let before = state.accounts();
    let gone = state.members.remove(&by.number);
    state.left.insert(by.number.clone());
    let mut news = vec![News::new(node::members(group, state, "remove", std::slice::from_ref(by), None), before)];
    if gone.is_some_and(|member| member.role.is_admin()) && state.admins().is_empty() {
        let heir = state.members.values_mut().next().map(|member| {
            member.role = GroupRole::Admin;
            member.account.clone()
        });
        if let Some(heir) = heir {
            let promoted = node::members(group, state, "promote", &[heir], None);
            news.push(News::new(promoted, state.accounts()));
        }
    }
    news
}

pub(super) fn decide(
    registry: &Registry,
    group: &Group,
    state: &mut State,
    approve: bool,
    who: &[Jid],
) -> (Done, Vec<News>) {
    let before = state.accounts();
    let mut decided = Vec::new();
    let outcomes = who.iter().map(|jid| {
        let account = registry.account(jid);
        let asked = account.clone().filter(|account| state.requests.remove(&account.number).is_some());
        let error = if asked.is_some() { None } else { Some(Refused::NOT_FOUND.0) };
        decided.extend(asked);
        Outcome::of(jid, account, error)
    });
    let outcomes: Vec<Outcome> = outcomes.collect();
    if decided.is_empty() {
        return (Done::Members(outcomes), Vec::new());
    }
    let news = if approve {
        for account in &decided {
            state.enter(account, GroupRole::Member);
        }
        let added = node::members(group, state, "add", &decided, Some("invite"));
        vec![News::new(added, before), News::new(node::welcome(group, state), decided)]
    } else {
        let gone = node::members(group, state, "revoked_membership_requests", &decided, None);
        let mut told = state.admins();
        told.extend(decided);
        vec![News::new(gone, told)]
    };
    (Done::Members(outcomes), news)
}
