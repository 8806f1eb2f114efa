//! The accounts' life: why they are where they are, how they are linked and connected, what ends by itself.

use super::{Family, counter, gauge, label};

const REASONS: &[&str] = &[
    "requested",
    "not_linked",
    "pairing_interrupted",
    "qr_expired",
    "linked",
    "connection_lost",
    "stream_restart",
    "service_unavailable",
    "timed_out",
    "device_removed",
    "stream_replaced",
    "temporary_ban",
    "permanent_ban",
    "client_outdated",
    "crashed",
    "link_ended",
    "stuck",
    "restart_budget",
    "shutdown",
    "refused",
    "restored",
    "code_expired",
    "code_refused",
    "passkey_required",
    "pairing_cancelled",
    "pairing_timed_out",
    "rate_limited",
    "stream_error",
    "unreachable",
    "proxy_failed",
    "account_locked",
    "link_refused",
    "same_phone",
    "undeclared",
];

pub(crate) static REASONS_OF: Family =
    gauge("wasup_accounts_reason", "Accounts by why they are in their phase.", &[label("reason", REASONS)]);

pub(crate) static RESTRICTED: Family =
    gauge("wasup_accounts_restricted", "Accounts that the network lets write only to those who wrote to them.", &[]);

pub(crate) static CONNECTS_WAITING: Family =
    gauge("wasup_connects_waiting", "Accounts that wait for a permit to connect.", &[]);

pub(crate) static CONNECTS: Family = counter("wasup_connects_total", "Permits to connect that were given.", &[]);

pub(crate) static CONNECTS_LATE: Family = counter(
    "wasup_connects_late_total",
    "Waits for a permit to connect that were longer than one try may take. The account keeps its place.",
    &[],
);

pub(crate) static HELD: Family = gauge(
    "wasup_held_messages",
    "Sends that wait because of a restriction, or because the account wrote to enough new people today.",
    &[],
);

pub(crate) static STATE_CHANGES: Family = counter(
    "wasup_account_state_changes_total",
    "Changes of accounts' states, by the phase that began; each is a row of a timeline.",
    &[label("phase", super::accounts::PHASES)],
);

pub(crate) static PAIRINGS: Family = counter(
    "wasup_pairings_total",
    "Pairings by their way and what came of them. expired: no phone came in time. interrupted: a phone began and did \
     not finish.",
    &[
        label("way", &["qr", "code"]),
        label("outcome", &["linked", "expired", "refused", "interrupted", "cancelled", "passkey"]),
    ],
);

pub(crate) static EXPIRED: Family = counter(
    "wasup_accounts_expired_total",
    "Accounts that were removed because their time was over.",
    &[label("reason", &["never_linked", "logged_out"])],
);

pub(crate) static RELOADS: Family = counter(
    "wasup_accounts_file_reloads_total",
    "Readings of the accounts file while the server runs, by outcome. refused: it was wrong, and nothing was changed. \
     partly: some of it could not be done.",
    &[label("outcome", &["applied", "unchanged", "partly", "refused"])],
);

pub(super) const ALL: &[&Family] = &[
    &REASONS_OF,
    &RESTRICTED,
    &HELD,
    &CONNECTS_WAITING,
    &CONNECTS,
    &CONNECTS_LATE,
    &STATE_CHANGES,
    &PAIRINGS,
    &EXPIRED,
    &RELOADS,
];
