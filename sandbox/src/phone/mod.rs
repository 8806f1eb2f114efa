//! Virtual phones: device 0 of every account.
//!
//! A phone has a real Signal identity. It links companions by their QR codes and pairing codes, writes and
//! reads end-to-end encrypted texts, sends receipts, answers by rule and can be offline. It has no
//! task: whoever brings it a message does its work.

mod addresses;
mod calls;
mod file_seen;
mod files;
mod greeting;
mod groups;
mod history;
mod inbox;
mod linking;
mod peer;
mod pictures;
mod presence;
mod props;
mod receive;
mod retry;
mod rules;
mod said;
mod seen;
mod send;
mod sender_keys;
pub(crate) mod settings;
mod shared;
mod signal;
mod state;
mod status;

pub use file_seen::FileSeen;
pub use files::FileToSend;
pub use groups::{GroupMember, GroupView};
pub use history::{Chunk as HistoryChunk, HistoryPart, PastAct, PastChat, PastFile, PastMark, PastMessage, PastState};
pub use inbox::{InboxMessage, PhoneCounts, ReceiptSeen};
pub use props::CompanionProps;
pub use rules::{Reply, Rules};
pub use said::{Around, Said};
pub use seen::Afterwards;
pub use settings::{Setting, SharedSetting};

pub(crate) use files::bring_again;
pub(crate) use greeting::greet;
pub(crate) use receive::{now_ms, receive};
pub(crate) use signal::EncKind;
pub(crate) use state::PhoneState;

use crate::account::{Account, Family};
use crate::message::shared::is_shared;
use crate::pairing::PairingError;
use crate::receipt;
use crate::registry::Registry;
use crate::wait::{WaitError, until};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use wacore::libsignal::protocol::{CurveError, SignalProtocolError};
use wacore_binary::Jid;

/// Why a phone could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The phone is offline.
    #[error("the phone is offline")]
    Offline,
    /// Neither a number nor a jid of a person.
    #[error("{0:?} is neither a number nor the jid of a person")]
    BadRecipient(String),
    /// No account on this network has this number or hidden id.
    #[error("nobody on this network has the address {0:?}")]
    UnknownRecipient(String),
    /// A file can't be sent, or not be opened.
    #[error("file: {0}")]
    File(String),
    /// The network does not let the phone do this; the wire's code, such as 403, 404 or 409.
    #[error("refused with the code {0}")]
    Refused(u16),
    /// A device was unlinked while the message was encrypted for it.
    #[error("a device went away while the message was encrypted")]
    DeviceGone,
    /// The encryption failed.
    #[error("encryption: {0}")]
    Signal(#[from] SignalProtocolError),
    /// A key is not a key.
    #[error("key: {0}")]
    Key(#[from] CurveError),
}

/// A handle to one account's phone. Cheap to clone; all clones are the same phone.
#[derive(Clone)]
pub struct Phone {
    registry: Arc<Registry>,
    account: Arc<Account>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone").finish_non_exhaustive()
    }
}

impl Phone {
    pub(crate) fn new(registry: Arc<Registry>, account: Arc<Account>) -> Self {
        Self { registry, account }
    }

    /// The account's number, digits only.
    pub fn number(&self) -> &str {
        &self.account.number
    }

    /// The account's jid by number: `NUMBER@s.whatsapp.net`.
    pub fn jid(&self) -> String {
        self.account.jid(Family::Number, 0).to_string()
    }

    /// The account's jid by hidden id: `LID@lid`.
    pub fn lid(&self) -> String {
        self.account.jid(Family::Hidden, 0).to_string()
    }

    /// Companions linked at the moment, by device number.
    pub fn devices(&self) -> Vec<u16> {
        self.account.devices().iter().map(|device| device.id).collect()
    }

    /// What a companion said of itself when it was linked; `None` when there is none of this number, or it said nothing
    /// that can be read.
    pub fn companion(&self, device: u16) -> Option<CompanionProps> {
        let device = self.account.devices().into_iter().find(|known| known.id == device)?;
        CompanionProps::read(&device.props)
    }

    /// Whether companions linked from now on, and this phone, address chats by hidden id.
    pub fn set_lid_migrated(&self, migrated: bool) {
        self.account.set_lid_migrated(migrated);
    }

    /// The name others see with this account's messages.
    pub fn set_push_name(&self, name: &str) {
        self.account.set_push_name(name);
    }

    /// Links the companion that shows this QR code. Returns its device number once it is linked;
    /// the companion then reconnects and logs in by itself.
    ///
    /// # Errors
    /// When the code is none, is unknown or used, or when the companion refuses or goes away.
    pub async fn scan(&self, qr: &str) -> Result<u16, PairingError> {
        linking::scan(&self.registry, &self.account, qr).await
    }

    /// Links the companion that shows this pairing code: the connection that asked last for a code for this phone's
    /// number. Case, spaces and dashes do not matter. Returns its device number once it is linked.
    ///
    /// # Errors
    /// When the code is none, is wrong, expired or spent, when no connection asked for one (for this number), or when
    /// the companion refuses or goes away.
    pub async fn enter_code(&self, code: &str) -> Result<u16, PairingError> {
        linking::enter_code(&self.registry, &self.account, code).await
    }

    /// The network tells the companion that waits for a code of this number to get another; the one it has is void.
    /// `by_hand` asks it to let its user do that.
    ///
    /// # Errors
    /// When no connection waits for one.
    pub fn refresh_code(&self, by_hand: bool) -> Result<(), PairingError> {
        linking::refresh_code(&self.registry, &self.account, by_hand)
    }

    /// From now on the network demands a passkey before it links a device to this number, or no more. Linked devices
    /// stay linked.
    pub fn demand_passkey(&self, demanded: bool) {
        self.account.demand_passkey(demanded);
    }

    /// Writes a text to a number (digits) or the jid of a person or group. Returns the message id once the server has
    /// accepted it.
    ///
    /// # Errors
    /// When the phone is offline, the recipient is not on this network, or the group does not let it write.
    pub async fn send_text(&self, to: &str, text: &str) -> Result<String, PhoneError> {
        self.check_online()?;
        if let Some(group) = group_of(to) {
            return self.send_to_group(&group, &send::text(text));
        }
        let (to, family) = self.recipient(to)?;
        let letter = send::Letter { to, family, message: send::text(text), automatic: false };
        let id = send::send(&self.registry, &self.account, &letter)?;
        self.account.phone.changed.notify_waiters();
        self.registry.changed.notify_waiters();
        Ok(id)
    }

    /// Sends a read receipt for a message in the inbox.
    ///
    /// # Errors
    /// When the phone is offline or has not shown this message.
    pub async fn read(&self, id: &str) -> Result<(), PhoneError> {
        self.tell(id, "read")
    }

    /// Sends a receipt for a message in the inbox that its sound or film was played.
    ///
    /// # Errors
    /// When the phone is offline or has not shown this message.
    pub async fn play(&self, id: &str) -> Result<(), PhoneError> {
        self.tell(id, "played")
    }

    /// The rules by which the phone acts by itself.
    pub fn rules(&self) -> Rules {
        self.account.phone.rules()
    }

    /// Replaces the rules.
    pub fn set_rules(&self, rules: Rules) {
        self.account.phone.set_rules(rules);
    }

    /// Loses every Signal session, as a phone restored from a backup does. What comes in the old
    /// sessions cannot be decrypted; the phone asks for it again.
    pub fn forget_sessions(&self) {
        self.account.phone.signal().forget_all_sessions();
        self.account.phone.sender_keys().forget_all();
    }

    /// From now on everything for the phone waits, and it sends nothing.
    pub fn go_offline(&self) {
        self.account.phone.go_offline();
    }

    /// Takes in what waited, in order, and is online again.
    pub fn go_online(&self) {
        while let Some(parcel) = self.account.phone.next_waiting() {
            receive::handle(&self.registry, &self.account, &parcel);
        }
        for device in self.account.devices() {
            greet(&self.registry, &self.account, &device);
        }
    }

    /// Whether the phone is online.
    pub fn is_online(&self) -> bool {
        self.account.phone.is_online()
    }

    /// How many stanzas wait for the phone to come back.
    pub fn waiting(&self) -> usize {
        self.account.phone.waiting()
    }

    /// Messages the phone has shown, oldest first: those others sent and those its own companions
    /// sent. At most [`crate::Config::inbox_limit`].
    pub fn inbox(&self) -> Vec<InboxMessage> {
        self.account.phone.inbox().messages()
    }

    /// How many messages of others that begin so are in the inbox, and how many different texts these are.
    pub fn tally(&self, prefix: &str) -> (usize, usize) {
        self.account.phone.inbox().tally(prefix)
    }

    /// Receipts that reached the phone, oldest first.
    pub fn receipts(&self) -> Vec<ReceiptSeen> {
        self.account.phone.inbox().receipts()
    }

    /// What the phone has done so far.
    pub fn counts(&self) -> PhoneCounts {
        self.account.phone.inbox().counts.clone()
    }

    /// How many messages the phone dropped because it had shown their id before.
    pub fn repeats(&self) -> u64 {
        self.account.phone.inbox().counts.repeats
    }

    /// Waits until the phone has shown this text, in any chat.
    ///
    /// # Errors
    /// When it has not within the time.
    pub async fn wait_for_text(&self, text: &str, within: Duration) -> Result<InboxMessage, WaitError> {
        let wanted = |message: &InboxMessage| message.text.as_deref() == Some(text);
        until(&self.account.phone.changed, within, "a text", || self.account.phone.inbox().find(wanted)).await
    }

    /// Waits until the phone has shown a message with this id.
    ///
    /// # Errors
    /// When it has not within the time.
    pub async fn wait_for_message(&self, id: &str, within: Duration) -> Result<InboxMessage, WaitError> {
        until(&self.account.phone.changed, within, "a message", || {
            self.account.phone.inbox().find(|message| message.id == id)
        })
        .await
    }

    /// Waits until a receipt of this kind for a message has reached the phone; see
    /// [`ReceiptSeen::kind`].
    ///
    /// # Errors
    /// When it has not within the time.
    pub async fn wait_for_receipt(&self, id: &str, kind: &str, within: Duration) -> Result<ReceiptSeen, WaitError> {
        until(&self.account.phone.changed, within, "a receipt", || {
            let receipts = self.account.phone.inbox().receipts();
            receipts.into_iter().find(|seen| seen.id == id && seen.kind == kind)
        })
        .await
    }

    /// Waits until something was shared that is as wanted.
    ///
    /// # Errors
    /// When nothing is within the time.
    pub async fn wait_for_shared(
        &self,
        within: Duration,
        wanted: impl Fn(&SharedSetting) -> bool,
    ) -> Result<SharedSetting, WaitError> {
        let changed = &self.registry.changed;
        until(changed, within, "a shared setting", || self.shared().into_iter().find(|shared| wanted(shared))).await
    }

    /// Waits until the phone's counters satisfy a condition.
    ///
    /// # Errors
    /// When they do not within the time.
    pub async fn wait_for_counts(
        &self,
        within: Duration,
        reached: impl Fn(&PhoneCounts) -> bool,
    ) -> Result<PhoneCounts, WaitError> {
        until(&self.account.phone.changed, within, "the phone's counts", || Some(self.counts()).filter(&reached)).await
    }

    fn tell(&self, id: &str, kind: &'static str) -> Result<(), PhoneError> {
        self.check_online()?;
        let shown = self.account.phone.inbox().find(|message| message.id == id);
        let chat = shown.as_ref().and_then(|message| message.chat.parse::<Jid>().ok());
        let sender = shown.and_then(|message| message.sender.parse::<Jid>().ok());
        let (Some(sender), registry) = (sender, &self.registry) else {
            return Err(PhoneError::UnknownRecipient(id.to_owned()));
        };
        let chat = chat.filter(is_shared);
        let written = receipt::Written { device: &sender, chat: chat.as_ref(), id };
        receipt::from_phone(registry, &self.account, &written, Some(kind));
        Ok(())
    }

    fn check_online(&self) -> Result<(), PhoneError> {
        if self.is_online() { Ok(()) } else { Err(PhoneError::Offline) }
    }

    fn recipient(&self, to: &str) -> Result<(Arc<Account>, Family), PhoneError> {
        let unknown = || PhoneError::UnknownRecipient(to.to_owned());
        if !to.is_empty() && to.bytes().all(|byte| byte.is_ascii_digit()) {
            let account = self.registry.by_number(to).ok_or_else(unknown)?;
            return Ok((account, self.account.home_family()));
        }
        let bad = || PhoneError::BadRecipient(to.to_owned());
        let jid: Jid = to.parse().map_err(|_| bad())?;
        let family = Family::of(&jid).ok_or_else(bad)?;
        let account = self.registry.account(&jid).ok_or_else(unknown)?;
        Ok((account, family))
    }
}

/// The jid, if it is a group's.
fn group_of(to: &str) -> Option<Jid> {
    to.parse().ok().filter(|jid: &Jid| jid.server == wacore_binary::Server::Group)
}
