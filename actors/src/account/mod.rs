//! One account: the actor that drives its link, and the rules it drives it by.

mod ack;
mod actor;
mod batch;
mod closing;
mod codes;
mod deadline;
mod incarnation;
mod inflight;
mod lane;
mod lease;
mod pace;
mod pairing;
mod plan;
mod pump;
mod restriction;
mod standing;
mod state;
mod transition;
mod turn;

pub(crate) use actor::{AccountActor, AccountArgs, AccountMsg, Close};
pub(crate) use lease::{BATCHES_WAITING, LinkLeases};
pub(crate) use pairing::{QrNeed, code_need, qr_need};
#[cfg(test)]
pub(crate) use state::tests::record as test_account;
pub(crate) use state::{Boot, after_crash, after_stop, boot, can_say_farewell, left, quarantined, shows_on_phone};
pub(crate) use transition::Transition;
