//! The use case of whoever wants to link an account by entering a code on the phone.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use wasup_store::id::AccountId;
use wasup_store::records::{Act, Desired};
use wasup_store::repo::{account, audit};

use super::{AccountError, Accounts, PairingCodeAnswer};
use crate::account::{QrNeed, code_need};
use crate::door::{CodeNews, CodeWish};
use crate::principal::Principal;

/// The longest time between two looks at the state while a code is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A wish outlives its asker by this much: whoever asks again with the same number gets what it led to.
const WISH_LASTS: Duration = Duration::from_secs(30);

impl Accounts {
    /// A code that links the account when it is entered on the phone with this number (digits only, country code first).
    /// Waits up to `wait` for it. A code for the same number that is on show is the answer at once. Asking makes the
    /// account run; one that is linked, or stands still for a reason of the network's, needs none.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn pairing_code(
        &self,
        principal: &Principal,
        id: &AccountId,
        phone: &str,
        wait: Duration,
    ) -> Result<PairingCodeAnswer, AccountError> {
        let record = self.get(principal, id).await?;
        if code_need(&record) == QrNeed::No {
            return Ok(PairingCodeAnswer::NotNeeded(record.state));
        }
        let door = self.ctx.nudges.doors.account(record.no);
        let mut news = door.code.subscribe();
        if let Some(answer) = self.on_show(news.borrow_and_update().clone(), phone) {
            return Ok(answer);
        }
        self.want_code(principal, id).await?;
        let deadline = Instant::now() + wait;
        door.want_code(CodeWish { phone: phone.to_owned(), until: deadline + WISH_LASTS });
        let mut started = false;
        loop {
            let record = self.get(principal, id).await?;
            let need = code_need(&record);
            // Somebody may have linked, or stopped, it meanwhile.
            if need == QrNeed::No || record.desired == Desired::Stopped {
                return Ok(PairingCodeAnswer::NotNeeded(record.state));
            }
            if need == QrNeed::OnDemand && !std::mem::replace(&mut started, true) {
                self.ask_start(principal, record.no).await?;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let changed = timeout(left.min(LOOK_AGAIN), news.changed()).await.is_ok();
            let seen = news.borrow_and_update().clone().filter(|_| changed);
            if let Some(CodeNews::Refused { reason, retry_after }) = seen {
                return Ok(PairingCodeAnswer::Refused { reason, retry_after });
            }
            if let Some(answer) = self.on_show(seen, phone) {
                return Ok(answer);
            }
            if left.is_zero() {
                return Ok(PairingCodeAnswer::NotYet(record.state));
            }
        }
    }

    fn on_show(&self, news: Option<CodeNews>, wanted: &str) -> Option<PairingCodeAnswer> {
        let now_ms = self.ctx.store.now_ms();
        match news? {
            CodeNews::Shown { phone, code, expires_ms } if phone == wanted && expires_ms > now_ms => {
                Some(PairingCodeAnswer::Code { code, expires_ms })
            }
            _ => None,
        }
    }

    async fn want_code(&self, principal: &Principal, id: &AccountId) -> Result<(), AccountError> {
        let now_ms = self.ctx.store.now_ms();
        let wish = move |tx: &mut wasup_store::WriteTx<'_>, id: &AccountId| {
            audit::note(tx, Act::AccountPairingCode, Some(id), now_ms)?;
            account::set_desired(tx, id, Desired::Running, now_ms)
        };
        self.wish(principal, id, "a pairing code is wanted", wish).await.map(drop)
    }
}
