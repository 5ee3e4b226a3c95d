//! Undoing, and the days after it.

use credwarden_e2e::remedy::{
    REMEDY, RULE, assert_sound, ended_on, id, key, key_changes, noon, ready, record, remedy, spent, undo, work,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Options;
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn undo_survives_the_next_evaluation() {
    // Silent for longer than a key counts as in use, and not for so long that another rule finds it.
    let estate = Estate::new(noon())
        .user("silent")
        .tag("owner", "olivia@example.com")
        .key(age_days(120))
        .used(age_days(8), "s3");
    let (user_id, key_id) = (id(&estate, "silent").unwrap(), key(&estate, "silent").unwrap());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    sandbox.silence_config(false);
    let status = async || sandbox.key_status(&key_id).await.unwrap().unwrap();

    sandbox.evaluate(RULE).await.unwrap();
    let done = ended_on(&sandbox.run_automations().await.unwrap(), &user_id);
    assert_eq!((done.last().unwrap().status.as_str(), status().await.as_str()), ("done", "Inactive"), "{done:?}");
    assert!(done.last().unwrap().is_undoable, "{done:?}");
    sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
    sandbox.evaluate(RULE).await.unwrap();
    assert_eq!(sandbox.compliance_of(RULE, "silent").unwrap().compliance, Compliance::Compliant);

    let undone = undo(&sandbox, &user_id, &key_id).await.unwrap();
    assert_eq!((undone.status.as_str(), status().await.as_str()), ("undone", "Active"), "{undone:?}");
    let items = record(&sandbox, &user_id).await.unwrap();
    assert!(items.contains(&format!("HOLD#{key_id}")), "{items:?}");
    assert_eq!(spent(&sandbox, "undo").await.unwrap(), 1);
    let again = undo(&sandbox, &user_id, &key_id).await.unwrap();
    assert_eq!(again.status, "nothing-to-do", "{again:?}");

    for day in 1..=6 {
        sandbox.advance(DAY).await.unwrap();
        let ended = ended_on(&sandbox.tick().await.unwrap(), &user_id);
        let statuses: Vec<_> = ended.iter().map(|ended| ended.status.as_str()).collect();
        assert_eq!(statuses, ["held"], "day {day}: {ended:?}");
        assert!(ended[0].reason.contains("olivia holds it until"), "day {day}: {ended:?}");
        assert_eq!(status().await, "Active", "day {day}");
        let row = sandbox.compliance_of(RULE, "silent").unwrap();
        assert_eq!(row.compliance, Compliance::NonCompliant, "day {day}: a hold hides nothing");
    }

    sandbox.advance(DAY + DAY).await.unwrap();
    let ended = ended_on(&sandbox.tick().await.unwrap(), &user_id);
    assert_eq!((ended.last().unwrap().status.as_str(), status().await.as_str()), ("done", "Inactive"), "{ended:?}");
    let changes: Vec<_> = key_changes(&sandbox).into_iter().map(|change| change.to).collect();
    assert_eq!(changes, ["Inactive", "Active", "Inactive"]);
    assert_eq!((spent(&sandbox, "act").await.unwrap(), spent(&sandbox, "undo").await.unwrap()), (2, 1));
    let work = work(&sandbox, &user_id, "deactivate-credential", &key_id).await.unwrap().unwrap();
    assert!(work.pointer("/earlier/0/step/settled/outcome/undone").is_some(), "what was undone is remembered: {work}");
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kill_switch_stops_what_it_says() {
    let estate = Estate::new(noon()).user("silent").key(age_days(120)).user("other").key(age_days(120));
    let estate = estate.user("left-open").key(age_days(120));
    let left = id(&estate, "left-open").unwrap();
    let (user_id, key_id) = (id(&estate, "silent").unwrap(), key(&estate, "silent").unwrap());
    let other = id(&estate, "other").unwrap();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "done");

    for value in ["stop", "undo-only", "Run", "yes"] {
        sandbox.set_kill_switch(value).await.unwrap();
        let ended = remedy(&sandbox, &other).await.unwrap();
        assert_eq!(ended.status, "held", "{value}: {ended:?}");
        assert!(ended.reason.contains("kill switch") || ended.reason.contains("kill-switch"), "{value}: {ended:?}");
        assert!(record(&sandbox, &other).await.unwrap().is_empty(), "{value}: not even the ledger is touched");
        if value != "undo-only" {
            let ended = undo(&sandbox, &user_id, &key_id).await.unwrap();
            assert_eq!(ended.status, "held", "{value}: {ended:?}");
        }
    }
    // Unreadable is `stop`.
    let fault = sandbox.faults().arm(
        Matching::action("ssm:GetParameter").caller(REMEDY).with("Name", "/credwarden/kill-switch").always(),
        Act::Deny,
    );
    let ended = remedy(&sandbox, &other).await.unwrap();
    assert_eq!(ended.status, "held", "{ended:?}");
    assert!(fault.fired() > 0 && ended.reason.contains("counts as `stop`"), "{ended:?}");
    sandbox.faults().clear();
    assert_eq!(key_changes(&sandbox).len(), 1);

    // The schedule starts nothing that may not act, and goes on once it may.
    sandbox.set_kill_switch("run").await.unwrap();
    sandbox.faults().arm(Matching::action("iam:UpdateAccessKey"), Act::DieBefore);
    assert_eq!(remedy(&sandbox, &left).await.unwrap().status, "Failed");
    for (value, started) in [("stop", 0), ("undo-only", 0), ("run", 1)] {
        sandbox.set_kill_switch(value).await.unwrap();
        sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
        sandbox.fire_all_schedules().await.unwrap();
        assert_eq!(sandbox.run_automations().await.unwrap().len(), started, "{value}");
    }
    assert_eq!(key_changes(&sandbox).len(), 2);

    sandbox.set_kill_switch("undo-only").await.unwrap();
    assert_eq!(undo(&sandbox, &user_id, &key_id).await.unwrap().status, "undone");
    sandbox.set_kill_switch("run").await.unwrap();
    assert_eq!(remedy(&sandbox, &other).await.unwrap().status, "done");
    assert_sound(&sandbox).await.unwrap();
}
