//! Groups: who is in them, what they show, who may do what.
//!
//! A group addresses its members in one family for all its life. Everything a member does to it, from a companion or from
//! its phone, is an [`Act`]; what came of it is told to every device of every member as a `w:gp2` notification.

mod act;
mod joining;
mod members;
mod node;
mod state;
mod tell;

pub use state::{GroupRole, GroupSettings};

pub(crate) use act::{Act, Done, LONGEST_SUBJECT, Refused, Setting, run};
pub(crate) use joining::{Joined, join, preview};
pub(crate) use members::{MemberChange, create};
pub(crate) use node::{alternative, group_node, outcome_node};
pub(crate) use state::{Group, NewGroup};
pub(crate) use tell::tell_created;

use crate::lock::{read, write};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use wacore_binary::{Jid, Server};

/// Ids of groups count up from here; real ones have eighteen digits too.
const FIRST_ID: u64 = 120_363_000_000_000_001;

/// Most members of a group.
pub(crate) const LARGEST: usize = 1_024;

/// All groups of a network.
pub(crate) struct Groups {
    by_id: RwLock<BTreeMap<String, Arc<Group>>>,
    next: AtomicU64,
}

impl Default for Groups {
    fn default() -> Self {
        Self { by_id: RwLock::default(), next: AtomicU64::new(FIRST_ID) }
    }
}

impl Groups {
    pub(crate) fn create(&self, new: NewGroup) -> Arc<Group> {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let group = Arc::new(Group::new(id.clone(), new));
        write(&self.by_id).insert(id, group.clone());
        group
    }

    /// The group behind a jid; `None` when there is none, or the jid is not a group's.
    pub(crate) fn find(&self, jid: &Jid) -> Option<Arc<Group>> {
        if jid.server != Server::Group {
            return None;
        }
        read(&self.by_id).get(jid.user.as_str()).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        read(&self.by_id).values().cloned().collect()
    }

    /// The group that an invite code leads to, now or once.
    pub(crate) fn by_code(&self, code: &str) -> Option<Arc<Group>> {
        self.all().into_iter().find(|group| group.state().knows_code(code))
    }
}
