//! Runs that are killed, at every call.

use credwarden_e2e::remedy::{
    Ledger, REMEDY, SCHEDULE, assert_sound, key_changes, noon, ready, record, remedy, seed, settle_by_schedule, spent,
    undo,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;

/// Old enough, and silent.
fn crowd(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| estate.user(&format!("user-{number}")).key(age_days(120)))
}

/// The calls of the remedy since this many calls of everybody.
fn calls_since(sandbox: &Sandbox, before: usize) -> Vec<String> {
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == REMEDY);
    calls.map(|call| call.call.action).collect()
}

/// One user, and how its run dies.
struct Scenario {
    user_id: String,
    key_id: String,
    name: String,
    /// The ledger knew of the run when it ended.
    is_known: bool,
    /// How often the change is made: a lost answer makes the SDK send the call again, which changes nothing more.
    changes: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_converges() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let before = sandbox.calls().len();
    let clean = crowd(1).users[0].id().to_string();
    assert_eq!(remedy(&sandbox, &clean).await.unwrap().status, "done");
    let calls = calls_since(&sandbox, before);
    let first_write = calls.iter().position(|action| action == "dynamodb:PutItem").unwrap();
    assert!(calls.len() > 15, "only {calls:?}");

    let ends = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];
    let estate = crowd(1 + calls.len() * ends.len()).without("user-0");
    seed(&sandbox, &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| (user.id().to_string(), user.keys[0].key.id.to_string()));
    let mut scenarios = Vec::new();
    for (place, action) in calls.iter().enumerate() {
        for act in ends {
            let (user_id, key_id) = users.next().unwrap();
            let name = format!("{act:?} at call {}, {action}", place + 1);
            let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place as u64 + 1), act);
            let ended = remedy(&sandbox, &user_id).await.unwrap();
            sandbox.faults().clear();
            assert_eq!(fault.fired(), 1, "{name}: {ended:?}");
            let is_lost = act == Act::LoseResponse;
            assert_eq!(ended.status, if is_lost { "done" } else { "Failed" }, "{name}: {ended:?}");
            let is_known = is_lost || place > first_write || (place == first_write && act == Act::DieAfter);
            let changes = if is_lost && action == "iam:UpdateAccessKey" { 2 } else { 1 };
            scenarios.push(Scenario { user_id, key_id, name, is_known, changes });
        }
    }
    let ledger = Ledger::of(&sandbox).await.unwrap();
    for Scenario { user_id, name, is_known, .. } in &scenarios {
        assert_eq!(!ledger.record(user_id).is_empty(), *is_known, "{name}");
    }

    // AWS Config stays silent: whatever the ledger knows of, the schedule brings to its end.
    settle_by_schedule(&sandbox).await.unwrap();
    let (known, unknown): (Vec<_>, Vec<_>) = scenarios.iter().partition(|scenario| scenario.is_known);
    assert_converged(&sandbox, &known).await;
    let spent = Ledger::of(&sandbox).await.unwrap().spent("act");
    assert_eq!(spent, 1 + i64::try_from(known.len()).unwrap(), "each is paid for once");

    // A run that died before the ledger knew of it has changed nothing, and the next evaluation finds what it left.
    let active = sandbox.active_keys().await.unwrap();
    assert_eq!(active, unknown.iter().map(|scenario| scenario.key_id.clone()).collect());
    sandbox.silence_config(false);
    sandbox.advance(SignedDuration::from_hours(24)).await.unwrap();
    sandbox.tick().await.unwrap();
    assert_converged(&sandbox, &scenarios.iter().collect::<Vec<_>>()).await;
    let spent = Ledger::of(&sandbox).await.unwrap().spent("act");
    assert_eq!(spent, 1 + i64::try_from(scenarios.len()).unwrap(), "each is paid for once");
    assert_sound(&sandbox).await.unwrap();
}

/// The end of every run: inactive, changed once, written down, nothing open, and it can be undone.
async fn assert_converged(sandbox: &Sandbox, scenarios: &[&Scenario]) {
    let (ledger, all_changes) = (Ledger::of(sandbox).await.unwrap(), key_changes(sandbox));
    let active = sandbox.active_keys().await.unwrap();
    assert!(ledger.open().is_empty(), "{:?}", ledger.open());
    for Scenario { user_id, key_id, name, changes, .. } in scenarios {
        assert!(!active.contains(key_id), "{name}");
        assert_eq!(all_changes.iter().filter(|change| change.key == *key_id).count(), *changes, "{name}");
        let work = ledger.work(user_id, "deactivate-credential", key_id).unwrap();
        assert!(work.pointer("/step/settled/outcome/done/after").is_some(), "{name}: {work}");
        assert!(work["undo_until"].is_string(), "{name}: {work}");
        assert!(work.get("earlier").is_none(), "{name}: {work}");
        let requester = work.pointer("/request/requester").unwrap().as_str().unwrap();
        let is_first = requester.ends_with("user/olivia") || requester.contains("AwsConfigRemediation");
        assert!(is_first, "{name}: whoever goes on with it, its requester stays: {work}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_killed_at_every_call_converges() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let user = |estate: &Estate, number: usize| {
        let user = &estate.users[number];
        (user.id().to_string(), user.keys[0].key.id.to_string())
    };
    let clean = user(&crowd(1), 0);
    assert_eq!(remedy(&sandbox, &clean.0).await.unwrap().status, "done");
    let before = sandbox.calls().len();
    assert_eq!(undo(&sandbox, &clean.0, &clean.1).await.unwrap().status, "undone");
    let calls = calls_since(&sandbox, before);
    let first_write = calls.iter().position(|action| action == "dynamodb:PutItem").unwrap();

    let ends = [Act::DieBefore, Act::DieAfter];
    // Calls before the first write are like those of any other run.
    let places = first_write..calls.len();
    let estate = crowd(1 + places.len() * ends.len());
    seed(&sandbox, &estate).await.unwrap();
    let mut number = 0;
    let mut killed = Vec::new();
    for place in places {
        for act in ends {
            number += 1;
            let (user_id, key_id) = user(&estate, number);
            let name = format!("{act:?} at call {}, {}", place + 1, calls[place]);
            assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "done", "{name}");
            let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place as u64 + 1), act);
            let ended = undo(&sandbox, &user_id, &key_id).await.unwrap();
            sandbox.faults().clear();
            assert_eq!((fault.fired(), ended.status.as_str()), (1, "Failed"), "{name}: {ended:?}");
            // INVARIANT (tomorrow does not redo it): where the key is active, the hold stands already.
            if sandbox.key_status(&key_id).await.unwrap().unwrap() == "Active" {
                let items = record(&sandbox, &user_id).await.unwrap();
                assert!(items.contains(&format!("HOLD#{key_id}")), "{name}: {items:?}");
            }
            let is_known = place > first_write || act == Act::DieAfter;
            killed.push((user_id, key_id, name, is_known));
        }
    }
    settle_by_schedule(&sandbox).await.unwrap();
    let (ledger, active) = (Ledger::of(&sandbox).await.unwrap(), sandbox.active_keys().await.unwrap());
    for (user_id, key_id, name, is_known) in &killed {
        assert_eq!(active.contains(key_id), *is_known, "{name}");
        let work = ledger.work(user_id, "undo-deactivate-credential", key_id);
        assert_eq!(work.is_some_and(|work| work.pointer("/step/settled/outcome/done").is_some()), *is_known, "{name}");
        let undone = ledger.work(user_id, "deactivate-credential", key_id).unwrap();
        assert_eq!(undone.pointer("/step/settled/outcome/undone").is_some(), *is_known, "{name}: {undone}");
    }
    let known = killed.iter().filter(|(.., is_known)| *is_known).count();
    assert_eq!(ledger.spent("undo"), 1 + i64::try_from(known).unwrap(), "each is paid for once");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_killed_at_every_call_comes_again() {
    let estate = crowd(40);
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| (user.id().to_string(), user.keys[0].key.id.to_string()));
    let hour = SignedDuration::from_mins(61);
    let mut left = async || {
        let (user_id, key_id) = users.next().unwrap();
        sandbox.faults().arm(Matching::action("iam:UpdateAccessKey"), Act::DieBefore);
        assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "Failed");
        sandbox.faults().clear();
        sandbox.advance(hour).await.unwrap();
        key_id
    };
    let inactive = async |key_id: &str| sandbox.key_status(key_id).await.unwrap().unwrap() == "Inactive";

    let key_id = left().await;
    let before = sandbox.calls().len();
    sandbox.fire_all_schedules().await.unwrap();
    let calls: Vec<_> = sandbox.calls().split_off(before).into_iter().map(|call| call.call.action).collect();
    sandbox.run_automations().await.unwrap();
    assert!(inactive(&key_id).await, "a schedule that is not killed goes on with it");
    assert!(calls.iter().any(|action| action == "ssm:StartAutomationExecution"), "{calls:?}");

    for (place, action) in calls.iter().enumerate() {
        for act in [Act::DieBefore, Act::DieAfter] {
            let key_id = left().await;
            let fault = sandbox.faults().arm(Matching::any().caller(SCHEDULE).nth(place as u64 + 1), act);
            sandbox.fire_all_schedules().await.unwrap();
            sandbox.faults().clear();
            assert_eq!(fault.fired(), 1, "{act:?} at {action}");
            sandbox.run_automations().await.unwrap();
            sandbox.advance(hour).await.unwrap();
            sandbox.fire_all_schedules().await.unwrap();
            sandbox.run_automations().await.unwrap();
            assert!(inactive(&key_id).await, "{act:?} at {action}");
            assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty(), "{act:?} at {action}");
        }
    }
    let done = 1 + 2 * calls.len();
    assert_eq!(
        (spent(&sandbox, "act").await.unwrap(), key_changes(&sandbox).len()),
        (i64::try_from(done).unwrap(), done)
    );
    assert_sound(&sandbox).await.unwrap();
}
