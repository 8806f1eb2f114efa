//! Accounts: what they do, what breaks, who has to act.

use super::{Family, Label, Values, counter, gauge, label};

pub(super) const PHASES: &[&str] = &[
    "stopped",
    "pairing",
    "connecting",
    "connected",
    "reconnecting",
    "backing_off",
    "quarantined",
    "logged_out",
    "replaced",
    "banned",
    "outdated",
];

const ACTIONS: &[&str] =
    &["none", "scan_qr", "open_phone", "wait", "release", "enter_code", "confirm_passkey", "update", "check_proxy"];

/// Why a connection was lost, or none could be made.
const LOST: &[&str] = &[
    "connection_lost",
    "stream_restart",
    "service_unavailable",
    "timed_out",
    "rate_limited",
    "stream_error",
    "unreachable",
    "proxy_failed",
];

const ACCOUNT: Label = Label { name: "account", values: Values::Accounts };

pub(crate) static ACCOUNTS: Family = gauge("wasup_accounts", "Accounts by phase.", &[label("phase", PHASES)]);

pub(crate) static ACCOUNTS_WANTED: Family =
    gauge("wasup_accounts_wanted", "Accounts that are wanted to run, whatever they do.", &[]);

pub(crate) static USER_ACTIONS: Family =
    gauge("wasup_accounts_user_action", "Accounts by what a human has to do about them.", &[label("action", ACTIONS)]);

pub(crate) static RECONNECTS: Family = counter(
    "wasup_account_reconnects_total",
    "Connections that were lost and are made again, by reason.",
    &[label("reason", LOST)],
);

pub(crate) static RESTARTS: Family = counter(
    "wasup_account_restarts_total",
    "Restarts of an account's actor after it broke, by reason.",
    &[label("reason", &["crashed", "link_ended", "stuck", "not_started", "link_refused"])],
);

pub(crate) static BRANCH_RESTARTS: Family = counter(
    "wasup_branch_restarts_total",
    "Restarts of a branch of the supervision tree after it broke. Only the accounts branch ends the process, after three in a minute.",
    &[label("branch", &["janitor", "webhooks", "accounts", "scheduler", "campaigns", "files", "search", "imports"])],
);

pub(crate) static QUARANTINED: Family =
    gauge("wasup_supervisor_quarantined", "Accounts that the supervisor holds in quarantine.", &[]);

pub(crate) static CONNECTS_IN_FLIGHT: Family =
    gauge("wasup_connects_in_flight", "Accounts that hold a permit to connect, from the first byte to the login.", &[]);

pub(crate) static MAILBOX_PERMITS: Family = gauge(
    "wasup_mailbox_permits_in_use",
    "Messages admitted to an actor's mailbox and not dealt with: requests to the supervisor, batches of events to \
     accounts.",
    &[label("mailbox", &["supervisor", "accounts"])],
);

pub(crate) static ONE_UP: Family = gauge(
    "wasup_per_account_up",
    "Whether the account is connected: 1 or 0. Only accounts that are wanted to run.",
    &[ACCOUNT],
);

pub(crate) static ONE_OUTBOX: Family =
    gauge("wasup_per_account_outbox_messages", "Sends of the account that are not settled.", &[ACCOUNT]);

pub(crate) static ONE_RECONNECTS: Family = counter(
    "wasup_per_account_reconnects_total",
    "Connections of the account that were lost and are made again.",
    &[ACCOUNT],
);

pub(crate) static ONE_ATTEMPTS: Family = counter(
    "wasup_per_account_delivery_attempts_total",
    "Attempts to deliver the account's events, by whether the receiver accepted.",
    &[ACCOUNT, label("result", &["ok", "failed"])],
);

pub(crate) static LEFT_OUT: Family = gauge(
    "wasup_per_account_left_out",
    "Accounts without series of their own, because metrics.per_account_max are shown: the first by id.",
    &[],
);

pub(super) const ALL: &[&Family] = &[
    &ACCOUNTS,
    &ACCOUNTS_WANTED,
    &USER_ACTIONS,
    &RECONNECTS,
    &RESTARTS,
    &BRANCH_RESTARTS,
    &QUARANTINED,
    &CONNECTS_IN_FLIGHT,
    &MAILBOX_PERMITS,
    &ONE_UP,
    &ONE_OUTBOX,
    &ONE_RECONNECTS,
    &ONE_ATTEMPTS,
    &LEFT_OUT,
];
