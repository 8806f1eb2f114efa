//! `/v1/accounts/{id}/persistence`: what of an account's messages is kept, and how long.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::Persistence;
use wasup_sessions::number::digits;
use wasup_store::id::AccountId;
use wasup_store::records::{AllowedNumber, KeepLimits, KeepPolicy};
use wasup_store::repo::persistence::MAX_ALLOWED;

use super::extract::{Caller, Json, Path};
use super::problem::{FieldError, Problem, ProblemView};
use super::state::{ApiState, Chatting};
use super::view::{PersistenceView, Time};
use crate::config::{MAX_AGE_LEAST, Size, SpanOrNever};

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// Whether messages enter the stored history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Policy {
    /// All do.
    All,
    /// Only while the account's own number is among `allowed_numbers` and active there.
    Allowed,
    /// None does.
    None,
}

/// A number of the account's own whose messages may be stored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowedNumberForm {
    /// The number; in national form it is read by the account's region, or the installation's.
    #[schema(examples("+62 812-3456-7890"))]
    phone: String,
    /// Whether it is allowed now.
    #[serde(default = "yes")]
    #[schema(default = true)]
    active: bool,
}

const fn yes() -> bool {
    true
}

/// What of an account's messages is kept. What is left out or `null` is the installation's (`[persistence]` of the config).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPersistence {
    /// Whether messages enter the stored history: received ones, those from the account's phone, those that are sent here,
    /// and the history that the phone sends.
    #[schema(inline)]
    policy: Option<Policy>,
    /// Numbers that policy `allowed` is about, at most 100. The account's own number is looked for among them.
    #[serde(default)]
    allowed_numbers: Vec<AllowedNumberForm>,
    /// How old stored messages get, such as `90days`, from `1m` on; `never` for any age.
    #[schema(value_type = Option<String>, examples("90days"))]
    max_age: Option<SpanOrNever>,
    /// How many messages are stored, the newest; 0 for any number.
    max_messages: Option<u64>,
    /// How many bytes the stored messages say, the newest, such as `64 MiB`; `0 B` for any number. Files are not counted.
    #[schema(value_type = Option<String>, examples("64 MiB"))]
    max_bytes: Option<Size>,
}

impl SetPersistence {
    fn check(self, region: Option<&str>) -> Result<(Option<KeepPolicy>, Vec<AllowedNumber>, KeepLimits), Problem> {
        let mut errors = Vec::new();
        let mut allowed: Vec<AllowedNumber> = Vec::new();
        if self.allowed_numbers.len() > MAX_ALLOWED {
            errors.push(FieldError::new("allowed_numbers", format!("must not be more than {MAX_ALLOWED}")));
        }
        for (n, form) in self.allowed_numbers.iter().take(MAX_ALLOWED).enumerate() {
            let field = format!("allowed_numbers[{n}].phone");
            match digits(&form.phone, region) {
                Ok(phone) if allowed.iter().any(|known| known.phone == phone) => {
                    errors.push(FieldError::new(field, "is there twice"));
                }
                Ok(phone) => allowed.push(AllowedNumber { phone, active: form.active }),
                Err(error) => errors.push(FieldError::new(field, error.to_string())),
            }
        }
        if let Some(SpanOrNever(Some(age))) = self.max_age
            && age < MAX_AGE_LEAST.0
        {
            errors.push(FieldError::new("max_age", format!("must be {MAX_AGE_LEAST} or longer, or never")));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let policy = self.policy.map(|policy| match policy {
            Policy::All => KeepPolicy::All,
            Policy::Allowed => KeepPolicy::Allowed,
            Policy::None => KeepPolicy::None,
        });
        let millis = |age: SpanOrNever| age.0.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let limits = KeepLimits {
            age_ms: self.max_age.map(millis),
            messages: self.max_messages,
            bytes: self.max_bytes.map(|size| size.0),
        };
        Ok((policy, allowed, limits))
    }
}

fn view(id: &AccountId, found: &Persistence) -> PersistenceView {
    PersistenceView::new(id, found, found.own.as_ref().map(|own| own.set_ms).filter(|at| *at > 0).map(Time::from_ms))
}

/// Shows what of an account's messages is kept, and whether they are stored now.
#[utoipa::path(get, path = "/v1/accounts/{id}/persistence", tag = "messages", operation_id = "getPersistence",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = PersistenceView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State((_accounts, chats, _settings)): State<Chatting>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<PersistenceView>, Problem> {
    Ok(axum::Json(view(&id, &chats.persistence(&caller, &id).await?)))
}

/// Sets what of an account's messages is kept, whatever was set before. The policy holds for messages from now on: what is
/// stored stays until its limits are reached or it is deleted, and limits hold for it, too. A message that is not stored is
/// told and delivered as all others; what it says is erased after its last delivery. No list shows it then, its states are
/// told all the same.
#[utoipa::path(put, path = "/v1/accounts/{id}/persistence", tag = "messages", operation_id = "setPersistence",
    params(("id" = String, Path, description = "The account's id, percent-encoded")), request_body = SetPersistence,
    responses((status = 200, body = PersistenceView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State((accounts, chats, settings)): State<Chatting>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<SetPersistence>,
) -> Result<axum::Json<PersistenceView>, Problem> {
    let account = accounts.get(&caller, &id).await?;
    let (policy, allowed, limits) = body.check(account.default_region.as_deref().or(settings.region.as_deref()))?;
    Ok(axum::Json(view(&id, &chats.set_persistence(&caller, &id, policy, (allowed, limits)).await?)))
}
