//! The server: HTTP, limits, the build, the process.

use super::{Cut, Family, Label, Values, counter, gauge, histogram, label};

const ROUTE: Label = Label { name: "route", values: Values::Routes };

pub(crate) static READY: Family = gauge("wasup_ready", "Whether the server is ready for requests: 1 or 0.", &[]);

pub(crate) static HTTP_REQUESTS: Family = counter(
    "wasup_http_requests_total",
    "Requests to the API, by route, method and class of status.",
    &[
        ROUTE,
        label("method", &["GET", "POST", "PUT", "PATCH", "DELETE", "other"]),
        label("status_class", &["1xx", "2xx", "3xx", "4xx", "5xx"]),
    ],
);

pub(crate) static HTTP_TIME: Family = histogram(
    "wasup_http_request_seconds",
    Cut::Fast,
    "Time to answer a request, by route. Long polls take as long as they were asked to.",
    &[ROUTE],
);

pub(crate) static HTTP_CONNECTIONS: Family = gauge("wasup_http_connections", "Connections that are served.", &[]);

pub(crate) static ACCEPT_FAILURES: Family =
    counter("wasup_http_accept_failures_total", "Connections that the system could not accept.", &[]);

pub(crate) static LOG_LINES_LOST: Family = counter(
    "wasup_log_lines_lost_total",
    "Lines that did not reach a log file: its disk was full, or slower than the lines came.",
    &[],
);

pub(crate) static LIMITS: Family = gauge(
    "wasup_limit",
    "Limits in force, to compare with what is in use. outbox_messages and sends_in_flight hold for each account.",
    &[label(
        "limit",
        &[
            "http_connections",
            "streams",
            "connects_in_flight",
            "connects_per_minute",
            "delivery_attempts",
            "supervisor_permits",
            "store_jobs",
            "outbox_messages",
            "sends_in_flight",
            "media_bytes",
        ],
    )],
);

pub(crate) static BUILD: Family = gauge(
    "wasup_build_info",
    "The build; always 1. sandbox: whether it connects to loopback only.",
    &[Label { name: "version", values: Values::Build }, label("sandbox", &["true", "false"])],
);

pub(crate) static RESIDENT: Family =
    gauge("process_resident_memory_bytes", "Memory of the process that is in use.", &[]);

pub(crate) static CPU: Family =
    counter("process_cpu_seconds_total", "Processor time of the process, user and system.", &[]);

pub(crate) static OPEN_FDS: Family = gauge("process_open_fds", "File descriptors that are open.", &[]);

pub(crate) static MAX_FDS: Family = gauge("process_max_fds", "File descriptors that may be open.", &[]);

pub(crate) static THREADS: Family = gauge("process_threads", "Threads of the process.", &[]);

pub(crate) static START_TIME: Family =
    gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", &[]);

pub(super) const ALL: &[&Family] = &[
    &READY,
    &HTTP_REQUESTS,
    &HTTP_TIME,
    &HTTP_CONNECTIONS,
    &ACCEPT_FAILURES,
    &LOG_LINES_LOST,
    &LIMITS,
    &BUILD,
    &RESIDENT,
    &CPU,
    &OPEN_FDS,
    &MAX_FDS,
    &THREADS,
    &START_TIME,
];
