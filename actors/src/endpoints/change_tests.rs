use wasup_store::id::{AccountNo, EndpointId};
use wasup_store::records::{EventFilter, StatusRange};

use super::*;

fn plain() -> EndpointRecord {
    EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![7; 32], 1)
}

fn rules() -> StatusRules {
    StatusRules { gone: vec![StatusRange { from: 404, to: 404 }], ..StatusRules::default() }
}

/// Every setting away from its default.
fn full() -> EndpointRecord {
    EndpointRecord {
        name: Some("crm".into()),
        events: vec![EventKind::MessageReceived],
        filter: EventFilter { chats: vec!["1@g.us".into()], message_types: vec!["text".into()] },
        headers: vec![("authorization".into(), "Bearer a".into()), ("x-shop".into(), "7".into())],
        policy: DeliveryPolicy {
            timeout_ms: Some(5_000),
            schedule_ms: Some(vec![0, 1]),
            jitter_percent: Some(0),
            concurrency: Some(1),
            disable_after_ms: Some(0),
            statuses: Some(rules()),
        },
        order: DeliveryOrder::Chat,
        reply: ReplyMode::Answer,
        media: FilesAs::None,
        ..plain()
    }
}

fn changed(mut record: EndpointRecord, change: &EndpointChange) -> EndpointRecord {
    change.apply(&mut record);
    record
}

#[test]
fn an_empty_change_changes_nothing() {
    for record in [plain(), full()] {
        assert_eq!(changed(record.clone(), &EndpointChange::default()), record);
    }
}

#[test]
fn each_setting_is_changed_alone_and_goes_back_to_its_default() {
    let none = EndpointChange::default;
    let policy = |policy| EndpointChange { policy, ..none() };
    let no = PolicyChange::default;
    let with = |change: &dyn Fn(&mut EndpointRecord)| {
        let mut record = full();
        change(&mut record);
        record
    };
    let header = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let merge = |list: &[(String, Option<String>)]| Some(HeaderChange::Merge(list.to_vec()));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    #[rustfmt::skip]
    let table: Vec<(EndpointChange, EndpointRecord)> = vec![
        (EndpointChange { name: Some(Some("b".into())), ..none() }, with(&|r| r.name = Some("b".into()))),
        (EndpointChange { name: Some(None), ..none() }, with(&|r| r.name = None)),
        (EndpointChange { url: Some("http://b/".into()), ..none() }, with(&|r| r.url = "http://b/".into())),
        (EndpointChange { events: Some(vec![EventKind::AccountState]), ..none() }, with(&|r| r.events = vec![EventKind::AccountState])),
        (EndpointChange { events: Some(vec![]), ..none() }, with(&|r| r.events = vec![])),
        (EndpointChange { chats: Some(vec![]), ..none() }, with(&|r| r.filter.chats = vec![])),
        (EndpointChange { message_types: Some(vec![]), ..none() }, with(&|r| r.filter.message_types = vec![])),
        (EndpointChange { order: Some(DeliveryOrder::None), ..none() }, with(&|r| r.order = DeliveryOrder::None)),
        (EndpointChange { reply: Some(ReplyMode::Off), ..none() }, with(&|r| r.reply = ReplyMode::Off)),
        (EndpointChange { media: Some(FilesAs::Base64), ..none() }, with(&|r| r.media = FilesAs::Base64)),
        (EndpointChange { headers: Some(HeaderChange::Clear), ..none() }, with(&|r| r.headers = vec![])),
        (EndpointChange { headers: merge(&[]), ..none() }, full()),
        (EndpointChange { headers: merge(&[header("x-shop", None), header("x-none", None)]), ..none() },
            with(&|r| { r.headers.pop(); })),
        (EndpointChange { headers: merge(&[header("authorization", Some("Bearer b")), header("x-a", Some("1"))]), ..none() },
            with(&|r| r.headers = vec![pair("authorization", "Bearer b"), pair("x-a", "1"), pair("x-shop", "7")])),
        (policy(PolicyChange { timeout_ms: Some(Some(9)), ..no() }), with(&|r| r.policy.timeout_ms = Some(9))),
        (policy(PolicyChange { timeout_ms: Some(None), ..no() }), with(&|r| r.policy.timeout_ms = None)),
        (policy(PolicyChange { schedule_ms: Some(None), ..no() }), with(&|r| r.policy.schedule_ms = None)),
        (policy(PolicyChange { jitter_percent: Some(None), ..no() }), with(&|r| r.policy.jitter_percent = None)),
        (policy(PolicyChange { concurrency: Some(None), ..no() }), with(&|r| r.policy.concurrency = None)),
        (policy(PolicyChange { disable_after_ms: Some(None), ..no() }), with(&|r| r.policy.disable_after_ms = None)),
        (policy(PolicyChange { statuses: Some(None), ..no() }), with(&|r| r.policy.statuses = None)),
        (policy(PolicyChange::reset()), with(&|r| r.policy = DeliveryPolicy::default())),
    ];
    for (at, (change, expected)) in table.into_iter().enumerate() {
        let got = changed(full(), &change);
        assert!(got == expected, "line {at}: {change:?}");
    }
}

#[test]
fn a_change_says_nothing_of_addresses_and_headers() {
    let headers = Some(HeaderChange::Merge(vec![("authorization".into(), Some("Bearer s3cret".into()))]));
    let change = EndpointChange { url: Some("http://s3cret/".into()), headers, ..EndpointChange::default() };
    assert!(!format!("{change:?}").contains("s3cret"));
}
