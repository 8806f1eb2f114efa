//! Looks after a link from outside of the library: a refused write ends the connection, a free permit or an impatient
//! human ends a wait, and a login that takes long is reported all the same.

use std::sync::Arc;
use std::time::Duration;

use wacore::iq::keepalive::KeepaliveSpec;
use whatsapp_rust::Client;

use super::LinkSettings;
use super::outlet::{Note, Outlet};
use super::transport::Sockets;
use crate::ports::{EndReason, LinkEvent};
use crate::trouble::{Severity, Trouble};

/// The library's own keep-alive goes out this often at least; probes of ours in a longer interval would add nothing.
const LIBRARY_KEEPALIVE_MIN: Duration = Duration::from_secs(15);

/// How often a login that takes long is looked at.
const LOGIN_LOOK: Duration = Duration::from_millis(500);

/// The keeper of one link.
pub(super) struct Keeper {
    pub(super) sockets: Arc<Sockets>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) trouble: Arc<Trouble>,
    pub(super) client: Arc<Client>,
}

impl Keeper {
    /// Watches for refused writes and free permits, until the store or the account is not ours any more.
    pub(super) async fn watch(self) {
        loop {
            tokio::select! {
                severity = self.trouble.reported() => match severity {
                    Severity::Passing => self.sockets.drop_connection().await,
                    Severity::Fatal => return self.give_up().await,
                },
                () = self.sockets.permit_free.notified() => self.sockets.tasks.hurry(),
            }
        }
    }

    async fn give_up(&self) {
        self.outlet.push(Note::Say(LinkEvent::Ended { reason: EndReason::Unexpected }));
        // Nothing of it can be written any more, so nothing it receives may be acknowledged.
        self.client.enable_auto_reconnect.store(false, std::sync::atomic::Ordering::Relaxed);
        self.sockets.drop_connection().await;
    }
}

/// Reports a login as connected when the first exchange of app state takes longer than `wait`.
pub(super) async fn report_long_logins(client: Arc<Client>, outlet: Arc<Outlet>, wait: Duration) {
    let mut since = None;
    loop {
        tokio::time::sleep(LOGIN_LOOK).await;
        if outlet.connected() || !client.is_logged_in() {
            since = None;
            continue;
        }
        let first_seen = *since.get_or_insert_with(tokio::time::Instant::now);
        if first_seen.elapsed() >= wait {
            outlet.push(Note::Connected);
        }
    }
}

/// Probes a standing connection more often than the library does, and drops it when it does not answer.
pub(super) async fn probe(client: Arc<Client>, sockets: Arc<Sockets>, settings: LinkSettings) {
    if settings.keepalive_interval >= LIBRARY_KEEPALIVE_MIN {
        return;
    }
    loop {
        tokio::time::sleep(settings.keepalive_interval).await;
        if !client.is_logged_in() {
            continue;
        }
        let probe = client.execute(KeepaliveSpec::with_timeout(settings.query_timeout));
        if probe.await.is_err() {
            sockets.drop_connection().await;
        }
    }
}
