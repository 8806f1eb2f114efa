//! The transport ciphers after the handshake: AES-256-GCM, one counter per direction.

use bytes::BytesMut;
use wacore_binary::{Node, marshal, util};
use wacore_noise::NoiseCipher;

/// Why a frame could not be turned into a stanza, or the other way round.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The ciphertext is not the next one of this direction.
    #[error("noise transport: {0}")]
    Cipher(#[from] wacore_noise::NoiseError),
    /// The plaintext is not a binary node.
    #[error("binary node: {0}")]
    Node(#[from] wacore_binary::BinaryError),
    /// More than 2^32 frames in one direction.
    #[error("the connection has used up its counters")]
    Exhausted,
}

/// Decrypts what the client sends.
pub(crate) struct Opener {
    cipher: NoiseCipher,
    counter: u32,
}

impl Opener {
    pub(super) fn new(cipher: NoiseCipher) -> Self {
        Self { cipher, counter: 0 }
    }

    /// Opens one frame: decrypt, unpack (the first byte says whether it is compressed), decode.
    pub(crate) fn open(&mut self, mut frame: BytesMut) -> Result<Node, SealError> {
        self.cipher.decrypt_in_place_with_counter(self.counter, &mut frame)?;
        self.counter = self.counter.checked_add(1).ok_or(SealError::Exhausted)?;
        let plain = util::unpack_bytes(frame)?;
        Ok(marshal::unmarshal_ref(&plain)?.to_owned())
    }
}

/// Encrypts what the server sends.
pub(crate) struct Sealer {
    cipher: NoiseCipher,
    counter: u32,
}

impl Sealer {
    pub(super) fn new(cipher: NoiseCipher) -> Self {
        Self { cipher, counter: 0 }
    }

    /// Encodes and encrypts one stanza.
    pub(crate) fn seal(&mut self, node: &Node) -> Result<Vec<u8>, SealError> {
        let mut plain = marshal::marshal(node)?;
        self.cipher.encrypt_in_place_with_counter(self.counter, &mut plain)?;
        self.counter = self.counter.checked_add(1).ok_or(SealError::Exhausted)?;
        Ok(plain)
    }
}
