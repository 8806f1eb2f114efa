//! How far an account's history is imported.

use wasup_store::StoreError;
use wasup_store::id::AccountId;
use wasup_store::records::{HistoryChunk, HistoryTally};
use wasup_store::repo::history;

use super::{ChatError, Chats};
use crate::principal::Principal;

/// How far an account's history is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLook {
    /// Pieces that the phone announced and that are not here.
    pub announced: usize,
    /// Pieces that are on disk, with how far each is imported; the next one first. Of many only the first hundred.
    pub pieces: Vec<HistoryChunk>,
    /// What became of all messages so far.
    pub tally: HistoryTally,
}

impl Chats {
    /// How far an account's history is imported.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`] for an unknown account.
    pub async fn history(&self, principal: &Principal, id: &AccountId) -> Result<HistoryLook, ChatError> {
        let no = self.owner(principal, id).await?.no;
        let look = self.ctx.store.read(|tx| {
            let (announced, pieces) = history::open_pieces(tx, no)?;
            let tally = pieces.iter().fold(history::tally(tx, no)?, |sum, piece| sum.plus(piece.tally));
            Ok::<_, StoreError>(HistoryLook { announced, pieces, tally })
        });
        Ok(look.await?)
    }
}
