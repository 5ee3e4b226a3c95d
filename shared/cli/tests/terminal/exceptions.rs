//! What a recorded exception covers is shown as excepted, in every format, and fails nothing.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{Ran, cases, run, run_with};

/// The id of `ci-release`, and its key.
const USER: &str = "AIDAXWFRKMM2OJ2VGGK77";
const KEY: &str = "AKIANGXOB7XIIG7FP73V";

/// Scans `ci-release` of the recorded account with an exception for one of its keys.
fn scan(credential: &str, until: &str, more: &[&str]) -> Ran {
    let mut account: Value = serde_json::from_slice(&std::fs::read(cases().join("account.json")).unwrap()).unwrap();
    account["exceptions"] = json!([{
        "id": "EX-7", "user": USER, "rule": "access-key-age", "credential": credential, "until": until,
        "owner": "platform-team@example.com", "justification": "the vendor cannot rotate", "approver": "security@example.com",
    }]);
    let of_one = ["scan", "--snapshot", "-", "--user", "ci-release"];
    run_with(&[of_one.as_slice(), more].concat(), account.to_string().as_bytes())
}

#[test]
fn an_excepted_finding_is_written_as_such_and_fails_nothing() {
    let table = scan(KEY, "2026-03-01T00:00:00Z", &[]);
    assert_eq!((table.status, table.err.as_str()), (0, ""), "an exception is no finding");
    assert_snapshot!("excepted_table", table.out);
    assert_snapshot!("excepted_sarif", scan(KEY, "2026-03-01T00:00:00Z", &["--format", "sarif"]).out);
    let csv = scan(KEY, "2026-03-01T00:00:00Z", &["--format", "csv"]).out;
    assert!(csv.lines().next().unwrap().ends_with(",exception,exceptedUntil"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",EX-7,2026-03-01T00:00:00Z"), "{csv}");
}

#[test]
fn an_exception_holds_up_to_its_last_instant_and_for_its_credential_alone() {
    // The account was recorded at midnight.
    assert_eq!(scan(KEY, "2026-01-01T00:00:00Z", &[]).status, 0);
    assert_eq!(scan(KEY, "2025-12-31T23:59:59Z", &[]).status, 1);
    assert_eq!(scan("AKIAIOSFODNN7EXAMPLE", "2026-03-01T00:00:00Z", &[]).status, 1);
}

#[test]
fn the_ledger_has_statements_of_its_own_among_the_permissions() {
    let by =
        |table: &str| -> Value { serde_json::from_str(&run(&["permissions", "--ledger-table", table]).out).unwrap() };
    let plain: Value = serde_json::from_str(&run(&["permissions"]).out).unwrap();
    let (named, located) = (by("credwarden-ledger"), by("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/x"));
    assert_eq!(named["Statement"][0], plain["Statement"][0]);
    assert_eq!(
        named["Statement"][1],
        json!({
            "Sid": "CredwardenReadsExceptions", "Effect": "Allow", "Action": ["dynamodb:Query"],
            "Resource": "arn:aws:dynamodb:*:*:table/credwarden-ledger/index/open-by-due",
        })
    );
    assert_eq!(
        named["Statement"][2],
        json!({
            "Sid": "CredwardenReadsCreators", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": "arn:aws:dynamodb:*:*:table/credwarden-ledger",
        })
    );
    let resource = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/x/index/open-by-due";
    assert_eq!(located["Statement"][1]["Resource"], resource);
    assert_eq!(plain["Statement"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_ledger_is_not_named_beside_a_file() {
    let ran = run(&["scan", "--snapshot", "account.json", "--ledger-table", "credwarden-ledger"]);
    assert_eq!(ran.status, 2, "the exceptions of a recording are in it: {ran:?}");
}
