//! What an execution answers, and that it changes nothing unless it says so.

mod world;

use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days};
use credwarden_ledger::request::Request;
use credwarden_ledger::table::{Action, Condition, Key, Table, Write};
use credwarden_policy::exception::{Change, Exception, Hold};
use credwarden_remedy::answer::{Answer, Status};
use credwarden_remedy::ssm::{Execution, ExecutionStatus};
use jiff::SignedDuration;

use self::world::gate::Gate;
use self::world::{AGE, CONFIG, RULE, World, alice, noon, policy_with};

/// Nothing was changed, for this reason.
fn unchanged(world: &World, answer: &Answer, status: Status, reason: &str) {
    assert_eq!(answer.status, status, "{}", answer.reason);
    assert!(answer.reason.contains(reason), "{}", answer.reason);
    assert!(answer.actions.is_empty() && answer.undo.is_none());
    assert!(world.writes().is_empty(), "something was written");
    assert_eq!(world.spent("act"), 0, "something was paid");
}

#[tokio::test(start_paused = true)]
async fn an_old_silent_key_is_deactivated_and_the_answer_says_how_to_undo_it() {
    let world = World::new(alice()).await;
    let answer = world.remediate("alice").await;
    assert_eq!(world.status(&world.key("alice", 0)), CredentialStatus::Inactive);
    let (id, key) = (world.id("alice"), world.key("alice", 0));
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        format!(
            "{{\"status\":\"done\",\"reason\":\"{key}: deactivate-credential is done\",\
             \"actions\":[{{\"act\":\"deactivate-credential\",\"user\":\"alice\",\"credential\":\"{key}\",\
             \"now\":\"inactive\"}}],\"undo\":{{\"document\":\"credwarden-undo-deactivate-credential\",\
             \"resourceId\":\"{id}\",\"credentialIds\":[\"{key}\"],\"until\":\"2026-12-24T12:00:00Z\"}}}}"
        ),
        "`status` comes first, for documents branch on how the answer begins"
    );
}

#[tokio::test(start_paused = true)]
async fn the_ledger_holds_who_asked_why_and_what_was_seen_before_and_after() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let key = world.key("alice", 0);
    let work = world.work("alice", world::ACT, &key).await.unwrap();
    let Request { requester, execution, .. } = &work.request;
    assert_eq!((requester.as_str(), execution.as_str()), (CONFIG, "execution-1"));
    assert!(work.because.starts_with(&format!("access-key-age: {key} created 2026-08-16")), "{}", work.because);
    assert_eq!(work.before.status, CredentialStatus::Active);
    let json = serde_json::to_value(&work.step).unwrap();
    assert_eq!(json["settled"]["outcome"]["done"]["after"]["status"], "inactive");
    assert_eq!(work.undo_until, Some(noon() + age_days(30)));
}

#[tokio::test(start_paused = true)]
async fn only_approvers_that_the_policy_names_count() {
    let named = "arn:aws:sts::123456789012:assumed-role/security/dana";
    let policy = policy_with(&[("\"approvers\": []", &format!("\"approvers\": [\"{named}\"]"))]);
    let world = World::new(alice()).await;
    world.set_policy(&policy);
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let stranger = "arn:aws:iam::123456789012:user/alice";
    world.executions.lock().unwrap().get_mut(&execution).unwrap().approvers = vec![named.into(), stranger.into()];
    world.invoke(&execution, &Gate::open()).await.unwrap();
    let work = world.work("alice", world::ACT, &world.key("alice", 0)).await.unwrap();
    assert_eq!(work.request.approvers, [named]);
}

#[tokio::test(start_paused = true)]
async fn each_of_two_old_keys_is_judged_on_its_own() {
    let estate = Estate::new(noon()).user("bob").key(age_days(200)).key(age_days(100)).used(age_days(1), "ec2");
    let world = World::new(estate).await;
    let answer = world.remediate("bob").await;
    assert_eq!(answer.status, Status::Done, "{}", answer.reason);
    assert!(answer.reason.contains("it is in use, last at"), "{}", answer.reason);
    assert_eq!(world.status(&world.key("bob", 0)), CredentialStatus::Inactive);
    assert_eq!(world.status(&world.key("bob", 1)), CredentialStatus::Active);
    assert_eq!(world.spent("act"), 1);
}

#[tokio::test(start_paused = true)]
async fn two_old_silent_keys_are_both_deactivated_and_cost_two() {
    let world = World::new(Estate::new(noon()).user("bob").key(age_days(200)).key(age_days(100))).await;
    let answer = world.remediate("bob").await;
    assert_eq!((answer.actions.len(), world.spent("act")), (2, 2), "{}", answer.reason);
    assert_eq!(answer.undo.unwrap().credential_ids.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_within_its_limit_is_nothing_to_do() {
    let world = World::new(Estate::new(noon()).user("alice").key(age_days(90))).await;
    unchanged(&world, &world.remediate("alice").await, Status::NothingToDo, "does not break the policy");
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_stops_it_and_so_does_one_that_is_unreadable() {
    for (value, reason) in [("stop", "`stop`"), ("undo-only", "`undo-only`"), ("STOP", "counts as `stop`")] {
        let world = World::new(alice()).await;
        world.set_kill_switch(value);
        unchanged(&world, &world.remediate("alice").await, Status::Held, reason);
    }
    let world = World::new(alice()).await;
    world.without_parameter("kill-switch");
    unchanged(&world, &world.remediate("alice").await, Status::Held, "the kill switch cannot be read");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_missing_malformed_or_too_long_is_no_policy() {
    let world = World::new(alice()).await;
    world.without_parameter("policy");
    unchanged(&world, &world.remediate("alice").await, Status::Held, "the policy cannot be read");
    let too_long = policy_with(&[("\"approvers\": []", &format!("\"approvers\": [\"{}\"]", "x".repeat(9000)))]);
    for (policy, reason) in
        [("{", "the policy is refused"), (too_long.as_str(), "bytes"), ("", "the policy is refused")]
    {
        world.set_policy(policy);
        unchanged(&world, &world.remediate("alice").await, Status::Held, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn observe_and_warn_only_say_so() {
    for (mode, status) in [("observe", Status::Observed), ("warn", Status::Warned)] {
        let world = World::new(alice()).await;
        world.set_policy(&policy_with(&[("\"enforce\"", &format!("\"{mode}\""))]));
        unchanged(&world, &world.remediate("alice").await, status, "its owner is alice@example.com");
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_user_is_held() {
    let world = World::new(alice()).await;
    world.set_policy(&policy_with(&[("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/al*\"]")]));
    unchanged(&world, &world.remediate("alice").await, Status::Held, "the policy protects");
}

#[tokio::test(start_paused = true)]
async fn an_exception_and_a_hold_are_kept() {
    let world = World::new(alice()).await;
    let (user, credential, until) = (world.id("alice"), world.key("alice", 0), noon() + age_days(1));
    let exception = Exception {
        id: "EX-1".to_owned(),
        user: user.clone(),
        rule: RULE,
        credential: None,
        until,
        owner: "alice".to_owned(),
        justification: "migration".to_owned(),
        approver: "bob".to_owned(),
    };
    world.change_exception(Change::Grant, &exception).await;
    unchanged(&world, &world.remediate("alice").await, Status::Excepted, "exception EX-1 holds until 2026-11-25");
    world.change_exception(Change::Revoke, &exception).await;
    let hold = Hold { credential, until, reason: "on leave".to_owned(), by: "carol".to_owned() };
    world.ledger().change_hold(&user, None, &hold).await.unwrap();
    unchanged(&world, &world.remediate("alice").await, Status::Held, "carol holds it until");
    world.pass_time(age_days(1) + SignedDuration::from_secs(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done, "when it ends, the act begins");
}

#[tokio::test(start_paused = true)]
async fn a_key_in_use_is_held_and_its_owner_named() {
    let estate =
        Estate::new(noon()).user("alice").tag("owner", "alice@example.com").key(age_days(100)).used(age_days(7), "s3");
    let world = World::new(estate).await;
    let answer = world.remediate("alice").await;
    unchanged(&world, &answer, Status::Held, "alice@example.com must replace it");
    world.pass_time(SignedDuration::from_secs(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done, "silent for longer than its window");
}

#[tokio::test(start_paused = true)]
async fn a_last_use_that_cannot_be_read_holds_the_key() {
    let world = World::new(alice()).await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let answer = world.invoke(&execution, &Gate::failing("GetAccessKeyLastUsed")).await.unwrap();
    unchanged(&world, &answer, Status::Held, "its last use is not known");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_between_decision_and_write_is_left_alone() {
    let world = World::new(alice()).await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let calls = {
        let other = World::new(alice()).await;
        let execution = other.execution(AGE, &other.id("alice"), None, CONFIG);
        let gate = Gate::open();
        other.invoke(&execution, &gate).await.unwrap();
        gate.calls()
    };
    let intent = calls.iter().position(|call| call == "dynamodb:TransactWriteItems").unwrap();
    let gate = Gate::at(intent, world::gate::Effect::Stall);
    let (answer, ()) = tokio::join!(world.invoke(&execution, &gate), async {
        gate.stalled().await;
        world.iam.change(|estate| {
            let key = &mut estate.find_mut("alice").keys[0].key;
            key.last_use = credwarden_credential::snapshot::LastUse::At {
                at: noon(),
                service: "s3".to_owned(),
                region: "us-east-1".to_owned(),
            };
        });
        gate.release();
    });
    assert_eq!(answer.unwrap().status, Status::Held);
    assert!(world.writes().is_empty());
    assert!(world.is_settled().await, "the intent is withdrawn");
}

#[tokio::test(start_paused = true)]
async fn exceptions_holds_and_budget_that_are_unreadable_forbid_it() {
    for (failing, reason) in [
        ("dynamodb:Query Prefix", "exceptions and holds are unreadable"),
        ("dynamodb:GetItem RULE#access-key-age/PASS", "the budget is unreadable"),
        ("dynamodb:Query Last", "what was reported 24 hours ago is unreadable"),
        ("dynamodb:TransactWriteItems", "budget and ledger are unavailable"),
    ] {
        let world = World::new(alice()).await;
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        let answer = world.invoke(&execution, &Gate::failing(failing)).await.unwrap();
        unchanged(&world, &answer, Status::Held, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn one_item_of_the_record_that_makes_no_sense_forbids_it() {
    for sk in ["HOLD#AKIAIOSFODNN7EXAMPLE", "EXCEPTION#access-key-age#*", "WORK#deactivate-credential#AKIAX"] {
        let world = World::new(alice()).await;
        let garbage = [("body".to_owned(), "{}".into())].into();
        let key = Key::new(format!("USER#{}", world.id("alice")), sk);
        let write = Write { key, condition: Condition::none(), action: Action::Put(garbage) };
        world.table.write(&write).await.unwrap();
        unchanged(&world, &world.remediate("alice").await, Status::Held, "exceptions and holds are unreadable");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_acts_before_a_complete_pass_has_reported_for_a_day() {
    let world = World::just_installed(alice());
    unchanged(&world, &world.remediate("alice").await, Status::Observed, "no complete pass has reported");
    world.reported(&policy_with(&[]), SignedDuration::ZERO).await;
    world.pass_time(SignedDuration::from_hours(24) - SignedDuration::from_secs(1));
    unchanged(&world, &world.remediate("alice").await, Status::Observed, "no complete pass has reported");
    world.pass_time(SignedDuration::from_secs(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn a_policy_edit_from_90_days_to_1_does_nothing_for_24_hours() {
    let world = World::new(Estate::new(noon()).user("alice").key(age_days(80))).await;
    let strict = policy_with(&[("\"maxAgeDays\": 90, \"warnDays\": 14", "\"maxAgeDays\": 1, \"warnDays\": 0")]);
    world.set_policy(&strict);
    unchanged(&world, &world.remediate("alice").await, Status::Observed, "only the one edited since");
    world.reported(&strict, SignedDuration::ZERO).await;
    world.pass_time(SignedDuration::from_hours(24) - SignedDuration::from_secs(1));
    unchanged(&world, &world.remediate("alice").await, Status::Observed, "only the one edited since");
    world.pass_time(SignedDuration::from_secs(1));
    assert_eq!(world.remediate("alice").await.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_a_day_is_kept_and_the_next_day_has_its_own() {
    let mut estate = Estate::new(noon());
    for name in ["u1", "u2", "u3", "u4"] {
        estate = estate.user(name).key(age_days(100));
    }
    let world = World::new(estate).await;
    for name in ["u1", "u2", "u3"] {
        assert_eq!(world.remediate(name).await.status, Status::Done, "5 % of 60 users are 3");
    }
    let answer = world.remediate("u4").await;
    assert_eq!(answer.status, Status::OverBudget, "{}", answer.reason);
    assert_eq!((world.writes().len(), world.spent("act")), (3, 3));
    world.pass_time(SignedDuration::from_hours(12));
    assert_eq!(world.remediate("u4").await.status, Status::Done);
    let world = World::new(alice()).await;
    world.set_policy(&policy_with(&[("\"perDay\": 10", "\"perDay\": 0")]));
    unchanged(&world, &world.remediate("alice").await, Status::OverBudget, "the day's budget is none");
}

#[tokio::test(start_paused = true)]
async fn the_class_of_the_policy_decides() {
    let estate = alice().attached(ADMINISTRATOR_ACCESS).user("bob").key(age_days(100));
    let world = World::new(estate).await;
    world.set_policy(&policy_with(&[(
        "\"default\": { \"remedy\": \"deactivate-credential\", \"mode\": \"enforce\" }",
        "\"privileged\": { \"remedy\": \"deactivate-credential\", \"mode\": \"enforce\" }",
    )]));
    assert_eq!(world.remediate("bob").await.status, Status::NothingToDo);
    assert_eq!(world.remediate("alice").await.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_was_deleted_or_created_again_is_left_alone() {
    let world = World::new(alice()).await;
    let old = world.id("alice");
    let execution = world.execution(AGE, &old, None, CONFIG);
    world.iam.change(|estate| *estate = estate.clone().without("alice"));
    let answer = world.invoke(&execution, &Gate::open()).await.unwrap();
    unchanged(&world, &answer, Status::NothingToDo, "was deleted");
    world.iam.change(|estate| *estate = estate.clone().user("alice").key(age_days(100)));
    assert_ne!(world.id("alice"), old);
    let answer = world.invoke(&execution, &Gate::open()).await.unwrap();
    unchanged(&world, &answer, Status::NothingToDo, "`alice` is another user now");
}

#[tokio::test(start_paused = true)]
async fn a_user_whom_config_does_not_know_or_knows_by_an_old_name_is_found_in_the_list() {
    for recorded in [None, Some("alina")] {
        let world = World::new(alice().user("alina")).await;
        let id = world.id("alice");
        match recorded {
            Some(name) => world.recorded.lock().unwrap().insert(id, name.parse().unwrap()),
            None => world.recorded.lock().unwrap().remove(&id),
        };
        assert_eq!(world.remediate("alice").await.status, Status::Done, "{recorded:?}");
    }
    let world = World::new(alice()).await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let answer = world.invoke(&execution, &Gate::failing("BatchGetResourceConfig")).await.unwrap();
    assert_eq!(answer.status, Status::Done, "nor does AWS Config's silence matter");
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_fails_is_a_fault_which_the_schedule_takes_up() {
    for failing in ["GetUser", "ListAccessKeys", "ListGroupsForUser", "ListAttachedUserPolicies", "GetLoginProfile"] {
        let world = World::new(alice()).await;
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        let fault = world.invoke(&execution, &Gate::failing(failing)).await.unwrap_err();
        assert_eq!(fault.name(), "UserUnreadable", "{failing}");
        assert!(world.writes().is_empty());
        let failure = world.ledger().failure(&world.id("alice"), AGE).await.unwrap().unwrap();
        assert_eq!(failure.execution, execution, "{failing}");
        let statuses: Vec<_> = world.settle().await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [Status::Done], "{failing}");
    }
}

/// Something that is wrong with an execution.
type Forgery = fn(&mut Execution);

#[tokio::test(start_paused = true)]
async fn only_an_execution_under_way_of_a_document_of_the_deployment_is_served() {
    let world = World::new(alice()).await;
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let cases: [(Forgery, &str); 6] = [
        (|execution| execution.document_name = "somebody-elses".to_owned(), "runs another document"),
        (|execution| execution.document_name = "credwarden-deactivate-credential".to_owned(), "runs another document"),
        (|execution| execution.status = ExecutionStatus::Other("Success".to_owned()), "not under way but `Success`"),
        (|execution| drop(execution.parameters.remove("ResourceId")), "has 0 values of its parameter"),
        (
            |execution| drop(execution.parameters.insert("ResourceId".to_owned(), vec!["alice".to_owned()])),
            "wrong parameter",
        ),
        (|execution| execution.document_name = "credwarden-undo-deactivate-credential".to_owned(), "`CredentialId`"),
    ];
    for (forge, reason) in cases {
        let mut forged = world.executions.lock().unwrap()[&execution].clone();
        forge(&mut forged);
        world.executions.lock().unwrap().insert("forged".to_owned(), forged);
        let fault = world.invoke("forged", &Gate::open()).await.unwrap_err();
        assert_eq!(fault.name(), "InvocationRefused", "{reason}");
        let text = credwarden_remedy::fault::chain(&fault);
        assert!(text.contains(reason), "{text}");
    }
    assert!(world.table.items().keys().all(|key| !key.pk.starts_with("USER#")), "nothing was noted");
    assert!(world.writes().is_empty());
}
