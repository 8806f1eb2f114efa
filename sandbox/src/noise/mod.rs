//! The server's side of the Noise handshake.
//!
//! A first connection uses XX. A client that has seen the certificate chain sends its login inside
//! the first message (IK); when that does not decrypt, because the server's key has changed, the
//! server answers as in XX and both continue as `XXfallback`.

mod cipher;
mod ik;
mod xx;

pub(crate) use cipher::{Opener, Sealer};

use crate::cert::ServerIdentity;
use crate::frame::{FrameError, FrameReader, FrameWriter};
use buffa::Message as _;
use wacore_noise::{HandshakeError, NoiseHandshake};
use waproto::whatsapp::{ClientPayload, HandshakeMessage};

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoiseFailure {
    /// The connection broke.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A key or a ciphertext is wrong.
    #[error("noise: {0}")]
    Crypto(#[from] HandshakeError),
    /// A handshake message does not decode.
    #[error("handshake message: {0}")]
    Decode(#[from] buffa::DecodeError),
    /// A handshake message lacks a part it must have.
    #[error("handshake message without {0}")]
    Missing(&'static str),
}

/// Which handshake a connection used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeKind {
    /// Full handshake.
    Xx,
    /// Resumption with the login in the first message.
    Ik,
    /// Resumption refused, continued as a full handshake.
    XxFallback,
}

/// A finished handshake.
pub(crate) struct Established {
    pub(crate) kind: HandshakeKind,
    /// The client's Noise static public key: what a login is authenticated by.
    pub(crate) client_static: [u8; 32],
    pub(crate) payload: ClientPayload,
    pub(crate) opener: Opener,
    pub(crate) sealer: Sealer,
}

/// Answers one client's handshake.
pub(crate) async fn respond(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    identity: &ServerIdentity,
) -> Result<Established, NoiseFailure> {
    let hello = HandshakeMessage::decode_from_slice(&reader.next().await?)?
        .client_hello
        .into_option()
        .ok_or(NoiseFailure::Missing("client hello"))?;
    let client_ephemeral = hello.ephemeral.ok_or(NoiseFailure::Missing("ephemeral key"))?;
    match (hello.r#static, hello.payload) {
        (Some(sealed_static), Some(sealed_payload)) => {
            let opened = ik::open(identity, &client_ephemeral, &sealed_static, &sealed_payload);
            match opened {
                Ok(opened) => ik::finish(writer, identity, &client_ephemeral, opened).await,
                // The client encrypted to a key this server no longer has.
                Err(_stale) => {
                    let kind = HandshakeKind::XxFallback;
                    xx::respond(reader, writer, identity, &client_ephemeral, kind).await
                }
            }
        }
        _ => xx::respond(reader, writer, identity, &client_ephemeral, HandshakeKind::Xx).await,
    }
}

/// Turns the finished transcript into transport ciphers. The first key belongs to the client's
/// direction.
fn established(
    noise: NoiseHandshake,
    kind: HandshakeKind,
    client_static: &[u8],
    payload: &[u8],
) -> Result<Established, NoiseFailure> {
    let client_static = client_static.try_into().map_err(|_| NoiseFailure::Missing("32-byte static key"))?;
    let payload = ClientPayload::decode_from_slice(payload)?;
    let (from_client, to_client) = noise.finish()?;
    Ok(Established { kind, client_static, payload, opener: Opener::new(from_client), sealer: Sealer::new(to_client) })
}
