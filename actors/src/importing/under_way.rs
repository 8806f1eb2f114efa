//! Imports that run or wait in this process. It outlives the supervisor's incarnations, so that one that breaks forgets
//! nobody's import and no caller's wait.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::watch;
use wasup_store::id::ImportId;

use super::ImportPlace;
use crate::door::lock;
use crate::principal::Principal;

/// See the module.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<BTreeMap<ImportId, One>>);

struct One {
    place: ImportPlace,
    principal: Principal,
    ended: watch::Sender<bool>,
}

impl UnderWay {
    /// One more; one that is known stays what it is.
    pub(crate) fn add(&self, place: ImportPlace, principal: Principal) {
        lock(&self.0).entry(place.id).or_insert_with(|| One { place, principal, ended: watch::Sender::new(false) });
    }

    /// One has ended: whoever waits for that hears it.
    pub(crate) fn ended(&self, id: ImportId) {
        if let Some(one) = lock(&self.0).remove(&id) {
            one.ended.send_replace(true);
        }
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Tells when one ends; `None` where it is not under way.
    pub(crate) fn end_of(&self, id: ImportId) -> Option<watch::Receiver<bool>> {
        lock(&self.0).get(&id).map(|one| one.ended.subscribe())
    }

    /// In the name of whom one runs.
    pub(crate) fn principal(&self, id: ImportId) -> Option<Principal> {
        lock(&self.0).get(&id).map(|one| one.principal.clone())
    }

    /// All of them, the oldest first: their ids begin with the time.
    pub(crate) fn all(&self) -> Vec<ImportPlace> {
        lock(&self.0).values().map(|one| one.place).collect()
    }
}
