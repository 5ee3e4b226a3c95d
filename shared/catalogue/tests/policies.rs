//! The program that checks a policy before it is deployed.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::process::{Command, Output};

fn check(folder: &std::path::Path, text: &str) -> Output {
    let file = folder.join("policy.json");
    std::fs::write(&file, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_credwarden-catalogue")).arg("check-policy").arg(file).output().unwrap()
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_policy_is_printed_in_its_normal_form() {
    let output = check(&folder("normal"), credwarden_policy::document::DEFAULT);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.trim(), credwarden_policy::policy::Policy::default().to_json());
}

#[test]
fn everything_wrong_is_printed_a_line_a_problem() {
    let wrong = credwarden_policy::document::DEFAULT.replace("\"perDay\"", "\"perWeek\": 1, \"perDay\"");
    let wrong = wrong.replace("\"observe\"", "\"enfroce\"");
    let output = check(&folder("wrong"), &wrong);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(printed.lines().count(), 3, "{printed}");
    assert!(printed.contains("`budget.perWeek`: unknown field") && printed.contains("`enfroce`"), "{printed}");
}

#[test]
fn a_policy_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_credwarden-catalogue"))
        .args(["check-policy", "nowhere.json"])
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("`nowhere.json`"));
}
