//! Pairing by code: what a companion asks for and sends, checked; and the phone's share of the secret.
//!
//! The server never sees the code. It hands the phone's answer to the connection that asked last for the phone's number,
//! and nobody can tell a right code from a wrong one before the companion's key bundle opens, or does not.

use crate::prekey::sized;
use crate::stanza::{SERVER, attr, bytes_node, child_bytes, jid_attr, now};
use crate::violation::{Broken, Rule};
use tokio::time::Instant;
use wacore::crypto::hkdf_sha256_into;
use wacore::libsignal::crypto::aes_256_gcm_decrypt;
use wacore::libsignal::protocol::{IdentityKeyPair, KeyPair, PublicKey};
use wacore::pair_code::PairCodeUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};

/// The child of every stanza of this protocol.
pub(crate) const TAG: &str = "link_code_companion_reg";

/// Salt, counter block and key: an ephemeral key under the code.
const WRAPPED: usize = 80;
/// Salt, nonce, three keys of 32 bytes and a tag: the companion's key bundle.
const BUNDLE: usize = 32 + 12 + 96 + 16;

/// A companion that waits for its code to be entered.
#[derive(Clone)]
pub(crate) struct CodeRequest {
    /// The number that is to link it.
    pub(crate) number: String,
    /// By this the phone's answer names the request.
    pub(crate) reference: [u8; 16],
    /// The companion's ephemeral key, under the code.
    pub(crate) wrapped: [u8; WRAPPED],
    /// When it was asked for.
    pub(crate) asked: Instant,
    /// How often a phone has answered it.
    pub(crate) tries: u32,
}

impl CodeRequest {
    /// Reads `companion_hello` of the connection with this Noise key.
    pub(crate) fn read(hello: &Node, noise: &[u8; 32], asked: Instant) -> Result<Self, Broken> {
        let number = number(hello)?;
        if !matches!(attr(hello, "should_show_push_notification").as_deref(), Some("true" | "false")) {
            return Err(Broken::new(Rule::Attribute, "should_show_push_notification is neither true nor false"));
        }
        let wrapped = child_bytes(hello, "link_code_pairing_wrapped_companion_ephemeral_pub");
        let auth: [u8; 32] =
            sized(child_bytes(hello, "companion_server_auth_key_pub"), "companion_server_auth_key_pub")?;
        if auth != *noise {
            return Err(Broken::new(Rule::Signature, "companion_server_auth_key_pub is not the connection's"));
        }
        for tag in ["companion_platform_id", "companion_platform_display", "link_code_pairing_nonce"] {
            if child_bytes(hello, tag).is_none_or(<[u8]>::is_empty) {
                return Err(Broken::new(Rule::Child, format!("no {tag}")));
            }
        }
        let display = child_bytes(hello, "companion_platform_display").unwrap_or_default();
        // `Chrome (Linux)`; the real network answers anything else with 400.
        if !display.ends_with(b")") || !display.windows(2).any(|pair| pair == b" (") {
            return Err(Broken::new(Rule::Child, "companion_platform_display is not a browser and a system"));
        }
        Ok(Self { number, reference: rand::random(), wrapped: sized(wrapped, "wrapped key")?, asked, tries: 0 })
    }
}

fn number(registration: &Node) -> Result<String, Broken> {
    let jid = jid_attr(registration, "jid").filter(|jid| jid.server == Server::Pn && jid.device == 0);
    let jid = jid.ok_or_else(|| Broken::new(Rule::Attribute, "jid is not the jid of a number"))?;
    Ok(jid.user.to_string())
}

/// `companion_finish`, checked against the request and the connection's identity key; gives the key bundle.
pub(crate) fn finish(node: &Node, request: &CodeRequest, identity: &[u8; 32]) -> Result<Vec<u8>, Broken> {
    if number(node)? != request.number {
        return Err(Broken::new(Rule::Attribute, "companion_finish for another number"));
    }
    let reference: [u8; 16] = sized(child_bytes(node, "link_code_pairing_ref"), "link_code_pairing_ref")?;
    let named: [u8; 32] = sized(child_bytes(node, "companion_identity_public"), "companion_identity_public")?;
    if reference != request.reference || named != *identity {
        return Err(Broken::new(Rule::Signature, "companion_finish with another reference or identity"));
    }
    let bundle: [u8; BUNDLE] = sized(child_bytes(node, "link_code_pairing_wrapped_key_bundle"), "key bundle")?;
    Ok(bundle.to_vec())
}

/// The answer to `companion_hello`.
pub(crate) fn accepted(request: &CodeRequest) -> Node {
    let reference = bytes_node("link_code_pairing_ref", request.reference);
    NodeBuilder::new(TAG).attr("stage", "companion_hello").children([reference]).build()
}

/// Asks the companion to get another code.
pub(crate) fn refresh(id: &str, request: &CodeRequest, by_hand: bool) -> Node {
    let reference = bytes_node("link_code_pairing_ref", request.reference);
    let stage = NodeBuilder::new(TAG)
        .attr("stage", "refresh_code")
        .attr("force_manual_refresh", if by_hand { "true" } else { "false" });
    notification(id, stage.children([reference]).build())
}

fn notification(id: &str, child: Node) -> Node {
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", TAG)
        .attr("id", id)
        .attr("t", now().to_string())
        .children([child])
        .build()
}

/// Eight characters as a human types them, or `None` when they are no code.
pub(crate) fn parse(text: &str) -> Option<String> {
    let code: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    PairCodeUtils::validate_code(&code).then(|| code.to_uppercase())
}

/// The phone's half of the exchange, made from the code.
pub(crate) struct Entered {
    companion: [u8; 32],
    ephemeral: KeyPair,
    wrapped: [u8; WRAPPED],
}

impl Entered {
    /// Derives two keys from the code, which takes some 40 ms each: for a thread that may block.
    pub(crate) fn derive(code: &str, wrapped: &[u8; WRAPPED]) -> Option<Self> {
        let companion = PairCodeUtils::decrypt_primary_ephemeral_pub(wrapped, code).ok()?;
        let ephemeral = KeyPair::generate(&mut rand::rng());
        let public: [u8; 32] = ephemeral.public_key.public_key_bytes().try_into().ok()?;
        Some(Self { companion, wrapped: PairCodeUtils::encrypt_ephemeral_pub(&public, code), ephemeral })
    }

    /// What the companion gets: the phone's ephemeral key under the code, and who the phone is.
    pub(crate) fn hello(&self, id: &str, identity: &IdentityKeyPair, request: &CodeRequest) -> Node {
        let children = [
            bytes_node("link_code_pairing_wrapped_primary_ephemeral_pub", self.wrapped),
            bytes_node("primary_identity_pub", identity.public_key().public_key_bytes()),
            bytes_node("link_code_pairing_ref", request.reference),
        ];
        notification(id, NodeBuilder::new(TAG).attr("stage", "primary_hello").children(children).build())
    }

    /// Opens the companion's bundle and gives the secret that authenticates its device identity. `None` when it does not
    /// open: the code was wrong.
    pub(crate) fn secret(&self, bundle: &[u8], identity: &IdentityKeyPair, companion: &[u8; 32]) -> Option<[u8; 32]> {
        let agree = |key: &wacore::libsignal::protocol::PrivateKey, with: &[u8; 32]| {
            let with = PublicKey::from_djb_public_key_bytes(with).ok()?;
            key.calculate_agreement(&with).ok()
        };
        let shared = agree(&self.ephemeral.private_key, &self.companion)?;
        let (salt, rest) = bundle.split_at_checked(32)?;
        let (nonce, sealed) = rest.split_first_chunk::<12>()?;
        let mut key = [0; 32];
        let purpose = b"link_code_pairing_key_bundle_encryption_key";
        hkdf_sha256_into(&shared, Some(salt), purpose, &mut key).ok()?;
        let mut opened = Vec::new();
        aes_256_gcm_decrypt(&key, nonce, b"", sealed, &mut opened).ok()?;
        let keys: &[u8; 96] = opened.as_slice().try_into().ok()?;
        if keys[..32] != companion[..] || keys[32..64] != *identity.public_key().public_key_bytes() {
            return None;
        }
        let identities = agree(identity.private_key(), companion)?;
        let material = [&shared[..], &identities[..], &keys[64..]].concat();
        let mut secret = [0; 32];
        hkdf_sha256_into(&material, None, b"adv_secret", &mut secret).ok()?;
        Some(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_typed() {
        assert_eq!(parse("abcd-efgh").as_deref(), Some("ABCDEFGH"));
        assert_eq!(parse(" 1234 5678 ").as_deref(), Some("12345678"));
        for text in ["", "ABCDEFG", "ABCDEFGHJ", "ABCDEFGO", "2@abc"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_right_code_gives_both_the_same_secret_and_a_wrong_one_none() {
        let (phone, device) = (IdentityKeyPair::generate(&mut rand::rng()), KeyPair::generate(&mut rand::rng()));
        let public = |key: &KeyPair| -> [u8; 32] { key.public_key.public_key_bytes().try_into().unwrap() };
        let ephemeral = KeyPair::generate(&mut rand::rng());
        let wrapped = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), "ABCDEFGH");
        for (typed, opens) in [("ABCDEFGH", true), ("ABCDEFGJ", false)] {
            let entered = Entered::derive(typed, &wrapped).unwrap();
            let primary = PairCodeUtils::decrypt_primary_ephemeral_pub(&entered.wrapped, "ABCDEFGH").unwrap();
            let identity: [u8; 32] = phone.public_key().public_key_bytes().try_into().unwrap();
            let (bundle, secret) = PairCodeUtils::prepare_key_bundle(&ephemeral, &primary, &identity, &device).unwrap();
            let got = entered.secret(&bundle, &phone, &public(&device));
            assert_eq!(got, opens.then_some(secret), "{typed}");
        }
    }
}
