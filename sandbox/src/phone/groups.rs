//! A phone's user in groups.

use super::{Phone, PhoneError, shared};
use crate::account::Family;
use crate::group::{
    self, Act, Done, Group, GroupRole, GroupSettings, Joined, MemberChange, NewGroup, Refused, Setting, tell_created,
};
use std::sync::Arc;
use wacore_binary::Jid;
use waproto::whatsapp::Message;

/// A group as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GroupView {
    /// `…@g.us`.
    pub jid: String,
    /// Its name.
    pub subject: String,
    /// The text below it.
    pub description: Option<String>,
    /// Members are addressed by hidden id.
    pub lid: bool,
    /// How it is set.
    pub settings: GroupSettings,
    /// Numbers of its members, and what they are.
    pub members: Vec<GroupMember>,
    /// Numbers that ask to be let in.
    pub requests: Vec<String>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GroupMember {
    /// The account's number.
    pub number: String,
    /// What it is in the group.
    pub role: GroupRole,
}

impl From<Refused> for PhoneError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.0)
    }
}

impl Phone {
    /// Makes a group with these numbers. `lid` says whether its members are addressed by hidden id; without it as this
    /// phone addresses its chats. Returns its jid.
    ///
    /// # Errors
    /// When the phone is offline, or the subject is empty or longer than 100 characters.
    pub fn create_group(&self, subject: &str, numbers: &[&str], lid: Option<bool>) -> Result<String, PhoneError> {
        self.check_online()?;
        if subject.is_empty() || subject.chars().count() > group::LONGEST_SUBJECT {
            return Err(Refused::NOT_ACCEPTABLE.into());
        }
        let family = match lid {
            None => self.account.home_family(),
            Some(true) => Family::Hidden,
            Some(false) => Family::Number,
        };
        let new = NewGroup {
            creator: self.account.clone(),
            family,
            subject: subject.to_owned(),
            description: None,
            settings: GroupSettings::default(),
        };
        let (group, _failed) = group::create(&self.registry, new, &people(numbers));
        tell_created(&self.registry, &self.account, &group);
        Ok(group.jid().to_string())
    }

    /// A group this phone is in.
    ///
    /// # Errors
    /// When there is none, or the phone is not in it.
    pub fn group(&self, jid: &str) -> Result<GroupView, PhoneError> {
        let group = self.find_group(jid)?;
        let state = group.state();
        state.role(&self.account).ok_or(Refused::FORBIDDEN)?;
        let members = state.members.values();
        let members = members.map(|one| GroupMember { number: one.account.number.clone(), role: one.role });
        Ok(GroupView {
            jid: group.jid().to_string(),
            subject: state.subject.clone(),
            description: state.description.as_ref().map(|held| held.text.clone()).filter(|text| !text.is_empty()),
            lid: group.family == Family::Hidden,
            settings: state.settings.clone(),
            members: members.collect(),
            requests: state.requests.keys().cloned().collect(),
        })
    }

    /// Groups this phone is in.
    pub fn groups(&self) -> Vec<String> {
        let all = self.registry.groups.all().into_iter();
        let mine = all.filter(|group| group.state().role(&self.account).is_some());
        mine.map(|group| group.jid().to_string()).collect()
    }

    /// Adds numbers. Returns, for each that was not added, its number's jid and why, as the wire's code.
    ///
    /// # Errors
    /// When this phone may not.
    pub fn add_to_group(&self, jid: &str, numbers: &[&str]) -> Result<Vec<(String, u16)>, PhoneError> {
        self.change_group(jid, MemberChange::Add, numbers)
    }

    /// Puts numbers out; see [`Self::add_to_group`].
    ///
    /// # Errors
    /// When this phone may not.
    pub fn remove_from_group(&self, jid: &str, numbers: &[&str]) -> Result<Vec<(String, u16)>, PhoneError> {
        self.change_group(jid, MemberChange::Remove, numbers)
    }

    /// Makes members admins; see [`Self::add_to_group`].
    ///
    /// # Errors
    /// When this phone may not.
    pub fn promote_in_group(&self, jid: &str, numbers: &[&str]) -> Result<Vec<(String, u16)>, PhoneError> {
        self.change_group(jid, MemberChange::Promote, numbers)
    }

    /// Makes admins members; see [`Self::add_to_group`].
    ///
    /// # Errors
    /// When this phone may not.
    pub fn demote_in_group(&self, jid: &str, numbers: &[&str]) -> Result<Vec<(String, u16)>, PhoneError> {
        self.change_group(jid, MemberChange::Demote, numbers)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// When the phone is not in it.
    pub fn leave_group(&self, jid: &str) -> Result<(), PhoneError> {
        self.act(jid, Act::Leave).map(drop)
    }

    /// Gives a group another subject.
    ///
    /// # Errors
    /// When this phone may not, or the subject is too long.
    pub fn rename_group(&self, jid: &str, subject: &str) -> Result<(), PhoneError> {
        self.act(jid, Act::Subject(subject.to_owned())).map(drop)
    }

    /// Gives a group another description, or none.
    ///
    /// # Errors
    /// When this phone may not.
    pub fn describe_group(&self, jid: &str, text: Option<&str>) -> Result<(), PhoneError> {
        let prev = self.find_group(jid)?.state().description.as_ref().map(|held| held.id.clone());
        let id = super::send::message_id();
        self.act(jid, Act::Describe { id, prev, text: text.map(str::to_owned) }).map(drop)
    }

    /// Sets a group: only what differs from how it is set is changed.
    ///
    /// # Errors
    /// When this phone may not.
    pub fn set_group(&self, jid: &str, wanted: &GroupSettings) -> Result<(), PhoneError> {
        let held = self.find_group(jid)?.state().settings.clone();
        let changes = [
            (held.locked != wanted.locked, Setting::Locked(wanted.locked)),
            (held.announce != wanted.announce, Setting::Announce(wanted.announce)),
            (held.ephemeral != wanted.ephemeral, Setting::Ephemeral(wanted.ephemeral)),
            (held.approval != wanted.approval, Setting::Approval(wanted.approval)),
            (held.members_add != wanted.members_add, Setting::MembersAdd(wanted.members_add)),
        ];
        for (_, setting) in changes.into_iter().filter(|(differs, _)| *differs) {
            self.act(jid, Act::Set(setting))?;
        }
        Ok(())
    }

    /// The code of a group's invite link; with `renew` a new one, and the old one is void.
    ///
    /// # Errors
    /// When this phone may not.
    pub fn group_code(&self, jid: &str, renew: bool) -> Result<String, PhoneError> {
        match self.act(jid, Act::Invite(renew))? {
            Done::Code(code) => Ok(code),
            _ => Err(Refused::BAD_REQUEST.into()),
        }
    }

    /// Joins a group by its code. False when admins have to let the phone in first.
    ///
    /// # Errors
    /// When the code leads nowhere, or the group does not take the phone.
    pub fn join_group(&self, code: &str) -> Result<bool, PhoneError> {
        self.check_online()?;
        let joined = group::join(&self.registry, &self.account, code)?;
        Ok(matches!(joined, Joined::In(_)))
    }

    /// Lets numbers that asked in, or not.
    ///
    /// # Errors
    /// When this phone may not.
    pub fn decide_in_group(
        &self,
        jid: &str,
        approve: bool,
        numbers: &[&str],
    ) -> Result<Vec<(String, u16)>, PhoneError> {
        self.act(jid, Act::Decide(approve, people(numbers))).map(failed)
    }

    /// From now on nobody can add this account to groups, or everybody can again.
    pub fn close_to_groups(&self, closed: bool) {
        self.account.person.close_to_groups(closed);
    }

    /// What the account says of itself.
    pub fn set_about(&self, text: &str) {
        self.account.person.set_about(text, crate::stanza::now());
    }

    /// Numbers that the account keeps away.
    pub fn blocked(&self) -> Vec<String> {
        self.account.person.blocked().into_iter().map(|(number, _)| number).collect()
    }

    /// Keeps a number away, or lets it in again: what it writes does not arrive, it can't add this account to groups, and
    /// its status is not seen.
    pub fn block(&self, number: &str, blocked: bool) {
        self.account.person.set_blocked(number, blocked.then(crate::stanza::now));
    }

    /// Believes that everybody in the group has its key, and makes a new one all the same: the next message can't be read
    /// by anybody until they ask for it again.
    pub fn lose_track_of_keys(&self, jid: &str) {
        if let Ok(chat) = jid.parse() {
            self.account.phone.sender_keys().lose_own(&chat, &super::signal::address(&self.account.number, 0));
        }
    }

    /// Sends any message to a group.
    pub(super) fn send_to_group(&self, chat: &Jid, message: &Message) -> Result<String, PhoneError> {
        let unknown = || PhoneError::UnknownRecipient(chat.to_string());
        let group = self.registry.groups.find(chat).ok_or_else(unknown)?;
        let readers = {
            let state = group.state();
            let role = state.role(&self.account).ok_or(Refused::FORBIDDEN)?;
            if state.settings.announce && !role.is_admin() {
                return Err(Refused::FORBIDDEN.into());
            }
            state.accounts()
        };
        let letter = shared::Letter { chat: chat.clone(), family: group.family, readers, message };
        let id = shared::send(&self.registry, &self.account, &letter)?;
        self.account.phone.changed.notify_waiters();
        self.registry.changed.notify_waiters();
        Ok(id)
    }

    fn change_group(
        &self,
        jid: &str,
        change: MemberChange,
        numbers: &[&str],
    ) -> Result<Vec<(String, u16)>, PhoneError> {
        self.act(jid, Act::Change(change, people(numbers))).map(failed)
    }

    pub(super) fn act(&self, jid: &str, act: Act) -> Result<Done, PhoneError> {
        self.check_online()?;
        let group = self.find_group(jid)?;
        Ok(group::run(&self.registry, &self.account, &group, act)?)
    }

    pub(super) fn find_group(&self, jid: &str) -> Result<Arc<Group>, PhoneError> {
        let bad = || PhoneError::BadRecipient(jid.to_owned());
        let jid: Jid = jid.parse().map_err(|_| bad())?;
        Ok(self.registry.groups.find(&jid).ok_or(Refused::NOT_FOUND)?)
    }
}

/// Numbers, or jids, as jids.
fn people(numbers: &[&str]) -> Vec<Jid> {
    numbers.iter().map(|number| number.parse().unwrap_or_else(|_| Jid::pn(*number))).collect()
}

fn failed(done: Done) -> Vec<(String, u16)> {
    let Done::Members(outcomes) = done else { return Vec::new() };
    outcomes.into_iter().filter_map(|outcome| Some((outcome.jid.to_string(), outcome.error?))).collect()
}
