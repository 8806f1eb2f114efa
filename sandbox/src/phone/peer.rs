//! What a phone answers to its own companions: requests for keys and for lost messages.

use super::greeting::share_key;
use super::history;
use super::send::{send_peer, text};
use crate::account::Account;
use crate::registry::Registry;
use std::sync::Arc;
use waproto::whatsapp::message::peer_data_operation_request_response_message::PeerDataOperationResult;
use waproto::whatsapp::message::peer_data_operation_request_response_message::peer_data_operation_result::PlaceholderMessageResendResponse;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::{
    PeerDataOperationRequestMessage, PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType,
    ProtocolMessage,
};
use waproto::whatsapp::{Message, MessageKey, WebMessageInfo};

/// Answers a peer message of a companion, if it asks for something a phone has.
pub(crate) fn answer(registry: &Registry, account: &Arc<Account>, device: u16, request_id: &str, message: &Message) {
    let Some(protocol) = message.protocol_message.as_option() else {
        return;
    };
    let answer = if protocol.app_state_sync_key_request.is_set() {
        Some(share_key(account))
    } else {
        protocol.peer_data_operation_request_message.as_option().and_then(|request| {
            match request.history_sync_on_demand_request.as_option() {
                Some(older) => history::older(account, older, request_id),
                None => resend(account, request_id, request),
            }
        })
    };
    if let Some(answer) = answer
        && let Err(error) = send_peer(registry, account, device, &answer)
    {
        tracing::warn!(%error, "a phone cannot answer its companion");
    }
}

/// The phone's own copies of messages that a companion could not decrypt.
fn resend(account: &Account, request_id: &str, request: &PeerDataOperationRequestMessage) -> Option<Message> {
    let wanted = PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND;
    if request.peer_data_operation_request_type != Some(wanted) {
        return None;
    }
    let results = request
        .placeholder_message_resend_request
        .iter()
        .filter_map(|wanted| copy_of(account, wanted.message_key.as_option()?))
        .collect::<Vec<_>>();
    let response = PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: Some(wanted),
        stanza_id: Some(request_id.to_owned()),
        peer_data_operation_result: results,
    };
    let protocol = ProtocolMessage {
        r#type: Some(Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
        peer_data_operation_request_response_message: response.into(),
        ..Default::default()
    };
    Some(Message { protocol_message: protocol.into(), ..Default::default() })
}

fn copy_of(account: &Account, key: &MessageKey) -> Option<PeerDataOperationResult> {
    use buffa::Message as _;
    let id = key.id.as_deref()?;
    let shown = account.phone.inbox().find(|message| message.id == id)?;
    let info = WebMessageInfo {
        key: key.clone().into(),
        message: text(&shown.text?).into(),
        message_timestamp: Some(shown.at_ms / 1_000),
        ..Default::default()
    };
    Some(PeerDataOperationResult {
        placeholder_message_resend_response: PlaceholderMessageResendResponse {
            web_message_info_bytes: Some(info.encode_to_vec()),
        }
        .into(),
        ..Default::default()
    })
}
