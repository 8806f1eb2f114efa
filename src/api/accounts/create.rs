//! Accounts are made.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{Accounts, NewAccount};
use wasup_store::id::AccountId;
use wasup_store::records::{AccountSettings, AccountSource};
use wasup_store::repo::account_settings::conflicts;

use crate::account_form::{ChangeAccount, HistoryForm, PacingForm, ProxyText, RestartForm, conflicting};
use crate::api::extract::{Caller, Json};
use crate::api::problem::{Problem, ProblemView};
use crate::api::view::AccountView;

/// A new account. Settings that are left out, or `null`, are the installation's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateAccount {
    /// Your own id for it: 1 to 100 visible characters without `/`. Never changes.
    #[schema(value_type = String, min_length = 1, max_length = 100, examples("shop"))]
    id: AccountId,
    /// A name for humans; it is also what the phone shows, where `device_name` is not set. At most 200 characters.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Region for numbers in national form: two capital letters, such as `ID`.
    #[schema(examples("ID"))]
    default_region: Option<String>,
    /// Whether it starts with the server.
    #[serde(default = "yes")]
    #[schema(default = true)]
    autostart: bool,
    /// Your own notes: a JSON object of at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// A remark for people to read, at most 2000 characters.
    #[schema(max_length = 2000)]
    note: Option<String>,
    /// How often it is started again when it breaks.
    restart: Option<RestartForm>,
    /// How fast it sends.
    pacing: Option<PacingForm>,
    /// Its only way to the network: `http://`, `https://`, `socks5://` or `socks5h://`, a host and a port, perhaps a user and a
    /// password, which are never shown.
    #[schema(value_type = Option<String>, examples("socks5://user:password@proxy.example.com:1080"))]
    proxy: Option<ProxyText>,
    /// What the phone's list of devices calls it, at most 50 characters.
    #[schema(max_length = 50)]
    device_name: Option<String>,
    /// What a fresh link asks the phone for.
    history: Option<HistoryForm>,
    /// Whether it starts at once.
    #[serde(default = "yes")]
    #[schema(default = true)]
    start: bool,
}

const fn yes() -> bool {
    true
}

impl CreateAccount {
    fn check(self) -> Result<NewAccount, Problem> {
        let Self { id, autostart, start, .. } = self;
        let form = ChangeAccount {
            name: self.name.map(Some),
            default_region: self.default_region.map(Some),
            autostart: Some(Some(autostart)),
            metadata: self.metadata.map(Some),
            note: self.note.map(Some),
            restart: self.restart.map(Some),
            pacing: self.pacing.map(Some),
            proxy: self.proxy.map(Some),
            device_name: self.device_name.map(Some),
            history: self.history.map(Some),
        };
        let metadata = form.metadata.clone().flatten().map(serde_json::Value::Object);
        let patch = form.check().map_err(Problem::invalid)?;
        let mut settings = AccountSettings::default();
        patch.settings.apply(&mut settings);
        let conflicts = conflicting(&conflicts(&settings));
        if !conflicts.is_empty() {
            return Err(Problem::invalid(conflicts));
        }
        let (name, note, default_region) = (patch.name, patch.note.flatten(), patch.default_region.flatten());
        Ok(NewAccount {
            id,
            name,
            default_region,
            autostart,
            metadata,
            note,
            settings,
            source: AccountSource::Api,
            start,
            default_webhook: true,
        })
    }
}

/// Creates an account, and starts it unless told otherwise.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", operation_id = "createAccount",
    request_body = CreateAccount,
    responses((status = 201, body = AccountView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(accounts): State<Accounts>,
    Caller(caller): Caller,
    Json(body): Json<CreateAccount>,
) -> Result<impl IntoResponse, Problem> {
    let record = accounts.create(&caller, body.check()?).await?;
    Ok((StatusCode::CREATED, axum::Json(AccountView::from(&record))))
}
