//! The whole ledger checked against itself, by the code that `wasup verify` runs.

use wasup_store::Tree;
use wasup_store::engine::Engine;
use wasup_store::insurance::verify_engine;

/// Panics where anything disagrees. Answers the number of messages.
pub(crate) fn check(engine: &dyn Engine) -> usize {
    let report = verify_engine(engine, &crate::support::keyring(engine), 20);
    assert!(report.is_sound(), "{:?} {:#?}", report.findings, report.shown);
    usize::try_from(report.rows_of(Tree::Msg)).unwrap()
}
