//! A passkey demand: the network wants a proof that only the owner's authenticator can give before it links a device.
//!
//! Only the demand exists here. What follows it needs a real authenticator and is refused, so such a pairing never ends
//! in a linked device.

use crate::stanza::{SERVER, now};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// The child that holds the options, in the demand and in the answer to who asks for them.
pub(crate) const OPTIONS: &str = "passkey_request_options";

/// Options of a WebAuthn assertion, as a browser would get them.
pub(crate) fn options() -> Node {
    let random = |length: usize| {
        let bytes: Vec<u8> = std::iter::repeat_with(rand::random).take(length).collect();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    };
    let options = serde_json::json!({
        "challenge": random(32),
        "rpId": "whatsapp.com",
        "allowCredentials": [{"type": "public-key", "id": random(16)}],
        "userVerification": "required",
        "timeout": 60_000,
    });
    NodeBuilder::new(OPTIONS).bytes(options.to_string().into_bytes()).build()
}

/// The demand.
pub(crate) fn demand(id: &str) -> Node {
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", "passkey_prologue_request")
        .attr("id", id)
        .attr("t", now().to_string())
        .children([options()])
        .build()
}
