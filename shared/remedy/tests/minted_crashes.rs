//! Whatever dies, fails, is lost or comes twice while a key is minted, at any call: it ends the same, and no key too many
//! is asked for or deleted.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::Status as CredentialStatus;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{AGE, CONFIG, PERSON, World, alice};

const EFFECTS: [Effect; 5] = [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry];

/// How far the rotation came before the run that something happens to.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing was done yet.
    Opening,
    /// The day is over after which the key is asked for.
    Asking,
    /// The same, and an idle key stands in the way.
    MakingRoom,
    /// The key is in the secret, and was fetched.
    Fetching,
}

const STAGES: [Stage; 4] = [Stage::Opening, Stage::Asking, Stage::MakingRoom, Stage::Fetching];

/// A world at that stage, with the old key and the execution that takes the next step.
async fn world_at(stage: Stage) -> (World, CredentialId, String) {
    let (world, old) = match stage {
        Stage::MakingRoom => {
            let (world, _, old) = world::vault::with_idle(100).await;
            (world, old)
        }
        Stage::Opening | Stage::Asking | Stage::Fetching => {
            let world = World::minting(alice()).await;
            let old = world.key("alice", 0);
            (world, old)
        }
    };
    if !matches!(stage, Stage::Opening) {
        world.remediate("alice").await;
        world.pass_time(SignedDuration::from_hours(25));
    }
    if matches!(stage, Stage::Fetching) {
        world.remediate("alice").await;
        let minted = world.mint().await;
        world.pass_time(SignedDuration::from_hours(1));
        world.fetch(&minted[0]);
    }
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    (world, old, execution)
}

async fn calls_of_a_clean_run(stage: Stage) -> Vec<String> {
    let (world, _, execution) = world_at(stage).await;
    let gate = Gate::open();
    world.invoke(&execution, &gate).await.unwrap();
    gate.calls()
}

/// Goes on from wherever the run ended, as schedule, `mint-key` and retriever do; then looks at the end.
async fn comes_to_its_end(world: &World, old: &CredentialId, deleted: usize, what: &str) {
    world.remediate("alice").await;
    for _ in 0..30 {
        world.hour().await;
        if let [new] = world.mint().await.as_slice() {
            world.hour().await;
            world.fetch(new);
        }
    }
    world.days(3).await;
    assert_eq!(world.status(old), CredentialStatus::Inactive, "{what}");
    assert_eq!(world.keys(), 2, "{what}");
    assert_eq!(world.vault.lock().unwrap().asked.len(), 1, "{what}: one key was asked for");
    assert_eq!(world.deleted.lock().unwrap().len(), deleted, "{what}");
    assert!(world.is_settled().await, "{what}: something is open");
}

fn deletions(stage: Stage) -> usize {
    usize::from(matches!(stage, Stage::MakingRoom))
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_one_key_is_minted_and_the_old_one_goes() {
    for stage in STAGES {
        let calls = calls_of_a_clean_run(stage).await;
        for (number, call) in calls.iter().enumerate() {
            for effect in EFFECTS {
                let what = format!("{stage:?}, {effect:?} at {call}");
                let (world, old, execution) = world_at(stage).await;
                let spent = world.spent("act");
                let _ = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
                world.settle().await;
                comes_to_its_end(&world, &old, deletions(stage), &what).await;
                let paid = i64::try_from(1 + deletions(stage)).unwrap();
                assert_eq!(world.spent("act") - spent, paid, "{what}: each act is paid for once");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_ask_once() {
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
            comes_to_its_end(&world, &old, deletions(stage), &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_slept_through_its_lease_asks_for_nothing_and_deletes_nothing() {
    for stage in [Stage::Asking, Stage::MakingRoom] {
        let calls = calls_of_a_clean_run(stage).await;
        let last =
            calls.iter().position(|call| call.contains("RotateSecret") || call.contains("DeleteAccessKey")).unwrap();
        for (number, call) in calls.iter().enumerate().take(last) {
            let (world, old, slow) = world_at(stage).await;
            let gate = Gate::at(number, Effect::Stall);
            let (_, ()) = tokio::join!(world.invoke(&slow, &gate), async {
                gate.stalled().await;
                world.pass_time(SignedDuration::from_mins(11));
                world.remediate("alice").await;
                gate.release();
            });
            comes_to_its_end(&world, &old, deletions(stage), &format!("{stage:?}, slept at {call}")).await;
        }
    }
}
