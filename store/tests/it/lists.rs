//! Lists of contacts: who is in them, by which tags they are found, and who wants to hear of no campaign.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wasup_store::Store;
use wasup_store::engine::Engine;
use wasup_store::id::{DEFAULT_TENANT, ImportId, ListId, TemplateId, TenantNo};
use wasup_store::insurance::verify_engine;
use wasup_store::records::{
    ImportEnd, ImportPhase, ImportRecord, ImportTally, ListedContact, RowFault, RowProblem, TemplateRecord,
};
use wasup_store::repo::imports::{self, Step, Stepped};
use wasup_store::repo::listed::{self, Listed, Twice};
use wasup_store::repo::lists::{self, ListPatch};
use wasup_store::repo::{account, opt_out, template};

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
    assert_eq!(everybody(&store, Some("LATE"), 1).await, std::slice::from_ref(&more.number));

    let number = more.number.clone();
    assert_eq!(put(&store, vec![contact(1, &["new"])], Twice::Replace).await, [Listed::Changed]);
    let words: Vec<_> =
        read(&store, |tx| listed::tags(tx, LIST, None, 9)).await.into_iter().map(|tag| tag.tag).collect();
    assert_eq!(words, ["new"]);
    let gone = number.clone();
    assert!(write(&store, move |tx| listed::remove(tx, DEFAULT_TENANT, LIST, &gone, NOW + 9)).await);
    assert_eq!(changed(&store, contact(9, &[])).await, None, "who is not there stays away");
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
                let known = changed(&store, one.clone()).await;
                assert_eq!(known.is_some(), model.contains_key(&one.number));
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

/// Changes somebody who is there into another.
async fn changed(store: &Store, to: ListedContact) -> Option<ListedContact> {
    let number = to.number.clone();
    write(store, move |tx| listed::change(tx, DEFAULT_TENANT, LIST, &number, |_| to.clone(), NOW)).await
}

/// Rows are cut and cut again, and everybody is in them once, found by number, by tag and page by page.
#[tokio::test]
async fn a_long_list_stands_in_few_rows() {
    let (store, engine) = memory();
    list(&store, LIST, "L").await;
    let all: Vec<ListedContact> = (0..6_000)
        .map(|n| {
            let fields = BTreeMap::from([("note".to_owned(), format!("{n} {}", "x".repeat(60)))]);
            ListedContact { fields, ..contact(n, if n % 1_000 == 7 { &["rare", "all"] } else { &["all"] }) }
        })
        .collect();
    // Neighbours in the file are strangers in the list.
    for part in all.chunks(700) {
        put(&store, part.to_vec(), Twice::Keep).await;
    }
    sound(engine.as_ref());
    let blocks = rows(engine.as_ref()).keys().filter(|(tree, _)| tree.name() == "contact").count();
    assert!((2 * 6_000 / 300..2 * 6_000 / 60).contains(&blocks), "{blocks} rows");
    let mut found = everybody(&store, None, 777).await;
    found.sort();
    assert!(found.iter().eq(all.iter().map(|one| &one.number)));
    assert_eq!(everybody(&store, Some("rare"), 2).await.len(), 6);
    assert_eq!(everybody(&store, Some("all"), 900).await.len(), 6_000);
    for one in [&all[0], &all[5_999], &all[3_141]] {
        let known = read(&store, |tx| listed::get(tx, LIST, &one.number)).await.unwrap();
        assert_eq!((&known.fields, &known.tags), (&one.fields, &one.tags));
    }
    for part in all[..5_990].chunks(3_000) {
        for one in part.iter().step_by(3) {
            let number = one.number.clone();
            assert!(write(&store, move |tx| listed::remove(tx, DEFAULT_TENANT, LIST, &number, NOW)).await);
        }
    }
    sound(engine.as_ref());
    assert_eq!(
        everybody(&store, None, 1_000).await.len() as u64,
        read(&store, |tx| listed::with_tag(tx, LIST, "all")).await
    );
}

#[tokio::test]
async fn an_import_tells_how_far_it_is_with_what_it_brings() {
    let (store, engine) = memory();
    list(&store, LIST, "L").await;
    let id = |n| ImportId::new(NOW + n, 1);
    let begun = |n| {
        let record = ImportRecord { created_ms: NOW + n, size: 9, ..ImportRecord::default() };
        let store = store.clone();
        async move { write(&store, move |tx| imports::begin(tx, DEFAULT_TENANT, (LIST, id(n)), &record)).await }
    };
    assert!(begun(0).await);
    let strange = write(&store, move |tx| imports::begin(tx, OTHER_TENANT, (LIST, id(1)), &ImportRecord::default()));
    assert!(!strange.await, "another tenant's list");
    let problem = |line| RowProblem { line, fault: RowFault::BadNumber, number: Some("12".into()) };
    let read_rows = |rows: u64, lines: std::ops::Range<u64>| Step {
        tally: ImportTally { rows, bad_number: lines.end - lines.start, ..ImportTally::default() },
        problems: lines.map(problem).collect(),
        ..Step::default()
    };
    let half = read_rows(1_000, 1..701);
    write(&store, move |tx| imports::step(tx, DEFAULT_TENANT, (LIST, id(0)), &half, &[], NOW)).await;
    // Killed while the file was read: it is read once more, and nothing is told twice.
    write(&store, move |tx| imports::read_again(tx, LIST, id(0))).await.unwrap();
    let whole = read_rows(2_000, 1..1_301);
    write(&store, move |tx| imports::step(tx, DEFAULT_TENANT, (LIST, id(0)), &whole, &[], NOW)).await;
    let people = vec![contact(1, &["a"]), contact(2, &[])];
    let listing = Step { listed: 2, from: Some(0), phase: ImportPhase::Listing, ..Step::default() };
    let list_them = || {
        let (listing, people) = (listing.clone(), people.clone());
        write(&store, move |tx| imports::step(tx, DEFAULT_TENANT, (LIST, id(0)), &listing, &people, NOW))
    };
    assert_eq!(list_them().await, Stepped::Noted(ImportTally { added: 2, ..ImportTally::default() }));
    assert_eq!(list_them().await, Stepped::Overtaken, "by whoever went on from there");
    let record = read(&store, |tx| imports::get(tx, LIST, id(0))).await.unwrap();
    assert_eq!((record.tally.rows, record.tally.bad_number, record.tally.added, record.listed), (2_000, 1_300, 2, 2));
    assert_eq!((record.problems, record.phase), (1_300, ImportPhase::Listing));
    let piece = read(&store, |tx| imports::problems(tx, LIST, id(0), 499, 600)).await;
    assert!(piece.iter().map(|one| one.line).eq(500..1_100), "pieces go over the rows of the store");
    assert_eq!(read(&store, |tx| imports::problems(tx, LIST, id(0), 1_299, 9)).await.len(), 1);
    let end = || write(&store, move |tx| imports::end(tx, LIST, id(0), (ImportEnd::Completed, None), NOW + 5));
    assert_eq!(end().await.map(|record| record.ended_ms), Some(Some(NOW + 5)));
    assert_eq!(end().await, None, "an import ends once");
    sound(engine.as_ref());
    for n in 1..=imports::KEPT as u64 {
        assert!(begun(n).await);
    }
    let kept = read(&store, |tx| imports::page(tx, LIST, None, 100)).await;
    assert_eq!(
        (kept.len(), kept[0].0),
        (imports::KEPT + 1, id(imports::KEPT as u64)),
        "one that runs is never forgotten"
    );
    assert!(write(&store, move |tx| imports::remove(tx, DEFAULT_TENANT, LIST, id(3))).await);
    let gone = write(&store, move |tx| {
        imports::step(tx, DEFAULT_TENANT, (LIST, id(3)), &Step::default(), &[contact(5, &[])], NOW)
    });
    assert_eq!(gone.await, Stepped::Gone, "nobody wants the rest");
    sound(engine.as_ref());
    assert!(write(&store, |tx| lists::delete(tx, DEFAULT_TENANT, LIST)).await);
    while write(&store, |tx| account::purge_step(tx, 7)).await {}
    assert_eq!(rows(engine.as_ref()).keys().filter(|(tree, _)| tree.name() == "contact").count(), 0);
}

#[tokio::test]
async fn templates_are_kept_apart_by_tenant() {
    let (store, engine) = memory();
    let id = |n| TemplateId::new(NOW, n);
    for n in 1..=3 {
        let record = TemplateRecord { tenant: DEFAULT_TENANT, name: format!("T{n}"), ..TemplateRecord::default() };
        write(&store, move |tx| template::put(tx, id(n), &record)).await;
    }
    let page = |after, tenant| read(&store, move |tx| template::page(tx, tenant, after, 2));
    assert_eq!(page(None, DEFAULT_TENANT).await.iter().map(|one| one.0).collect::<Vec<_>>(), [id(1), id(2)]);
    assert_eq!(page(Some(id(2)), DEFAULT_TENANT).await.len(), 1);
    assert_eq!(page(None, OTHER_TENANT).await, []);
    assert!(!write(&store, move |tx| template::delete(tx, OTHER_TENANT, id(1))).await);
    assert!(write(&store, move |tx| template::delete(tx, DEFAULT_TENANT, id(1))).await);
    assert_eq!(read(&store, |tx| template::get(tx, DEFAULT_TENANT, id(1))).await, None);
    sound(engine.as_ref());
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
