//! Imports of files into lists: what is noted of them, step by step.

use std::time::Duration;

use wasup_store::WriteTx;
use wasup_store::id::{ImportId, ListId};
use wasup_store::records::{ImportEnd, ImportRecord, ImportTally, ListedContact, RowProblem};
use wasup_store::repo::imports::{self, Step, Stepped};
use wasup_store::repo::lists;

use super::{ListError, Lists};
use crate::meters::RowOutcome;
use crate::principal::Principal;

impl Lists {
    /// An id for an import that begins now.
    #[must_use]
    pub fn new_import(&self) -> ImportId {
        ImportId::new(self.ctx.store.now_ms(), rand::random())
    }

    /// Notes an import.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn begin_import(
        &self,
        principal: &Principal,
        (list, id): (ListId, ImportId),
        record: ImportRecord,
    ) -> Result<ImportRecord, ListError> {
        let tenant = principal.tenant;
        let record = ImportRecord { created_ms: id.ts_ms, ..record };
        let begin = move |tx: &mut WriteTx<'_>| match imports::begin(tx, tenant, (list, id), &record)? {
            true => Ok(record.clone()),
            false => Err(ListError::NotFound),
        };
        self.write(principal, begin).await
    }

    /// An import.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::NoImport`], [`ListError::Store`].
    pub async fn import(&self, principal: &Principal, list: ListId, id: ImportId) -> Result<ImportRecord, ListError> {
        let found = self.ctx.store.read(|tx| {
            let there = lists::get(tx, principal.tenant, list)?;
            there.map(|_| imports::get(tx, list, id)).transpose()
        });
        found.await?.ok_or(ListError::NotFound)?.ok_or(ListError::NoImport)
    }

    /// At most `limit` imports of a list before one, the newest first.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn imports(
        &self,
        principal: &Principal,
        list: ListId,
        before: Option<ImportId>,
        limit: usize,
    ) -> Result<Vec<(ImportId, ImportRecord)>, ListError> {
        let found = self.ctx.store.read(|tx| {
            let there = lists::get(tx, principal.tenant, list)?;
            there.map(|_| imports::page(tx, list, before, limit)).transpose()
        });
        found.await?.ok_or(ListError::NotFound)
    }

    /// Rows of an import's file that were not taken as they stand, from the n-th on.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::NoImport`], [`ListError::Store`].
    pub async fn import_problems(
        &self,
        principal: &Principal,
        (list, id): (ListId, ImportId),
        from: u64,
        limit: usize,
    ) -> Result<Vec<RowProblem>, ListError> {
        self.import(principal, list, id).await?;
        Ok(self.ctx.store.read(|tx| imports::problems(tx, list, id, from, limit)).await?)
    }

    /// A step of an import.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn import_step(
        &self,
        principal: &Principal,
        (list, id): (ListId, ImportId),
        step: Step,
        contacts: Vec<ListedContact>,
    ) -> Result<Stepped, ListError> {
        self.admit()?;
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| Ok(imports::step(tx, tenant, (list, id), &step, &contacts, now_ms)?);
        let stepped = self.write(principal, write).await?;
        if let Stepped::Noted(told) = &stepped {
            self.count_rows(told);
        }
        Ok(stepped)
    }

    fn count_rows(&self, told: &ImportTally) {
        for (outcome, rows) in [
            (RowOutcome::Added, told.added),
            (RowOutcome::Changed, told.changed),
            (RowOutcome::Known, told.known),
            (RowOutcome::Duplicate, told.duplicate),
            (RowOutcome::MissingNumber, told.missing_number),
            (RowOutcome::BadNumber, told.bad_number),
            (RowOutcome::NotText, told.not_text),
            (RowOutcome::TooLong, told.too_long),
        ] {
            self.ctx.meters.import_rows.add(outcome, rows);
        }
    }

    /// An import's file is read from its beginning, perhaps once more; `None` where nobody wants it.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn read_import(
        &self,
        principal: &Principal,
        list: ListId,
        id: ImportId,
    ) -> Result<Option<ImportRecord>, ListError> {
        self.write(principal, move |tx| Ok(imports::read_again(tx, list, id)?)).await
    }

    /// Notes how an import ended.
    ///
    /// # Errors
    /// [`ListError::Store`].
    pub async fn end_import(
        &self,
        principal: &Principal,
        (list, id): (ListId, ImportId),
        how: ImportEnd,
        why: Option<String>,
    ) -> Result<(), ListError> {
        let now_ms = self.ctx.store.now_ms();
        let end = move |tx: &mut WriteTx<'_>| Ok(imports::end(tx, list, id, (how, why.as_deref()), now_ms)?);
        if let Some(ended) = self.write(principal, end).await? {
            self.ctx.meters.imports_ended.count(how);
            let took = Duration::from_millis(now_ms.saturating_sub(ended.created_ms));
            self.ctx.meters.import_seconds.record(took.as_secs_f64());
        }
        Ok(())
    }

    /// Forgets an import; one that runs ends. Contacts that it brought stay.
    ///
    /// # Errors
    /// [`ListError::NoImport`], [`ListError::Store`].
    pub async fn forget_import(&self, principal: &Principal, list: ListId, id: ImportId) -> Result<(), ListError> {
        let tenant = principal.tenant;
        match self.write(principal, move |tx| Ok(imports::remove(tx, tenant, list, id)?)).await? {
            true => Ok(()),
            false => Err(ListError::NoImport),
        }
    }
}
