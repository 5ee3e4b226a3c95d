//! What the rule decides, case by case, and for generated accounts against a second, naive implementation.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeMap;

use access_key_age::{RULE, evaluate, judge, undecided};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{
    AccessKey, AccessKeys, Credential, Gap, GapReason, KeyStatus, Known, LastUse, Listing, Reported,
    ReportedCredential, Snapshot, Status, User,
};
use credwarden_estate::single;
use credwarden_policy::document::DEFAULT;
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
    User { access_keys, ..single::user("build-robot", ago(1000 * DAY)) }
}

/// Nothing of the kinds that the tests are not about, or what is given.
fn others(
    given: impl IntoIterator<Item = (CredentialKind, Vec<Credential>)>,
) -> BTreeMap<CredentialKind, Listing<Credential>> {
    let mut others = single::user("build-robot", now()).other_credentials;
    others.extend(given.into_iter().map(|(kind, credentials)| (kind, Listing::Live(credentials))));
    others
}

fn credential(id: &str, age_seconds: i64, status: Status) -> Credential {
    Credential {
        id: id.parse().unwrap(),
        status,
        created: ago(age_seconds),
        expires: None,
        service: None,
        last_use: LastUse::NotRead,
    }
}

const SERVICE: &str = "ACCAEXAMPLE000000001";
const SSH: &str = "APKAEXAMPLE000000001";
const CERTIFICATE: &str = "TA7SMP42TDN5Z26OBPJE7EXAMPLE";

fn reported(active: u8) -> AccessKeys {
    let active = (1..=active).map(|slot| ReportedCredential { slot, changed: None, last_used: None }).collect();
    AccessKeys::Reported(Reported { active, inactive: 0, report_made: now() })
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
    assert_eq!(verdict(&user(reported(0))), Verdict::NotApplicable(Why::NoCredential));
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
    let mut young = user(reported(1));
    young.created = ago(30 * DAY);
    young.other_credentials.clear();
    assert_eq!(verdict(&young), Verdict::Compliant(vec![]));
    assert!(undecided(&young, &Policy::default(), now()).is_empty());
    assert!(matches!(verdict(&user(reported(1))), Verdict::Unknown(_)));
    assert_eq!(undecided(&user(reported(1)), &Policy::default(), now()), [CredentialKind::AccessKey].into());
}

#[test]
fn every_kind_of_credential_has_an_age() {
    for (kind, id) in [
        (CredentialKind::ServiceSpecificCredential, SERVICE),
        (CredentialKind::SshPublicKey, SSH),
        (CredentialKind::SigningCertificate, CERTIFICATE),
    ] {
        let aged = |age, status| {
            let mut user = live(vec![key(1, DAY, Active)]);
            user.other_credentials = others([(kind, vec![credential(id, age, status)])]);
            verdict(&user)
        };
        assert_eq!(offending(&aged(90 * DAY + 1, Status::Active)), [id]);
        assert_eq!(aged(60 * DAY, Status::Active), Verdict::Compliant(vec![]));
        assert_eq!(aged(900 * DAY, Status::Inactive), Verdict::Compliant(vec![]));
        assert_eq!(aged(900 * DAY, Status::Expired), Verdict::Compliant(vec![]));
    }
}

#[test]
fn what_expires_counts_until_it_has_expired_and_what_does_not_is_still_aged() {
    let expiring = |expires| {
        let mut user = live(vec![]);
        let credential = Credential { expires, ..credential(SERVICE, 400 * DAY, Status::Active) };
        user.other_credentials = others([(CredentialKind::ServiceSpecificCredential, vec![credential])]);
        offending(&verdict(&user)).len()
    };
    assert_eq!(expiring(None), 1);
    assert_eq!(expiring(Some(ago(-DAY))), 1);
    assert_eq!(expiring(Some(ago(0))), 0);
}

#[test]
fn the_age_of_a_password_counts_only_where_the_policy_says_so() {
    let mut human = live(vec![]);
    human.console_password = Known::Yes(true);
    let password = credential("console-password", 400 * DAY, Status::Active);
    human.other_credentials = others([(CredentialKind::ConsolePassword, vec![password])]);
    assert_eq!(verdict(&human), Verdict::NotApplicable(Why::NoCredential));
    let mut document: serde_json::Value = serde_json::from_str(DEFAULT).unwrap();
    document["limits"]["human"] = serde_json::json!({ "console-password": { "maxAgeDays": 90 } });
    let policy = Policy::parse(&document.to_string()).unwrap();
    assert_eq!(offending(&judge(&human, &policy, &Exceptions::default(), now())), ["console-password"]);
}

#[test]
fn a_gap_in_one_kind_hides_no_finding_in_another_and_is_said_beside_it() {
    let mut user = live(vec![key(1, 100 * DAY, Active)]);
    let gap = Gap::new(GapReason::Throttled, "list SSH public keys of `build-robot`");
    user.other_credentials.insert(CredentialKind::SshPublicKey, Listing::Unread(gap.clone()));
    let Verdict::NonCompliant { first, notes, .. } = verdict(&user) else { panic!("the key is known") };
    assert_eq!(first.credential().unwrap().as_str(), "AKIAEXAMPLE000000001");
    assert_eq!(notes, [Note::NotKnown(gap.clone())]);
    user.access_keys = AccessKeys::Live(vec![key(1, DAY, Active)]);
    assert_eq!(verdict(&user), Verdict::Unknown(gap));
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
    let mut ages: Vec<(i64, bool)> =
        keys.iter().map(|key| (NOW - key.created.as_second(), key.status == Active)).collect();
    for (kind, listing) in &user.other_credentials {
        let Listing::Live(credentials) = listing else { return "unknown" };
        if *kind != CredentialKind::ConsolePassword {
            let age = |other: &Credential| (NOW - other.created.as_second(), other.status == Status::Active);
            ages.extend(credentials.iter().map(age));
        }
    }
    if ages.is_empty() {
        return "none";
    }
    let active: Vec<i64> = ages.into_iter().filter(|(_, is_active)| *is_active).map(|(age, _)| age).collect();
    if active.iter().any(|age| *age > limit * DAY) {
        "broken"
    } else if active.iter().any(|age| *age < -300) {
        "unknown"
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

fn any_others() -> impl Strategy<Value = BTreeMap<CredentialKind, Listing<Credential>>> {
    let status = prop::sample::select(vec![Status::Active, Status::Inactive, Status::Expired]);
    let one = move |kind: CredentialKind, id: &'static str| {
        prop::option::of((-600..100 * DAY, status.clone())).prop_map(move |one| {
            (kind, one.map(|(age, status)| credential(id, age, status)).into_iter().collect::<Vec<_>>())
        })
    };
    (
        one(CredentialKind::ServiceSpecificCredential, SERVICE),
        one(CredentialKind::SshPublicKey, SSH),
        one(CredentialKind::SigningCertificate, CERTIFICATE),
        one(CredentialKind::ConsolePassword, "console-password"),
    )
        .prop_map(|(one, two, three, four)| others([one, two, three, four]))
}

fn any_user() -> impl Strategy<Value = User> {
    (any_keys(), any_others(), any::<bool>()).prop_map(|(keys, others, lowered)| {
        let mut user = live(keys);
        user.other_credentials = others;
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
        prop_assert!(["unknown", "broken"].contains(&word(&verdict(&without_keys))));
        for kind in CredentialKind::OF_USERS {
            let mut without_one = user.clone();
            if let Some(listing) = without_one.other_credentials.get_mut(&kind) {
                *listing = Listing::Unread(gap.clone());
                let is_judged = kind != CredentialKind::ConsolePassword;
                prop_assert!(!is_judged || ["unknown", "broken"].contains(&word(&verdict(&without_one))));
            }
        }
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
