//! A phone with files: it puts them on the media host, sends them, opens those it was sent, and brings one again that the
//! network has forgotten.

use super::file_seen::{FileSeen, media_type};
use super::{Phone, PhoneError, send};
use crate::account::Account;
use crate::connection::Session;
use crate::message::relay::deliver;
use crate::offline::{Class, Parcel};
use crate::registry::Registry;
use crate::stanza::{attr, bytes_node, child_bytes, now};
use buffa::MessageField;
use std::sync::Arc;
use wacore::download::DownloadUtils;
use wacore::libsignal::crypto::aes_256_gcm_encrypt;
use wacore::upload::encrypt_media;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::media_retry_notification::ResultType;
use waproto::whatsapp::message as part;
use waproto::whatsapp::{MediaRetryNotification, Message};

/// A file that a phone is to send.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileToSend {
    /// `image`, `video`, `gif`, `video_note`, `audio`, `voice`, `document` or `sticker`.
    pub kind: String,
    /// The type that the message says it has.
    pub mimetype: String,
    /// The text under it.
    pub caption: Option<String>,
    /// Its name, of documents only.
    pub filename: Option<String>,
    /// How long it plays.
    pub seconds: Option<u32>,
    /// To be seen once: companions get no copy of it, as on the real network.
    pub view_once: bool,
}

impl Phone {
    /// Sends a file to a number (digits) or a jid. Returns the message id once the server has accepted it.
    ///
    /// # Errors
    /// When the phone is offline, the recipient is not on this network, or the kind is none.
    pub async fn send_file(&self, to: &str, file: &FileToSend, bytes: &[u8]) -> Result<String, PhoneError> {
        let message = self.host_file(file, bytes)?;
        self.send_message(to, message).await
    }

    /// Puts a file on the media host. Returns the message that shows it, unsent.
    ///
    /// # Errors
    /// When the kind is none.
    pub(crate) fn host_file(&self, file: &FileToSend, bytes: &[u8]) -> Result<Message, PhoneError> {
        let kind = media_type(&file.kind);
        let sealed = encrypt_media(bytes, kind).map_err(|error| PhoneError::File(error.to_string()))?;
        let token = data_encoding::BASE64URL_NOPAD.encode(&sealed.file_enc_sha256);
        let host = self.registry.media();
        let path = host.keep_bytes(kind.mms_type(), &token, &sealed.data_to_upload);
        let direct_path = path.ok_or_else(|| PhoneError::File("the media host does not take it".into()))?;
        let hosted = Hosted {
            url: format!("https://{}{direct_path}", host.address),
            direct_path,
            key: sealed.media_key.to_vec(),
            sha256: sealed.file_sha256.to_vec(),
            enc_sha256: sealed.file_enc_sha256.to_vec(),
            size: bytes.len() as u64,
        };
        hosted.message(file).ok_or_else(|| PhoneError::File(format!("{:?} is no kind of file", file.kind)))
    }

    /// The bytes of the file in a message that the phone has shown: fetched from the media host, checked against both
    /// hashes and its MAC, and opened.
    ///
    /// # Errors
    /// When there is no such message, it has no file, the host has it no more, or something does not fit.
    pub fn open_file(&self, id: &str) -> Result<Vec<u8>, PhoneError> {
        use sha2::{Digest, Sha256};
        let broken = |what: &str| PhoneError::File(what.to_owned());
        let shown = self.account.phone.inbox().find(|message| message.id == id);
        let file = shown.and_then(|message| message.file).ok_or_else(|| broken("no file in such a message"))?;
        let sealed = self.registry.media().read(&file.direct_path).ok_or_else(|| broken("the host has it no more"))?;
        if Sha256::digest(&sealed).as_slice() != file.enc_sha256 {
            return Err(broken("the encrypted bytes are others"));
        }
        let bytes = DownloadUtils::verify_and_decrypt(&sealed, &file.key, file.media_type())
            .map_err(|error| PhoneError::File(error.to_string()))?;
        if Sha256::digest(&bytes).as_slice() != file.sha256 || bytes.len() as u64 != file.size {
            return Err(broken("the bytes are others"));
        }
        Ok(bytes)
    }
}

/// A file on the media host.
struct Hosted {
    url: String,
    direct_path: String,
    key: Vec<u8>,
    sha256: Vec<u8>,
    enc_sha256: Vec<u8>,
    size: u64,
}

macro_rules! filled {
    ($kind:ident, $hosted:ident, $file:ident, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(part::$kind {
            url: Some($hosted.url.clone()),
            mimetype: Some($file.mimetype.clone()),
            file_sha256: Some($hosted.sha256.clone()),
            file_enc_sha256: Some($hosted.enc_sha256.clone()),
            file_length: Some($hosted.size),
            media_key: Some($hosted.key.clone()),
            media_key_timestamp: Some(i64::try_from(now()).unwrap_or_default()),
            direct_path: Some($hosted.direct_path.clone()),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

impl Hosted {
    fn message(&self, file: &FileToSend) -> Option<Message> {
        let hosted = self;
        let (caption, seconds) = (file.caption.clone(), file.seconds);
        let once = file.view_once.then_some(true);
        let film = || {
            let gif = (file.kind == "gif").then_some(true);
            filled!(VideoMessage, hosted, file, { caption: caption.clone(), seconds: seconds, gif_playback: gif, view_once: once })
        };
        let mut message = Message::default();
        match file.kind.as_str() {
            "image" => {
                message.image_message =
                    filled!(ImageMessage, hosted, file, { caption: caption.clone(), view_once: once });
            }
            "video" | "gif" => message.video_message = film(),
            "video_note" => message.ptv_message = film(),
            "audio" | "voice" => {
                let spoken = (file.kind == "voice").then_some(true);
                message.audio_message =
                    filled!(AudioMessage, hosted, file, { seconds: seconds, ptt: spoken, view_once: once });
            }
            "document" => {
                let name = file.filename.clone();
                message.document_message =
                    filled!(DocumentMessage, hosted, file, { caption: caption.clone(), file_name: name });
            }
            "sticker" => message.sticker_message = filled!(StickerMessage, hosted, file, {}),
            _ => return None,
        }
        Some(message)
    }
}

/// A companion says that the network has forgotten a file: the phone, if it is there and has the message, brings it
/// again and tells the companion where it lies now.
pub(crate) fn bring_again(session: &Session, receipt: &Node) {
    let Some(id) = attr(receipt, "id").map(std::borrow::Cow::into_owned) else { return };
    let account = &session.account;
    if !account.phone.is_online() {
        return;
    }
    let sealed = receipt.get_optional_child("encrypt").and_then(|encrypt| {
        let (body, iv) = (child_bytes(encrypt, "enc_p")?, child_bytes(encrypt, "enc_iv")?);
        (!body.is_empty() && iv.len() == 12).then_some(())
    });
    if sealed.is_none() || receipt.get_optional_child("rmr").and_then(|rmr| attr(rmr, "jid")).is_none() {
        let broken = crate::violation::Broken::new(
            crate::violation::Rule::Child,
            "a request for a file that is gone without its encrypted part or its chat",
        );
        session.violated(&broken, receipt);
        return;
    }
    let child = found_again(&session.registry, account, &id).unwrap_or_else(|| {
        // 2: the phone has no such message.
        NodeBuilder::new("error").attr("code", "2").build()
    });
    let from = account.jid(crate::account::Family::Number, 0);
    let rmr = receipt.get_optional_child("rmr").cloned();
    let node = NodeBuilder::new("notification")
        .attr("from", from.clone())
        .attr("type", "mediaretry")
        .attr("id", &id)
        .attr("t", now().to_string())
        .children(std::iter::once(child).chain(rmr))
        .build();
    let parcel = Parcel {
        class: Class::Notification,
        id,
        from,
        kind: Some("mediaretry".into()),
        node: Arc::new(node),
        automatic: true,
    };
    deliver(&session.registry, account, session.device.id, parcel);
}

fn found_again(registry: &Registry, account: &Account, id: &str) -> Option<Node> {
    use buffa::Message as _;
    let file: FileSeen = account.phone.inbox().find(|message| message.id == id)?.file?;
    let path = registry.media().bring_again(&file.direct_path)?;
    registry.counters.media_brought_again.add_one();
    let answer = MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: Some(path),
        result: Some(ResultType::SUCCESS),
        ..Default::default()
    };
    // The key and the rest are those of the companion's question (WA Web: `WAWebCryptoMediaRetry`).
    let mut key = [0; 32];
    wacore::crypto::hkdf_sha256_into(&file.key, None, b"WhatsApp Media Retry Notification", &mut key).ok()?;
    let iv: [u8; 12] = rand::random();
    let mut sealed = Vec::new();
    aes_256_gcm_encrypt(&key, &iv, id.as_bytes(), &answer.encode_to_vec(), &mut sealed).ok()?;
    let encrypt =
        NodeBuilder::new("encrypt").children([bytes_node("enc_p", sealed), bytes_node("enc_iv", iv.to_vec())]);
    Some(encrypt.build())
}

impl Phone {
    pub(super) async fn send_message(&self, to: &str, message: Message) -> Result<String, PhoneError> {
        self.check_online()?;
        if let Some(group) = super::group_of(to) {
            return self.send_to_group(&group, &message);
        }
        let (to, family) = self.recipient(to)?;
        let letter = send::Letter { to, family, message, automatic: false };
        let id = send::send(&self.registry, &self.account, &letter)?;
        self.account.phone.changed.notify_waiters();
        self.registry.changed.notify_waiters();
        Ok(id)
    }
}
