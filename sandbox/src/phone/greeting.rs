//! What a phone sends to a companion it has just linked: the app-state key and an empty history.
//!
//! Without the key, whatsapp-rust waits ten seconds for it on every pairing. Without a history,
//! Baileys holds all events back for twenty seconds on every login.

use super::history::{self, Chunk, HistoryPart};
use super::send::send_peer;
use super::settings::KEY_ID;
use crate::account::Account;
use crate::device::Device;
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;
use waproto::whatsapp::Message;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
    ProtocolMessage,
};

/// Greets a companion once, as soon as its keys are there and the phone is online.
pub(crate) fn greet(registry: &Registry, account: &Arc<Account>, device: &Device) {
    if !account.phone.is_online() || device.keys().left() == 0 || !device.take_greeting() {
        return;
    }
    let letters = [
        share_key(account),
        history::notification(&Chunk::empty(HistoryPart::InitialBootstrap), None),
        history::notification(&Chunk::empty(HistoryPart::Recent), None),
    ];
    for letter in &letters {
        if let Err(error) = send_peer(registry, account, device.id, letter) {
            tracing::warn!(%error, "a phone cannot greet its companion");
            device.return_greeting();
            return;
        }
    }
}

pub(crate) fn protocol(message: ProtocolMessage) -> Message {
    Message { protocol_message: message.into(), ..Default::default() }
}

/// The key of the account's app state. Its id is the phone's device number and an epoch.
pub(crate) fn share_key(account: &Account) -> Message {
    let data = AppStateSyncKeyData {
        key_data: Some(account.phone.sync_key.to_vec()),
        fingerprint: AppStateSyncKeyFingerprint {
            raw_id: Some(account.raw_id),
            current_index: Some(0),
            device_indexes: vec![0],
        }
        .into(),
        timestamp: Some(now().cast_signed()),
    };
    let key =
        AppStateSyncKey { key_id: AppStateSyncKeyId { key_id: Some(KEY_ID.to_vec()) }.into(), key_data: data.into() };
    protocol(ProtocolMessage {
        r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: AppStateSyncKeyShare { keys: vec![key] }.into(),
        ..Default::default()
    })
}
