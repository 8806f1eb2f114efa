//! An account.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::records::{AccountRecord, AccountState, Identity, UserAction};

use super::{PersonView, Time};

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountView {
    /// Your own id of it. Never changes.
    #[schema(examples("shop"))]
    pub id: String,
    /// A name for humans.
    pub name: String,
    /// What it is doing.
    pub state: StateView,
    /// Nothing leaves its outbox until it is released: it came back from a backup, and what waits may have been sent
    /// since that was made.
    pub outbox_paused: bool,
    /// What it is meant to do: `running` or `stopped`.
    #[schema(value_type = String, examples("running"))]
    pub desired: wasup_store::records::Desired,
    /// Who it is on the network, once linked.
    pub identity: Option<IdentityView>,
    /// Region for numbers in national form, before the installation's own.
    pub default_region: Option<String>,
    /// Whether it starts with the server.
    pub autostart: bool,
    /// Your own notes.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
    /// When it was made.
    pub created_at: Time,
}

/// What an account is doing, why, and what a human has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateView {
    /// `stopped`, `pairing`, `connecting`, `connected`, `reconnecting`, `backing_off`, `quarantined`, `logged_out`,
    /// `replaced`, `banned` or `outdated`.
    #[schema(value_type = String, examples("connected"))]
    pub phase: wasup_store::records::Phase,
    /// Why: a stable code. New ones may come.
    #[schema(value_type = String, examples("requested"))]
    pub reason: wasup_store::records::Reason,
    /// Since when.
    pub since: Time,
    /// When something happens by itself, where that is known.
    pub retry_at: Option<Time>,
    /// What a human has to do: `none`, `scan_qr`, `open_phone`, `wait` or `release`.
    #[schema(value_type = String, examples("none"))]
    pub user_action: wasup_store::records::UserAction,
}

/// Who an account is on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IdentityView {
    /// Its addresses.
    #[serde(flatten)]
    pub person: PersonView,
    /// The name it shows to others.
    pub push_name: Option<String>,
}

impl From<&AccountState> for StateView {
    fn from(state: &AccountState) -> Self {
        Self {
            phase: state.phase,
            reason: state.reason,
            since: Time::from_ms(state.since_ms),
            retry_at: state.retry_at_ms.map(Time::from_ms),
            user_action: state.user_action,
        }
    }
}

impl From<&Identity> for IdentityView {
    fn from(identity: &Identity) -> Self {
        let person = PersonView {
            phone: identity.jid.phone_digits().map(str::to_owned),
            jid: identity.jid.to_string(),
            lid: identity.lid.as_ref().map(ToString::to_string),
        };
        Self { person, push_name: identity.push_name.clone() }
    }
}

impl From<&AccountRecord> for AccountView {
    fn from(record: &AccountRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.clone(),
            state: state(record),
            outbox_paused: record.outbox_paused,
            desired: record.desired,
            identity: record.identity.as_ref().map(IdentityView::from),
            default_region: record.default_region.clone(),
            autostart: record.autostart,
            metadata: record.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            created_at: Time::from_ms(record.created_ms),
        }
    }
}

/// Whatever a restored account does meanwhile, its outbox waits for somebody.
fn state(record: &AccountRecord) -> StateView {
    let view = StateView::from(&record.state);
    if record.outbox_paused && view.user_action == UserAction::None {
        return StateView { user_action: UserAction::Release, ..view };
    }
    view
}
