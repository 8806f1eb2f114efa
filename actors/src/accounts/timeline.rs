//! The use case of whoever wants to know what happened to an account.

use wasup_store::id::AccountId;
use wasup_store::records::TimelineRecord;
use wasup_store::repo::timeline::{self, TimelinePlace};

use super::{AccountError, Accounts};
use crate::principal::Principal;

impl Accounts {
    /// At most `limit` changes of an account's state before a place, the newest first.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn timeline(
        &self,
        principal: &Principal,
        id: &AccountId,
        before: Option<TimelinePlace>,
        limit: usize,
    ) -> Result<Vec<(TimelinePlace, TimelineRecord)>, AccountError> {
        let no = self.get(principal, id).await?.no;
        Ok(self.ctx.store.read(|tx| timeline::list(tx, no, before, limit)).await?)
    }
}
