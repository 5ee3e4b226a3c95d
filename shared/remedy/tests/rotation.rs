//! How a key is rotated: step by step, with the schedule alone, and by the owner's doing only.

mod world;

use credwarden_credential::snapshot::{KeyStatus, Status as CredentialStatus};
use credwarden_credential::usage::Use;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::notice::NoticeKind;
use credwarden_ledger::request::Document;
use credwarden_ledger::work::{Outcome, Step};
use credwarden_policy::exception::Hold;
use credwarden_policy::remedy::{RemedyName, RuleName};
use credwarden_policy::rotation::Tell;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::{Effect, Gate};
use self::world::{
    ACKNOWLEDGE, AGE, CONFIG, FORCE, PERSON, ROTATE, ROTATE_UNDO, SCHEDULE, World, alice, noon, policy_with,
    rotating_policy,
};

/// Bob, whose only key is young and in use.
fn bob() -> Estate {
    Estate::new(noon()).user("bob").tag("owner", "bob@example.com").key(age_days(10)).used(age_days(1), "s3")
}

/// Alice, whose old key is in use.
fn busy() -> Estate {
    Estate::new(noon()).user("alice").tag("owner", "alice@example.com").key(age_days(100)).used(age_days(1), "s3")
}

/// The owner does all that is asked of it; gives the old key and the new.
async fn switched_over(
    world: &World,
) -> (credwarden_credential::kind::CredentialId, credwarden_credential::kind::CredentialId) {
    let old = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Rotating);
    world.pass_time(SignedDuration::from_hours(2));
    let new = world.create_key("alice");
    world.pass_time(SignedDuration::from_hours(1));
    world.use_key(&new);
    world.hour().await;
    world.remediate("alice").await;
    assert_eq!(world.ask(ACKNOWLEDGE, "alice", Some(&old)).await.status, Status::Rotating);
    (old, new)
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_moves_loses_the_old_key_once_nothing_needs_it() {
    let world = World::rotating(alice(), "").await;
    let (old, new) = switched_over(&world).await;
    assert_eq!(world.writes(), [], "the first reading is not enough");
    // AWS Config is silent from here.
    world.days(3).await;
    assert_eq!(world.writes(), [(old.to_string(), KeyStatus::Inactive)]);
    assert_eq!(world.status(&new), CredentialStatus::Active);
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert!(rotation.ended.is_some(), "{rotation:?}");
    assert!(world.is_settled().await, "nothing is left to do");
    assert_eq!(world.spent("act"), 1);
    let work = world.work("alice", ROTATE, &old).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. }), "{work:?}");
    assert!(work.because.contains("access-key-age"), "{}", work.because);
    let told = world.told().await;
    for kind in [NoticeKind::CreateKey, NoticeKind::MoveToKey, NoticeKind::Done] {
        assert!(told.contains(&(kind, old.to_string())), "{kind} was not told: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_is_told_with_exactly_what_to_do_and_by_when() {
    let world = World::rotating(alice(), "").await;
    let (old, new) = switched_over(&world).await;
    let id = world.id("alice");
    let run = format!("start the document credwarden-acknowledge-rotation with ResourceId {id} and CredentialId {old}");
    for (kind, to_do) in [
        (
            NoticeKind::CreateKey,
            format!(
                "create a second access key of `alice`, give it to whatever uses {old}, and when nothing needs {old} any \
                 more {run}"
            ),
        ),
        (
            NoticeKind::MoveToKey,
            format!("give {new} to whatever uses {old}, and when nothing needs {old} any more {run}"),
        ),
    ] {
        let notice = world.notice(kind).await;
        assert_eq!(notice.to_do, to_do);
        assert_eq!(notice.do_by, Some(noon() + age_days(14)));
        assert_eq!(notice.owner.unwrap().as_str(), "alice@example.com");
        assert!(notice.what.contains("limit 90 days passed"), "{}", notice.what);
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_never_moves_is_told_again_and_keeps_the_key() {
    let world = World::rotating(alice(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    world.days(16).await;
    assert!(world.told().await.contains(&(NoticeKind::Overdue, old.to_string())));
    let answer = world.remediate("alice").await;
    assert_eq!(answer.status, Status::Held, "{}", answer.reason);
    assert_eq!(world.writes(), []);
    assert!(!world.is_settled().await, "it is looked at again");
}

#[tokio::test(start_paused = true)]
async fn a_class_that_opts_for_force_forces_nobody_before_that_was_reported_for_a_day() {
    let world = World::rotating(busy(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    let new = world.create_key("alice");
    world.use_key(&new);
    for _ in 0..16 {
        world.use_key(&old);
        world.days(1).await;
    }
    let forcing = rotating_policy(r#", "force": true"#);
    world.set_policy(&forcing);
    assert_eq!(world.remediate("alice").await.status, Status::Held);
    world.reported(&forcing, SignedDuration::from_hours(23)).await;
    assert_eq!(world.remediate("alice").await.status, Status::Held);
    world.pass_time(SignedDuration::from_hours(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done);
    assert_eq!(world.status(&old), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_use_past_its_deadline_goes_only_where_the_class_opted_for_it_and_the_new_key_works() {
    for (force, makes_a_key, goes) in
        [("", true, false), (r#", "force": true"#, false, false), (r#", "force": true"#, true, true)]
    {
        let world = World::rotating(busy(), force).await;
        let old = world.key("alice", 0);
        world.remediate("alice").await;
        if makes_a_key {
            let new = world.create_key("alice");
            world.use_key(&new);
        }
        for _ in 0..16 {
            world.use_key(&old);
            world.days(1).await;
        }
        let expected = if goes { CredentialStatus::Inactive } else { CredentialStatus::Active };
        assert_eq!(world.status(&old), expected, "force {force:?}, a new key: {makes_a_key}");
        if goes {
            let work = world.work("alice", ROTATE, &old).await.unwrap();
            assert!(work.because.contains("in use past its deadline"), "{}", work.because);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_is_advised_and_nothing_else_is_done() {
    let world = World::rotating(alice(), r#", "delivery": "replace""#).await;
    let old = world.key("alice", 0);
    let used = Use {
        at: noon(),
        service: "ecr".to_owned(),
        region: "us-east-1".to_owned(),
        source: "198.51.100.7".to_owned(),
        through_vpc: false,
        agent: "aws-cli/2.15.0".to_owned(),
    };
    world.uses.lock().unwrap().push(used);
    assert_eq!(world.remediate("alice").await.status, Status::Rotating);
    assert_eq!(world.told().await, [(NoticeKind::UseRole, old.to_string())]);
    let to_do = world.notice(NoticeKind::UseRole).await.to_do;
    assert!(to_do.contains("aws-cli/2.15.0"), "it is advised by what uses the key: {to_do}");
    world.days(40).await;
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_or_told_where_the_policy_observes_and_only_told_where_it_warns() {
    for (mode, status) in [("observe", Status::Observed), ("warn", Status::Warned)] {
        let world = World::rotating(alice(), "").await;
        world.set_policy(&rotating_policy("").replace("\"enforce\"", &format!("\"{mode}\"")));
        assert_eq!(world.remediate("alice").await.status, status);
        assert_eq!(world.rotation("alice", &world.key("alice", 0)).await, None);
        assert_eq!(world.told().await.len(), usize::from(mode == "warn"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_rotated_any_more_ends_without_an_act_and_begins_anew_afterwards() {
    let world = World::rotating(alice(), "").await;
    let (old, _) = switched_over(&world).await;
    let until = world.now.get() + age_days(4);
    let hold = Hold { credential: old.clone(), until, reason: "audit".to_owned(), by: PERSON.to_owned() };
    world.ledger().change_hold(&world.id("alice"), None, &hold).await.unwrap();
    world.days(3).await;
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert!(rotation.ended.unwrap().how.contains("audit"));
    assert_eq!((world.writes(), world.is_settled().await), (vec![], true));
    world.days(2).await;
    assert_eq!(world.remediate("alice").await.status, Status::Rotating);
    let again = world.rotation("alice", &old).await.unwrap();
    assert!(again.opened > rotation.opened && again.acknowledged.is_none(), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn undo_gives_the_key_back_and_holds_it() {
    let world = World::rotating(alice(), "").await;
    let (old, _) = switched_over(&world).await;
    world.days(3).await;
    let answer = world.ask(ROTATE_UNDO, "alice", Some(&old)).await;
    assert_eq!(answer.status, Status::Undone, "{}", answer.reason);
    assert_eq!(world.status(&old), CredentialStatus::Active);
    assert_eq!(world.remediate("alice").await.status, Status::Held);
    world.days(2).await;
    assert_eq!(world.status(&old), CredentialStatus::Active);
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn another_remedy_that_takes_the_key_ends_the_rotation() {
    let world = World::rotating(alice(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    world.by_hand(&old, KeyStatus::Inactive);
    world.days(2).await;
    assert!(world.rotation("alice", &old).await.unwrap().ended.is_some());
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_is_gone_leaves_nothing_open() {
    let world = World::rotating(alice(), "").await;
    world.remediate("alice").await;
    world.iam.change(|estate| *estate = estate.clone().without("alice"));
    world.days(2).await;
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_names_another_remedy_by_now_ends_what_was_begun() {
    let world = World::rotating(busy(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    world.set_policy(&policy_with(&[]));
    world.days(2).await;
    assert!(world.rotation("alice", &old).await.unwrap().ended.is_some());
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn only_an_open_rotation_of_the_users_own_key_is_acknowledged() {
    let world = World::rotating(alice(), "").await;
    let old = world.key("alice", 0);
    let answer = world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
    assert_eq!(answer.status, Status::Refused, "{}", answer.reason);
    let foreign = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let answer = world.ask(ACKNOWLEDGE, "alice", Some(&foreign)).await;
    assert_eq!(answer.status, Status::Refused, "{}", answer.reason);
    world.remediate("alice").await;
    let answer = world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
    assert_eq!(answer.status, Status::Refused, "{}", answer.reason);
    world.create_key("alice");
    world.remediate("alice").await;
    world.pass_time(SignedDuration::from_hours(1));
    world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert_eq!(rotation.acknowledged.unwrap().by, PERSON);
}

#[tokio::test(start_paused = true)]
async fn a_word_that_a_run_left_behind_counts_from_when_it_was_given() {
    let world = World::rotating(alice(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    // The run dies at its first look at the user, with the lease in its hands.
    let said = world.execution(ACKNOWLEDGE, &world.id("alice"), Some(&old), PERSON);
    let calls = Gate::open();
    world.invoke(&said, &calls).await.unwrap();
    let first_look = calls.calls().iter().position(|call| call.starts_with("iam:")).unwrap();
    let again = world.execution(ACKNOWLEDGE, &world.id("alice"), Some(&old), PERSON);
    assert!(world.invoke_mortal(&again, &Gate::at(first_look, Effect::DieBefore)).await.is_none());
    let new = world.create_key("alice");
    world.days(1).await;
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert_eq!(rotation.replacement.map(|replacement| replacement.key), Some(new));
    assert_eq!(rotation.acknowledged, None, "it was said before there was the new key");
}

#[tokio::test(start_paused = true)]
async fn whoever_says_too_early_that_nothing_needs_the_old_key_is_told_to_use_the_new_one() {
    let world = World::rotating(alice(), "").await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    world.pass_time(SignedDuration::from_hours(1));
    let new = world.create_key("alice");
    world.pass_time(SignedDuration::from_hours(1));
    world.ask(ACKNOWLEDGE, "alice", Some(&old)).await;
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert!(rotation.acknowledged.is_some());
    assert_eq!(rotation.told, Some(Tell::Move(new)));
}

#[tokio::test(start_paused = true)]
async fn a_person_has_a_young_key_rotated_with_all_the_care_of_an_old_one() {
    let world = World::rotating(bob(), "").await;
    let old = world.key("bob", 0);
    assert_eq!(world.remediate("bob").await.status, Status::NothingToDo);
    let answer = world.ask(FORCE, "bob", None).await;
    assert_eq!(answer.status, Status::Rotating, "{}", answer.reason);
    let rotation = world.rotation("bob", &old).await.unwrap();
    let forced = rotation.forced.unwrap();
    assert_eq!((forced.by.as_str(), forced.reason.as_str()), (PERSON, "it may have leaked"));
    let new = world.create_key("bob");
    world.use_key(&new);
    world.days(1).await;
    // Asked for once more, the key that takes its place is left alone.
    world.ask(FORCE, "bob", None).await;
    assert_eq!(world.rotation("bob", &new).await, None);
    world.ask(ACKNOWLEDGE, "bob", Some(&old)).await;
    world.days(10).await;
    assert_eq!(world.status(&old), CredentialStatus::Inactive);
    assert_eq!(world.status(&new), CredentialStatus::Active);
    assert!(world.is_settled().await);
    let work = world.work("bob", ROTATE, &old).await.unwrap();
    assert!(work.because.contains("it may have leaked"), "{}", work.because);
}

#[tokio::test(start_paused = true)]
async fn a_persons_request_is_refused_where_the_policy_rotates_nothing_or_holds() {
    let world = World::new(bob()).await;
    let answer = world.ask(FORCE, "bob", None).await;
    assert_eq!(answer.status, Status::Refused, "{}", answer.reason);
    let foreign = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    assert_eq!(world.ask(FORCE, "bob", Some(&foreign)).await.status, Status::Refused);
    let world = World::rotating(bob(), "").await;
    world.set_policy(&rotating_policy("").replace("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/*\"]"));
    assert_eq!(world.ask(FORCE, "bob", None).await.status, Status::Held);
    for (switch, status) in [("undo-only", Status::Held), ("stop", Status::Held)] {
        let world = World::rotating(bob(), "").await;
        world.set_kill_switch(switch);
        assert_eq!(world.ask(FORCE, "bob", None).await.status, status);
        assert_eq!(world.rotation("bob", &world.key("bob", 0)).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_schedule_goes_on_with_the_rules_document_and_never_asks_for_a_rotation_itself() {
    let world = World::rotating(bob(), "").await;
    world.ask(FORCE, "bob", None).await;
    let record = world.ledger().record(&world.id("bob")).await.unwrap();
    let request = &record.rotations.first().unwrap().request;
    assert_eq!((request.document, request.requester.as_str()), (Document::Rule(RuleName::AccessKeyAge), PERSON));
    world.days(20).await;
    let rotation = world.rotation("bob", &world.key("bob", 0)).await.unwrap();
    assert_eq!(rotation.forced.unwrap().by, PERSON);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_access_key_stays_with_the_other_remedy() {
    let estate =
        Estate::new(noon()).user("alice").ssh_public_key(age_days(100)).key(age_days(100)).used(age_days(30), "s3");
    let world = World::rotating(estate, "").await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let answer = world.invoke(&execution, &Gate::open()).await.unwrap();
    assert_eq!(answer.status, Status::Rotating, "{}", answer.reason);
    let told = world.told().await;
    assert_eq!(told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [NoticeKind::CreateKey, NoticeKind::InUse]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_of_the_other_remedy_is_none_of_its_own() {
    let world = World::rotating(alice(), "").await;
    let (old, _) = switched_over(&world).await;
    world.days(3).await;
    let execution = world.execution(world::UNDO, &world.id("alice"), Some(&old), SCHEDULE);
    let answer = world.invoke(&execution, &Gate::open()).await.unwrap();
    assert_eq!(answer.status, Status::NothingToDo, "{}", answer.reason);
    assert_eq!(ROTATE_UNDO, Document::Undo(RemedyName::RotateKey));
}
