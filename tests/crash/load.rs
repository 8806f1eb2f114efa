//! Load in both directions that goes on through the kills, and the books of what was acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt as _;
use tokio::task::JoinSet;
use wasup::demo::client::ApiClient;
use wasup_sandbox::Phone;

use crate::world::World;

/// A send that got its 202.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) text: String,
    /// The phone it went to.
    pub(crate) to: String,
}

/// A message that the network accepted from a phone.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) account: String,
    pub(crate) text: String,
    pub(crate) id: String,
}

/// What was acknowledged to somebody.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) accepted: Mutex<Vec<Accepted>>,
    pub(crate) written: Mutex<Vec<Written>>,
}

/// Milliseconds between two messages of one writer, from and to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    pub(crate) send: (u64, u64),
    pub(crate) write: (u64, u64),
}

pub(crate) struct Load {
    books: Arc<Books>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    pub(crate) fn begin(world: &World) -> Self {
        Self::begin_with(world, Pauses { send: (5, 40), write: (5, 40) })
    }

    pub(crate) fn begin_with(world: &World, pauses: Pauses) -> Self {
        let (books, stop) = (Arc::<Books>::default(), Arc::<AtomicBool>::default());
        let mut tasks = JoinSet::new();
        for (n, (id, _)) in world.accounts.iter().enumerate() {
            let next = &world.accounts[(n + 1) % world.accounts.len()].1;
            let to = [&world.strangers[n % world.strangers.len()], next].map(|phone| phone.number().to_owned());
            let books = (Arc::clone(&books), Arc::clone(&stop));
            tasks.spawn(send(world.api.clone(), id.clone(), to, books, pauses.send));
        }
        for (n, phone) in world.strangers.iter().enumerate() {
            let to: Vec<_> = world.accounts.iter().map(|(id, phone)| (id.clone(), phone.number().to_owned())).collect();
            let books = (Arc::clone(&books), Arc::clone(&stop));
            tasks.spawn(write(phone.clone(), n, to, books, pauses.write));
        }
        Self { books, stop, tasks }
    }

    /// Ends the load. Sends without an answer are repeated until they have one, so it needs a gateway that is ready.
    pub(crate) async fn end(mut self) -> Arc<Books> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.books
    }
}

/// What is written down, and when to stop.
type Desk = (Arc<Books>, Arc<AtomicBool>);

async fn pause((from, to): (u64, u64)) {
    let span = rand::rng().random_range(from..to);
    tokio::time::sleep(Duration::from_millis(span)).await;
}

async fn send(api: ApiClient, account: String, to: [String; 2], (books, stop): Desk, between: (u64, u64)) {
    for n in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (text, to) = (format!("out {account} {n}"), &to[n % to.len()]);
        // A request that died with the process is repeated with its key: accepted before or not, it goes out once.
        let message = loop {
            match api.send(&account, to, &text, &text.replace(' ', "-")).await {
                Ok(message) => break message,
                Err(_) => pause((10, 60)).await,
            }
        };
        let accepted = Accepted { account: account.clone(), id: message.id, text, to: to.clone() };
        books.accepted.lock().unwrap().push(accepted);
        pause(between).await;
    }
}

async fn write(phone: Phone, n: usize, to: Vec<(String, String)>, (books, stop): Desk, between: (u64, u64)) {
    for m in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (account, number) = &to[m % to.len()];
        let text = format!("in {n} {m}");
        let id = phone.send_text(number, &text).await.unwrap();
        books.written.lock().unwrap().push(Written { account: account.clone(), text, id });
        pause(between).await;
    }
}
