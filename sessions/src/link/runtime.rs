//! The tasks of one link. The library spawns what it needs on this, so that closing the link can end and await every
//! task, and a wait before a reconnect can be cut short.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wacore::runtime::{AbortHandle, Runtime};

use crate::dial::LIBRARY_CONNECT_TIMEOUT;

type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

tokio::task_local! {
    /// Set in the task that runs the connection's loop, the only one whose waits may be cut short.
    static MAIN_LOOP: ();
}

/// A link's tasks. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct LinkTasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    hurry: Arc<Notify>,
    turn: Arc<Notify>,
    in_line: watch::Sender<bool>,
}

impl LinkTasks {
    /// Runs a task of the link until it ends or the link is closed.
    pub(crate) fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
        let stop = self.stop.clone();
        let stopping = async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        };
        self.tracker.spawn(stopping).abort_handle()
    }

    /// Runs the connection's loop, whose waits before a reconnect [`LinkTasks::hurry`] cuts short.
    pub(crate) async fn as_main_loop(main: impl Future<Output = ()>) {
        MAIN_LOOP.scope((), main).await;
    }

    /// Ends a wait before a reconnect that is going on at this moment.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_waiters();
    }

    /// Notified when it is this account's turn to connect: ends a wait before a reconnect, or the next one if none is
    /// going on. A turn that comes just before the wait must not be lost: the wait may be a quarter of an hour.
    pub(crate) fn turn(&self) -> &Arc<Notify> {
        &self.turn
    }

    /// From now until it is dropped, the account waits for its turn: the library's limit for a connect does not run. It
    /// would give up after 20 s, call that an error, and wait longer each time.
    pub(crate) fn in_line(&self) -> InLine<'_> {
        self.in_line.send_replace(true);
        InLine(&self.in_line)
    }

    /// Ends every task and waits, at most `limit`, until they are gone. Answers whether they are.
    pub(crate) async fn end(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }

    /// Cancelled when the link's tasks are told to end.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }
}

/// An account that waits for its turn.
pub(crate) struct InLine<'a>(&'a watch::Sender<bool>);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// A limit that runs while the account does not wait for its turn.
async fn out_of_line(mut in_line: watch::Receiver<bool>, limit: Duration) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(limit) => return,
            came = in_line.wait_for(|waits| *waits) => if came.is_err() { return },
        }
        if in_line.wait_for(|waits| !*waits).await.is_err() {
            return;
        }
    }
}

/// Whether a wait is the one before a reconnect. The library's `reconnect_immediately` does not end that wait, so it
/// is told apart here: its length has a jitter of a tenth (`fibonacci_backoff`), every other wait of the loop is a
/// deadline of whole seconds.
fn is_backoff(duration: Duration) -> bool {
    MAIN_LOOP.try_with(|()| ()).is_ok() && duration.subsec_nanos() != 0
}

#[async_trait]
impl Runtime for LinkTasks {
    fn spawn(&self, future: Task) -> AbortHandle {
        let task = self.spawn_task(future);
        AbortHandle::new(move || task.abort())
    }

    fn spawn_detached(&self, future: Task) {
        self.spawn_task(future);
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if duration == LIBRARY_CONNECT_TIMEOUT && MAIN_LOOP.try_with(|()| ()).is_ok() {
            return Box::pin(out_of_line(self.in_line.subscribe(), duration));
        }
        if !is_backoff(duration) {
            return Box::pin(tokio::time::sleep(duration));
        }
        let (hurry, turn) = (Arc::clone(&self.hurry), Arc::clone(&self.turn));
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = hurry.notified() => {}
                () = turn.notified() => {}
            }
        })
    }

    fn spawn_blocking(&self, f: Box<dyn FnOnce() + Send + 'static>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {
            // The work's own panic was reported where it happened; the library waits for its answer elsewhere.
            let _ = tokio::task::spawn_blocking(f).await;
        })
    }

    fn yield_now(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        // The executor has several threads: other tasks run meanwhile.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn only_the_main_loops_backoff_can_be_cut_short() {
        let tasks = LinkTasks::default();
        let (jittered, deadline) = (Duration::from_millis(5_431), Duration::from_secs(20));
        let hurried = tasks.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hurried.hurry();
        });
        let start = Instant::now();
        LinkTasks::as_main_loop(tasks.sleep(jittered)).await;
        assert_eq!(start.elapsed(), jittered, "a wait made outside of the loop is whole");
        for (wait, cut) in [(jittered, true), (deadline, false)] {
            let start = Instant::now();
            let hurried = tasks.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                hurried.hurry();
            });
            let looped = tasks.clone();
            LinkTasks::as_main_loop(async move { looped.sleep(wait).await }).await;
            assert_eq!(start.elapsed(), if cut { Duration::from_secs(1) } else { wait });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_before_the_wait_is_not_lost() {
        let tasks = LinkTasks::default();
        tasks.turn().notify_one();
        let start = Instant::now();
        LinkTasks::as_main_loop(async move { tasks.sleep(Duration::from_millis(890_001)).await }).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_of_a_connect_does_not_run_while_its_account_waits_for_its_turn() {
        for wait in [0, 7, 3_600] {
            let tasks = LinkTasks::default();
            let (waits, looped) = (tasks.clone(), tasks.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                let in_line = waits.in_line();
                tokio::time::sleep(Duration::from_secs(wait)).await;
                drop(in_line);
            });
            let start = Instant::now();
            LinkTasks::as_main_loop(async move { looped.sleep(LIBRARY_CONNECT_TIMEOUT).await }).await;
            // It runs anew from the turn on.
            let before = if wait == 0 { 0 } else { 5 };
            assert_eq!(start.elapsed().as_secs(), before + wait + LIBRARY_CONNECT_TIMEOUT.as_secs(), "{wait}");
        }
    }

    #[tokio::test]
    async fn closing_ends_every_task() {
        let tasks = LinkTasks::default();
        let held = Arc::new(());
        for _ in 0..10 {
            let held = Arc::clone(&held);
            tasks.spawn_detached(Box::pin(async move {
                std::future::pending::<()>().await;
                drop(held);
            }));
        }
        assert!(tasks.end(Duration::from_secs(5)).await);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
