//! What a phone shares with its companions as app state: chats put away, pinned, silenced and read, stars, names.
//!
//! The phone owns the key, so it reads every patch of its companions, and a patch whose sums are wrong breaks a rule.

use super::Phone;
use crate::account::{Account, Family};
use crate::iq::appstate;
use crate::stanza::now;
use buffa::Message as _;
use std::collections::HashMap;
use wacore::appstate::decode::decode_record;
use wacore::appstate::encode::encode_record;
use wacore::appstate::hash::{HashState, generate_patch_mac};
use wacore::appstate::keys::{ExpandedAppStateKeys, expand_app_state_keys};
use waproto::whatsapp::sync_action_value as action;
use waproto::whatsapp::syncd_mutation::SyncdOperation;
use waproto::whatsapp::{KeyId, SyncActionValue, SyncdMutation, SyncdPatch, SyncdVersion};

/// Id of the key: the phone's device number and an epoch.
pub(crate) const KEY_ID: [u8; 6] = [0, 0, 0, 0, 0, 1];

/// Something that a phone shares with its companions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A chat is put away, or taken back.
    Archive(bool),
    /// A chat stands above the others, or no more.
    Pin(bool),
    /// A chat is silent until a time in milliseconds, or no more; negative is for ever.
    Mute(Option<i64>),
    /// A chat is read, or marked as unread.
    Read(bool),
    /// A chat is gone.
    Delete,
    /// A message (by its id; whether the account wrote it) is starred, or no more.
    Star(String, bool, bool),
    /// The human is called so.
    Name(String),
}

/// A setting as it was read out of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedSetting {
    /// The collection it stands in.
    pub collection: String,
    /// What it is and what it is about, such as `["archive", "628…@s.whatsapp.net"]`.
    pub index: Vec<String>,
    /// Whether it was set to on: put away, pinned, silent, read, starred.
    pub on: bool,
}

impl Setting {
    /// Collection, index and version of the action, as companions expect them (whatsapp-rust 0.7.0,
    /// `wacore-appstate/src/schemas.rs`).
    fn index(&self, of: &str) -> (&'static str, Vec<String>, i32) {
        let parts = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        match self {
            Self::Archive(_) => ("regular_low", parts(&["archive", of]), 3),
            Self::Pin(_) => ("regular_low", parts(&["pin_v1", of]), 5),
            Self::Mute(_) => ("regular_high", parts(&["mute", of]), 2),
            Self::Read(_) => ("regular_low", parts(&["markChatAsRead", of]), 3),
            Self::Delete => ("regular_high", parts(&["deleteChat", of, "1"]), 6),
            Self::Star(id, from_me, _) => {
                ("regular_high", parts(&["star", of, id, if *from_me { "1" } else { "0" }, "0"]), 2)
            }
            Self::Name(_) => ("critical_unblock_low", parts(&["contact", of]), 2),
        }
    }

    fn value(&self) -> SyncActionValue {
        let empty = || SyncActionValue {
            timestamp: Some(now().cast_signed().saturating_mul(1_000)),
            ..SyncActionValue::default()
        };
        let on = Some;
        match self {
            Self::Archive(archived) => SyncActionValue {
                archive_chat_action: action::ArchiveChatAction { archived: on(*archived), ..Default::default() }.into(),
                ..empty()
            },
            Self::Pin(pinned) => {
                SyncActionValue { pin_action: action::PinAction { pinned: on(*pinned) }.into(), ..empty() }
            }
            Self::Mute(until) => SyncActionValue {
                mute_action: action::MuteAction {
                    muted: on(until.is_some()),
                    mute_end_timestamp: *until,
                    ..Default::default()
                }
                .into(),
                ..empty()
            },
            Self::Read(read) => SyncActionValue {
                mark_chat_as_read_action: action::MarkChatAsReadAction { read: on(*read), ..Default::default() }.into(),
                ..empty()
            },
            Self::Delete => {
                SyncActionValue { delete_chat_action: action::DeleteChatAction::default().into(), ..empty() }
            }
            Self::Star(_, _, starred) => {
                SyncActionValue { star_action: action::StarAction { starred: on(*starred) }.into(), ..empty() }
            }
            Self::Name(name) => SyncActionValue {
                contact_action: action::ContactAction { full_name: Some(name.clone()), ..Default::default() }.into(),
                ..empty()
            },
        }
    }
}

/// Whether an action sets something to on.
fn is_on(value: &SyncActionValue) -> bool {
    let archive = value.archive_chat_action.as_option().and_then(|action| action.archived);
    let pin = value.pin_action.as_option().and_then(|action| action.pinned);
    let mute = value.mute_action.as_option().and_then(|action| action.muted);
    let read = value.mark_chat_as_read_action.as_option().and_then(|action| action.read);
    let star = value.star_action.as_option().and_then(|action| action.starred);
    archive.or(pin).or(mute).or(read).or(star).unwrap_or(true)
}

/// A collection as its patches leave it.
#[derive(Default)]
pub(crate) struct Collection {
    state: HashState,
    /// The sum of each index' newest value.
    sums: HashMap<Vec<u8>, Vec<u8>>,
}

fn operation(mutation: &SyncdMutation) -> SyncdOperation {
    mutation.operation.and_then(|operation| operation.as_known()).unwrap_or(SyncdOperation::SET)
}

fn index_sum(mutation: &SyncdMutation) -> Option<Vec<u8>> {
    mutation.record.as_option()?.index.as_option()?.blob.clone()
}

fn value_sum(mutation: &SyncdMutation) -> Option<Vec<u8>> {
    let blob = mutation.record.as_option()?.value.as_option()?.blob.as_deref()?;
    Some(blob.get(blob.len().checked_sub(32)?..)?.to_vec())
}

impl Collection {
    /// Takes a patch's changes in.
    fn take(&mut self, mutations: &[SyncdMutation]) -> Option<()> {
        let sums = &self.sums;
        let (_, done) = self.state.update_hash(mutations, |index, _| Ok(sums.get(index).cloned()));
        done.ok()?;
        self.state.version += 1;
        for mutation in mutations {
            let index = index_sum(mutation)?;
            match operation(mutation) {
                SyncdOperation::REMOVE => drop(self.sums.remove(&index)),
                _ => drop(self.sums.insert(index, value_sum(mutation)?)),
            }
        }
        Some(())
    }

    /// The sums that a patch must have which leads here.
    fn sums(&self, patch: &SyncdPatch, name: &str, keys: &ExpandedAppStateKeys) -> (Vec<u8>, Vec<u8>) {
        let snapshot = self.state.generate_snapshot_mac(name, &keys.snapshot_mac);
        let with = SyncdPatch { snapshot_mac: Some(snapshot.clone()), ..patch.clone() };
        let patch = generate_patch_mac(&with, name, &keys.patch_mac, self.state.version);
        (snapshot, patch)
    }
}

fn keys(account: &Account) -> ExpandedAppStateKeys {
    expand_app_state_keys(&account.phone.sync_key)
}

/// A collection after all its patches.
fn collection(patches: &[Vec<u8>]) -> Option<Collection> {
    let mut collection = Collection::default();
    for patch in patches {
        collection.take(&SyncdPatch::decode_from_slice(patch).ok()?.mutations)?;
    }
    Some(collection)
}

/// Whether a companion's patch has the sums that its account's key gives it. A patch under another key can't be told.
pub(crate) fn is_sound(account: &Account, name: &str, before: &[Vec<u8>], patch: &SyncdPatch) -> bool {
    if patch.key_id.as_option().and_then(|key| key.id.as_deref()) != Some(&KEY_ID) {
        return false;
    }
    let Some(mut collection) = collection(before) else { return false };
    if collection.take(&patch.mutations).is_none() {
        return false;
    }
    let (snapshot, whole) = collection.sums(patch, name, &keys(account));
    patch.snapshot_mac.as_deref() == Some(&snapshot) && patch.patch_mac.as_deref() == Some(&whole)
}

impl Phone {
    /// Shares a setting of a chat or a human with the companions.
    pub fn share(&self, of: &str, setting: &Setting) {
        let (name, index, version) = setting.index(of);
        let keys = keys(&self.account);
        let index = serde_json::to_vec(&index).unwrap_or_default();
        let iv: [u8; 16] = rand::random();
        let (mutation, _) = encode_record(SyncdOperation::SET, &index, &setting.value(), &keys, &KEY_ID, &iv, version);
        let moved = self.account.app_state().append(name, |before| {
            let mut collection = collection(before)?;
            let mut patch = SyncdPatch {
                key_id: KeyId { id: Some(KEY_ID.to_vec()) }.into(),
                mutations: vec![mutation.clone()],
                version: SyncdVersion { version: Some(before.len() as u64 + 1) }.into(),
                ..Default::default()
            };
            collection.take(&patch.mutations)?;
            let (snapshot, whole) = collection.sums(&patch, name, &keys);
            (patch.snapshot_mac, patch.patch_mac) = (Some(snapshot), Some(whole));
            Some(patch.encode_to_vec())
        });
        if let Some(version) = moved {
            appstate::announce(&self.registry, &self.account, None, name, version);
        }
    }

    /// Everything that was shared, by the phone and its companions, the oldest of each collection first.
    pub fn shared(&self) -> Vec<SharedSetting> {
        let keys = keys(&self.account);
        let state = self.account.app_state();
        let mut found = Vec::new();
        for (name, patch) in state.patches() {
            let Ok(patch) = SyncdPatch::decode_from_slice(patch) else { continue };
            found.extend(patch.mutations.iter().filter_map(|mutation| read(mutation, name, &keys)));
        }
        found
    }

    /// The jid of another phone, as its chat is named in app state.
    pub fn chat_with(other: &Self) -> String {
        other.account.jid(Family::Number, 0).to_string()
    }
}

fn read(mutation: &SyncdMutation, name: &str, keys: &ExpandedAppStateKeys) -> Option<SharedSetting> {
    let record = mutation.record.as_option()?;
    let (read, _) = decode_record(operation(mutation), record, keys, &KEY_ID, true).ok()?;
    let on = read.action_value.as_ref().is_none_or(is_on);
    Some(SharedSetting { collection: name.to_owned(), index: read.index, on })
}
