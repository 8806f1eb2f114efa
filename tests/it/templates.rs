//! `/v1/templates`: made, listed, changed, tried and refused.

use serde_json::{Value, json};

use crate::lists::{all, list};
use crate::world::World;

const PATH: &str = "/v1/templates";

async fn template(world: &World, body: Value) -> (String, Value) {
    let (status, made) = world.post(PATH, &body).await;
    assert_eq!(status, 201, "{made}");
    (format!("{PATH}/{}", made["id"].as_str().unwrap()), made)
}

#[tokio::test]
async fn templates_are_made_shown_changed_and_deleted() {
    let world = World::start().await;
    let body = "{Hi|Hello} {{ name }} from {{ city }}";
    let (path, made) =
        template(&world, json!({"name": "Welcome", "body": body, "defaults": {"city": "somewhere"}})).await;
    assert_eq!((&made["fields"], &made["strict"]), (&json!(["city", "name"]), &json!(false)));
    assert_eq!(world.get(&path).await, (200, made.clone()));
    for n in 0..4 {
        template(&world, json!({"name": format!("T{n}"), "body": "x"})).await;
    }
    let names: Vec<Value> = all(&world, PATH, 2).await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Welcome", "T0", "T1", "T2", "T3"]);
    let (status, changed) = world.patch(&path, &json!({"strict": true, "defaults": null})).await;
    assert_eq!(
        (status, &changed["body"], &changed["strict"], &changed["defaults"]),
        (200, &json!(body), &json!(true), &json!({}))
    );
    let (status, refused) = world.patch(&path, &json!({"body": "ok\n{% set x = name ~ name %}"})).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!("body")), "{refused}");
    assert!(refused["errors"][0]["message"].as_str().unwrap().starts_with("line 2: "), "{refused}");
    assert_eq!(world.get(&path).await.1, changed, "what was refused changed nothing");
    let world = world.restart(&[]).await;
    assert_eq!(world.get(&path).await.1, changed);
    assert_eq!(world.delete(&path).await.0, 204);
    for status in [world.get(&path).await.0, world.delete(&path).await.0, world.patch(&path, &json!({})).await.0] {
        assert_eq!(status, 404);
    }
    assert_eq!(world.post(&format!("{path}/preview"), &json!({"contact": {}})).await.0, 404);
    for (body, field) in [
        (json!({"name": "", "body": "x"}), "name"),
        (json!({"name": "x", "body": " "}), "body"),
        (json!({"name": "x", "body": "{{ name"}), "body"),
        (json!({"name": "x", "body": "{{ name|shout }}"}), "body"),
        (json!({"name": "x", "body": "x".repeat(17_000)}), "body"),
        (json!({"name": "x", "body": "x", "defaults": {"": "x"}}), "defaults"),
        (
            json!({"name": "x", "body": "x", "media": {"id": "med_00000000000000000000000000", "kind": "tape"}}),
            "media.kind",
        ),
        (json!({"name": "x", "body": "x", "colour": 1}), "colour"),
    ] {
        let (status, problem) = world.post(PATH, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    let gone = json!({"name": "x", "body": "x", "media": {"id": "med_00000000000000000000000000", "kind": "image"}});
    assert_eq!(world.post(PATH, &gone).await.0, 404);
}

#[tokio::test]
async fn a_template_is_tried_with_somebody_given_or_listed() {
    let world = World::start().await;
    let body = "{% if 'vip' in tags %}Dear{% else %}Hi{% endif %} {{ name|word|default('friend') }}, {{ city }}{a|b}";
    let (path, _) = template(&world, json!({"name": "T", "body": body, "strict": true})).await;
    let preview = format!("{path}/preview");
    let somebody = json!({"contact": {"name": "Budi Santoso", "fields": {"city": "Jakarta {x|y}"}, "tags": ["vip"]}});
    let (status, told) = world.post(&preview, &somebody).await;
    assert_eq!(status, 200, "{told}");
    let text = told["text"].as_str().unwrap();
    assert!(["Dear Budi, Jakarta {x|y}a", "Dear Budi, Jakarta {x|y}b"].contains(&text), "{text}");
    assert_eq!(world.post(&preview, &somebody).await.1, told, "the same, always");
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..32 {
        let mut other = somebody.clone();
        other["seed"] = json!(seed);
        seen.insert(world.post(&preview, &other).await.1["text"].to_string());
    }
    assert_eq!(seen.len(), 2, "another seed, another draw");

    let of = list(&world, "L").await;
    let id = of.rsplit('/').next().unwrap();
    world.put(&format!("{of}/contacts/+6281234567890"), &json!({"fields": {"city": "Bonn"}})).await;
    let (_, told) = world.post(&preview, &json!({"list": id, "phone": "+62 812-3456-7890"})).await;
    assert!(told["text"].as_str().unwrap().starts_with("Hi friend, Bonn"), "{told}");
    let (status, refused) = world.post(&preview, &json!({"contact": {"name": "A"}})).await;
    assert_eq!((status, &refused["code"]), (400, &json!("template_failed")), "strict: {refused}");
    assert_eq!(world.post(&preview, &json!({"list": id, "phone": "+6281234567891"})).await.0, 404);
    for body in
        [json!({}), json!({"list": id}), json!({"contact": {}, "list": id}), json!({"contact": {}, "phone": "1"})]
    {
        assert_eq!(world.post(&preview, &body).await.0, 400, "{body}");
    }
}

/// A loop that would not end in a year is over in a moment.
#[tokio::test]
async fn a_template_that_never_ends_ends() {
    let world = World::start().await;
    let endless = "{% for a in number %}".repeat(11) + "x" + &"{% endfor %}".repeat(11);
    let (path, _) = template(&world, json!({"name": "T", "body": endless})).await;
    let (status, refused) = world.post(&format!("{path}/preview"), &json!({"contact": {}})).await;
    assert_eq!((status, &refused["code"]), (400, &json!("template_failed")), "{refused}");
    let long =
        "{% for a in number %}{% for b in number %}{% for c in number %}{{ name }}{% endfor %}{% endfor %}{% endfor %}";
    let (path, _) = template(&world, json!({"name": "T", "body": long})).await;
    let somebody = json!({"contact": {"name": "x".repeat(200)}});
    assert_eq!(world.post(&format!("{path}/preview"), &somebody).await.0, 400);
}
