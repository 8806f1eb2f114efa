//! Signatures that tie devices to an account.
//!
//! The phone signs each companion (prefix 06 00) and the list of valid companions (06 02); the
//! companion signs back (06 01). Peers check both before they trust a companion's keys.

use buffa::Message as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wacore::libsignal::protocol::{IdentityKeyPair, PublicKey};
use waproto::whatsapp::{
    ADVDeviceIdentity, ADVEncryptionType, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC,
    ADVSignedKeyIndexList,
};

const ACCOUNT_PREFIX: [u8; 2] = [6, 0];
const DEVICE_PREFIX: [u8; 2] = [6, 1];
const LIST_PREFIX: [u8; 2] = [6, 2];

fn sign(key: &IdentityKeyPair, parts: &[&[u8]]) -> Vec<u8> {
    key.private_key().calculate_signature(&parts.concat(), &mut rand::rng()).expect("a generated key can sign").to_vec()
}

fn account_key(key: &IdentityKeyPair) -> Vec<u8> {
    key.public_key().public_key_bytes().to_vec()
}

/// The phone's signature over its list of companions, as peers get it.
pub(crate) fn sign_list(key: &IdentityKeyPair, raw_id: u32, timestamp: u64, current: u32, valid: &[u32]) -> Vec<u8> {
    let details = ADVKeyIndexList {
        raw_id: Some(raw_id),
        timestamp: Some(timestamp),
        current_index: Some(current),
        valid_indexes: valid.to_vec(),
        ..Default::default()
    }
    .encode_to_vec();
    ADVSignedKeyIndexList {
        account_signature: Some(sign(key, &[&LIST_PREFIX, &details])),
        account_signature_key: Some(account_key(key)),
        details: Some(details),
    }
    .encode_to_vec()
}

/// The phone's statement about a companion it is about to link.
pub(crate) struct Statement {
    details: Vec<u8>,
    account_key: Vec<u8>,
    account_signature: Vec<u8>,
}

impl Statement {
    /// Signs a companion's identity key.
    pub(crate) fn sign(
        key: &IdentityKeyPair,
        raw_id: u32,
        timestamp: u64,
        key_index: u32,
        device_identity: &[u8; 32],
    ) -> Self {
        let details = ADVDeviceIdentity {
            raw_id: Some(raw_id),
            timestamp: Some(timestamp),
            key_index: Some(key_index),
            account_type: Some(ADVEncryptionType::E2EE),
            device_type: Some(ADVEncryptionType::E2EE),
        }
        .encode_to_vec();
        let account_signature = sign(key, &[&ACCOUNT_PREFIX, &details, device_identity]);
        Self { details, account_key: account_key(key), account_signature }
    }

    /// What goes into `<pair-success>`: the statement, authenticated with the secret from the QR
    /// code, which the server itself never sees in the real network.
    pub(crate) fn sealed(&self, adv_secret: &[u8]) -> Vec<u8> {
        let signed = ADVSignedDeviceIdentity {
            details: Some(self.details.clone()),
            account_signature_key: Some(self.account_key.clone()),
            account_signature: Some(self.account_signature.clone()),
            ..Default::default()
        }
        .encode_to_vec();
        let mut mac = Hmac::<Sha256>::new_from_slice(adv_secret).expect("an HMAC takes a key of any length");
        mac.update(&signed);
        ADVSignedDeviceIdentityHMAC {
            hmac: Some(mac.finalize().into_bytes().to_vec()),
            details: Some(signed),
            ..Default::default()
        }
        .encode_to_vec()
    }

    /// Checks the companion's counter-signature. Returns the proof peers will get: the statement
    /// with both signatures, and with the account key, which some clients strip.
    pub(crate) fn countersigned(&self, device_identity: &[u8; 32], answer: &[u8]) -> Result<Vec<u8>, &'static str> {
        let answer =
            ADVSignedDeviceIdentity::decode_from_slice(answer).map_err(|_| "the device identity does not decode")?;
        if answer.details.as_deref() != Some(&self.details) {
            return Err("the device identity's details were changed");
        }
        let signature = answer.device_signature.ok_or("no device signature")?;
        let message = [&DEVICE_PREFIX[..], &self.details, device_identity, &self.account_key];
        let valid = PublicKey::from_djb_public_key_bytes(device_identity)
            .is_ok_and(|key| key.verify_signature(&message.concat(), &signature));
        if !valid {
            return Err("the device signature does not hold");
        }
        let proof = ADVSignedDeviceIdentity {
            details: Some(self.details.clone()),
            account_signature_key: Some(self.account_key.clone()),
            account_signature: Some(self.account_signature.clone()),
            device_signature: Some(signature),
        };
        Ok(proof.encode_to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::adv::{AdvValidation, validate_adv_with_identity_key};

    #[test]
    fn a_countersigned_statement_convinces_a_client() {
        let phone = IdentityKeyPair::generate(&mut rand::rng());
        let device = IdentityKeyPair::generate(&mut rand::rng());
        let identity: [u8; 32] = account_key(&device).try_into().unwrap();
        let statement = Statement::sign(&phone, 1, 2, 3, &identity);
        let parts = [&DEVICE_PREFIX[..], &statement.details, &identity, &statement.account_key];
        let answer = ADVSignedDeviceIdentity {
            details: Some(statement.details.clone()),
            device_signature: Some(sign(&device, &parts)),
            ..Default::default()
        };
        let proof = statement.countersigned(&identity, &answer.encode_to_vec()).unwrap();
        let verdict = validate_adv_with_identity_key(&proof, &identity, None);
        assert!(matches!(verdict, AdvValidation::Valid));
    }

    #[test]
    fn a_wrong_countersignature_is_refused() {
        let phone = IdentityKeyPair::generate(&mut rand::rng());
        let device = IdentityKeyPair::generate(&mut rand::rng());
        let identity: [u8; 32] = account_key(&device).try_into().unwrap();
        let statement = Statement::sign(&phone, 1, 2, 3, &identity);
        let answer = ADVSignedDeviceIdentity {
            details: Some(statement.details.clone()),
            device_signature: Some(vec![0; 64]),
            ..Default::default()
        };
        assert!(statement.countersigned(&identity, &answer.encode_to_vec()).is_err());
    }
}
