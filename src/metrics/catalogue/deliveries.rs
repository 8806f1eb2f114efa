//! Webhook deliveries: how many, how fast, what stands in their way.

use super::{Cut, Family, counter, gauge, histogram, label};

pub(crate) static DELIVERIES: Family = counter(
    "wasup_deliveries_total",
    "Webhook deliveries that ended: completed, or given up and why.",
    &[label("outcome", &["completed", "exhausted", "refused", "gone", "forbidden", "event_pruned"])],
);

pub(crate) static ATTEMPTS: Family = counter(
    "wasup_delivery_attempts_total",
    "Attempts to deliver a webhook, by outcome. lost: the worker or the process died, the receiver may have it.",
    &[label(
        "outcome",
        &["ok", "status_4xx", "status_5xx", "status_other", "timeout", "unreachable", "forbidden", "lost"],
    )],
);

pub(crate) static ATTEMPT_TIME: Family =
    histogram("wasup_delivery_attempt_seconds", Cut::Slow, "Time that attempts took: the receiver's share.", &[]);

pub(crate) static FIRST_ATTEMPT: Family = histogram(
    "wasup_delivery_first_attempt_seconds",
    Cut::Fast,
    "Time from an event, its commit included, to the begin of its first attempt: the gateway's share.",
    &[],
);

pub(crate) static LAG: Family = histogram(
    "wasup_delivery_lag_seconds",
    Cut::Slow,
    "Time from an event, its commit included, to the receiver's acceptance, over all attempts and waits.",
    &[],
);

pub(crate) static DELIVERIES_PENDING: Family =
    gauge("wasup_deliveries_pending", "Webhook deliveries that are not decided.", &[]);

pub(crate) static OVERDUE: Family = gauge(
    "wasup_delivery_overdue_seconds",
    "How long the longest waiting endpoint has been due and is not served: 0 when none waits.",
    &[],
);

pub(crate) static ATTEMPTS_IN_FLIGHT: Family =
    gauge("wasup_delivery_attempts_in_flight", "Attempts to deliver a webhook that are on their way.", &[]);

pub(crate) static ENDPOINTS: Family = gauge("wasup_endpoints", "Webhook endpoints.", &[]);

pub(crate) static OLDEST: Family = gauge(
    "wasup_delivery_oldest_seconds",
    "Age of the oldest event that is not delivered, 0 when none waits: at endpoints that are on, and at those that are off.",
    &[label("endpoints", &["on", "off"])],
);

pub(crate) static REPLIES: Family = counter(
    "wasup_replies_total",
    "Receivers' answers that were meant for a chat: sent as a message, or not and why.",
    &[label("outcome", &["sent", "too_long", "bad_media", "outbox_full", "space_low", "account_gone"])],
);

pub(crate) static ENDPOINTS_OFF: Family = gauge(
    "wasup_endpoints_off",
    "Webhook endpoints whose deliveries wait: paused by somebody, gone or failing and switched off by themselves.",
    &[label("reason", &["paused", "gone", "failing"])],
);

pub(crate) static ENDPOINTS_PROBED: Family =
    gauge("wasup_endpoints_probed", "Webhook endpoints that failed too often in a row and are only probed.", &[]);

pub(super) const ALL: &[&Family] = &[
    &DELIVERIES,
    &ATTEMPTS,
    &ATTEMPT_TIME,
    &FIRST_ATTEMPT,
    &LAG,
    &DELIVERIES_PENDING,
    &OVERDUE,
    &OLDEST,
    &REPLIES,
    &ATTEMPTS_IN_FLIGHT,
    &ENDPOINTS,
    &ENDPOINTS_OFF,
    &ENDPOINTS_PROBED,
];
