//! Runs that are killed, at every call.

use credwarden_e2e::exception::{Ask, CAROL, EXCEPTIONS, approve, ask, ask_and_approve, entries, go_on, tags};
use credwarden_e2e::remedy::{Ended, Ledger, RULE, SCHEDULE, assert_sound, noon, ready, seed, settle_by_schedule};
use credwarden_estate::estate::{Estate, EstateUser, age_days};
use credwarden_sandbox::automation::{Execution, Status};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;
use serde_json::Value;

/// How a process or an answer is lost.
const ENDS: [Act; 3] = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];

/// Until when each is granted, and extended.
const GRANTED: &str = "2026-12-14";
const EXTENDED: &str = "2026-12-31";

fn extension<'a>(user_id: &'a str, key_id: &'a str) -> Ask<'a> {
    Ask { owner: "none", ..Ask::grant(user_id, key_id, EXTENDED).operation("extend") }
}

fn revocation<'a>(user_id: &'a str, key_id: &'a str) -> Ask<'a> {
    Ask { owner: "none", until: "none", ..Ask::grant(user_id, key_id, GRANTED).operation("revoke") }
}

fn ids(user: &EstateUser) -> (String, String) {
    (user.id().to_string(), user.keys.first().map(|owned| owned.key.id.to_string()).unwrap_or_default())
}

/// The acts that the ledger keeps of a user's exceptions, by what changed.
async fn acts(sandbox: &Sandbox, user_id: &str) -> Vec<Value> {
    let known = entries(sandbox, user_id).await.unwrap();
    let acts = known.into_iter().filter(|(sk, _)| sk.starts_with("EXCEPTION-ACT#")).map(|(_, (act, _))| act);
    acts.collect()
}

/// How often a change is among them.
fn count(acts: &[Value], change: &str) -> usize {
    acts.iter().filter(|act| act["change"] == change).count()
}

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

/// Every end at every one of these calls, each met by a user of its own: what the function said, and what the ledger then knows.
async fn meets_every_end(
    sandbox: &Sandbox,
    calls: &[String],
    meets: impl AsyncFn(&str, &str, usize, Act, &str) -> Ended,
) -> Vec<Scenario> {
    let write = calls.iter().position(|action| action == "dynamodb:TransactWriteItems").unwrap();
    let estate = crowd(1 + calls.len() * ENDS.len()).without("user-0");
    seed(sandbox, &estate).await.unwrap();
    let mut users = estate.users.iter();
    let mut scenarios = Vec::new();
    for (place, action) in calls.iter().enumerate() {
        for act in ENDS {
            let found = users.next().unwrap();
            let (user_id, key_id) = ids(found);
            let name = format!("{act:?} at call {}, {action}", place + 1);
            let ended = meets(&user_id, &key_id, place, act, &name).await;
            let is_lost = act == Act::LoseResponse;
            assert_eq!(ended.status, if is_lost { "done" } else { "Failed" }, "{name}: {ended:?}");
            let is_known = is_lost || place > write || (place == write && act == Act::DieAfter);
            scenarios.push(Scenario { user: found.name().to_string(), user_id, key_id, name, is_known });
        }
    }
    scenarios
}

/// A key's exception is granted without a fault.
async fn granted(sandbox: &Sandbox, user_id: &str, key_id: &str) {
    let granted = ask_and_approve(sandbox, &Ask::grant(user_id, key_id, GRANTED)).await.unwrap();
    assert_eq!(granted.status, "done", "{user_id}: {granted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_killed_at_every_call_ends_as_one_that_was_not() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let (user_id, key_id) = ids(&crowd(1).users[0]);
    let before = sandbox.calls().len();
    let waiting = ask(&sandbox, &Ask::grant(&user_id, &key_id, GRANTED)).await.unwrap();
    assert_eq!(approve(&sandbox, &waiting).await.unwrap().status, "done");
    let calls = calls_since(&sandbox, before);
    assert!(calls.iter().any(|action| action == "iam:TagUser") && calls.len() > 10, "{calls:?}");

    let scenarios = meets_every_end(&sandbox, &calls, async |user_id, key_id, place, act, name| {
        let waiting = ask(&sandbox, &Ask::grant(user_id, key_id, GRANTED)).await.unwrap();
        dies(&sandbox, waiting, place, act, name).await
    })
    .await;
    for Scenario { user_id, name, is_known, .. } in &scenarios {
        assert_eq!(!entries(&sandbox, user_id).await.unwrap().is_empty(), *is_known, "{name}");
    }

    // Whatever the ledger knows of, the schedule brings to its end; whoever meets the rest asks again.
    settle_by_schedule(&sandbox).await.unwrap();
    for Scenario { user_id, key_id, .. } in scenarios.iter().filter(|scenario| !scenario.is_known) {
        let waiting = ask(&sandbox, &Ask::grant(user_id, key_id, GRANTED)).await.unwrap();
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
    let (user_id, key_id) = ids(&crowd(1).users[0]);
    sandbox.faults().arm(Matching::action("iam:TagUser").always(), Act::Deny);
    let waiting = ask(&sandbox, &Ask::grant(&user_id, &key_id, GRANTED)).await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_killed_at_every_call_ends_as_one_that_was_not() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let (user_id, key_id) = ids(&crowd(1).users[0]);
    granted(&sandbox, &user_id, &key_id).await;
    let before = sandbox.calls().len();
    assert_eq!(ask_and_approve(&sandbox, &extension(&user_id, &key_id)).await.unwrap().status, "done");
    let calls = calls_since(&sandbox, before);
    assert!(calls.iter().any(|action| action == "iam:TagUser"), "{calls:?}");

    let scenarios = meets_every_end(&sandbox, &calls, async |user_id, key_id, place, act, name| {
        granted(&sandbox, user_id, key_id).await;
        let waiting = ask(&sandbox, &extension(user_id, key_id)).await.unwrap();
        dies(&sandbox, waiting, place, act, name).await
    })
    .await;
    for Scenario { user_id, name, is_known, .. } in &scenarios {
        assert_eq!(count(&acts(&sandbox, user_id).await, "extend"), usize::from(*is_known), "{name}");
    }
    settle_by_schedule(&sandbox).await.unwrap();
    for Scenario { user_id, key_id, name, .. } in scenarios.iter().filter(|scenario| !scenario.is_known) {
        let again = ask_and_approve(&sandbox, &extension(user_id, key_id)).await.unwrap();
        assert_eq!(again.status, "done", "{name}: {again:?}");
    }
    for Scenario { user, user_id, key_id, name, .. } in &scenarios {
        let known = entries(&sandbox, user_id).await.unwrap();
        let (exception, is_looked_for) = &known[&format!("EXCEPTION#access-key-age#{key_id}")];
        let until = format!("{EXTENDED}T23:59:59Z");
        assert_eq!((exception["until"].as_str(), is_looked_for), (Some(until.as_str()), &true), "{name}");
        let acts = acts(&sandbox, user_id).await;
        assert_eq!((count(&acts, "grant"), count(&acts, "extend"), known.len()), (1, 1, 3), "{name}: {known:?}");
        let extended = acts.iter().find(|act| act["change"] == "extend").unwrap();
        assert_eq!((&extended["after"], extended["approver"].as_str()), (exception, Some(CAROL)), "{name}");
        let value = format!("{} until {EXTENDED}", exception["id"].as_str().unwrap());
        let tag = (format!("credwarden:exception/access-key-age/{key_id}"), value);
        assert_eq!(tags(&sandbox, user).await.unwrap(), [tag].into(), "{name}");
    }
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_killed_at_every_call_ends_as_one_that_was_not() {
    let sandbox = ready(Options::at(noon()), &crowd(1)).await.unwrap();
    let (user_id, key_id) = ids(&crowd(1).users[0]);
    granted(&sandbox, &user_id, &key_id).await;
    let before = sandbox.calls().len();
    let revoked = ask(&sandbox, &revocation(&user_id, &key_id)).await.unwrap();
    assert_eq!((revoked.status, Ended::of(&revoked).status.as_str()), (Status::Success, "done"));
    let calls = calls_since(&sandbox, before);
    assert!(calls.iter().any(|action| action == "iam:UntagUser"), "{calls:?}");

    let scenarios = meets_every_end(&sandbox, &calls, async |user_id, key_id, place, act, name| {
        granted(&sandbox, user_id, key_id).await;
        let fault = sandbox.faults().arm(Matching::any().caller(EXCEPTIONS).nth(place as u64 + 1), act);
        let ended = Ended::of(&ask(&sandbox, &revocation(user_id, key_id)).await.unwrap());
        sandbox.faults().clear();
        assert_eq!(fault.fired(), 1, "{name}: {ended:?}");
        ended
    })
    .await;
    for Scenario { user_id, key_id, name, is_known, .. } in &scenarios {
        let holds =
            entries(&sandbox, user_id).await.unwrap().contains_key(&format!("EXCEPTION#access-key-age#{key_id}"));
        assert_eq!(holds, !is_known, "{name}: it holds until the ledger says otherwise");
    }
    settle_by_schedule(&sandbox).await.unwrap();
    for Scenario { user_id, key_id, name, .. } in scenarios.iter().filter(|scenario| !scenario.is_known) {
        let again = Ended::of(&ask(&sandbox, &revocation(user_id, key_id)).await.unwrap());
        assert_eq!(again.status, "done", "{name}: {again:?}");
    }
    for Scenario { user, user_id, name, .. } in &scenarios {
        let (acts, known) = (acts(&sandbox, user_id).await, entries(&sandbox, user_id).await.unwrap());
        assert_eq!((count(&acts, "grant"), count(&acts, "revoke"), known.len()), (1, 1, 2), "{name}: {known:?}");
        assert!(tags(&sandbox, user).await.unwrap().is_empty(), "{name}");
    }
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

/// An hour goes by, and the schedule comes; whether it came to its end.
async fn hour(sandbox: &Sandbox) -> bool {
    sandbox.advance(SignedDuration::from_mins(61)).await.unwrap();
    let fired = sandbox.fire_schedules().await.unwrap();
    let is_ended = fired.iter().all(|fired| matches!(fired.result, functions::Ended::Answered(_)));
    for execution in sandbox.run_automations().await.unwrap() {
        assert_eq!(execution.status, Status::Success, "{execution:?}");
    }
    is_ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_killed_at_any_call_announces_each_end_and_sees_to_it() {
    const MOST_CALLS: usize = 40;
    let estate = crowd(2 + 2 * MOST_CALLS * ENDS.len());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter();
    // One ends soon and is announced; another has ended when the schedule comes, and its rule and its tags are seen to.
    let mut prepare = async || {
        let (announced, ended) = (ids(users.next().unwrap()), users.next().unwrap());
        let (ended_id, ended_key) = ids(ended);
        let (days, minutes) = (SignedDuration::from_hours(5 * 24), SignedDuration::from_mins(30));
        for ((user, key), lasts) in [((&announced.0, &announced.1), days), ((&ended_id, &ended_key), minutes)] {
            let until = (sandbox.now() + lasts).to_string();
            let granted = ask_and_approve(&sandbox, &Ask::grant(user, key, &until)).await.unwrap();
            assert_eq!(granted.status, "done", "{granted:?}");
        }
        (announced, ended)
    };
    let is_announced = |user: &str| {
        let sent = sandbox.published().events().into_iter();
        sent.filter(|event| event.detail["kind"] == "exception-ends" && event.detail["userId"] == user).count()
    };
    let (first, _) = prepare().await;
    let before = sandbox.calls().len();
    assert!(hour(&sandbox).await);
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == SCHEDULE);
    let calls: Vec<_> = calls.map(|call| call.call.action).collect();
    for action in ["dynamodb:TransactWriteItems", "events:PutEvents", "sns:Publish", "ssm:StartAutomationExecution"] {
        assert!(calls.iter().any(|made| made == action), "no {action}: {calls:?}");
    }
    assert!(calls.len() <= MOST_CALLS, "{calls:?}");
    let revoke = async |(user, key): &(String, String)| {
        let revoked = Ended::of(&ask(&sandbox, &revocation(user, key)).await.unwrap());
        assert_eq!(revoked.status, "done", "{revoked:?}");
    };
    assert_eq!(is_announced(&first.0), 1);
    revoke(&first).await;
    for (place, action) in calls.iter().enumerate() {
        for act in ENDS {
            let name = format!("{act:?} at call {}, {action}", place + 1);
            let before = sandbox.calls().len();
            let (announced, ended) = prepare().await;
            let fault = sandbox.faults().arm(Matching::any().caller(SCHEDULE).nth(place as u64 + 1), act);
            assert_eq!(hour(&sandbox).await, act == Act::LoseResponse, "{name}");
            assert_eq!(fault.fired(), 1, "{name}");
            sandbox.faults().clear();
            assert!(hour(&sandbox).await, "{name}");
            assert!((1..=2).contains(&is_announced(&announced.0)), "{name}: {}", is_announced(&announced.0));
            let told = sandbox.published().messages();
            assert!(told.iter().any(|message| message.text.contains(announced.0.as_str())), "{name}: nobody was told");
            let evaluations = sandbox.calls().into_iter().skip(before).map(|call| call.call);
            let mut evaluations = evaluations.filter(|call| call.action == "config:StartConfigRulesEvaluation");
            let asks = |call: &Value| call["ConfigRuleNames"] == serde_json::json!([RULE]);
            assert!(evaluations.any(|call| asks(&call.parameters)), "{name}: its rule was not asked");
            assert!(tags(&sandbox, ended.name().as_str()).await.unwrap().is_empty(), "{name}: its tag is there");
            revoke(&announced).await;
        }
    }
    settle_by_schedule(&sandbox).await.unwrap();
    assert_sound(&sandbox).await.unwrap();
}
