//! Messages: what comes in and goes out, what waits, how long it takes.

use super::{Cut, Family, counter, gauge, histogram, label};

pub(crate) static MESSAGES_SEEN: Family = counter(
    "wasup_messages_total",
    "Messages committed, each once, by direction and type: inbound when received, outbound when accepted by the API, \
     other_device when another device of the account sent it.",
    &[
        label("direction", &["inbound", "outbound", "other_device"]),
        label("type", &wasup_store::records::Content::KINDS),
    ],
);

pub(crate) static ARRIVED: Family = counter(
    "wasup_inbound_messages_total",
    "What the network handed over, by what it was: stored (new), repeat (known), filled (unreadable before).",
    &[label("outcome", &["stored", "filled", "repeat"])],
);

pub(crate) static INBOUND_COMMIT: Family = histogram(
    "wasup_inbound_commit_seconds",
    Cut::Fast,
    "Time from the hand-over of received messages to their commit on disk, which the acknowledgement waits for.",
    &[],
);

pub(crate) static SCHEDULES: Family = counter(
    "wasup_schedule_runs_total",
    "What times of schedules came to, runs by hand among them: a message, a job, missed (once for all that a stop took), \
     failed.",
    &[label("outcome", &["message", "job", "campaign", "missed", "failed"])],
);

pub(crate) static COPIES_LOST: Family =
    counter("wasup_inbound_copies_lost_total", "Received messages whose decrypted copy a crash took.", &[]);

pub(crate) static NOTES_DROPPED: Family =
    counter("wasup_link_events_dropped_total", "Receipts and acks that a slow listener missed.", &[]);

pub(crate) static SENDS: Family = counter(
    "wasup_sends_total",
    "Sends by outcome. resent counts repeated tries under the same id.",
    &[label("outcome", &["sent", "rejected", "held", "failed", "requeued", "resent"])],
);

pub(crate) static SEND_TIME: Family = histogram(
    "wasup_send_seconds",
    Cut::Slow,
    "Time from a send's acceptance to the acknowledgement of the network's server.",
    &[],
);

pub(crate) static OUTBOX: Family = gauge(
    "wasup_outbox_messages",
    "Messages that wait to be sent or acknowledged, by lane.",
    &[label("lane", &["interactive", "scheduled", "bulk"])],
);

pub(crate) static OUTBOX_OLDEST: Family =
    gauge("wasup_outbox_oldest_seconds", "Age of the oldest message that waits to be sent or acknowledged.", &[]);

pub(crate) static REFUSALS: Family = counter(
    "wasup_refusals_total",
    "Requests that were refused because a limit was reached.",
    &[label("limit", &["outbox", "space", "supervisor"])],
);

pub(super) const ALL: &[&Family] = &[
    &MESSAGES_SEEN,
    &ARRIVED,
    &INBOUND_COMMIT,
    &SCHEDULES,
    &COPIES_LOST,
    &NOTES_DROPPED,
    &SENDS,
    &SEND_TIME,
    &OUTBOX,
    &OUTBOX_OLDEST,
    &REFUSALS,
];
