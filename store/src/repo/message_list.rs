//! Pages of an account's messages: by chat, human, direction, type, state and time, either way, with bounded work.

use bytes::Bytes;

use super::search::{self, Asked, Found, Verdict};
use super::words::Words;
use super::{chat, message, person};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, Millis, PersonNo};
use crate::key::Key;
use crate::records::{Direction as Way, MessageRecord, MessageState, Participant};
use crate::{Direction, ReadTx, StoreError, Tree, envelope};

/// Rows of an index read at once: at most, and at least.
const CHUNK: usize = 256;
const CHUNK_MIN: usize = 16;
/// Most messages that are looked at for one page: where few fit, the page is short and says where to look on.
pub const MAX_LOOKS: usize = 5_000;

/// Which messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those of the chat with them.
    pub chat: Option<Participant>,
    /// Only those that they wrote.
    pub from: Option<Participant>,
    /// Only those that the account sent them.
    pub to: Option<Participant>,
    /// Only those that went this way.
    pub way: Option<Way>,
    /// Only those with this word of [`crate::records::Content::kind`].
    pub kind: Option<String>,
    /// Only those that stand so.
    pub state: Option<MessageState>,
    /// Only those from this time on.
    pub since_ms: Option<Millis>,
    /// Only those from before this time.
    pub until_ms: Option<Millis>,
    /// Only those with these words.
    pub words: Option<Words>,
}

/// Which piece of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// The oldest first, or the newest first.
    pub order: Direction,
    /// Only those that come after this one in that order.
    pub after: Option<MessageKey>,
    /// Most messages.
    pub limit: usize,
}

/// A piece of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagePage {
    /// The messages.
    pub found: Vec<(MessageId, MessageRecord)>,
    /// Where to look on; `None` at the end.
    pub next: Option<MessageKey>,
}

/// An index that leads to messages: a tree, and what its keys begin with before the message's own.
struct Source {
    tree: Tree,
    prefix: Key,
    from: MessageKey,
    to: Option<MessageKey>,
    /// Rows read at once.
    chunk: usize,
}

impl Source {
    fn bound(&self, key: MessageKey) -> Vec<u8> {
        self.prefix.clone().bytes(&key.to_bytes()).into_vec()
    }

    /// The next keys in order, with the row's value where that is the message itself.
    fn read(
        &self,
        tx: &ReadTx<'_>,
        order: Direction,
        after: Option<MessageKey>,
    ) -> Result<Vec<(MessageKey, Option<Bytes>)>, StoreError> {
        let mut from = self.bound(self.from);
        let mut to = match self.to {
            Some(to) => Some(self.bound(to)),
            None => crate::key::prefix_end(self.prefix.as_slice()),
        };
        match (order, after) {
            (Direction::Forward, Some(after)) => from = from.max([self.bound(after), vec![0]].concat()),
            (Direction::Backward, Some(after)) => {
                let before = self.bound(after);
                to = Some(to.map_or(before.clone(), |to| to.min(before)));
            }
            (_, None) => {}
        }
        if to.as_ref().is_some_and(|to| *to <= from) {
            return Ok(Vec::new());
        }
        let rows = tx.range(self.tree, &from, to.as_deref(), order, self.chunk)?;
        let at = self.prefix.as_slice().len();
        let row = |(key, value): (Bytes, Bytes)| {
            let found = key.get(at..).and_then(MessageKey::from_bytes);
            let found = found.ok_or_else(|| StoreError::corrupt(self.tree, "a key holds no message"))?;
            Ok((found, (self.tree == Tree::Msg).then_some(value)))
        };
        rows.into_iter().map(row).collect()
    }
}

/// A page of an account's messages. What does something to another message is among them, unless a chat or a human is
/// asked for.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    no: AccountNo,
    filter: &MessageFilter,
    place: MessagePlace,
) -> Result<MessagePage, StoreError> {
    let mut left = MAX_LOOKS;
    let mut page = page_within(tx, no, filter, place, &mut left)?;
    if page.next.is_some() && page.found.len() == place.limit && left > 0 {
        // What was seen behind a full page need not be what is asked for.
        let behind = MessagePlace { after: page.next, limit: 1, ..place };
        let behind = page_within(tx, no, filter, behind, &mut left)?;
        if behind.found.is_empty() {
            page.next = behind.next;
        }
    }
    Ok(page)
}

/// ... looking at no more messages than are left, of which it takes those it looked at. Behind a full page there may be nothing
/// more that fits.
pub(super) fn page_within(
    tx: &ReadTx<'_>,
    no: AccountNo,
    filter: &MessageFilter,
    place: MessagePlace,
    left: &mut usize,
) -> Result<MessagePage, StoreError> {
    // Some more than asked for, of which a filter leaves what was asked for, or little more work for it.
    let chunk = place.limit.saturating_mul(2).clamp(CHUNK_MIN, CHUNK);
    let Some((sieve, sources)) = Sieve::new(tx, no, filter, chunk)? else { return Ok(MessagePage::default()) };
    if let Some(words) = &filter.words
        && let Some(page) = by_index(tx, no, (words, &sieve, &sources), place, left)?
    {
        return Ok(page);
    }
    let (mut page, mut after) = (MessagePage::default(), place.after);
    loop {
        let rows = next_rows(tx, &sources, place.order, after)?;
        if rows.is_empty() {
            return Ok(page);
        }
        for (key, value) in rows {
            if *left == 0 || page.found.len() == place.limit {
                page.next = after;
                return Ok(page);
            }
            (*left, after) = (*left - 1, Some(key));
            let id = MessageId { account: no, key };
            let record = match value {
                Some(value) => Some(envelope::open_record(Tree::Msg, &value)?),
                None => message::get(tx, id)?,
            };
            if let Some(record) = record
                && sieve.lets_through(tx, no, &record)?
            {
                page.found.push((id, record));
            }
        }
    }
}

/// The page by the index of words; `None` where it can't say.
fn by_index(
    tx: &ReadTx<'_>,
    no: AccountNo,
    (words, sieve, sources): (&Words, &Sieve<'_>, &[Source]),
    place: MessagePlace,
    left: &mut usize,
) -> Result<Option<MessagePage>, StoreError> {
    let first = sources.first();
    let asked = Asked {
        words,
        indexes: sources
            .iter()
            .filter(|source| source.tree != Tree::Msg)
            .map(|source| (source.tree, source.prefix.clone()))
            .collect(),
        between: (first.map_or(MessageKey::new(0, 0), |source| source.from), first.and_then(|source| source.to)),
        order: place.order,
        after: place.after,
    };
    let mut found = Vec::new();
    let ended = search::find(tx, no, &asked, |id| {
        if found.len() == place.limit || *left == 0 {
            return Ok(Verdict::Enough);
        }
        *left -= 1;
        match message::get(tx, id)? {
            Some(record) if sieve.lets_through(tx, no, &record)? => {
                found.push((id, record));
                Ok(Verdict::Take)
            }
            _ => Ok(Verdict::Pass),
        }
    })?;
    Ok(match ended {
        Found::NoIndex => None,
        Found::All => Some(MessagePage { found, next: None }),
        Found::More(next) => Some(MessagePage { found, next: Some(next) }),
        Found::Tired(next) => {
            *left = 0;
            Some(MessagePage { found, next: Some(next) })
        }
    })
}

/// The next rows of all sources in one order. A source that has more than it gave bounds what can be taken yet.
fn next_rows(
    tx: &ReadTx<'_>,
    sources: &[Source],
    order: Direction,
    after: Option<MessageKey>,
) -> Result<Vec<(MessageKey, Option<Bytes>)>, StoreError> {
    let comes_later = |a: MessageKey, b: MessageKey| match order {
        Direction::Forward => a > b,
        Direction::Backward => a < b,
    };
    let (mut all, mut bound): (Vec<_>, Option<MessageKey>) = (Vec::new(), None);
    for source in sources {
        let rows = source.read(tx, order, after)?;
        let last = rows.last().filter(|_| rows.len() == source.chunk).map(|(key, _)| *key);
        bound = match (bound, last) {
            (Some(bound), Some(last)) if comes_later(last, bound) => Some(bound),
            (bound, last) => last.or(bound),
        };
        all.extend(rows);
    }
    all.retain(|(key, _)| bound.is_none_or(|bound| !comes_later(*key, bound)));
    all.sort_unstable_by_key(|(key, _)| *key);
    if order == Direction::Backward {
        all.reverse();
    }
    all.dedup_by_key(|(key, _)| *key);
    Ok(all)
}

/// What a message must be, with the humans of the filter as the account knows them.
struct Sieve<'a> {
    filter: &'a MessageFilter,
    chats: Option<Vec<ChatNo>>,
    from: Option<PersonNo>,
}

impl<'a> Sieve<'a> {
    /// ... and the indexes that lead to such messages; `None` where there can be none.
    fn new(
        tx: &ReadTx<'_>,
        no: AccountNo,
        filter: &'a MessageFilter,
        chunk: usize,
    ) -> Result<Option<(Self, Vec<Source>)>, StoreError> {
        let source = |tree, prefix| Source {
            tree,
            prefix,
            from: MessageKey::new(filter.since_ms.unwrap_or(0), 0),
            to: filter.until_ms.map(|until_ms| MessageKey::new(until_ms, 0)),
            chunk,
        };
        let of_chats = |chats: &[ChatNo]| -> Vec<Source> {
            chats.iter().map(|chat| source(Tree::MsgChat, Key::new().u32(no.0).u32(chat.0))).collect()
        };
        let chats = match filter.chat.as_ref().or(filter.to.as_ref()) {
            Some(with) => Some(chat::find(tx, no, with)?),
            None => None,
        };
        let (from, by) = match &filter.from {
            Some(from) => match person::find(tx, no, from)? {
                Some(found) => by_human(tx, no, found)?,
                None => return Ok(None),
            },
            None => (None, Vec::new()),
        };
        let sources = match (&chats, &filter.from, filter.state) {
            (Some(chats), _, _) => of_chats(chats),
            (None, Some(from), _) => {
                let in_groups = by.iter().map(|person| source(Tree::MsgNum, Key::new().u32(no.0).u32(person.0)));
                in_groups.chain(of_chats(&chat::find(tx, no, from)?)).collect()
            }
            (None, None, Some(state)) if state.is_open() => {
                vec![source(Tree::MsgOpen, Key::new().u32(no.0).u8(state as u8))]
            }
            (None, None, _) => vec![source(Tree::Msg, Key::new().u32(no.0))],
        };
        let chats = if filter.chat.is_some() && filter.to.is_some() {
            // Both: the chat is found by one, and must be the other's, too.
            let to = filter.to.as_ref().map(|to| chat::find(tx, no, to)).transpose()?.unwrap_or_default();
            chats.map(|chats| chats.into_iter().filter(|chat| to.contains(chat)).collect())
        } else {
            chats
        };
        Ok((!sources.is_empty()).then_some((Self { filter, chats, from }, sources)))
    }

    fn lets_through(&self, tx: &ReadTx<'_>, no: AccountNo, record: &MessageRecord) -> Result<bool, StoreError> {
        let MessageFilter { to, way, kind, state, words, .. } = self.filter;
        let fits = !record.fleeting
            && way.is_none_or(|way| way == record.direction)
            && state.is_none_or(|state| state == record.state)
            && kind.as_ref().is_none_or(|kind| kind == record.content.kind())
            && (to.is_none() || record.direction == Way::Outbound)
            && self.chats.as_ref().is_none_or(|chats| chats.contains(&record.chat_no))
            && words.as_ref().is_none_or(|words| record.content.words().is_some_and(|text| words.are_in(text)));
        match self.from {
            Some(from) if fits => match record.sender_no {
                Some(sender) => Ok(person::canonical(tx, no, sender)? == from),
                None => Ok(false),
            },
            _ => Ok(fits),
        }
    }
}

/// A human, and every number that they go by.
fn by_human(tx: &ReadTx<'_>, no: AccountNo, found: PersonNo) -> Result<(Option<PersonNo>, Vec<PersonNo>), StoreError> {
    let canonical = person::canonical(tx, no, found)?;
    let all = std::iter::once(canonical).chain(person::absorbed(tx, no, canonical)?).collect();
    Ok((Some(canonical), all))
}
