//! Contacts come into lists, are found there, change and go.

use std::collections::{BTreeMap, BTreeSet};

use wasup_store::WriteTx;
use wasup_store::id::ListId;
use wasup_store::records::ListedContact;
use wasup_store::repo::listed::{self, Listed, Tagged, Twice};
use wasup_store::repo::lists;

use super::{ListError, Lists};
use crate::principal::Principal;

/// What a change of a contact is about; outer `None`: it stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactChange {
    /// Another name, or none.
    pub name: Option<Option<String>>,
    /// Fields to set, or with `None` to take away; `Some(None)` takes all away.
    pub fields: Option<Option<BTreeMap<String, Option<String>>>>,
    /// Other tags.
    pub tags: Option<BTreeSet<String>>,
}

impl ContactChange {
    fn apply(&self, before: &ListedContact) -> ListedContact {
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name.clone_from(name);
        }
        match &self.fields {
            None => {}
            Some(None) => after.fields.clear(),
            Some(Some(fields)) => {
                for (name, value) in fields {
                    match value {
                        Some(value) => after.fields.insert(name.clone(), value.clone()),
                        None => after.fields.remove(name),
                    };
                }
            }
        }
        if let Some(tags) = &self.tags {
            after.tags.clone_from(tags);
        }
        after
    }
}

impl Lists {
    /// Puts contacts into a list, whose numbers are canonical.
    ///
    /// # Errors
    /// [`ListError::Unfit`], [`ListError::NotFound`], [`ListError::Store`].
    pub async fn put(
        &self,
        principal: &Principal,
        id: ListId,
        contacts: Vec<ListedContact>,
        twice: Twice,
    ) -> Result<Vec<Listed>, ListError> {
        self.admit()?;
        for contact in &contacts {
            contact.fit()?;
        }
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let put = move |tx: &mut WriteTx<'_>| {
            listed::put(tx, tenant, id, &contacts, twice, now_ms)?.ok_or(ListError::NotFound)
        };
        self.write(principal, put).await
    }

    /// At most `limit` contacts of a list after a number, all of them or those with a tag.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn contacts(
        &self,
        principal: &Principal,
        id: ListId,
        tag: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ListedContact>, ListError> {
        let found = self.ctx.store.read(|tx| {
            let list = lists::get(tx, principal.tenant, id)?;
            list.map(|_| listed::page(tx, id, tag, after, limit)).transpose()
        });
        found.await?.ok_or(ListError::NotFound)
    }

    /// Somebody in a list.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::NotListed`], [`ListError::Store`].
    pub async fn contact(&self, principal: &Principal, id: ListId, number: &str) -> Result<ListedContact, ListError> {
        let found = self.ctx.store.read(|tx| {
            let list = lists::get(tx, principal.tenant, id)?;
            list.map(|_| listed::get(tx, id, number)).transpose()
        });
        found.await?.ok_or(ListError::NotFound)?.ok_or(ListError::NotListed)
    }

    /// Changes somebody in a list.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::NotListed`], [`ListError::Unfit`], [`ListError::Store`].
    pub async fn change_contact(
        &self,
        principal: &Principal,
        id: ListId,
        number: String,
        change: ContactChange,
    ) -> Result<ListedContact, ListError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let change = move |tx: &mut WriteTx<'_>| {
            let before = tx.reading(|tx| {
                let list = lists::get(tx, tenant, id)?;
                list.map(|_| listed::get(tx, id, &number)).transpose()
            })?;
            let after = change.apply(&before.ok_or(ListError::NotFound)?.ok_or(ListError::NotListed)?);
            after.fit()?;
            listed::change(tx, tenant, id, &number, |_| after, now_ms)?.ok_or(ListError::NotListed)
        };
        self.write(principal, change).await
    }

    /// Takes somebody out of a list.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::NotListed`], [`ListError::Store`].
    pub async fn remove_contact(&self, principal: &Principal, id: ListId, number: String) -> Result<(), ListError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let remove = move |tx: &mut WriteTx<'_>| {
            if tx.reading(|tx| lists::get(tx, tenant, id))?.is_none() {
                return Err(ListError::NotFound);
            }
            match listed::remove(tx, tenant, id, &number, now_ms)? {
                true => Ok(()),
                false => Err(ListError::NotListed),
            }
        };
        self.write(principal, remove).await
    }

    /// At most `limit` tags of a list after one, with how many contacts have each.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn tags(
        &self,
        principal: &Principal,
        id: ListId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Tagged>, ListError> {
        let found = self.ctx.store.read(|tx| {
            let list = lists::get(tx, principal.tenant, id)?;
            list.map(|_| listed::tags(tx, id, after, limit)).transpose()
        });
        found.await?.ok_or(ListError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_touches_what_it_names() {
        let fields = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let before = ListedContact {
            number: "1".into(),
            name: Some("A".into()),
            fields: fields(&[("city", "Bonn"), ("shoe", "42")]),
            tags: BTreeSet::from(["vip".into()]),
            added_ms: 7,
        };
        assert_eq!(ContactChange::default().apply(&before), before);
        let some = BTreeMap::from([("city".to_owned(), None), ("hat".to_owned(), Some("L".to_owned()))]);
        let change = ContactChange { name: Some(None), fields: Some(Some(some)), tags: Some(BTreeSet::new()) };
        let after = ListedContact {
            name: None,
            fields: fields(&[("hat", "L"), ("shoe", "42")]),
            tags: BTreeSet::new(),
            ..before.clone()
        };
        assert_eq!(change.apply(&before), after);
        let change = ContactChange { fields: Some(None), ..ContactChange::default() };
        assert_eq!(change.apply(&before), ListedContact { fields: BTreeMap::new(), ..before });
    }
}
