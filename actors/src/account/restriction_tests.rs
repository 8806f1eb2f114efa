use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const HOUR_MS: Millis = 3_600_000;
const NOW: Millis = 1_000_000_000;

fn since(code: u16, until_ms: Millis, told: bool, refusals: u32) -> Restriction {
    Restriction { code, since_ms: NOW, until_ms, told, refusals }
}

#[test]
fn what_follows_from_what() {
    use Fact::{ColdSent, NothingHeld, Refused};
    let told = |active, until_ms| Fact::Told { active, until_ms };
    let (first, over) = (since(463, NOW + HOUR_MS, false, 1), since(463, NOW, false, 1));
    let confirmed = Restriction { told: true, ..first };
    for (name, before, fact, expected) in [
        ("a refusal begins one", None, Refused(475), Some(since(475, NOW + HOUR_MS, false, 1))),
        ("so does the network's word", None, told(true, Some(NOW + 5)), Some(since(463, NOW + 5, true, 1))),
        ("a term that is over is none", None, told(true, Some(NOW)), Some(since(463, NOW + HOUR_MS, true, 1))),
        ("no word, no restriction", None, told(false, None), None),
        ("an accepted message is nothing new", None, ColdSent, None),
        ("what was on the wire is refused too", Some(first), Refused(463), Some(first)),
        ("what was on the wire may be accepted", Some(first), ColdSent, Some(first)),
        ("a term is waited for though nothing is held", Some(first), NothingHeld, Some(first)),
        ("a contradiction is not believed", Some(first), told(false, None), Some(first)),
        ("its term is the network's own", Some(first), told(true, Some(NOW + 9)), Some(since(463, NOW + 9, true, 1))),
        ("a word without a term", Some(first), told(true, None), Some(confirmed)),
        ("who told of it lifts it", Some(confirmed), told(false, None), Some(since(463, NOW, false, 1))),
        ("the first trial is refused", Some(over), Refused(475), Some(since(475, NOW + 2 * HOUR_MS, false, 2))),
        ("a trial is accepted", Some(over), ColdSent, None),
        ("nobody has to try", Some(over), NothingHeld, None),
        ("over, and the network agrees", Some(over), told(false, None), Some(over)),
        ("over, and the network does not", Some(over), told(true, Some(NOW + 9)), Some(since(463, NOW + 9, true, 1))),
        ("over, and it knows no term", Some(over), told(true, None), Some(since(463, NOW + HOUR_MS, true, 1))),
        (
            "never longer than a day",
            Some(since(463, NOW, false, 9)),
            Refused(463),
            Some(since(463, NOW + 24 * HOUR_MS, false, 10)),
        ),
    ] {
        assert_eq!(after(before, fact, HOUR, NOW), expected, "{name}");
    }
}

#[test]
fn terms_double_up_to_a_day() {
    let mut found = Vec::new();
    let (mut current, mut now) = (None, NOW);
    for _ in 0..8 {
        current = after(current, Fact::Refused(463), HOUR, now);
        let until_ms = current.unwrap().until_ms;
        found.push((until_ms - now) / HOUR_MS);
        now = until_ms;
    }
    assert_eq!(found, [1, 2, 4, 8, 16, 24, 24, 24]);
    assert_eq!(current.unwrap().since_ms, NOW);
}

#[test]
fn changes_are_told_apart() {
    let one = since(463, NOW + 5, false, 1);
    for (before, after, expected) in [
        (None, None, None),
        (None, Some(one), Some(Change::Begun)),
        (Some(one), Some(one), None),
        (Some(one), Some(Restriction { until_ms: NOW + 6, ..one }), Some(Change::Moved)),
        (Some(one), Some(Restriction { until_ms: NOW + 4, ..one }), Some(Change::Moved)),
        (Some(one), Some(Restriction { until_ms: NOW, ..one }), Some(Change::Noted)),
        (Some(one), Some(Restriction { told: true, ..one }), Some(Change::Noted)),
        (Some(one), None, Some(Change::Lifted)),
    ] {
        assert_eq!(change(before, after, NOW), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_term_the_network_is_asked_before_anything_tries() {
    let (mut question, now, r) = (Question::default(), Instant::now(), since(463, NOW, false, 1));
    let allowed = |question: &Question, r, trying, now_ms, now| question.allowed(r, trying, now_ms, now);
    assert_eq!(allowed(&question, None, 9, NOW, now), Allowed::All);
    assert_eq!(allowed(&question, Some(r), 0, NOW - 1, now), Allowed::NotBefore(NOW));
    assert_eq!(allowed(&question, Some(r), 0, NOW, now), Allowed::AskFirst);
    question.ask(r, now);
    assert_eq!(allowed(&question, Some(r), 0, NOW, now), Allowed::Answering(now + PATIENCE));
    assert_eq!(allowed(&question, Some(r), 0, NOW, now + PATIENCE), Allowed::Probes(PROBES));
    assert_eq!(allowed(&question, Some(r), 2, NOW, now + PATIENCE), Allowed::Probes(PROBES - 2));
    assert_eq!(allowed(&question, Some(r), 9, NOW, now + PATIENCE), Allowed::Probes(0));
    // A new term is a new question.
    let next = since(463, NOW + 7, false, 2);
    assert_eq!(allowed(&question, Some(next), 0, NOW + 7, now + PATIENCE), Allowed::AskFirst);
    // An answer is waited for no longer than it takes.
    question.answered(Some(r), now);
    assert_eq!(allowed(&question, Some(r), 0, NOW, now), Allowed::Probes(PROBES));
}
