//! A phone links a companion, by QR code or by code.

use crate::account::{Account, Family};
use crate::pairing::adv::Statement;
use crate::pairing::code::{self, Entered};
use crate::pairing::qr::QrCode;
use crate::pairing::{Offer, PairingError, Pending, passkey};
use crate::registry::Registry;
use crate::stanza::{SERVER, bytes_node, now};
use buffa::Message as _;
use std::sync::Arc;
use tokio::sync::oneshot;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPairingProps;

/// How often one code may be entered; the companion answers no more often.
const MOST_TRIES: u32 = 3;

/// Links the companion that shows this QR code.
pub(super) async fn scan(registry: &Registry, account: &Arc<Account>, text: &str) -> Result<u16, PairingError> {
    check_online(account)?;
    let code = QrCode::parse(text).ok_or(PairingError::NotACode)?;
    let found = registry.offers.find(&code.reference);
    let offer = found.ok_or(PairingError::UnknownReference)?;
    if offer.keys.identity != code.identity || offer.noise != code.noise {
        return Err(PairingError::KeyMismatch);
    }
    demand_passkey(registry, account, &offer)?;
    let answer = begin(registry, account, &offer, &code.adv_secret)?;
    in_time(registry, answer).await?
}

/// Links the companion that asked last for a code for the phone's number and shows this one.
pub(super) async fn enter_code(registry: &Registry, account: &Arc<Account>, text: &str) -> Result<u16, PairingError> {
    check_online(account)?;
    let code = code::parse(text).ok_or(PairingError::NotAPairingCode)?;
    let offer = registry.offers.asking(&account.number).ok_or(PairingError::NoCodeRequested)?;
    let request = offer.request().ok_or(PairingError::NoCodeRequested)?;
    if request.number != account.number {
        return Err(PairingError::NoCodeRequested);
    }
    if request.asked.elapsed() > registry.config.code_validity {
        return Err(PairingError::CodeExpired);
    }
    if request.tries >= MOST_TRIES {
        return Err(PairingError::CodeSpent);
    }
    demand_passkey(registry, account, &offer)?;
    let wrapped = request.wrapped;
    let derived = tokio::task::spawn_blocking(move || Entered::derive(&code, &wrapped)).await;
    let entered = derived.ok().flatten().ok_or(PairingError::WrongCode)?;
    let bundle = offer.answer();
    let id = registry.stanza_id();
    offer.notify(&id, account.phone.with_identity(|key| entered.hello(&id, key, &request)));
    let bundle = in_time(registry, bundle).await?;
    let secret = account.phone.with_identity(|key| entered.secret(&bundle, key, &offer.keys.identity));
    let answer = begin(registry, account, &offer, &secret.ok_or(PairingError::WrongCode)?)?;
    in_time(registry, answer).await?
}

/// Tells the companion that waits for a code of this number to get another; the one it has is void.
pub(super) fn refresh_code(registry: &Registry, account: &Account, by_hand: bool) -> Result<(), PairingError> {
    let offer = registry.offers.asking(&account.number).ok_or(PairingError::NoCodeRequested)?;
    let request = offer.take_request().ok_or(PairingError::NoCodeRequested)?;
    let id = registry.stanza_id();
    offer.notify(&id, code::refresh(&id, &request, by_hand));
    Ok(())
}

fn check_online(account: &Account) -> Result<(), PairingError> {
    if account.phone.is_online() { Ok(()) } else { Err(PairingError::PhoneOffline) }
}

/// Where the number demands a passkey the companion is told so, and the pairing goes no further.
fn demand_passkey(registry: &Registry, account: &Account, offer: &Offer) -> Result<(), PairingError> {
    if !account.demands_passkey() {
        return Ok(());
    }
    let id = registry.stanza_id();
    offer.notify(&id, passkey::demand(&id));
    Err(PairingError::PasskeyDemanded)
}

/// What the companion's connection gives within the phone's patience.
async fn in_time<T>(registry: &Registry, answer: oneshot::Receiver<T>) -> Result<T, PairingError> {
    let patience = registry.config.pairing_patience;
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_dropped)) => Err(PairingError::ConnectionLost),
        Err(_elapsed) => Err(PairingError::TimedOut(patience)),
    }
}

/// Signs the companion and tells it so. Its answer ends the pairing.
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
