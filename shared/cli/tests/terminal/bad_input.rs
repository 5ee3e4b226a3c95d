//! What cannot be used is refused with what was being done, to which file, and what to do next.

use insta::assert_snapshot;

use crate::program::{run, run_with};

/// What is said of arguments that cannot be used.
fn refused(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
    ran.err
}

#[test]
fn everything_wrong_with_a_policy_is_said_at_once() {
    assert_snapshot!(refused(&["policy", "--check", "policy-with-mistakes.json"]));
    let scan = refused(&["scan", "--snapshot", "account.json", "--policy", "policy-with-mistakes.json"]);
    assert!(scan.contains("`clases`: unknown field"), "{scan}");
}

#[test]
fn a_file_of_another_kind_or_none_is_named() {
    assert_snapshot!("json_as_report", refused(&["scan", "--credential-report", "policy.json"]));
    assert_snapshot!("report_as_account", refused(&["scan", "--snapshot", "credential-report.csv"]));
    assert_snapshot!("policy_as_account", refused(&["scan", "--snapshot", "policy.json"]));
    assert_snapshot!("no_file", refused(&["scan", "--snapshot", "missing.json"]));
    let other = run_with(&["scan", "--snapshot", "-"], b"{\"format\": 2}");
    assert_snapshot!("other_format", other.err);
    assert_eq!(other.status, 2);
}

#[test]
fn a_slip_in_a_name_is_answered_with_the_closest() {
    assert_snapshot!("user", refused(&["explain", "ci-relaese", "--snapshot", "account.json"]));
    assert_snapshot!("users", refused(&["scan", "--user", "svc-bakcup", "--snapshot", "account.json"]));
    assert_snapshot!("class", refused(&["scan", "--class", "privilegde", "--snapshot", "account.json"]));
    assert_snapshot!("rule", refused(&["scan", "--rule", "acces-key-age", "--snapshot", "account.json"]));
}

#[test]
fn a_time_belongs_to_recorded_facts_and_not_to_the_future() {
    assert_snapshot!("as_of_live", refused(&["scan", "--as-of", "2026-01-01T00:00:00Z"]));
    let future = refused(&["scan", "--snapshot", "account.json", "--as-of", "9000-01-01T00:00:00Z"]);
    assert!(future.contains("lies in the future"), "{future}");
    let before = refused(&["scan", "--snapshot", "account.json", "--as-of", "2025-01-01T00:00:00Z"]);
    assert_snapshot!("as_of_before", before);
    assert_snapshot!("as_of_no_time", refused(&["scan", "--snapshot", "account.json", "--as-of", "yesterday"]));
}

#[test]
fn an_account_and_a_file_are_not_judged_at_once() {
    refused(&["scan", "--snapshot", "account.json", "--credential-report", "credential-report.csv"]);
    refused(&["scan", "--snapshot", "account.json", "--profile", "audit"]);
    refused(&["scan", "--external-id", "x"]);
}
