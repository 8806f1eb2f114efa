//! The config: layers, one struct a concern, and the rules that hold between keys.
//!
//! `config/default.toml` is the manual. Whatever a layer gets wrong is refused with the layer, the key and what would
//! be right.

mod accounts;
mod campaigns;
mod check;
mod data;
mod events;
mod history;
mod jobs;
mod layers;
mod life;
mod link;
mod lists;
mod log;
mod log_files;
mod mask;
mod media;
mod metrics;
mod persistence;
mod problem;
mod schedules;
mod search;
mod send;
mod server;
mod statuses;
mod supervision;
mod units;
mod webhooks;

use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use serde::{Deserialize, Serialize};

pub use accounts::{AccountsFile, DeclaredAccount, Places, read_accounts};
pub use campaigns::CampaignsConfig;
pub use check::Finding;
pub use data::DataConfig;
pub use events::{AuditConfig, EventsConfig};
pub use history::HistoryConfig;
pub(crate) use jobs::DELAY_MAX;
pub use jobs::JobsConfig;
pub use layers::{DEFAULTS, ENV_PREFIX, Sources};
pub use life::{AccountsConfig, SamePhoneWord};
pub use link::LinkConfig;
pub use lists::ListsConfig;
pub use log::{Colour, LogConfig, LogFormat, unfit_level};
pub use log_files::{LogFileKind, LogFilesConfig};
pub use mask::MASK;
pub use media::{KindConfig, MediaConfig};
pub use metrics::MetricsConfig;
pub(crate) use persistence::MAX_AGE_LEAST;
pub use persistence::PersistenceConfig;
pub use problem::{ConfigError, Problem};
pub use schedules::SchedulesConfig;
pub use search::SearchConfig;
pub use send::SendConfig;
pub use server::{API_KEY_MIN, ServerConfig, unfit_key};
pub(crate) use statuses::STATUSES_MAX;
pub use statuses::{StatusText, StatusesConfig};
pub use supervision::SupervisionConfig;
pub use units::{Size, Span, SpanOrNever};
pub use webhooks::{BreakerConfig, DefaultWebhook, WebhooksConfig};
pub(crate) use webhooks::{DISABLE_AFTER, OVERLAP_MAX, SCHEDULE_MAX, TIMEOUT, WAIT_MAX};

use check::Checks;

/// Everything that can be set. Serialising it masks the secrets.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Region for numbers in national form; empty for none.
    pub default_region: String,
    /// The HTTP edge.
    pub server: ServerConfig,
    /// The store's folder.
    pub data: DataConfig,
    /// What is logged.
    pub log: LogConfig,
    /// The connection to the network.
    pub link: LinkConfig,
    /// Limits of what accounts send.
    pub send: SendConfig,
    /// Limits of jobs.
    pub jobs: JobsConfig,
    /// Limits of schedules.
    pub schedules: SchedulesConfig,
    /// How fast campaigns send.
    pub campaigns: CampaignsConfig,
    /// What of messages is kept, and how long.
    pub persistence: PersistenceConfig,
    /// How messages are searched.
    pub search: SearchConfig,
    /// What is kept of the history that phones send.
    pub history: HistoryConfig,
    /// Restart budget and back-off.
    pub supervision: SupervisionConfig,
    /// The event log and its live streams.
    pub events: EventsConfig,
    /// How events are delivered.
    pub webhooks: WebhooksConfig,
    /// Files.
    pub media: MediaConfig,
    /// Files of contacts.
    pub lists: ListsConfig,
    /// Who did what.
    pub audit: AuditConfig,
    /// What is shown of single accounts.
    pub metrics: MetricsConfig,
    /// The QR in the terminal.
    pub qr: QrConfig,
    /// The accounts file, and what happens to accounts by themselves.
    pub accounts: AccountsConfig,
}

/// `[qr]`. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QrConfig {
    /// Whether `wasup serve` draws QR codes in its terminal.
    pub print_in_terminal: bool,
}

/// A config in force, and what is risky about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// Allowed but risky, each with its key.
    pub warnings: Vec<Finding>,
    /// The file it was read from, if any.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads the layers and checks them.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong, never with a secret.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
        let layers = layers::read(sources)?;
        let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
        let config: Self = figment
            .extract()
            .map_err(|errors| ConfigError::Wrong(errors.into_iter().map(|error| Problem::met(&error)).collect()))?;
        let checks = config.check();
        if !checks.refused.is_empty() {
            let problems = checks.refused.iter().map(|finding| Problem::found(finding, &figment));
            return Err(ConfigError::Wrong(problems.collect()));
        }
        Ok(Loaded { config, warnings: checks.warnings, file: sources.file.clone() })
    }

    /// The installation's region, where one is set.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        (!self.default_region.is_empty()).then_some(self.default_region.as_str())
    }

    /// The config as TOML, secrets masked.
    #[must_use]
    pub fn to_masked_toml(&self) -> String {
        toml::to_string_pretty(self).expect("every field of the config has a form in TOML")
    }

    fn check(&self) -> Checks {
        let mut checks = Checks::default();
        if !self.default_region.is_empty() && !is_region(&self.default_region) {
            checks.refuse("default_region", "must be two capital letters of ISO 3166, such as \"ID\" or \"DE\"");
        }
        self.server.check(&mut checks);
        self.data.check(&mut checks);
        self.log.check(&self.data.dir, &mut checks);
        self.link.check(&mut checks);
        self.send.check(&mut checks);
        self.jobs.check(&mut checks);
        self.schedules.check(&mut checks);
        self.campaigns.check(&mut checks);
        self.persistence.check(&mut checks);
        self.history.check(&mut checks);
        self.supervision.check(&mut checks);
        self.events.check(self.server.write_timeout, &mut checks);
        self.webhooks.check(&mut checks);
        self.media.check(&mut checks);
        self.lists.check(&mut checks);
        self.audit.check(&mut checks);
        if self.webhooks.keep_deliveries > self.events.keep {
            checks.warn("webhooks.keep_deliveries", "is longer than events.keep: a delivery goes with its event");
        }
        if self.webhooks.schedule.iter().map(|wait| wait.0).sum::<Duration>() > self.events.keep.0 {
            checks
                .warn("events.keep", "is shorter than webhooks.schedule as a whole: deliveries end before their time");
        }
        self.metrics.check(&mut checks);
        self.accounts.check(&mut checks);
        if self.supervision.stop_timeout > self.server.shutdown_timeout {
            checks.refuse(
                "supervision.stop_timeout",
                format!("must not be longer than server.shutdown_timeout ({})", self.server.shutdown_timeout),
            );
        }
        if self.webhooks.allow_private && !self.server.listen.ip().is_loopback() {
            checks.warn(
                "webhooks.allow_private",
                "whoever has the API key can make this server call private addresses; turn it off if that is not you",
            );
        }
        checks
    }
}

/// Whether a text has the form of a region.
#[must_use]
pub fn is_region(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
