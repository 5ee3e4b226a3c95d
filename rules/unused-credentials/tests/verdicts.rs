//! What the rule decides, case by case, and for generated users against a second, naive implementation.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeSet;

use credwarden_credential::id::AccessKeyId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{
    AccessKey, AccessKeys, Credential, Gap, GapReason, KeyStatus, Known, LastUse, Listing, Reported,
    ReportedCredential, Status, User,
};
use credwarden_estate::single;
use credwarden_policy::exception::{Exception, Exceptions};
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::{Note, Verdict, Why};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use unused_credentials::{RULE, judge, undecided};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const NOW: i64 = 1_790_000_000;

/// What the default policy allows, and the lag of what IAM shows.
const UNUSED: i64 = 45 * DAY + 4 * HOUR;
const NEVER_USED: i64 = 14 * DAY + 4 * HOUR;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn used(seconds_ago: i64) -> LastUse {
    LastUse::At { at: ago(seconds_ago), service: "s3".to_owned(), region: "us-east-1".to_owned() }
}

fn key_id(number: u32) -> AccessKeyId {
    format!("AKIAEXAMPLE{number:09}").parse().unwrap()
}

fn key(number: u32, age: i64, last_use: LastUse) -> AccessKey {
    AccessKey { id: key_id(number), status: KeyStatus::Active, created: ago(age), last_use }
}

fn password(age: i64, last_use: LastUse) -> Credential {
    Credential {
        id: "console-password".parse().unwrap(),
        status: Status::Active,
        created: ago(age),
        expires: None,
        service: None,
        last_use,
    }
}

fn user(keys: AccessKeys, password: Listing<Credential>) -> User {
    let has_password = !matches!(&password, Listing::Live(passwords) if passwords.is_empty());
    User {
        console_password: Known::Yes(has_password),
        access_keys: keys,
        other_credentials: [(CredentialKind::ConsolePassword, password)].into(),
        ..single::user("build-robot", ago(1000 * DAY))
    }
}

fn live(keys: Vec<AccessKey>, passwords: Vec<Credential>) -> User {
    user(Listing::Live(keys), Listing::Live(passwords))
}

fn verdict(user: &User) -> Verdict {
    judge(user, &Policy::default(), &Exceptions::default(), now())
}

fn offending(verdict: &Verdict) -> Vec<String> {
    verdict.findings().filter_map(|finding| finding.credential()).map(ToString::to_string).collect()
}

#[test]
fn disuse_breaks_the_policy_strictly_after_the_limit_and_the_lag() {
    let keys = |idle| live(vec![key(1, 300 * DAY, used(idle))], vec![]);
    assert_eq!(verdict(&keys(UNUSED)), Verdict::Compliant(vec![]));
    assert_eq!(offending(&verdict(&keys(UNUSED + 1))), ["AKIAEXAMPLE000000001"]);
}

#[test]
fn what_was_never_used_counts_from_its_own_creation_and_not_its_users() {
    let keys = |age| live(vec![key(1, age, LastUse::Never)], vec![]);
    assert_eq!(verdict(&keys(NEVER_USED)), Verdict::Compliant(vec![]));
    assert_eq!(offending(&verdict(&keys(NEVER_USED + 1))), ["AKIAEXAMPLE000000001"]);
}

#[test]
fn a_recent_sign_in_hides_no_idle_key_and_a_busy_key_no_idle_password() {
    let busy = live(vec![key(1, 300 * DAY, used(60 * DAY))], vec![password(300 * DAY, used(HOUR))]);
    assert_eq!(offending(&verdict(&busy)), ["AKIAEXAMPLE000000001"]);
    let idle = live(vec![key(1, 300 * DAY, used(HOUR))], vec![password(300 * DAY, used(60 * DAY))]);
    assert_eq!(offending(&verdict(&idle)), ["console-password"]);
}

#[test]
fn the_use_of_an_inactive_key_counts_for_nothing() {
    let inactive = AccessKey { status: KeyStatus::Inactive, ..key(1, 300 * DAY, used(60 * DAY)) };
    assert_eq!(verdict(&live(vec![inactive.clone()], vec![])), Verdict::Compliant(vec![]));
    let idle = key(2, 300 * DAY, used(60 * DAY));
    let used_yesterday = AccessKey { last_use: used(DAY), ..inactive };
    assert_eq!(offending(&verdict(&live(vec![used_yesterday, idle], vec![]))), ["AKIAEXAMPLE000000002"]);
}

#[test]
fn a_user_without_credentials_is_not_reported() {
    assert_eq!(verdict(&live(vec![], vec![])), Verdict::NotApplicable(Why::NoCredential));
}

#[test]
fn findings_say_what_is_unused_since_when_and_in_which_class() {
    let both = live(vec![key(1, 300 * DAY, used(60 * DAY)), key(2, 40 * DAY, LastUse::Never)], vec![]);
    let texts: Vec<String> = verdict(&both).findings().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    AKIAEXAMPLE000000002 created 2026-08-12, never used, limit 14 days passed 2026-08-26 (service-account)
    AKIAEXAMPLE000000001 last used 2026-07-23 (s3), limit 45 days unused passed 2026-09-06 (service-account)
    ");
}

#[test]
fn a_last_use_that_is_not_known_is_no_disuse() {
    let gap = Gap::new(GapReason::Throttled, "get the last use of AKIAEXAMPLE000000001");
    let unread = live(vec![key(1, 300 * DAY, LastUse::Unread(gap.clone()))], vec![]);
    assert_eq!(verdict(&unread), Verdict::Unknown(gap.clone()));
    let beside = live(vec![key(1, 300 * DAY, LastUse::Unread(gap.clone())), key(2, 300 * DAY, used(60 * DAY))], vec![]);
    let Verdict::NonCompliant { notes, .. } = verdict(&beside) else { panic!("the other key is known") };
    assert_eq!((offending(&verdict(&beside)).len(), notes), (1, vec![Note::NotKnown(gap)]));
    assert!(matches!(verdict(&live(vec![key(1, 300 * DAY, LastUse::NotRead)], vec![])), Verdict::Unknown(_)));
}

fn reported(changed: Option<i64>, last_used: Option<i64>) -> Listing<Credential> {
    let active = vec![ReportedCredential { slot: 1, changed: changed.map(ago), last_used: last_used.map(ago) }];
    Listing::Reported(Reported { active, inactive: 0, report_made: now() })
}

#[test]
fn the_report_clears_what_it_shows_as_used_and_nothing_else() {
    let undecided = |password| undecided(&user(Listing::Live(vec![]), password), &Policy::default(), now());
    let needs_a_look: BTreeSet<_> = [CredentialKind::ConsolePassword].into();
    assert_eq!(undecided(reported(Some(300 * DAY), Some(UNUSED))), BTreeSet::new());
    assert_eq!(undecided(reported(Some(300 * DAY), Some(UNUSED + 1))), needs_a_look);
    assert_eq!(undecided(reported(Some(300 * DAY), None)), needs_a_look, "never used");
    assert_eq!(undecided(reported(Some(20 * DAY), Some(30 * DAY))), needs_a_look, "set after the last sign-in");
    let cleared = user(Listing::Live(vec![]), reported(Some(300 * DAY), Some(DAY)));
    assert_eq!(verdict(&cleared), Verdict::Compliant(vec![]));
}

#[test]
fn a_young_user_holds_nothing_that_is_unused_for_too_long() {
    let mut young = user(Listing::Live(vec![]), reported(Some(DAY), None));
    young.created = ago(NEVER_USED);
    assert!(undecided(&young, &Policy::default(), now()).is_empty());
    young.created = ago(NEVER_USED + 1);
    assert!(!undecided(&young, &Policy::default(), now()).is_empty());
}

#[test]
fn an_exception_covers_its_own_credential_only() {
    let both = live(vec![key(1, 300 * DAY, used(60 * DAY))], vec![password(300 * DAY, used(60 * DAY))]);
    let exceptions = Exceptions(vec![Exception {
        id: "E-7".to_owned(),
        user: both.id.clone(),
        rule: RULE,
        credential: Some("console-password".parse().unwrap()),
        until: now(),
        owner: "payments".to_owned(),
        justification: "auditor".to_owned(),
        approver: "arn:aws:iam::123456789012:role/security".to_owned(),
    }]);
    let covered = judge(&both, &Policy::default(), &exceptions, now());
    assert_eq!(offending(&covered), ["AKIAEXAMPLE000000001"]);
    assert!(matches!(covered, Verdict::NonCompliant { notes, .. } if matches!(&notes[..], [Note::Excepted { .. }])));
}

/// Straight from the rule's description, without any of its structure.
fn naive(user: &User) -> &'static str {
    let AccessKeys::Live(keys) = &user.access_keys else { return "unknown" };
    let Some(Listing::Live(passwords)) = user.other_credentials.get(&CredentialKind::ConsolePassword) else {
        return "unknown";
    };
    let mut all: Vec<(bool, Timestamp, &LastUse)> = Vec::new();
    all.extend(keys.iter().map(|key| (key.status == KeyStatus::Active, key.created, &key.last_use)));
    all.extend(passwords.iter().map(|password| (true, password.created, &password.last_use)));
    if all.is_empty() {
        return "none";
    }
    let age = |at: Timestamp| NOW - at.as_second();
    let (mut broken, mut unknown) = (false, false);
    for (_, created, last_use) in all.into_iter().filter(|(active, ..)| *active) {
        match last_use {
            LastUse::At { at, .. } => broken |= age(*at) > UNUSED,
            LastUse::Never => broken |= age(created) > NEVER_USED,
            LastUse::NotRead | LastUse::Unread(_) => unknown = true,
        }
    }
    match (broken, unknown) {
        (true, _) => "broken",
        (false, true) => "unknown",
        (false, false) => "fine",
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

fn any_last_use() -> impl Strategy<Value = LastUse> {
    let at = prop_oneof![0..100 * DAY, UNUSED - 2..UNUSED + 3];
    prop_oneof![
        4 => at.prop_map(used),
        2 => Just(LastUse::Never),
        1 => Just(LastUse::Unread(Gap::new(GapReason::Failed, "get the last use"))),
    ]
}

fn any_age() -> impl Strategy<Value = i64> {
    prop_oneof![0..400 * DAY, NEVER_USED - 2..NEVER_USED + 3]
}

fn any_user() -> impl Strategy<Value = User> {
    let keys = prop::collection::vec((any_age(), any_last_use(), any::<bool>()), 0..3);
    let passwords = prop::option::of((any_age(), any_last_use()));
    (keys, passwords).prop_map(|(keys, passwords)| {
        let keys = (1..).zip(keys).map(|(number, (age, last_use, is_active))| {
            let status = if is_active { KeyStatus::Active } else { KeyStatus::Inactive };
            AccessKey { status, ..key(number, age, last_use) }
        });
        live(keys.collect(), passwords.map(|(age, last_use)| password(age, last_use)).into_iter().collect())
    })
}

proptest! {
    #[test]
    fn the_rule_agrees_with_its_naive_reading(user in any_user()) {
        prop_assert_eq!(word(&verdict(&user)), naive(&user));
    }

    #[test]
    fn idle_for_longer_never_becomes_compliant(user in any_user(), later in 0..400 * DAY) {
        let after = judge(&user, &Policy::default(), &Exceptions::default(), now() + SignedDuration::from_secs(later));
        if word(&verdict(&user)) == "broken" {
            prop_assert_eq!(word(&after), "broken");
        }
    }

    #[test]
    fn taking_a_fact_away_never_adds_compliant(user in any_user()) {
        let gap = Gap::new(GapReason::Failed, "read");
        let mut without_keys = user.clone();
        without_keys.access_keys = AccessKeys::Unread(gap.clone());
        prop_assert!(["unknown", "broken"].contains(&word(&verdict(&without_keys))));
        let mut without_password = user.clone();
        without_password.other_credentials.insert(CredentialKind::ConsolePassword, Listing::Unread(gap.clone()));
        prop_assert!(["unknown", "broken"].contains(&word(&verdict(&without_password))));
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
        let (one, other) = (verdict(&user), verdict(&reversed));
        prop_assert_eq!(word(&one), word(&other));
        prop_assert_eq!(offending(&one), offending(&other));
    }
}
