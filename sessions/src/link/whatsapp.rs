//! An open link.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use wacore::iq::devices::RemoveCompanionDeviceSpec;
use wacore::types::message::AddressingMode;
use wacore_binary::{Jid as LibraryJid, JidExt as _};
use wasup_store::records::{Participant, Target};
use whatsapp_rust::{Client, SendOptions};

use super::calls::Calls;
use super::chats::Shown;
use super::inbound::address;
use super::news::Newsroom;
use super::outlet::{Note, Outlet};
use super::pairing_code::Codes;
use super::presence::Watching;
use super::runtime::LinkTasks;
use super::sending::from::{Naming, Writer};
use super::{restriction, sending};
use crate::dial::Dialer;
use crate::media::{Downloads, Uploads};
use crate::ports::{
    AskError, ChatCalls, EndReason, GroupCalls, Link, LinkError, MediaCalls, NoNetwork, Outgoing, PeopleCalls,
    SendError,
};

/// Longest that an orderly disconnect may take: the library flushes receipts and keys for up to 5 s each.
const DISCONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Longest that ended tasks may take to be gone.
pub(super) const TASKS_LIMIT: Duration = Duration::from_secs(5);

/// Longest that the network's goodbye may come after a connection that broke while it was asked for.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// How often the end of the loop is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// The account's own addresses, and by which of them a chat names it.
struct Own {
    phone: Option<LibraryJid>,
    lid: Option<LibraryJid>,
    naming: Naming,
}

impl Own {
    fn borrow<'a>(&'a self, chat: &'a LibraryJid) -> Writer<'a> {
        Writer { chat, naming: self.naming, own_phone: self.phone.as_ref(), own_lid: self.lid.as_ref() }
    }
}

/// A live connection of one account.
pub(super) struct WhatsAppLink {
    client: Arc<Client>,
    outlet: Arc<Outlet>,
    codes: Arc<Codes>,
    tasks: LinkTasks,
    main: AbortHandle,
    query_timeout: Duration,
    files: Option<Files>,
    closed: OnceCell<()>,
    typing: Shown,
    company: Option<Company>,
}

/// What a link needs for people.
pub(super) struct Company {
    /// The account's own way, for pictures.
    pub(super) dialer: Dialer,
    pub(super) watching: Arc<Watching>,
    pub(super) calls: Arc<Calls>,
    pub(super) room: Arc<Newsroom>,
}

/// What a link does with files.
pub(super) struct Files {
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Downloads,
}

impl WhatsAppLink {
    pub(super) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(super) const fn tasks(&self) -> &LinkTasks {
        &self.tasks
    }

    /// Longest that a question to the network may take.
    pub(super) const fn query_timeout(&self) -> Duration {
        self.query_timeout
    }

    pub(super) const fn typing_shown(&self) -> &Shown {
        &self.typing
    }

    pub(super) fn new(
        client: Arc<Client>,
        outlet: Arc<Outlet>,
        codes: Arc<Codes>,
        tasks: LinkTasks,
        main: AbortHandle,
        query_timeout: Duration,
        files: Option<Files>,
    ) -> Self {
        let typing = Shown::default();
        Self {
            client,
            outlet,
            codes,
            tasks,
            main,
            query_timeout,
            files,
            closed: OnceCell::new(),
            typing,
            company: None,
        }
    }

    /// ... that can be asked about people.
    pub(super) fn among(mut self, company: Company) -> Self {
        self.company = Some(company);
        self
    }

    pub(super) fn company(&self) -> Result<&Company, AskError> {
        self.company.as_ref().ok_or(AskError::NotConnected)
    }

    /// The account, as it is named in a chat.
    async fn writer(&self, to: &LibraryJid, chat: &Participant) -> Own {
        let (phone, lid) = (self.client.pn(), self.client.lid());
        let by_lid = if to.is_group() {
            // Kept by the library: asked for once a group.
            let groups = self.client.groups();
            let asked = tokio::time::timeout(self.query_timeout, Box::pin(groups.query_info(to)));
            asked.await.is_ok_and(|info| info.is_ok_and(|info| info.addressing_mode == AddressingMode::Lid))
        } else {
            to.is_status_broadcast() || chat.phone.is_none()
        };
        Own { phone, lid, naming: if by_lid { Naming::Lid } else { Naming::Phone } }
    }

    async fn was_logged_out(&self) -> bool {
        let told = async {
            while self.outlet.ended().is_none() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(GOODBYE_LIMIT, told).await.is_ok() && self.outlet.ended() == Some(EndReason::LoggedOut)
    }

    async fn close_once(&self) {
        self.outlet.silence();
        if tokio::time::timeout(DISCONNECT_LIMIT, Box::pin(self.client.disconnect())).await.is_err() {
            tracing::warn!("a link did not disconnect in time and is cut off");
        }
        let ended = async {
            while !self.main.is_finished() {
                tokio::time::sleep(LOOK).await;
            }
        };
        // A loop that is just dialing sees the end when its dial ends.
        if tokio::time::timeout(Duration::from_millis(500), ended).await.is_err() {
            self.main.abort();
        }
        if !self.tasks.end(TASKS_LIMIT).await {
            tracing::error!("tasks of a link are still there after it was closed");
        }
        while !self.main.is_finished() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for WhatsAppLink {
    fn drop(&mut self) {
        // Whoever forgot to close it must not leave a connection behind that nobody listens to.
        self.main.abort();
        self.tasks.stopping().cancel();
    }
}

#[async_trait]
impl Link for WhatsAppLink {
    async fn send(&self, message: &Outgoing) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::NotConnected);
        }
        let message = match &self.files {
            Some(files) => files.uploads.with_file(&self.client, message).await?,
            None => Cow::Borrowed(message),
        };
        let to = address::destination(&message.chat).ok_or(SendError::NotSendable)?;
        let content = sending::encode(&message, &self.writer(&to, &message.chat).await.borrow(&to))?;
        if to.is_status_broadcast() {
            return self.post(&message, content).await;
        }
        let options = SendOptions::default().with_message_id(message.provider_id.as_str());
        let send = Box::pin(self.client.send_message_with_options(to, content, options));
        match tokio::time::timeout(self.query_timeout, send).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(sending::failure(&error)),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    fn chats(&self) -> &dyn ChatCalls {
        self
    }

    fn groups(&self) -> &dyn GroupCalls {
        self
    }

    fn people(&self) -> &dyn PeopleCalls {
        self
    }

    fn is_connected(&self) -> bool {
        self.outlet.connected() && self.client.is_connected() && self.client.is_logged_in()
    }

    fn reconnect_now(&self) {
        self.tasks.hurry();
    }

    async fn star(&self, chat: &Participant, message: &Target, starred: bool) -> Result<(), AskError> {
        if !self.is_connected() {
            return Err(AskError::NotConnected);
        }
        let chat = address::destination(chat).ok_or(AskError::NotFound)?;
        let author = message.sender.as_ref().filter(|_| chat.is_group() && !message.from_me);
        let author = author.and_then(address::destination);
        let (actions, id, own) = (self.client.chat_actions(), message.provider_id.as_str(), message.from_me);
        let asked = async {
            match starred {
                true => Box::pin(actions.star_message(&chat, author.as_ref(), id, own)).await,
                false => Box::pin(actions.unstar_message(&chat, author.as_ref(), id, own)).await,
            }
        };
        match tokio::time::timeout(self.query_timeout, asked).await {
            Ok(Ok(())) => Ok(()),
            // Its text may name the chat.
            Ok(Err(_)) => Err(AskError::Failed("the account's shared state could not be changed".to_owned())),
            Err(_) => Err(AskError::TimedOut),
        }
    }

    fn request_pairing_code(&self, phone: &str) {
        self.codes.request(phone);
    }

    fn cancel_pairing_code(&self) {
        self.codes.cancel();
    }

    fn ask_restriction(&self) {
        let (client, outlet, limit) = (Arc::clone(&self.client), Arc::clone(&self.outlet), self.query_timeout);
        self.tasks.spawn_task(async move {
            match tokio::time::timeout(limit, Box::pin(client.mex().fetch_reachout_timelock())).await {
                Ok(Ok(lock)) => outlet.push(Note::Say(restriction::of(&lock))),
                Ok(Err(error)) => tracing::debug!(%error, "the network did not say what it restricts"),
                Err(_) => tracing::debug!("the network did not say in time what it restricts"),
            }
        });
    }

    fn media(&self) -> &dyn MediaCalls {
        match &self.files {
            Some(files) => &files.downloads,
            None => &NoNetwork,
        }
    }

    async fn log_out(&self) -> Result<(), LinkError> {
        let own = self.client.pn().filter(|_| self.client.is_logged_in());
        let Some(own) = own else { return Err(LinkError::Protocol("not connected".into())) };
        let removal = Box::pin(self.client.execute(RemoveCompanionDeviceSpec::new(&own)));
        match tokio::time::timeout(self.query_timeout, removal).await {
            Ok(Ok(_)) => Ok(()),
            // The network may end the connection before its answer was looked at.
            Ok(Err(_)) if self.was_logged_out().await => Ok(()),
            Ok(Err(error)) => Err(LinkError::Protocol(error.to_string())),
            Err(_) => Err(LinkError::Protocol("the network did not answer in time".into())),
        }
    }

    async fn close(&self) {
        self.closed.get_or_init(|| self.close_once()).await;
    }
}
