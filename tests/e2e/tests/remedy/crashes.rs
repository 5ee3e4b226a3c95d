//! Runs that are killed, at every call.

use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;

use credwarden_e2e::remedy::{self, REMEDY, assert_sound, key_changes, noon, ready, settle_by_schedule, spent};

/// Old enough, and silent.
fn crowd(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| estate.user(&format!("user-{number}")).key(age_days(120)))
}

/// The calls of a run of the remedy that begins after the call of this number, and the place of the first that writes
/// to the ledger; both counted from one.
fn counted(sandbox: &Sandbox, after: u64) -> (u64, u64) {
    let calls: Vec<_> = sandbox.calls().into_iter().filter(|call| call.call.number > after).collect();
    let first_write = calls.iter().position(|call| call.call.action == "dynamodb:PutItem").unwrap();
    (calls.len() as u64, first_write as u64 + 1)
}

fn last_call(sandbox: &Sandbox) -> u64 {
    sandbox.calls().last().unwrap().call.number
}

/// One user and how its run is to die.
struct Scenario {
    user_id: String,
    key_id: String,
    name: String,
    is_in_ledger: bool,
    executed: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_converges() {
    let estate = crowd(120);
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| (user.id().to_string(), user.keys[0].key.id.to_string()));

    let (clean, _) = users.next().unwrap();
    let before = last_call(&sandbox);
    assert_eq!(remedy::remedy(&sandbox, &clean).await.unwrap().status, "done");
    let (calls, first_write) = counted(&sandbox, before);
    assert!(calls > 15, "only {calls} calls were counted");

    let mut scenarios = Vec::new();
    for place in 1..=calls {
        for act in [Act::DieBefore, Act::DieAfter, Act::LoseResponse] {
            let (user_id, key_id) = users.next().expect("more users than calls to be killed at");
            let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place), act);
            let ended = remedy::remedy(&sandbox, &user_id).await.unwrap();
            assert_eq!(fault.fired(), 1, "{act:?} at call {place}: {ended:?}");
            sandbox.faults().clear();
            let lost = act == Act::LoseResponse;
            assert_eq!(ended.status, if lost { "done" } else { "Failed" }, "{act:?} at call {place}: {ended:?}");
            let met = sandbox.calls().into_iter().rfind(|call| call.call.caller == REMEDY);
            let is_in_ledger = place > first_write || (place == first_write && act != Act::DieBefore);
            assert_eq!(
                !remedy::record(&sandbox, &user_id).await.unwrap().is_empty(),
                is_in_ledger || lost,
                "{act:?} at call {place}: {met:?}"
            );
            let name = format!("{act:?} at call {place}");
            // A lost answer makes the SDK send the call again, which changes nothing more.
            let sent_twice = lost && key_changes(&sandbox).iter().filter(|change| change.key == key_id).count() == 2;
            let executed = if sent_twice { 2 } else { 1 };
            scenarios.push(Scenario { user_id, key_id, name, is_in_ledger: is_in_ledger || lost, executed });
        }
    }
    assert_eq!(scenarios.iter().filter(|scenario| scenario.executed == 2).count(), 1, "one call changes a key");

    // AWS Config stays silent: whatever the ledger knows of, the schedule brings to its end.
    settle_by_schedule(&sandbox).await.unwrap();
    let known = scenarios.iter().filter(|scenario| scenario.is_in_ledger);
    for scenario in known.clone() {
        assert_converged(&sandbox, scenario).await;
    }
    assert_eq!(spent(&sandbox, "act").await.unwrap(), 1 + i64::try_from(known.count()).unwrap());

    // A run that died before the ledger knew of it has changed nothing; the next evaluation finds what it left.
    for scenario in scenarios.iter().filter(|scenario| !scenario.is_in_ledger) {
        assert_eq!(sandbox.key_status(&scenario.key_id).await.unwrap().unwrap(), "Active", "{}", scenario.name);
    }
    sandbox.silence_config(false);
    sandbox.advance(SignedDuration::from_hours(24)).await.unwrap();
    sandbox.tick().await.unwrap();
    for scenario in &scenarios {
        assert_converged(&sandbox, scenario).await;
    }
    assert!(sandbox.open_work().await.unwrap().is_empty());
    // Whoever was not killed is done too: the clean run, and users that no call was left for.
    let active = sandbox.active_keys().await.unwrap();
    assert!(active.is_empty(), "{active:?}");
    assert_eq!(spent(&sandbox, "act").await.unwrap(), i64::try_from(estate.users.len()).unwrap());
    assert_sound(&sandbox).await.unwrap();
}

/// The end of every run: inactive, changed once, written down, nothing open, and it can be undone.
async fn assert_converged(sandbox: &Sandbox, scenario: &Scenario) {
    let Scenario { user_id, key_id, name, executed, .. } = scenario;
    assert_eq!(sandbox.key_status(key_id).await.unwrap().unwrap(), "Inactive", "{name}");
    let changes = key_changes(sandbox).into_iter().filter(|change| change.key == *key_id).count();
    assert_eq!(changes, *executed, "{name}");
    let work = remedy::work(sandbox, user_id, "deactivate-credential", key_id).await.unwrap().unwrap();
    assert!(work.pointer("/step/settled/outcome/done/after").is_some(), "{name}: {work}");
    assert!(work["undo_until"].is_string(), "{name}: {work}");
    assert!(work.get("earlier").is_none(), "{name}: {work}");
    let requester = work.pointer("/request/requester").unwrap().as_str().unwrap();
    assert!(
        requester.ends_with("user/olivia") || requester.contains("AwsConfigRemediation"),
        "{name}: whoever goes on with it, its first requester stays: {work}"
    );
    let open: Vec<_> = sandbox.open_work().await.unwrap();
    assert!(open.iter().all(|item| item["pk"] != format!("USER#{user_id}")), "{name}: {open:?}");
}
