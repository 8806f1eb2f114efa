//! The humans that an account knows: those who wrote to it, those it wrote to, and those in its address book. Humans that
//! turned out to be one are one line.

use super::{chat, person};
use crate::id::{AccountNo, ChatNo, PersonNo};
use crate::key::{Key, Parts};
use crate::records::{Participant, PersonRecord};
use crate::{Direction, ReadTx, StoreError, Tree};

/// A human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactLine {
    /// The human.
    pub person: PersonNo,
    /// By every address that is theirs now.
    pub who: Participant,
    /// What the account's address book calls them.
    pub name: Option<String>,
    /// The name that they show.
    pub push_name: Option<String>,
    /// The chat with them, where there is one.
    pub chat: Option<ChatNo>,
}

/// A piece of the list, in the order in which the humans became known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactPage {
    /// The humans.
    pub lines: Vec<ContactLine>,
    /// Behind whom to look on; `None` where the end was seen, which a page that became full did not look for.
    pub next: Option<PersonNo>,
}

/// At most `limit` humans behind one, looking at no more than `looks`; only those with `text` in a name or the number.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    no: AccountNo,
    after: Option<PersonNo>,
    text: Option<&str>,
    (limit, looks): (usize, usize),
) -> Result<ContactPage, StoreError> {
    let text = text.map(str::to_lowercase);
    let from = person::record_key(no, PersonNo(after.map_or(0, |after| after.0.saturating_add(1))));
    let to = Key::new().u32(no.0).u8(1);
    let rows = tx.range(Tree::Person, from.as_slice(), Some(to.as_slice()), Direction::Forward, looks)?;
    let whole = rows.len() == looks;
    let mut page = ContactPage::default();
    for (key, value) in &rows {
        let bad = || StoreError::corrupt(Tree::Person, "a key holds no person");
        let here = PersonNo(Parts(key.get(5..).unwrap_or_default()).u32().ok_or_else(bad)?);
        let record: PersonRecord = crate::envelope::open_record(Tree::Person, value)?;
        if let Some(line) = line(tx, no, here, &record)?
            && text.as_deref().is_none_or(|text| line.holds(text))
        {
            page.lines.push(line);
        }
        page.next = Some(here);
        if page.lines.len() == limit {
            return Ok(page);
        }
    }
    if !whole {
        page.next = None;
    }
    Ok(page)
}

/// The human, or the one that they turned out to be.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn one(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<ContactLine>, StoreError> {
    let person = person::canonical(tx, no, person)?;
    let record = person::get(tx, no, person)?;
    record.map_or(Ok(None), |record| line(tx, no, person, &record))
}

/// The human behind an address.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn find(tx: &ReadTx<'_>, no: AccountNo, who: &Participant) -> Result<Option<ContactLine>, StoreError> {
    let person = person::find(tx, no, who)?;
    person.map_or(Ok(None), |person| one(tx, no, person))
}

/// `None` for one that goes on in another, and for one who has no address any more.
fn line(
    tx: &ReadTx<'_>,
    no: AccountNo,
    person: PersonNo,
    record: &PersonRecord,
) -> Result<Option<ContactLine>, StoreError> {
    if person::canonical(tx, no, person)? != person {
        return Ok(None);
    }
    let mut record = record.clone();
    // A number that went to somebody else stays in the record of whom it belonged to.
    if let Some(phone) = &record.phone
        && person::by_jid(tx, no, phone)? != Some(person)
    {
        record.phone = None;
    }
    let Some(who) = person::participant(&record) else { return Ok(None) };
    let chat = chat::of_human(tx, no, person)?.first().copied();
    Ok(Some(ContactLine { person, who, name: record.name, push_name: record.push_name, chat }))
}

impl ContactLine {
    /// Whether a text in lower case stands in a name or in the number.
    fn holds(&self, text: &str) -> bool {
        let names = [&self.name, &self.push_name].into_iter().flatten();
        names.into_iter().any(|name| name.to_lowercase().contains(text))
            || self.who.phone.as_deref().is_some_and(|phone| phone.contains(text))
    }
}
