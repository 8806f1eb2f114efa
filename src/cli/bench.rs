//! `wasup bench`: only in builds with the feature `sandbox`.

use super::demo::{failed, start_logs};
use super::{Exit, Failure};
use crate::bench::{self, Bench, LOAD_THREAD};

pub(super) fn run(what: &Bench) -> Result<Exit, Failure> {
    let _end = start_logs()?;
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name(LOAD_THREAD).build();
    let runtime = built.map_err(|error| failed(&error.into()))?;
    let outcome = runtime.block_on(bench::run(what));
    // The receiver's connections are nobody's concern any more.
    runtime.shutdown_background();
    Ok(if outcome.map_err(|error| failed(&error))? { Exit::Ok } else { Exit::Unexpected })
}
