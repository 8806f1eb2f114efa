//! A look into the index: the messages that have all words of a question, by seeking in turn in what each word leads to.

use std::collections::BTreeSet;

use super::keys::{Any, Cursor, Index, Order, key_of, number};
use super::postings::{Postings, beginning_with};
use super::{TextState, new_message, state};
use crate::id::{AccountNo, MessageId, MessageKey};
use crate::key::Key;
use crate::repo::event;
use crate::repo::words::Words;
use crate::{Direction, ReadTx, StoreError, Tree};

/// Words that the last word of a question may begin.
const BEGUN_MAX: usize = 32;
/// Most events, and most rows of what is to be done, that are looked through because they are not in the index yet.
const LAG_MAX: usize = 512;
/// Most messages that are looked at for a page.
const CANDIDATES_MAX: usize = 1_000;
/// Most reads of the index for a page.
const READS_MAX: usize = 2_000;
/// Most steps from one list to another for a page.
const STEPS_MAX: usize = 50_000;

/// What is asked of the index.
pub(in crate::repo) struct Asked<'a> {
    pub(in crate::repo) words: &'a Words,
    /// Indexes that lead to what is wanted, one of which must; none where all messages are wanted.
    pub(in crate::repo) indexes: Vec<(Tree, Key)>,
    /// From this message on, and before that one.
    pub(in crate::repo) between: (MessageKey, Option<MessageKey>),
    pub(in crate::repo) order: Direction,
    /// Behind this one.
    pub(in crate::repo) after: Option<MessageKey>,
}

/// What a message found is worth.
pub(in crate::repo) enum Verdict {
    /// It is none of those that are wanted.
    Pass,
    /// It is one.
    Take,
    /// It would be one more than are wanted.
    Enough,
}

/// Where a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repo) enum Found {
    /// At the end.
    All,
    /// Behind this one more may follow.
    More(MessageKey),
    /// ... and as much work was done as one answer may cost.
    Tired(MessageKey),
    /// The index can't say: it is off, still being built, too far behind, or the question is too wide for it.
    NoIndex,
}

/// Shows every message that the index leads to, in order, until somebody has enough.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub(in crate::repo) fn find(
    tx: &ReadTx<'_>,
    no: AccountNo,
    asked: &Asked<'_>,
    mut judge: impl FnMut(MessageId) -> Result<Verdict, StoreError>,
) -> Result<Found, StoreError> {
    let Some(state) = state(tx)?.filter(|state| state.backfill.is_none()) else { return Ok(Found::NoIndex) };
    let Some(late) = late(tx, no, &state)? else { return Ok(Found::NoIndex) };
    let Some(mut lists) = lists(tx, no, asked)? else { return Ok(Found::NoIndex) };
    let order = match asked.order {
        Direction::Forward => Order::Up,
        Direction::Backward => Order::Down,
    };
    let Some((mut at, end)) = bounds(asked, order) else { return Ok(Found::All) };
    let (mut candidates, mut steps) = (0, 0);
    loop {
        let in_index = match in_all(tx, &mut lists, order, at, &mut steps)? {
            Sought::Found(key) => Some(key),
            Sought::End => None,
            Sought::Tired(at) => return Ok(Found::Tired(before(order, at)?)),
        };
        let next = match order {
            Order::Up => in_index.into_iter().chain(late.range(at..).next().copied()).min(),
            Order::Down => in_index.into_iter().chain(late.range(..=at).next_back().copied()).max(),
        };
        let is_behind = |key: u128| if order == Order::Up { key > end } else { key < end };
        let Some(next) = next.filter(|next| !is_behind(*next)) else { return Ok(Found::All) };
        if candidates == CANDIDATES_MAX || lists.iter().map(|list| list.reads()).sum::<usize>() > READS_MAX {
            return Ok(Found::Tired(before(order, next)?));
        }
        candidates += 1;
        let key = key_of(next)?;
        if matches!(judge(MessageId { account: no, key })?, Verdict::Enough) {
            return Ok(Found::More(before(order, next)?));
        }
        let Some(on) = (if order == Order::Up { next.checked_add(1) } else { next.checked_sub(1) }) else {
            return Ok(Found::All);
        };
        at = on;
    }
}

/// The key after which, in this order, this one comes.
fn before(order: Order, key: u128) -> Result<MessageKey, StoreError> {
    key_of(if order == Order::Up { key.saturating_sub(1) } else { key.saturating_add(1) })
}

/// Where to begin and where to end; `None` where nothing is between them.
fn bounds(asked: &Asked<'_>, order: Order) -> Option<(u128, u128)> {
    let low = number(asked.between.0);
    let high = match asked.between.1 {
        Some(before) => number(before).checked_sub(1)?,
        None => u128::MAX,
    };
    let after = asked.after.map(number);
    let (low, high) = match (order, after) {
        (Order::Up, Some(after)) => (low.max(after.checked_add(1)?), high),
        (Order::Down, Some(after)) => (low, high.min(after.checked_sub(1)?)),
        (_, None) => (low, high),
    };
    let (begin, end) = if order == Order::Up { (low, high) } else { (high, low) };
    (low <= high).then_some((begin, end))
}

/// Messages of the account that are not in the index yet, or not as they are now; `None` where there are too many.
fn late(tx: &ReadTx<'_>, no: AccountNo, state: &TextState) -> Result<Option<BTreeSet<u128>>, StoreError> {
    let mut late = BTreeSet::new();
    if event::last(tx)?.0.saturating_sub(state.events.0) > LAG_MAX as u64 {
        return Ok(None);
    }
    for (_, event) in event::page(tx, state.events, LAG_MAX)? {
        late.extend(new_message(event.kind, &event.data).filter(|id| id.account == no).map(|id| number(id.key)));
    }
    let todo = tx.prefix(Tree::TextTodo, no.0.to_be_bytes(), Direction::Forward, LAG_MAX)?;
    if todo.len() == LAG_MAX {
        return Ok(None);
    }
    late.extend(todo.iter().filter_map(|(key, _)| MessageId::from_bytes(key)).map(|id| number(id.key)));
    Ok(Some(late))
}

/// The lists that a message must be in; `None` where none is narrow enough.
fn lists(tx: &ReadTx<'_>, no: AccountNo, asked: &Asked<'_>) -> Result<Option<Vec<Box<dyn Cursor>>>, StoreError> {
    let of = |term: &str| Box::new(Postings::new(tx, no, term)) as Box<dyn Cursor>;
    let mut lists: Vec<_> = asked.words.whole.iter().map(|term| of(term)).collect();
    match &asked.words.begun {
        Some(begun) if tx.is_plain() => {
            if let Some(words) = beginning_with(tx, no, begun, BEGUN_MAX)? {
                lists.push(Box::new(Any(words.iter().map(|word| of(word)).collect())));
            }
        }
        // Which words begin so is hidden: it is looked for as it stands, where nothing else leads there.
        Some(begun) if lists.is_empty() => lists.push(of(begun)),
        _ => {}
    }
    if lists.is_empty() {
        return Ok(None);
    }
    if !asked.indexes.is_empty() {
        let indexes = asked.indexes.iter();
        lists.push(Box::new(Any(indexes.map(|(tree, prefix)| Box::new(Index::new(*tree, prefix)) as _).collect())));
    }
    Ok(Some(lists))
}

/// What a look at several lists came to.
enum Sought {
    Found(u128),
    End,
    /// Nothing up to here, after as much work as one answer may cost.
    Tired(u128),
}

/// The next key that is in every list.
fn in_all(
    tx: &ReadTx<'_>,
    lists: &mut [Box<dyn Cursor>],
    order: Order,
    from: u128,
    steps: &mut usize,
) -> Result<Sought, StoreError> {
    let (mut at, mut agreed) = (from, 0);
    let count = lists.len();
    let mut turn = 0;
    loop {
        *steps += 1;
        if *steps > STEPS_MAX
            || (steps.is_multiple_of(64) && lists.iter().map(|list| list.reads()).sum::<usize>() > READS_MAX)
        {
            return Ok(Sought::Tired(at));
        }
        let Some(found) = lists[turn].seek(tx, order, at)? else { return Ok(Sought::End) };
        agreed = if found == at && agreed > 0 { agreed + 1 } else { 1 };
        at = found;
        if agreed == count {
            return Ok(Sought::Found(at));
        }
        turn = (turn + 1) % count;
    }
}
