//! Carries what a link has to say to its listener, and does what has to be done before it is said.

use std::sync::Arc;

use tokio::sync::mpsc;
use wacore::types::message::MessageInfo;
use wacore_binary::Jid as LibraryJid;
use wasup_store::jid::Jid;
use wasup_store::records::Identity;
use whatsapp_rust::{Client, RawNodeLease};

use super::ears::OwnAddresses;
use super::inbound::inbox::Inbox;
use super::inbound::{address, unavailable};
use super::outlet::{Note, Outlet};
use super::stream_error::StreamErrors;
use crate::ports::LinkEvent;

/// The carrier of one link.
pub(super) struct Pump {
    pub(super) outlet: Arc<Outlet>,
    pub(super) client: Arc<Client>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) own: Arc<OwnAddresses>,
    pub(super) stream_errors: Arc<StreamErrors>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    /// While a phone may scan: the only way to see it begin to link is in the stanzas themselves.
    pub(super) watching_stanzas: Option<RawNodeLease>,
}

impl Pump {
    /// Carries until the listener is gone.
    pub(super) async fn run(mut self) {
        self.learn_own_addresses();
        loop {
            let event = match self.outlet.next().await {
                Note::Say(event) => Some(event),
                Note::Paired => self.paired().await,
                Note::Connected => self.connected(),
                Note::Ungated(batch) => {
                    // The inbox told the link about an error already; the phone or the channel has the message still.
                    let _ = self.inbox.take(&batch.messages).await;
                    None
                }
                Note::Lost(infos) => {
                    self.ask_again(&infos).await;
                    None
                }
                Note::Unreadable(info) => {
                    if let Some(new) = unavailable(&info, rand::random()) {
                        let _ = self.inbox.commit(vec![new]).await;
                    }
                    None
                }
            };
            if let Some(event) = event
                && self.events.send(event).await.is_err()
            {
                return;
            }
        }
    }

    /// The library writes the device behind its own back within seconds; a process that dies meanwhile would be on the
    /// phone's list without having its keys.
    async fn paired(&mut self) -> Option<LinkEvent> {
        self.watching_stanzas = None;
        if let Err(error) = self.client.persistence_manager().flush().await {
            tracing::error!(%error, "a fresh device could not be written");
        }
        self.learn_own_addresses();
        Some(LinkEvent::Paired { identity: self.identity()? })
    }

    fn connected(&mut self) -> Option<LinkEvent> {
        self.watching_stanzas = None;
        self.learn_own_addresses();
        self.stream_errors.listen(&self.client);
        Some(LinkEvent::Connected { identity: self.identity()? })
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
