//! Two runs on one user.

use std::time::Duration;

use credwarden_e2e::remedy::{
    Ended, REMEDY, RULE, SCHEDULE, assert_sound, ended_on, id, key, key_changes, noon, ready, ready_with, remedy, run,
    settle_by_schedule, spent, start, until, work,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;
use serde_json::json;

/// Less than the SDK waits for an answer before it sends its call again.
const PATIENCE: Duration = Duration::from_secs(6);

/// Longer than a lease lasts.
const AFTER_THE_LEASE: SignedDuration = SignedDuration::from_mins(11);

fn changes_of(sandbox: &Sandbox, key_id: &str) -> usize {
    key_changes(sandbox).iter().filter(|change| change.key == key_id).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_runs_act_once() {
    let estate = Estate::new(noon())
        .user("at-once")
        .key(age_days(120))
        .user("overtaken")
        .key(age_days(120))
        .user("slow-to-write")
        .key(age_days(120));
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();

    // Both have read that nobody holds the lease, and ask for it in the same instant.
    let (user_id, key_id) = (id(&estate, "at-once").unwrap(), key(&estate, "at-once").unwrap());
    let (one, other) = (start(&sandbox, &user_id).unwrap(), start(&sandbox, &user_id).unwrap());
    let at_the_lease = Act::Barrier { callers: 2, patience: PATIENCE };
    let at_the_lease = sandbox.faults().arm(Matching::action("dynamodb:PutItem").caller(REMEDY), at_the_lease);
    let at_the_change = Act::Barrier { callers: 2, patience: PATIENCE / 2 };
    let at_the_change = sandbox.faults().arm(Matching::action("iam:UpdateAccessKey"), at_the_change);
    let (one, other) = tokio::join!(run(&sandbox, &one), run(&sandbox, &other));
    let mut ended = [one.unwrap(), other.unwrap()];
    ended.sort_by(|one, other| one.status.cmp(&other.status));
    assert_eq!(at_the_lease.fired(), 2, "both asked for the lease: {ended:?}");
    assert_eq!(at_the_change.fired(), 1, "exactly one arrives: {ended:?}");
    assert_eq!((ended[0].status.as_str(), ended[1].status.as_str()), ("done", "waiting"), "{ended:?}");
    assert!(ended[1].changed.is_empty() && ended[1].reason.contains("another run is at this user"), "{ended:?}");
    assert_eq!(changes_of(&sandbox, &key_id), 1);
    assert_eq!(spent(&sandbox, "act").await.unwrap(), 1);
    sandbox.faults().clear();

    // The first has decided and waits for an answer longer than its lease lasts: a second takes its work over.
    let (user_id, key_id) = (id(&estate, "overtaken").unwrap(), key(&estate, "overtaken").unwrap());
    let slow = start(&sandbox, &user_id).unwrap();
    let last_use = Matching::action("iam:GetAccessKeyLastUsed").with("AccessKeyId", &key_id).nth(2);
    let last_use = sandbox.faults().arm(last_use, Act::Timeout);
    let second = async {
        until(|| last_use.fired() == 1).await;
        let early = remedy(&sandbox, &user_id).await.unwrap();
        assert!(early.status == "waiting" && early.reason.contains("another run is at this user"), "{early:?}");
        sandbox.advance(AFTER_THE_LEASE).await.unwrap();
        remedy(&sandbox, &user_id).await.unwrap()
    };
    let (slow, second) = tokio::join!(run(&sandbox, &slow), second);
    let slow = slow.unwrap();
    assert_eq!((slow.status.as_str(), second.status.as_str()), ("waiting", "done"), "{slow:?} {second:?}");
    assert!(slow.reason.contains("another run has taken over"), "{slow:?}");
    assert_eq!(changes_of(&sandbox, &key_id), 1, "whoever was overtaken does not act");
    let work = work(&sandbox, &user_id, "deactivate-credential", &key_id).await.unwrap().unwrap();
    assert_eq!(work["taken_up"].as_array().unwrap().len(), 1, "{work}");
    assert_eq!(spent(&sandbox, "act").await.unwrap(), 2, "what is taken over is not paid again");
    sandbox.faults().clear();

    // The first is about to write its intent down when a second, its lease being over, does the same.
    let (user_id, key_id) = (id(&estate, "slow-to-write").unwrap(), key(&estate, "slow-to-write").unwrap());
    let slow = start(&sandbox, &user_id).unwrap();
    let at_the_intent = Act::Barrier { callers: 2, patience: PATIENCE };
    let at_the_intent = sandbox.faults().arm(Matching::action("dynamodb:TransactWriteItems"), at_the_intent);
    let second = async {
        until(|| at_the_intent.fired() == 1).await;
        sandbox.advance(AFTER_THE_LEASE).await.unwrap();
        remedy(&sandbox, &user_id).await.unwrap()
    };
    let (slow, second) = tokio::join!(run(&sandbox, &slow), second);
    let slow = slow.unwrap();
    assert_eq!(at_the_intent.fired(), 2, "{slow:?} {second:?}");
    assert_eq!((slow.status.as_str(), second.status.as_str()), ("waiting", "done"), "{slow:?} {second:?}");
    assert_eq!(changes_of(&sandbox, &key_id), 1);
    assert_eq!(spent(&sandbox, "act").await.unwrap(), 3);
    sandbox.faults().clear();

    settle_by_schedule(&sandbox).await.unwrap();
    assert_eq!(key_changes(&sandbox).len(), 3);
    assert_sound(&sandbox).await.unwrap();
}

/// The document of the other rule.
const UNUSED: &str = "credwarden-unused-credentials";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_rules_documents_at_one_user_the_second_is_done_within_the_hour() {
    // One key is old, and was used ten days ago; the other is young, and never was.
    let both = Estate::new(noon()).user("of-both").key(age_days(120)).used(age_days(10), "s3").key(age_days(50));
    // Of two users with an active key, two keys a day are no more than the budget.
    let estate = both.user("bystander").key(age_days(3));
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| {
        policy["remedies"]["unused-credentials"]["default"]["mode"] = json!("enforce");
    });
    let sandbox = sandbox.await.unwrap();
    for rule in [RULE, UNUSED] {
        sandbox.evaluate(rule).await.unwrap();
    }
    sandbox.config().take_remediations(sandbox.now());
    sandbox.advance(SignedDuration::from_hours(25)).await.unwrap();
    let user_id = id(&estate, "of-both").unwrap();
    let keys: Vec<_> = estate.find("of-both").unwrap().keys.iter().map(|owned| owned.key.id.to_string()).collect();

    let first = sandbox.start_document(UNUSED, &[("ResourceId", &user_id)], "olivia").unwrap();
    sandbox.automation().next().unwrap();
    let second = start(&sandbox, &user_id).unwrap();
    let at_the_change = Act::Barrier { callers: 2, patience: PATIENCE };
    let at_the_change = sandbox.faults().arm(Matching::action("iam:UpdateAccessKey"), at_the_change);
    let (first, second) = tokio::join!(run(&sandbox, &first), async {
        until(|| at_the_change.fired() == 1).await;
        run(&sandbox, &second).await
    });
    sandbox.faults().clear();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.status.as_str(), second.status.as_str()), ("done", "waiting"), "{first:?} {second:?}");
    assert_eq!(first.changed, [keys[1].as_str()], "{first:?}");
    assert!(second.changed.is_empty() && second.reason.contains("another run is at this user"), "{second:?}");

    sandbox.advance(SignedDuration::from_mins(60)).await.unwrap();
    sandbox.fire_schedules().await.unwrap();
    let executions = sandbox.run_automations().await.unwrap();
    let [third]: [Ended; 1] = ended_on(&executions, &user_id).try_into().unwrap();
    assert_eq!((third.status.as_str(), third.changed.as_slice()), ("done", &keys[..1]), "{third:?}");
    assert!(executions[0].executed_by.contains(SCHEDULE), "{executions:?}");
    let work = work(&sandbox, &user_id, "deactivate-credential", &keys[0]).await.unwrap().unwrap();
    assert!(work["request"]["requester"].as_str().unwrap().contains("olivia"), "who asked first: {work}");
    assert_eq!(spent(&sandbox, "act").await.unwrap(), 2);
    assert!(settle_by_schedule(&sandbox).await.unwrap().is_empty(), "nothing is left to start");
    assert_sound(&sandbox).await.unwrap();
}
