//! Acts that wait for an approval: whose counts, for what, and for how long.

mod world;

use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_ledger::notice::NoticeKind;
use credwarden_ledger::work::{Outcome, Step};
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{
    ACKNOWLEDGE, ACT, AGE, CONFIG, PERSON, ROTATE, RULE, SCHEDULE, World, alice, policy_with, rotating_policy,
};

const APPROVER: &str = "arn:aws:sts::123456789012:assumed-role/approver/carol";

/// Who approves may be named; the age of access keys waits for them.
const APPROVERS: (&str, &str) = (
    "\"approvers\": []",
    "\"approvers\": [\"arn:*:iam::*:role/approver\", \"arn:*:iam::*:role/security\", \"arn:*:iam::*:user/alice\"]",
);

fn asking(entry: &str) -> String {
    let asks = format!("{entry}, \"approval\": true");
    let remedy = "\"access-key-age\": { \"default\": { \"remedy\": \"deactivate-credential\"";
    policy_with(&[APPROVERS, (remedy, &format!("{remedy}{asks}"))])
}

async fn world() -> World {
    let world = World::new(alice()).await;
    world.set_policy(&asking(""));
    world
}

#[tokio::test(start_paused = true)]
async fn an_act_waits_for_its_approval_and_keeps_who_asked_and_who_approved() {
    let world = world().await;
    let key = world.key("alice", 0);
    let waits = world.remediate("alice").await;
    assert_eq!((waits.status, world.status(&key)), (Status::Waiting, CredentialStatus::Active), "{}", waits.reason);
    let notice = world.notice(NoticeKind::NeedsApproval).await;
    assert!(notice.to_do.contains("start the document credwarden-approve with ResourceId"), "{}", notice.to_do);
    world.days(2).await;
    let held = world.remediate("alice").await;
    assert_eq!((held.status, world.status(&key)), (Status::Held, CredentialStatus::Active), "{}", held.reason);

    let approved = world.approve("alice", &key, &[APPROVER]).await;
    assert_eq!(approved.status, Status::Approved, "{}", approved.reason);
    assert_eq!(world.status(&key), CredentialStatus::Active, "the schedule does it, with every guard");
    let answers = world.hour().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Status::Done], "{answers:?}");
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
    let work = world.work("alice", ACT, &key).await.unwrap();
    assert_eq!((work.request.requester.as_str(), work.request.approvers), (PERSON, vec![APPROVER.to_owned()]));
    assert_eq!(work.taken_up[0].by, SCHEDULE);
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn only_an_approver_counts_who_is_neither_requester_nor_owner_nor_user() {
    let world = world().await;
    let key = world.key("alice", 0);
    world.remediate("alice").await;
    for (approvers, why) in [
        (&[][..], "nobody has approved it"),
        (&["arn:aws:sts::123456789012:assumed-role/developer/dan"], "does not name"),
        (&[PERSON], "asks for it"),
        (&["arn:aws:sts::123456789012:assumed-role/security/another-session"], "asks for it"),
        (&["arn:aws:iam::123456789012:user/alice"], "answers for it"),
    ] {
        let refused = world.approve("alice", &key, approvers).await;
        assert_eq!(refused.status, Status::Refused, "{approvers:?}: {}", refused.reason);
        assert!(refused.reason.contains(why), "{approvers:?}: {}", refused.reason);
    }
    world.iam.change(|estate| drop(estate.find_mut("alice").detail.record.tags.remove("owner")));
    let refused = world.approve("alice", &key, &["arn:aws:iam::123456789012:user/alice"]).await;
    assert!(refused.reason.contains("is the user itself"), "{}", refused.reason);
    world.hour().await;
    world.days(2).await;
    assert_eq!(world.status(&key), CredentialStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_not_announced_can_be_approved() {
    let world = world().await;
    let key = world.key("alice", 0);
    let refused = world.approve("alice", &key, &[APPROVER]).await;
    assert_eq!(refused.status, Status::Refused, "{}", refused.reason);
    let waits = world.remediate("alice").await;
    assert_eq!(waits.status, Status::Waiting, "an approval in advance counts for nothing: {}", waits.reason);
}

#[tokio::test(start_paused = true)]
async fn an_approval_counts_for_one_act_only() {
    let world = world().await;
    let key = world.key("alice", 0);
    world.remediate("alice").await;
    world.approve("alice", &key, &[APPROVER]).await;
    world.hour().await;
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone);
    world.pass_time(SignedDuration::from_hours(8 * 24));
    let again = world.remediate("alice").await;
    assert_eq!((again.status, world.status(&key)), (Status::Waiting, CredentialStatus::Active), "{}", again.reason);
}

#[tokio::test(start_paused = true)]
async fn an_approval_whose_act_is_done_is_spent_though_a_run_died_before_it_said_so() {
    let approved = async || {
        let world = world().await;
        world.remediate("alice").await;
        world.approve("alice", &world.key("alice", 0), &[APPROVER]).await;
        world.pass_time(SignedDuration::from_hours(1));
        world
    };
    let (clean, gate) = (approved().await, Gate::open());
    clean.invoke(&clean.execution(AGE, &clean.id("alice"), None, SCHEDULE), &gate).await.unwrap();
    let ends = gate.calls().iter().rposition(|call| call == "dynamodb:TransactWriteItems").unwrap();
    let world = approved().await;
    let key = world.key("alice", 0);
    let execution = world.execution(AGE, &world.id("alice"), None, SCHEDULE);
    assert!(world.invoke_mortal(&execution, &Gate::at(ends, Effect::DieBefore)).await.is_none());
    assert_eq!(world.status(&key), CredentialStatus::Inactive);
    world.pass_time(SignedDuration::from_mins(11));
    assert_eq!(world.undo("alice", &key).await.status, Status::Undone);
    world.pass_time(SignedDuration::from_hours(8 * 24));
    let again = world.remediate("alice").await;
    assert_eq!((again.status, world.status(&key)), (Status::Waiting, CredentialStatus::Active), "{}", again.reason);
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_asked_of_the_policy_of_the_moment_at_which_it_is_acted_on() {
    let world = world().await;
    let key = world.key("alice", 0);
    world.remediate("alice").await;
    world.approve("alice", &key, &[APPROVER]).await;
    world.set_policy(&asking("").replace("role/approver", "role/another"));
    world.hour().await;
    assert_eq!(world.status(&key), CredentialStatus::Active);
    assert_eq!(world.remediate("alice").await.status, Status::Held);
}

#[tokio::test(start_paused = true)]
async fn every_other_guard_holds_what_is_approved() {
    let world = world().await;
    let key = world.key("alice", 0);
    world.remediate("alice").await;
    world.approve("alice", &key, &[APPROVER]).await;
    world.use_key(&key);
    let answers = world.hour().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Status::Held], "{answers:?}");
    assert_eq!(world.status(&key), CredentialStatus::Active);
    world.set_kill_switch("undo-only");
    let refused = world.approve("alice", &key, &[APPROVER]).await;
    assert_eq!(refused.status, Status::Held, "{}", refused.reason);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_an_approval_is_written_down_or_asked_for_again() {
    let begun = async || {
        let world = world().await;
        world.remediate("alice").await;
        world
    };
    let (clean, gate) = (begun().await, Gate::open());
    let key = clean.key("alice", 0);
    clean.invoke(&clean.approval("alice", &key, &[APPROVER]), &gate).await.unwrap();
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
            let world = begun().await;
            let key = world.key("alice", 0);
            let execution = world.approval("alice", &key, &[APPROVER]);
            let outcome = world.invoke_mortal(&execution, &Gate::at(number, effect)).await;
            let is_answered = matches!(&outcome, Some(Ok(answer)) if answer.status == Status::Approved);
            assert!(is_answered || effect != Effect::Retry, "{effect:?} at {call}: {outcome:?}");
            world.hour().await;
            let is_done = world.status(&key) == CredentialStatus::Inactive;
            assert!(is_done || !is_answered, "{effect:?} at {call}: an answered approval is lost");
            if !is_done {
                assert_eq!(world.approve("alice", &key, &[APPROVER]).await.status, Status::Approved);
                world.hour().await;
            }
            assert_eq!((world.writes().len(), world.spent("act")), (1, 1), "{effect:?} at {call}");
            let work = world.work("alice", ACT, &key).await.unwrap();
            assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{effect:?} at {call}");
            assert_eq!(work.request.approvers, [APPROVER], "{effect:?} at {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_comes_to_its_act_and_waits_there_for_an_approval() {
    let world = World::rotating(alice(), "").await;
    let remedy = "\"access-key-age\": { \"default\": { \"remedy\": \"rotate-key\"";
    let asking =
        rotating_policy("").replace(remedy, &format!("{remedy}, \"approval\": true")).replace(APPROVERS.0, APPROVERS.1);
    world.set_policy(&asking);
    world.reported_of(RULE, &asking, SignedDuration::from_hours(48)).await;
    let old = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Rotating, "its steps wait for nobody");
    let new = world.create_key("alice");
    world.use_key(&new);
    world.hour().await;
    world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
    world.days(4).await;
    assert_eq!(world.status(&old), CredentialStatus::Active);
    assert!(world.told().await.contains(&(NoticeKind::NeedsApproval, old.to_string())));
    assert_eq!(world.approve("alice", &old, &[APPROVER]).await.status, Status::Approved);
    world.days(1).await;
    assert_eq!((world.status(&old), world.status(&new)), (CredentialStatus::Inactive, CredentialStatus::Active));
    let work = world.work("alice", ROTATE, &old).await.unwrap();
    assert_eq!((work.request.requester.as_str(), work.request.approvers), (PERSON, vec![APPROVER.to_owned()]));
    world.days(1).await;
    assert!(world.is_settled().await, "nothing waits any more");
    assert_ne!(work.request.requester, CONFIG);
}
