//! What the rule decides, case by case, and for generated accounts against a second, naive implementation.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::{BTreeMap, BTreeSet};

use access_key_age::{RULE, evaluate, judge};
use credwarden_credential::id::UserId;
use credwarden_credential::snapshot::{
    AccessKey, AccessKeys, Gap, GapReason, KeyStatus, Known, LastUse, Snapshot, User,
};
use credwarden_policy::exception::{Exception, Exceptions};
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::{Clause, Note, Verdict, Why};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const DAY: i64 = 86_400;
const NOW: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn key(number: u32, age_seconds: i64, status: KeyStatus) -> AccessKey {
    AccessKey {
        id: format!("AKIAEXAMPLE{number:09}").parse().unwrap(),
        status,
        created: ago(age_seconds),
        last_use: LastUse::NotRead,
    }
}

fn user(access_keys: AccessKeys) -> User {
    User {
        id: "AIDAEXAMPLE000000001".parse().unwrap(),
        name: "build-robot".parse().unwrap(),
        arn: "arn:aws:iam::123456789012:user/build-robot".parse().unwrap(),
        path: "/".to_owned(),
        created: ago(1000 * DAY),
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        attached_policies: BTreeSet::new(),
        console_password: Known::Yes(false),
        access_keys,
    }
}

fn live(keys: Vec<AccessKey>) -> User {
    user(AccessKeys::Live(keys))
}

fn verdict(user: &User) -> Verdict {
    judge(user, &Policy::default(), &Exceptions::default(), now())
}

fn offending(verdict: &Verdict) -> Vec<String> {
    verdict.findings().filter_map(|finding| finding.credential()).map(ToString::to_string).collect()
}

use KeyStatus::{Active, Inactive};

#[test]
fn a_key_exactly_at_the_limit_is_compliant_and_one_second_more_is_not() {
    assert!(matches!(verdict(&live(vec![key(1, 90 * DAY, Active)])), Verdict::Compliant(_)));
    assert_eq!(offending(&verdict(&live(vec![key(1, 90 * DAY + 1, Active)]))), ["AKIAEXAMPLE000000001"]);
}

#[test]
fn inactive_keys_do_not_count_however_old() {
    assert_eq!(verdict(&live(vec![key(1, 900 * DAY, Inactive)])), Verdict::Compliant(vec![]));
    assert_eq!(verdict(&live(vec![key(1, 900 * DAY, Inactive), key(2, DAY, Active)])), Verdict::Compliant(vec![]));
}

#[test]
fn a_user_without_keys_is_not_reported() {
    assert_eq!(verdict(&live(vec![])), Verdict::NotApplicable(Why::NoCredential));
    let reported = AccessKeys::Reported { active: 0, inactive: 0, report_made: now() };
    assert_eq!(verdict(&user(reported)), Verdict::NotApplicable(Why::NoCredential));
}

#[test]
fn within_the_days_of_warning_the_date_is_named() {
    let Verdict::Compliant(notes) = verdict(&live(vec![key(1, 76 * DAY + 1, Active)])) else { panic!("not compliant") };
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].to_string(), "AKIAEXAMPLE000000001 must be replaced by 2026-10-05");
    assert_eq!(verdict(&live(vec![key(1, 76 * DAY, Active)])), Verdict::Compliant(vec![]));
}

#[test]
fn every_offending_key_is_named_the_oldest_first() {
    let both = live(vec![key(1, 100 * DAY, Active), key(2, 200 * DAY, Active)]);
    assert_eq!(offending(&verdict(&both)), ["AKIAEXAMPLE000000002", "AKIAEXAMPLE000000001"]);
    let same_second = live(vec![key(2, 100 * DAY, Active), key(1, 100 * DAY, Active)]);
    assert_eq!(offending(&verdict(&same_second)), ["AKIAEXAMPLE000000001", "AKIAEXAMPLE000000002"]);
}

#[test]
fn an_old_key_is_not_hidden_by_a_new_one_listed_after_it() {
    let keys = live(vec![key(1, 100 * DAY, Active), key(2, DAY, Active)]);
    assert_eq!(offending(&verdict(&keys)), ["AKIAEXAMPLE000000001"]);
}

#[test]
fn a_finding_says_what_is_broken_since_when_and_in_which_class() {
    let Verdict::NonCompliant { first, .. } = verdict(&live(vec![key(1, 100 * DAY, Active)])) else { panic!() };
    assert_eq!(
        first.to_string(),
        "AKIAEXAMPLE000000001 created 2026-06-13, limit 90 days passed 2026-09-11 (service-account)"
    );
}

#[test]
fn the_report_alone_clears_only_users_too_young_to_hold_an_old_key() {
    let reported = AccessKeys::Reported { active: 1, inactive: 0, report_made: now() };
    let mut young = user(reported.clone());
    young.created = ago(30 * DAY);
    assert_eq!(verdict(&young), Verdict::Compliant(vec![]));
    assert!(matches!(verdict(&user(reported)), Verdict::Unknown(_)));
}

#[test]
fn a_gap_is_unknown_and_reported_after_seven_days() {
    let gap = |since| Gap { reason: GapReason::Throttled, doing: "list access keys".to_owned(), since };
    assert!(matches!(verdict(&user(AccessKeys::Unread(gap(None)))), Verdict::Unknown(_)));
    assert!(matches!(verdict(&user(AccessKeys::Unread(gap(Some(ago(7 * DAY)))))), Verdict::Unknown(_)));
    let Verdict::NonCompliant { first, .. } = verdict(&user(AccessKeys::Unread(gap(Some(ago(7 * DAY + 1)))))) else {
        panic!("a gap of more than seven days is reported")
    };
    assert!(matches!(first.clause, Clause::NotVerifiableSince { .. }));
    assert_eq!(first.credential(), None, "no remedy acts on it");
}

#[test]
fn a_date_in_the_future_is_not_believed() {
    assert!(matches!(verdict(&live(vec![key(1, -301, Active)])), Verdict::Unknown(_)));
    assert!(matches!(verdict(&live(vec![key(1, -300, Active)])), Verdict::Compliant(_)));
}

#[test]
fn an_unknown_class_makes_the_verdict_unknown() {
    let mut someone = live(vec![key(1, 900 * DAY, Active)]);
    someone.console_password = Known::No(Gap::new(GapReason::Denied, "get the login profile"));
    assert!(matches!(verdict(&someone), Verdict::Unknown(_)));
}

#[test]
fn an_exception_covers_its_own_credential_only_and_only_until_it_ends() {
    let keys = live(vec![key(1, 100 * DAY, Active), key(2, 200 * DAY, Active)]);
    let until = |until| {
        Exceptions(vec![Exception {
            id: "E-7".to_owned(),
            user: keys.id.clone(),
            rule: RULE,
            credential: Some("AKIAEXAMPLE000000002".parse().unwrap()),
            until,
            owner: "payments".to_owned(),
            justification: "vendor migration".to_owned(),
            approver: "arn:aws:iam::123456789012:role/security".to_owned(),
        }])
    };
    let covered = judge(&keys, &Policy::default(), &until(now()), now());
    assert_eq!(offending(&covered), ["AKIAEXAMPLE000000001"]);
    let Verdict::NonCompliant { notes, .. } = covered else { panic!() };
    assert!(matches!(&notes[..], [Note::Excepted { exception, .. }] if exception == "E-7"));
    assert_eq!(offending(&judge(&keys, &Policy::default(), &until(ago(1)), now())).len(), 2);
}

#[test]
fn a_tag_may_lower_the_age_and_never_raise_it() {
    let tagged = |days: &str, age| {
        let mut tagged = live(vec![key(1, age, Active)]);
        tagged.tags.insert("credwarden:max-age-days".to_owned(), days.to_owned());
        offending(&verdict(&tagged)).len()
    };
    assert_eq!(tagged("30", 31 * DAY), 1);
    assert_eq!(tagged("30", 30 * DAY), 0);
    assert_eq!(tagged("3000", 91 * DAY), 1);
    assert_eq!(tagged("never", 91 * DAY), 1);
}

/// Straight from the rule's description, without any of its structure.
fn naive(user: &User) -> &'static str {
    let limit = if user.tags.contains_key("credwarden:max-age-days") { 30 } else { 90 };
    let AccessKeys::Live(keys) = &user.access_keys else { return "unknown" };
    if keys.is_empty() {
        return "none";
    }
    let active: Vec<i64> =
        keys.iter().filter(|key| key.status == Active).map(|key| NOW - key.created.as_second()).collect();
    if active.iter().any(|age| *age < -300) {
        "unknown"
    } else if active.iter().any(|age| *age > limit * DAY) {
        "broken"
    } else {
        "fine"
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Compliant(_) => "fine",
        Verdict::NonCompliant { .. } => "broken",
        Verdict::NotApplicable(_) => "none",
        Verdict::Unknown(_) => "unknown",
    }
}

fn any_keys() -> impl Strategy<Value = Vec<AccessKey>> {
    let near =
        prop_oneof![-600..100 * DAY, (88 * DAY..92 * DAY), (90 * DAY - 2..90 * DAY + 3), (30 * DAY - 2..30 * DAY + 3)];
    prop::collection::vec((near, any::<bool>()), 0..4).prop_map(|keys| {
        (1..)
            .zip(keys)
            .map(|(number, (age, active))| key(number, age, if active { Active } else { Inactive }))
            .collect()
    })
}

fn any_user() -> impl Strategy<Value = User> {
    (any_keys(), any::<bool>()).prop_map(|(keys, lowered)| {
        let mut user = live(keys);
        if lowered {
            user.tags.insert("credwarden:max-age-days".to_owned(), "30".to_owned());
        }
        user
    })
}

proptest! {
    #[test]
    fn the_rule_agrees_with_its_naive_reading(user in any_user()) {
        prop_assert_eq!(word(&verdict(&user)), naive(&user));
    }

    #[test]
    fn older_never_becomes_compliant(user in any_user(), later in 0..400 * DAY) {
        let before = verdict(&user);
        let after = judge(&user, &Policy::default(), &Exceptions::default(), now() + SignedDuration::from_secs(later));
        if let Verdict::NonCompliant { .. } = before {
            prop_assert_eq!(word(&after), "broken");
        }
    }

    #[test]
    fn taking_a_fact_away_never_adds_compliant(user in any_user()) {
        let gap = Gap::new(GapReason::Failed, "read");
        let mut without_keys = user.clone();
        without_keys.access_keys = AccessKeys::Unread(gap.clone());
        prop_assert_eq!(word(&verdict(&without_keys)), "unknown");
        let mut without_class = user.clone();
        without_class.console_password = Known::No(gap);
        let verdict_without = word(&verdict(&without_class));
        prop_assert!(verdict_without == word(&verdict(&user)) || verdict_without == "unknown");
    }

    #[test]
    fn the_order_of_keys_is_irrelevant(user in any_user()) {
        let mut reversed = user.clone();
        if let AccessKeys::Live(keys) = &mut reversed.access_keys {
            keys.reverse();
        }
        prop_assert_eq!(verdict(&user), verdict(&reversed));
    }

    #[test]
    fn each_user_is_judged_alone(users in prop::collection::vec(any_user(), 0..6)) {
        let users: BTreeMap<UserId, User> = (1..).zip(users).map(|(number, mut user)| {
            user.id = format!("AIDAEXAMPLE{number:09}").parse().unwrap();
            (user.id.clone(), user)
        }).collect();
        let together = evaluate(
            &Snapshot { as_of: now(), users: users.clone() }, &Policy::default(), &Exceptions::default(), now());
        let alone: Vec<_> = users.values().map(|user| (user.id.clone(), verdict(user))).collect();
        prop_assert_eq!(together, alone);
    }
}
