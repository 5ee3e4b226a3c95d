use std::collections::BTreeMap;

use credwarden_config_rule::{
    Annotation,
    Compliance::{self, Compliant, NonCompliant, NotApplicable},
    Coverage, Judgement, MAX_RESULT_AGE, Pass, StoredResult, StoredResults, what_to_send,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::btree_map, prelude::*};

use crate::scripted::{compliant, non_compliant, now, user, users};

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

fn result(compliance: Compliance, annotation: &str, reported_at: Timestamp) -> StoredResult {
    StoredResult { compliance, annotation: annotation.into(), reported_at: Some(reported_at) }
}

fn sent(stored: &StoredResults, pass: &Pass, now: Timestamp) -> Vec<Compliance> {
    what_to_send(stored, pass, now).into_iter().map(|evaluation| evaluation.compliance).collect()
}

#[test]
fn what_is_reported_depends_on_what_is_stored() {
    let check = |stored: Option<(Compliance, &str)>, judged: Judgement, expected: &[Compliance]| {
        let stored = stored.map(|(compliance, text)| (user("AIDA1"), result(compliance, text, now())));
        let pass = Pass::partial([(user("AIDA1"), judged)].into());
        assert_eq!(sent(&stored.into_iter().collect(), &pass, now()), expected);
    };
    check(None, compliant("a"), &[Compliant]);
    check(Some((Compliant, "a")), compliant("a"), &[]);
    check(Some((Compliant, "a")), compliant("b"), &[Compliant]);
    check(Some((Compliant, "a")), compliant(""), &[Compliant]);
    check(Some((NonCompliant, "a")), compliant("a"), &[Compliant]);
    check(None, non_compliant("a"), &[NonCompliant]);
    check(Some((Compliant, "a")), non_compliant("a"), &[NonCompliant]);
    check(Some((NonCompliant, "a")), non_compliant("a"), &[NonCompliant]);
    check(None, Judgement::not_applicable(), &[]);
    check(Some((Compliant, "a")), Judgement::not_applicable(), &[NotApplicable]);
    check(Some((Compliant, "a")), Judgement::Unknown, &[]);
    check(Some((Compliant, "a")), Judgement::JudgedEarlier, &[]);
}

#[test]
fn an_unchanged_compliant_result_is_reported_once_in_every_period_and_about_equally_many_a_day() {
    let mut stored: StoredResults = users(3000).into_iter().map(|user| (user, result(Compliant, "", now()))).collect();
    let pass = Pass::complete(users(3000).into_iter().map(|user| (user, compliant(""))).collect());
    let mut times: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for day in 1..=60 {
        let today = now() + days(day);
        let evaluations = what_to_send(&stored, &pass, today);
        assert!((50..=160).contains(&evaluations.len()), "{} on day {day}", evaluations.len());
        for evaluation in evaluations {
            stored.insert(evaluation.resource.clone(), result(Compliant, "", today));
            times.entry(evaluation.resource).or_default().push(day);
        }
    }
    assert_eq!(times.len(), 3000);
    assert!(times.values().all(|days| matches!(days[..], [first, second] if second - first == 30)));
}

#[test]
fn no_result_older_than_the_maximum_age_is_left_unconfirmed() {
    let maximum = SignedDuration::try_from(MAX_RESULT_AGE).unwrap();
    for user in users(500) {
        let pass = Pass::complete([(user.clone(), compliant(""))].into());
        let stored = [(user, result(Compliant, "", now()))].into();
        assert_eq!(sent(&stored, &pass, now() + maximum), [Compliant]);
        assert!(sent(&stored, &pass, now()).is_empty());
    }
}

#[test]
fn a_result_of_unknown_age_is_reported_again() {
    let stored = [(user("AIDA1"), StoredResult { reported_at: None, ..result(Compliant, "", now()) })].into();
    let pass = Pass::complete([(user("AIDA1"), compliant(""))].into());
    assert_eq!(sent(&stored, &pass, now()), [Compliant]);
}

fn judgement() -> impl Strategy<Value = Judgement> {
    let annotation = "[ab]?".prop_map(|text| Annotation::from_entries([text]));
    prop_oneof![
        annotation.clone().prop_map(Judgement::compliant),
        annotation.prop_map(Judgement::non_compliant),
        Just(Judgement::not_applicable()),
        Just(Judgement::Unknown),
        Just(Judgement::JudgedEarlier),
    ]
}

fn pass() -> impl Strategy<Value = Pass> {
    let judgements = btree_map("[A-H]".prop_map(user), judgement(), 0..8);
    let coverage = prop_oneof![Just(Coverage::Complete), Just(Coverage::Partial)];
    (judgements, coverage).prop_map(|(judgements, coverage)| Pass {
        judgements,
        coverage,
        progress: (),
        remarks: Vec::new(),
    })
}

fn stored_results() -> impl Strategy<Value = StoredResults> {
    let compliance = prop_oneof![Just(Compliant), Just(NonCompliant)];
    let stored = (compliance, "[ab]?").prop_map(|(compliance, text)| result(compliance, &text, now()));
    btree_map("[A-H]".prop_map(user), stored, 0..8)
}

proptest! {
    #[test]
    fn what_is_reported_leaves_stored_exactly_what_was_found(stored in stored_results(), pass in pass()) {
        let mut after = stored.clone();
        for evaluation in what_to_send(&stored, &pass, now()) {
            match evaluation.compliance {
                NotApplicable => prop_assert!(after.remove(&evaluation.resource).is_some()),
                compliance => {
                    after.insert(evaluation.resource, result(compliance, evaluation.annotation.as_str(), now()));
                }
            }
        }
        // Said a second time, naively: for every resource, what must be stored now.
        let resources: Vec<_> = stored.keys().chain(pass.judgements.keys()).collect();
        for resource in resources {
            let expected = match pass.judgements.get(resource) {
                Some(Judgement::Judged { compliance: NotApplicable, .. }) => None,
                Some(Judgement::Judged { compliance, annotation }) => Some(result(*compliance, annotation.as_str(), now())),
                Some(Judgement::Unknown | Judgement::JudgedEarlier) => stored.get(resource).cloned(),
                None if pass.coverage == Coverage::Partial => stored.get(resource).cloned(),
                None => None,
            };
            prop_assert_eq!(after.get(resource).cloned(), expected);
        }
        // And again: only what does not comply is told once more.
        prop_assert!(what_to_send(&after, &pass, now()).iter().all(|evaluation| evaluation.compliance == NonCompliant));
    }
}
