//! How accounts leave the network because an operator wants them to.

use ractor::RpcReplyPort;
use wasup_store::id::AccountNo;
use wasup_store::records::{AccountRecord, Phase};
use wasup_store::repo::account;
use wasup_store::{Durability, StoreError, WriteTx};

use super::supervisor::Supervision;
use crate::account::{Close, Transition, can_say_farewell, left, shows_on_phone};
use crate::principal::Asker;

impl Supervision {
    /// Ends the link of an account that is to leave. A running one does that itself; one that stands still is started
    /// for it where the network may be reached.
    pub(super) async fn log_out(&mut self, record: AccountRecord, close: Close, done: Option<RpcReplyPort<()>>) {
        let no = record.no;
        self.start_after.retain(|start| start.no != no);
        let mut asked = self.ask_to_stop(no, close.clone());
        if !asked && record.leaving && can_say_farewell(&record) {
            self.spawn(&record, close.by.clone()).await;
            asked = self.ask_to_stop(no, close.clone());
        }
        if asked {
            self.stopping.entry(no).or_default().extend(done);
            return;
        }
        // Where the start failed it was done already.
        if let Some(record) = self.record(no).await.filter(|record| record.leaving) {
            self.wipe(&record, close.by.as_ref(), None).await;
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// Ends the link of an account that has no actor, in the store alone.
    pub(super) async fn wipe(&mut self, record: &AccountRecord, by: Option<&Asker>, cause: Option<&str>) {
        let (no, now_ms) = (record.no, self.ctx.store.now_ms());
        // Whatever waits for it to come back waits in vain.
        self.table.stop(&no);
        self.table.release(&no);
        self.gauge_quarantine();
        let state = left(record.state.phase == Phase::LoggedOut || !shows_on_phone(record));
        let transition = Transition { by, cause, ..Transition::of(record, &state) };
        let change = transition.change(self.ctx.settings.accounts.state_events_every);
        let wipe = move |tx: &mut WriteTx<'_>| wipe(tx, no, &change, now_ms);
        match self.ctx.store.write(Durability::Durable, wipe).await {
            Ok(()) => transition.log(&self.ctx.meters),
            // The wish stands in the store, and the next comparison finds it.
            Err(error) => tracing::error!(account.no = no.0, %error, "the account's link can't be ended"),
        }
        self.ctx.nudges.scheduler();
        self.ctx.nudges.deliveries();
        self.ctx.nudges.janitor();
    }
}

fn wipe(tx: &mut WriteTx<'_>, no: AccountNo, change: &account::StateChange, now_ms: u64) -> Result<(), StoreError> {
    let Some(record) = tx.reading(|tx| account::by_no(tx, no))? else { return Ok(()) };
    account::log_out(tx, no, record.epoch, now_ms)?;
    account::change_state(tx, no, None, change, now_ms).map(drop)
}
