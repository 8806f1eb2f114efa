//! What comes and goes in bulk: lists and files of contacts, jobs, campaigns.

use super::{Cut, Family, counter, gauge, histogram, label};

pub(crate) static LISTS: Family = gauge("wasup_lists", "Lists of contacts.", &[]);

pub(crate) static LIST_CONTACTS: Family =
    gauge("wasup_list_contacts", "Contacts in all lists; one that is in two lists counts twice.", &[]);

pub(crate) static IMPORTS: Family = gauge(
    "wasup_imports",
    "Files of contacts that come into lists at present. waiting: for their turn, or to be run again after a crash.",
    &[label("state", &["running", "waiting"])],
);

pub(crate) static IMPORTS_ENDED: Family = counter(
    "wasup_imports_total",
    "Imports that ended, by how. failed: the disk or the store did.",
    &[label("outcome", &["completed", "unreadable", "too_large", "failed"])],
);

pub(crate) static IMPORT_ROWS: Family = counter(
    "wasup_import_rows_total",
    "Rows of files of contacts by what became of them. Bad ones of a file that is read once more after a stop count again.",
    &[label(
        "outcome",
        &["added", "changed", "known", "duplicate", "missing_number", "bad_number", "not_text", "too_long"],
    )],
);

pub(crate) static IMPORT_TIME: Family = histogram(
    "wasup_import_seconds",
    Cut::Slow,
    "Time from the arrival of a file of contacts to the end of its import, with the wait for its turn.",
    &[],
);

pub(crate) static JOBS: Family = gauge(
    "wasup_jobs_in_line",
    "Jobs whose items are sent, or that wait for others of their account. Paused ones not.",
    &[],
);

pub(crate) static JOBS_OLDEST: Family =
    gauge("wasup_jobs_oldest_seconds", "Age of the oldest job that stands first in the line of an account.", &[]);

pub(crate) static JOB_ITEMS: Family = counter(
    "wasup_job_items_total",
    "Messages of jobs by what came of the try to send them, as of sends of all kinds.",
    &[label("outcome", &["sent", "rejected", "held", "failed", "requeued"])],
);

pub(crate) static CAMPAIGNS: Family =
    gauge("wasup_campaigns_running", "Campaigns that run. Those that are paused or wait for their time not.", &[]);

pub(crate) static CAMPAIGN_MESSAGES: Family = counter(
    "wasup_campaign_messages_total",
    "Messages of campaigns by what came of the try to send them, as of sends of all kinds.",
    &[label("outcome", &["sent", "rejected", "held", "failed", "requeued"])],
);

pub(super) const ALL: &[&Family] = &[
    &LISTS,
    &LIST_CONTACTS,
    &IMPORTS,
    &IMPORTS_ENDED,
    &IMPORT_ROWS,
    &IMPORT_TIME,
    &JOBS,
    &JOBS_OLDEST,
    &JOB_ITEMS,
    &CAMPAIGNS,
    &CAMPAIGN_MESSAGES,
];
