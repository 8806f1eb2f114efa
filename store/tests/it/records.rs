//! The bytes of every kind of record, so that a change of its layout is never an accident.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasup_store::Tree;
use wasup_store::envelope;
use wasup_store::id::{
    AccountNo, CampaignId, ChatNo, EndpointId, Epoch, JobId, LinkNo, ListId, MediaId, MessageId, MessageKey, PersonNo,
    Position, ScheduleId, Seq, TemplateId, TenantNo,
};
use wasup_store::records::*;

use crate::support::{NOW, both, group, text};

/// Length and bytes; what is not printable is escaped.
fn bytes<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(record: &T) -> String {
    let value = envelope::seal_record(Tree::Meta, record).unwrap();
    assert_eq!(envelope::open_record::<T>(Tree::Meta, &value).unwrap(), *record);
    format!("{} bytes\n{}", value.len(), value.escape_ascii())
}

fn state() -> AccountState {
    AccountState {
        phase: Phase::BackingOff,
        reason: Reason::ConnectionLost,
        since_ms: NOW,
        retry_at_ms: Some(NOW + 5),
        user_action: UserAction::Wait,
    }
}

fn message() -> MessageRecord {
    MessageRecord {
        direction: Direction::Outbound,
        chat: both(900, 62),
        chat_no: ChatNo(3),
        sender: Some(both(901, 63)),
        sender_no: Some(PersonNo(4)),
        provider_id: "3EB0".into(),
        ts_ms: NOW,
        content: text("hi"),
        state: MessageState::Rejected,
        times: StateTimes { queued_ms: Some(1), sending_ms: Some(2), ended_ms: Some(3), ..StateTimes::default() },
        reason: Some(FailReason::Server { error: 400 }),
        lane: Lane::Bulk,
        tries: 2,
        client_message_id: Some("mine".into()),
        push_name: Some("Me".into()),
        context: None,
        secret: None,
        aftermath: wasup_store::records::Aftermath::default(),
        fleeting: false,
        run: None,
    }
}

fn event(kind: EventKind, data: EventData) -> EventRecord {
    EventRecord { kind, no: AccountNo(1), account: "a".parse().ok(), seq: Seq(2), at_ms: NOW, by: None, data }
}

#[test]
fn accounts() {
    let identity = Identity { jid: both(900, 62).jid, lid: Some(both(900, 62).jid), push_name: Some("Me".into()) };
    insta::assert_snapshot!(bytes(&AccountRecord {
        id: "a".parse().unwrap(),
        no: AccountNo(1),
        tenant: wasup_store::id::DEFAULT_TENANT,
        name: "A".into(),
        epoch: Epoch(2),
        link: LinkNo(3),
        desired: Desired::Running,
        state: state(),
        identity: Some(identity),
        number_since_ms: Some(NOW + 3),
        default_region: Some("ID".into()),
        autostart: false,
        metadata: Some("{}".into()),
        note: None,
        created_ms: NOW,
        outbox_paused: false,
        settings: AccountSettings {
            restart: RestartSettings { max_restarts: Some(2), ..RestartSettings::default() },
            pacing: PacingSettings { per_minute: Some(20), ..PacingSettings::default() },
            proxy: Some(ProxyAddress("socks5://127.0.0.1:1080".into())),
            device_name: Some("Till".into()),
            history: HistorySettings { days: Some(30), ..HistorySettings::default() },
        },
        source: AccountSource::File,
        restriction: Some(Restriction { code: 463, since_ms: NOW, until_ms: NOW + 1, told: true, refusals: 2 }),
        told: Some(Told { phase: Phase::Connected, at_ms: NOW, next_ms: Some(NOW + 2) }),
        leaving: true,
    }));
}

#[test]
fn timelines() {
    let by = Author { who: Who::RootKey, request_id: "r1".into() };
    let row = TimelineRecord {
        from: Phase::Connected,
        to: Phase::BackingOff,
        reason: Reason::Crashed,
        user_action: UserAction::Wait,
        retry_at_ms: Some(NOW),
        epoch: Epoch(7),
        cause: Some("broken invariant: the sending task ended".into()),
        by: Some(by),
    };
    let short = TimelineRecord { retry_at_ms: None, cause: None, by: None, ..row.clone() };
    insta::assert_snapshot!([bytes(&row), bytes(&short)].join("\n"));
}

#[test]
fn keeps() {
    let allowed = vec![AllowedNumber { phone: "6281".into(), active: true }];
    let limits = KeepLimits { age_ms: Some(1), messages: Some(2), bytes: None };
    let full = KeepRecord { policy: Some(KeepPolicy::Allowed), allowed, limits, erase_after_ms: Some(3), set_ms: NOW };
    let unkept = MessageRecord { content: Content::Erased, fleeting: true, ..message() };
    insta::assert_snapshot!([bytes(&full), bytes(&KeepRecord::default()), bytes(&unkept)].join("\n"));
}

#[test]
fn receipts() {
    let told = vec![(MessageState::Delivered, NOW), (MessageState::Read, NOW + 1)];
    insta::assert_snapshot!(bytes(&EarlyReceipt { provider_id: "3EB0".into(), told }));
}

#[test]
fn jobs() {
    let id = JobId::new(NOW, 7);
    let job = JobRecord {
        tenant: TenantNo(1),
        account: AccountNo(2),
        name: Some("May".into()),
        state: JobState::Failed,
        reason: Some(JobReason::AccountGone),
        handed_over: true,
        delay: DelayRange::default(),
        created_ms: NOW,
        started_ms: Some(NOW + 1),
        ended_ms: Some(NOW + 2),
    };
    let load = Load { content: text("hello"), context: None, client_message_id: Some("own".into()) };
    let item = RunItem {
        chat: Some(both(900, 62)),
        load: Some(Box::new(load)),
        state: ItemState::Pending,
        message: None,
        times: StateTimes::default(),
        trouble: None,
        sender: None,
        replied_ms: None,
    };
    let message = MessageId { account: AccountNo(2), key: MessageKey::new(NOW, 3) };
    let failed = RunItem {
        load: None,
        state: ItemState::Failed,
        message: Some(message),
        trouble: Some(ItemTrouble::Message(FailReason::NoAck)),
        ..item.clone()
    };
    let tally = RunTally {
        total: 9,
        next: 3,
        states: [0, 1, 2, 0, 0, 0, 6, 0, 0],
        stopped: Some((3, ItemState::Cancelled)),
        replied: 0,
    };
    let event = JobEvent { id, name: job.name.clone(), state: job.state, reason: job.reason, tally };
    let run = Some(RunRef { run: RunId::Job(id), seq: 4 });
    let of_job = MessageRecord { run, ..self::message() };
    insta::assert_snapshot!(
        [bytes(&job), bytes(&item), bytes(&failed), bytes(&tally), bytes(&EventData::Job(event)), bytes(&of_job)]
            .join("\n")
    );
}

#[test]
fn schedules() {
    let id = ScheduleId::new(NOW, 7);
    let load = Load { content: text("hello"), context: None, client_message_id: None };
    let message = ScheduleWhat::Message { chat: both(900, 62), load: Box::new(load) };
    let job = PlannedJob { name: Some("May".into()), delay: DelayRange::default(), items: 3, load: 5, rows: 1 };
    let once = ScheduleWhen::Once { at_ms: NOW + 9, zone: Some("Asia/Jakarta".into()) };
    let cron = ScheduleWhen::Cron { pattern: "0 9 * * *".into(), zone: "UTC".into() };
    let plan = SchedulePlan {
        name: None,
        when: once,
        start_ms: None,
        end_ms: None,
        missed: MissedPolicy::RunOnce,
        what: message,
        files: Vec::new(),
    };
    let plain = ScheduleRecord {
        tenant: TenantNo(1),
        account: AccountNo(2),
        plan: plan.clone(),
        state: ScheduleState::Active,
        reason: None,
        version: 1,
        next_ms: Some(NOW + 9),
        wake_ms: Some(NOW + 9),
        runs: 0,
        kept: 0,
        last_ms: None,
        created_ms: NOW,
        ended_ms: None,
    };
    let plan = SchedulePlan {
        name: Some("May".into()),
        when: cron,
        start_ms: Some(NOW),
        end_ms: Some(NOW + 99),
        missed: MissedPolicy::RunAll(3),
        what: ScheduleWhat::Job(job),
        files: vec![MediaId::new(NOW, 4)],
    };
    let full = ScheduleRecord {
        plan,
        state: ScheduleState::Ended,
        reason: Some(ScheduleReason::Done),
        next_ms: None,
        runs: 9,
        kept: 4,
        last_ms: Some(NOW + 50),
        ended_ms: Some(NOW + 50),
        ..plain.clone()
    };
    let sent = MessageId { account: AccountNo(2), key: MessageKey::new(NOW, 3) };
    let run = |outcome| ScheduleRun { at_ms: Some(NOW), ran_ms: NOW + 1, outcome };
    let runs = [
        run(RunOutcome::Message(sent)),
        ScheduleRun { at_ms: None, ..run(RunOutcome::Job(JobId::new(NOW, 1))) },
        run(RunOutcome::Missed { until_ms: NOW + 9, count: 2 }),
        run(RunOutcome::Failed(ScheduleReason::AccountGone)),
    ];
    let event = ScheduleEvent { id, name: None, no: 4, run: runs[0], next_ms: Some(NOW + 5) };
    let answer = IdempotencyRecord {
        body: [7; 32],
        message: None,
        job: None,
        schedule: Some((id, 4)),
        campaign: None,
        expires_ms: NOW,
    };
    let mut all = vec![bytes(&plain), bytes(&full), bytes(&EventData::Schedule(event)), bytes(&answer)];
    all.extend(runs.iter().map(bytes));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn campaigns() {
    let id = CampaignId::new(NOW, 8);
    let plan = CampaignPlan {
        load: Box::new(Load { content: text("hello"), context: None, client_message_id: None }),
        text: Some(CampaignText {
            body: "{{ name }}".into(),
            strict: true,
            defaults: [("name".to_owned(), "you".to_owned())].into(),
        }),
        template: Some(TemplateId::new(NOW, 9)),
        to: CampaignTo::Lists { lists: vec![ListId::new(NOW, 1)], tags: ["vip".to_owned()].into() },
        senders: vec![AccountNo(2), AccountNo(3)],
        rotation: Rotation::Random,
        pace: CampaignPace {
            gap_min_ms: 1,
            gap_max_ms: 2,
            per_minute: Some(3),
            per_hour: Some(4),
            per_day: None,
            warm_up: Some(WarmUp { start: 20, growth: 1.5 }),
        },
        quiet: Some(QuietHours { from_minute: 1_260, to_minute: 480, zone: QuietZone::Named("Asia/Jakarta".into()) }),
        replies: ReplyRules {
            stop_words: ["STOP".to_owned()].into(),
            skip_if_wrote_within_ms: Some(5),
            only_known: true,
        },
        on_restriction: OnRestriction::Pause,
    };
    let record = CampaignRecord {
        tenant: TenantNo(1),
        name: "May".into(),
        plan,
        state: CampaignState::Paused,
        reason: Some(CampaignReason::NoSender),
        gathering: Gathering::At("62".into()),
        seed: 6,
        created_ms: NOW,
        start_at_ms: Some(NOW + 1),
        started_ms: Some(NOW + 2),
        ended_ms: Some(NOW + 3),
    };
    let earlier = CampaignTo::Earlier { campaign: id, who: EarlierWho::Silent };
    let counts = CampaignCounts { sent: 6, delivered: 5, read: 4, replied: 3, failed: 2, skipped: 1 };
    let tally = RunTally { replied: 3, ..RunTally::default() };
    let event = CampaignEvent { id, name: record.name.clone(), state: record.state, reason: record.reason, tally };
    let rows = [bytes(&record), bytes(&earlier), bytes(&counts), bytes(&EventData::Campaign(event))];
    insta::assert_snapshot!(rows.join("\n"));
    // A tally of before there were campaigns.
    let old =
        rmp_serde::to_vec_named(&std::collections::BTreeMap::from([("states", [1_u32, 2, 3, 4, 5, 6, 7])])).unwrap();
    let read: RunTally = rmp_serde::from_slice(&old).unwrap();
    assert_eq!(read.states, [1, 2, 3, 4, 5, 6, 7, 0, 0]);
}

#[test]
fn messages() {
    insta::assert_snapshot!(bytes(&message()));
}

#[test]
fn contents() {
    let all = [text("hi"), Content::Unsupported { kind: "poll".into() }, Content::Unavailable];
    insta::assert_snapshot!(all.each_ref().map(bytes).join("\n"));
}

#[test]
fn reasons() {
    let all = [
        FailReason::Server { error: 463 },
        FailReason::NoAck,
        FailReason::LoggedOut,
        FailReason::NoRecipient,
        FailReason::NotSendable,
        FailReason::Paced,
    ];
    insta::assert_snapshot!(all.each_ref().map(bytes).join("\n"));
}

#[test]
fn chats_and_persons() {
    let settings =
        ChatSettings { archived: true, pinned_ms: Some(NOW), muted_until_ms: Some(u64::MAX), marked_unread: true };
    let chat = ChatRecord {
        participant: group(7),
        person: Some(PersonNo(1)),
        name: Some("Friends".into()),
        push_name: None,
        settings,
    };
    let person = PersonRecord {
        lid: Some(both(900, 62).jid),
        phone: Some(both(900, 62).jid),
        chat: Some(ChatNo(3)),
        heard: Some(true),
        ..PersonRecord::default()
    };
    insta::assert_snapshot!([bytes(&chat), bytes(&person)].join("\n"));
}

#[test]
fn counters() {
    let account =
        AccountCounters { seq: Seq(1), messages: 2, outbox: [1, 2, 3], held: 4, ..AccountCounters::default() };
    let endpoint = EndpointCounters {
        pending: 1,
        completed: 2,
        discarded: 3,
        failed_attempts: 4,
        wake_ms: Some(NOW),
        failing_since_ms: Some(NOW),
        oldest: Some(Position(9)),
    };
    let tenant = TenantCounters { accounts: 1, messages: 2, outbox: [1, 2, 3], held: 4, ..TenantCounters::default() };
    insta::assert_snapshot!([bytes(&account), bytes(&endpoint), bytes(&tenant)].join("\n"));
}

#[test]
fn deliveries() {
    let outcomes = [
        AttemptOutcome::Answered { status: 503 },
        AttemptOutcome::TimedOut,
        AttemptOutcome::Unreachable,
        AttemptOutcome::Forbidden,
        AttemptOutcome::Lost,
    ];
    let answer = AnswerBody {
        content_type: Some("text/plain".into()),
        body: Octets(b"ok".to_vec()),
        cut: true,
        elsewhere: true,
    };
    let mut attempts = outcomes.map(|outcome| Attempt::new(NOW, 5, outcome)).to_vec();
    attempts[0] = Attempt { n: 1, url: Some("http://a/".into()), answer: Some(answer), ..attempts[0].clone() };
    let record = DeliveryRecord {
        no: AccountNo(1),
        chat_no: Some(ChatNo(2)),
        state: DeliveryState::Discarded,
        due_ms: NOW,
        tries: 5,
        attempts,
        ended_ms: Some(NOW),
        why: Some(DiscardReason::Exhausted),
        ordered: true,
        queued_ms: NOW,
        earlier: 7,
        reply: Some(Reply::NotSent(NotSent::TooLong)),
    };
    insta::assert_snapshot!([bytes(&record), bytes(&DeliveryRecord::default())].join("\n"));
}

#[test]
fn endpoints() {
    let url = "https://example.org/hook".into();
    let plain = EndpointRecord::new(EndpointId::new(NOW, 7), AccountNo(1), url, vec![1, 2, 255], NOW);
    let range = |from, to| StatusRange { from, to };
    let full = EndpointRecord {
        name: Some("shop".into()),
        events: EventKind::ALL.to_vec(),
        retired: vec![RetiredSecret { secret: vec![3; 4], until_ms: NOW + 1 }],
        headers: vec![("x-shop".into(), "7".into())],
        filter: EventFilter { chats: vec!["1@g.us".into()], message_types: vec!["text".into()] },
        policy: DeliveryPolicy {
            timeout_ms: Some(5_000),
            schedule_ms: Some(vec![0, 1_000]),
            jitter_percent: Some(20),
            concurrency: Some(1),
            disable_after_ms: Some(60_000),
            statuses: Some(StatusRules {
                gone: vec![range(410, 410)],
                overloaded: vec![],
                refused: vec![range(400, 499)],
            }),
        },
        order: DeliveryOrder::Chat,
        reply: ReplyMode::Answer,
        off: Some(Off::Gone),
        ..plain.clone()
    };
    insta::assert_snapshot!([bytes(&plain), bytes(&full)].join("\n"));
}

fn author() -> Author {
    Author { who: Who::RootKey, request_id: "req_1".into() }
}

#[test]
fn acts() {
    let id = EndpointId::new(NOW, 7);
    let act =
        |act, account: Option<&str>| AuditRecord { by: author(), act, account: account.and_then(|id| id.parse().ok()) };
    let all = [
        act(Act::AccountCreated, Some("a")),
        act(Act::AccountStarted, Some("a")),
        act(Act::AccountStopped, Some("a")),
        act(Act::AccountReleased, Some("a")),
        act(Act::AccountDeleted, Some("a")),
        act(Act::AccountRestarted, Some("a")),
        act(Act::AccountLoggedOut, Some("a")),
        act(Act::AccountPairingCancelled, Some("a")),
        act(Act::AccountPairingCode, Some("a")),
        act(Act::AccountExpired, Some("a")),
        act(Act::EndpointSet(id), Some("a")),
        act(Act::EndpointRemoved(id), Some("a")),
        act(Act::EndpointReplayed(id), Some("a")),
        act(Act::ClockTrusted, None),
        act(Act::EndpointPaused(id), Some("a")),
        act(Act::EndpointResumed(id), Some("a")),
        act(Act::EndpointSecretRotated(id), None),
        act(Act::EndpointTested(id), None),
        act(Act::AccountChanged, Some("a")),
        act(Act::AccountDeclared, Some("a")),
        act(Act::AccountUndeclared, Some("a")),
    ];
    insta::assert_snapshot!(all.each_ref().map(bytes).join("\n"));
}

#[test]
fn events() {
    let id = MessageId { account: AccountNo(1), key: MessageKey::new(NOW, 2) };
    let message = message();
    let data = MessageEvent {
        id,
        provider_id: "3EB0".into(),
        direction: Direction::Inbound,
        chat: message.chat.clone(),
        sender: message.sender.clone(),
        push_name: Some("Me".into()),
        ts_ms: NOW,
        content: text("hi"),
        context: None,
    };
    let status = StatusEvent {
        id,
        provider_id: "3EB0".into(),
        chat: message.chat,
        state: MessageState::Held,
        reason: Some(FailReason::Server { error: 463 }),
        client_message_id: Some("mine".into()),
    };
    let all = [
        event(
            EventKind::AccountState,
            EventData::Account(AccountStateEvent { previous: Phase::Pairing, state: state() }),
        ),
        event(
            EventKind::AccountRestricted,
            EventData::Restricted(RestrictedEvent { active: true, code: 463, until_ms: Some(NOW + 1) }),
        ),
        event(EventKind::MessageReceived, EventData::Message(data)),
        event(EventKind::MessageStatus, EventData::Status(status)),
        event(EventKind::EndpointDisabled, EventData::Endpoint { id: "ep_1".into(), reason: "gone".into() }),
        event(EventKind::EndpointTest, EventData::Test { id: "ep_1".into() }),
        event(
            EventKind::DeliveryDiscarded,
            EventData::Discarded(DiscardedEvent {
                delivery: "dlv_1".into(),
                endpoint: "ep_1".into(),
                kind: EventKind::MessageReceived,
                position: Position(9),
                why: DiscardReason::Refused,
                status: Some(404),
                attempts: 1,
            }),
        ),
        EventRecord {
            no: AccountNo(0),
            account: None,
            by: Some(author()),
            ..event(EventKind::ServerClock, EventData::Clock(ClockEvent { trusted: false, jump_ms: -1 }))
        },
    ];
    insta::assert_snapshot!(all.each_ref().map(bytes).join("\n"));
}

#[test]
fn idempotency() {
    let message = MessageId { account: AccountNo(1), key: MessageKey::new(NOW, 2) };
    insta::assert_snapshot!(bytes(&IdempotencyRecord {
        body: [7; 32],
        message: Some(message),
        job: None,
        schedule: None,
        campaign: None,
        expires_ms: NOW
    }));
}

/// Every word that stands for a state, a kind or a code in stored records.
#[test]
fn words() {
    let words = |all: Vec<String>| all.join(" ");
    let phases = words(Phase::ALL.map(|phase| bytes(&phase).lines().last().unwrap().to_owned()).to_vec());
    let kinds = words(EventKind::ALL.map(|kind| bytes(&kind).lines().last().unwrap().to_owned()).to_vec());
    let lanes = words(Lane::ALL.map(|lane| bytes(&lane).lines().last().unwrap().to_owned()).to_vec());
    insta::assert_snapshot!([phases, kinds, lanes].join("\n"));
}
