//! What a campaign does next. Pure: time and chance come in.

use rand::seq::SliceRandom as _;
use rand::{Rng, RngExt as _};
use wasup_store::id::{AccountNo, Millis};
use wasup_store::records::{CampaignPace, CampaignReason, OnRestriction, Rotation};
use wasup_store::repo::bulk::{BulkCaps, BulkStanding};

/// The longest time between two looks, should every wake-up be lost, in milliseconds.
pub(super) const LOOK_AGAIN_MS: Millis = 1_000;

const MINUTE_MS: Millis = 60_000;
const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 86_400_000;

/// What an account of a campaign looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SenderSight {
    /// It is not there any more, or not linked to a phone.
    pub(super) gone: bool,
    /// The network restricts it.
    pub(super) restricted: bool,
    /// It can send.
    pub(super) connected: bool,
    /// A message of the campaign has no outcome there.
    pub(super) open: bool,
    /// Its hours are quiet until then.
    pub(super) quiet_until_ms: Option<Millis>,
    /// What it sent in bulk lately.
    pub(super) standing: BulkStanding,
    /// The wait after its last bulk message.
    pub(super) gap_until_ms: Millis,
}

/// What an account can do for a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderNow {
    /// It can send.
    Free,
    /// Not before this time: its pace, a limit, or quiet hours.
    NotBefore(Millis),
    /// Its last message has no outcome, or is held.
    Waiting,
    /// It is not connected.
    Offline,
    /// The network restricts it.
    Restricted,
    /// It is not there any more, or not linked to a phone.
    Gone,
}

impl SenderNow {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::NotBefore(_) => "paced",
            Self::Waiting => "waiting",
            Self::Offline => "offline",
            Self::Restricted => "restricted",
            Self::Gone => "gone",
        }
    }
}

/// What an account can do at a time.
pub(super) fn judge(sight: &SenderSight, now_ms: Millis) -> SenderNow {
    if sight.gone {
        return SenderNow::Gone;
    }
    if sight.restricted {
        return SenderNow::Restricted;
    }
    if !sight.connected {
        return SenderNow::Offline;
    }
    if sight.open || sight.standing.waiting {
        return SenderNow::Waiting;
    }
    let from_ms = sight.standing.not_before_ms.max(sight.gap_until_ms).max(sight.quiet_until_ms.unwrap_or(0));
    if from_ms > now_ms { SenderNow::NotBefore(from_ms) } else { SenderNow::Free }
}

/// What a campaign looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Its accounts.
    pub(super) senders: &'a [(AccountNo, SenderNow)],
    /// Recipients may still be written down.
    pub(super) gathering: bool,
    /// There is somebody whose turn has not come.
    pub(super) pending: bool,
    /// When the next one who was put aside comes again.
    pub(super) aside_ms: Option<Millis>,
    /// What a restricted account means.
    pub(super) on_restriction: OnRestriction,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Recipients go to these accounts, one each.
    Send(Vec<AccountNo>),
    /// Look again at this time, or when woken.
    Look(Millis),
    /// It pauses.
    Pause(CampaignReason),
    /// Everybody's turn has come.
    End,
}

/// What a campaign does next.
pub(super) fn step(sight: &Sight<'_>, now_ms: Millis) -> Step {
    let due = sight.aside_ms.is_some_and(|aside_ms| aside_ms <= now_ms);
    if !sight.gathering && !sight.pending && sight.aside_ms.is_none() {
        return Step::End;
    }
    let is = |wanted: SenderNow| move |(_, now): &&(AccountNo, SenderNow)| *now == wanted;
    let restricted = sight.senders.iter().any(|sender| is(SenderNow::Restricted)(&sender));
    if restricted && sight.on_restriction == OnRestriction::Pause {
        return Step::Pause(CampaignReason::Restricted);
    }
    if sight.senders.iter().all(|(_, now)| matches!(now, SenderNow::Restricted | SenderNow::Gone)) {
        return Step::Pause(if restricted { CampaignReason::Restricted } else { CampaignReason::NoSender });
    }
    let free: Vec<AccountNo> = sight.senders.iter().filter(is(SenderNow::Free)).map(|(no, _)| *no).collect();
    if !free.is_empty() && (sight.pending || due) {
        return Step::Send(free);
    }
    let mut at_ms = now_ms.saturating_add(LOOK_AGAIN_MS);
    let waits = |now: SenderNow| matches!(now, SenderNow::Waiting | SenderNow::Offline | SenderNow::Restricted);
    if sight.pending || due {
        let paced = sight.senders.iter().filter_map(|(_, now)| match now {
            SenderNow::NotBefore(at_ms) => Some(*at_ms),
            _ => None,
        });
        // Whoever only waits for a time is looked at then, and not each second.
        match paced.min() {
            Some(paced_ms) if !sight.senders.iter().any(|(_, now)| waits(*now)) => at_ms = paced_ms,
            Some(paced_ms) => at_ms = at_ms.min(paced_ms),
            None => {}
        }
    } else if let Some(aside_ms) = sight.aside_ms {
        at_ms = aside_ms;
    }
    Step::Look(at_ms.max(now_ms + 1))
}

/// The accounts in the order in which they are to be asked.
pub(super) fn in_turn(
    free: Vec<AccountNo>,
    rotation: Rotation,
    last: Option<AccountNo>,
    rng: &mut impl Rng,
) -> Vec<AccountNo> {
    let mut order = free;
    match rotation {
        Rotation::Random => order.shuffle(rng),
        Rotation::RoundRobin => {
            order.sort_unstable();
            let next = order.iter().position(|no| Some(*no) > last).unwrap_or(0);
            order.rotate_left(next);
        }
    }
    order
}

/// The wait after a bulk message.
pub(super) fn gap_ms(pace: &CampaignPace, rng: &mut impl Rng) -> Millis {
    rng.random_range(pace.gap_min_ms..=pace.gap_max_ms.max(pace.gap_min_ms))
}

/// What an account is kept to, when it is linked to its number since a time.
pub(super) fn caps(pace: &CampaignPace, linked_ms: Option<Millis>, now_ms: Millis) -> BulkCaps {
    let warm = pace.warm_up.zip(linked_ms).map(|(warm_up, linked_ms)| {
        let day = now_ms.saturating_sub(linked_ms) / DAY_MS;
        let grown =
            f64::from(warm_up.start) * warm_up.growth.max(1.0).powf(f64::from(u32::try_from(day).unwrap_or(u32::MAX)));
        // What is more than any account sends is no limit.
        let most = if grown < f64::from(u32::MAX) { grown } else { f64::from(u32::MAX) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and u32::MAX")]
        let most = most as u32;
        most
    });
    let day = pace.per_day.into_iter().chain(warm).min();
    let all = [(pace.per_minute, MINUTE_MS), (pace.per_hour, HOUR_MS), (day, DAY_MS)];
    BulkCaps::new(all.into_iter().filter_map(|(most, window_ms)| Some((most?, window_ms))))
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
