//! Scaled time: a runtime whose clock runs many times faster than the machine's, over real sockets.
//!
//! The clock of a paused runtime stands still but for what is added to it. Here a tick adds a piece every few
//! milliseconds, and only when the runtime has come to it: while the one thread is busy its time stands still, so that
//! nothing is late only because this machine is slow. The protocol library's clocks are set to the same time. The
//! store's wall clock stays the machine's. One such runtime in a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::Builder;
use wasup_sandbox::LibraryClock;

/// How often time goes on, by the machine's clock.
const TICK: Duration = Duration::from_millis(4);

/// How fast the runtime's time runs. Clones are the same.
#[derive(Clone)]
pub(crate) struct Pace(Arc<AtomicU64>);

impl Pace {
    /// From now on it runs so many times faster than the machine's.
    pub(crate) fn set(&self, times: u64) {
        self.0.store(times, Ordering::Relaxed);
    }

    fn step(&self) -> Duration {
        TICK * u32::try_from(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Runs a future in scaled time, at first as fast as the machine's.
pub(crate) fn run<T>(work: impl AsyncFnOnce(Pace) -> T) -> T {
    // With RUST_LOG set a failing run shows what the gateway did.
    let quiet = tracing_subscriber::filter::LevelFilter::OFF;
    let filter = tracing_subscriber::EnvFilter::builder().with_default_directive(quiet.into()).from_env_lossy();
    let _set_before = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let library = LibraryClock::take_over().unwrap();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let pace = Pace(Arc::new(AtomicU64::new(1)));
    let done = runtime.block_on(async {
        let (over, ends) = mpsc::channel::<()>();
        let (ticks, ticked) = tokio::sync::mpsc::channel(1);
        // While a thread works for the runtime, its time does not leap to the next timer when nothing is to be done.
        let _works = tokio::task::spawn_blocking(move || {
            while ends.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                // A full channel: the runtime is busy, and its time waits.
                let _busy = ticks.try_send(());
            }
        });
        let ticking = tokio::spawn(tick(pace.clone(), library, ticked));
        let done = work(pace).await;
        ticking.abort();
        drop(over);
        done
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}

async fn tick(pace: Pace, library: LibraryClock, mut ticked: tokio::sync::mpsc::Receiver<()>) {
    while ticked.recv().await.is_some() {
        let step = pace.step();
        tokio::time::advance(step).await;
        library.advance(step);
    }
}
