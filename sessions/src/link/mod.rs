//! The link over the protocol library: [`WhatsAppLinks`] opens them.

mod asking;
mod build;
mod calls;
mod chats;
mod classify;
mod ears;
mod ending;
mod groups;
mod history;
pub(crate) mod inbound;
mod keeper;
mod loss;
mod news;
mod outlet;
mod own;
mod pairing_code;
mod people;
mod presence;
mod pump;
mod restriction;
mod runtime;
mod sending;
mod settings;
mod status;
mod transport;
mod watch;
mod whatsapp;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use wasup_store::Store;
use wasup_store::shelf::Shelf;

pub use history::HistoryBounds;
pub use inbound::inbox::Committed;
pub use settings::LinkSettings;

pub use crate::counted::LinkStats;

use crate::counted::Counted;
use crate::dial::{ConnectPermits, HttpPools, Limits, Reach};
use crate::media::Uploads;
use crate::meters::LinkMeters;
use crate::ports::{Link, LinkError, LinkEvent, LinkFactory, LinkTarget};

/// Opens links to WhatsApp. One per process: links share its permits to connect and its HTTP connections.
pub struct WhatsAppLinks {
    store: Store,
    settings: LinkSettings,
    committed: Committed,
    permits: Arc<ConnectPermits>,
    http: HttpPools,
    counted: Arc<Counted>,
    meters: Arc<LinkMeters>,
    files: Option<(Shelf, Arc<Uploads>)>,
    /// Pieces of history that are being imported, of all links.
    imports: Arc<Semaphore>,
}

impl WhatsAppLinks {
    /// Links over `store`. `committed` is called after received messages of an account were committed; it must not
    /// block.
    ///
    /// # Errors
    /// [`LinkError::Protocol`] when TLS can't be set up.
    pub fn new(store: Store, settings: LinkSettings, committed: Committed) -> Result<Self, LinkError> {
        let spool = settings.spool.clone().unwrap_or_else(std::env::temp_dir);
        let http = HttpPools::new(Reach::of_this_build(), spool)?;
        let limits = Limits { at_once: settings.connects_in_flight, per_minute: settings.connects_per_minute };
        let permits = ConnectPermits::new(limits, settings.connect_jitter);
        let imports = Arc::new(Semaphore::new(settings.history.at_once.max(1)));
        Ok(Self {
            store,
            settings,
            committed,
            permits,
            http,
            counted: Arc::default(),
            meters: Arc::default(),
            files: None,
            imports,
        })
    }

    /// ... that send files from this shelf, and fetch files onto it. Without one, no files are sent or fetched.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Shelf) -> Self {
        let uploads = Arc::new(Uploads::new(shelf.clone()));
        self.files = Some((shelf, uploads));
        self
    }

    /// ... that count with these handles from the next link on.
    #[must_use]
    pub fn counting(mut self, meters: LinkMeters) -> Self {
        self.meters = Arc::new(meters);
        self
    }

    /// What the links of this factory counted.
    #[must_use]
    pub fn stats(&self) -> LinkStats {
        let permits = self.permits.stats();
        LinkStats {
            connects_in_flight: permits.in_flight,
            connects_waiting: permits.waiting,
            connects_granted: permits.granted,
            connects_refused: permits.refused,
            ..self.counted.stats()
        }
    }
}

#[async_trait]
impl LinkFactory for WhatsAppLinks {
    async fn open(&self, target: LinkTarget, events: mpsc::Sender<LinkEvent>) -> Result<Arc<dyn Link>, LinkError> {
        Ok(Arc::new(build::open(self, target, events).await?))
    }
}
