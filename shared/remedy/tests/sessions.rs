//! Sessions of a compromised access key: refused before it is deactivated, for as long as they last, whatever dies.

mod world;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_ledger::work::{Act, Outcome, Step};
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::compromise::{execution, stolen};
use self::world::gate::{Effect, Gate};
use self::world::{World, policy_with};

const REVOKE: Act = Act::RevokeSessions;

/// The schedule comes each hour for so long.
async fn hours(world: &World, hours: usize) {
    for _ in 0..hours {
        world.hour().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_are_refused_before_the_key_is_deactivated_and_until_none_can_be_left() {
    let (world, key) = stolen(CredentialKind::AccessKey).await;
    let gate = Gate::open();
    let done = world.invoke(&execution(&world), &gate).await.unwrap();
    assert_eq!((done.status, world.status(&key)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
    let calls = gate.calls();
    let place = |call: &str| calls.iter().position(|made| made.starts_with(call));
    assert!(place("iam:attach robot") < place("iam:UpdateAccessKey"), "{calls:?}");
    hours(&world, 35).await;
    assert!(world.are_sessions_refused("robot"));
    hours(&world, 2).await;
    assert!(!world.are_sessions_refused("robot") && world.is_settled().await);
    let work = world.work("robot", REVOKE, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Ended, .. }), "{:?}", work.step);
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn only_access_keys_issue_sessions_and_only_compromises_have_them_refused() {
    let (world, credential) = stolen(CredentialKind::SshPublicKey).await;
    world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!(world.status(&credential), CredentialStatus::Inactive);
    assert!(!world.are_sessions_refused("robot"));
    let old = World::new(world::alice()).await;
    assert_eq!(old.remediate("alice").await.status, Status::Done);
    assert!(!old.are_sessions_refused("alice"));
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_sessions_are_refused_with_the_key_and_then_no_more() {
    let (world, _) = stolen(CredentialKind::AccessKey).await;
    let gate = Gate::open();
    world.invoke(&execution(&world), &gate).await.unwrap();
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
            let (world, key) = stolen(CredentialKind::AccessKey).await;
            let _ = world.invoke_mortal(&execution(&world), &Gate::at(number, effect)).await;
            hours(&world, 3).await;
            if world.status(&key) == CredentialStatus::Active {
                world.invoke(&execution(&world), &Gate::open()).await.unwrap();
            }
            assert_eq!(world.status(&key), CredentialStatus::Inactive, "{effect:?} at {call}");
            assert!(world.are_sessions_refused("robot"), "{effect:?} at {call}");
            hours(&world, 38).await;
            assert!(!world.are_sessions_refused("robot"), "{effect:?} at {call}");
            assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
            assert_eq!(world.spent("quarantine"), 1, "{effect:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn undo_accepts_sessions_at_once_whatever_happens_at_any_call() {
    let (world, key) = stolen(CredentialKind::AccessKey).await;
    world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    let undo = world.execution(world::UNDO, &world.id("robot"), Some(&key), world::PERSON);
    let gate = Gate::open();
    assert_eq!(world.invoke(&undo, &gate).await.unwrap().status, Status::Undone);
    assert!(!world.are_sessions_refused("robot"));
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
            let (world, key) = stolen(CredentialKind::AccessKey).await;
            world.invoke(&execution(&world), &Gate::open()).await.unwrap();
            let undo = world.execution(world::UNDO, &world.id("robot"), Some(&key), world::PERSON);
            let _ = world.invoke_mortal(&undo, &Gate::at(number, effect)).await;
            hours(&world, 3).await;
            if world.status(&key) == CredentialStatus::Inactive {
                world.undo("robot", &key).await;
            }
            assert_eq!(world.status(&key), CredentialStatus::Active, "{effect:?} at {call}");
            assert!(!world.are_sessions_refused("robot"), "{effect:?} at {call}");
            assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_iam_refuses_the_policy_the_key_goes_all_the_same_and_it_is_tried_while_it_makes_sense() {
    let (world, key) = stolen(CredentialKind::AccessKey).await;
    let done = world.invoke(&execution(&world), &Gate::failing("iam:attach")).await.unwrap();
    assert_eq!((done.status, world.status(&key)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
    assert!(!world.are_sessions_refused("robot"));
    hours(&world, 1).await;
    assert!(world.are_sessions_refused("robot"), "the schedule tries again");

    let (world, key) = stolen(CredentialKind::AccessKey).await;
    world.invoke(&execution(&world), &Gate::failing("iam:attach")).await.unwrap();
    world.pass_time(SignedDuration::from_hours(37));
    hours(&world, 1).await;
    assert!(!world.are_sessions_refused("robot") && world.is_settled().await);
    let work = world.work("robot", REVOKE, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Withdrawn { .. }, .. }), "{:?}", work.step);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_not_refused_where_a_guard_keeps_the_key() {
    let (world, key) = stolen(CredentialKind::AccessKey).await;
    world.set_policy(&policy_with(&[("\"enforce\"", "\"observe\"")]));
    world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!(world.status(&key), CredentialStatus::Active);
    assert!(!world.are_sessions_refused("robot"));
}
