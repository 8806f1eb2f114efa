//! Lists of contacts: who is in them, by which tags they are found, and who wants to hear of no campaign.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wasup_store::Store;
use wasup_store::engine::Engine;
use wasup_store::id::{DEFAULT_TENANT, ListId, TenantNo};
use wasup_store::insurance::verify_engine;
use wasup_store::records::ListedContact;
use wasup_store::repo::listed::{self, Listed, Twice};
use wasup_store::repo::lists::{self, ListPatch};
use wasup_store::repo::{account, opt_out};

use crate::support::{NOW, keyring, memory, read, rows, write};

const LIST: ListId = ListId::new(NOW, 1);
const OTHER_TENANT: TenantNo = TenantNo(2);

async fn list(store: &Store, id: ListId, name: &'static str) {
    write(store, move |tx| lists::create(tx, id, DEFAULT_TENANT, (name, None), NOW)).await;
}

fn contact(n: u64, tags: &[&str]) -> ListedContact {
    ListedContact {
        number: format!("62812{n:07}"),
        name: Some(format!("N{n}")),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..ListedContact::default()
    }
}

async fn put(store: &Store, contacts: Vec<ListedContact>, twice: Twice) -> Vec<Listed> {
    let put = move |tx: &mut wasup_store::WriteTx<'_>| listed::put(tx, DEFAULT_TENANT, LIST, &contacts, twice, NOW + 5);
    write(store, put).await.unwrap()
}

fn sound(engine: &dyn Engine) {
    let report = verify_engine(engine, &keyring(engine), 9);
    assert!(report.is_sound(), "{report:?}");
}

/// Everybody in the list, or with a tag, by pages of this size.
async fn everybody(store: &Store, tag: Option<&str>, limit: usize) -> Vec<String> {
    let (mut all, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let page = read(store, |tx| listed::page(tx, LIST, tag, after.as_deref(), limit)).await;
        assert!(page.len() <= limit);
        let whole = page.len() == limit;
        all.extend(page.into_iter().map(|contact| contact.number));
        after = all.last().cloned();
        if !whole {
            return all;
        }
    }
}

#[tokio::test]
async fn lists_are_made_renamed_listed_and_deleted() {
    let (store, engine) = memory();
    for n in 1..=5 {
        list(&store, ListId::new(NOW, n), "L").await;
    }
    let ids = async |after, limit| {
        let page = read(&store, |tx| lists::page(tx, DEFAULT_TENANT, after, limit)).await;
        page.into_iter().map(|(id, _)| id.rand).collect::<Vec<_>>()
    };
    assert_eq!((ids(None, 3).await, ids(Some(ListId::new(NOW, 3)), 3).await), (vec![1, 2, 3], vec![4, 5]));
    assert_eq!(read(&store, |tx| lists::page(tx, OTHER_TENANT, None, 9)).await, []);
    let patch = ListPatch { name: Some("Shops".into()), description: Some(Some("All".into())) };
    let changed = write(&store, move |tx| lists::change(tx, DEFAULT_TENANT, LIST, &patch, NOW + 1)).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.description.as_deref(), changed.changed_ms),
        ("Shops", Some("All"), NOW + 1)
    );
    let same = write(&store, |tx| lists::change(tx, DEFAULT_TENANT, LIST, &ListPatch::default(), NOW + 2)).await;
    assert_eq!(same.unwrap().changed_ms, NOW + 1);
    assert_eq!(write(&store, |tx| lists::change(tx, OTHER_TENANT, LIST, &ListPatch::default(), NOW)).await, None);

    put(&store, (0..100).map(|n| contact(n, &["a", "b"])).collect(), Twice::Keep).await;
    assert!(!write(&store, |tx| lists::delete(tx, OTHER_TENANT, LIST)).await);
    assert!(write(&store, |tx| lists::delete(tx, DEFAULT_TENANT, LIST)).await);
    assert_eq!(read(&store, |tx| lists::get(tx, DEFAULT_TENANT, LIST)).await, None);
    sound(engine.as_ref());
    while write(&store, |tx| account::purge_step(tx, 7)).await {}
    assert_eq!(rows(engine.as_ref()).keys().filter(|(tree, _)| tree.name() == "contact").count(), 0);
    sound(engine.as_ref());
}

#[tokio::test]
async fn a_contact_is_in_a_list_once_and_says_what_was_said_last() {
    let (store, engine) = memory();
    list(&store, LIST, "L").await;
    let outcomes = put(&store, vec![contact(1, &["VIP"]), contact(2, &[]), contact(1, &["late"])], Twice::Keep).await;
    assert_eq!(outcomes, [Listed::Added, Listed::Added, Listed::Known]);
    let more = ListedContact {
        name: None,
        fields: BTreeMap::from([("city".to_owned(), "Jakarta".to_owned())]),
        ..contact(1, &["late", "vip"])
    };
    assert_eq!(put(&store, vec![more.clone(), contact(2, &[])], Twice::Merge).await, [Listed::Changed, Listed::Known]);
    let one = read(&store, |tx| listed::get(tx, LIST, &more.number)).await.unwrap();
    assert_eq!((one.name.as_deref(), one.fields["city"].as_str()), (Some("N1"), "Jakarta"));
    assert_eq!(one.tags, BTreeSet::from(["VIP".to_owned(), "late".to_owned(), "vip".to_owned()]));
    assert_eq!(read(&store, |tx| listed::with_tag(tx, LIST, "Vip")).await, 1, "in letters of any case it is one");
    assert_eq!(everybody(&store, Some("LATE"), 1).await, [more.number.clone()]);

    let number = more.number.clone();
    let replaced = contact(1, &["new"]);
    assert!(write(&store, move |tx| listed::replace(tx, DEFAULT_TENANT, LIST, &replaced, NOW + 9)).await);
    let words: Vec<_> = read(&store, |tx| listed::tags(tx, LIST, 9)).await.into_iter().map(|tag| tag.tag).collect();
    assert_eq!(words, ["new"]);
    let gone = number.clone();
    assert!(write(&store, move |tx| listed::remove(tx, DEFAULT_TENANT, LIST, &gone, NOW + 9)).await);
    let nobody = contact(9, &[]);
    assert!(!write(&store, move |tx| listed::replace(tx, DEFAULT_TENANT, LIST, &nobody, NOW)).await);
    assert!(!write(&store, move |tx| listed::remove(tx, OTHER_TENANT, LIST, &number, NOW)).await);
    assert_eq!(read(&store, |tx| lists::get(tx, DEFAULT_TENANT, LIST)).await.unwrap().contacts, 1);
    let other = vec![contact(1, &[])];
    let strange = write(&store, move |tx| listed::put(tx, OTHER_TENANT, LIST, &other, Twice::Keep, NOW)).await;
    assert_eq!(strange, None, "another tenant's");
    sound(engine.as_ref());
}

#[tokio::test]
async fn whatever_is_done_lists_and_tags_stay_what_a_map_says() {
    let (store, engine) = memory();
    list(&store, LIST, "L").await;
    list(&store, ListId::new(NOW, 2), "beside").await;
    let mut rng = StdRng::seed_from_u64(7);
    let mut model: BTreeMap<String, ListedContact> = BTreeMap::new();
    for round in 0..120 {
        let tags: Vec<&str> = ["a", "b", "B", "c"].into_iter().filter(|_| rng.random_bool(0.4)).collect();
        let one = contact(rng.random_range(0..25), &tags);
        match rng.random_range(0..4) {
            0 => {
                let number = one.number.clone();
                let removed = write(&store, move |tx| listed::remove(tx, DEFAULT_TENANT, LIST, &number, NOW)).await;
                assert_eq!(removed, model.remove(&one.number).is_some());
            }
            1 => {
                let new = one.clone();
                let known = write(&store, move |tx| listed::replace(tx, DEFAULT_TENANT, LIST, &new, NOW)).await;
                assert_eq!(known, model.contains_key(&one.number));
                model.entry(one.number.clone()).and_modify(|known| *known = one);
            }
            kind => {
                let twice = if kind == 2 { Twice::Keep } else { Twice::Merge };
                put(&store, vec![one.clone()], twice).await;
                let known = model.entry(one.number.clone()).or_insert_with(|| one.clone());
                if twice == Twice::Merge {
                    known.tags.extend(one.tags);
                }
            }
        }
        if round % 20 != 0 {
            continue;
        }
        let mut all = everybody(&store, None, 3).await;
        all.sort();
        assert!(all.iter().eq(model.keys()));
        for tag in ["a", "b", "c", "d"] {
            let has = |contact: &&ListedContact| contact.tags.iter().any(|one| one.to_lowercase() == tag);
            let expected: Vec<_> = model.values().filter(has).map(|contact| contact.number.clone()).collect();
            let mut found = everybody(&store, Some(tag), 2).await;
            found.sort();
            assert_eq!(found, expected, "{tag}");
            assert_eq!(read(&store, |tx| listed::with_tag(tx, LIST, tag)).await, expected.len() as u64);
        }
        sound(engine.as_ref());
    }
}

#[tokio::test]
async fn who_opted_out_is_kept_apart_from_lists() {
    let (store, engine) = memory();
    for n in 0..5_u64 {
        let number = contact(n, &[]).number;
        write(&store, move |tx| opt_out::add(tx, DEFAULT_TENANT, &number, Some("wrote STOP"), NOW + n)).await;
    }
    let again = write(&store, |tx| opt_out::add(tx, DEFAULT_TENANT, "628120000001", None, NOW + 99)).await;
    assert_eq!((again.since_ms, again.note.as_deref()), (NOW + 1, Some("wrote STOP")), "the first word stays");
    assert_eq!(read(&store, |tx| opt_out::get(tx, OTHER_TENANT, "628120000001")).await, None);
    let first = read(&store, |tx| opt_out::page(tx, DEFAULT_TENANT, None, 3)).await;
    let last = first.last().unwrap().number.clone();
    let rest = read(&store, |tx| opt_out::page(tx, DEFAULT_TENANT, Some(&last), 3)).await;
    let mut all: Vec<_> = first.into_iter().chain(rest).map(|one| one.number).collect();
    all.sort();
    assert_eq!(all, (0..5).map(|n| contact(n, &[]).number).collect::<Vec<_>>());
    assert!(write(&store, |tx| opt_out::remove(tx, DEFAULT_TENANT, "628120000001")).await);
    assert!(!write(&store, |tx| opt_out::remove(tx, DEFAULT_TENANT, "628120000001")).await);
    sound(engine.as_ref());
}
