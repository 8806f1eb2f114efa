use wasup_store::records::ProxyAddress;

use super::*;

fn read(json: &str) -> ChangeAccount {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn wrong(json: &str) -> Vec<String> {
    read(json).check().err().unwrap_or_default().into_iter().map(|error| error.field).collect()
}

#[test]
fn left_out_is_not_null() {
    assert_eq!(read("{}").check().unwrap(), AccountPatch::default());
    let back = read(
        r#"{"name": null, "default_region": null, "autostart": null, "metadata": null, "note": null, "restart": null, "pacing": null,
            "proxy": null, "device_name": null, "history": null}"#,
    );
    let settings = SettingsPatch {
        max_restarts: Some(None),
        within_ms: Some(None),
        backoff_base_ms: Some(None),
        backoff_cap_ms: Some(None),
        stable_after_ms: Some(None),
        gap_min_ms: Some(None),
        gap_max_ms: Some(None),
        per_minute: Some(None),
        cold_per_day: Some(None),
        proxy: Some(None),
        device_name: Some(None),
        history_days: Some(None),
        history_megabytes: Some(None),
        history_full: Some(None),
    };
    let all = AccountPatch {
        name: Some(String::new()),
        default_region: Some(None),
        autostart: Some(true),
        metadata: Some(None),
        note: Some(None),
        settings,
    };
    assert_eq!(back.check().unwrap(), all);
}

#[test]
fn each_value_is_read() {
    let json = r#"{"name": "Shop", "metadata": {"a": 1}, "note": "Corner", "restart": {"max_restarts": 2, "within": "1m"},
        "pacing": {"gap": {"min": "500ms"}, "per_minute": 20, "cold_per_day": null},
        "proxy": " socks5://u:p@127.0.0.1:1080 ", "device_name": "Till 2", "history": {"days": 30, "full": true}}"#;
    let settings = SettingsPatch {
        max_restarts: Some(Some(2)),
        within_ms: Some(Some(60_000)),
        gap_min_ms: Some(Some(500)),
        per_minute: Some(Some(20)),
        cold_per_day: Some(None),
        proxy: Some(Some(ProxyAddress("socks5://u:p@127.0.0.1:1080".into()))),
        device_name: Some(Some("Till 2".into())),
        history_days: Some(Some(30)),
        history_full: Some(Some(true)),
        ..SettingsPatch::default()
    };
    let expected = AccountPatch {
        name: Some("Shop".into()),
        metadata: Some(Some(r#"{"a":1}"#.into())),
        note: Some(Some("Corner".into())),
        settings,
        ..AccountPatch::default()
    };
    assert_eq!(read(json).check().unwrap(), expected);
}

#[test]
fn every_wrong_value_is_named_at_once() {
    let json = r#"{"default_region": "id", "proxy": "socks5://hush", "device_name": "", "restart": {"max_restarts": 1001,
        "within": "10ms", "backoff_base": "1ms", "backoff_cap": "2d", "stable_after": "0s"}, "pacing": {"gap": {"min": "2h",
        "max": "61m"}, "per_minute": 1001, "cold_per_day": 1001}, "history": {"days": 0, "megabytes": 0}}"#;
    let fields = [
        "default_region",
        "proxy",
        "device_name",
        "restart.max_restarts",
        "restart.within",
        "restart.backoff_base",
        "restart.backoff_cap",
        "restart.stable_after",
        "pacing.gap.min",
        "pacing.gap.max",
        "pacing.per_minute",
        "pacing.cold_per_day",
        "history.days",
        "history.megabytes",
    ];
    assert_eq!(wrong(json), fields);
    let errors = read(json).check().unwrap_err();
    assert!(!format!("{errors:?} {:?}", read(json)).contains("hush"));
    let name = "x".repeat(201);
    assert_eq!(wrong(&format!(r#"{{"name": "{name}", "device_name": "a\nb"}}"#)), ["name", "device_name"]);
    let notes = "x".repeat(16 * 1_024);
    assert_eq!(wrong(&format!(r#"{{"metadata": {{"a": "{notes}"}}}}"#)), ["metadata"]);
}

#[test]
fn shapes_are_refused() {
    for json in [
        r#"{"id": "b"}"#,
        r#"{"proxy": 5}"#,
        r#"{"restart": {"within": 60}}"#,
        r#"{"restart": {"jitter": 1}}"#,
        r#"{"pacing": {"gap": "1s"}}"#,
        r#"{"pacing": {"per_minute": -1}}"#,
        r#"{"metadata": 1}"#,
    ] {
        assert!(serde_json::from_str::<ChangeAccount>(json).is_err(), "{json}");
    }
}
