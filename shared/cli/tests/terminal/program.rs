//! Runs the program.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the program wrote, and its exit status.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

/// Runs it in the folder of the cases.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, b"")
}

/// Runs it with something on standard input.
pub(crate) fn run_with(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_credwarden"))
        .args(arguments)
        .current_dir(cases())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What fails before it reads has closed its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// Judges a report given on standard input, as of the cases' time, and gives the findings of all.
pub(crate) fn findings(report: &str) -> Vec<serde_json::Value> {
    let as_of = ["--as-of", "2026-01-01T00:00:00Z"];
    let ran = run_with(
        &[&["scan", "--credential-report", "-", "--format", "json", "--all"], as_of.as_slice()].concat(),
        report.as_bytes(),
    );
    assert!([0, 1, 3].contains(&ran.status), "{ran:?}");
    let scan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    scan["findings"].as_array().unwrap().clone()
}

/// The folder of the cases.
pub(crate) fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}
