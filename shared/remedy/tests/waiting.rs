//! Two documents come to one user at once: the second waits, and is not forgotten.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_estate::estate::age_days;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{ACT, AGE, CONFIG, PERSON, UNDO, World, alice};

/// Alice, with an old key and a new one.
async fn world() -> World {
    World::new(alice().key(age_days(3))).await
}

/// A person undoes what was never done to the new key.
fn undo(world: &World) -> String {
    world.execution(UNDO, &world.id("alice"), Some(&world.key("alice", 1)), PERSON)
}

fn remediation(world: &World) -> String {
    world.execution(AGE, &world.id("alice"), None, CONFIG)
}

/// How often the calls of an undo that has nothing to undo are made with the lease held, and which is the first.
async fn with_the_lease() -> std::ops::Range<usize> {
    let (world, gate) = (world().await, Gate::open());
    world.invoke(&undo(&world), &gate).await.unwrap();
    let calls = gate.calls();
    let writes: Vec<_> = (0..calls.len()).filter(|number| calls[*number].starts_with("dynamodb:Write")).collect();
    writes[0] + 1..writes[1]
}

async fn is_remediated_for_config(world: &World, context: &str) {
    let key = world.key("alice", 0);
    assert_eq!(world.status(&key), CredentialStatus::Inactive, "{context}");
    assert_eq!((world.writes().len(), world.spent("act")), (1, 1), "{context}");
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert_eq!(work.request.requester, CONFIG, "{context}");
    assert!(world.is_settled().await, "{context}");
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_the_user_held_is_answered_within_the_hour() {
    for number in with_the_lease().await {
        let world = world().await;
        let (holder, gate) = (undo(&world), Gate::at(number, Effect::Stall));
        let (first, second) = tokio::join!(world.invoke(&holder, &gate), async {
            gate.stalled().await;
            let answer = world.invoke(&remediation(&world), &Gate::open()).await;
            gate.release();
            answer
        });
        let statuses = (first.unwrap().status, second.unwrap().status);
        assert_eq!(statuses, (Status::NothingToDo, Status::Waiting), "held at call {number}");
        let answers = world.hour().await;
        let answered: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(answered, [Status::Done], "held at call {number}");
        is_remediated_for_config(&world, &format!("held at call {number}")).await;
        assert!(world.hour().await.is_empty(), "and that once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_whatever_becomes_of_the_run_that_left_it() {
    let held = with_the_lease().await.start;
    let calls = {
        let (world, gate) = (world().await, Gate::open());
        world.invoke_mortal(&undo(&world), &Gate::at(held, Effect::DieBefore)).await;
        assert_eq!(world.invoke(&remediation(&world), &gate).await.unwrap().status, Status::Waiting);
        gate.calls()
    };
    let left = calls.iter().position(|call| call.starts_with("dynamodb:Write")).unwrap();
    for (number, call) in calls.iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
            let context = format!("{effect:?} at {call}");
            let world = world().await;
            world.invoke_mortal(&undo(&world), &Gate::at(held, Effect::DieBefore)).await;
            let outcome = world.invoke_mortal(&remediation(&world), &Gate::at(number, effect)).await;
            let says_that_it_waits = matches!(&outcome, Some(Ok(answer)) if answer.status == Status::Waiting);
            let has_left_it = number > left || number == left && !matches!(effect, Effect::DieBefore | Effect::Fail);
            assert!(has_left_it || !says_that_it_waits || effect == Effect::Retry, "{context}: {outcome:?}");
            world.settle().await;
            if has_left_it || says_that_it_waits {
                is_remediated_for_config(&world, &context).await;
            } else {
                assert!(world.writes().is_empty() && world.is_settled().await, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_decided_anew() {
    let held = with_the_lease().await.start;
    let world = world().await;
    world.invoke_mortal(&undo(&world), &Gate::at(held, Effect::DieBefore)).await;
    assert_eq!(world.remediate("alice").await.status, Status::Waiting);
    world.set_kill_switch("stop");
    world.pass_time(SignedDuration::from_mins(20));
    let answers = world.hour().await;
    assert!(answers.iter().all(|answer| answer.status == Status::Held), "{answers:?}");
    world.set_kill_switch("run");
    world.iam.change(|estate| *estate = estate.clone().without("alice"));
    let answers = world.settle().await;
    assert!(answers.iter().all(|answer| answer.status == Status::NothingToDo), "{answers:?}");
    assert!(world.writes().is_empty() && world.is_settled().await);
}
