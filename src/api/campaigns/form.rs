//! What people write about campaigns.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;
use wasup_actors::{CAMPAIGN_LISTS_MAX, CampaignWish, SENDERS_MAX};
use wasup_store::id::{AccountId, CampaignId, ListId, Millis, TemplateId};
use wasup_store::records::{CampaignTo, EarlierWho, OnRestriction, Rotation};

use super::pace::{PaceForm, QuietForm, RepliesForm};
use crate::api::messages::SendMessage;
use crate::api::problem::{FieldError, Problem};

/// Longest name, in characters.
const NAME_MAX: usize = 200;
/// Most tags.
const TAGS_MAX: usize = 32;

/// `Some(None)` for an explicit `null`.
fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Which recipients of an earlier campaign.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum WhoForm {
    /// Those whose message was never sent.
    Failed,
    /// Those who have it and did not answer.
    Silent,
    /// Those who answered.
    Replied,
}

impl From<WhoForm> for EarlierWho {
    fn from(who: WhoForm) -> Self {
        match who {
            WhoForm::Failed => Self::Failed,
            WhoForm::Silent => Self::Silent,
            WhoForm::Replied => Self::Replied,
        }
    }
}

/// Recipients of an earlier campaign.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EarlierForm {
    /// That one.
    #[schema(value_type = String, examples("cmp_0000106gk3fv0a0mk8d1p3m5r4"))]
    campaign: CampaignId,
    /// Which of them.
    #[schema(inline)]
    who: WhoForm,
}

/// Which account is next, where several may send.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum RotationForm {
    /// One after the other.
    RoundRobin,
    /// Drawn each time.
    Random,
}

/// What happens when the network restricts an account.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum OnRestrictionForm {
    /// It rests; with the last one the campaign pauses.
    Rest,
    /// The campaign pauses.
    Pause,
}

/// A campaign, or a change of one that has not begun, where what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CampaignForm {
    /// What you call it, 1 to 200 characters. A new one needs it.
    #[schema(min_length = 1, max_length = 200, examples("May offer"))]
    pub(super) name: Option<String>,
    /// The accounts that send, 1 to 100. A new one needs them.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, examples(json!(["shop"])))]
    pub(super) senders: Option<Vec<AccountId>>,
    /// The lists of those who get it, at most 20: who is in several of them gets it once. A new one needs this or `earlier`.
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    pub(super) lists: Option<Vec<ListId>>,
    /// Of the lists only contacts with one of these tags, in letters of any case.
    #[schema(max_items = 32)]
    pub(super) tags: Option<BTreeSet<String>>,
    /// Recipients of an earlier campaign instead of lists.
    pub(super) earlier: Option<EarlierForm>,
    /// The template that each message is made of, as it is now: later changes of it change nothing. A new one needs this or
    /// `message`.
    #[schema(value_type = Option<String>, examples("tpl_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub(super) template: Option<TemplateId>,
    /// A message of any type but reactions and votes, as it is sent alone (`POST /v1/accounts/{id}/messages`), without `to`.
    /// Its text or caption is a template as in `/v1/templates`.
    #[schema(value_type = Option<SendMessage>)]
    pub(super) message: Option<Value>,
    /// With `message`: a place for which a contact has nothing fails the recipient, and is not empty.
    #[serde(default)]
    pub(super) strict: bool,
    /// With `message`: what stands in places where a contact has nothing, by the name of the field.
    #[serde(default)]
    pub(super) defaults: BTreeMap<String, String>,
    /// Which account is next: `round_robin` (default) or `random`.
    #[schema(inline)]
    pub(super) rotation: Option<RotationForm>,
    /// How fast.
    pub(super) pace: Option<PaceForm>,
    /// When not; `null` for never.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<QuietForm>)]
    pub(super) quiet_hours: Option<Option<QuietForm>>,
    /// What is done about people who write back.
    pub(super) replies: Option<RepliesForm>,
    /// What happens when the network restricts an account: it rests (`rest`, the default; with the last one the campaign
    /// pauses), or the campaign pauses (`pause`).
    #[schema(inline)]
    pub(super) on_restriction: Option<OnRestrictionForm>,
    /// Of a new one: `now`, or a time (RFC 3339) at which it starts by itself. Without it a draft is made.
    #[schema(examples("now", "2026-12-01T09:00:00+07:00"))]
    pub(super) start: Option<String>,
}

pub(super) fn one(field: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

/// When a campaign is to start.
pub(super) fn start(field: &str, text: &str) -> Result<CampaignWish, Problem> {
    if text == "now" {
        return Ok(CampaignWish::Start(None));
    }
    let at: Option<Millis> =
        text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    at.map(|at| CampaignWish::Start(Some(at)))
        .ok_or_else(|| one(field, "must be now, or a time as 2026-12-01T09:00:00+07:00"))
}

impl CampaignForm {
    /// Refuses what no campaign may be.
    pub(super) fn fit(&self) -> Result<(), Problem> {
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME_MAX) {
            return Err(one("name", "must have 1 to 200 characters"));
        }
        if self.senders.as_ref().is_some_and(|all| all.is_empty() || all.len() > SENDERS_MAX) {
            return Err(one("senders", format!("must be 1 to {SENDERS_MAX}")));
        }
        if self.lists.as_ref().is_some_and(|all| all.is_empty() || all.len() > CAMPAIGN_LISTS_MAX) {
            return Err(one("lists", format!("must be 1 to {CAMPAIGN_LISTS_MAX}")));
        }
        if self.tags.as_ref().is_some_and(|all| all.len() > TAGS_MAX) {
            return Err(one("tags", format!("must be at most {TAGS_MAX}")));
        }
        if self.lists.is_some() && self.earlier.is_some() {
            return Err(one("earlier", "stands in the place of lists"));
        }
        if self.template.is_some() && self.message.is_some() {
            return Err(one("message", "stands in the place of template"));
        }
        if self.message.is_none() && (self.strict || !self.defaults.is_empty()) {
            return Err(one("strict", "and defaults go with message; a template has its own"));
        }
        Ok(())
    }

    /// Who gets it; `None` where that is not said.
    pub(super) fn to(&self, before: Option<&CampaignTo>) -> Result<Option<CampaignTo>, Problem> {
        if let Some(EarlierForm { campaign, who }) = self.earlier {
            if self.tags.is_some() {
                return Err(one("tags", "go with lists"));
            }
            return Ok(Some(CampaignTo::Earlier { campaign, who: who.into() }));
        }
        let (former_lists, former_tags) = match before {
            Some(CampaignTo::Lists { lists, tags }) => (Some(lists.clone()), tags.clone()),
            _ => (None, BTreeSet::new()),
        };
        match (self.lists.clone().or(former_lists.filter(|_| self.tags.is_some())), &self.tags) {
            (Some(mut lists), tags) => {
                lists.sort_unstable();
                lists.dedup();
                Ok(Some(CampaignTo::Lists { lists, tags: tags.clone().unwrap_or(former_tags) }))
            }
            (None, Some(_)) => Err(one("tags", "go with lists")),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn rotation(&self, before: Rotation) -> Rotation {
        match self.rotation {
            None => before,
            Some(RotationForm::RoundRobin) => Rotation::RoundRobin,
            Some(RotationForm::Random) => Rotation::Random,
        }
    }

    pub(super) fn on_restriction(&self, before: OnRestriction) -> OnRestriction {
        match self.on_restriction {
            None => before,
            Some(OnRestrictionForm::Rest) => OnRestriction::Rest,
            Some(OnRestrictionForm::Pause) => OnRestriction::Pause,
        }
    }
}

/// A copy of a campaign.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CopyForm {
    /// What you call it; without it as the first one.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: Option<String>,
    /// `now`, or a time (RFC 3339) at which it starts by itself. Without it a draft is made.
    #[schema(examples("now"))]
    pub(super) start: Option<String>,
}

/// A campaign to some of those who were to get another one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RetryForm {
    /// What you call it; without it as the first one.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: Option<String>,
    /// Which of them: `failed` (default), `silent` or `replied`.
    #[schema(inline)]
    pub(super) who: Option<WhoForm>,
    /// `now`, or a time (RFC 3339) at which it starts by itself. Without it a draft is made.
    #[schema(examples("now"))]
    pub(super) start: Option<String>,
}

/// When a campaign starts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct StartForm {
    /// `now` (default), or a time (RFC 3339).
    #[schema(examples("2026-12-01T09:00:00+07:00"))]
    pub(super) at: Option<String>,
}

pub(super) fn named(name: Option<&String>) -> Result<(), Problem> {
    match name.is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME_MAX) {
        true => Err(one("name", "must have 1 to 200 characters")),
        false => Ok(()),
    }
}
