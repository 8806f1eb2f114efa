//! Looks after a link from outside of the library: a refused write ends the connection, and nothing stands still
//! for ever.

use std::sync::Arc;
use std::time::Duration;

use wacore::iq::keepalive::KeepaliveSpec;
use whatsapp_rust::Client;

use super::LinkSettings;
use super::outlet::{Note, Outlet};
use super::transport::Sockets;
use super::watch::{Act, Seen, Watch};
use crate::ports::{DisconnectReason, EndReason, LinkEvent};
use crate::trouble::{Severity, Trouble};

/// The library's own keep-alive goes out this often at least; probes of ours in a longer interval would add nothing.
const LIBRARY_KEEPALIVE_MIN: Duration = Duration::from_secs(15);

/// How often a link is looked at that is not up.
const LOOK: Duration = Duration::from_millis(500);

/// ... and one that is.
const LOOK_WHEN_UP: Duration = Duration::from_secs(2);

/// The keeper of one link.
pub(super) struct Keeper {
    pub(super) sockets: Arc<Sockets>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) trouble: Arc<Trouble>,
    pub(super) client: Arc<Client>,
}

impl Keeper {
    /// Watches for refused writes, until the store or the account is not ours any more.
    pub(super) async fn watch(self) {
        loop {
            match self.trouble.reported().await {
                Severity::Passing => self.sockets.drop_connection(DisconnectReason::ConnectionLost).await,
                Severity::Fatal => return self.give_up().await,
            }
        }
    }

    async fn give_up(&self) {
        self.outlet.push(Note::Say(LinkEvent::Ended { reason: EndReason::Unexpected }));
        // Nothing of it can be written any more, so nothing it receives may be acknowledged.
        self.client.enable_auto_reconnect.store(false, std::sync::atomic::Ordering::Relaxed);
        self.sockets.drop_connection(DisconnectReason::ConnectionLost).await;
    }
}

/// Looks at a link again and again, and ends what the library would wait for without end.
pub(super) async fn look_after(client: Arc<Client>, sockets: Arc<Sockets>, settings: LinkSettings) {
    let (mut watch, outlet, losses) = (Watch::default(), Arc::clone(&sockets.outlet), Arc::clone(&sockets.losses));
    loop {
        let up = outlet.connected() && client.is_logged_in();
        tokio::time::sleep(if up { LOOK_WHEN_UP } else { LOOK }).await;
        if outlet.ended().is_some() {
            continue;
        }
        losses.received(client.stats().last_data_received_ms);
        let standing = outlet.standing();
        let seen = Seen {
            open: standing.open,
            socket: sockets.standing(),
            connected: standing.connected,
            logged_in: client.is_logged_in(),
            deadline: standing.deadline,
            over: losses.look(),
        };
        match watch.look(seen, &settings, tokio::time::Instant::now()) {
            Act::Wait => {}
            Act::Report => outlet.push(Note::Connected),
            Act::SayLost => outlet.lost(losses.take().unwrap_or_else(|| losses.guess())),
            Act::CutOver => {
                let reason = losses.take().unwrap_or(DisconnectReason::StreamError);
                sockets.drop_connection(reason).await;
            }
            Act::CutLate => sockets.drop_connection(DisconnectReason::TimedOut).await,
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
            sockets.drop_connection(DisconnectReason::TimedOut).await;
        }
    }
}
