//! The store: whether it writes, how much it holds, how its groups and syncs go.

use super::{Cut, Family, counter, gauge, histogram, label};

pub(crate) static STORE_WRITABLE: Family =
    gauge("wasup_store_writable", "Whether the store writes: 1, or 0 after a failed write.", &[]);

pub(crate) static STORE_DISK: Family = gauge("wasup_store_disk_bytes", "Bytes of the store on disk.", &[]);

pub(crate) static STORE_FREE: Family = gauge("wasup_store_free_bytes", "Bytes free on the store's disk.", &[]);

pub(crate) static STORE_FLOOR: Family =
    gauge("wasup_store_free_floor_bytes", "Under so many free bytes new work is refused.", &[]);

pub(crate) static STORE_WAITING: Family =
    gauge("wasup_store_waiting_jobs", "Writes that wait for the store's writer.", &[]);

pub(crate) static STORE_MESSAGES: Family = gauge("wasup_messages", "Messages kept.", &[]);

pub(crate) static MEDIA_FILES: Family = gauge("wasup_media_files", "Files kept.", &[]);

pub(crate) static MEDIA_BYTES: Family = gauge("wasup_media_bytes", "Bytes of the files kept.", &[]);

pub(crate) static STORE_COMMITS: Family = counter("wasup_store_commits_total", "Groups of writes committed.", &[]);

pub(crate) static STORE_JOBS: Family = counter("wasup_store_jobs_total", "Writes accepted.", &[]);

pub(crate) static STORE_ROWS: Family = counter("wasup_store_rows_total", "Rows changed.", &[]);

pub(crate) static STORE_SYNCS: Family = counter("wasup_store_syncs_total", "Syncs to disk.", &[]);

pub(crate) static GROUP_JOBS: Family =
    histogram("wasup_store_group_jobs", Cut::Store, "Writes that were committed together.", &[]);

pub(crate) static GROUP_ROWS: Family =
    histogram("wasup_store_group_rows", Cut::Store, "Rows that were changed together.", &[]);

pub(crate) static SYNC_TIME: Family =
    histogram("wasup_store_sync_seconds", Cut::Store, "Time that syncs to disk took.", &[]);

pub(crate) static PRUNED: Family = counter(
    "wasup_rows_pruned_total",
    "Rows that went after the time they are kept, by what they were.",
    &[label(
        "rows",
        &["events", "deliveries", "acts", "timeline", "messages", "message_ids", "contents", "jobs", "campaigns"],
    )],
);

pub(crate) static INDEXED: Family =
    counter("wasup_search_indexed_total", "Messages that the index of words looked at.", &[]);

pub(crate) static INDEX_LAG: Family =
    gauge("wasup_search_lag_events", "Events that the index of words has not looked at yet.", &[]);

pub(super) const ALL: &[&Family] = &[
    &INDEXED,
    &INDEX_LAG,
    &STORE_WRITABLE,
    &STORE_DISK,
    &STORE_FREE,
    &STORE_FLOOR,
    &STORE_WAITING,
    &STORE_MESSAGES,
    &MEDIA_FILES,
    &MEDIA_BYTES,
    &STORE_COMMITS,
    &STORE_JOBS,
    &STORE_ROWS,
    &STORE_SYNCS,
    &GROUP_JOBS,
    &GROUP_ROWS,
    &SYNC_TIME,
    &PRUNED,
];
