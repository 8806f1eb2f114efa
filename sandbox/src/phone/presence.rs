//! A phone's user who comes, goes and types.

use super::{Phone, PhoneError, group_of};
use crate::presence;
use crate::typing::{self, Place, TypingSeen};
use crate::wait::{WaitError, until};
use std::time::Duration;
use wacore_binary::builder::NodeBuilder;

/// The phone among an account's devices.
const PHONE: u16 = 0;

impl Phone {
    /// The user looks at the phone, or puts it away. Whoever watches hears of it.
    pub fn appear(&self, there: bool) {
        presence::appear(&self.registry, &self.account, PHONE, there);
    }

    /// The user types (`composing`), records (`recording`) or stops (`paused`) in the chat with a number or jid, or in a
    /// group that they are in.
    ///
    /// # Errors
    /// When the phone is offline, nobody has the address, or there is no such word.
    pub fn type_to(&self, to: &str, what: &str) -> Result<(), PhoneError> {
        self.check_online()?;
        let (what, child) = match what {
            "composing" => ("composing", NodeBuilder::new("composing")),
            "recording" => ("recording", NodeBuilder::new("composing").attr("media", "audio")),
            "paused" => ("paused", NodeBuilder::new("paused")),
            other => return Err(PhoneError::BadRecipient(other.to_owned())),
        };
        let place = if let Some(jid) = group_of(to) {
            let group = self.registry.groups.find(&jid);
            Place::Group(group.ok_or_else(|| PhoneError::UnknownRecipient(to.to_owned()))?)
        } else {
            let (target, family) = self.recipient(to)?;
            Place::Chat(target, family)
        };
        typing::show(&self.account, PHONE, &place, what, &child.build());
        Ok(())
    }

    /// What others were seen doing in chats and groups, the oldest first; at most 256.
    pub fn typing(&self) -> Vec<TypingSeen> {
        self.account.phone.inbox().typing()
    }

    /// Waits until somebody is seen doing this in the chat with the phone: `composing`, `recording` or `paused`.
    ///
    /// # Errors
    /// When nobody is within the time.
    pub async fn wait_for_typing(&self, what: &str, within: Duration) -> Result<(), WaitError> {
        self.wait_to_see(within, |seen| seen.group.is_none() && seen.what == what).await
    }

    /// ... in a group.
    ///
    /// # Errors
    /// When nobody is within the time.
    pub async fn wait_for_typing_in(&self, group: &str, what: &str, within: Duration) -> Result<(), WaitError> {
        self.wait_to_see(within, |seen| seen.group.as_deref() == Some(group) && seen.what == what).await
    }

    async fn wait_to_see(&self, within: Duration, wanted: impl Fn(&TypingSeen) -> bool) -> Result<(), WaitError> {
        until(&self.account.phone.changed, within, "typing", || self.typing().iter().any(&wanted).then_some(())).await
    }

    /// Numbers that watch whether the user is there, or did on a connection that is over.
    pub fn watchers(&self) -> Vec<String> {
        self.account.presence.watchers().into_iter().map(|(number, _)| number).collect()
    }

    /// Waits until a number watches this phone, or no more.
    ///
    /// # Errors
    /// When it does not within the time.
    pub async fn wait_for_watcher(&self, number: &str, watches: bool, within: Duration) -> Result<(), WaitError> {
        let changed = &self.registry.changed;
        until(changed, within, "a watcher", || {
            (self.watchers().iter().any(|one| one == number) == watches).then_some(())
        })
        .await
    }
}
