//! What people and machines read, of the recorded account and of its credential report.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::program::{cases, run};

const REPORT: [&str; 4] = ["--credential-report", "credential-report.csv", "--as-of", "2026-01-01T00:00:00Z"];
const ACCOUNT: [&str; 2] = ["--snapshot", "account.json"];

fn scan(input: &[&str], more: &[&str]) -> String {
    let ran = run(&[&["scan"], input, more].concat());
    assert_eq!(ran.err, "");
    ran.out
}

fn explain(user: &str, more: &[&str]) -> String {
    let ran = run(&[&["explain", user], more].concat());
    assert_eq!((ran.err.as_str(), ran.status), ("", 0));
    ran.out
}

#[test]
fn a_recorded_account_as_a_table() {
    assert_snapshot!("account_table", scan(&ACCOUNT, &["--all"]));
}

#[test]
fn a_recorded_account_judged_later_and_by_another_policy() {
    let more = ["--as-of", "2026-01-31T00:00:00Z", "--policy", "policy.json"];
    assert_snapshot!("account_another_policy", scan(&ACCOUNT, &more));
}

#[test]
fn a_recorded_account_as_json() {
    assert_snapshot!("account_json", scan(&ACCOUNT, &["--format", "json", "--class", "human", "--all"]));
}

#[test]
fn a_recorded_account_as_csv() {
    assert_snapshot!("account_csv", scan(&ACCOUNT, &["--format", "csv"]));
}

#[test]
fn a_recorded_account_as_sarif() {
    assert_snapshot!(
        "account_sarif",
        scan(&ACCOUNT, &["--format", "sarif", "--user", "*-at-the-limit", "--user", "true"])
    );
}

#[test]
fn a_credential_report_as_a_table() {
    assert_snapshot!("report_table", scan(&REPORT, &["--all"]));
}

#[test]
fn a_credential_report_as_json() {
    assert_snapshot!(
        "report_json",
        scan(&REPORT, &["--format", "json", "--user", "old-key-toggled", "--user", "true"])
    );
}

#[test]
fn a_credential_report_by_a_policy_whose_classes_differ() {
    assert_snapshot!("report_another_policy", scan(&REPORT, &["--policy", "policy.json"]));
}

#[test]
fn a_user_whose_keys_are_rotated_explained() {
    let explained = explain("two-old-keys", &[&ACCOUNT[..], &["--policy", "rotating-policy.json"]].concat());
    let done: Vec<_> = explained.lines().filter(|line| line.contains("would be done")).collect();
    assert_snapshot!("explain_rotation", done.join("\n"));
}

#[test]
fn a_user_explained() {
    assert_snapshot!("explain_in_use", explain("ci-release", &ACCOUNT));
    let policy = ["--policy", "policy.json"];
    assert_snapshot!("explain_protected", explain("break-glass-1", &[&ACCOUNT[..], &policy].concat()));
    assert_snapshot!("explain_enforced", explain("two-old-keys", &[&ACCOUNT[..], &policy].concat()));
    assert_snapshot!("explain_tag", explain("tag-asks-for-less", &ACCOUNT));
    assert_snapshot!("explain_json", explain("ursula.meier", &[&ACCOUNT[..], &policy, &["--format", "json"]].concat()));
}

#[test]
fn a_user_explained_from_a_report_alone() {
    assert_snapshot!("explain_report", explain("old-key-toggled", &REPORT));
}

#[test]
fn a_user_is_found_by_name_arn_and_id() {
    let by_name = explain("ci-release", &ACCOUNT);
    assert_eq!(explain("arn:aws:iam::123456789012:user/ci/ci-release", &ACCOUNT), by_name);
    assert_eq!(explain("AIDAXWFRKMM2OJ2VGGK77", &ACCOUNT), by_name);
}

#[test]
fn policies_and_permissions() {
    assert_snapshot!("permissions", run(&["permissions"]).out);
    assert_snapshot!("policy_effective", run(&["policy", "--policy", "policy.json"]).out);
    let schema: serde_json::Value = serde_json::from_str(&run(&["policy", "--schema"]).out).unwrap();
    assert_eq!(schema["title"], "Credwarden policy");
    for preset in ["cis-7", "pci", "nist-63b"] {
        let printed = run(&["policy", "--preset", preset]);
        let checked = crate::program::run_with(&["policy", "--check", "-"], printed.out.as_bytes());
        assert_eq!((printed.status, checked.status), (0, 0), "{preset}: {}", checked.err);
    }
}

#[test]
fn the_exit_status_tells_the_worst_that_fail_on_names() {
    let status = |more: &[&str]| run(&[&["scan"], more].concat()).status;
    let of_account = |more: &[&str]| status(&[&ACCOUNT[..], more].concat());
    let of_report = |more: &[&str]| status(&[&REPORT[..], more].concat());
    assert_eq!(of_account(&[]), 1);
    assert_eq!(of_account(&["--fail-on", "never"]), 0);
    assert_eq!(of_account(&["--user", "svc-backup"]), 0);
    assert_eq!(of_report(&["--user", "svc-backup"]), 3, "unknown is not compliant");
    assert_eq!(of_report(&["--user", "svc-backup", "--fail-on", "non-compliant"]), 0);
    assert_eq!(of_account(&["--user", "soon-at-the-limit"]), 0);
    assert_eq!(of_account(&["--user", "soon-at-the-limit", "--fail-on", "due"]), 4);
}

#[test]
fn colour_is_written_only_where_it_is_asked_for_and_a_completion_names_the_commands() {
    let scan = |colour| run(&["scan", "--snapshot", "account.json", "--color", colour]).out;
    assert!(!scan("auto").contains('\u{1b}'), "standard output is no terminal");
    assert!(scan("always").contains('\u{1b}'));
    assert!(run(&["completions", "bash"]).out.contains("explain"));
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_credwarden"))
        .args(["scan", "--snapshot", "account.json", "--format", "json", "--fail-on", "never"])
        .current_dir(cases())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), [].as_slice()));
}
