//! A phone's Signal state, in memory.
//!
//! The stores answer at once, so the protocol's async functions are polled once and are done. That
//! lets a phone work under a plain lock, without a task of its own.

use crate::prekey::{Bundle, SignedKey, key_id, key_number};
use async_trait::async_trait;
use futures_util::FutureExt as _;
use std::collections::HashMap;
use wacore::libsignal::protocol::{
    CiphertextMessage, DecryptionResult, DeviceId, Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey,
    IdentityKeyPair, IdentityKeyStore, KeyPair, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore,
    ProtocolAddress, PublicKey, SessionRecord, SessionStore, SignalMessage, SignalProtocolError, SignedPreKeyId,
    SignedPreKeyRecord, SignedPreKeyStore, Timestamp, UsePQRatchet, message_decrypt, message_encrypt,
    process_prekey_bundle,
};

type SignalResult<T> = Result<T, SignalProtocolError>;

const SIGNED_KEY_ID: u32 = 1;

/// The two forms of an encrypted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EncKind {
    /// Starts a session.
    PreKey,
    /// Continues one.
    Whisper,
}

impl EncKind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "pkmsg" => Some(Self::PreKey),
            "msg" => Some(Self::Whisper),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PreKey => "pkmsg",
            Self::Whisper => "msg",
        }
    }
}

/// See the module.
pub(crate) struct Signal {
    identity: Identity,
    sessions: Sessions,
    one_time: OneTimeKeys,
    signed: SignedKeys,
    next_one_time: u32,
}

struct Identity {
    pair: IdentityKeyPair,
    registration: u32,
    known: HashMap<ProtocolAddress, IdentityKey>,
}

#[derive(Default)]
struct Sessions(HashMap<ProtocolAddress, SessionRecord>);
#[derive(Default)]
struct OneTimeKeys(HashMap<u32, PreKeyRecord>);
struct SignedKeys {
    record: SignedPreKeyRecord,
    public: SignedKey,
}

/// The session address of a device, the same for both ways to address its account.
pub(crate) fn address(number: &str, device: u16) -> ProtocolAddress {
    ProtocolAddress::new(number, DeviceId::from(u32::from(device)))
}

/// What an in-memory store answers.
pub(super) fn immediately<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("in-memory stores never make the protocol wait")
}

impl Signal {
    pub(crate) fn generate() -> Self {
        let mut rng = rand::rng();
        let pair = IdentityKeyPair::generate(&mut rng);
        let signed = KeyPair::generate(&mut rng);
        let signature = pair
            .private_key()
            .calculate_signature(&signed.public_key.serialize(), &mut rng)
            .expect("a generated key can sign");
        let stamp = Timestamp::from_epoch_millis(0);
        let record = SignedPreKeyRecord::new(SIGNED_KEY_ID.into(), stamp, &signed, &signature);
        let public = SignedKey {
            id: key_id(SIGNED_KEY_ID),
            value: crate::cert::raw(&signed),
            signature: signature[..].try_into().expect("a signature has 64 bytes"),
        };
        Self {
            identity: Identity { pair, registration: rand::random::<u32>() & 0x3fff, known: HashMap::new() },
            sessions: Sessions::default(),
            one_time: OneTimeKeys::default(),
            signed: SignedKeys { record, public },
            next_one_time: 1,
        }
    }

    pub(crate) fn identity(&self) -> &IdentityKeyPair {
        &self.identity.pair
    }

    pub(crate) fn registration(&self) -> [u8; 4] {
        self.identity.registration.to_be_bytes()
    }

    /// A bundle with a fresh one-time key.
    pub(crate) fn take_bundle(&mut self) -> Bundle {
        let number = self.next_one_time;
        self.next_one_time = (number + 1) & 0x00ff_ffff;
        let key = KeyPair::generate(&mut rand::rng());
        let record = PreKeyRecord::new(number.into(), &key);
        self.one_time.0.insert(number, record);
        let identity = self.identity.pair.public_key().public_key_bytes();
        Bundle {
            registration: self.registration(),
            identity: identity.try_into().expect("an identity key has 32 bytes"),
            signed: self.signed.public.clone(),
            one_time: Some((key_id(number), crate::cert::raw(&key))),
            proof: None,
        }
    }

    pub(crate) fn has_session(&self, peer: &ProtocolAddress) -> bool {
        self.sessions.0.get(peer).is_some_and(|record| record.session_state().is_some())
    }

    pub(crate) fn forget_session(&mut self, peer: &ProtocolAddress) {
        self.sessions.0.remove(peer);
    }

    pub(crate) fn forget_all_sessions(&mut self) {
        self.sessions.0.clear();
    }

    /// Starts a session from a bundle.
    pub(crate) fn start_session(&mut self, peer: &ProtocolAddress, bundle: &Bundle) -> SignalResult<()> {
        let key = |bytes: &[u8; 32]| PublicKey::from_djb_public_key_bytes(bytes);
        let one_time = match &bundle.one_time {
            Some((id, value)) => Some((PreKeyId::from(key_number(*id)), key(value)?)),
            None => None,
        };
        let bundle = PreKeyBundle::new(
            u32::from_be_bytes(bundle.registration),
            peer.device_id(),
            one_time,
            SignedPreKeyId::from(key_number(bundle.signed.id)),
            key(&bundle.signed.value)?,
            bundle.signed.signature.to_vec(),
            IdentityKey::new(key(&bundle.identity)?),
        )?;
        let mut rng = rand::rng();
        immediately(process_prekey_bundle(
            peer,
            &mut self.sessions,
            &mut self.identity,
            &bundle,
            &mut rng,
            UsePQRatchet::No,
        ))?;
        Ok(())
    }

    pub(crate) fn encrypt(&mut self, peer: &ProtocolAddress, plain: &[u8]) -> SignalResult<(EncKind, Vec<u8>)> {
        let sealed = immediately(message_encrypt(plain, peer, &mut self.sessions, &mut self.identity))?;
        let kind = match &sealed {
            CiphertextMessage::PreKeySignalMessage(_) => EncKind::PreKey,
            _ => EncKind::Whisper,
        };
        Ok((kind, sealed.serialize().to_vec()))
    }

    pub(crate) fn decrypt(&mut self, peer: &ProtocolAddress, kind: EncKind, sealed: &[u8]) -> SignalResult<Vec<u8>> {
        let message = match kind {
            EncKind::PreKey => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(sealed)?),
            EncKind::Whisper => CiphertextMessage::SignalMessage(SignalMessage::try_from(sealed)?),
        };
        let mut rng = rand::rng();
        let DecryptionResult { plaintext, consumed_prekey_id, .. } = immediately(message_decrypt(
            &message,
            peer,
            &mut self.sessions,
            &mut self.identity,
            &mut self.one_time,
            &self.signed,
            &mut rng,
            UsePQRatchet::No,
        ))?;
        // The library leaves this to its caller; in memory the session is as durable as it gets.
        if let Some(used) = consumed_prekey_id {
            self.one_time.0.remove(&used.into());
        }
        Ok(plaintext)
    }
}

#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> SignalResult<IdentityKeyPair> {
        Ok(self.pair.clone())
    }

    async fn get_local_registration_id(&self) -> SignalResult<u32> {
        Ok(self.registration)
    }

    async fn save_identity(&mut self, peer: &ProtocolAddress, key: &IdentityKey) -> SignalResult<IdentityChange> {
        Ok(match self.known.insert(peer.clone(), *key) {
            Some(old) if old != *key => IdentityChange::ReplacedExisting,
            _ => IdentityChange::NewOrUnchanged,
        })
    }

    /// A phone trusts a changed key, as phones do; they only show a note.
    async fn is_trusted_identity(
        &self,
        _peer: &ProtocolAddress,
        _key: &IdentityKey,
        _direction: Direction,
    ) -> SignalResult<bool> {
        Ok(true)
    }

    async fn get_identity(&self, peer: &ProtocolAddress) -> SignalResult<Option<IdentityKey>> {
        Ok(self.known.get(peer).copied())
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, peer: &ProtocolAddress) -> SignalResult<Option<SessionRecord>> {
        Ok(self.0.get(peer).cloned())
    }

    async fn has_session(&self, peer: &ProtocolAddress) -> SignalResult<bool> {
        Ok(self.0.contains_key(peer))
    }

    async fn store_session(&mut self, peer: &ProtocolAddress, record: SessionRecord) -> SignalResult<()> {
        self.0.insert(peer.clone(), record);
        Ok(())
    }
}

#[async_trait]
impl PreKeyStore for OneTimeKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> SignalResult<PreKeyRecord> {
        let found = self.0.get(&id.into()).cloned();
        found.ok_or(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> SignalResult<()> {
        self.0.insert(id.into(), record.clone());
        Ok(())
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> SignalResult<()> {
        self.0.remove(&id.into());
        Ok(())
    }
}

#[async_trait]
impl SignedPreKeyStore for SignedKeys {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> SignalResult<SignedPreKeyRecord> {
        if u32::from(id) == SIGNED_KEY_ID {
            Ok(self.record.clone())
        } else {
            Err(SignalProtocolError::InvalidSignedPreKeyId)
        }
    }

    async fn save_signed_pre_key(&mut self, _id: SignedPreKeyId, record: &SignedPreKeyRecord) -> SignalResult<()> {
        self.record = record.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_phones_talk() {
        let (mut a, mut b) = (Signal::generate(), Signal::generate());
        let (to_b, to_a) = (address("2", 0), address("1", 0));
        a.start_session(&to_b, &b.take_bundle()).unwrap();
        let (kind, sealed) = a.encrypt(&to_b, b"one").unwrap();
        assert_eq!(kind, EncKind::PreKey);
        assert_eq!(b.decrypt(&to_a, kind, &sealed).unwrap(), b"one");
        let (kind, sealed) = b.encrypt(&to_a, b"two").unwrap();
        assert_eq!(kind, EncKind::Whisper);
        assert_eq!(a.decrypt(&to_b, kind, &sealed).unwrap(), b"two");
    }

    #[test]
    fn a_one_time_key_serves_once() {
        let (mut a, mut b) = (Signal::generate(), Signal::generate());
        a.start_session(&address("2", 0), &b.take_bundle()).unwrap();
        assert_eq!(b.one_time.0.len(), 1);
        let (kind, sealed) = a.encrypt(&address("2", 0), b"x").unwrap();
        b.decrypt(&address("1", 0), kind, &sealed).unwrap();
        assert!(b.one_time.0.is_empty());
    }
}
