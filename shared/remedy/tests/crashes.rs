//! Whatever dies, fails, is lost or comes twice, at any call: the end is the same, and paid once.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::snapshot::{KeyStatus, Status as CredentialStatus};
use credwarden_ledger::work::{Outcome, Step};
use credwarden_policy::exception::Hold;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{ACT, AGE, CONFIG, PERSON, UNDO, UNDO_ACT, World, alice};

const EFFECTS: [Effect; 5] = [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry];

/// The calls of a run that deactivates one key.
async fn calls_of_a_clean_run() -> Vec<String> {
    let world = World::new(alice()).await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let gate = Gate::open();
    let answer = world.invoke(&execution, &gate).await.unwrap();
    assert_eq!(answer.status, Status::Done);
    gate.calls()
}

/// The calls of a run that undoes the deactivation of one key.
async fn calls_of_a_clean_undo() -> Vec<String> {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let execution = world.execution(UNDO, &world.id("alice"), Some(&world.key("alice", 0)), PERSON);
    let gate = Gate::open();
    let answer = world.invoke(&execution, &gate).await.unwrap();
    assert_eq!(answer.status, Status::Undone);
    gate.calls()
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_the_key_is_deactivated_and_paid_once() {
    let calls = calls_of_a_clean_run().await;
    assert!(calls.iter().any(|call| call.starts_with("iam:UpdateAccessKey")), "{calls:?}");
    for (number, call) in calls.iter().enumerate() {
        for effect in EFFECTS {
            let world = World::new(alice()).await;
            let key = world.key("alice", 0);
            let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
            let outcome = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
            if effect == Effect::Retry {
                assert_eq!(outcome.unwrap().unwrap().status, Status::Done, "{call}: a retry is recognised at once");
            }
            world.settle().await;
            assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
            if world.status(&key) == CredentialStatus::Active {
                // It ended before anything was begun; the next evaluation begins again.
                assert_eq!(world.spent("act"), 0, "{effect:?} at {call}: paid for nothing");
                world.remediate("alice").await;
            }
            assert_eq!(world.status(&key), CredentialStatus::Inactive, "{effect:?} at {call}");
            assert_eq!(world.spent("act"), 1, "{effect:?} at {call}");
            let work = world.work("alice", ACT, &key).await.unwrap();
            assert!(
                matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }),
                "{effect:?} at {call}: {:?}",
                work.step
            );
            assert_eq!(work.request.requester, CONFIG, "{effect:?} at {call}: the first requester stays");
            assert_eq!(world.remediate("alice").await.status, Status::NothingToDo, "{effect:?} at {call}: run again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_the_undo_is_made_held_and_paid_once() {
    let calls = calls_of_a_clean_undo().await;
    for (number, call) in calls.iter().enumerate() {
        for effect in EFFECTS {
            let world = World::new(alice()).await;
            world.remediate("alice").await;
            let key = world.key("alice", 0);
            let execution = world.execution(UNDO, &world.id("alice"), Some(&key), PERSON);
            let outcome = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
            if effect == Effect::Retry {
                assert_eq!(outcome.unwrap().unwrap().status, Status::Undone, "{call}: a retry is recognised at once");
            }
            world.settle().await;
            assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
            if world.status(&key) == CredentialStatus::Inactive {
                assert_eq!(world.spent("undo"), 0, "{effect:?} at {call}: paid for nothing");
                world.undo("alice", &key).await;
            }
            assert_eq!(world.status(&key), CredentialStatus::Active, "{effect:?} at {call}");
            assert_eq!((world.spent("act"), world.spent("undo")), (1, 1), "{effect:?} at {call}");
            let work = world.work("alice", UNDO_ACT, &key).await.unwrap();
            assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{effect:?} at {call}");
            assert_eq!(work.request.requester, PERSON, "{effect:?} at {call}: the first requester stays");
            assert_eq!(world.remediate("alice").await.status, Status::Held, "{effect:?} at {call}: redone");
            assert_eq!(
                world.undo("alice", &key).await.status,
                Status::NothingToDo,
                "{effect:?} at {call}: undone twice"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_twice_still_keeps_its_first_requester() {
    let calls = calls_of_a_clean_run().await.len();
    for number in 0..calls {
        let world = World::new(alice()).await;
        let first = world.execution(AGE, &world.id("alice"), None, PERSON);
        let _ = world.invoke_mortal(&first, &Gate::at(number, Effect::DieAfter)).await;
        let was_begun = !world.is_settled().await || !world.writes().is_empty();
        world.pass_time(SignedDuration::from_hours(1));
        let second = world.execution(AGE, &world.id("alice"), None, world::SCHEDULE);
        let _ = world.invoke_mortal(&second, &Gate::at(number, Effect::DieAfter)).await;
        world.settle().await;
        let key = world.key("alice", 0);
        if world.status(&key) == CredentialStatus::Active {
            continue;
        }
        let work = world.work("alice", ACT, &key).await.unwrap();
        let requester = if was_begun { PERSON } else { world::SCHEDULE };
        assert_eq!(work.request.requester, requester, "died twice after call {number}");
        assert_eq!(world.spent("act"), 1, "died twice after call {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_concurrent_runs_act_once() {
    let calls = calls_of_a_clean_run().await;
    for (number, call) in calls.iter().enumerate() {
        let world = World::new(alice()).await;
        let slow = world.execution(AGE, &world.id("alice"), None, CONFIG);
        let quick = world.execution(AGE, &world.id("alice"), None, PERSON);
        let gate = Gate::at(number, Effect::Stall);
        let (first, second) = tokio::join!(world.invoke(&slow, &gate), async {
            gate.stalled().await;
            let answer = world.invoke(&quick, &Gate::open()).await;
            gate.release();
            answer
        });
        let statuses = [first.unwrap().status, second.unwrap().status];
        assert_eq!(world.writes().len(), 1, "the slow one held at {call}: {statuses:?}");
        assert_eq!(world.spent("act"), 1, "the slow one held at {call}");
        assert!(statuses.contains(&Status::Done), "the slow one held at {call}: {statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_slept_through_its_lease_changes_nothing() {
    let calls = calls_of_a_clean_run().await;
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    for (number, call) in calls.iter().enumerate().take(write) {
        let world = World::new(alice()).await;
        let slow = world.execution(AGE, &world.id("alice"), None, CONFIG);
        let gate = Gate::at(number, Effect::Stall);
        let (first, ()) = tokio::join!(world.invoke(&slow, &gate), async {
            gate.stalled().await;
            world.pass_time(SignedDuration::from_mins(11));
            assert_eq!(world.remediate("alice").await.status, Status::Done, "{call}");
            world.by_hand(&world.key("alice", 0), KeyStatus::Active);
            gate.release();
        });
        let answer = first.unwrap();
        let has_no_lease = calls[..number].iter().any(|call| call.starts_with("dynamodb:Write"));
        if has_no_lease {
            assert_ne!(answer.status, Status::Done, "slept at {call}");
            assert_eq!(world.writes().len(), 1, "slept at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_written_at_the_last_moment_is_kept() {
    let world = World::new(alice()).await;
    let calls = calls_of_a_clean_run().await;
    let intent = calls.iter().position(|call| call == "dynamodb:TransactWriteItems").unwrap();
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let gate = Gate::at(intent, Effect::Stall);
    let (answer, ()) = tokio::join!(world.invoke(&execution, &gate), async {
        gate.stalled().await;
        let until = world.now.get() + SignedDuration::from_hours(1);
        let credential = world.key("alice", 0);
        let hold = Hold { credential, until, reason: "on leave".to_owned(), by: "carol".to_owned() };
        world.ledger().change_hold(&world.id("alice"), None, &hold).await.unwrap();
        gate.release();
    });
    let answer = answer.unwrap();
    assert_eq!(answer.status, Status::Held, "{}", answer.reason);
    assert_eq!((world.writes().len(), world.spent("act")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn two_invocations_of_one_execution_act_once() {
    let calls = calls_of_a_clean_run().await.len();
    for number in 0..calls {
        let world = World::new(alice()).await;
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        let gate = Gate::at(number, Effect::Stall);
        let (first, second) = tokio::join!(world.invoke(&execution, &gate), async {
            gate.stalled().await;
            let answer = world.invoke(&execution, &Gate::open()).await;
            gate.release();
            answer
        });
        assert!(first.is_ok() && second.is_ok());
        assert_eq!((world.writes().len(), world.spent("act")), (1, 1), "the first one held at call {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_is_waited_for_and_then_confirmed() {
    let world = World::new(alice()).await;
    *world.lists_lag.lock().unwrap() = true;
    let key = world.key("alice", 0);
    let answer = world.remediate("alice").await;
    assert_eq!(answer.status, Status::Waiting, "{}", answer.reason);
    assert!(answer.actions.is_empty(), "nothing unconfirmed is claimed");
    world.pass_time(SignedDuration::from_mins(5));
    assert_eq!(world.remediate("alice").await.status, Status::Waiting, "the list lags still");
    let answers = world.settle().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Status::Done]);
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
    assert_eq!((world.writes().len(), world.spent("act")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_somebody_activates_before_the_list_shows_it_is_not_fought_over() {
    let world = World::new(alice()).await;
    *world.lists_lag.lock().unwrap() = true;
    let key = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Waiting);
    world.by_hand(&key, KeyStatus::Active);
    let answers = world.settle().await;
    assert_eq!(answers[0].status, Status::Held, "{}", answers[0].reason);
    assert_eq!(world.writes().len(), 1);
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Reversed, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_intent_whose_write_a_list_hides_is_not_forgotten_when_a_guard_refuses_it() {
    let world = World::new(alice()).await;
    *world.lists_lag.lock().unwrap() = true;
    let key = world.key("alice", 0);
    let calls = calls_of_a_clean_run().await;
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::Lose)).await.unwrap().is_err());
    world.pass_time(SignedDuration::from_mins(11));
    world.set_policy(&world::policy_with(&[("\"enforce\"", "\"observe\"")]));
    assert_eq!(world.remediate("alice").await.status, Status::Waiting, "the list may hide that it is inactive");
    world.settle().await;
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{:?}", work.step);
    *world.lists_lag.lock().unwrap() = false;
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone, "so it can be undone");
    assert_eq!(world.status(&key), CredentialStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn a_list_may_hide_the_write_of_a_run_that_took_the_work_over_too() {
    let calls = calls_of_a_clean_run().await;
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let left_open = async || {
        let world = World::new(alice()).await;
        *world.lists_lag.lock().unwrap() = true;
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::DieBefore)).await.is_none());
        world.pass_time(SignedDuration::from_hours(1));
        world
    };
    let calls = {
        let world = left_open().await;
        let gate = Gate::open();
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        world.invoke(&execution, &gate).await.unwrap();
        gate.calls()
    };
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let world = left_open().await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::DieAfter)).await.is_none());
    world.pass_time(SignedDuration::from_mins(11));
    world.set_policy(&world::policy_with(&[("\"enforce\"", "\"observe\"")]));
    assert_eq!(world.remediate("alice").await.status, Status::Waiting, "the list may hide that it is inactive");
    world.settle().await;
    let work = world.work("alice", ACT, &world.key("alice", 0)).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{:?}", work.step);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_a_guard_refuses_later_is_withdrawn_without_effect() {
    let world = World::new(alice()).await;
    let key = world.key("alice", 0);
    let calls = calls_of_a_clean_run().await;
    let write = calls.iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::DieBefore)).await.is_none());
    world.set_policy(&world::policy_with(&[("\"enforce\"", "\"observe\"")]));
    world.settle().await;
    assert!(world.is_settled().await);
    assert!(world.writes().is_empty());
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Withdrawn { .. }, .. }), "{:?}", work.step);
    assert_eq!(world.undo("alice", &key).await.status, Status::NothingToDo, "there is nothing to undo");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_time_for_an_act_begins_none_and_the_schedule_does() {
    let world = World::new(alice()).await;
    world.time_left.set(std::time::Duration::from_mins(1));
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let fault = world.invoke(&execution, &Gate::open()).await.unwrap_err();
    assert_eq!(fault.name(), "OutOfTime");
    assert_eq!((world.writes().len(), world.spent("act")), (0, 0));
    world.time_left.set(std::time::Duration::from_secs(290));
    assert_eq!(world.settle().await[0].status, Status::Done);
}
