//! Who answers a campaign. `recipient_of`: no · person u32 → campaign id · seq u32: the last campaign's message to them.

use super::{counts, get};
use crate::id::{AccountNo, CampaignId, Millis, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{Content, ItemState, MessageRecord, RunId, RunItem};
use crate::repo::scope::AccountScope;
use crate::repo::{opt_out, person, run};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// By how much the network's clock may be behind ours: what was written longer than this before a message is no answer to it.
const SKEW_MS: Millis = 300_000;

fn key(no: AccountNo, person: PersonNo) -> Key {
    Key::new().u32(no.0).u32(person.0)
}

/// The last campaign's message to somebody.
fn last_to(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<(CampaignId, u32)>, StoreError> {
    let Some(body) = tx.fixed(Tree::RecipientOf, key(no, person))? else { return Ok(None) };
    let mut parts = Parts(&body);
    let found = parts.take(16).and_then(CampaignId::from_bytes).zip(parts.u32());
    found.map(Some).ok_or_else(|| StoreError::corrupt(Tree::RecipientOf, "a row names no recipient"))
}

/// Notes whom a campaign's message goes to.
pub(super) fn goes_to(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    person: PersonNo,
    (id, seq): (CampaignId, u32),
) -> Result<(), StoreError> {
    let body = [id.to_bytes().as_slice(), &seq.to_be_bytes()].concat();
    tx.put_fixed(Tree::RecipientOf, key(no, person), &body)
}

/// Two humans turned out to be one.
pub(in crate::repo) fn merged(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    (into, absorbed): (PersonNo, PersonNo),
) -> Result<(), StoreError> {
    let (one, other) = tx.reading(|tx| Ok((last_to(tx, no, into)?, last_to(tx, no, absorbed)?)))?;
    let Some(other) = other else { return Ok(()) };
    tx.delete(Tree::RecipientOf, key(no, absorbed))?;
    if one.is_none_or(|one| one.0 < other.0) {
        goes_to(tx, no, into, other)?;
    }
    Ok(())
}

/// Whether somebody answered a campaign, as far as an account knows.
pub(super) fn has_replied(
    tx: &ReadTx<'_>,
    no: AccountNo,
    person: PersonNo,
    campaign: CampaignId,
) -> Result<bool, StoreError> {
    let Some((id, seq)) = last_to(tx, no, person::canonical(tx, no, person)?)? else { return Ok(false) };
    let item = if id == campaign { run::item(tx, RunId::Campaign(id), seq)? } else { None };
    Ok(item.is_some_and(|item| item.replied_ms.is_some()))
}

/// Whether a text is one of some words, whatever the case of its letters and what stands around it.
fn says(text: &str, words: &std::collections::BTreeSet<String>) -> bool {
    let plain = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let said = plain(text);
    !said.is_empty() && words.iter().any(|word| plain(word) == said)
}

/// Somebody wrote: where a campaign's message went to them, that is an answer.
pub(in crate::repo) fn heard(
    tx: &mut WriteTx<'_>,
    scope: &AccountScope,
    person: PersonNo,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some((id, seq)) = tx.reading(|tx| last_to(tx, scope.no, person))? else { return Ok(()) };
    let run = RunId::Campaign(id);
    let (item, record) = tx.reading(|tx| Ok((run::item(tx, run, seq)?, get(tx, id)?)))?;
    let (Some(item), Some(record)) = (item, record) else {
        // The campaign is forgotten.
        return tx.delete(Tree::RecipientOf, key(scope.no, person));
    };
    if let (Content::Text { body, .. }, Some(number)) =
        (&message.content, item.chat.as_ref().and_then(|chat| chat.phone.as_deref()))
        && says(body, &record.plan.replies.stop_words)
    {
        opt_out::add(tx, record.tenant, number, Some(&format!("answered {id}")), now_ms)?;
    }
    let earlier = item.times.queued_ms.is_some_and(|queued_ms| message.ts_ms.saturating_add(SKEW_MS) < queued_ms);
    if item.replied_ms.is_some() || earlier || matches!(item.state, ItemState::Failed | ItemState::Cancelled) {
        return Ok(());
    }
    let after = RunItem { replied_ms: Some(now_ms), ..item.clone() };
    run::replied(tx, run, seq, &after)?;
    counts::moved(tx, id, (&item, &after), now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_met_whatever_stands_around_it() {
        let words = ["STOP", "Berhenti"].map(str::to_owned).into();
        for (text, expected) in
            [("stop", true), (" Stop! ", true), ("BERHENTI.", true), ("stop it", false), ("", false), ("!!", false)]
        {
            assert_eq!(says(text, &words), expected, "{text:?}");
        }
        assert!(!says("!", &["!".to_owned()].into()));
    }
}
