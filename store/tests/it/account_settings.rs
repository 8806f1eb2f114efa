//! What is set for an account: changed, declared, withdrawn.

use wasup_store::id::{DEFAULT_TENANT, TenantNo};
use wasup_store::records::{AccountRecord, AccountSource, Act, Desired, ProxyAddress, Who};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::account_settings::{
    self, AccountPatch, ChangeError, Changed, Conflict, Declaration, SettingsPatch,
};
use wasup_store::repo::audit;
use wasup_store::{Durability, Principal, Store, StoreError, WriteTx};

use crate::support::{NOW, memory, new_account, read};

fn config(tenant: u32) -> Principal {
    Principal { tenant: TenantNo(tenant), who: Who::Config, request_id: "accounts-file".into() }
}

async fn by<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    store: &Store,
    write: impl Fn(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    store.write_by(&config(1), Durability::Durable, write).await
}

async fn change(store: &Store, patch: AccountPatch) -> Result<Option<Changed>, ChangeError> {
    by(store, move |tx| account_settings::change(tx, &"a".parse().unwrap(), &patch, NOW)).await
}

async fn declare(store: &Store, new: NewAccount) -> Declaration {
    by(store, move |tx| account_settings::declare(tx, &new)).await.unwrap()
}

fn known(declaration: Declaration) -> (AccountRecord, AccountRecord) {
    match declaration {
        Declaration::Known(changed) => (changed.before, changed.after),
        Declaration::Created(record) => panic!("{record:?} is new"),
    }
}

#[tokio::test]
async fn what_is_left_out_stays_and_what_is_none_goes_back() {
    let (store, _engine) = memory();
    assert!(change(&store, AccountPatch::default()).await.unwrap().is_none(), "there is no such account");
    let new = new_account("a");
    by(&store, move |tx| account::create(tx, &new)).await.unwrap();
    let proxy = ProxyAddress("socks5://u:p@127.0.0.1:1080".into());
    let settings = SettingsPatch {
        proxy: Some(Some(proxy.clone())),
        per_minute: Some(Some(20)),
        gap_min_ms: Some(Some(100)),
        ..SettingsPatch::default()
    };
    let patch = AccountPatch { name: Some("Shop".into()), settings, ..AccountPatch::default() };
    let changed = change(&store, patch.clone()).await.unwrap().unwrap();
    assert_ne!(changed.before, changed.after);
    let same = change(&store, patch).await.unwrap().unwrap();
    assert_eq!(same.before, same.after);
    let settings = SettingsPatch { per_minute: Some(None), ..SettingsPatch::default() };
    change(&store, AccountPatch { settings, ..AccountPatch::default() }).await.unwrap();
    let kept = read(&store, |tx| account::get(tx, &"a".parse().unwrap())).await.unwrap();
    assert_eq!((kept.name.as_str(), &kept.settings.proxy), ("Shop", &Some(proxy)));
    assert_eq!((kept.settings.pacing.per_minute, kept.settings.pacing.gap_min_ms), (None, Some(100)));
    let acts = read(&store, |tx| audit::newest(tx, DEFAULT_TENANT, 9)).await;
    let acts: Vec<_> = acts.into_iter().rev().map(|(_, row)| row.act).collect();
    assert_eq!(acts, [Act::AccountCreated, Act::AccountChanged, Act::AccountChanged], "the same again is no act");
}

#[tokio::test]
async fn what_does_not_go_together_changes_nothing() {
    let (store, _engine) = memory();
    let new = new_account("a");
    by(&store, move |tx| account::create(tx, &new)).await.unwrap();
    let gap = |min: Option<u64>, max: Option<u64>| AccountPatch {
        settings: SettingsPatch { gap_min_ms: min.map(Some), gap_max_ms: max.map(Some), ..SettingsPatch::default() },
        ..AccountPatch::default()
    };
    change(&store, gap(None, Some(1_000))).await.unwrap();
    let refused = change(&store, gap(Some(2_000), None)).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Conflicts(found) if found == [Conflict::Gap]));
    let kept = read(&store, |tx| account::get(tx, &"a".parse().unwrap())).await.unwrap();
    assert_eq!((kept.settings.pacing.gap_min_ms, kept.settings.pacing.gap_max_ms), (None, Some(1_000)));
}

#[tokio::test]
async fn the_file_takes_an_account_over_withdraws_it_and_has_it_back() {
    let (store, _engine) = memory();
    let (made, id) = (new_account("a"), new_account("a").id);
    by(&store, move |tx| account::create(tx, &made)).await.unwrap();
    let file = || NewAccount { source: AccountSource::File, name: "F".into(), metadata: None, ..new_account("a") };
    let (before, after) = known(declare(&store, file()).await);
    assert_eq!((before.source, after.source, after.desired), (AccountSource::Api, AccountSource::File, before.desired));
    let (before, after) = known(declare(&store, file()).await);
    assert_eq!(before, after, "the same file changes nothing");

    let wants = |desired| {
        let id = id.clone();
        by(&store, move |tx| account::set_desired(tx, &id, desired, NOW))
    };
    let withdraw = || {
        let id = id.clone();
        by(&store, move |tx| account_settings::undeclare(tx, &id, NOW))
    };
    for (wanted, autostart, again) in [
        (Desired::Running, true, Desired::Running),
        (Desired::Running, false, Desired::Stopped),
        (Desired::Stopped, true, Desired::Stopped),
    ] {
        wants(wanted).await.unwrap();
        let gone = withdraw().await.unwrap().unwrap();
        let source = AccountSource::Undeclared { running: wanted == Desired::Running };
        assert_eq!((gone.source, gone.desired), (source, Desired::Stopped));
        assert_eq!(withdraw().await.unwrap(), None, "once");
        let (_, back) = known(declare(&store, NewAccount { autostart, ..file() }).await);
        assert_eq!((back.source, back.desired), (AccountSource::File, again), "{wanted:?}, autostart {autostart}");
    }
}
