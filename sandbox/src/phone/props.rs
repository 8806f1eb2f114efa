//! What a companion says of itself when it registers: what the phone's list of devices shows, and what history it wants.

use buffa::Message as _;
use waproto::whatsapp::DeviceProps;

/// The device props of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompanionProps {
    /// The name in the phone's list of devices.
    pub name: String,
    /// The kind of client, as the protocol names it, such as `DESKTOP`.
    pub platform: String,
    /// Whether it wants the whole history.
    pub full_history: bool,
    /// How many days of it.
    pub history_days: Option<u32>,
    /// How many megabytes of it.
    pub history_megabytes: Option<u32>,
}

impl CompanionProps {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let props = DeviceProps::decode_from_slice(bytes).ok()?;
        let history = props.history_sync_config.as_option();
        Some(Self {
            name: props.os.unwrap_or_default(),
            platform: props.platform_type.map(|kind| format!("{kind:?}")).unwrap_or_default(),
            full_history: props.require_full_sync.unwrap_or_default(),
            history_days: history.and_then(|history| history.full_sync_days_limit),
            history_megabytes: history.and_then(|history| history.full_sync_size_mb_limit),
        })
    }
}
