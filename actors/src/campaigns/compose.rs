//! What each recipient of a campaign gets.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};
use wasup_store::StoreError;
use wasup_store::id::{AccountNo, CampaignId, Millis};
use wasup_store::records::{
    CampaignRecord, Content, ItemTrouble, ListedContact, Load, QuietHours, QuietZone, TemplateRecord,
};
use wasup_store::repo::campaign::{self, Offer, Proposal};
use wasup_store::repo::job::Draw;

use super::quiet;
use super::sight::{Found, LOOK_AHEAD};
use crate::context::Context;
use crate::messages::{provider_id, secret};
use crate::templates::Compiled;

/// Makes the messages of a campaign.
pub(super) struct Composing {
    id: CampaignId,
    load: Box<Load>,
    /// Makes the text; `None` where everybody gets the same.
    text: Option<Result<Compiled, String>>,
    seed: u64,
    /// Quiet hours that go by the recipients' clocks.
    quiet: Option<QuietHours>,
}

/// Recipients and what is to become of them, and until when those sleep who could not have a turn.
type Offers = (Vec<Offer>, Option<Millis>);

impl Composing {
    pub(super) fn of(id: CampaignId, record: &CampaignRecord) -> Self {
        let text = record.plan.text.as_ref().map(|text| {
            let template = TemplateRecord {
                body: text.body.clone(),
                strict: text.strict,
                defaults: text.defaults.clone(),
                ..TemplateRecord::default()
            };
            Compiled::new(&template).map_err(|error| error.to_string())
        });
        let quiet = record.plan.quiet.clone().filter(|hours| hours.zone == QuietZone::Recipient);
        Self { id, load: record.plan.load.clone(), text, seed: record.seed, quiet }
    }

    /// Recipients for these accounts, one each: first those who were put aside and whose time has come.
    pub(super) async fn offers(
        &self,
        ctx: &Context,
        found: &Found,
        (near, order): (&VecDeque<(u32, ListedContact)>, &[AccountNo]),
        now_ms: Millis,
    ) -> Result<Offers, StoreError> {
        let due: Vec<_> = found.aside.iter().filter(|(at_ms, _)| *at_ms <= now_ms).take(order.len()).copied().collect();
        let (id, mut aside) = (self.id, Vec::with_capacity(due.len()));
        for (at_ms, seq) in due {
            let one = ctx.store.read(|tx| campaign::recipients(tx, id, seq, 1)).await?;
            aside.extend(one.into_iter().map(|(seq, contact)| (Some(at_ms), seq, contact)));
        }
        let near: Vec<_> = near.iter().take(LOOK_AHEAD).collect();
        if aside.is_empty()
            && let Some(until_ms) = self.all_asleep(near.iter().map(|(_, contact)| contact), now_ms)
        {
            return Ok((Vec::new(), Some(until_ms)));
        }
        let (mut offers, mut senders) = (Vec::new(), order.iter());
        let all = aside.iter().map(|(at_ms, seq, contact)| (*at_ms, *seq, contact));
        for (aside_ms, seq, contact) in all.chain(near.into_iter().map(|(seq, contact)| (None, *seq, contact))) {
            let what = match self.sleeps(contact, now_ms) {
                Some(until_ms) => Proposal::Defer(until_ms),
                None => match self.message(contact) {
                    Err(why) => Proposal::Fail(ItemTrouble::Bad(why)),
                    Ok(load) => {
                        let Some(sender) = senders.next() else { break };
                        let draw = Draw {
                            provider_id: provider_id(self.drawn_from(seq)),
                            rand: rand::random(),
                            secret: secret(&ctx.store, &load.content).await?,
                        };
                        Proposal::Send { sender: *sender, load, draw, caps: found.caps(*sender) }
                    }
                },
            };
            offers.push(Offer { seq, number: contact.number.clone(), aside_ms, what });
        }
        Ok((offers, None))
    }

    fn sleeps(&self, contact: &ListedContact, now_ms: Millis) -> Option<Millis> {
        let hours = self.quiet.as_ref()?;
        quiet::until(hours, &quiet::zones_of(contact), now_ms)
    }

    /// Until when all of these sleep, where that is the same time: then it is better to wait than to put each aside.
    fn all_asleep<'a>(&self, near: impl Iterator<Item = &'a ListedContact>, now_ms: Millis) -> Option<Millis> {
        let mut until_ms = None;
        for contact in near {
            let this = self.sleeps(contact, now_ms)?;
            if until_ms.is_some_and(|until_ms| until_ms != this) {
                return None;
            }
            until_ms = Some(this);
        }
        until_ms
    }

    /// What a recipient gets.
    fn message(&self, contact: &ListedContact) -> Result<Box<Load>, String> {
        let mut load = self.load.clone();
        let Some(text) = &self.text else { return Ok(load) };
        let said =
            text.as_ref().map_err(Clone::clone)?.render(contact, self.seed).map_err(|error| error.to_string())?.text;
        if let Content::Text { body, .. } = &mut load.content {
            if said.trim().is_empty() {
                return Err("the text is empty".into());
            }
            *body = said;
        } else if let Some(media) = load.content.media_mut() {
            media.caption = Some(said).filter(|said| !said.is_empty());
        }
        Ok(load)
    }

    /// What a recipient's id in the network is made of: the same for every try to send to them.
    fn drawn_from(&self, seq: u32) -> [u8; 9] {
        let hash = Sha256::new().chain_update(self.id.to_bytes()).chain_update(seq.to_be_bytes()).finalize();
        std::array::from_fn(|at| hash[at])
    }
}
