//! Writes the catalogue for the CDK app, and checks a policy before it is deployed.

use std::io::Write as _;
use std::process::ExitCode;
use std::{fs, io};

use credwarden_catalogue::CATALOGUE;
use credwarden_policy::policy::Policy;

const USAGE: &str = "usage: catalogue write FILE | catalogue check-policy FILE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["write", file] => write(file),
        ["check-policy", file] => check_policy(file),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the file that the CDK app reads.
fn write(file: &str) -> Result<(), String> {
    let text = CATALOGUE.to_json().map_err(|error| format!("failed to write the catalogue as JSON: {error}"))?;
    fs::write(file, text).map_err(|error| format!("failed to write `{file}`: {error}"))
}

/// Prints the policy in its normal form, or everything that is wrong with it, a line a problem.
fn check_policy(file: &str) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("failed to read the policy `{file}`: {error}"))?;
    let policy = Policy::parse(&text).map_err(|problems| {
        problems.0.iter().map(|problem| format!("{file}: {problem}")).collect::<Vec<_>>().join("\n")
    })?;
    writeln!(io::stdout(), "{}", policy.to_json()).map_err(|error| format!("failed to print the policy: {error}"))
}
