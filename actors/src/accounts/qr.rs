//! The use case of whoever wants to scan a QR code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wasup_store::id::AccountId;

use super::{AccountError, Accounts, QrAnswer};
use crate::account::{QrNeed, qr_need};
use crate::principal::Principal;

/// The longest time between two looks at the state while a code is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Accounts {
    /// A QR code to scan. Waits up to `wait` for one that is not `known`; at the end of the wait a known one that is
    /// still good is an answer too. Asking starts an account that stopped because nobody scanned its codes.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn qr(
        &self,
        principal: &Principal,
        id: &AccountId,
        wait: Duration,
        known: Option<&str>,
    ) -> Result<QrAnswer, AccountError> {
        let deadline = Instant::now() + wait;
        let mut started = false;
        loop {
            let record = self.get(principal, id).await?;
            let need = qr_need(&record);
            if need == QrNeed::No {
                return Ok(QrAnswer::NotNeeded(record.state));
            }
            let door = self.ctx.nudges.doors.account(record.no);
            let mut shown = door.qr.subscribe();
            door.qr_wanted.store(true, Ordering::SeqCst);
            if need == QrNeed::OnDemand && !std::mem::replace(&mut started, true) {
                self.ask_start(principal, record.no).await?;
            }
            let now_ms = self.ctx.store.now_ms();
            let code = shown.borrow_and_update().clone().filter(|shown| shown.expires_ms > now_ms);
            let left = deadline.saturating_duration_since(Instant::now());
            match code {
                Some(shown) if left.is_zero() || known != Some(shown.code.0.as_str()) => {
                    return Ok(QrAnswer::Code { code: shown.code, expires_ms: shown.expires_ms });
                }
                None if left.is_zero() => return Ok(QrAnswer::NotYet(record.state)),
                _ => drop(timeout(left.min(LOOK_AGAIN), shown.changed()).await),
            }
        }
    }
}
