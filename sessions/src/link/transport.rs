//! The library's sockets over the account's dialer, one at a time, each under a permit to be connecting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;
use wacore::net::{Transport, TransportEvent, TransportFactory};
use wacore::stats::TransportResourceReport;
use wasup_store::{Store, Watermark};
use whatsapp_rust::async_channel;

use super::loss::Losses;
use super::outlet::Outlet;
use super::pairing_code::Codes;
use super::runtime::LinkTasks;
use crate::dial::{Dialer, LIBRARY_CONNECT_TIMEOUT, PermitSlot, Seat, Ticket};
use crate::ports::DisconnectReason;

/// How much earlier than the library a dial is given up here, so that its reason is known.
const MARGIN: Duration = Duration::from_millis(500);

/// Longest that the goodbye of a socket may take whose other end reads nothing any more.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the sockets of a link share.
pub(super) struct Sockets {
    pub(super) store: Store,
    /// What must be on disk before a frame leaves.
    pub(super) mark: Watermark,
    pub(super) dialer: Dialer,
    pub(super) seat: Seat,
    pub(super) permit: Arc<PermitSlot>,
    /// Longest that a permit is kept by a login that does not get on.
    pub(super) permit_deadline: Duration,
    /// Longest that a step of a login may take.
    pub(super) step: Duration,
    pub(super) outlet: Arc<Outlet>,
    pub(super) losses: Arc<Losses>,
    pub(super) codes: Arc<Codes>,
    pub(super) tasks: LinkTasks,
    pub(super) current: Mutex<Option<Weak<Socket>>>,
}

impl Sockets {
    /// Drops the connection on purpose, for a reason; the library makes a new one.
    pub(super) async fn drop_connection(&self, reason: DisconnectReason) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = current.and_then(|socket| socket.upgrade()) {
            self.losses.ends(reason);
            // A write that can't get on holds the goodbye back; the reading end is told first in any case.
            let _ = tokio::time::timeout(GOODBYE, socket.disconnect()).await;
        }
    }

    /// Whether there is a socket.
    pub(super) fn standing(&self) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .is_some_and(|socket| socket.upgrade().is_some_and(|socket| !socket.gone.load(Ordering::Relaxed)))
    }

    async fn dial(&self) -> anyhow::Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        let guess = self.losses.guess();
        let known = self.losses.take();
        self.outlet.dialing(|| known.unwrap_or(guess));
        self.codes.connection_gone();
        let in_line = self.tasks.in_line();
        let Some(mut permit) = self.seat.acquire().await else {
            anyhow::bail!("too many accounts are connecting");
        };
        drop(in_line);
        let by = Instant::now() + LIBRARY_CONNECT_TIMEOUT - MARGIN;
        permit.begin();
        let ticket = self.permit.keep(permit);
        let mut dialing = Dialing { sockets: self, ticket, over: false };
        let connected = self.dialer.connect(by).await;
        dialing.over = true;
        let (inner, events) = connected.inspect_err(|error| dialing.failed(error.reason()))?;
        self.outlet.opened(self.step);
        let (store, mark) = (self.store.clone(), self.mark.clone());
        let permit = Arc::clone(&self.permit);
        let socket = Arc::new(Socket { inner, permit, ticket, store, mark, gone: false.into() });
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(&socket));
        self.give_permit_back_in_time(&socket);
        Ok((socket, events))
    }

    fn give_permit_back_in_time(&self, socket: &Arc<Socket>) {
        let (socket, deadline) = (Arc::downgrade(socket), self.permit_deadline);
        self.tasks.spawn_task(async move {
            tokio::time::sleep(deadline).await;
            if let Some(socket) = socket.upgrade() {
                socket.permit.give_back(socket.ticket);
            }
        });
    }
}

/// A dial, which the library may give up at any moment.
struct Dialing<'a> {
    sockets: &'a Sockets,
    ticket: Ticket,
    over: bool,
}

impl Dialing<'_> {
    fn failed(&self, reason: DisconnectReason) {
        self.sockets.permit.give_back(self.ticket);
        self.sockets.outlet.failed(reason);
    }
}

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.failed(DisconnectReason::TimedOut);
        }
    }
}

/// The factory that the library asks for a socket.
pub(super) struct SocketFactory(pub(super) Arc<Sockets>);

#[async_trait]
impl TransportFactory for SocketFactory {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        tokio::select! {
            biased;
            () = self.0.tasks.stopping().cancelled() => anyhow::bail!("the link is being closed"),
            made = self.0.dial() => made,
        }
    }
}

/// A socket that holds frames back until what they follow from is on disk, and gives the permit back when it goes.
pub(super) struct Socket {
    inner: Arc<dyn Transport>,
    permit: Arc<PermitSlot>,
    ticket: Ticket,
    store: Store,
    mark: Watermark,
    gone: AtomicBool,
}

#[async_trait]
impl Transport for Socket {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        self.store.until_durable(&self.mark).await?;
        self.inner.send(data).await
    }

    async fn disconnect(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.inner.disconnect().await;
        // Not before it is closed: to the network it is being made until then.
        self.permit.give_back(self.ticket);
    }

    fn resource_report(&self) -> Option<TransportResourceReport> {
        self.inner.resource_report()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.permit.give_back(self.ticket);
    }
}
