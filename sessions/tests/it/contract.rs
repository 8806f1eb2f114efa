//! The key store against the library's own one in memory: the same operations, the same answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::traits::{
    AppStateSyncKey, Backend, DeviceInfo, DeviceListRecord, DeviceStore, LidPnMappingEntry, MsgSecretEntry,
    ProtocolStore, SignalStore, TcTokenEntry,
};
use wacore::store::{Device, InMemoryBackend};
use wasup_sessions::keystore::KeyStore;
use wasup_store::engine::MemoryEngine;
use wasup_store::repo::wa::WaScope;
use wasup_store::{MasterKey, Store, SystemClock};

use crate::world::World;

fn bytes(rng: &mut StdRng, max: usize) -> Vec<u8> {
    let len = rng.random_range(0..=max);
    (0..len).map(|_| rng.random()).collect()
}

fn pick<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from[rng.random_range(0..from.len())]
}

const ADDRESSES: [&str; 6] = ["5511@c.us.0", "5511:2@c.us.0", "55112@c.us.0", "551:1@lid", "9@lid", ""];
const USERS: [&str; 6] = ["5511", "55112", "551", "9", "55", ""];
const GROUPS: [&str; 3] =
    ["1@g.us", "11@g.us", "a-very-long-group-address-that-does-not-fit-into-a-key-part-of-a-row-at-all@g.us"];
const DEVICES: [&str; 4] = ["1:1@lid", "1:12@lid", "2@lid", "2:3@s.whatsapp.net"];
const NAMES: [&str; 3] = ["regular", "regular_high", "critical_block"];
const IDS: [&str; 4] =
    ["A", "AB", "3EB0", "an-id-that-a-peer-chose-much-longer-than-any-client-would-choose-it-by-itself-0123456789"];

fn key32(rng: &mut StdRng) -> [u8; 32] {
    // Few different ones, so that the operations meet.
    [rng.random_range(0..4); 32]
}

#[expect(clippy::cognitive_complexity, reason = "one operation a line")]
async fn signal(step: u32, rng: &mut StdRng, store: &dyn Backend) -> String {
    let (address, id) = (pick(rng, &ADDRESSES), rng.random_range(0..8_u32));
    let body = bytes(rng, 40);
    let several: Vec<(Arc<str>, bytes::Bytes)> =
        (0..3).map(|_| (Arc::from(pick(rng, &ADDRESSES)), bytes::Bytes::from(bytes(rng, 40)))).collect();
    let numbered: Vec<_> = several.iter().map(|(_, body)| (rng.random_range(0..8_u32), body.clone())).collect();
    let ids: Vec<u32> = numbered.iter().map(|(id, _)| *id).collect();
    match step % 24 {
        0 => format!("{:?}", store.put_identity(address, key32(rng)).await),
        1 => {
            let batch: Vec<_> = several.iter().map(|(address, _)| (Arc::clone(address), key32(rng))).collect();
            format!("{:?}", store.put_identities_batch(&batch).await)
        }
        2 => format!("{:?}", store.delete_identity(address).await),
        3 => format!("{:?}", store.put_session(address, &body).await),
        4 | 5 => format!("{:?}", store.put_sessions_batch(&several).await),
        6 => format!("{:?}", store.delete_session(address).await),
        7 => format!("{:?} {:?}", store.has_session(address).await, store.get_session(address).await),
        8 => format!("{:?}", store.has_signal_state_for_user(pick(rng, &USERS)).await),
        9 => format!("{:?}", store.store_prekey(id, &body, false).await),
        10 | 11 => format!("{:?}", store.store_prekeys_batch(&numbered, true).await),
        12 => format!("{:?}", store.mark_prekeys_uploaded(&ids).await),
        13 => format!("{:?}", store.remove_prekey(id).await),
        14 => format!("{:?} {:?}", store.load_prekey(id).await, store.get_max_prekey_id().await),
        15 => format!("{:?}", store.load_prekeys_batch(&ids).await),
        16 => format!("{:?}", store.store_signed_prekey(id, &body).await),
        17 => format!("{:?} {:?}", store.load_signed_prekey(id).await, store.remove_signed_prekey(id).await),
        18 => format!("{:?}", store.load_all_signed_prekeys().await.map(BTreeSet::from_iter)),
        19 => format!("{:?}", store.put_sender_key(address, &body).await),
        20 => format!("{:?}", store.put_sender_keys_batch(&several).await),
        21 => format!("{:?}", store.delete_sender_key(address).await),
        22 => format!("{:?}", store.get_sender_key(address).await),
        _ => format!("{:?}", store.load_identity(address).await),
    }
}

async fn app_sync(step: u32, rng: &mut StdRng, store: &dyn Backend) -> String {
    let name = pick(rng, &NAMES);
    let index = key32(rng);
    match step % 9 {
        0 => {
            let key = AppStateSyncKey { key_data: bytes(rng, 32), fingerprint: bytes(rng, 8), timestamp: rng.random() };
            format!("{:?}", store.set_sync_key(&index[..6], key).await)
        }
        1 => format!("{:?} {:?}", store.get_sync_key(&index[..6]).await, store.get_latest_sync_key_id().await),
        2 => {
            let mut state = store.get_version(name).await.unwrap();
            state.version += 1;
            state.hash[rng.random_range(0..128)] ^= 1;
            state.index_value_map.insert("k".into(), bytes(rng, 8));
            format!("{:?}", store.set_version(name, state).await)
        }
        3 => format!("{:?}", store.get_version(name).await),
        4 | 5 => {
            let macs: Vec<_> = (0..3)
                .map(|_| AppStateMutationMAC { index_mac: key32(rng).to_vec(), value_mac: bytes(rng, 32) })
                .collect();
            format!("{:?}", store.put_mutation_macs(name, 1, &macs).await)
        }
        6 => format!(
            "{:?} {:?}",
            store.get_mutation_mac(name, &index).await,
            store.get_mutation_macs(name, &[index, [9; 32]]).await
        ),
        7 => format!("{:?}", store.delete_mutation_macs(name, &[index.to_vec()]).await),
        _ if rng.random_range(0..4) == 0 => format!("{:?}", store.clear_mutation_macs(name).await),
        _ => String::new(),
    }
}

async fn groups(step: u32, rng: &mut StdRng, store: &dyn Backend) -> String {
    let group = pick(rng, &GROUPS);
    let entries: Vec<_> = (0..3).map(|_| (pick(rng, &DEVICES), rng.random())).collect();
    let rare = rng.random_range(0..6) == 0;
    match step % 8 {
        0 | 1 => format!("{:?}", store.set_sender_key_status(group, &entries).await),
        2 => format!("{:?}", store.get_sender_key_devices(group).await.map(BTreeSet::from_iter)),
        3 if rare => format!("{:?}", store.clear_all_sender_key_devices().await),
        3 => format!("{:?}", store.clear_sender_key_devices(group).await),
        4 => format!("{:?}", store.delete_sender_key_device_rows(&[entries[0].0, entries[1].0]).await),
        5 => format!("{:?}", store.put_group_metadata(group, &bytes(rng, 20)).await),
        6 => format!("{:?}", store.get_group_metadata(group).await),
        _ => format!("{:?}", store.delete_group_metadata(group).await),
    }
}

/// Every LID has two numbers of its own to move between: what becomes of a number that two LIDs claim is where ours
/// follows the trait's words (the newest LID) and the one in memory does not.
fn mapping(rng: &mut StdRng) -> LidPnMappingEntry {
    let lid = rng.random_range(0..4_u32);
    LidPnMappingEntry {
        lid: lid.to_string(),
        phone_number: format!("{lid}{}", rng.random_range(0..2)),
        created_at: rng.random(),
        updated_at: rng.random(),
        learning_source: "usync".into(),
    }
}

async fn people(step: u32, rng: &mut StdRng, store: &dyn Backend) -> String {
    let entry = mapping(rng);
    let (user, id, address) = (pick(rng, &USERS), pick(rng, &IDS), pick(rng, &ADDRESSES));
    let base = bytes(rng, 1);
    let list = |user: &str, rng: &mut StdRng| DeviceListRecord {
        user: user.into(),
        devices: vec![DeviceInfo::new(rng.random_range(0..9), Some(1)).with_hosting(rng.random())],
        timestamp: rng.random(),
        phash: Some("2:a".into()),
        raw_id: Some(rng.random()),
    };
    match step % 11 {
        0 => format!("{:?}", store.put_lid_mapping(&entry).await),
        1 => format!("{:?}", store.put_lid_mappings(&[entry, mapping(rng)]).await),
        2 => format!("{:?}", store.get_lid_mapping(&entry.lid).await),
        3 => format!("{:?}", store.get_pn_mapping(&entry.phone_number).await),
        4 => {
            let all = store.get_all_lid_mappings().await.unwrap();
            format!("{:?}", all.iter().map(|entry| format!("{entry:?}")).collect::<BTreeSet<_>>())
        }
        5 => format!("{:?}", store.save_base_key(address, id, &base).await),
        6 => format!("{:?}", store.has_same_base_key(address, id, &base).await),
        7 => format!("{:?}", store.delete_base_key(address, id).await),
        8 => format!("{:?}", store.update_device_lists(vec![list(user, rng), list("x", rng)]).await),
        9 => format!("{:?}", store.get_devices(user).await),
        _ => format!("{:?}", store.delete_devices(user).await),
    }
}

async fn messages(step: u32, rng: &mut StdRng, store: &dyn Backend) -> String {
    let (chat, sender, id) = (pick(rng, &DEVICES), pick(rng, &GROUPS), pick(rng, &IDS));
    let at = rng.random_range(0..50_i64);
    let later = at + rng.random_range(0..10_i64);
    let token = TcTokenEntry {
        token: bytes(rng, 2),
        token_timestamp: at,
        sender_timestamp: rng.random::<bool>().then_some(later),
    };
    match step % 15 {
        0 => format!("{:?}", store.put_tc_token(chat, &token).await),
        1 => format!("{:?}", store.touch_tc_token_sender_timestamp(chat, at).await),
        2 => format!("{:?}", store.store_received_tc_token(chat, &token.token, at).await),
        3 => format!(
            "{:?} {:?}",
            store.get_tc_token(chat).await,
            store.get_all_tc_token_jids().await.map(BTreeSet::from_iter)
        ),
        4 => format!("{:?}", store.delete_expired_tc_tokens(at / 2, later / 2).await),
        5 => format!("{:?}", store.delete_tc_token(chat).await),
        6 | 7 => format!("{:?}", store.store_sent_message(chat, id, &bytes(rng, 50)).await),
        8 => format!("{:?}", store.take_sent_message(chat, id).await),
        // Whole days apart, so that the two clocks can't disagree.
        9 => format!("{:?}", store.delete_expired_sent_messages(at).await),
        10 | 11 => {
            let entry = |rng: &mut StdRng| MsgSecretEntry {
                chat: pick(rng, &DEVICES).into(),
                sender: pick(rng, &GROUPS).into(),
                msg_id: pick(rng, &IDS).into(),
                secret: key32(rng),
                expires_at: rng.random_range(0..50),
                message_ts: rng.random_range(0..3),
            };
            format!("{:?}", store.put_msg_secrets(vec![entry(rng), entry(rng), entry(rng)]).await)
        }
        12 => format!("{:?}", store.get_msg_secret(chat, sender, id).await),
        13 => format!("{:?}", store.get_msg_secret_with_ts(chat, sender, id).await),
        _ => format!("{:?}", store.delete_expired_msg_secrets(at / 4).await),
    }
}

async fn answer(step: u32, seed: u64, store: &dyn Backend) -> String {
    // Both stores are asked with the same numbers.
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    match step % 5 {
        0 => signal(step / 5, rng, store).await,
        1 => app_sync(step / 5, rng, store).await,
        2 => groups(step / 5, rng, store).await,
        3 => people(step / 5, rng, store).await,
        _ => messages(step / 5, rng, store).await,
    }
}

async fn keystore_in_memory(key: Option<&MasterKey>) -> KeyStore {
    let engine = Arc::new(MemoryEngine::default());
    let store = Store::over_with(engine, Arc::new(SystemClock), "memory".as_ref(), key).unwrap();
    let account = crate::world::create_account(&store, "shop").await;
    KeyStore::new(store, WaScope { no: account.no, link: account.link, epoch: account.epoch })
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_answer_alike() {
    for seed in 0..4_u64 {
        // Every second one encrypted: its keys are found although they are veiled.
        let key = (seed % 2 == 1).then(|| MasterKey::new(key32(&mut StdRng::seed_from_u64(seed))));
        let (ours, theirs) = (keystore_in_memory(key.as_ref()).await, InMemoryBackend::new());
        let mut rng = StdRng::seed_from_u64(seed);
        for n in 0..3_000 {
            let (step, seed_of_step) = (rng.random_range(0..10_000), rng.random());
            let (ours, theirs) = (answer(step, seed_of_step, &ours).await, answer(step, seed_of_step, &theirs).await);
            assert_eq!(ours, theirs, "seed {seed}, operation {n}, step {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_comes_back_as_it_was() {
    let ours = keystore_in_memory(None).await;
    assert!(!ours.exists().await.unwrap());
    assert_eq!(ours.create().await.unwrap(), 1);
    let made = ours.load().await.unwrap().unwrap();
    assert_eq!(ours.create().await.unwrap(), 1);
    assert_eq!(ours.load().await.unwrap().unwrap().registration_id, made.registration_id, "a second one was made");
    let mut device = Device::new();
    device.pn = Some("62811:3@s.whatsapp.net".parse().unwrap());
    device.lid = Some("900:3@lid".parse().unwrap());
    device.account = Some(Arc::new(waproto::whatsapp::ADVSignedDeviceIdentity {
        details: Some(vec![1, 2, 3]),
        account_signature_key: Some(vec![4; 32]),
        account_signature: Some(vec![5; 64]),
        device_signature: Some(vec![6; 64]),
    }));
    device.push_name = "Ana".into();
    device.edge_routing_info = Some(vec![7, 8]);
    device.nct_salt = Some(vec![9; 16]);
    device.next_pre_key_id = 813;
    device.login_counter = 4;
    device.lid_migrated = true;
    ours.save(&device).await.unwrap();
    let back = ours.load().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&device).unwrap());
    assert!(ours.exists().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_claimed_by_two_lids_belongs_to_the_newer_one() {
    let ours = keystore_in_memory(None).await;
    let entry = |lid: &str, phone: &str| LidPnMappingEntry {
        lid: lid.into(),
        phone_number: phone.into(),
        created_at: 1,
        updated_at: 1,
        learning_source: String::new(),
    };
    ours.put_lid_mappings(&[entry("A", "1"), entry("B", "1"), entry("A", "2")]).await.unwrap();
    let lid = |phone: &'static str| async { ours.get_pn_mapping(phone).await.unwrap().map(|entry| entry.lid) };
    assert_eq!((lid("1").await.as_deref(), lid("2").await.as_deref()), (Some("B"), Some("A")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_prekey_is_not_brought_back() {
    let ours = keystore_in_memory(None).await;
    ours.store_prekey(5, b"key", false).await.unwrap();
    ours.remove_prekey(5).await.unwrap();
    ours.mark_prekeys_uploaded(&[5, 6]).await.unwrap();
    assert_eq!(ours.load_prekeys_batch(&[5, 6]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_records_are_stored_whole() {
    let world = World::new().await;
    let account = world.account("shop").await;
    let scope = WaScope { no: account.no, link: account.link, epoch: account.epoch };
    let ours = KeyStore::new(world.store.clone(), scope);
    let large: Vec<(Arc<str>, bytes::Bytes)> =
        (0..5_u8).map(|n| (Arc::from(format!("{n}@c.us.0")), bytes::Bytes::from(vec![n; 300 * 1024]))).collect();
    ours.put_sessions_batch(&large).await.unwrap();
    for (address, session) in &large {
        assert_eq!(ours.get_session(address).await.unwrap().as_ref(), Some(session));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_the_librarys_size_is_one_commit() {
    let world = World::new().await;
    let account = world.account("shop").await;
    let ours = KeyStore::new(world.store.clone(), WaScope { no: account.no, link: account.link, epoch: account.epoch });
    let before = world.store.stats().jobs;
    let keys: Vec<_> = (1..=812_u32).map(|id| (id, bytes::Bytes::from(vec![7; 70]))).collect();
    ours.store_prekeys_batch(&keys, false).await.unwrap();
    ours.mark_prekeys_uploaded(&keys.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(world.store.stats().jobs - before, 2);
    assert_eq!(ours.get_max_prekey_id().await.unwrap(), 812);
}
