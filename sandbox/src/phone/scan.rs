//! A phone scans a QR code.

use crate::account::{Account, Family};
use crate::pairing::adv::Statement;
use crate::pairing::qr::QrCode;
use crate::pairing::{Offer, PairingError, Pending};
use crate::registry::Registry;
use crate::stanza::{SERVER, bytes_node, now};
use buffa::Message as _;
use std::sync::Arc;
use tokio::sync::oneshot;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPairingProps;

/// Signs the companion, tells it so, and waits for its answer.
pub(super) async fn scan(registry: &Registry, account: &Arc<Account>, text: &str) -> Result<u16, PairingError> {
    if !account.phone.is_online() {
        return Err(PairingError::PhoneOffline);
    }
    let code = QrCode::parse(text).ok_or(PairingError::NotACode)?;
    let found = registry.offers.find(&code.reference);
    let offer = found.ok_or(PairingError::UnknownReference)?;
    if offer.keys.identity != code.identity || offer.noise != code.noise {
        return Err(PairingError::KeyMismatch);
    }
    let answer = begin(registry, account, &offer, &code.adv_secret)?;
    let patience = registry.config.pairing_patience;
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_dropped)) => Err(PairingError::ConnectionLost),
        Err(_elapsed) => Err(PairingError::TimedOut(patience)),
    }
}

fn begin(
    registry: &Registry,
    account: &Arc<Account>,
    offer: &Offer,
    adv_secret: &[u8],
) -> Result<oneshot::Receiver<Result<u16, PairingError>>, PairingError> {
    let (device, key_index) = account.reserve_device();
    let statement =
        account.phone.with_identity(|key| Statement::sign(key, account.raw_id, now(), key_index, &offer.keys.identity));
    let iq_id = registry.stanza_id();
    let success = success(account, device, &iq_id, statement.sealed(adv_secret));
    let (done, answer) = oneshot::channel();
    offer.begin(Pending { iq_id, account: account.clone(), device, key_index, statement, done })?;
    offer.link.send(success);
    Ok(answer)
}

fn success(account: &Account, device: u16, iq_id: &str, identity: Vec<u8>) -> Node {
    let props = ClientPairingProps { is_chat_db_lid_migrated: Some(account.lid_migrated()), ..Default::default() };
    // No `<biz>`: its name would become the companion's push name.
    let children = [
        bytes_node("device-identity", identity),
        NodeBuilder::new("device")
            .attr("jid", account.jid(Family::Number, device))
            .attr("lid", account.jid(Family::Hidden, device))
            .build(),
        NodeBuilder::new("platform").attr("name", "android").build(),
        bytes_node("client-props", props.encode_to_vec()),
    ];
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", iq_id)
        .attr("t", now().to_string())
        .children([NodeBuilder::new("pair-success").children(children).build()])
        .build()
}
