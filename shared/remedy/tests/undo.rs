//! Undo: what the ledger says was done, within its time, and held so that tomorrow does not redo it.

mod world;

use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{ACT, AGE, CONFIG, PERSON, UNDO, World, alice, noon, policy_with};

#[tokio::test(start_paused = true)]
async fn undo_survives_the_next_evaluation() {
    let world = World::new(alice()).await;
    let key = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Done);
    let answer = world.undo("alice", &key).await;
    assert_eq!(answer.status, Status::Undone, "{}", answer.reason);
    assert_eq!(world.status(&key), CredentialStatus::Active);
    for _ in 0..7 {
        let answer = world.remediate("alice").await;
        assert_eq!(answer.status, Status::Held, "{}", answer.reason);
        assert!(answer.reason.contains(PERSON), "{}", answer.reason);
        world.pass_time(SignedDuration::from_hours(24));
    }
    world.pass_time(SignedDuration::from_secs(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done, "after a week the act begins again");
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert_eq!(work.earlier.len(), 1, "the ledger remembers the first");
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone, "and it can be undone again");
}

#[tokio::test(start_paused = true)]
async fn undo_is_paid_from_its_own_purse_and_works_when_only_undo_may() {
    let mut estate = Estate::new(noon());
    for name in ["u1", "u2", "u3"] {
        estate = estate.user(name).key(age_days(100));
    }
    let world = World::new(estate).await;
    for name in ["u1", "u2", "u3"] {
        world.remediate(name).await;
    }
    world.set_kill_switch("undo-only");
    for name in ["u1", "u2", "u3"] {
        assert_eq!(world.undo(name, &world.key(name, 0)).await.status, Status::Undone);
    }
    assert_eq!((world.spent("act"), world.spent("undo")), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn undo_stops_with_the_kill_switch_and_without_a_policy() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let key = world.key("alice", 0);
    world.set_kill_switch("stop");
    assert_eq!(world.undo("alice", &key).await.status, Status::Held);
    world.set_kill_switch("run");
    world.set_policy("{}");
    assert_eq!(world.undo("alice", &key).await.status, Status::Held);
    world.set_policy(&policy_with(&[("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/*\"]")]));
    assert_eq!(world.undo("alice", &key).await.status, Status::Held);
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_does_not_say_was_done_is_not_undone() {
    let estate = alice().key(age_days(300)).inactive_since(age_days(200)).user("mallory").key(age_days(100));
    let world = World::new(estate).await;
    let by_hand = world.key("alice", 1);
    let answer = world.undo("alice", &by_hand).await;
    assert_eq!(answer.status, Status::NothingToDo, "{}", answer.reason);
    world.remediate("alice").await;
    let foreign = world.execution(UNDO, &world.id("mallory"), Some(&world.key("alice", 0)), PERSON);
    let answer = world.invoke(&foreign, &Gate::open()).await.unwrap();
    assert_eq!(answer.status, Status::NothingToDo, "another user's record holds no such act: {}", answer.reason);
    assert_eq!(world.status(&world.key("alice", 0)), CredentialStatus::Inactive);
    assert_eq!(world.status(&by_hand), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn undo_has_a_last_instant() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let key = world.key("alice", 0);
    world.pass_time(age_days(30));
    let late = World::new(alice()).await;
    late.remediate("alice").await;
    late.pass_time(age_days(30) + SignedDuration::from_secs(1));
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone);
    let answer = late.undo("alice", &key).await;
    assert_eq!(answer.status, Status::NothingToDo);
    assert!(answer.reason.contains("could be undone until 2026-12-24"), "{}", answer.reason);
    assert_eq!(late.status(&key), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn an_act_that_died_in_the_middle_can_be_undone_and_is_not_taken_up_again() {
    let world = World::new(alice()).await;
    let key = world.key("alice", 0);
    let calls = {
        let other = World::new(alice()).await;
        let execution = other.execution(AGE, &other.id("alice"), None, CONFIG);
        let gate = Gate::open();
        other.invoke(&execution, &gate).await.unwrap();
        gate.calls()
    };
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::DieAfter)).await.is_none());
    assert_eq!(world.undo("alice", &key).await.status, Status::Waiting, "the dead run's lease stands for ten minutes");
    world.pass_time(SignedDuration::from_mins(11));
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone);
    world.settle().await;
    assert!(world.is_settled().await);
    assert_eq!(world.status(&key), CredentialStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn a_key_or_user_that_is_gone_ends_open_work() {
    for without_user in [false, true] {
        let world = World::new(alice()).await;
        *world.lists_lag.lock().unwrap() = true;
        assert_eq!(world.remediate("alice").await.status, Status::Waiting);
        let id = world.id("alice");
        world.iam.change(|estate| {
            if without_user {
                *estate = estate.clone().without("alice");
            } else {
                estate.find_mut("alice").keys.clear();
            }
        });
        let answers = world.settle().await;
        assert_eq!(answers[0].status, Status::NothingToDo, "{}", answers[0].reason);
        assert!(world.is_settled().await);
        assert!(world.ledger().record(&id).await.unwrap().works.iter().all(|work| !work.is_open()));
    }
}
