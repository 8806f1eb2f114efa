//! Questions about people, over the library.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use wacore_binary::{Jid as LibraryJid, JidExt as _};
use wasup_store::records::Participant;
use whatsapp_rust::{BlockingError, ContactError, PresenceError};

use super::asking::{Unanswered, of_request};
use super::inbound::address;
use super::presence::Begin;
use super::whatsapp::WhatsAppLink;
use crate::ports::{AskError, Checked, PeopleCalls, PersonInfo, PictureAt, PictureStream, Seen};

/// Most people in one question to the network.
pub(super) const AT_ONCE: usize = 256;

/// Largest picture that is passed on, in bytes: the network's are some hundred KiB.
const PICTURE_MAX: u64 = 16 * 1024 * 1024;

impl From<ContactError> for Unanswered {
    fn from(error: ContactError) -> Self {
        Self(match &error {
            ContactError::Iq(error) => of_request(error),
            ContactError::InvalidJid(_) => AskError::Invalid("not the address of a person".into()),
            // Its texts may hold addresses.
            _ => AskError::Failed("the protocol library failed".into()),
        })
    }
}

impl From<BlockingError> for Unanswered {
    fn from(error: BlockingError) -> Self {
        Self(match &error {
            BlockingError::Iq(error) => of_request(error),
            BlockingError::InvalidJid(_) => AskError::NotFound,
            // Its texts may hold addresses.
            _ => AskError::Failed("the protocol library failed".into()),
        })
    }
}

fn library(who: &Participant) -> Result<LibraryJid, AskError> {
    address::destination(who).ok_or_else(|| AskError::Invalid("not the address of a person".into()))
}

impl WhatsAppLink {
    /// Somebody by both addresses, as far as the network tells them: in groups people are seen by the one, in chats by the
    /// other.
    async fn by_both(&self, jid: &LibraryJid, who: &Participant) -> Participant {
        let other = self.other_address(jid).await;
        if other.is_none()
            && jid.is_pn()
            && let Ok(checked) = self.check(std::slice::from_ref(who)).await
            && let Some(known) = checked.into_iter().find(|one| one.registered && one.who.lid.is_some())
        {
            return known.who;
        }
        address::participant(jid, other.as_ref()).unwrap_or_else(|| who.clone())
    }
}

#[async_trait]
impl PeopleCalls for WhatsAppLink {
    async fn check(&self, who: &[Participant]) -> Result<Vec<Checked>, AskError> {
        let mut checked = Vec::with_capacity(who.len());
        for some in who.chunks(AT_ONCE) {
            let jids = some.iter().map(library).collect::<Result<Vec<_>, _>>()?;
            let contacts = self.client().contacts();
            let answered = self.ask(async { contacts.is_on_whatsapp(&jids).await }).await?;
            for (asked, jid) in some.iter().zip(&jids) {
                let found = answered.iter().find(|one| {
                    let theirs = [Some(&one.jid), one.lid.as_ref(), one.pn_jid.as_ref()];
                    theirs.into_iter().flatten().any(|held| held.is_same_user_as(jid))
                });
                let known = found
                    .filter(|one| one.is_registered)
                    .and_then(|one| address::participant(&one.jid, one.lid.as_ref().or(one.pn_jid.as_ref())));
                checked.push(Checked {
                    registered: found.is_some_and(|one| one.is_registered),
                    business: found.is_some_and(|one| one.is_business),
                    who: known.unwrap_or_else(|| asked.clone()),
                });
            }
        }
        Ok(checked)
    }

    async fn info(&self, who: &Participant) -> Result<PersonInfo, AskError> {
        let jid = library(who)?;
        let checked = self.check(std::slice::from_ref(who)).await?;
        let checked = checked.into_iter().next().filter(|one| one.registered).ok_or(AskError::NotFound)?;
        let contacts = self.client().contacts();
        let jids = [jid];
        let infos = self.ask(async { contacts.get_user_info(&jids).await }).await?;
        let info = infos.into_values().next();
        Ok(PersonInfo {
            about: info.as_ref().and_then(|info| info.status.clone()).filter(|text| !text.is_empty()),
            picture_id: info.as_ref().and_then(|info| info.picture_id.clone()),
            business: checked.business,
            who: checked.who,
        })
    }

    async fn block(&self, who: &Participant, blocked: bool) -> Result<(), AskError> {
        let jid = library(who)?;
        // The network takes both addresses, of which the library may have learnt one only.
        let checked = self.check(std::slice::from_ref(who)).await?;
        if !checked.iter().any(|one| one.registered) {
            return Err(AskError::NotFound);
        }
        let blocking = self.client().blocking();
        self.ask(async {
            match blocked {
                true => blocking.block(&jid).await,
                false => blocking.unblock(&jid).await,
            }
        })
        .await
    }

    async fn blocked(&self) -> Result<Vec<Participant>, AskError> {
        let blocking = self.client().blocking();
        let listed = self.ask(async { blocking.get_blocklist().await }).await?;
        let mut blocked = Vec::with_capacity(listed.len());
        for one in listed {
            let other = self.other_address(&one.jid).await;
            blocked.extend(address::participant(&one.jid, other.as_ref()));
        }
        Ok(blocked)
    }

    async fn picture(&self, of: &Participant, small: bool) -> Result<PictureAt, AskError> {
        let jid = library(of)?;
        let contacts = self.client().contacts();
        let found = self.ask(async { contacts.get_profile_picture(&jid, small).await }).await?;
        found.map(|found| PictureAt { id: found.id, url: found.url }).ok_or(AskError::NotFound)
    }

    async fn open_picture(&self, at: &PictureAt) -> Result<PictureStream, AskError> {
        let dialer = &self.company()?.dialer;
        let opened = self.ask(async { dialer.open(&at.url).await.map_err(|_| unopened()) }).await?;
        match opened.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => return Err(AskError::NotFound),
            status => return Err(AskError::Refused(status.as_u16())),
        }
        let size = opened.content_length();
        if size.is_some_and(|size| size > PICTURE_MAX) {
            return Err(unopened().0);
        }
        let mimetype = opened.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let ended = self.tasks().stopping().clone();
        let bytes = stream::try_unfold((opened, PICTURE_MAX, ended), |(mut coming, left, ended)| async move {
            let piece = tokio::select! {
                () = ended.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
                piece = coming.chunk() => piece.map_err(|error| io::Error::other(error.without_url()))?,
            };
            let Some(piece) = piece else { return Ok(None) };
            let left = left.checked_sub(piece.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(Some((piece, (coming, left, ended))))
        });
        Ok(PictureStream { id: at.id.clone(), mimetype, size, bytes: bytes.boxed() })
    }

    async fn watch(&self, who: &Participant, wait: Duration) -> Result<Seen, AskError> {
        let jid = library(who)?;
        let company = self.company()?;
        let who = self.by_both(&jid, who).await;
        let now_ms = company.room.store.now_ms();
        let presence = self.client().presence();
        if company.watching.own().is_none() {
            // The network tells of others only those who are there themselves.
            self.appear(true).await?;
        }
        if let Begin::New(oldest) = company.watching.begin(&who, now_ms) {
            let asked = self.ask(async { presence.subscribe(jid).await }).await;
            if let Err(error) = asked {
                company.watching.end(&who);
                return Err(error);
            }
            if let Some(oldest) = oldest.as_ref().and_then(address::destination) {
                self.ask(async { presence.unsubscribe(&oldest).await }).await?;
            }
        }
        let stopping = self.tasks().stopping();
        let seen = tokio::select! {
            () = stopping.cancelled() => None,
            seen = company.watching.wait(&who, wait) => seen,
        };
        Ok(seen.unwrap_or_else(|| Seen::unknown(who, now_ms)))
    }

    async fn unwatch(&self, who: &Participant) -> Result<(), AskError> {
        let jid = library(who)?;
        if !self.company()?.watching.end(who) {
            return Err(AskError::NotFound);
        }
        let presence = self.client().presence();
        self.ask(async { presence.unsubscribe(&jid).await }).await
    }

    async fn appear(&self, available: bool) -> Result<(), AskError> {
        let presence = self.client().presence();
        self.ask(async {
            match available {
                true => presence.set_available().await,
                false => presence.set_unavailable().await,
            }
        })
        .await?;
        self.company()?.watching.set_own(available);
        Ok(())
    }

    async fn refuse_call(&self, call_id: &str) -> Result<(), AskError> {
        let company = self.company()?;
        let (from, creator) = company.calls.ringing(call_id).ok_or(AskError::NotFound)?;
        let voip = self.client().voip();
        self.ask(async { voip.reject_call(call_id, &from, &creator).await.map_err(|_| unsent()) }).await?;
        if let Some(call) = company.calls.refused(call_id, company.room.store.now_ms()) {
            company.room.tell_call(call).await;
        }
        Ok(())
    }
}

/// Its text may hold addresses.
fn unsent() -> Unanswered {
    Unanswered(AskError::Failed("the protocol library could not send it".into()))
}

impl From<PresenceError> for Unanswered {
    fn from(error: PresenceError) -> Self {
        match error {
            PresenceError::PushNameEmpty => Self(AskError::Invalid("the account shows no name yet".into())),
            _ => unsent(),
        }
    }
}

/// Its address, which the error may hold, is for nobody else.
fn unopened() -> Unanswered {
    Unanswered(AskError::Failed("the picture could not be fetched".into()))
}
