//! People who want no campaigns.

use wasup_store::WriteTx;
use wasup_store::records::OptOut;
use wasup_store::repo::opt_out;

use super::{ListError, Lists};
use crate::principal::Principal;

impl Lists {
    /// Notes that somebody wants no campaigns. What was noted first stays, and `false` beside it.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn opt_out(
        &self,
        principal: &Principal,
        number: String,
        note: Option<String>,
    ) -> Result<(OptOut, bool), ListError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let add = move |tx: &mut WriteTx<'_>| {
            let known = tx.reading(|tx| opt_out::get(tx, tenant, &number))?;
            Ok((opt_out::add(tx, tenant, &number, note.as_deref(), now_ms)?, known.is_none()))
        };
        self.write(principal, add).await
    }

    /// At most `limit` people who want no campaigns, after a number.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn opt_outs(
        &self,
        principal: &Principal,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<OptOut>, ListError> {
        Ok(self.ctx.store.read(|tx| opt_out::page(tx, principal.tenant, after, limit)).await?)
    }

    /// Since when somebody wants no campaigns, and why.
    ///
    /// # Errors
    /// [`ListError::NotOptedOut`], [`ListError::Store`].
    pub async fn opted_out(&self, principal: &Principal, number: &str) -> Result<OptOut, ListError> {
        let found = self.ctx.store.read(|tx| opt_out::get(tx, principal.tenant, number)).await?;
        found.ok_or(ListError::NotOptedOut)
    }

    /// Somebody wants campaigns again.
    ///
    /// # Errors
    /// [`ListError::NotOptedOut`], [`ListError::Store`].
    pub async fn opt_in(&self, principal: &Principal, number: String) -> Result<(), ListError> {
        let tenant = principal.tenant;
        match self.write(principal, move |tx| Ok(opt_out::remove(tx, tenant, &number)?)).await? {
            true => Ok(()),
            false => Err(ListError::NotOptedOut),
        }
    }
}
