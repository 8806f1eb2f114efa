//! Goes on with chats that were being cleared when the process, or whoever did it, died.

use wasup_store::id::MessageKey;
use wasup_store::repo::clearing::{self, Clearing};
use wasup_store::{Durability, Store, StoreError, WriteTx};

use super::retention::Left;

/// The one that is being worked on, and behind which message to go on.
#[derive(Debug, Default)]
pub(super) struct Unfinished(Option<(Clearing, MessageKey)>);

impl Unfinished {
    /// One step. It may meet somebody who does the same at this moment: then both find less to do.
    pub(super) async fn step(&mut self, store: &Store) -> Result<Left, StoreError> {
        let (wanted, after) = match self.0.take() {
            Some(now) => now,
            None => match store.read(clearing::first).await? {
                Some(wanted) => (wanted, MessageKey::new(0, 0)),
                None => return Ok(Left::Nothing),
            },
        };
        let now_ms = store.now_ms();
        let step = move |tx: &mut WriteTx<'_>| clearing::step(tx, &wanted, after, now_ms);
        let done = store.write::<_, StoreError, _>(Durability::Durable, step).await?;
        self.0 = done.next.map(|next| (wanted, next));
        Ok(Left::More)
    }
}
