//! What the network says about the right to write to strangers.

use whatsapp_rust::ReachoutTimelock;

use crate::ports::LinkEvent;

/// The network's answer. Its term is in seconds since 1970, as a text.
pub(super) fn of(lock: &ReachoutTimelock) -> LinkEvent {
    let active = lock.is_active.unwrap_or_default();
    let ends = lock.time_enforcement_ends.as_deref().and_then(|ends| ends.parse::<u64>().ok());
    let until_ms = ends.filter(|ends| active && *ends > 0).map(|ends| ends.saturating_mul(1_000));
    LinkEvent::Restriction { active, until_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_counts_while_it_is_restricted() {
        for (is_active, ends, active, until_ms) in [
            (Some(true), Some("1770000000"), true, Some(1_770_000_000_000)),
            (Some(true), None, true, None),
            (Some(true), Some("0"), true, None),
            (Some(true), Some("soon"), true, None),
            (Some(false), Some("1770000000"), false, None),
            (None, None, false, None),
        ] {
            let time_enforcement_ends = ends.map(str::to_owned);
            let lock = ReachoutTimelock { enforcement_type: None, is_active, time_enforcement_ends };
            assert_eq!(of(&lock), LinkEvent::Restriction { active, until_ms });
        }
    }
}
