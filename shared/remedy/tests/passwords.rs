//! Console passwords: nothing gives one back, so its owner is warned, and it is read again just before it goes.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_estate::estate::{Estate, Password, age_days};
use credwarden_ledger::notice::NoticeKind;
use credwarden_ledger::request::Document;
use credwarden_ledger::work::{Outcome, Step};
use credwarden_policy::exception::{Change, Exception, Hold};
use credwarden_policy::remedy::RuleName;
use credwarden_remedy::answer::{Answer, Now, Status};
use jiff::SignedDuration;

use self::world::compromise::{execution, policy as policy_on_creators, stolen};
use self::world::gate::{Effect, Gate};
use self::world::{ACT, CONFIG, World, noon, policy_with};

const UNUSED: Document = Document::Rule(RuleName::UnusedCredentials);
const PASSWORD: CredentialId = CredentialId::ConsolePassword;
const EFFECTS: [Effect; 5] = [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry];

/// The days of warning of the default policy.
const WARNED: i64 = 14;

/// Sleeper, who has not signed in for 60 days.
fn sleeper() -> Estate {
    Estate::new(noon())
        .user("sleeper")
        .tag("owner", "olivia@example.com")
        .password(age_days(200))
        .signed_in(age_days(60))
}

async fn world_of(estate: Estate, policy: &str) -> World {
    let world = World::just_installed(estate);
    world.set_policy(policy);
    world.reported_of(RuleName::UnusedCredentials, policy, age_days(2)).await;
    world
}

async fn world() -> World {
    world_of(sleeper(), &policy_with(&[])).await
}

fn finding(world: &World) -> String {
    world.execution(UNUSED, &world.id("sleeper"), None, CONFIG)
}

async fn found(world: &World) -> Answer {
    world.invoke(&finding(world), &Gate::open()).await.unwrap()
}

fn deletions(world: &World) -> usize {
    world.passwords.lock().unwrap().len()
}

fn sign_in(world: &World) {
    let now = world.now.get();
    world.iam.change(|estate| estate.find_mut("sleeper").password.as_mut().unwrap().last_used = Some(now));
}

async fn is_deleted_once(world: &World, context: &str) {
    assert_eq!((deletions(world), world.spent("act")), (1, 1), "{context}");
    let work = world.work("sleeper", ACT, &PASSWORD).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Deleted, .. }), "{context}: {:?}", work.step);
    assert_eq!(work.request.requester, CONFIG, "{context}: the first requester stays");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_deleted_once_its_owner_has_had_the_days_of_warning() {
    let world = world().await;
    let told = found(&world).await;
    assert_eq!(told.status, Status::Waiting, "{}", told.reason);
    let notice = world.notice(NoticeKind::Announced).await;
    assert_eq!(notice.do_by, Some(noon() + age_days(WARNED)));
    assert_eq!(notice.owner.unwrap().as_str(), "olivia@example.com");
    for said in ["nothing undoes", "gone for good", "MFA devices, access keys, groups and permissions stay"] {
        assert!(notice.what.contains(said), "{said}: {}", notice.what);
    }
    assert!(notice.to_do.contains("sign in with it before that"), "{}", notice.to_do);
    let again = found(&world).await;
    assert_eq!(again.status, Status::Waiting, "{}", again.reason);
    assert!(again.reason.contains("2026-12-08T12:00:00Z"), "{}", again.reason);

    world.days(WARNED - 1).await;
    assert_eq!((deletions(&world), world.spent("act")), (0, 0), "not before its time");
    let answers = world.days(2).await;
    is_deleted_once(&world, "in time").await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == Status::Done).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    assert_eq!((done[0].actions[0].now, &done[0].undo), (Now::Deleted, &None));
    let notice = world.notice(NoticeKind::Done).await;
    assert!(notice.what.contains("nothing undoes") && notice.undo.is_none(), "{notice:?}");
    assert!(notice.to_do.contains("new password"), "{}", notice.to_do);
    assert!(world.is_settled().await);
    assert_eq!(found(&world).await.status, Status::NothingToDo);
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_refused_with_what_to_do_in_its_place() {
    let world = world().await;
    found(&world).await;
    world.days(WARNED + 1).await;
    let refused = world.undo("sleeper", &PASSWORD).await;
    assert_eq!(refused.status, Status::Refused, "{}", refused.reason);
    assert!(refused.reason.contains("CreateLoginProfile") && refused.reason.contains("MFA"), "{}", refused.reason);
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_signs_in_keeps_the_password_and_is_warned_anew_of_the_next_disuse() {
    let world = world().await;
    found(&world).await;
    world.days(3).await;
    sign_in(&world);
    world.days(WARNED).await;
    assert!(world.is_settled().await, "nothing waits any more");
    // 45 days of disuse, and what IAM shows late.
    world.days(33).await;
    let told = found(&world).await;
    assert_eq!(told.status, Status::Waiting, "{}", told.reason);
    world.days(WARNED - 1).await;
    assert_eq!(deletions(&world), 0, "the old warning counts no more");
    world.days(2).await;
    is_deleted_once(&world, "after the new warning").await;
}

#[tokio::test(start_paused = true)]
async fn a_warning_counts_no_more_once_the_password_was_used_whoever_was_away_meanwhile() {
    let patient = policy_with(&[(
        "\"console-password\": { \"maxAgeDays\": \"off\", \"warnDays\": 14",
        "\"console-password\": { \"maxAgeDays\": \"off\", \"warnDays\": 40",
    )]);
    let world = world_of(sleeper(), &patient).await;
    found(&world).await;
    world.pass_time(age_days(1));
    sign_in(&world);
    world.pass_time(age_days(47));
    let told = found(&world).await;
    assert_eq!((told.status, deletions(&world)), (Status::Waiting, 0), "{}", told.reason);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_set_since_is_another_one() {
    let world = world().await;
    found(&world).await;
    world.days(WARNED - 1).await;
    let set = Some(Password { created: world.now.get() - age_days(15), last_used: None });
    world.iam.change(|estate| estate.find_mut("sleeper").password = set);
    world.days(2).await;
    assert_eq!(deletions(&world), 0, "nobody was warned of this one");
    world.days(WARNED).await;
    is_deleted_once(&world, "after its own warning").await;
}

#[tokio::test(start_paused = true)]
async fn a_class_that_warns_of_nothing_still_leaves_a_day() {
    let hasty = policy_with(&[(
        "\"console-password\": { \"maxAgeDays\": \"off\", \"warnDays\": 14",
        "\"console-password\": { \"maxAgeDays\": \"off\", \"warnDays\": 0",
    )]);
    let world = world_of(sleeper(), &hasty).await;
    found(&world).await;
    for _ in 0..23 {
        world.hour().await;
    }
    assert_eq!(deletions(&world), 0);
    world.days(1).await;
    is_deleted_once(&world, "a day later").await;
}

#[tokio::test(start_paused = true)]
async fn what_forbids_the_act_ends_what_was_announced() {
    for (what, forbid) in [
        ("observed", ("\"enforce\"", "\"observe\"")),
        ("protected", ("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/*\"]")),
    ] {
        let world = world().await;
        found(&world).await;
        world.set_policy(&policy_with(&[forbid]));
        world.days(WARNED + 2).await;
        assert_eq!(deletions(&world), 0, "{what}");
        assert!(world.is_settled().await, "{what}: nothing waits any more");
        world.set_policy(&policy_with(&[]));
        found(&world).await;
        world.days(WARNED - 1).await;
        assert_eq!(deletions(&world), 0, "{what}: it is warned of anew");
        world.days(2).await;
        is_deleted_once(&world, what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_or_a_hold_keeps_a_password_after_its_warning() {
    for is_held in [false, true] {
        let world = world().await;
        found(&world).await;
        world.days(WARNED - 1).await;
        let (user, until) = (world.id("sleeper"), world.now.get() + age_days(20));
        if is_held {
            let hold = Hold { credential: PASSWORD, until, reason: "on leave".to_owned(), by: "carol".to_owned() };
            world.ledger().change_hold(&user, None, &hold).await.unwrap();
        } else {
            let exception = Exception {
                id: "EX-1".to_owned(),
                user,
                rule: RuleName::UnusedCredentials,
                credential: Some(PASSWORD),
                until,
                owner: "olivia".to_owned(),
                justification: "on leave".to_owned(),
                approver: "carol".to_owned(),
            };
            world.change_exception(Change::Grant, &exception).await;
        }
        world.days(19).await;
        assert_eq!(deletions(&world), 0);
        found(&world).await;
        world.days(3).await;
        assert_eq!(deletions(&world), 0, "it begins again at the warning");
    }
}

#[tokio::test(start_paused = true)]
async fn a_warning_that_could_not_be_acted_on_for_a_month_is_given_anew() {
    let world = world().await;
    found(&world).await;
    world.set_kill_switch("stop");
    world.days(WARNED + 31).await;
    world.set_kill_switch("run");
    world.days(1).await;
    assert_eq!(deletions(&world), 0);
    world.days(WARNED + 1).await;
    is_deleted_once(&world, "after the second warning").await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_of_a_warning_it_is_told_and_nothing_goes_early() {
    let (clean, gate) = (world().await, Gate::open());
    clean.invoke(&finding(&clean), &gate).await.unwrap();
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in EFFECTS {
            let world = world().await;
            let _ = world.invoke_mortal(&finding(&world), &Gate::at(number, effect)).await;
            world.days(1).await;
            if !world.told().await.contains(&(NoticeKind::Announced, PASSWORD.to_string())) {
                assert!(world.is_settled().await, "{effect:?} at {call}: announced in silence");
                found(&world).await;
            }
            let told = world.notice(NoticeKind::Announced).await;
            let from = told.do_by.unwrap();
            world.days(WARNED + 2).await;
            is_deleted_once(&world, &format!("{effect:?} at {call}")).await;
            let at = world.passwords.lock().unwrap()[0].1;
            assert!(at >= from, "{effect:?} at {call}: deleted {at}, told {from}");
            assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
        }
    }
}

/// A world at the time at which the password goes.
async fn due() -> World {
    let world = world().await;
    found(&world).await;
    world.pass_time(age_days(WARNED));
    world
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_a_password_is_deleted_and_paid_once() {
    for lags in [false, true] {
        let (clean, gate) = (due().await, Gate::open());
        *clean.lists_lag.lock().unwrap() = lags;
        clean.invoke(&finding(&clean), &gate).await.unwrap();
        assert!(gate.calls().iter().any(|call| call.starts_with("iam:DeleteLoginProfile")), "{:?}", gate.calls());
        for (number, call) in gate.calls().iter().enumerate() {
            for effect in EFFECTS {
                let world = due().await;
                *world.lists_lag.lock().unwrap() = lags;
                let _ = world.invoke_mortal(&finding(&world), &Gate::at(number, effect)).await;
                world.days(2).await;
                is_deleted_once(&world, &format!("{effect:?} at {call}")).await;
                assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
                assert_eq!(
                    world.notice(NoticeKind::Done).await.begun,
                    Some(world.work("sleeper", ACT, &PASSWORD).await.unwrap().begun)
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_set_while_a_dead_run_had_its_intent_is_left() {
    let (clean, gate) = (due().await, Gate::open());
    clean.invoke(&finding(&clean), &gate).await.unwrap();
    let write = gate.calls().iter().position(|call| call.starts_with("iam:DeleteLoginProfile")).unwrap();
    for effect in [Effect::DieBefore, Effect::DieAfter] {
        let world = due().await;
        assert!(world.invoke_mortal(&finding(&world), &Gate::at(write, effect)).await.is_none());
        let before = deletions(&world);
        let set = Some(Password { created: world.now.get(), last_used: None });
        world.iam.change(|estate| estate.find_mut("sleeper").password = set);
        world.days(2).await;
        assert_eq!(deletions(&world), before, "{effect:?}: the new one was never warned of");
        assert!(world.is_settled().await, "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_signs_in_at_the_last_moment_keeps_the_password() {
    let (clean, gate) = (due().await, Gate::open());
    clean.invoke(&finding(&clean), &gate).await.unwrap();
    let intent = gate.calls().iter().position(|call| call == "dynamodb:TransactWriteItems").unwrap();
    let world = due().await;
    let gate = Gate::at(intent, Effect::Stall);
    let execution = finding(&world);
    let (answer, ()) = tokio::join!(world.invoke(&execution, &gate), async {
        gate.stalled().await;
        sign_in(&world);
        gate.release();
    });
    assert_eq!((answer.unwrap().status, deletions(&world)), (Status::Held, 0));
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_set_at_the_last_moment_is_left() {
    let (clean, gate) = (due().await, Gate::open());
    clean.invoke(&finding(&clean), &gate).await.unwrap();
    let intent = gate.calls().iter().position(|call| call == "dynamodb:TransactWriteItems").unwrap();
    let world = due().await;
    let gate = Gate::at(intent, Effect::Stall);
    let execution = finding(&world);
    let (answer, ()) = tokio::join!(world.invoke(&execution, &gate), async {
        gate.stalled().await;
        let set = Some(Password { created: world.now.get(), last_used: None });
        world.iam.change(|estate| estate.find_mut("sleeper").password = set);
        gate.release();
    });
    assert_eq!((answer.unwrap().status, deletions(&world)), (Status::NothingToDo, 0));
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_somebody_set_who_may_not_goes_at_once_with_its_sessions() {
    let (world, password) = stolen(CredentialKind::ConsolePassword).await;
    assert_eq!(password, PASSWORD);
    let done = world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!((done.status, deletions(&world)), (Status::Done, 1), "{}", done.reason);
    assert!(world.are_sessions_refused("robot"));
    assert_eq!((world.spent("quarantine"), world.spent("act")), (1, 0));
    world.days(2).await;
    assert!(!world.are_sessions_refused("robot") && world.is_settled().await);
    let told = [NoticeKind::Compromise, NoticeKind::Done].map(|kind| (kind, PASSWORD.to_string()));
    assert_eq!(world.told().await, told);
}

#[tokio::test(start_paused = true)]
async fn a_compromise_waits_for_an_approval_only_where_the_policy_asks_for_one() {
    let (world, _) = stolen(CredentialKind::ConsolePassword).await;
    let asking =
        policy_on_creators().replace("\"approvers\": []", "\"approvers\": [\"arn:*:iam::*:role/approver\"]").replace(
            "\"unauthorized-key-creation\": { \"default\": {",
            "\"unauthorized-key-creation\": { \"default\": { \"approval\": true,",
        );
    assert!(asking.contains("\"approval\": true"), "{asking}");
    world.set_policy(&asking);
    let waits = world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!((waits.status, deletions(&world)), (Status::Waiting, 0), "{}", waits.reason);
    world.pass_time(SignedDuration::from_mins(5));
    let approver = "arn:aws:sts::123456789012:assumed-role/approver/carol";
    assert_eq!(world.approve("robot", &PASSWORD, &[approver]).await.status, Status::Approved);
    world.hour().await;
    assert_eq!(deletions(&world), 1, "without the days of a warning");
}
