//! What is computed at a scrape: gauges of stored state, and what rooms count of themselves.

use std::time::Duration;

use wasup_actors::PerAccount;
use wasup_sessions::link::LinkStats;
use wasup_store::StoreStats;

use super::catalogue::{
    ACCOUNTS, ACCOUNTS_WANTED, BUILD, CAMPAIGNS, CONNECTS, CONNECTS_IN_FLIGHT, CONNECTS_LATE, CONNECTS_WAITING,
    COPIES_LOST, DELIVERIES_PENDING, ENDPOINTS, ENDPOINTS_OFF, GROUP_JOBS, GROUP_ROWS, HELD, JOBS, JOBS_OLDEST,
    LEFT_OUT, LIMITS, LIST_CONTACTS, LISTS, LOG_LINES_LOST, MEDIA_BYTES, MEDIA_FILES, NOTES_DROPPED, OLDEST,
    ONE_ATTEMPTS, ONE_OUTBOX, ONE_RECONNECTS, ONE_UP, OUTBOX, OUTBOX_OLDEST, OVERDUE, READY, REASONS_OF, RESTRICTED,
    STORE_COMMITS, STORE_DISK, STORE_FLOOR, STORE_FREE, STORE_JOBS, STORE_MESSAGES, STORE_ROWS, STORE_SYNCS,
    STORE_WAITING, STORE_WRITABLE, SYNC_TIME, USER_ACTIONS,
};
use super::process;
use super::text::Text;
use crate::census::Census;

/// Microseconds in a second.
const MICROS: f64 = 1_000_000.0;

/// Limits in force, shown beside what is in use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// HTTP connections at once.
    pub http_connections: usize,
    /// Live streams at once.
    pub streams: usize,
    /// Accounts that may be connecting at once.
    pub connects_in_flight: usize,
    /// Connects that may begin in a minute.
    pub connects_per_minute: usize,
    /// Attempts to deliver a webhook at once.
    pub delivery_attempts: usize,
    /// Sends of one account that may wait.
    pub outbox_messages: u64,
    /// Sends of one account that may be on the wire.
    pub sends_in_flight: usize,
    /// Bytes of files kept.
    pub media_bytes: u64,
    /// Bytes of free space under which new work is refused.
    pub free_floor: u64,
}

/// What was gathered for a scrape.
pub(crate) struct Collected<'a> {
    pub(crate) census: &'a Census,
    pub(crate) now_ms: u64,
    pub(crate) store: StoreStats,
    pub(crate) writable: bool,
    pub(crate) ready: bool,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) links: LinkStats,
    pub(crate) log_lines_lost: u64,
    pub(crate) limits: Limits,
    pub(crate) per_account: &'a PerAccount,
}

fn seconds_since(then_ms: Option<u64>, now_ms: u64) -> f64 {
    then_ms.map_or(0.0, |then_ms| Duration::from_millis(now_ms.saturating_sub(then_ms)).as_secs_f64())
}

impl Collected<'_> {
    /// In the text format.
    pub(crate) fn text(&self) -> Text {
        let mut text = Text::default();
        self.accounts(&mut text);
        self.one_by_one(&mut text);
        self.waiting(&mut text);
        self.store(&mut text);
        self.server(&mut text);
        process::show(&mut text);
        text
    }

    fn accounts(&self, text: &mut Text) {
        text.each(&ACCOUNTS, self.census.phases().map(|(phase, n)| (phase.as_str(), n)));
        text.each(&USER_ACTIONS, self.census.user_actions());
        text.each(&REASONS_OF, self.census.reasons());
        text.one(&RESTRICTED, self.census.restricted);
        text.one(&HELD, self.census.held);
        text.one(&CONNECTS_WAITING, self.links.connects_waiting);
        text.one(&CONNECTS, self.links.connects_granted);
        text.one(&CONNECTS_LATE, self.links.connects_refused);
        text.one(&ACCOUNTS_WANTED, self.census.wanted);
        text.one(&CONNECTS_IN_FLIGHT, self.links.connects_in_flight);
    }

    fn one_by_one(&self, text: &mut Text) {
        text.each::<u64>(&ONE_UP, []);
        text.each::<u64>(&ONE_OUTBOX, []);
        text.each::<u64>(&ONE_RECONNECTS, []);
        text.each::<u64>(&ONE_ATTEMPTS, []);
        for account in &self.census.shown {
            let (id, counts) = (account.id.as_str(), self.per_account.of(account.no));
            if let Some(up) = account.up {
                text.series(&ONE_UP, &[id], u8::from(up));
            }
            text.series(&ONE_OUTBOX, &[id], account.outbox);
            text.series(&ONE_RECONNECTS, &[id], counts.reconnects);
            text.series(&ONE_ATTEMPTS, &[id, "ok"], counts.attempts_ok);
            text.series(&ONE_ATTEMPTS, &[id, "failed"], counts.attempts_failed);
        }
        text.one(&LEFT_OUT, self.census.left_out());
    }

    fn waiting(&self, text: &mut Text) {
        let census = self.census;
        text.each(&OUTBOX, census.outbox().map(|(lane, n)| (lane.as_str(), n)));
        text.one(&OUTBOX_OLDEST, seconds_since(census.oldest_send_ms, self.now_ms));
        text.one(&DELIVERIES_PENDING, census.deliveries_pending);
        text.one(&OVERDUE, seconds_since(census.next_delivery_ms, self.now_ms));
        text.one(&ENDPOINTS, census.endpoints);
        text.each(&ENDPOINTS_OFF, census.endpoints_off());
        let age = |oldest_ms| seconds_since(oldest_ms, self.now_ms);
        text.each(&OLDEST, [("on", age(census.oldest_on_ms)), ("off", age(census.oldest_off_ms))]);
        text.one(&STORE_MESSAGES, census.messages);
        text.one(&MEDIA_FILES, census.media.files);
        text.one(&MEDIA_BYTES, census.media.bytes);
        text.one(&LISTS, census.lists);
        text.one(&LIST_CONTACTS, census.contacts);
        text.one(&JOBS, census.jobs);
        text.one(&CAMPAIGNS, census.campaigns);
        text.one(&JOBS_OLDEST, seconds_since(census.oldest_job_ms, self.now_ms));
        text.one(&NOTES_DROPPED, self.links.notes_dropped);
        text.one(&COPIES_LOST, self.links.copies_lost);
    }

    fn store(&self, text: &mut Text) {
        let stats = &self.store;
        text.one(&STORE_WRITABLE, u8::from(self.writable));
        text.one(&STORE_DISK, stats.disk_bytes);
        text.one(&STORE_FREE, self.free_bytes.unwrap_or(0));
        text.one(&STORE_FLOOR, self.limits.free_floor);
        text.one(&STORE_WAITING, stats.waiting);
        text.one(&STORE_COMMITS, stats.groups);
        text.one(&STORE_JOBS, stats.jobs);
        text.one(&STORE_ROWS, stats.rows);
        text.one(&STORE_SYNCS, stats.syncs);
        text.histogram(&GROUP_JOBS, &stats.group_jobs, 1.0);
        text.histogram(&GROUP_ROWS, &stats.group_rows, 1.0);
        text.histogram(&SYNC_TIME, &stats.sync_us, MICROS);
    }

    fn server(&self, text: &mut Text) {
        let limits = &self.limits;
        text.one(&READY, u8::from(self.ready));
        text.one(&LOG_LINES_LOST, self.log_lines_lost);
        text.each(
            &LIMITS,
            [
                ("http_connections", limits.http_connections as u64),
                ("streams", limits.streams as u64),
                ("connects_in_flight", limits.connects_in_flight as u64),
                ("connects_per_minute", limits.connects_per_minute as u64),
                ("delivery_attempts", limits.delivery_attempts as u64),
                ("supervisor_permits", wasup_actors::ASKS_MAX as u64),
                ("store_jobs", wasup_store::MAX_WAITING as u64),
                ("outbox_messages", limits.outbox_messages),
                ("sends_in_flight", limits.sends_in_flight as u64),
                ("media_bytes", limits.media_bytes),
            ],
        );
        let sandbox = if cfg!(feature = "sandbox") { "true" } else { "false" };
        text.series(&BUILD, &[env!("CARGO_PKG_VERSION"), sandbox], 1);
    }
}
