//! The full handshake, XX, and its continuation after a refused resumption.

use super::{Established, HandshakeKind, NoiseFailure, established};
use crate::cert::{ServerIdentity, raw};
use crate::frame::{FrameReader, FrameWriter};
use buffa::Message as _;
use wacore::libsignal::protocol::KeyPair;
use wacore_binary::consts::{NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER};
use wacore_noise::NoiseHandshake;
use waproto::whatsapp::{HandshakeMessage, handshake_message::ServerHello};

/// Sends the server hello, reads the client's finish.
pub(super) async fn respond(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    identity: &ServerIdentity,
    client_ephemeral: &[u8],
    kind: HandshakeKind,
) -> Result<Established, NoiseFailure> {
    let pattern = match kind {
        HandshakeKind::XxFallback => NOISE_PATTERN_XXFALLBACK,
        HandshakeKind::Xx | HandshakeKind::Ik => NOISE_PATTERN_XX,
    };
    let mut noise = NoiseHandshake::new(pattern, &WA_CONN_HEADER)?;
    let ephemeral = KeyPair::generate(&mut rand::rng());
    let hello = hello(&mut noise, identity, &ephemeral, client_ephemeral)?;
    writer.send(&hello).await?;

    let finish = HandshakeMessage::decode_from_slice(&reader.next().await?)?
        .client_finish
        .into_option()
        .ok_or(NoiseFailure::Missing("client finish"))?;
    let sealed_static = finish.r#static.ok_or(NoiseFailure::Missing("static key"))?;
    let sealed_payload = finish.payload.ok_or(NoiseFailure::Missing("payload"))?;
    let client_static = noise.decrypt(&sealed_static)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let payload = noise.decrypt(&sealed_payload)?;
    established(noise, kind, &client_static, &payload)
}

fn hello(
    noise: &mut NoiseHandshake,
    identity: &ServerIdentity,
    ephemeral: &KeyPair,
    client_ephemeral: &[u8],
) -> Result<Vec<u8>, NoiseFailure> {
    let ephemeral_public = raw(ephemeral);
    noise.authenticate(client_ephemeral);
    noise.authenticate(&ephemeral_public);
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let sealed_static = noise.encrypt(&identity.noise_public())?;
    noise.mix_shared_secret(identity.noise_private(), client_ephemeral)?;
    let sealed_chain = noise.encrypt(identity.chain())?;
    let message = HandshakeMessage {
        server_hello: ServerHello {
            ephemeral: Some(ephemeral_public.to_vec()),
            r#static: Some(sealed_static),
            payload: Some(sealed_chain),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    Ok(message.encode_to_vec())
}
