//! What must hold whatever happens.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{AccountId, AccountNo, Position};
use wasup_store::records::{
    AccountRecord, AccountState, Content, Desired, EventData, MessageState, Phase, Reason, UserAction,
};
use wasup_store::repo::{message, timeline};

use super::world::Chaos;
use crate::tests::network::Network;
use crate::tests::world::verify;

/// After this long a stop is carried out, whatever hung.
const STOPPED: Duration = Duration::from_secs(25);

/// What was seen so far.
#[derive(Default)]
pub(super) struct Laws {
    /// The newest event that was looked at.
    seen: Position,
    /// What the newest event says of each account.
    told: HashMap<AccountId, (Phase, Reason)>,
    /// When a supervisor began that knows nothing of earlier restarts.
    forgotten: u64,
    /// When each account was last started or released by somebody.
    forgiven: HashMap<AccountId, u64>,
    /// Since when an account is not wanted, and how many links it had when its stop was carried out.
    unwanted: HashMap<AccountNo, (Instant, Option<usize>)>,
    /// What each id of the network said when it was first on a wire.
    texts: HashMap<String, String>,
    /// Links whose wire was read to its end.
    read: HashMap<AccountNo, usize>,
}

impl Laws {
    /// A new supervisor knows nothing of earlier restarts.
    pub(super) fn forget_history(&mut self, now_ms: u64) {
        self.forgotten = now_ms;
    }

    /// Somebody started or released the account.
    pub(super) fn forgive(&mut self, id: &AccountId, now_ms: u64) {
        self.forgiven.insert(id.clone(), now_ms);
    }

    pub(super) fn after_shutdown(&mut self, network: &Network) {
        assert_eq!(network.overlaps.load(Ordering::SeqCst), 0, "two links of one account");
        for no in (1..16).map(AccountNo) {
            assert!(network.links(no).iter().all(|link| !link.is_open()), "a link outlives the tree");
        }
    }
}

/// Whether a state says what a human needs to know.
fn speaks(state: &AccountState, now_ms: u64) -> bool {
    let (retry, action) = (state.retry_at_ms, state.user_action);
    let plain = state.since_ms > 0 && state.since_ms <= now_ms;
    plain
        && match state.phase {
            Phase::BackingOff => retry.is_some() && state.reason != Reason::Requested,
            Phase::Quarantined => state.reason == Reason::RestartBudget && action == UserAction::Release,
            Phase::Reconnecting => state.reason != Reason::Requested,
            Phase::LoggedOut => action != UserAction::None,
            Phase::Replaced => action != UserAction::None && state.reason == Reason::StreamReplaced,
            Phase::Banned => state.reason == Reason::TemporaryBan && retry.is_some() || action == UserAction::OpenPhone,
            Phase::Outdated => state.reason == Reason::ClientOutdated,
            Phase::Pairing => action != UserAction::None,
            Phase::Stopped | Phase::Connecting | Phase::Connected => true,
        }
}

impl Chaos {
    /// What must hold at any moment in which nothing happens.
    pub(super) async fn check(&mut self) {
        assert_eq!(self.network.overlaps.load(Ordering::SeqCst), 0, "two links of one account");
        self.check_events().await;
        for at in 0..self.accounts.len() {
            let record = self.record(at).await;
            let open = self.network.links(record.no).iter().filter(|link| link.is_open()).count();
            assert!(open <= 1, "{} has {open} links", record.id);
            assert!(speaks(&record.state, self.now_ms()), "{} says nothing: {:?}", record.id, record.state);
            self.check_stop(&record, open);
            self.check_restarts(record.no, &record.id).await;
        }
        self.check_sends().await;
    }

    fn check_stop(&mut self, record: &AccountRecord, open: usize) {
        if record.desired == Desired::Running || !self.wishes.is_empty() {
            self.laws.unwanted.remove(&record.no);
            return;
        }
        let links = self.network.links(record.no).len();
        let (since, settled) = self.laws.unwanted.entry(record.no).or_insert((Instant::now(), None));
        match settled {
            None if since.elapsed() >= STOPPED => {
                assert_eq!(open, 0, "{} was stopped and still has a link", record.id);
                *settled = Some(links);
            }
            Some(before) => assert_eq!((*before, open), (links, 0), "{} was stopped and has a new link", record.id),
            None => {}
        }
    }

    async fn check_events(&mut self) {
        for (position, event) in self.news(self.laws.seen).await {
            self.laws.seen = position;
            if let (Some(id), EventData::Account(change)) = (event.account, event.data) {
                self.laws.told.insert(id, (change.state.phase, change.state.reason));
            }
        }
    }

    /// The timeline has every restart, also those that were never told.
    async fn check_restarts(&mut self, no: AccountNo, id: &AccountId) {
        let policy = self.settings.supervision.account_policy();
        let within_ms = u64::try_from(policy.within.as_millis()).unwrap();
        let from = self.laws.forgiven.get(id).copied().unwrap_or(0).max(self.laws.forgotten);
        let entries = self.store.read(|tx| timeline::list(tx, no, None, 1_000)).await.unwrap();
        let crashes = entries.iter().filter(|(_, entry)| entry.to == Phase::BackingOff);
        let mut times: Vec<u64> = crashes.map(|((at_ms, _), _)| *at_ms).filter(|at| *at > from).collect();
        times.sort_unstable();
        let most = policy.max_restarts as usize;
        let crowded = times.windows(most + 1).find(|window| window[0] + within_ms > window[most]);
        assert_eq!(crowded, None, "{id} is restarted too often");
    }

    async fn check_sends(&mut self) {
        for at in 0..self.accounts.len() {
            let no = self.record(at).await.no;
            let wire = self.network.wire(no);
            let from = self.laws.read.insert(no, wire.len()).unwrap_or(0);
            for message in wire.into_iter().skip(from) {
                let Content::Text { body, .. } = message.content else { panic!("{:?}", message.content) };
                let first = self.laws.texts.entry(message.provider_id).or_insert_with(|| body.clone());
                assert_eq!(*first, body, "one id of the network for two messages");
            }
        }
        for sent in &mut self.sent {
            let found = self.store.read(|tx| message::get(tx, sent.id)).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("{} is lost", sent.body));
            assert_eq!(found.provider_id, sent.provider_id, "{} changed its id", sent.body);
            let (before, now) = (sent.state, found.state);
            let proven = before == MessageState::Failed && now.advance(MessageState::Sent) != Some(MessageState::Sent);
            let forward = before.advance(now) == Some(now);
            assert!(
                !before.is_settled() || before == now || forward || proven,
                "{} went from {before:?} to {now:?}",
                sent.body
            );
            if matches!(now, MessageState::Sent | MessageState::Delivered | MessageState::Read | MessageState::Played) {
                let text = self.laws.texts.get(&sent.provider_id);
                assert_eq!(text, Some(&sent.body), "{} is {now:?} and was never on a wire", sent.body);
            }
            if now == MessageState::Held {
                assert!(found.reason.is_some(), "{} is held without a reason", sent.body);
            }
            sent.state = now;
        }
    }

    /// What must hold once everything is healed and quiet.
    pub(super) async fn check_whole(&mut self) {
        self.check().await;
        for at in 0..self.accounts.len() {
            let record = self.record(at).await;
            assert_eq!(record.state.phase, Phase::Connected, "{}: {:?}", record.id, record.state);
            assert_eq!(record.restriction, None, "{} stays restricted", record.id);
            let told = self.laws.told.get(&record.id).copied();
            assert_eq!(told, Some((record.state.phase, record.state.reason)), "the newest event is not the state");
        }
        for sent in &self.sent {
            assert!(sent.state.is_settled(), "{} is {:?} for ever", sent.body, sent.state);
        }
        verify(&*self.engine);
    }
}
