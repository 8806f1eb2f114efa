//! What a phone sends to a companion it has just linked: the app-state key and an empty history.
//!
//! Without the key, whatsapp-rust waits ten seconds for it on every pairing. Without a history,
//! Baileys holds all events back for twenty seconds on every login.

use super::send::send_peer;
use crate::account::Account;
use crate::device::Device;
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
    HistorySyncNotification, HistorySyncType as NotificationType, ProtocolMessage,
};
use waproto::whatsapp::{HistorySync, Message, history_sync::HistorySyncType};

/// Greets a companion once, as soon as its keys are there and the phone is online.
pub(crate) fn greet(registry: &Registry, account: &Arc<Account>, device: &Device) {
    if !account.phone.is_online() || device.keys().left() == 0 || !device.take_greeting() {
        return;
    }
    let letters = [
        share_key(account),
        empty_history(HistorySyncType::INITIAL_BOOTSTRAP, NotificationType::INITIAL_BOOTSTRAP),
        empty_history(HistorySyncType::RECENT, NotificationType::RECENT),
    ];
    for letter in &letters {
        if let Err(error) = send_peer(registry, account, device.id, letter) {
            tracing::warn!(%error, "a phone cannot greet its companion");
            device.return_greeting();
            return;
        }
    }
}

fn protocol(message: ProtocolMessage) -> Message {
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
    let key = AppStateSyncKey {
        key_id: AppStateSyncKeyId { key_id: Some(vec![0, 0, 0, 0, 0, 1]) }.into(),
        key_data: data.into(),
    };
    protocol(ProtocolMessage {
        r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: AppStateSyncKeyShare { keys: vec![key] }.into(),
        ..Default::default()
    })
}

fn empty_history(history: HistorySyncType, notification: NotificationType) -> Message {
    use buffa::Message as _;
    let history = HistorySync { sync_type: history, chunk_order: Some(1), progress: Some(100), ..Default::default() };
    protocol(ProtocolMessage {
        r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: HistorySyncNotification {
            sync_type: Some(notification),
            chunk_order: Some(1),
            progress: Some(100),
            initial_hist_bootstrap_inline_payload: Some(zlib_stored(&history.encode_to_vec())),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    })
}

/// The smallest zlib stream: one stored block. Data must be shorter than 64 KiB.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("an empty history is short");
    let mut out = vec![0x78, 0x01, 0x01];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(&adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_a_known_text() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn a_stored_block_says_its_length_twice() {
        let out = zlib_stored(b"abc");
        assert_eq!(out[..7], [0x78, 0x01, 0x01, 3, 0, 252, 255]);
        assert_eq!(&out[7..10], b"abc");
    }
}
