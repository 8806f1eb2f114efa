//! What a group holds.

use super::node;
use crate::account::{Account, Family};
use crate::lock::hold;
use crate::picture::Picture;
use crate::stanza::now;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use wacore_binary::Jid;

/// What a member is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRole {
    /// A member like any other.
    Member,
    /// May do everything but act against the creator.
    Admin,
    /// The creator.
    Owner,
}

impl GroupRole {
    /// Whether the member administers the group.
    pub fn is_admin(self) -> bool {
        self != Self::Member
    }

    /// The word of the wire; members have none.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::Owner => Some("superadmin"),
        }
    }
}

/// How a group is set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GroupSettings {
    /// Only admins change what the group shows.
    pub locked: bool,
    /// Only admins write.
    pub announce: bool,
    /// Seconds after which messages disappear; 0 keeps them.
    pub ephemeral: u32,
    /// Admins decide who joins by link.
    pub approval: bool,
    /// Members may add others, not only admins.
    pub members_add: bool,
    /// Members may see the invite link, not only admins.
    pub members_link: bool,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self { locked: false, announce: false, ephemeral: 0, approval: false, members_add: true, members_link: false }
    }
}

/// Somebody in a group.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) account: Arc<Account>,
    pub(crate) role: GroupRole,
}

/// The text below the subject.
#[derive(Clone)]
pub(crate) struct Description {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) by: Arc<Account>,
    pub(crate) at: u64,
}

/// Somebody who asks to be let in.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) account: Arc<Account>,
    pub(crate) at: u64,
}

/// What a group is created with. The creator is not among the members yet.
pub(crate) struct NewGroup {
    pub(crate) creator: Arc<Account>,
    pub(crate) family: Family,
    pub(crate) subject: String,
    pub(crate) description: Option<(String, String)>,
    pub(crate) settings: GroupSettings,
}

/// See the module.
pub(crate) struct Group {
    pub(crate) id: String,
    /// How members are addressed.
    pub(crate) family: Family,
    pub(crate) creator: Arc<Account>,
    pub(crate) created: u64,
    state: Mutex<State>,
}

/// What changes about a group.
pub(crate) struct State {
    pub(crate) subject: String,
    pub(crate) subject_by: Arc<Account>,
    pub(crate) subject_at: u64,
    pub(crate) description: Option<Description>,
    pub(crate) settings: GroupSettings,
    pub(crate) picture: Option<Picture>,
    /// By number.
    pub(crate) members: BTreeMap<String, Member>,
    /// Numbers that were ever in the group.
    pub(crate) ever: HashSet<String>,
    /// Numbers that left by themselves.
    pub(crate) left: HashSet<String>,
    /// Numbers that were put out.
    pub(crate) put_out: HashSet<String>,
    pub(crate) requests: BTreeMap<String, Request>,
    pub(crate) code: String,
    pub(crate) old_codes: HashSet<String>,
}

impl Group {
    pub(super) fn new(id: String, new: NewGroup) -> Self {
        let created = now();
        let NewGroup { creator, family, subject, description, settings } = new;
        let description = description.map(|(id, text)| Description { id, text, by: creator.clone(), at: created });
        let state = State {
            subject,
            subject_by: creator.clone(),
            subject_at: created,
            description,
            settings,
            picture: None,
            members: BTreeMap::new(),
            ever: HashSet::new(),
            left: HashSet::new(),
            put_out: HashSet::new(),
            requests: BTreeMap::new(),
            code: invite_code(),
            old_codes: HashSet::new(),
        };
        let group = Self { id, family, creator: creator.clone(), created, state: Mutex::new(state) };
        group.state().enter(&creator, GroupRole::Owner);
        group
    }

    pub(crate) fn jid(&self) -> Jid {
        Jid::group(self.id.as_str())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// The word for the family in which the group addresses its members.
    pub(crate) fn addressing_mode(&self) -> &'static str {
        node::addressing_mode(self.family)
    }
}

impl State {
    pub(crate) fn role(&self, account: &Account) -> Option<GroupRole> {
        self.members.get(&account.number).map(|member| member.role)
    }

    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.members.values().map(|member| member.account.clone()).collect()
    }

    pub(crate) fn admins(&self) -> Vec<Arc<Account>> {
        let admins = self.members.values().filter(|member| member.role.is_admin());
        admins.map(|member| member.account.clone()).collect()
    }

    pub(super) fn enter(&mut self, account: &Arc<Account>, role: GroupRole) {
        self.requests.remove(&account.number);
        self.left.remove(&account.number);
        self.put_out.remove(&account.number);
        self.ever.insert(account.number.clone());
        self.members.insert(account.number.clone(), Member { account: account.clone(), role });
    }

    pub(super) fn knows_code(&self, code: &str) -> bool {
        self.code == code || self.old_codes.contains(code)
    }

    pub(super) fn renew_code(&mut self) {
        let old = std::mem::replace(&mut self.code, invite_code());
        self.old_codes.insert(old);
    }
}

/// An invite code: 22 letters and digits, as in real links.
pub(super) fn invite_code() -> String {
    let random: [u8; 16] = rand::random();
    let code = data_encoding::BASE64URL_NOPAD.encode(&random);
    code.replace(['-', '_'], "x")
}
