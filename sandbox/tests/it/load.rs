//! What the network carries. Measurements, run by hand: `… -- --ignored --nocapture load`.

use crate::client::{network_with, paired};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(120);

fn report(what: &str, count: usize, took: Duration) {
    let rate = count as f64 / took.as_secs_f64();
    eprintln!("{what}: {count} in {:.2} s, {rate:.0}/s", took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn accounts_and_phones() {
    const ACCOUNTS: usize = 500;
    const MESSAGES: usize = 5_000;
    let network = network_with(|config| config.trace_limit = 0).await;
    let started = Instant::now();
    let phones: Vec<_> = (0..ACCOUNTS).map(|n| network.phone(&(15_550_000_000 + n).to_string())).collect();
    report("accounts made", ACCOUNTS, started.elapsed());
    let started = Instant::now();
    for n in 0..MESSAGES {
        let to = phones[(n + 1) % ACCOUNTS].number();
        phones[n % ACCOUNTS].send_text(to, "load").await.unwrap();
    }
    report("phone to phone", MESSAGES, started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn clients_to_phones() {
    const CLIENTS: usize = 20;
    const EACH: usize = 500;
    let network = network_with(|config| config.trace_limit = 0).await;
    let friend = network.phone("15559999999");
    let started = Instant::now();
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let phone = network.phone(&(15_550_000_000 + n).to_string());
        clients.push(paired(&network, &phone).await);
    }
    report("clients paired one after the other", CLIENTS, started.elapsed());
    let to = friend.jid();
    let started = Instant::now();
    let sends = clients.into_iter().map(|client| {
        let to = to.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                client.send_unacked(&to, &format!("load {n}")).await;
            }
            client
        })
    });
    let sends: Vec<_> = sends.collect();
    let wanted = (CLIENTS * EACH) as u64;
    friend.wait_for_counts(LONG, |counts| counts.shown == wanted).await.unwrap();
    report("clients to one phone", CLIENTS * EACH, started.elapsed());
    for send in sends {
        send.await.unwrap();
    }
    assert_eq!((friend.repeats(), network.violations()), (0, vec![]));
}
