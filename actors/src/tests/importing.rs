//! Imports under their supervisor: so many at once, run again when they break, and gone on with after a stop. What reads the
//! files is the edge's, and has tests of its own; here somebody stands in whose work begins, breaks and ends when it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wasup_store::id::ListId;
use wasup_store::records::{ImportEnd, ImportRecord};

use super::receivers::PATIENCE;
use super::world::{World, me, until};
use crate::root::Branch;
use crate::{Fault, IMPORTS_AT_ONCE, IMPORTS_MAX, ImportFiles, ImportPlace, ListError, Lists, Principal};

/// Whoever reads files.
struct Desk {
    /// What lies there.
    files: Mutex<Vec<ImportPlace>>,
    /// How often each was begun, in their order.
    begun: Mutex<Vec<ImportPlace>>,
    /// How many of the next ones break.
    breaks: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    may_end: watch::Sender<bool>,
}

/// Counts as one that runs for as long as it lives.
struct Running<'a>(&'a Desk);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            files: Mutex::default(),
            begun: Mutex::default(),
            breaks: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            may_end: watch::Sender::new(false),
        })
    }

    fn begun(&self) -> usize {
        self.begun.lock().unwrap().len()
    }

    async fn running(&self, n: usize) {
        until(&format!("{n} imports run"), async || (self.now.load(Ordering::SeqCst) == n).then_some(())).await;
    }
}

#[async_trait]
impl ImportFiles for Desk {
    async fn left(&self, _: &Lists) -> Result<Vec<ImportPlace>, ListError> {
        Ok(self.files.lock().unwrap().clone())
    }

    async fn run(&self, lists: &Lists, principal: &Principal, place: ImportPlace, stopping: &CancellationToken) {
        self.begun.lock().unwrap().push(place);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(self);
        self.most.fetch_max(now, Ordering::SeqCst);
        let breaks = self.breaks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        assert!(!breaks, "an import was to break");
        let mut may_end = self.may_end.subscribe();
        tokio::select! {
            () = stopping.cancelled() => return,
            told = may_end.wait_for(|may| *may) => drop(told),
        }
        lists.end_import(principal, (place.list, place.id), ImportEnd::Completed, None).await.unwrap();
        self.files.lock().unwrap().retain(|file| *file != place);
    }
}

async fn world(desk: &Arc<Desk>) -> (World, ListId) {
    let mut world = World::new();
    world.imports = Some(Arc::clone(desk) as _);
    world.start().await;
    let (list, _) = world.tree().lists.create(&me(), "L".into(), None).await.unwrap();
    (world, list)
}

/// Files that arrive.
async fn begin(world: &World, desk: &Desk, list: ListId, n: usize) -> Vec<ImportPlace> {
    let mut places = Vec::new();
    for _ in 0..n {
        let place = ImportPlace { list, id: world.tree().lists.new_import() };
        world.tree().lists.begin_import(&me(), (list, place.id), ImportRecord::default()).await.unwrap();
        desk.files.lock().unwrap().push(place);
        world.tree().importing.start(&me(), place);
        places.push(place);
    }
    places
}

async fn all_end(world: &World, places: &[ImportPlace]) {
    let importing = &world.tree().importing;
    for place in places {
        importing.until_ended(place.id, PATIENCE).await;
        assert!(!importing.is_under_way(place.id));
        let record = world.tree().lists.import(&me(), place.list, place.id).await.unwrap();
        assert_eq!(record.end, Some(ImportEnd::Completed));
    }
}

#[tokio::test]
async fn so_many_run_at_once_and_one_that_breaks_is_run_again() {
    let desk = Desk::new();
    let (world, list) = world(&desk).await;
    desk.breaks.store(3, Ordering::SeqCst);
    let places = begin(&world, &desk, list, 5).await;
    until("the broken ones run again", async || (desk.begun() >= 3 + IMPORTS_AT_ONCE).then_some(())).await;
    desk.running(IMPORTS_AT_ONCE).await;
    assert!(places.iter().all(|place| world.tree().importing.is_under_way(place.id)));
    desk.may_end.send_replace(true);
    all_end(&world, &places).await;
    assert_eq!((desk.begun(), desk.most.load(Ordering::SeqCst)), (3 + 5, IMPORTS_AT_ONCE));
    // As many as may wait.
    desk.may_end.send_replace(false);
    let places = begin(&world, &desk, list, IMPORTS_MAX).await;
    assert!(world.tree().importing.admit().is_err());
    desk.may_end.send_replace(true);
    all_end(&world, &places).await;
    assert!(world.tree().importing.admit().is_ok());
}

#[tokio::test]
async fn a_supervisor_that_breaks_forgets_no_import_and_nobody_who_waits() {
    let desk = Desk::new();
    let (world, list) = world(&desk).await;
    let places = begin(&world, &desk, list, 3).await;
    desk.running(2).await;
    let importing = world.tree().importing.clone();
    let waited_for = places[2].id;
    let waiter = tokio::spawn(async move { importing.until_ended(waited_for, PATIENCE).await });
    let first = world.branch(Branch::Imports).await.generation;
    world.strike_branch(Branch::Imports, Fault::Panic);
    world.started(Branch::Imports, first + 1).await;
    until("both run again", async || (desk.begun() >= 4).then_some(())).await;
    desk.running(2).await;
    desk.may_end.send_replace(true);
    all_end(&world, &places).await;
    waiter.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_them_where_they_are_and_a_start_goes_on() {
    let desk = Desk::new();
    let (mut world, list) = world(&desk).await;
    let places = begin(&world, &desk, list, 3).await;
    desk.running(2).await;
    world.restart().await;
    assert_eq!(desk.most.load(Ordering::SeqCst), 2, "those of before had ended");
    desk.running(2).await;
    assert!(places.iter().all(|place| world.tree().importing.is_under_way(place.id)));
    desk.may_end.send_replace(true);
    all_end(&world, &places).await;
}
