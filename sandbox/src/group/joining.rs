//! Joining by an invite link.

use super::node;
use super::state::{Group, GroupRole, Request};
use super::tell::{News, tell};
use super::{LARGEST, Refused};
use crate::account::Account;
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;

/// What came of joining.
pub(crate) enum Joined {
    /// Is in.
    In(Arc<Group>),
    /// Admins have to let it in.
    Asked(Arc<Group>),
}

/// Joins by a code, or asks to be let in.
pub(crate) fn join(registry: &Registry, account: &Arc<Account>, code: &str) -> Result<Joined, Refused> {
    let group = valid(registry, code)?;
    let (news, joined) = {
        let mut state = group.state();
        if state.role(account).is_some() {
            return Err(Refused::CONFLICT);
        }
        if state.put_out.contains(&account.number) {
            return Err(Refused::NOT_ALLOWED);
        }
        if state.members.len() >= LARGEST {
            return Err(Refused::FULL);
        }
        if state.settings.approval {
            let request = Request { account: account.clone(), at: now() };
            state.requests.insert(account.number.clone(), request);
            let asked = node::asked(&group, account);
            (vec![News::new(asked, state.admins())], Joined::Asked(group.clone()))
        } else {
            let before = state.accounts();
            state.enter(account, GroupRole::Member);
            let came = std::slice::from_ref(account);
            let added = node::members(&group, &state, "add", came, Some("invite"));
            let welcome = News::new(node::welcome(&group, &state), came.to_vec());
            (vec![News::new(added, before), welcome], Joined::In(group.clone()))
        }
    };
    for one in news {
        tell(registry, account, &group, one);
    }
    Ok(joined)
}

/// The group behind a code, for somebody who is thinking about joining.
pub(crate) fn preview(registry: &Registry, code: &str) -> Result<Arc<Group>, Refused> {
    valid(registry, code)
}

fn valid(registry: &Registry, code: &str) -> Result<Arc<Group>, Refused> {
    let group = registry.groups.by_code(code).ok_or(Refused::NOT_FOUND)?;
    if group.state().code == code { Ok(group) } else { Err(Refused::GONE) }
}
