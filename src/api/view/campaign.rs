//! Campaigns, their recipients and their numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{CampaignSeen, CampaignStats, CampaignsOverview, RecipientSeen, SenderNow, SenderSeen};
use wasup_store::id::Millis;
use wasup_store::records::{
    CampaignCounts, CampaignEvent, CampaignPace, CampaignReason, CampaignState, CampaignTo, ItemState, ItemTrouble,
    QuietHours, QuietZone, ReplyRules, RunTally,
};

use super::{ContentView, MessageTimes, ReasonView, Time};

/// A campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct CampaignView {
    /// The campaign's id.
    #[schema(examples("cmp_0000106gk3fv0a0mk8d1p3m5r4"))]
    id: String,
    /// What people call it.
    name: String,
    /// `draft`, `scheduled` (it starts at `start_at`), `running`, `paused`, `completed`, `cancelled` or `halted` (it can't go
    /// on).
    state: &'static str,
    /// Why, where that needs a word. Paused: `no_sender` (no account is left that may send), `restricted` (by the network),
    /// `restored` (the store came out of a backup: some of it may have been sent after that was made). Halted:
    /// `audience_gone`, `crash_loop`.
    reason: Option<&'static str>,
    /// The accounts that send; `null` for one that was deleted.
    senders: Vec<Option<String>>,
    /// Who gets it.
    to: CampaignToView,
    /// What is sent; where `text` is there its text or caption is made of that.
    message: ContentView,
    /// The template of the text or the caption.
    text: Option<CampaignTextView>,
    /// The template that it was made of.
    template: Option<String>,
    /// `round_robin` or `random`.
    rotation: &'static str,
    /// How fast each account sends.
    pace: PaceView,
    /// When nothing is sent.
    quiet_hours: Option<QuietView>,
    /// What is done about people who write back.
    replies: RepliesView,
    /// What happens when the network restricts an account: `rest` or `pause`.
    on_restriction: &'static str,
    /// How far it is.
    progress: CampaignProgressView,
    /// Whether everybody who gets it is written down, so that the total is final.
    gathered: bool,
    /// When it was made.
    created_at: Time,
    /// When it is to start.
    start_at: Option<Time>,
    /// When it started.
    started_at: Option<Time>,
    /// When it was over.
    ended_at: Option<Time>,
}

/// Who gets a campaign: whoever is in one of some lists, or recipients of an earlier one.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignTo)]
pub(super) struct CampaignToView {
    /// The lists.
    lists: Vec<String>,
    /// Of those only contacts with one of these tags.
    tags: Vec<String>,
    /// The earlier campaign.
    earlier: Option<EarlierView>,
}

/// Recipients of an earlier campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignEarlier)]
pub(super) struct EarlierView {
    campaign: String,
    /// `failed`, `silent` or `replied`.
    who: &'static str,
}

/// How the text is made for each recipient.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignText)]
pub(super) struct CampaignTextView {
    body: String,
    strict: bool,
    defaults: BTreeMap<String, String>,
}

/// How fast each account sends.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CampaignPace)]
pub(super) struct PaceView {
    gap_min_ms: Millis,
    gap_max_ms: Millis,
    /// Most in any minute; `null` for any number.
    per_minute: Option<u32>,
    per_hour: Option<u32>,
    per_day: Option<u32>,
    warm_up: Option<WarmUpView>,
}

/// How a new number begins.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CampaignWarmUp)]
pub(super) struct WarmUpView {
    start: u32,
    growth: f64,
}

/// Hours in which nothing is sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignQuietHours)]
pub(super) struct QuietView {
    from: String,
    to: String,
    /// `recipient`, `sender` or a zone.
    zone: String,
}

/// What is done about people who write back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignReplies)]
pub(super) struct RepliesView {
    stop_words: Vec<String>,
    skip_if_wrote_within_ms: Option<Millis>,
    only_known: bool,
}

/// How far a campaign is: each recipient is in one state.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CampaignProgress)]
pub(super) struct CampaignProgressView {
    /// Recipients written down.
    total: u32,
    /// Those with an outcome.
    current: u32,
    /// Those whose message the network's server has.
    success: u32,
    /// Those whose message will never be sent, but for those left out or cancelled.
    error: u32,
    /// Those who answered.
    replied: u32,
    /// Recipients in each state.
    states: RecipientStatesView,
}

/// Recipients in each state.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = RecipientStates)]
pub(super) struct RecipientStatesView {
    pending: u64,
    deferred: u64,
    queued: u64,
    sent: u64,
    delivered: u64,
    read: u64,
    failed: u64,
    skipped: u64,
    cancelled: u64,
}

impl RecipientStatesView {
    fn new(of: impl Fn(ItemState) -> u64) -> Self {
        Self {
            pending: of(ItemState::Pending),
            deferred: of(ItemState::Deferred),
            queued: of(ItemState::Queued),
            sent: of(ItemState::Sent),
            delivered: of(ItemState::Delivered),
            read: of(ItemState::Read),
            failed: of(ItemState::Failed),
            skipped: of(ItemState::Skipped),
            cancelled: of(ItemState::Cancelled),
        }
    }
}

impl From<&RunTally> for CampaignProgressView {
    fn from(tally: &RunTally) -> Self {
        Self {
            total: tally.total,
            current: tally.ended(),
            success: tally.success(),
            error: tally.of(ItemState::Failed),
            replied: tally.replied,
            states: RecipientStatesView::new(|state| u64::from(tally.of(state))),
        }
    }
}

impl From<&CampaignTo> for CampaignToView {
    fn from(to: &CampaignTo) -> Self {
        match to {
            CampaignTo::Lists { lists, tags } => Self {
                lists: lists.iter().map(ToString::to_string).collect(),
                tags: tags.iter().cloned().collect(),
                earlier: None,
            },
            CampaignTo::Earlier { campaign, who } => Self {
                lists: Vec::new(),
                tags: Vec::new(),
                earlier: Some(EarlierView { campaign: campaign.to_string(), who: who.as_str() }),
            },
        }
    }
}

impl From<CampaignPace> for PaceView {
    fn from(pace: CampaignPace) -> Self {
        let CampaignPace { gap_min_ms, gap_max_ms, per_minute, per_hour, per_day, warm_up } = pace;
        let warm_up = warm_up.map(|warm_up| WarmUpView { start: warm_up.start, growth: warm_up.growth });
        Self { gap_min_ms, gap_max_ms, per_minute, per_hour, per_day, warm_up }
    }
}

impl From<&QuietHours> for QuietView {
    fn from(hours: &QuietHours) -> Self {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let zone = match &hours.zone {
            QuietZone::Recipient => "recipient".to_owned(),
            QuietZone::Sender => "sender".to_owned(),
            QuietZone::Named(zone) => zone.clone(),
        };
        Self { from: time(hours.from_minute), to: time(hours.to_minute), zone }
    }
}

impl From<&ReplyRules> for RepliesView {
    fn from(rules: &ReplyRules) -> Self {
        Self {
            stop_words: rules.stop_words.iter().cloned().collect(),
            skip_if_wrote_within_ms: rules.skip_if_wrote_within_ms,
            only_known: rules.only_known,
        }
    }
}

impl From<&CampaignSeen> for CampaignView {
    fn from(seen: &CampaignSeen) -> Self {
        let CampaignSeen { id, senders, record, tally, .. } = seen;
        let plan = &record.plan;
        Self {
            id: id.to_string(),
            name: record.name.clone(),
            state: record.state.as_str(),
            reason: record.reason.map(CampaignReason::as_str),
            senders: senders.iter().map(|sender| sender.as_ref().map(ToString::to_string)).collect(),
            to: (&plan.to).into(),
            message: ContentView::new(&plan.load.content, plan.load.context.as_deref()),
            text: plan.text.as_ref().map(|text| CampaignTextView {
                body: text.body.clone(),
                strict: text.strict,
                defaults: text.defaults.clone(),
            }),
            template: plan.template.map(|id| id.to_string()),
            rotation: plan.rotation.as_str(),
            pace: plan.pace.into(),
            quiet_hours: plan.quiet.as_ref().map(QuietView::from),
            replies: (&plan.replies).into(),
            on_restriction: plan.on_restriction.as_str(),
            progress: tally.into(),
            gathered: record.gathering == wasup_store::records::Gathering::Done,
            created_at: Time::from_ms(record.created_ms),
            start_at: record.start_at_ms.map(Time::from_ms),
            started_at: record.started_ms.map(Time::from_ms),
            ended_at: record.ended_ms.map(Time::from_ms),
        }
    }
}

/// A recipient of a campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignRecipient)]
pub struct RecipientView {
    /// Their place, from 0.
    index: u32,
    /// The digits of their number.
    phone: String,
    /// What they are called.
    name: Option<String>,
    /// `pending`, `deferred` (they sleep), `queued`, `sent`, `delivered`, `read`, `failed`, `skipped` (left out by a rule) or
    /// `cancelled`.
    state: &'static str,
    /// The account that sends.
    account: Option<String>,
    /// Their message (`msg_…`).
    message: Option<String>,
    /// When their message was in each state.
    times: Option<MessageTimes>,
    /// When they first answered.
    replied_at: Option<Time>,
    /// Why they failed: `server` with the network's code, `no_ack`, `no_recipient`, `not_sendable`, `logged_out`,
    /// `account_gone`, `bad_item` (there is no text for them, see `detail`). Why they were left out: `opted_out`,
    /// `wrote_lately`, `never_wrote`, `replied`.
    reason: Option<ReasonView>,
    /// What is wrong with a bad one.
    detail: Option<String>,
}

impl RecipientView {
    /// The word of the state.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        self.state
    }

    /// Why, in a word, with the network's code where there is one.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let reason = self.reason.as_ref()?;
        Some(reason.server_code.map_or_else(|| reason.code.to_owned(), |code| format!("{} {code}", reason.code)))
    }

    /// What is wrong.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

/// Why an item of a job or a recipient of a campaign failed or was left out, in a word and, where there is more to say, in words.
#[must_use]
pub(super) fn trouble(trouble: Option<&ItemTrouble>) -> (Option<ReasonView>, Option<String>) {
    let (word, detail) = match trouble {
        None => return (None, None),
        Some(ItemTrouble::Message(reason)) => return (Some(ReasonView::from(*reason)), None),
        Some(ItemTrouble::Bad(why)) => ("bad_item", Some(why.clone())),
        Some(ItemTrouble::AccountGone) => ("account_gone", None),
        Some(ItemTrouble::OptedOut) => ("opted_out", None),
        Some(ItemTrouble::WroteLately) => ("wrote_lately", None),
        Some(ItemTrouble::NeverWrote) => ("never_wrote", None),
        Some(ItemTrouble::Replied) => ("replied", None),
    };
    (Some(ReasonView::word(word)), detail)
}

impl From<&RecipientSeen> for RecipientView {
    fn from(seen: &RecipientSeen) -> Self {
        let item = &seen.item;
        let (reason, detail) = trouble(item.trouble.as_ref());
        Self {
            index: seen.seq,
            phone: seen.contact.number.clone(),
            name: seen.contact.name.clone(),
            state: item.state.as_str(),
            account: seen.sender.as_ref().map(ToString::to_string),
            message: item.message.map(|id| id.to_string()),
            times: item.message.map(|_| MessageTimes::from(item.times)),
            replied_at: item.replied_ms.map(Time::from_ms),
            reason,
            detail,
        }
    }
}

/// What happened to recipients: a message that was read counts as sent and delivered, too.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CampaignCounts)]
pub(super) struct CountsView {
    sent: u32,
    delivered: u32,
    read: u32,
    replied: u32,
    failed: u32,
    skipped: u32,
}

impl From<CampaignCounts> for CountsView {
    fn from(counts: CampaignCounts) -> Self {
        let CampaignCounts { sent, delivered, read, replied, failed, skipped } = counts;
        Self { sent, delivered, read, replied, failed, skipped }
    }
}

/// What happened in a campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignStats)]
pub struct CampaignStatsView {
    /// The campaign's id.
    id: String,
    /// Where it stands.
    state: &'static str,
    /// How far it is.
    progress: CampaignProgressView,
    /// By the account.
    senders: Vec<CampaignSenderView>,
    /// By the hour, in which anything happened.
    hours: Vec<CampaignHourView>,
}

/// An account in a campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignSender)]
pub(super) struct CampaignSenderView {
    /// The account; `null` where it was deleted.
    account: Option<String>,
    #[serde(flatten)]
    counts: CountsView,
    /// While the campaign runs: `free`, `paced` (a limit or quiet hours, until `until`; the wait between two messages comes on
    /// top), `waiting` (its last message has no outcome, or is held), `offline`, `restricted` (by the network) or `gone`.
    now: Option<&'static str>,
    /// When it may go on, where that is known.
    until: Option<Time>,
}

impl From<&SenderSeen> for CampaignSenderView {
    fn from(seen: &SenderSeen) -> Self {
        let until = match seen.now {
            Some(SenderNow::NotBefore(at_ms)) => Some(Time::from_ms(at_ms)),
            _ => None,
        };
        Self {
            account: seen.account.as_ref().map(ToString::to_string),
            counts: seen.counts.into(),
            now: seen.now.map(SenderNow::as_str),
            until,
        }
    }
}

/// What happened in an hour.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CampaignHour)]
pub(super) struct CampaignHourView {
    /// When the hour begins.
    at: Time,
    #[serde(flatten)]
    counts: CountsView,
}

impl From<&CampaignStats> for CampaignStatsView {
    fn from(stats: &CampaignStats) -> Self {
        Self {
            id: stats.seen.id.to_string(),
            state: stats.seen.record.state.as_str(),
            progress: (&stats.seen.tally).into(),
            senders: stats.senders.iter().map(CampaignSenderView::from).collect(),
            hours: stats
                .hours
                .iter()
                .map(|(at_ms, counts)| CampaignHourView { at: Time::from_ms(*at_ms), counts: (*counts).into() })
                .collect(),
        }
    }
}

/// All campaigns together.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CampaignsOverview)]
pub struct CampaignsOverviewView {
    /// Campaigns in each state.
    campaigns: BTreeMap<&'static str, u32>,
    /// Recipients written down.
    recipients: u64,
    /// Those who answered.
    replied: u64,
    /// Recipients in each state.
    states: RecipientStatesView,
}

impl From<&CampaignsOverview> for CampaignsOverviewView {
    fn from(overview: &CampaignsOverview) -> Self {
        let states = CampaignState::ALL.iter().zip(overview.states);
        Self {
            campaigns: states.map(|(state, count)| (state.as_str(), count)).collect(),
            recipients: overview.recipients,
            replied: overview.replied,
            states: RecipientStatesView::new(|state| overview.items[state as usize]),
        }
    }
}

/// `campaign.state`.
#[derive(Serialize)]
pub(super) struct CampaignData<'a> {
    campaign: String,
    name: &'a str,
    state: &'static str,
    reason: Option<&'static str>,
    progress: CampaignProgressView,
}

impl<'a> From<&'a CampaignEvent> for CampaignData<'a> {
    fn from(event: &'a CampaignEvent) -> Self {
        Self {
            campaign: event.id.to_string(),
            name: &event.name,
            state: event.state.as_str(),
            reason: event.reason.map(CampaignReason::as_str),
            progress: (&event.tally).into(),
        }
    }
}
