//! An account.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::records::{AccountRecord, AccountState, Identity, ProxyAddress, UserAction};

use super::words::{ActionWord, DesiredWord, PhaseWord, ReasonWord, SourceWord};
use super::{HistoryView, PacingView, PersonView, RestartView, RestrictionView, Time};

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
    /// What it is meant to do.
    #[schema(value_type = DesiredWord)]
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
    /// Your remark for people to read.
    pub note: Option<String>,
    /// How often it is started again when it breaks.
    pub restart: RestartView,
    /// How fast it sends.
    pub pacing: PacingView,
    /// Its only way to the network, without user and password; `null` for the machine's own.
    #[schema(examples("socks5://***@proxy.example.com:1080"))]
    pub proxy: Option<String>,
    /// What the phone's list of devices calls it; `null` for its name.
    pub device_name: Option<String>,
    /// What a fresh link asks the phone for.
    pub history: HistoryView,
    /// What the network forbids it at present.
    pub restriction: Option<RestrictionView>,
    /// Who made it: `api`, `file` for the accounts file, or `undeclared` for one that this file holds no more.
    #[schema(value_type = SourceWord)]
    pub source: &'static str,
    /// When it was made.
    pub created_at: Time,
}

/// What an account is doing, why, and what a human has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateView {
    /// What it is doing.
    #[schema(value_type = PhaseWord)]
    pub phase: wasup_store::records::Phase,
    /// Why.
    #[schema(value_type = ReasonWord)]
    pub reason: wasup_store::records::Reason,
    /// Since when.
    pub since: Time,
    /// When something happens by itself, where that is known.
    pub retry_at: Option<Time>,
    /// What a human has to do.
    #[schema(value_type = ActionWord)]
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
            note: record.note.clone(),
            metadata: record.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            restart: (&record.settings.restart).into(),
            pacing: (&record.settings.pacing).into(),
            proxy: record.settings.proxy.as_ref().map(ProxyAddress::shown),
            device_name: record.settings.device_name.clone(),
            history: (&record.settings.history).into(),
            restriction: record.restriction.as_ref().map(RestrictionView::from),
            source: record.source.as_str(),
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
