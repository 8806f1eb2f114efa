//! The server's identity: a Noise static key and the certificate chain that vouches for it.
//!
//! The chain has the shape of the real one: the root key signs the intermediate certificate
//! (serial 1, issuer 0), the intermediate key signs the leaf (serial 2, issuer 1), and the leaf's
//! key is the Noise static key. Both signatures are XEdDSA. A client that trusts
//! [`ServerIdentity::root_key`] can keep its verification on.

use buffa::Message as _;
use rand::rngs::ThreadRng;
use wacore::libsignal::protocol::KeyPair;
use waproto::whatsapp::CertChain;
use waproto::whatsapp::cert_chain::{NoiseCertificate, noise_certificate::Details};

/// How far the certificates reach into the past and the future, in seconds. Clients use the fast
/// IK handshake only inside this window.
const VALIDITY: u64 = 30 * 24 * 3600;

/// One Noise identity under a root that outlives it.
pub(crate) struct ServerIdentity {
    root: KeyPair,
    noise: KeyPair,
    chain: Vec<u8>,
}

impl ServerIdentity {
    /// A fresh root and a fresh identity under it, valid around `now` (seconds since the epoch).
    pub(crate) fn generate(now: u64) -> Self {
        let root = KeyPair::generate(&mut rand::rng());
        Self::issue(root, now)
    }

    /// Another Noise identity under the same root: clients with the old chain cached fall back
    /// from IK to XX.
    pub(crate) fn rotated(&self, now: u64) -> Self {
        Self::issue(copy(&self.root), now)
    }

    fn issue(root: KeyPair, now: u64) -> Self {
        let mut rng = rand::rng();
        let intermediate = KeyPair::generate(&mut rng);
        let noise = KeyPair::generate(&mut rng);
        let chain = CertChain {
            intermediate: certificate(1, 0, &intermediate, &root, now, &mut rng).into(),
            leaf: certificate(2, 1, &noise, &intermediate, now, &mut rng).into(),
        };
        Self { root, noise, chain: chain.encode_to_vec() }
    }

    /// The 32 raw bytes of the root's public key.
    pub(crate) fn root_key(&self) -> [u8; 32] {
        raw(&self.root)
    }

    /// The Noise static public key, 32 raw bytes.
    pub(crate) fn noise_public(&self) -> [u8; 32] {
        raw(&self.noise)
    }

    /// The Noise static private key.
    pub(crate) fn noise_private(&self) -> &[u8; 32] {
        self.noise.private_key.serialize()
    }

    /// The encoded certificate chain.
    pub(crate) fn chain(&self) -> &[u8] {
        &self.chain
    }
}

fn certificate(
    serial: u32,
    issuer: u32,
    subject: &KeyPair,
    signer: &KeyPair,
    now: u64,
    rng: &mut ThreadRng,
) -> NoiseCertificate {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer),
        key: Some(raw(subject).to_vec()),
        not_before: Some(now.saturating_sub(VALIDITY)),
        not_after: Some(now + VALIDITY),
    }
    .encode_to_vec();
    let signature = signer.private_key.calculate_signature(&details, rng).expect("a generated key can sign");
    NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) }
}

fn copy(pair: &KeyPair) -> KeyPair {
    KeyPair::new(pair.public_key, pair.private_key.clone())
}

/// The raw 32 bytes of a key pair's public half, without the type byte.
pub(crate) fn raw(pair: &KeyPair) -> [u8; 32] {
    pair.public_key.public_key_bytes().try_into().expect("a curve25519 key has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::libsignal::protocol::PublicKey;

    #[test]
    fn both_signatures_verify_up_to_the_root() {
        let identity = ServerIdentity::generate(1_000_000_000);
        let chain = CertChain::decode_from_slice(identity.chain()).unwrap();
        let (intermediate, leaf) = (chain.intermediate.unwrap(), chain.leaf.unwrap());
        let inter_details = intermediate.details.unwrap();
        let leaf_details = leaf.details.unwrap();

        let root = PublicKey::from_djb_public_key_bytes(&identity.root_key()).unwrap();
        assert!(root.verify_signature(&inter_details, &intermediate.signature.unwrap()));

        let inter = Details::decode_from_slice(&inter_details).unwrap();
        let inter_key = PublicKey::from_djb_public_key_bytes(&inter.key.unwrap()).unwrap();
        assert!(inter_key.verify_signature(&leaf_details, &leaf.signature.unwrap()));

        let leaf = Details::decode_from_slice(&leaf_details).unwrap();
        assert_eq!(leaf.key.unwrap(), identity.noise_public());
        assert_eq!((inter.serial, leaf.issuer_serial), (Some(1), Some(1)));
    }

    #[test]
    fn a_rotated_identity_keeps_the_root() {
        let first = ServerIdentity::generate(1_000_000_000);
        let second = first.rotated(1_000_000_001);
        assert_eq!(first.root_key(), second.root_key());
        assert_ne!(first.noise_public(), second.noise_public());
    }
}
