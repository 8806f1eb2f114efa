use std::collections::HashSet;
use std::fmt::Write as _;

use wasup_actors::supervision::CrashKind;
use wasup_actors::{
    AttemptResult, Branch, DeliveryOutcome, PrunedRows, Refusal, RowOutcome, ScheduleOutcome, SendOutcome,
};
use wasup_sessions::meters::Arrived;
use wasup_sessions::ports::DisconnectReason;
use wasup_store::records::{Content, ImportEnd, Lane, Phase, Reason, UserAction};

use super::*;

/// The table as people read it: what a name means is a promise to every board and alert that somebody made.
#[test]
fn the_catalogue_is_as_it_was() {
    let mut text = String::new();
    for family in catalogue() {
        let kind = match family.kind {
            Kind::Histogram(cut) => format!("histogram {cut:?} {:?}", cut.seconds()),
            other => other.as_str().to_owned(),
        };
        writeln!(text, "{} ({kind})\n    {}", family.name, family.help).unwrap();
        for label in family.labels {
            let words = match &label.values {
                Values::Of(words) => words.join(", "),
                other => format!("{other:?}"),
            };
            writeln!(text, "    {} = {words}", label.name).unwrap();
        }
    }
    insta::assert_snapshot!("catalogue", text);
}

#[test]
fn names_follow_the_rules_and_stand_once() {
    let mut names = HashSet::new();
    for Family { name, kind, help, labels } in catalogue() {
        assert!(names.insert(*name), "{name} stands twice");
        assert!(name.starts_with("wasup_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        if let Kind::Histogram(cut) = kind {
            assert!(*cut == Cut::Store || name.ends_with("_seconds"), "{name}");
            assert!(cut.seconds().windows(2).all(|pair| pair[0] < pair[1]), "{name}");
        }
        assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        let labels: HashSet<_> = labels.iter().map(|label| label.name).collect();
        assert!(!labels.contains("le") && !labels.contains("job") && !labels.contains("instance"), "{name}");
    }
}

#[test]
fn labels_say_what_the_types_say() {
    let values = |family: &Family, label: &str| {
        let found = family.labels.iter().find(|known| known.name == label).unwrap();
        match &found.values {
            Values::Of(values) => values.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    let words = |all: &[&'static str]| all.to_vec();
    assert_eq!(values(&ACCOUNTS, "phase"), words(&Phase::ALL.map(Phase::as_str)));
    assert_eq!(values(&STATE_CHANGES, "phase"), words(&Phase::ALL.map(Phase::as_str)));
    assert_eq!(values(&REASONS_OF, "reason"), words(&Reason::ALL.map(Reason::as_str)));
    assert_eq!(values(&USER_ACTIONS, "action"), words(&UserAction::ALL.map(UserAction::as_str)));
    assert_eq!(values(&OUTBOX, "lane"), words(&Lane::ALL.map(Lane::as_str)));
    assert_eq!(values(&MESSAGES_SEEN, "type"), words(&Content::KINDS));
    assert_eq!(values(&ARRIVED, "outcome"), words(&Arrived::ALL.map(Arrived::as_str)));
    assert_eq!(values(&RECONNECTS, "reason"), words(&DisconnectReason::ALL.map(DisconnectReason::as_str)));
    assert_eq!(values(&RESTARTS, "reason"), words(&CrashKind::ALL.map(CrashKind::as_str)));
    assert_eq!(values(&BRANCH_RESTARTS, "branch"), words(&Branch::ALL.map(Branch::as_str)));
    let all: Vec<_> = SendOutcome::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&SENDS, "outcome"), all);
    let all: Vec<_> = AttemptResult::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&ATTEMPTS, "outcome"), all);
    let all: Vec<_> = DeliveryOutcome::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&DELIVERIES, "outcome"), all);
    let all: Vec<_> = PrunedRows::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&PRUNED, "rows"), all);
    let all: Vec<_> = RowOutcome::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&IMPORT_ROWS, "outcome"), all);
    assert_eq!(values(&IMPORTS_ENDED, "outcome"), words(&ImportEnd::ALL.map(ImportEnd::as_str)));
    let all: Vec<_> = ScheduleOutcome::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&SCHEDULES, "outcome"), all);
    let all: Vec<_> = Refusal::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(values(&REFUSALS, "limit"), all);
}
