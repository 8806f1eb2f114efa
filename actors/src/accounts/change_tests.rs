use wasup_store::id::{AccountNo, DEFAULT_TENANT, Epoch, LinkNo};
use wasup_store::records::{AccountSettings, AccountSource, AccountState, ProxyAddress};

use super::*;

fn record(desired: Desired) -> AccountRecord {
    AccountRecord {
        id: "a".parse().unwrap(),
        no: AccountNo(1),
        tenant: DEFAULT_TENANT,
        name: String::new(),
        epoch: Epoch(1),
        link: LinkNo(1),
        desired,
        state: AccountState { phase: Phase::Connected, ..AccountState::default() },
        identity: None,
        number_since_ms: None,
        default_region: None,
        autostart: true,
        metadata: None,
        note: None,
        created_ms: 0,
        outbox_paused: false,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        restriction: None,
        told: None,
        leaving: false,
    }
}

#[test]
fn each_difference_is_named_with_its_time() {
    type Change = fn(&mut AccountRecord);
    let cases: [(Change, Setting, Effect); 10] = [
        (|record| record.name = "x".into(), Setting::Name, Effect::Now),
        (|record| record.default_region = Some("ID".into()), Setting::DefaultRegion, Effect::Now),
        (|record| record.autostart = false, Setting::Autostart, Effect::NextStart),
        (|record| record.metadata = Some("{}".into()), Setting::Metadata, Effect::Now),
        (|record| record.settings.restart.max_restarts = Some(1), Setting::Restart, Effect::Now),
        (|record| record.settings.pacing.per_minute = Some(1), Setting::Pacing, Effect::Now),
        (
            |record| record.settings.proxy = Some(ProxyAddress("http://a:1".into())),
            Setting::Proxy,
            Effect::Reconnecting,
        ),
        (|record| record.settings.device_name = Some("Till".into()), Setting::DeviceName, Effect::NextPairing),
        (|record| record.settings.history.days = Some(3), Setting::History, Effect::NextPairing),
        (|record| record.source = AccountSource::File, Setting::Source, Effect::Now),
    ];
    for (change, setting, effect) in cases {
        let before = record(Desired::Running);
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(effects(&before, &after), [(setting, effect)]);
        assert_eq!(effects(&after, &after), []);
    }
}

#[test]
fn nobody_connects_an_account_that_is_to_stand_still() {
    for (desired, phase) in [(Desired::Stopped, Phase::Stopped), (Desired::Running, Phase::LoggedOut)] {
        let mut before = record(desired);
        before.state.phase = phase;
        let mut after = before.clone();
        after.settings.proxy = Some(ProxyAddress("http://a:1".into()));
        assert_eq!(effects(&before, &after), [(Setting::Proxy, Effect::NextConnect)]);
    }
}
