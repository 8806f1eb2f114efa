//! One account: the actor that drives its link, and the rules it drives it by.

mod ack;
mod actor;
mod batch;
mod closing;
mod incarnation;
mod inflight;
mod lease;
mod pairing;
mod plan;
mod pump;
mod state;
mod transition;
mod turn;

pub(crate) use actor::{AccountActor, AccountArgs, AccountMsg, Close};
pub(crate) use lease::LinkLeases;
pub(crate) use pairing::QrNeed;
pub(crate) use pairing::qr_need;
pub(crate) use state::{Boot, after_crash, after_stop, boot, quarantined};
pub(crate) use transition::Transition;
