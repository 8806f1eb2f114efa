//! `/v1/lists` and `/v1/opt-outs`: lists, who is in them, tags, and who wants no campaigns.

use serde_json::{Value, json};

use crate::world::World;

const PATH: &str = "/v1/lists";

/// A new list's path.
pub(crate) async fn list(world: &World, name: &str) -> String {
    let (status, made) = world.post(PATH, &json!({"name": name})).await;
    assert_eq!(status, 201, "{made}");
    format!("{PATH}/{}", made["id"].as_str().unwrap())
}

/// Everything behind a path, by pages of this size.
pub(crate) async fn all(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let join = if path.contains('?') { '&' } else { '?' };
    loop {
        let (status, page) = world.get(&format!("{path}{join}limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let data = page["data"].as_array().unwrap().clone();
        assert!(data.len() <= limit);
        found.extend(data);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn phones(found: &[Value]) -> Vec<&str> {
    let mut phones: Vec<&str> = found.iter().map(|one| one["phone"].as_str().unwrap()).collect();
    phones.sort_unstable();
    phones
}

#[tokio::test]
async fn lists_are_made_shown_changed_and_deleted() {
    let world = World::start().await;
    let (status, made) = world.post(PATH, &json!({"name": "Customers", "description": "of the shop"})).await;
    assert_eq!(status, 201);
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["name"], &made["contacts"]), (&json!("Customers"), &json!(0)));
    assert_eq!(world.get(&path).await, (200, made.clone()));
    for name in ["B", "C", "D"] {
        list(&world, name).await;
    }
    let names: Vec<Value> = all(&world, PATH, 3).await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Customers", "B", "C", "D"]);
    let (_, changed) = world.patch(&path, &json!({"description": null})).await;
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Customers"), &Value::Null));
    let (_, changed) = world.patch(&path, &json!({"name": "Clients"})).await;
    assert_eq!(changed["name"], "Clients");
    for (body, field) in [
        (json!({"name": " "}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"name": "x", "description": "x".repeat(2_001)}), "description"),
        (json!({"name": "x", "colour": "red"}), "colour"),
        (json!({}), "name"),
    ] {
        let (status, problem) = world.post(PATH, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    assert_eq!(world.delete(&path).await.0, 204);
    for path in [path.clone(), format!("{path}/contacts"), format!("{path}/tags"), format!("{PATH}/lst_x")] {
        assert_eq!(world.get(&path).await.0, 404, "{path}");
    }
    assert_eq!(world.delete(&path).await.0, 404);
    let contact = json!({"contacts": [{"phone": "+62 812-3456-7890"}]});
    assert_eq!(world.post(&format!("{path}/contacts"), &contact).await.0, 404);
}

#[tokio::test]
async fn contacts_come_by_the_thousand_with_an_answer_for_each() {
    let world = World::with(&[("WASUP__DEFAULT_REGION", "ID")]).await;
    let path = list(&world, "L").await;
    let contacts = format!("{path}/contacts");
    let body = json!({"contacts": [
        {"phone": "+62 812-3456-7890", "name": "Budi", "fields": {"city": "Jakarta"}, "tags": ["VIP"]},
        {"phone": "0812 3456 7891"},
        {"phone": "6281234567890@s.whatsapp.net", "tags": ["late"]},
        {"phone": "12"},
        {"phone": "120363012345678901@g.us"},
        {"phone": "+62 812-3456-7892", "name": "x".repeat(201)},
    ]});
    let (status, added) = world.post(&contacts, &body).await;
    assert_eq!(status, 200, "{added}");
    let outcomes: Vec<&str> =
        added["rows"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["added", "added", "changed", "refused", "refused", "refused"]);
    assert_eq!((&added["added"], &added["changed"], &added["refused"]), (&json!(2), &json!(1), &json!(3)));
    assert_eq!(added["rows"][1]["phone"], "6281234567891");
    assert_eq!(added["rows"][3]["error"]["field"], "phone");
    assert_eq!(added["rows"][5]["error"]["field"], "contact");

    let thousand: Vec<Value> =
        (0..1_000).map(|n| json!({"phone": format!("+62813{n:07}"), "tags": [format!("t{}", n % 3)]})).collect();
    let (status, added) = world.post(&contacts, &json!({"contacts": thousand})).await;
    assert_eq!((status, &added["added"]), (200, &json!(1_000)));
    let more: Vec<Value> = (0..1_001).map(|n| json!({"phone": format!("+62813{n:07}")})).collect();
    assert_eq!(world.post(&contacts, &json!({"contacts": more})).await.0, 400);
    assert_eq!(world.post(&contacts, &json!({"contacts": []})).await.0, 400);

    let everybody = all(&world, &contacts, 77).await;
    let unique: std::collections::BTreeSet<&str> = phones(&everybody).into_iter().collect();
    assert_eq!((everybody.len(), unique.len()), (1_002, 1_002));
    assert_eq!(world.get(&path).await.1["contacts"], 1_002);
    assert_eq!(phones(&all(&world, &format!("{contacts}?tag=vip"), 9).await), ["6281234567890"]);
    assert_eq!(all(&world, &format!("{contacts}?tag=T2"), 100).await.len(), 333);
    let tags = all(&world, &format!("{path}/tags"), 2).await;
    let expected = [("late", 1), ("t0", 334), ("t1", 333), ("t2", 333), ("vip", 1)];
    assert_eq!(tags, expected.map(|(tag, contacts)| json!({"tag": tag, "contacts": contacts})));
    let foreign = format!("{contacts}?cursor={}", world.get(&format!("{path}/tags?limit=1")).await.1["next_cursor"]);
    assert_eq!(world.get(&foreign.replace('"', "")).await.1["errors"][0]["field"], "cursor");
}

#[tokio::test]
async fn one_contact_is_put_shown_changed_and_taken_out() {
    let world = World::start().await;
    let path = list(&world, "L").await;
    let one = format!("{path}/contacts/+62 812-3456-7890");
    assert_eq!(world.get(&one).await.0, 404);
    assert_eq!(world.patch(&one, &json!({"name": "x"})).await.0, 404);
    let (status, put) =
        world.put(&one, &json!({"name": "Budi", "fields": {"a": "1", "b": "2"}, "tags": ["x", "y"]})).await;
    assert_eq!(
        (status, &put["phone"], &put["jid"]),
        (201, &json!("6281234567890"), &json!("6281234567890@s.whatsapp.net"))
    );
    let canonical = format!("{path}/contacts/6281234567890");
    assert_eq!(world.get(&canonical).await, (200, put.clone()));
    let (status, changed) =
        world.patch(&canonical, &json!({"name": null, "fields": {"a": null, "c": "3"}, "tags": ["z"]})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["name"], &changed["fields"]), (&Value::Null, &json!({"b": "2", "c": "3"})));
    assert_eq!((&changed["tags"], &changed["added_at"]), (&json!(["z"]), &put["added_at"]));
    assert_eq!(world.patch(&canonical, &json!({})).await.1, changed, "nothing said, nothing changed");
    let (status, replaced) = world.put(&canonical, &json!({})).await;
    assert_eq!((status, &replaced["fields"], &replaced["tags"]), (200, &json!({}), &json!([])));
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("f{n}"), json!("x"))).collect();
    for body in [
        json!({"tags": [""]}),
        json!({"fields": many}),
        json!({"fields": {"": "x"}}),
        json!({"fields": {"x": "y".repeat(2_001)}}),
        json!({"tags": (0..33).map(|n| n.to_string()).collect::<Vec<_>>()}),
    ] {
        for (status, problem) in [world.put(&canonical, &body).await, world.patch(&canonical, &body).await] {
            assert_eq!((status, &problem["code"]), (400, &json!("invalid")), "{problem}");
        }
    }
    assert_eq!(world.get(&format!("{path}/contacts/nobody")).await.1["errors"][0]["field"], "phone");
    assert_eq!(world.delete(&one).await.0, 204);
    assert_eq!(world.delete(&one).await.0, 404);
    assert_eq!(world.get(&path).await.1["contacts"], 0);
}

#[tokio::test]
async fn who_wants_no_campaigns_is_noted_once_and_stays_when_lists_go() {
    let world = World::start().await;
    let (status, out) = world.post("/v1/opt-outs", &json!({"phone": "+62 812-3456-7890", "note": "wrote STOP"})).await;
    assert_eq!((status, &out["phone"], &out["note"]), (201, &json!("6281234567890"), &json!("wrote STOP")));
    let (status, again) = world.post("/v1/opt-outs", &json!({"phone": "6281234567890", "note": "again"})).await;
    assert_eq!((status, again), (200, out.clone()), "what was noted first stays");
    for n in 1..5 {
        world.post("/v1/opt-outs", &json!({"phone": format!("+62 812-3456-789{n}")})).await;
    }
    assert_eq!(phones(&all(&world, "/v1/opt-outs", 2).await).len(), 5);
    assert_eq!(world.get("/v1/opt-outs/6281234567890").await, (200, out));
    let path = list(&world, "L").await;
    world.put(&format!("{path}/contacts/6281234567890"), &json!({})).await;
    world.delete(&path).await;
    let world = world.restart(&[]).await;
    assert_eq!(world.get("/v1/opt-outs/+6281234567890").await.0, 200);
    assert_eq!(world.delete("/v1/opt-outs/+6281234567890").await.0, 204);
    assert_eq!(world.delete("/v1/opt-outs/+6281234567890").await.0, 404);
    assert_eq!(world.get("/v1/opt-outs/6281234567890").await.0, 404);
    for body in [json!({"phone": "x"}), json!({"phone": "+6281234567890", "note": "x".repeat(501)})] {
        assert_eq!(world.post("/v1/opt-outs", &body).await.0, 400);
    }
}
