//! What is decided, against a second way to decide it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

use credwarden_credential::age::Days;
use credwarden_policy::document::DEFAULT;
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use tag_exception::asked::Asked;
use tag_exception::{Refusal, decide};

const DAY: i64 = 86_400;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn policy(longest: Option<u32>) -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document["approvers"] = json!(["arn:*:iam::*:role/approver", "arn:*:iam::*:user/*"]);
    document["longestExceptionDays"] = longest.map_or(Value::Null, Value::from);
    if longest.is_none() {
        document.as_object_mut().unwrap().remove("longestExceptionDays");
    }
    Policy::parse(&document.to_string()).unwrap()
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::123456789012:user/{name}")
}

fn session(name: &str) -> String {
    format!("arn:aws:sts::123456789012:assumed-role/approver/{name}")
}

fn asked(until: Option<i64>, owner: Option<&str>, requester: &str, approvers: &[String]) -> Asked {
    Asked {
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        rule: RuleName::AccessKeyAge,
        credential: Some("AKIAIOSFODNN7EXAMPLE".parse().unwrap()),
        owner: owner.map(str::to_owned),
        justification: Some("The vendor is late.".to_owned()),
        until: until.map(at),
        requester: Some(requester.to_owned()),
        approvers: approvers.to_vec(),
        execution: "4105a4fc-f944-11e6-9d32-0123456789ab".to_owned(),
    }
}

fn held(until: i64) -> Exception {
    Exception {
        id: "EX-before".to_owned(),
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        rule: RuleName::AccessKeyAge,
        credential: Some("AKIAIOSFODNN7EXAMPLE".parse().unwrap()),
        until: at(until),
        owner: "erin".to_owned(),
        justification: "earlier".to_owned(),
        approver: user("frank"),
    }
}

#[test]
fn the_last_instant_that_the_policy_lets_is_granted_and_a_second_more_is_not() {
    let (alice, carol) = (user("alice"), [user("carol")]);
    for (longest, days) in [(None, 90), (Some(7), 7)] {
        let policy = policy(longest);
        assert_eq!(policy.longest_exception(), Days(days));
        let last = i64::from(days) * DAY;
        let until = |until| {
            decide(&asked(Some(until), Some("erin"), &alice, &carol), Change::Grant, None, None, &policy, now())
        };
        assert_eq!(until(last).unwrap().after.unwrap().until, at(last));
        assert!(matches!(until(last + 1).unwrap_err()[..], [Refusal::TooLong { .. }]));
        assert!(matches!(until(0).unwrap_err()[..], [Refusal::Past(_)]));
        assert!(until(1).is_ok());
    }
}

#[test]
fn who_approves_is_neither_who_asks_nor_who_answers_for_it_nor_the_user() {
    let policy = policy(None);
    let excepted = user("excepted").parse().unwrap();
    let refused = |requester: &str, owner: &str, approver: String| {
        let asked = asked(Some(DAY), Some(owner), requester, &[approver]);
        decide(&asked, Change::Grant, None, Some(&excepted), &policy, now()).unwrap_err()
    };
    assert_eq!(refused(&user("alice"), "erin", user("alice")), [Refusal::ApproverIsRequester(user("alice"))]);
    assert_eq!(refused(&session("a"), "erin", session("b")), [Refusal::ApproverIsRequester(session("b"))]);
    assert_eq!(refused(&user("alice"), "carol", user("carol")), [Refusal::ApproverIsOwner(user("carol"))]);
    assert_eq!(refused(&user("alice"), "erin", user("excepted")), [Refusal::ApproverIsUser(user("excepted"))]);
    assert_eq!(refused(&user("alice"), "alice", user("carol")), [Refusal::RequesterIsOwner(user("alice"))]);
    let stranger = "arn:aws:sts::123456789012:assumed-role/developer/dana".to_owned();
    assert_eq!(refused(&user("alice"), "erin", stranger.clone()), [Refusal::NotAnApprover(stranger)]);
}

#[test]
fn of_several_approvers_one_that_counts_suffices() {
    let approvers = [user("alice"), user("carol")];
    let asked = asked(Some(DAY), Some("erin"), &user("alice"), &approvers);
    let decision = decide(&asked, Change::Grant, None, None, &policy(None), now()).unwrap();
    assert_eq!(decision.approver, Some(user("carol")));
    assert_eq!(decision.after.unwrap().id, "EX-0123456789ab");
}

#[test]
fn extending_keeps_id_and_owner_and_a_new_grant_after_the_end_begins_anew() {
    let (alice, carol) = (user("alice"), [user("carol")]);
    let longer = asked(Some(9 * DAY), None, &alice, &carol);
    let extended =
        decide(&longer, Change::Extend, Some(&held(DAY)), None, &policy(None), now()).unwrap().after.unwrap();
    assert_eq!((extended.id.as_str(), extended.owner.as_str()), ("EX-before", "erin"));
    let anew = Asked { owner: Some("gina".to_owned()), ..longer };
    let granted = decide(&anew, Change::Grant, Some(&held(-1)), None, &policy(None), now()).unwrap().after.unwrap();
    assert_eq!((granted.id.as_str(), granted.owner.as_str()), ("EX-0123456789ab", "gina"));
}

/// The same rules, written down another way: whether it is granted.
fn naive(asked: &Asked, change: Change, before: Option<&Exception>, user: &str, longest: i64) -> bool {
    let holds = before.is_some_and(|before| before.until >= now());
    if change == Change::Revoke {
        return holds && asked.justification.is_some();
    }
    let owner = asked.owner.clone().or_else(|| before.filter(|_| holds).map(|before| before.owner.clone()));
    let (Some(owner), Some(until), Some(requester)) = (owner, asked.until, asked.requester.clone()) else {
        return false;
    };
    // In this world names are unique, people are users, and the sessions of one role are one.
    let person = |arn: &str| arn.split('/').nth(1).unwrap().to_owned();
    let also_called = |arn: &str| last(arn);
    let is_owner = |arn: &str| also_called(arn) == owner;
    let counts = |arn: &str| arn.contains(":user/") || arn.contains("assumed-role/approver/");
    let approved = asked.approvers.iter().any(|approver| {
        counts(approver) && person(approver) != person(&requester) && !is_owner(approver) && approver != user
    });
    let seconds = until.as_second() - now().as_second();
    approved
        && asked.justification.is_some()
        && !is_owner(&requester)
        && (1..=longest * DAY).contains(&seconds)
        && match change {
            Change::Grant => !holds,
            Change::Extend => holds && before.is_some_and(|before| before.until < until),
            Change::Revoke => false,
        }
}

fn last(arn: &str) -> String {
    arn.rsplit('/').next().unwrap().to_owned()
}

fn principal() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["alice", "bob", "excepted"]).prop_map(user),
        prop::sample::select(vec!["carol", "dave"]).prop_map(session),
        Just("arn:aws:sts::123456789012:assumed-role/developer/zoe".to_owned()),
    ]
}

proptest! {
    #[test]
    fn both_ways_decide_alike(
        until in prop::option::of(-2 * DAY..100 * DAY),
        owner in prop::option::of(prop::sample::select(vec!["alice", "bob", "carol", "dave", "erin"])),
        requester in prop::option::of(principal()),
        approvers in prop::collection::vec(principal(), 0..3),
        justified in any::<bool>(),
        before in prop::option::of(-3 * DAY..50 * DAY),
        change in prop::sample::select(Change::ALL),
        longest in prop::option::of(1_u32..60),
    ) {
        let policy = policy(longest);
        let asked = Asked {
            requester,
            justification: justified.then(|| "The vendor is late.".to_owned()),
            ..asked(until, owner, "", &approvers)
        };
        let before = before.map(held);
        let user = user("excepted");
        let decided = decide(&asked, change, before.as_ref(), Some(&user.parse().unwrap()), &policy, now());
        let longest = i64::from(longest.unwrap_or(90));
        prop_assert_eq!(decided.is_ok(), naive(&asked, change, before.as_ref(), &user, longest), "{:?}", decided);
        if let Ok(decision) = decided {
            prop_assert_eq!(decision.after.is_some(), change != Change::Revoke);
            prop_assert!(decision.after.is_none_or(|after| after.until > now() && Some(after.until) == asked.until));
        }
    }
}
