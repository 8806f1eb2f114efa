//! Whom a message goes to, and whether the list of devices is right.

use super::Copy;
use super::parse::Parsed;
use super::relay::Addressee;
use crate::account::{Account, Family};
use crate::connection::Session;
use crate::violation::{Broken, Rule};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::Instant;
use wacore_binary::{Jid, Node};

/// Why a message cannot be routed.
pub(super) enum Unroutable {
    Broken(Broken),
    NoSuchAccount,
}

impl From<Broken> for Unroutable {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// The devices a message goes to. Copies for devices that were unlinked meanwhile are left out; a
/// device that never existed, or that is named twice, breaks the message. A device that is missing
/// although the sender knew of it is recorded and the message goes on, as in the real network.
pub(super) fn resolve(session: &Session, parsed: &Parsed, node: &Node) -> Result<Vec<Copy>, Unroutable> {
    let chat = session.registry.account(&parsed.envelope.chat);
    let chat = chat.ok_or(Unroutable::NoSuchAccount)?;
    let mut named = HashSet::new();
    let mut copies = Vec::with_capacity(parsed.copies.len());
    for (jid, enc) in &parsed.copies {
        let account = participant(session, &chat, jid)?;
        if !named.insert((account.number.clone(), jid.device)) {
            return Err(Broken::new(Rule::RepeatedDevice, "a device is named twice").into());
        }
        if jid.device == 0 || account.device(jid.device).is_some() {
            let family = Family::of(jid).unwrap_or(Family::Number);
            let addressee = Addressee::new(&account, jid.device, family);
            copies.push((addressee, vec![enc.clone()]));
        } else if !account.had_device(jid.device) {
            let detail = "addressed to a device that never existed";
            return Err(Broken::new(Rule::UnknownDevice, detail).into());
        }
    }
    if !parsed.single {
        check_complete(session, &chat, &named, node);
    }
    Ok(copies)
}

fn participant(session: &Session, chat: &Arc<Account>, jid: &Jid) -> Result<Arc<Account>, Broken> {
    let account = session
        .registry
        .account(jid)
        .ok_or_else(|| Broken::new(Rule::UnknownDevice, "addressed to an unknown account"))?;
    let own = account.number == session.account.number;
    if own && jid.device == session.device.id {
        return Err(Broken::new(Rule::RepeatedDevice, "a device addressed itself"));
    }
    if own || account.number == chat.number {
        Ok(account)
    } else {
        let detail = "a participant who is neither the recipient nor an own device";
        Err(Broken::new(Rule::UnknownDevice, detail))
    }
}

fn check_complete(session: &Session, chat: &Account, named: &HashSet<(String, u16)>, node: &Node) {
    let own = &*session.account;
    let both = [chat, own];
    let accounts = if chat.number == own.number { &both[..1] } else { &both };
    for account in accounts {
        let is_named = |device: u16| named.contains(&(account.number.clone(), device));
        let is_self = |device: u16| account.number == own.number && device == session.device.id;
        let missing = std::iter::once(0)
            .chain(account.devices().iter().map(|device| device.id))
            .filter(|device| !is_named(*device) && !is_self(*device))
            .count();
        if missing > 0 && knew(session, account) {
            let detail = format!("{missing} device(s) left out of which the sender was told");
            session.violated(&Broken::new(Rule::MissingDevice, detail), node);
        }
    }
}

/// Whether the sender has had the current device list long enough to use it.
fn knew(session: &Session, account: &Account) -> bool {
    let told = session.device.knows(&account.number);
    let grace = session.registry.config.device_list_grace;
    told.is_some_and(|told| told.version >= account.snapshot().version && Instant::now() > told.since + grace)
}
