//! What owners and the event bus are told, by the functions' own binaries.

use credwarden_e2e::remedy::{Ledger, SCHEDULE, assert_sound, id, key, noon, ready, ready_with, remedy, undo};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::published::{Event, Message};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;

/// Alice with two old keys, bob and a user of nobody with one; carol's is in use.
fn team() -> Estate {
    Estate::new(noon())
        .user("alice")
        .tag("owner", "team-a@example.com")
        .key(age_days(120))
        .key(age_days(130))
        .user("bob")
        .tag("owner", "team-b@example.com")
        .key(age_days(120))
        .user("orphan")
        .tag("owner", "a\nDo: send your key")
        .key(age_days(120))
        .user("carol")
        .tag("owner", "team-a@example.com")
        .key(age_days(120))
        .used(age_days(1), "s3")
}

/// An hour goes by, and the schedule comes; how it failed, if it did.
async fn hour(sandbox: &Sandbox) -> Result<(), String> {
    sandbox.advance(SignedDuration::from_mins(61)).await.unwrap();
    let fired = sandbox.fire_schedules().await.unwrap();
    assert_eq!(fired.len(), 1, "{fired:?}");
    match &fired[0].result {
        Ended::Answered(_) => Ok(()),
        ended => Err(format!("{ended:?}")),
    }
}

fn told(sandbox: &Sandbox) -> Vec<(String, Message)> {
    let messages = sandbox.published().messages().into_iter();
    messages.map(|message| (message.owner.clone().unwrap_or_default(), message)).collect()
}

fn kinds(events: &[Event]) -> Vec<String> {
    let mut kinds: Vec<_> = events.iter().map(|event| event.detail["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

async fn untold(sandbox: &Sandbox) -> usize {
    let items = sandbox.ledger().await.unwrap();
    items.iter().filter(|item| item.get("open").is_some_and(|open| open == "notice")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_hour_each_owner_has_one_message_and_each_act_is_one_event() {
    let estate = team();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    for user in ["alice", "bob", "orphan"] {
        assert_eq!(remedy(&sandbox, &id(&estate, user).unwrap()).await.unwrap().status, "done", "{user}");
    }
    assert_eq!(remedy(&sandbox, &id(&estate, "carol").unwrap()).await.unwrap().status, "held");
    assert_eq!(told(&sandbox), [], "telling is the schedule's");
    hour(&sandbox).await.unwrap();

    let messages = told(&sandbox);
    let owners: Vec<_> = messages.iter().map(|(owner, _)| owner.as_str()).collect();
    assert_eq!(owners, ["account-contact", "team-a@example.com", "team-b@example.com"]);
    let Message { subject, text, .. } = &messages[1].1;
    assert_eq!(subject.as_deref(), Some("Credwarden: 3 notices on credentials of AWS account 123456789012"));
    for words in [
        estate.find("alice").unwrap().keys[0].key.id.as_str(),
        estate.find("alice").unwrap().keys[1].key.id.as_str(),
        "of user carol",
        "because it is in use",
        "By:    2026-11-30 12:00 UTC",
        "--document-name credwarden-undo-deactivate-credential",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let events = sandbox.published().events();
    assert_eq!(kinds(&events), ["done", "done", "done", "done", "in-use"]);
    assert!(events.iter().all(|event| event.source == "credwarden" && event.detail_type == "Credwarden Notice"));

    // The same is said once: neither the next hour nor the next day has more to say of it.
    hour(&sandbox).await.unwrap();
    assert_eq!(remedy(&sandbox, &id(&estate, "carol").unwrap()).await.unwrap().status, "held");
    hour(&sandbox).await.unwrap();
    assert_eq!((told(&sandbox).len(), sandbox.published().events().len()), (3, 5));

    // What undoes it is as the message says, and is told too.
    let (alice, first) = (id(&estate, "alice").unwrap(), key(&estate, "alice").unwrap());
    assert_eq!(undo(&sandbox, &alice, &first).await.unwrap().status, "undone");
    hour(&sandbox).await.unwrap();
    assert_eq!(told(&sandbox).len(), 4);
    assert!(told(&sandbox)[3].1.text.contains("`deactivate-credential` was undone"), "{:?}", told(&sandbox)[3]);
    assert_eq!(untold(&sandbox).await, 0);
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_warns_has_owners_told_while_the_kill_switch_stops_all_else() {
    let estate = team();
    let warns = |policy: &mut serde_json::Value| {
        *policy = serde_json::from_str(&policy.to_string().replace("\"enforce\"", "\"warn\"")).unwrap();
    };
    let sandbox = ready_with(Options::at(noon()), &estate, warns).await.unwrap();
    assert_eq!(remedy(&sandbox, &id(&estate, "bob").unwrap()).await.unwrap().status, "warned");
    sandbox.set_kill_switch("stop").await.unwrap();
    hour(&sandbox).await.unwrap();
    let messages = told(&sandbox);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].1.text.contains("which only warns of it for now"), "{}", messages[0].1.text);
    assert!(messages[0].1.text.contains("By:    at once"), "{}", messages[0].1.text);
    assert_eq!(kinds(&sandbox.published().events()), ["warned"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_topic_or_bus_refuse_is_a_fault_and_is_told_later() {
    let estate = team();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    assert_eq!(remedy(&sandbox, &id(&estate, "bob").unwrap()).await.unwrap().status, "done");
    for (action, act) in
        [("sns:Publish", Act::Deny), ("sns:Publish", Act::Throttle), ("events:PutEvents", Act::Throttle)]
    {
        sandbox.faults().arm(Matching::action(action).always(), act);
        assert!(hour(&sandbox).await.is_err(), "{action} {act:?}");
        sandbox.faults().clear();
        assert!(untold(&sandbox).await == 1, "{action} {act:?}");
        if action == "sns:Publish" {
            assert_eq!(told(&sandbox), [], "{act:?}");
            assert_eq!(sandbox.published().events().len(), 1, "the event is not sent again");
        }
        if act == Act::Throttle && action == "sns:Publish" {
            // From here on the bus alone has something to refuse.
            hour(&sandbox).await.unwrap();
            assert_eq!((told(&sandbox).len(), untold(&sandbox).await), (1, 0));
            assert_eq!(remedy(&sandbox, &id(&estate, "orphan").unwrap()).await.unwrap().status, "done");
        }
    }
    assert_eq!((told(&sandbox).len(), sandbox.published().events().len()), (2, 1), "the owner was told meanwhile");
    sandbox.published().fail_events(1);
    assert!(hour(&sandbox).await.is_err(), "one entry failed in an answer that is else successful");
    hour(&sandbox).await.unwrap();
    assert_eq!((told(&sandbox).len(), sandbox.published().events().len(), untold(&sandbox).await), (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_killed_at_any_call_tells_at_least_once() {
    let estate = (0..60).fold(Estate::new(noon()), |estate, number| {
        estate.user(&format!("user-{number}")).tag("owner", "team").key(age_days(120))
    });
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| user.id().to_string());
    let mut next = async || {
        let user = users.next().unwrap();
        assert_eq!(remedy(&sandbox, &user).await.unwrap().status, "done");
        user
    };
    let first = next().await;
    let before = sandbox.calls().len();
    hour(&sandbox).await.unwrap();
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == SCHEDULE).count();
    assert!(calls >= 5, "{calls} calls");
    let mut expected = vec![first];
    for place in 1..=calls {
        for act in [Act::DieBefore, Act::DieAfter, Act::LoseResponse] {
            expected.push(next().await);
            let fault = sandbox.faults().arm(Matching::any().caller(SCHEDULE).nth(place as u64), act);
            // A call whose answer is lost is made again.
            assert_eq!(hour(&sandbox).await.is_ok(), act == Act::LoseResponse, "{act:?} at call {place}");
            assert_eq!(fault.fired(), 1, "{act:?} at call {place}");
            sandbox.faults().clear();
            hour(&sandbox).await.unwrap();
            assert_eq!(untold(&sandbox).await, 0, "{act:?} at call {place}");
        }
    }
    let (messages, events) = (told(&sandbox), sandbox.published().events());
    for user in &expected {
        let told = messages.iter().filter(|(_, message)| message.text.contains(user.as_str())).count();
        let sent = events.iter().filter(|event| event.detail["userId"] == user.as_str()).count();
        assert!((1..=2).contains(&told) && (1..=2).contains(&sent), "{user}: {told} messages, {sent} events");
    }
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());
    assert_sound(&sandbox).await.unwrap();
}
