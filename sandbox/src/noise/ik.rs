//! Resumption: the client knows the server's key and logs in with its first message.

use super::{Established, HandshakeKind, NoiseFailure, established};
use crate::cert::{ServerIdentity, raw};
use crate::frame::FrameWriter;
use buffa::Message as _;
use wacore::libsignal::protocol::KeyPair;
use wacore_binary::consts::{NOISE_PATTERN_IK, WA_CONN_HEADER};
use wacore_noise::NoiseHandshake;
use waproto::whatsapp::{HandshakeMessage, handshake_message::ServerHello};

/// What the client's first message held.
pub(super) struct Opened {
    noise: NoiseHandshake,
    client_static: Vec<u8>,
    payload: Vec<u8>,
}

/// Opens the client's first message with the server's static key.
pub(super) fn open(
    identity: &ServerIdentity,
    client_ephemeral: &[u8],
    sealed_static: &[u8],
    sealed_payload: &[u8],
) -> Result<Opened, NoiseFailure> {
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&identity.noise_public());
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(identity.noise_private(), client_ephemeral)?;
    let client_static = noise.decrypt(sealed_static)?;
    noise.mix_shared_secret(identity.noise_private(), &client_static)?;
    let payload = noise.decrypt(sealed_payload)?;
    Ok(Opened { noise, client_static, payload })
}

/// Answers an opened first message. The answer has no static key: that is how the client sees
/// that its resumption was accepted.
pub(super) async fn finish(
    writer: &mut FrameWriter,
    identity: &ServerIdentity,
    client_ephemeral: &[u8],
    opened: Opened,
) -> Result<Established, NoiseFailure> {
    let Opened { mut noise, client_static, payload } = opened;
    let ephemeral = KeyPair::generate(&mut rand::rng());
    let ephemeral_public = raw(&ephemeral);
    noise.authenticate(&ephemeral_public);
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let sealed_chain = noise.encrypt(identity.chain())?;
    let message = HandshakeMessage {
        server_hello: ServerHello {
            ephemeral: Some(ephemeral_public.to_vec()),
            payload: Some(sealed_chain),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    writer.send(&message.encode_to_vec()).await?;
    established(noise, HandshakeKind::Ik, &client_static, &payload)
}
