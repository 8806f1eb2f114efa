//! Carries what a link has to say to its listener, and does what has to be done before it is said.

use std::sync::Arc;

use tokio::sync::mpsc;
use wacore::types::message::MessageInfo;
use wacore_binary::Jid as LibraryJid;
use wasup_store::jid::Jid;
use wasup_store::records::Identity;
use whatsapp_rust::{Client, RawNodeLease};

use super::inbound::inbox::Inbox;
use super::inbound::{address, unavailable};
use super::news::Reporter;
use super::outlet::{Note, Outlet};
use super::own::OwnAddresses;
use crate::ports::LinkEvent;

/// Nobody listens any more.
struct Gone;

/// The carrier of one link.
pub(super) struct Pump {
    pub(super) outlet: Arc<Outlet>,
    pub(super) client: Arc<Client>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) news: Reporter,
    pub(super) own: Arc<OwnAddresses>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    /// While a phone may scan and `Paired` is not said: the only way to see it begin to link is in the stanzas.
    pub(super) watching_stanzas: Option<RawNodeLease>,
}

impl Pump {
    /// Carries until the listener is gone.
    pub(super) async fn run(mut self) {
        self.learn_own_addresses();
        loop {
            let note = self.outlet.next().await;
            if self.carry(note).await.is_err() {
                return;
            }
        }
    }

    async fn carry(&mut self, note: Note) -> Result<(), Gone> {
        match note {
            Note::Say(event) => {
                if matches!(event, LinkEvent::Disconnected { .. }) {
                    self.news.disconnected();
                }
                self.say(event).await?;
            }
            Note::Paired => self.paired().await?,
            Note::Connected => {
                // The library may notice late that it is paired, when the login that follows has gone through already.
                self.paired().await?;
                self.connected().await?;
            }
            // The link was told of an error by the inbox itself; the phone or the channel has these messages still.
            Note::Ungated(batch) => drop(self.inbox.take(&batch.messages).await),
            Note::Unreadable(info, content) => {
                if let Some(new) = unavailable(&info, content, rand::random()) {
                    drop(self.inbox.commit(new).await);
                }
            }
            Note::News(news) => self.news.take(news).await,
            Note::Lost(infos) => self.ask_again(&infos).await,
        }
        Ok(())
    }

    async fn say(&self, event: LinkEvent) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }

    /// The library writes the device behind its own back within seconds; a process that dies meanwhile would be on the
    /// phone's list without having its keys. Once a link.
    async fn paired(&mut self) -> Result<(), Gone> {
        if self.watching_stanzas.take().is_none() {
            return Ok(());
        }
        if let Err(error) = self.client.persistence_manager().flush().await {
            tracing::error!(%error, "a fresh device could not be written");
        }
        self.learn_own_addresses();
        match self.identity() {
            Some(identity) => self.say(LinkEvent::Paired { identity }).await,
            None => Ok(()),
        }
    }

    async fn connected(&self) -> Result<(), Gone> {
        self.learn_own_addresses();
        self.news.connected();
        match self.identity() {
            Some(identity) => self.say(LinkEvent::Connected { identity }).await,
            None => Ok(()),
        }
    }

    /// Asks the account's phone for messages again. Best effort: they are told of as unavailable already, and an answer
    /// fills them.
    async fn ask_again(&self, infos: &[Arc<MessageInfo>]) {
        for info in infos {
            if let Err(error) = Box::pin(self.client.send_pdo_placeholder_resend_request(info)).await {
                tracing::debug!(%error, "the phone could not be asked for a message again");
            }
        }
    }

    fn learn_own_addresses(&self) {
        self.own.set([self.client.pn(), self.client.lid()].into_iter().flatten().collect());
    }

    fn identity(&self) -> Option<Identity> {
        let jid = |jid: Option<LibraryJid>| -> Option<Jid> { jid.as_ref().and_then(address::canonical) };
        let push_name = self.client.push_name();
        Some(Identity {
            jid: jid(self.client.pn())?,
            lid: jid(self.client.lid()),
            push_name: (!push_name.is_empty()).then_some(push_name),
        })
    }
}
