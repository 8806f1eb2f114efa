//! What the API counts with.

use metrics::{Counter, Gauge};

use super::catalogue::{ACCEPT_FAILURES, HTTP_CONNECTIONS, HTTP_REQUESTS, HTTP_TIME};
use super::recorder::Metrics;

/// The handles of the HTTP edge. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct HttpMeters {
    metrics: Metrics,
}

impl HttpMeters {
    pub(super) fn new(metrics: Metrics) -> Self {
        let meters = Self { metrics };
        // A rate needs a zero to begin with, and the first scrape is not counted before it is answered.
        meters.requests("/metrics", "GET", "2xx").increment(0);
        let _ = meters.metrics.histogram(&HTTP_TIME, &["/metrics"]);
        let _ = meters.accept_failures();
        meters
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, route: &str, method: &'static str, class: &'static str, seconds: f64) {
        self.requests(route, method, class).increment(1);
        self.metrics.histogram(&HTTP_TIME, &[route]).record(seconds);
    }

    fn requests(&self, route: &str, method: &'static str, class: &'static str) -> Counter {
        self.metrics.counter(&HTTP_REQUESTS, &[route, method, class])
    }

    /// Counts connections that the system could not accept.
    pub(crate) fn accept_failures(&self) -> Counter {
        self.metrics.counter(&ACCEPT_FAILURES, &[])
    }

    /// Connections that are served.
    pub(crate) fn connections(&self) -> Gauge {
        self.metrics.gauge(&HTTP_CONNECTIONS, &[])
    }
}
