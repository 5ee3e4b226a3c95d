//! Outside the maintenance windows an act waits, and whatever begins or tells goes on.

mod world;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{KeyStatus, Status as CredentialStatus};
use credwarden_ledger::notice::NoticeKind;
use credwarden_ledger::work::{Outcome, Step};
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::compromise::{execution, policy as policy_on_creators, stolen};
use self::world::gate::{Effect, Gate};
use self::world::{ACKNOWLEDGE, ACT, AGE, CONFIG, ROTATE, World, alice, policy_with, rotating_policy};

/// Open from 20:00 to 23:00 each day; the world begins at noon.
const EVENINGS: (&str, &str) =
    ("\"budget\":", "\"windows\": [{ \"from\": \"20:00\", \"to\": \"23:00\" }], \"budget\":");

/// The next opening.
const OPENS: &str = "2026-11-24T20:00:00Z";

async fn evenings() -> World {
    let world = World::new(alice()).await;
    world.set_policy(&policy_with(&[EVENINGS]));
    world
}

#[tokio::test(start_paused = true)]
async fn an_act_waits_for_the_window_and_the_schedule_makes_it_then() {
    let world = evenings().await;
    let key = world.key("alice", 0);
    let answer = world.remediate("alice").await;
    assert_eq!(answer.status, Status::Waiting, "{}", answer.reason);
    assert!(answer.reason.contains(OPENS), "{}", answer.reason);
    assert_eq!((world.spent("act"), world.work("alice", ACT, &key).await), (0, None), "nothing has begun");
    // AWS Config is silent from here.
    for hour in 13..20 {
        assert_eq!(world.hour().await, [], "{hour} o'clock: nothing is due");
    }
    let answers = world.hour().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Status::Done], "{answers:?}");
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert_eq!(work.request.requester, CONFIG, "the first requester stays");
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_window_is_decided_anew_when_it_opens() {
    let world = evenings().await;
    world.remediate("alice").await;
    world.use_key(&world.key("alice", 0));
    let answers = world.days(1).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Status::Held], "{answers:?}");
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn an_owner_is_told_outside_the_windows_too() {
    let world = evenings().await;
    let key = world.key("alice", 0);
    world.use_key(&key);
    assert_eq!(world.remediate("alice").await.status, Status::Held);
    assert_eq!(world.told().await, [(NoticeKind::InUse, key.to_string())]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_waits_for_no_window() {
    let world = World::new(alice()).await;
    let key = world.key("alice", 0);
    world.remediate("alice").await;
    world.set_policy(&policy_with(&[EVENINGS]));
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone);
    assert_eq!(world.status(&key), CredentialStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn a_compromise_waits_for_no_window() {
    let (world, credential) = stolen(CredentialKind::AccessKey).await;
    world.set_policy(&policy_on_creators().replacen(EVENINGS.0, EVENINGS.1, 1));
    let done = world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!((done.status, world.status(&credential)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_a_dead_run_left_is_made_when_a_window_opens_and_paid_once() {
    let world = World::new(alice()).await;
    let key = world.key("alice", 0);
    let (calls, clean) = (Gate::open(), World::new(alice()).await);
    clean.invoke(&clean.execution(AGE, &clean.id("alice"), None, CONFIG), &calls).await.unwrap();
    let write = calls.calls().iter().position(|call| call.starts_with("iam:UpdateAccessKey")).unwrap();
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    assert!(world.invoke_mortal(&execution, &Gate::at(write, Effect::DieBefore)).await.is_none());
    world.set_policy(&policy_with(&[EVENINGS]));
    let answers = world.hour().await;
    assert!(answers.iter().all(|answer| answer.status == Status::Waiting), "{answers:?}");
    assert_eq!(world.writes(), []);
    world.days(1).await;
    assert_eq!(world.writes(), [(key.to_string(), KeyStatus::Inactive)]);
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{:?}", work.step);
    assert_eq!(world.spent("act"), 1);
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_what_waits_is_done_in_the_window_and_paid_once() {
    let (world, gate) = (evenings().await, Gate::open());
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    world.invoke(&execution, &gate).await.unwrap();
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
            let world = evenings().await;
            let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
            let _ = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
            for _ in 0..7 {
                world.hour().await;
                assert_eq!(world.writes(), [], "{effect:?} at {call}: before the window");
            }
            world.hour().await;
            if world.writes().is_empty() {
                assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
                world.remediate("alice").await;
            }
            assert_eq!((world.writes().len(), world.spent("act")), (1, 1), "{effect:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_goes_on_outside_the_windows_and_its_act_waits() {
    let world = World::rotating(alice(), "").await;
    let rotating = rotating_policy("").replacen(EVENINGS.0, EVENINGS.1, 1);
    world.set_policy(&rotating);
    let old = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Rotating);
    let new = world.create_key("alice");
    world.use_key(&new);
    world.hour().await;
    assert_eq!(world.ask(ACKNOWLEDGE, "alice", Some(&old)).await.status, Status::Rotating, "an owner's word counts");
    for _ in 0..60 {
        let before = world.writes().len();
        world.hour().await;
        let hour = world.now.get().strftime("%H").to_string().parse::<u32>().unwrap();
        assert!(world.writes().len() == before || (20..23).contains(&hour), "it was changed at {hour} o'clock");
    }
    assert_eq!(world.writes(), [(old.to_string(), KeyStatus::Inactive)]);
    let work = world.work("alice", ROTATE, &old).await.unwrap();
    assert!(work.because.contains("access-key-age"), "{}", work.because);
    world.pass_time(SignedDuration::from_mins(1));
    assert!(world.told().await.contains(&(NoticeKind::CreateKey, old.to_string())));
}
