//! An account's chatbot: an endpoint whose answers are sent, and which hears only humans for whom it is switched on.

use std::fmt;

use wasup_store::id::{AccountId, PersonNo};
use wasup_store::records::{BotSender, EventKind, Participant, ReplyMode};
use wasup_store::repo::chatbot;
use wasup_store::{Durability, ReadTx, WriteTx};

use super::create::NewEndpoint;
use super::look::Names;
use super::of_account::Declared;
use super::{Endpoint, EndpointChange, EndpointError, Endpoints};
use crate::principal::Principal;
use crate::webhook::NewSecret;

/// What an account's chatbot is set to.
#[derive(Clone)]
pub struct ChatbotSpec {
    /// Where messages go. Checked by the edge.
    pub url: String,
    /// Signing secret, 24 to 64 bytes; `None` keeps the one there is, or draws one.
    pub secret: Option<Vec<u8>>,
    /// Whether messages are delivered; while not, they wait.
    pub active: bool,
}

/// Leaves the secret and the address out.
impl fmt::Debug for ChatbotSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatbotSpec").field("active", &self.active).finish_non_exhaustive()
    }
}

/// A human about whom something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatbotSender {
    /// Their place in the list.
    pub place: PersonNo,
    /// Who they are.
    pub who: Participant,
    /// Whether the chatbot hears them.
    pub standing: BotSender,
}

impl Endpoints {
    /// Sets an account's chatbot. Answers the secret where one was drawn; it is never shown again.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`], [`EndpointError::BadSecret`], [`EndpointError::TooMany`].
    pub async fn set_chatbot(
        &self,
        principal: &Principal,
        id: &AccountId,
        spec: ChatbotSpec,
    ) -> Result<(Endpoint, Option<NewSecret>), EndpointError> {
        let ChatbotSpec { url, secret, active } = spec;
        let settings = EndpointChange {
            events: Some(vec![EventKind::MessageReceived]),
            reply: Some(ReplyMode::Answer),
            chatbot: Some(true),
            paused: Some(!active),
            ..EndpointChange::default()
        };
        let new = NewEndpoint { account: Some(id.clone()), url, secret, settings };
        let placed = self.place(principal, new, Declared::Chatbot, |old, _| old.clone()).await?;
        self.ctx.nudges.forgive(placed.record.id);
        Ok((self.get(principal, placed.record.id).await?, placed.secret))
    }

    /// An account's chatbot.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn chatbot(&self, principal: &Principal, id: &AccountId) -> Result<Option<Endpoint>, EndpointError> {
        let owner = self.owner(principal, Some(id)).await?;
        let read = |tx: &ReadTx<'_>| match chatbot::endpoint(tx, owner.no)? {
            Some(record) => Names::default().row(tx, record),
            None => Ok(None),
        };
        Ok(self.ctx.store.read(read).await?.map(|row| self.whole(row)))
    }

    /// Removes an account's chatbot; what was said about humans stays for the next one. `false` where there is none.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn remove_chatbot(&self, principal: &Principal, id: &AccountId) -> Result<bool, EndpointError> {
        let Some(found) = self.chatbot(principal, id).await? else { return Ok(false) };
        match self.remove(principal, found.record.id).await {
            Ok(()) => Ok(true),
            // Somebody else was faster.
            Err(EndpointError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Switches the chatbot on or off for a human.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn switch_sender(
        &self,
        principal: &Principal,
        id: &AccountId,
        who: Participant,
        on: bool,
    ) -> Result<BotSender, EndpointError> {
        let (no, now_ms) = (self.owner(principal, Some(id)).await?.no, self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| Ok::<_, EndpointError>(chatbot::switch(tx, no, &who, on, now_ms)?);
        let standing = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        tracing::info!(account = %id, on, request_id = principal.request_id, "the chatbot was switched for a human");
        Ok(standing)
    }

    /// Whether the chatbot hears a human; `None` where nothing was said about them.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn sender(
        &self,
        principal: &Principal,
        id: &AccountId,
        who: &Participant,
    ) -> Result<Option<BotSender>, EndpointError> {
        let no = self.owner(principal, Some(id)).await?.no;
        Ok(self.ctx.store.read(|tx| chatbot::get(tx, no, who)).await?)
    }

    /// At most `limit` humans about whom something was said, after one of them.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn senders(
        &self,
        principal: &Principal,
        id: &AccountId,
        after: Option<PersonNo>,
        limit: usize,
    ) -> Result<Vec<ChatbotSender>, EndpointError> {
        let no = self.owner(principal, Some(id)).await?.no;
        let found = self.ctx.store.read(|tx| chatbot::list(tx, no, after, limit)).await?;
        Ok(found.into_iter().map(|(place, who, standing)| ChatbotSender { place, who, standing }).collect())
    }

    /// Forgets what was said about a human; `false` where nothing was.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`].
    pub async fn forget_sender(
        &self,
        principal: &Principal,
        id: &AccountId,
        who: Participant,
    ) -> Result<bool, EndpointError> {
        let no = self.owner(principal, Some(id)).await?.no;
        let write = move |tx: &mut WriteTx<'_>| Ok::<_, EndpointError>(chatbot::forget(tx, no, &who)?);
        self.ctx.store.write_by(principal, Durability::Durable, write).await
    }
}
