//! Pages of several accounts' messages in one order of time.

use std::collections::VecDeque;

use super::message_list::{MAX_LOOKS, MessageFilter, MessagePage, MessagePlace, page_within};
use crate::id::{AccountNo, MessageId, MessageKey};
use crate::records::MessageRecord;
use crate::{Direction, ReadTx, StoreError};

/// Messages of an account that are looked at for a page, however many accounts share it.
const LOOKS_MIN: usize = 64;

/// A page of the messages of some accounts. Where few messages fit a page is short, or empty, and says where to look on.
///
/// Accounts are read little by little, so that a page costs about its own messages and one look into each account.
/// Messages of one millisecond stand in the order of their random parts; that two accounts drew the same one in the same
/// millisecond, at the edge of two pages, is not reckoned with.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    accounts: &[AccountNo],
    filter: &MessageFilter,
    place: MessagePlace,
) -> Result<MessagePage, StoreError> {
    let most = (MAX_LOOKS / accounts.len().max(1)).max(LOOKS_MIN);
    let mut heads: Vec<Head> = accounts.iter().map(|no| Head::new(*no, place.after, most)).collect();
    let mut found = Vec::new();
    loop {
        for head in &mut heads {
            head.fill(tx, filter, place.order)?;
        }
        let earlier = |a: &MessageKey, b: &MessageKey| match place.order {
            Direction::Forward => a.cmp(b),
            Direction::Backward => b.cmp(a),
        };
        // An account that was not looked through so far may have something right behind where it stopped.
        let edge = heads.iter().filter_map(Head::stopped).min_by(earlier);
        let first =
            heads.iter_mut().filter(|head| !head.found.is_empty()).min_by(|a, b| earlier(&a.first(), &b.first()));
        let Some(first) = first else { return Ok(MessagePage { found, next: edge }) };
        if let Some(edge) = edge
            && earlier(&first.first(), &edge).is_gt()
        {
            return Ok(MessagePage { found, next: Some(edge) });
        }
        if found.len() == place.limit {
            let next = found.last().map(|(id, _): &(MessageId, MessageRecord)| id.key);
            return Ok(MessagePage { found, next });
        }
        found.extend(first.found.pop_front());
    }
}

/// What was read of an account, and where to read on.
struct Head {
    no: AccountNo,
    found: VecDeque<(MessageId, MessageRecord)>,
    after: Option<MessageKey>,
    /// There is nothing behind what was read.
    ended: bool,
    /// Messages that may yet be looked at for this page.
    left: usize,
    /// Messages asked for at once: more each time, for who has the most goes on having it.
    asks: usize,
}

impl Head {
    const fn new(no: AccountNo, after: Option<MessageKey>, left: usize) -> Self {
        Self { no, found: VecDeque::new(), after, ended: false, left, asks: 1 }
    }

    fn first(&self) -> MessageKey {
        // Only asked where something was found.
        self.found.front().map_or(MessageKey::new(0, 0), |(id, _)| id.key)
    }

    fn stopped(&self) -> Option<MessageKey> {
        self.after.filter(|_| self.found.is_empty() && !self.ended && self.left == 0)
    }

    fn fill(&mut self, tx: &ReadTx<'_>, filter: &MessageFilter, order: Direction) -> Result<(), StoreError> {
        while self.found.is_empty() && !self.ended && self.left > 0 {
            let place = MessagePlace { order, after: self.after, limit: self.asks };
            let page = page_within(tx, self.no, filter, place, &mut self.left)?;
            self.ended = page.next.is_none();
            (self.found, self.after) = (page.found.into(), page.next);
            self.asks = self.asks.saturating_mul(4);
        }
        Ok(())
    }
}
