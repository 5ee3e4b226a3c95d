//! Maintenance windows: what is found outside one is done in the next, though AWS Config comes at another time.

use credwarden_e2e::remedy::{Ledger, assert_sound, id, key, key_changes, merge, noon, ready_with, remedy, undo};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::sandbox::Options;
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_act_waits_for_its_window_and_an_undo_for_none() {
    let estate = Estate::new(noon()).user("robot").key(age_days(120));
    let (robot, old) = (id(&estate, "robot").unwrap(), key(&estate, "robot").unwrap());
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| {
        merge(policy, json!({ "windows": [{ "days": ["tuesday"], "from": "20:00", "to": "23:00" }] }));
    })
    .await
    .unwrap();
    let ended = remedy(&sandbox, &robot).await.unwrap();
    assert_eq!(ended.status, "waiting", "{ended:?}");
    assert!(ended.reason.contains("2026-11-24T20:00:00Z"), "{ended:?}");

    // An hour before it opens the schedule finds nothing to do, and an hour after it does.
    for hours in [7, 2] {
        assert_eq!(key_changes(&sandbox), [], "before the window");
        sandbox.advance(SignedDuration::from_hours(hours)).await.unwrap();
        sandbox.fire_schedules().await.unwrap();
        sandbox.run_automations().await.unwrap();
    }
    let changes = key_changes(&sandbox);
    assert_eq!(changes.iter().map(|change| change.key.as_str()).collect::<Vec<_>>(), [old.as_str()]);
    assert!(changes[0].at.to_string().starts_with("2026-11-24T21"), "{changes:?}");
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());

    sandbox.advance(SignedDuration::from_hours(4)).await.unwrap();
    assert_eq!(undo(&sandbox, &robot, &old).await.unwrap().status, "undone");
    assert_sound(&sandbox).await.unwrap();
}
