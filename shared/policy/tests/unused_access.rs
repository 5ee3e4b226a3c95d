//! What an analyzer of unused access says beside a verdict: it agrees, or contradicts what IAM shows, and no lag is either.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeMap;

use credwarden_credential::age::Days;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_policy::unused_access::{Found, Opinion, Window};
use credwarden_policy::verdict::{Clause, Finding, Verdict};
use jiff::{SignedDuration, Timestamp};

const AGE: Days = Days(90);

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn days_ago(days: i64) -> Timestamp {
    hours_ago(days * 24)
}

fn key() -> CredentialId {
    "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
}

fn window() -> Window {
    Window { age: AGE, created: days_ago(200), leaves_some_out: false }
}

/// The rule finds the key unused since then.
fn unused_since(last_used: Timestamp) -> Verdict {
    let clause = Clause::Unused {
        credential: key(),
        created: days_ago(300),
        last_used,
        service: "s3".to_owned(),
        limit: Days(45),
        reached: last_used + SignedDuration::from_hours(45 * 24),
    };
    Verdict::NonCompliant { first: Finding { class: None, clause }, rest: Vec::new(), notes: Vec::new() }
}

fn never_used(created: Timestamp) -> Verdict {
    let clause = Clause::NeverUsed { credential: key(), created, limit: Days(14), reached: created };
    Verdict::NonCompliant { first: Finding { class: None, clause }, rest: Vec::new(), notes: Vec::new() }
}

fn compliant() -> Verdict {
    Verdict::Compliant(Vec::new())
}

fn found(last_accessed: Option<Timestamp>) -> Found {
    Found { unused: BTreeMap::from([(key(), last_accessed)]), incomplete: Vec::new() }
}

fn used(at: Timestamp) -> BTreeMap<CredentialId, Timestamp> {
    BTreeMap::from([(key(), at)])
}

fn said(window: Window, verdict: &Verdict, last_used: Option<Timestamp>, found: &Found) -> Vec<String> {
    let uses = last_used.map(used).unwrap_or_default();
    window.opinions(verdict, &uses, found, now()).iter().map(ToString::to_string).collect()
}

#[test]
fn it_agrees_where_it_finds_what_the_rule_finds() {
    let since = days_ago(100);
    assert_eq!(
        said(window(), &unused_since(since), Some(since), &found(Some(since))),
        ["Access Analyzer agrees: AKIAIOSFODNN7EXAMPLE unused since 2026-08-16"]
    );
    assert_eq!(
        said(window(), &never_used(days_ago(100)), None, &found(None)),
        ["Access Analyzer agrees: AKIAIOSFODNN7EXAMPLE never used"]
    );
}

#[test]
fn a_use_that_it_should_know_contradicts_it_whatever_the_rule_says() {
    let told =
        ["Access Analyzer contradicts: AKIAIOSFODNN7EXAMPLE unused for 90 days, but IAM shows a use on 2026-11-21"];
    assert_eq!(said(window(), &compliant(), Some(days_ago(3)), &found(Some(days_ago(200)))), told);
    let short = unused_since(days_ago(3));
    assert_eq!(said(window(), &short, Some(days_ago(3)), &found(Some(days_ago(200)))), told);
}

#[test]
fn a_use_within_its_lag_or_outside_its_window_contradicts_nothing() {
    let of = |last_used| said(window(), &compliant(), Some(last_used), &found(None)).len();
    assert_eq!((of(hours_ago(28)), of(hours_ago(28) + SignedDuration::from_secs(1))), (1, 0));
    assert_eq!((of(days_ago(90)), of(days_ago(90) - SignedDuration::from_secs(1))), (1, 0));
}

#[test]
fn what_it_must_have_found_by_now_contradicts_it() {
    let nothing = Found::default();
    let told = ["Access Analyzer contradicts: AKIAIOSFODNN7EXAMPLE not found unused for 90 days"];
    assert_eq!(said(window(), &unused_since(days_ago(100)), Some(days_ago(100)), &nothing), told);
    assert_eq!(said(window(), &never_used(days_ago(100)), None, &nothing), told);
    let silent = |window, since| said(window, &unused_since(since), Some(since), &nothing).is_empty();
    let twice_its_lag = SignedDuration::from_hours(56);
    assert!(silent(window(), days_ago(60)), "its window is longer than the rule's limit");
    assert!(silent(window(), days_ago(90) - twice_its_lag) && !silent(window(), days_ago(93)), "it may be late");
    assert!(silent(Window { created: days_ago(2), ..window() }, days_ago(100)), "it is new");
    assert!(silent(Window { leaves_some_out: true, ..window() }, days_ago(100)), "the user may be left out");
}

#[test]
fn what_was_archived_or_not_read_is_missed_by_nobody() {
    let of = |kind| {
        let found = Found { incomplete: vec![kind], ..Found::default() };
        said(window(), &unused_since(days_ago(100)), Some(days_ago(100)), &found).len()
    };
    assert_eq!((of(CredentialKind::AccessKey), of(CredentialKind::ConsolePassword)), (0, 1));
}

#[test]
fn it_says_the_same_the_next_day() {
    let since = days_ago(100);
    let (verdict, found) = (unused_since(since), found(Some(since)));
    let on = |now| window().opinions(&verdict, &used(since), &found, now);
    assert_eq!(on(now()), on(now() + SignedDuration::from_hours(24)));
    assert!(matches!(&on(now())[..], [opinion @ Opinion::Agrees { .. }] if !opinion.contradicts()));
}
