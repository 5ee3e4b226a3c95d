//! What an invocation says of itself, and what nobody reads.

use credwarden_e2e::remedy::{
    REMEDY, RULE, assert_sound, id, key, key_changes, noon, ready, record, remedy, start, work,
};
use credwarden_estate::estate::{Estate, age_days, age_hours};
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// Fields that somebody might hope are read, under every spelling.
fn forgeries(of: &str) -> Vec<(&'static str, Value)> {
    let long_ago = json!("2020-01-01T00:00:00Z");
    let far_ahead = json!("2027-11-24T12:00:00Z");
    vec![
        ("Now", far_ahead.clone()),
        ("now", far_ahead.clone()),
        ("Time", far_ahead.clone()),
        ("time", json!(1_900_000_000)),
        ("AsOf", far_ahead.clone()),
        ("EventTime", far_ahead.clone()),
        ("notificationCreationTime", far_ahead.clone()),
        ("OrderingTimestamp", long_ago),
        ("Deadline", far_ahead),
        ("MaxAgeDays", json!(1)),
        ("maxAgeDays", json!("1")),
        ("InUseDays", json!(0)),
        ("Limit", json!(1)),
        ("Limits", json!({ "access-key": { "maxAgeDays": 1, "inUseDays": 0 } })),
        ("Policy", json!({ "protected": [] })),
        ("PolicyParameter", json!("/forged/policy")),
        ("KillSwitch", json!("run")),
        ("Mode", json!("enforce")),
        ("mode", json!("enforce")),
        ("Force", json!(true)),
        ("Budget", json!(1_000)),
        ("Requester", json!("arn:aws:iam::123456789012:root")),
        ("requester", json!("arn:aws:iam::123456789012:root")),
        ("ExecutedBy", json!("arn:aws:iam::123456789012:root")),
        ("Approver", json!("arn:aws:iam::123456789012:root")),
        ("approvers", json!(["arn:aws:iam::123456789012:root"])),
        ("ResourceId", json!(of)),
        ("resourceId", json!(of)),
        ("UserId", json!(of)),
        ("UserName", json!("silent")),
        ("CredentialId", json!("AKIAIOSFODNN7EXAMPLE")),
        ("Document", json!("credwarden-undo-deactivate-credential")),
        ("DocumentName", json!("credwarden-undo-deactivate-credential")),
        ("Operation", json!("undo")),
        ("Prefix", json!("forged")),
        ("prefix", json!("forged")),
        ("Rule", json!("access-key-age")),
        ("executionId", json!("00000000-0000-4000-9000-000000000001")),
        ("AutomationAssumeRole", json!("arn:aws:iam::123456789012:role/forged")),
    ]
}

async fn answer(sandbox: &Sandbox, payload: &Value) -> Value {
    match sandbox.invoke(REMEDY, payload).await.unwrap().result {
        Ended::Answered(answer) => answer,
        other => panic!("{payload}: {other:?}"),
    }
}

async fn refusal(sandbox: &Sandbox, payload: &Value) -> String {
    match sandbox.invoke(REMEDY, payload).await.unwrap().result {
        Ended::Failed(error) => error.kind,
        other => panic!("{payload}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_field_moves_the_clock() {
    let estate = Estate::new(noon())
        .user("young")
        .key(age_days(80))
        .user("busy")
        .key(age_days(120))
        .used(age_hours(2), "s3")
        .user("silent")
        .key(age_days(120));
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let silent = id(&estate, "silent").unwrap();

    for (user, status) in [("young", "nothing-to-do"), ("busy", "held")] {
        let user_id = id(&estate, user).unwrap();
        let execution = start(&sandbox, &user_id).unwrap();
        let honest = answer(&sandbox, &json!({ "ExecutionId": execution })).await;
        assert_eq!(honest["status"], status, "{user}: {honest}");
        for (field, value) in forgeries(&silent) {
            let mut payload = json!({ "ExecutionId": execution });
            payload[field] = value;
            assert_eq!(answer(&sandbox, &payload).await, honest, "{user}: {payload}");
        }
    }
    assert_eq!(key_changes(&sandbox), []);
    assert!(record(&sandbox, &silent).await.unwrap().is_empty(), "nobody asked for this user");

    // An execution id that is none of a running execution of ours.
    let finished = start(&sandbox, &silent).unwrap();
    sandbox.set_kill_switch("stop").await.unwrap();
    credwarden_e2e::remedy::run(&sandbox, &finished).await.unwrap();
    sandbox.set_kill_switch("run").await.unwrap();
    let unknown = "ffffffff-0000-4000-9000-000000000000";
    for (payload, kind) in [
        (json!({ "ExecutionId": finished }), "InvocationRefused"),
        (json!({ "ExecutionId": finished, "Status": "InProgress", "ResourceId": silent }), "InvocationRefused"),
        (json!({ "ExecutionId": unknown, "ResourceId": silent, "DocumentName": RULE }), "ExecutionUnknown"),
        (json!({ "ResourceId": silent, "DocumentName": RULE }), "InvocationRefused"),
        (json!({ "ExecutionId": null, "ResourceId": silent }), "InvocationRefused"),
        (json!({ "ExecutionId": [finished] }), "InvocationRefused"),
        (json!([]), "InvocationRefused"),
        (json!("{}"), "InvocationRefused"),
    ] {
        assert_eq!(refusal(&sandbox, &payload).await, kind, "{payload}");
    }
    assert_eq!(key_changes(&sandbox), []);

    // All of it at once makes no difference to what is to be done, or to who asked for it.
    let key_id = key(&estate, "silent").unwrap();
    let execution = start(&sandbox, &silent).unwrap();
    let mut payload = json!({ "ExecutionId": execution });
    for (field, value) in forgeries(&id(&estate, "young").unwrap()) {
        payload[field] = value;
    }
    let done = answer(&sandbox, &payload).await;
    assert_eq!((&done["status"], &done["actions"][0]["credential"]), (&json!("done"), &json!(key_id)), "{done}");
    let work = work(&sandbox, &silent, "deactivate-credential", &key_id).await.unwrap().unwrap();
    assert_eq!(work["request"]["requester"], sandbox.automation().person_arn("olivia"), "{work}");
    assert!(work["request"].get("approvers").is_none(), "{work}");
    let begun: jiff::Timestamp = work["begun"].as_str().unwrap().parse().unwrap();
    assert!(begun.duration_since(noon()).as_hours() < 1, "{work}");
    assert_eq!(key_changes(&sandbox).len(), 1);

    // Nor does it matter that somebody asks twice in different words.
    assert_eq!(remedy(&sandbox, &silent).await.unwrap().status, "nothing-to-do");
    assert_sound(&sandbox).await.unwrap();
}
