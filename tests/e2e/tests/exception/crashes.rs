//! Runs that are killed, at every call.

use credwarden_e2e::exception::{Ask, CAROL, EXCEPTIONS, approve, ask, entries, go_on, tags};
use credwarden_e2e::remedy::{Ended, Ledger, assert_sound, noon, ready, seed, settle_by_schedule};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Execution;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};

fn crowd(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| estate.user(&format!("user-{number}")).key(age_days(120)))
}

/// The calls of the function since this many calls of everybody.
fn calls_since(sandbox: &Sandbox, before: usize) -> Vec<String> {
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == EXCEPTIONS);
    calls.map(|call| call.call.action).collect()
}

/// One user, and how its run dies.
struct Scenario {
    user: String,
    user_id: String,
    key_id: String,
    name: String,
    /// The ledger holds the change when the run ends.
    is_known: bool,
}

/// An execution waits for Carol, who approves, and meets the fault at the function's call of this place.
async fn dies(sandbox: &Sandbox, waiting: Execution, place: usize, act: Act, name: &str) -> Ended {
    sandbox.decide(&waiting.id, CAROL, true).unwrap();
    let fault = sandbox.faults().arm(Matching::any().caller(EXCEPTIONS).nth(place as u64 + 1), act);
    let ended = Ended::of(&go_on(sandbox, &waiting.id).await.unwrap());
    sandbox.faults().clear();
    assert_eq!(fault.fired(), 1, "{name}: {ended:?}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_killed_at_every_call_ends_as_one_that_was_not() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let first = &crowd(1).users[0];
    let (user_id, key_id) = (first.id().to_string(), first.keys[0].key.id.to_string());
    let before = sandbox.calls().len();
    let waiting = ask(&sandbox, &Ask::grant(&user_id, &key_id, "2026-12-14")).await.unwrap();
    assert_eq!(approve(&sandbox, &waiting).await.unwrap().status, "done");
    let calls = calls_since(&sandbox, before);
    let write = calls.iter().position(|action| action == "dynamodb:TransactWriteItems").unwrap();
    assert!(calls.iter().any(|action| action == "iam:TagUser") && calls.len() > 10, "{calls:?}");

    let ends = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];
    let estate = crowd(1 + calls.len() * ends.len()).without("user-0");
    seed(&sandbox, &estate).await.unwrap();
    let mut users = estate.users.iter();
    let mut scenarios = Vec::new();
    for (place, action) in calls.iter().enumerate() {
        for act in ends {
            let found = users.next().unwrap();
            let (user_id, key_id) = (found.id().to_string(), found.keys[0].key.id.to_string());
            let name = format!("{act:?} at call {}, {action}", place + 1);
            let waiting = ask(&sandbox, &Ask::grant(&user_id, &key_id, "2026-12-14")).await.unwrap();
            let ended = dies(&sandbox, waiting, place, act, &name).await;
            let is_lost = act == Act::LoseResponse;
            assert_eq!(ended.status, if is_lost { "done" } else { "Failed" }, "{name}: {ended:?}");
            let is_known = is_lost || place > write || (place == write && act == Act::DieAfter);
            scenarios.push(Scenario { user: found.name().to_string(), user_id, key_id, name, is_known });
        }
    }
    for Scenario { user_id, name, is_known, .. } in &scenarios {
        assert_eq!(!entries(&sandbox, user_id).await.unwrap().is_empty(), *is_known, "{name}");
    }

    // Whatever the ledger knows of, the schedule brings to its end; whoever meets the rest asks again.
    settle_by_schedule(&sandbox).await.unwrap();
    for Scenario { user_id, key_id, .. } in scenarios.iter().filter(|scenario| !scenario.is_known) {
        let waiting = ask(&sandbox, &Ask::grant(user_id, key_id, "2026-12-14")).await.unwrap();
        assert_eq!(approve(&sandbox, &waiting).await.unwrap().status, "done");
    }
    for Scenario { user, user_id, key_id, name, .. } in &scenarios {
        let known = entries(&sandbox, user_id).await.unwrap();
        let (exception, is_looked_for) = &known[&format!("EXCEPTION#access-key-age#{key_id}")];
        assert!(*is_looked_for, "{name}");
        let acts: Vec<_> = known.iter().filter(|(sk, _)| sk.starts_with("EXCEPTION-ACT#")).collect();
        assert_eq!((acts.len(), known.len()), (1, 2), "{name}: {known:?}");
        let (_, (act, _)) = acts[0];
        assert_eq!((&act["after"], act["approver"].as_str()), (exception, Some(CAROL)), "{name}");
        let value = format!("{} until 2026-12-14", exception["id"].as_str().unwrap());
        let tag = (format!("credwarden:exception/access-key-age/{key_id}"), value);
        assert_eq!(tags(&sandbox, user).await.unwrap(), [tag].into(), "{name}");
    }
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_cannot_be_written_does_not_undo_the_exception() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let first = &crowd(1).users[0];
    let (user_id, key_id) = (first.id().to_string(), first.keys[0].key.id.to_string());
    sandbox.faults().arm(Matching::action("iam:TagUser").always(), Act::Deny);
    let waiting = ask(&sandbox, &Ask::grant(&user_id, &key_id, "2026-12-14")).await.unwrap();
    let ended = approve(&sandbox, &waiting).await.unwrap();
    assert_eq!(ended.status, "done");
    assert!(ended.reason.contains("the tags are not") && ended.reason.contains("the schedule goes on"), "{ended:?}");
    assert!(tags(&sandbox, "user-0").await.unwrap().is_empty());
    let known = entries(&sandbox, &user_id).await.unwrap();
    assert!(known[&format!("EXCEPTION#access-key-age#{key_id}")].1 && known["EXCEPTION-TAGS"].1, "{known:?}");
    sandbox.faults().clear();
    settle_by_schedule(&sandbox).await.unwrap();
    assert_eq!(tags(&sandbox, "user-0").await.unwrap().len(), 1);
    assert_eq!(entries(&sandbox, &user_id).await.unwrap().len(), 2, "nothing is owed any more");
}
