//! The recorded account and the credential report of the cases: they are what the program and IAM make of a company.

use std::fs;
use std::path::Path;

use credwarden_cli::input::account::everything;
use credwarden_cli::input::recorded::Recording;
use credwarden_estate::company::company;
use credwarden_estate::estate::Estate;
use credwarden_estate::fake::FakeIam;
use credwarden_estate::report;
use jiff::Timestamp;

use crate::program::cases;

/// Those of the company who show most.
const USERS: [&str; 16] = [
    "amelie.durand",
    "break-glass-1",
    "build+deploy=prod,eu@example.com_1-a",
    "ci-nightly-legacy",
    "ci-release",
    "contractor-yusuf",
    "no_information",
    "old-key-toggled",
    "soon-at-the-limit",
    "svc-backup",
    "svc-legacy-sync",
    "tag-asks-for-less",
    "true",
    "two-old-keys",
    "ursula.meier",
    "victor.admin",
];

pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn estate() -> Estate {
    let mut estate = company(now()).estate;
    estate.users.retain(|user| USERS.contains(&user.name().as_str()));
    estate
}

#[tokio::test]
async fn the_recorded_account_is_what_a_recording_of_the_company_gives() {
    let collected = everything(&FakeIam::new(estate()), None, now()).await.unwrap();
    is_the_file("account.json", &(Recording::of(collected.snapshot, None).to_json().unwrap() + "\n"));
}

#[test]
fn the_credential_report_is_that_of_the_company() {
    is_the_file("credential-report.csv", &(report::render(&estate()) + "\n"));
}

fn is_the_file(name: &str, expected: &str) {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&made, expected).unwrap();
    let file = cases().join(name);
    let is_same = fs::read_to_string(&file).is_ok_and(|found| found == expected);
    assert!(is_same, "cp {} {}", made.display(), file.display());
}
