//! Waits, calls and give-backs under a clock of the tests.

use super::*;

const S: Duration = Duration::from_secs(1);

fn permits(at_once: usize, per_minute: usize, jitter: Duration) -> Arc<ConnectPermits> {
    ConnectPermits::new(Limits { at_once, per_minute }, jitter)
}

fn seat(permits: &Arc<ConnectPermits>, urgent: bool) -> (Seat, Arc<Notify>) {
    let wake = Arc::new(Notify::new());
    (permits.seat(urgent, Arc::clone(&wake)), wake)
}

fn counts(permits: &ConnectPermits) -> (u64, u64, u64, u64) {
    let stats = permits.stats();
    (stats.in_flight, stats.waiting, stats.granted, stats.refused)
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_called_when_a_permit_is_given_back() {
    let permits = permits(1, 0, Duration::ZERO);
    let ((first, _), (second, wake)) = (seat(&permits, false), seat(&permits, false));
    let slot = PermitSlot::default();
    slot.keep(first.acquire().await.unwrap());
    let before = Instant::now();
    assert!(second.acquire().await.is_none());
    assert_eq!(before.elapsed(), LONGEST_WAIT);
    assert_eq!(counts(&permits), (1, 1, 1, 1), "it waits still");
    slot.release();
    wake.notified().await;
    let permit = second.acquire().await.unwrap();
    assert_eq!(counts(&permits), (1, 0, 2, 1));
    drop(permit);
    assert_eq!(counts(&permits), (0, 0, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_gone_does_not_swallow_the_call() {
    let permits = permits(1, 0, Duration::ZERO);
    let (holder, _) = seat(&permits, false);
    let held = holder.acquire().await.unwrap();
    let (gone, _) = seat(&permits, false);
    assert!(gone.acquire().await.is_none());
    let (waiting, wake) = seat(&permits, false);
    assert!(waiting.acquire().await.is_none());
    drop(gone);
    drop(held);
    wake.notified().await;
    assert!(waiting.acquire().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_called_and_does_not_come_holds_up_nobody_who_is_away_too() {
    let permits = permits(1, 0, Duration::ZERO);
    let (holder, _) = seat(&permits, false);
    let held = holder.acquire().await.unwrap();
    let ((deaf, _), (other, wake)) = (seat(&permits, false), seat(&permits, false));
    let (none, neither) = tokio::join!(deaf.acquire(), other.acquire());
    assert!(none.is_none() && neither.is_none());
    drop(held);
    let before = Instant::now();
    wake.notified().await;
    assert_eq!(before.elapsed(), 2 * S);
    assert!(other.acquire().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_keeps_its_place_and_loses_no_permit() {
    let permits = permits(1, 0, Duration::ZERO);
    let (holder, _) = seat(&permits, false);
    let held = holder.acquire().await.unwrap();
    let (early, wake) = seat(&permits, false);
    assert!(tokio::time::timeout(S, early.acquire()).await.is_err());
    assert_eq!(counts(&permits), (1, 1, 1, 0));
    let (late, _) = seat(&permits, false);
    drop(held);
    wake.notified().await;
    // Whoever stands at the door need not wait for one who was called; the next place is the called one's.
    let connect = async |seat: &Seat| drop(seat.acquire().await.unwrap());
    tokio::join!(connect(&early), connect(&late));
    assert_eq!(counts(&permits), (0, 0, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connect_begins_a_random_while_after_its_permit() {
    let permits = permits(1_000, 0, S);
    let mut waits = Vec::new();
    for _ in 0..200 {
        let before = Instant::now();
        let (seat, _) = seat(&permits, false);
        drop(seat.acquire().await.unwrap());
        waits.push(before.elapsed());
    }
    assert!(waits.iter().all(|wait| *wait <= S + Duration::from_millis(1)), "{waits:?}");
    let early = waits.iter().filter(|wait| **wait < S / 4).count();
    let late = waits.iter().filter(|wait| **wait > S * 3 / 4).count();
    assert!(early > 15 && late > 15, "not spread: {early} early, {late} late");
}

/// 300 accounts that all want to connect at once, again and again, as they do after an outage.
#[tokio::test(start_paused = true)]
async fn an_hour_of_outages_never_passes_the_limits_and_everyone_connects() {
    let (at_once, per_minute) = (7, 100);
    let permits = permits(at_once, per_minute, Duration::from_millis(100));
    let began = Arc::new(Mutex::new(Vec::new()));
    let most = Arc::new(AtomicU64::new(0));
    let mut accounts = tokio::task::JoinSet::new();
    for n in 0..300_u64 {
        let (permits, began, most) = (Arc::clone(&permits), Arc::clone(&began), Arc::clone(&most));
        accounts.spawn(async move {
            let (seat, wake) = seat(&permits, n % 10 == 0);
            let mut connected = 0;
            for outage in 0..12_u64 {
                tokio::time::sleep_until(start() + Duration::from_secs(300 * outage)).await;
                let mut permit = loop {
                    match seat.acquire().await {
                        Some(permit) => break permit,
                        // As the library waits, and as it is called.
                        None => drop(tokio::time::timeout(600 * S, wake.notified()).await),
                    }
                };
                permit.begin();
                began.lock().unwrap().push(Instant::now());
                most.fetch_max(permits.stats().in_flight, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100 + 7 * n)).await;
                connected += 1;
            }
            connected
        });
    }
    let connected: Vec<u64> = accounts.join_all().await;
    assert_eq!(connected.iter().sum::<u64>(), 300 * 12);
    assert!(most.load(Ordering::Relaxed) <= at_once as u64);
    let began = began.lock().unwrap();
    let too_many = began.windows(per_minute + 1).filter(|w| w[per_minute] - w[0] < 60 * S).count();
    assert_eq!(too_many, 0, "of {}", began.len());
    assert_eq!((permits.stats().in_flight, permits.stats().waiting), (0, 0));
}

/// The first moment of the paused clock that every task of a test sees alike.
fn start() -> Instant {
    thread_local!(static START: Instant = Instant::now());
    START.with(|start| *start)
}

#[tokio::test(start_paused = true)]
async fn an_old_socket_does_not_give_back_the_permit_of_the_next_one() {
    let permits = permits(2, 0, Duration::ZERO);
    let (account, _) = seat(&permits, false);
    let slot = PermitSlot::default();
    let first = slot.keep(account.acquire().await.unwrap());
    slot.give_back(first);
    let second = slot.keep(account.acquire().await.unwrap());
    slot.give_back(first);
    assert_eq!(permits.stats().in_flight, 1, "it belongs to the second socket");
    slot.give_back(second);
    assert_eq!(permits.stats().in_flight, 0);
}
