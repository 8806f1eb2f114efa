//! What the actors of the tree share.

use std::sync::Arc;

use wasup_sessions::ports::{AskError, Link, LinkFactory, QrCode};
use wasup_store::Store;
use wasup_store::id::{AccountId, AccountNo};

use crate::account::LinkLeases;
use crate::clock::Timekeeper;
use crate::door::Nudges;
use crate::files::{FetchTurns, FilePorts};
use crate::importing::{ImportFiles, UnderWay};
use crate::meters::Meters;
use crate::settings::Settings;
use crate::settled::Settled;
use crate::webhook::{EventEncoder, WebhookTransport};

/// Told of every QR code that is to be shown.
pub type QrListener = Arc<dyn Fn(&AccountId, &QrCode) + Send + Sync>;

/// What the tree is started with.
#[derive(Clone)]
pub struct Ports {
    /// The store.
    pub store: Store,
    /// Opens links to the network.
    pub links: Arc<dyn LinkFactory>,
    /// Posts webhooks.
    pub webhooks: Arc<dyn WebhookTransport>,
    /// Writes the bodies of webhooks.
    pub encoder: Arc<dyn EventEncoder>,
    /// What of the configuration concerns the tree.
    pub settings: Settings,
    /// The wake-ups that the link's hook has too.
    pub nudges: Nudges,
    /// Told of every QR code, for a terminal.
    pub qr_shown: Option<QrListener>,
    /// What the tree counts with.
    pub meters: Meters,
    /// Files. Without them none are sent, fetched or taken in.
    pub files: Option<FilePorts>,
    /// Files of contacts. Without them none come into lists.
    pub imports: Option<Arc<dyn ImportFiles>>,
}

/// [`Ports`] and what the tree adds to them.
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) links: Arc<dyn LinkFactory>,
    pub(crate) webhooks: Arc<dyn WebhookTransport>,
    pub(crate) encoder: Arc<dyn EventEncoder>,
    pub(crate) settings: Settings,
    pub(crate) nudges: Nudges,
    pub(crate) qr_shown: Option<QrListener>,
    pub(crate) settled: Settled,
    pub(crate) leases: LinkLeases,
    pub(crate) meters: Meters,
    pub(crate) time: Timekeeper,
    pub(crate) files: Option<FilePorts>,
    pub(crate) fetching: FetchTurns,
    pub(crate) imports: Option<Arc<dyn ImportFiles>>,
    pub(crate) importing: UnderWay,
}

impl Context {
    pub(crate) fn new(ports: Ports) -> Self {
        let Ports { store, links, webhooks, encoder, settings, nudges, qr_shown, meters, files, imports } = ports;
        let (settled, leases) = (Settled::default(), LinkLeases::default());
        let time = Timekeeper::new(&store, settings.shortest_life());
        Self {
            store,
            links,
            webhooks,
            encoder,
            settings,
            nudges,
            qr_shown,
            settled,
            leases,
            meters,
            time,
            files,
            fetching: FetchTurns::default(),
            imports,
            importing: UnderWay::default(),
        }
    }

    /// The account's link, to ask the network something over it.
    ///
    /// # Errors
    /// [`AskError::NotConnected`] while there is none, or it is not connected.
    pub(crate) fn link(&self, no: AccountNo) -> Result<Arc<dyn Link>, AskError> {
        let door = self.nudges.doors.known(no);
        door.and_then(|door| door.connected_link()).ok_or(AskError::NotConnected)
    }
}
