//! Whatever dies, fails, is lost or comes twice in a rotation, at any call: it ends the same, acted and paid for once.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{KeyStatus, Status as CredentialStatus};
use credwarden_ledger::notice::NoticeKind;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{ACKNOWLEDGE, AGE, CONFIG, PERSON, World, alice};

const EFFECTS: [Effect; 5] = [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry];

/// How far a rotation came before the run that something happens to.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing was done yet.
    Opening,
    /// The new key is there and used, and was looked at; the owner says that nothing needs the old one.
    Acknowledging,
    /// All speaks for making the old key inactive.
    Acting,
    /// The old key is inactive.
    Ending,
}

const STAGES: [Stage; 4] = [Stage::Opening, Stage::Acknowledging, Stage::Acting, Stage::Ending];

/// A world at that stage, with the old key and the execution that takes the next step.
async fn world_at(stage: Stage) -> (World, CredentialId, String) {
    let world = World::rotating(alice(), "").await;
    let (id, old) = (world.id("alice"), world.key("alice", 0));
    if !matches!(stage, Stage::Opening) {
        world.remediate("alice").await;
        moved(&world, &old).await;
    }
    if matches!(stage, Stage::Acting | Stage::Ending) {
        world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
        world.pass_time(SignedDuration::from_hours(25));
    }
    if matches!(stage, Stage::Ending) {
        assert_eq!(world.remediate("alice").await.status, Status::Done);
    }
    let execution = match stage {
        Stage::Acknowledging => world.execution(ACKNOWLEDGE, &id, Some(&old), PERSON),
        Stage::Opening | Stage::Acting | Stage::Ending => world.execution(AGE, &id, None, CONFIG),
    };
    (world, old, execution)
}

/// The owner creates a key and uses it, and that is seen.
async fn moved(world: &World, old: &CredentialId) {
    let new = world.create_key("alice");
    assert_ne!(new, *old);
    world.pass_time(SignedDuration::from_hours(1));
    world.use_key(&new);
    world.remediate("alice").await;
}

/// The calls of a run at that stage that nothing happens to.
async fn calls_of_a_clean_run(stage: Stage) -> Vec<String> {
    let (world, _, execution) = world_at(stage).await;
    let gate = Gate::open();
    world.invoke(&execution, &gate).await.unwrap();
    gate.calls()
}

/// Goes on from wherever the run ended, as owner, schedule and AWS Config do; then looks at the end.
async fn comes_to_its_end(world: &World, old: &CredentialId, what: &str) {
    if world.status(old) == CredentialStatus::Active {
        world.remediate("alice").await;
        if world.iam.estate().find("alice").unwrap().keys.len() == 1 {
            moved(world, old).await;
        }
        world.ask(ACKNOWLEDGE, "alice", Some(old)).await;
    }
    world.days(3).await;
    assert_eq!(world.status(old), CredentialStatus::Inactive, "{what}");
    // A change whose answer was lost is made again, which is doing it once.
    let is_the_change = |write: &(String, KeyStatus)| *write == (old.to_string(), KeyStatus::Inactive);
    assert!(world.writes().iter().all(is_the_change), "{what}: only the old key, and only so");
    assert_eq!(world.spent("act"), 1, "{what}");
    assert!(world.is_settled().await, "{what}: something is open");
    assert!(world.rotation("alice", old).await.unwrap().ended.is_some(), "{what}");
    let told = world.told().await;
    for kind in [NoticeKind::CreateKey, NoticeKind::MoveToKey, NoticeKind::Done] {
        let times = told.iter().filter(|(told, _)| *told == kind).count();
        assert!(times >= 1, "{what}: {kind} was told {times} times");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_the_rotation_comes_to_its_end_once() {
    for stage in STAGES {
        let calls = calls_of_a_clean_run(stage).await;
        for (number, call) in calls.iter().enumerate() {
            for effect in EFFECTS {
                let what = format!("{stage:?}, {effect:?} at {call}");
                let (world, old, execution) = world_at(stage).await;
                let _ = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
                world.settle().await;
                comes_to_its_end(&world, &old, &what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_come_to_the_same_end() {
    for stage in STAGES {
        let calls = calls_of_a_clean_run(stage).await;
        for (number, call) in calls.iter().enumerate() {
            let what = format!("{stage:?}, the slow one held at {call}");
            let (world, old, slow) = world_at(stage).await;
            let quick = world.execution(AGE, &world.id("alice"), None, PERSON);
            let gate = Gate::at(number, Effect::Stall);
            let (first, second) = tokio::join!(world.invoke(&slow, &gate), async {
                gate.stalled().await;
                let answer = world.invoke(&quick, &Gate::open()).await;
                gate.release();
                answer
            });
            assert!(first.is_ok() && second.is_ok(), "{what}");
            comes_to_its_end(&world, &old, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_begun_is_told_with_it_or_not_at_all() {
    let calls = calls_of_a_clean_run(Stage::Opening).await;
    for (number, call) in calls.iter().enumerate() {
        for effect in EFFECTS {
            let (world, old, execution) = world_at(Stage::Opening).await;
            let _ = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
            let is_begun = world.rotation("alice", &old).await.is_some();
            assert_eq!(world.told().await.len(), usize::from(is_begun), "{effect:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_slept_through_its_lease_writes_nothing_of_a_rotation() {
    let calls = calls_of_a_clean_run(Stage::Acting).await;
    let written = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    for (number, call) in calls.iter().enumerate().take(written) {
        let (world, old, slow) = world_at(Stage::Acting).await;
        let gate = Gate::at(number, Effect::Stall);
        let (_, ()) = tokio::join!(world.invoke(&slow, &gate), async {
            gate.stalled().await;
            world.pass_time(SignedDuration::from_mins(11));
            world.remediate("alice").await;
            gate.release();
        });
        comes_to_its_end(&world, &old, &format!("slept at {call}")).await;
    }
}
