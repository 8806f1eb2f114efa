//! Signal keys of a companion, as it uploaded them, and the bundles handed out from them.

use crate::stanza::{bytes_node, child_bytes, now};
use crate::violation::{Broken, Rule};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use wacore::libsignal::protocol::PublicKey;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// The only key type there is: curve25519.
const KEY_TYPE: u8 = 5;

/// A signed prekey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedKey {
    pub(crate) id: [u8; 3],
    pub(crate) value: [u8; 32],
    pub(crate) signature: [u8; 64],
}

/// The public keys of one device.
#[derive(Debug, Clone)]
pub(crate) struct DeviceKeys {
    pub(crate) registration: [u8; 4],
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedKey,
    /// One-time prekeys by id, in the order of their ids.
    one_time: BTreeMap<[u8; 3], [u8; 32]>,
}

/// Everything a sender needs to start a session with a device.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) registration: [u8; 4],
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedKey,
    pub(crate) one_time: Option<([u8; 3], [u8; 32])>,
    /// The proof of a companion; phones have none.
    pub(crate) proof: Option<Vec<u8>>,
}

impl DeviceKeys {
    /// Keys as registered; the signature over the signed prekey is checked.
    pub(crate) fn new(registration: [u8; 4], identity: [u8; 32], signed: SignedKey) -> Result<Self, Broken> {
        verify_signed_key(&identity, &signed)?;
        Ok(Self { registration, identity, signed, one_time: BTreeMap::new() })
    }

    /// Takes an upload (`iq encrypt set`). Returns how many one-time keys it brought.
    pub(crate) fn upload(&mut self, iq: &Node) -> Result<usize, Broken> {
        if child_bytes(iq, "type") != Some(&[KEY_TYPE]) {
            return Err(Broken::new(Rule::Child, "key type is not 05"));
        }
        let registration: [u8; 4] = sized(child_bytes(iq, "registration"), "registration id")?;
        let identity: [u8; 32] = sized(child_bytes(iq, "identity"), "identity key")?;
        if identity != self.identity || registration != self.registration {
            return Err(Broken::new(Rule::Signature, "identity is not the registered one"));
        }
        let signed = signed_key(iq.get_optional_child("skey"))?;
        verify_signed_key(&identity, &signed)?;
        let list = iq.get_optional_child("list").and_then(Node::children);
        let list = list.ok_or_else(|| Broken::new(Rule::Child, "no list of keys"))?;
        let keys = list.iter().map(one_time_key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(Broken::new(Rule::Child, "empty list of keys"));
        }
        self.signed = signed;
        let count = keys.len();
        self.one_time.extend(keys);
        Ok(count)
    }

    /// Takes a new signed prekey (`<rotate>`).
    pub(crate) fn rotate(&mut self, rotate: &Node) -> Result<(), Broken> {
        let signed = signed_key(rotate.get_optional_child("skey"))?;
        verify_signed_key(&self.identity, &signed)?;
        self.signed = signed;
        Ok(())
    }

    /// How many one-time keys are left.
    pub(crate) fn left(&self) -> usize {
        self.one_time.len()
    }

    /// A bundle; uses up one one-time key, if there is one.
    pub(crate) fn take_bundle(&mut self, proof: &[u8]) -> Bundle {
        Bundle {
            registration: self.registration,
            identity: self.identity,
            signed: self.signed.clone(),
            one_time: self.one_time.pop_first(),
            proof: Some(proof.to_vec()),
        }
    }

    /// The answer to `<digest/>`: what the server holds, so that the client can compare. The hash
    /// is SHA-1 over identity, signed prekey, its signature and every listed key.
    pub(crate) fn digest(&self) -> Node {
        let mut hash = Sha1::new();
        hash.update(self.identity);
        hash.update(self.signed.value);
        hash.update(self.signed.signature);
        for value in self.one_time.values() {
            hash.update(value);
        }
        let ids = self.one_time.keys().map(|id| bytes_node("id", id.to_vec()));
        NodeBuilder::new("digest")
            .children([
                bytes_node("registration", self.registration.to_vec()),
                bytes_node("type", vec![KEY_TYPE]),
                bytes_node("identity", self.identity.to_vec()),
                signed_node(&self.signed),
                NodeBuilder::new("list").children(ids).build(),
                bytes_node("hash", hash.finalize().to_vec()),
            ])
            .build()
    }
}

impl Bundle {
    /// The `<user>` of an answer to a key request.
    pub(crate) fn node(&self, asked: &Jid) -> Node {
        let mut children = vec![
            bytes_node("registration", self.registration.to_vec()),
            bytes_node("type", vec![KEY_TYPE]),
            bytes_node("identity", self.identity.to_vec()),
            signed_node(&self.signed),
        ];
        if let Some((id, value)) = &self.one_time {
            let key =
                NodeBuilder::new("key").children([bytes_node("id", id.to_vec()), bytes_node("value", value.to_vec())]);
            children.push(key.build());
        }
        if let Some(proof) = &self.proof {
            children.push(bytes_node("device-identity", proof.clone()));
        }
        NodeBuilder::new("user").attr("jid", asked.clone()).attr("t", now().to_string()).children(children).build()
    }
}

/// A number as the three bytes of a key id.
pub(crate) fn key_id(number: u32) -> [u8; 3] {
    let [_, high, middle, low] = number.to_be_bytes();
    [high, middle, low]
}

/// The three bytes of a key id as a number.
pub(crate) fn key_number(id: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, id[0], id[1], id[2]])
}

pub(crate) fn signed_node(key: &SignedKey) -> Node {
    NodeBuilder::new("skey")
        .children([
            bytes_node("id", key.id.to_vec()),
            bytes_node("value", key.value.to_vec()),
            bytes_node("signature", key.signature.to_vec()),
        ])
        .build()
}

fn one_time_key(node: &Node) -> Result<([u8; 3], [u8; 32]), Broken> {
    if node.tag != "key" {
        return Err(Broken::new(Rule::Child, "a list of keys holds something else"));
    }
    let id = sized(child_bytes(node, "id"), "key id")?;
    Ok((id, sized(child_bytes(node, "value"), "key value")?))
}

fn signed_key(node: Option<&Node>) -> Result<SignedKey, Broken> {
    let node = node.ok_or_else(|| Broken::new(Rule::Child, "no signed key"))?;
    Ok(SignedKey {
        id: sized(child_bytes(node, "id"), "signed key id")?,
        value: sized(child_bytes(node, "value"), "signed key value")?,
        signature: sized(child_bytes(node, "signature"), "signed key signature")?,
    })
}

/// Bytes of an exact length.
pub(crate) fn sized<const N: usize>(bytes: Option<&[u8]>, what: &str) -> Result<[u8; N], Broken> {
    let bytes = bytes.ok_or_else(|| Broken::new(Rule::Child, format!("no {what}")))?;
    bytes.try_into().map_err(|_| Broken::new(Rule::Child, format!("{what} has {} bytes", bytes.len())))
}

fn verify_signed_key(identity: &[u8; 32], signed: &SignedKey) -> Result<(), Broken> {
    let mut message = [KEY_TYPE; 33];
    message[1..].copy_from_slice(&signed.value);
    let valid = PublicKey::from_djb_public_key_bytes(identity)
        .is_ok_and(|key| key.verify_signature(&message, &signed.signature));
    if valid { Ok(()) } else { Err(Broken::new(Rule::Signature, "signature of the signed key")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::raw;
    use wacore::libsignal::protocol::KeyPair;

    fn signed_by(identity: &KeyPair) -> SignedKey {
        let key = KeyPair::generate(&mut rand::rng());
        let message = key.public_key.serialize();
        let signature = identity.private_key.calculate_signature(&message, &mut rand::rng()).unwrap();
        SignedKey { id: key_id(7), value: raw(&key), signature: signature[..].try_into().unwrap() }
    }

    #[test]
    fn a_foreign_signature_is_refused() {
        let (own, foreign) = (KeyPair::generate(&mut rand::rng()), KeyPair::generate(&mut rand::rng()));
        assert!(DeviceKeys::new([0; 4], raw(&own), signed_by(&own)).is_ok());
        let refused = DeviceKeys::new([0; 4], raw(&own), signed_by(&foreign)).unwrap_err();
        assert_eq!(refused.rule, Rule::Signature);
    }

    #[test]
    fn key_ids_are_three_bytes() {
        assert_eq!(key_id(0x01_02_03), [1, 2, 3]);
        assert_eq!(key_number(key_id(16_777_215)), 16_777_215);
    }
}
