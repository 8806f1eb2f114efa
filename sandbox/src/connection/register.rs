//! A connection without an account: it offers itself for pairing.

mod code;

use super::{Incoming, Link};
use crate::fault::FaultScope;
use crate::pairing::Offer;
use crate::pairing::complete::judge;
use crate::pairing::offer::REFERENCES;
use crate::prekey::{DeviceKeys, SignedKey, sized};
use crate::registry::Registry;
use crate::stanza::{SERVER, attr, iq_error, iq_result, stream_error};
use crate::violation::{Broken, Rule};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPayload;
use waproto::whatsapp::client_payload::DevicePairingRegistrationData;

/// Serves an unregistered connection until it ends or is linked.
pub(super) async fn run(registry: &Arc<Registry>, mut incoming: Incoming, noise: [u8; 32], payload: &ClientPayload) {
    let link = incoming.link.clone();
    let data = payload.device_pairing_data.as_option();
    let keys = match data.map(keys) {
        Some(Ok(keys)) => keys,
        Some(Err(broken)) => {
            registry.violated(None, &broken, &Node::default());
            link.say_goodbye([stream_error(400).build()]);
            return;
        }
        None => return,
    };
    let references: Vec<String> = (0..REFERENCES).map(|_| reference()).collect();
    link.bind(FaultScope::new([registry.faults.clone()]));
    let props = data.and_then(|data| data.device_props.as_deref()).unwrap_or_default();
    let offer = Arc::new(Offer::new(link.clone(), noise, keys, props.to_vec()));
    registry.offers.publish(&references, &offer);
    link.send(pair_device(&registry.stanza_id(), &references));
    registry.changed.notify_waiters();
    while let Some(node) = incoming.next().await {
        stanza(registry, &link, &offer, &node);
    }
    registry.offers.withdraw(&references, &offer);
    offer.abandon();
}

fn stanza(registry: &Registry, link: &Link, offer: &Arc<Offer>, node: &Node) {
    let id = attr(node, "id").unwrap_or_default();
    let kind = attr(node, "type").unwrap_or_default();
    match (node.tag.as_ref(), kind.as_ref()) {
        ("iq", "result" | "error") => {
            // Anything else is the client's receipt of `<pair-device>`.
            if let Some(pending) = offer.answered(&id) {
                judge(registry, offer, *pending, node);
            }
        }
        ("iq", _) => match attr(node, "xmlns").as_deref() {
            Some("w:p") => link.send(iq_result(&id, None)),
            Some("md") => code::handle(registry, offer, &id, node),
            _ => {
                let broken = Broken::new(Rule::OutOfOrder, "a request before the login");
                registry.violated(None, &broken, node);
                link.send(iq_error(&id, 403, "forbidden"));
            }
        },
        ("ack", _) if attr(node, "class").as_deref() == Some("notification") && offer.acknowledged(&id) => {}
        // Baileys says that it is there once it has asked for a code.
        ("presence", _) if offer.request().is_some() => {}
        ("ib", _) => {}
        _ => {
            let broken = Broken::new(Rule::OutOfOrder, "a stanza before the login");
            registry.violated(None, &broken, node);
        }
    }
}

fn reference() -> String {
    let random: [u8; 32] = rand::random();
    format!("2@{}", BASE64_STANDARD.encode(random))
}

fn pair_device(id: &str, references: &[String]) -> Node {
    let refs = references.iter().map(|reference| NodeBuilder::new("ref").bytes(reference.as_bytes()).build());
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", id)
        .children([NodeBuilder::new("pair-device").children(refs).build()])
        .build()
}

fn keys(data: &DevicePairingRegistrationData) -> Result<DeviceKeys, Broken> {
    if data.e_keytype.as_deref() != Some(&[5]) {
        return Err(Broken::new(Rule::Attribute, "registered key type is not 05"));
    }
    let signed = SignedKey {
        id: sized(data.e_skey_id.as_deref(), "registered signed key id")?,
        value: sized(data.e_skey_val.as_deref(), "registered signed key")?,
        signature: sized(data.e_skey_sig.as_deref(), "registered signature")?,
    };
    let registration = sized(data.e_regid.as_deref(), "registration id")?;
    let identity = sized(data.e_ident.as_deref(), "registered identity key")?;
    DeviceKeys::new(registration, identity, signed)
}
