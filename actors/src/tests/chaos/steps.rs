//! What can happen.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use wasup_sessions::ports::{DisconnectReason, EndReason};
use wasup_store::records::MessageState;

use crate::Fault;
use crate::root::Branch;
use crate::tests::network::Opens;

/// What is done with the messages of a link from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// They are acknowledged.
    Fair,
    /// Acknowledgements get lost, attempts fail, some are refused.
    Moody(u64),
    /// Strangers are refused.
    Restricted(u16),
    /// Nothing is answered.
    Silent,
}

/// One thing that happens; numbers of accounts and of those they write to are indexes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Send { account: usize, to: u64 },
    Receive { account: usize, from: u64 },
    Strike(usize, Fault),
    Start(usize),
    Stop(usize),
    Release(usize),
    Restart(usize),
    LogOut(usize),
    Lost(usize, DisconnectReason),
    Back(usize),
    Ended(usize, EndReason),
    Vanish(usize),
    Told { account: usize, active: bool, term: Option<Duration> },
    LateAck { account: usize, error: Option<u16> },
    Receipt { account: usize, seen: MessageState },
    Network(Manners),
    Links(Opens),
    Says(Option<bool>),
    Kill(Branch),
    StrikeBranch(Branch, Fault),
    NewTree,
    Time(Duration),
}

impl Step {
    /// Draws one.
    pub(super) fn draw(rng: &mut StdRng, accounts: usize) -> Self {
        let account = rng.random_range(0..accounts);
        match rng.random_range(0..100) {
            0..22 => Self::Send { account, to: rng.random_range(0..8) },
            22..29 => Self::Receive { account, from: rng.random_range(0..8) },
            29..33 => Self::Strike(account, if rng.random_bool(0.8) { Fault::Panic } else { Fault::Hang }),
            33..38 => Self::Start(account),
            38..41 => Self::Stop(account),
            41..42 => Self::Release(account),
            42..43 => match rng.random_range(0..3) {
                0 => Self::LogOut(account),
                _ => Self::Restart(account),
            },
            43..48 => Self::Lost(account, *DisconnectReason::ALL.choose(rng).unwrap()),
            48..54 => Self::Back(account),
            54..58 => Self::Ended(account, end(rng)),
            58..59 => Self::Vanish(account),
            59..61 => {
                let term = rng.random_bool(0.5).then(|| Duration::from_secs(rng.random_range(1..100)));
                Self::Told { account, active: rng.random_bool(0.5), term }
            }
            61..64 => Self::LateAck { account, error: *[None, None, Some(463), Some(479)].choose(rng).unwrap() },
            64..68 => {
                use MessageState::{Delivered, Played, Read};
                Self::Receipt { account, seen: *[Delivered, Read, Played].choose(rng).unwrap() }
            }
            68..74 => Self::Network(manners(rng)),
            74..78 => Self::Links(
                *[Opens::Connected, Opens::Connected, Opens::Connected, Opens::Silent, Opens::Qr, Opens::Refused]
                    .choose(rng)
                    .unwrap(),
            ),
            78..80 => Self::Says(*[None, Some(true), Some(false)].choose(rng).unwrap()),
            80..81 => {
                let branch = *Branch::ALL.choose(rng).unwrap();
                match rng.random_range(0..3) {
                    0 => Self::StrikeBranch(branch, Fault::Hang),
                    1 => Self::StrikeBranch(branch, Fault::Panic),
                    _ => Self::Kill(branch),
                }
            }
            81..82 => Self::NewTree,
            _ => {
                Self::Time(Duration::from_millis(*[1, 20, 100, 400, 1_000, 5_000, 20_000, 90_000].choose(rng).unwrap()))
            }
        }
    }
}

fn end(rng: &mut StdRng) -> EndReason {
    match rng.random_range(0..9) {
        0 => EndReason::LoggedOut,
        1 => EndReason::Replaced,
        2 => EndReason::Banned { until_ms: None },
        3 => EndReason::Banned { until_ms: Some(rng.random_range(1_000..60_000)) },
        4 => EndReason::Locked,
        5 => EndReason::Outdated,
        6 => EndReason::Refused { code: 409 },
        _ => EndReason::Unexpected,
    }
}

fn manners(rng: &mut StdRng) -> Manners {
    match rng.random_range(0..7) {
        0..3 => Manners::Fair,
        3..5 => Manners::Moody(rng.random()),
        5 => Manners::Restricted(*[463, 475].choose(rng).unwrap()),
        _ => Manners::Silent,
    }
}
