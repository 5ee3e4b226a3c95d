//! Where facts come from: a credential report, a recorded account, or the account itself.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;
use credwarden_policy::policy::Policy;
use jiff::Timestamp;

use crate::arguments::Input;
use crate::failure::Failure;
use crate::finding::PolicyUsed;
use crate::rules::Rule;
use crate::subject::Facts;

pub mod account;
pub mod progress;
pub mod recorded;
pub mod report;

/// The name of standard input where a file is asked for.
const STANDARD_INPUT: &str = "-";

/// The policy that is judged by.
pub fn policy(file: Option<&Path>) -> Result<(Policy, PolicyUsed), Failure> {
    let policy = match file {
        None => Policy::default(),
        Some(file) => {
            let text = text(file).with_context(|| format!("failed to read the policy `{}`", file.display()))?;
            Policy::parse(&text).with_context(|| format!("failed to use the policy `{}`", file.display()))?
        }
    };
    let used = PolicyUsed { id: policy.id().to_string(), file: file.map(|file| file.display().to_string()) };
    Ok((policy, used))
}

/// The facts that are asked for.
///
/// # Errors
/// The arguments contradict each other, a file cannot be read or is not what it should be, or the account cannot be read.
pub async fn facts(input: &Input, policy: &Policy, rules: &[&Rule], now: Timestamp) -> Result<Facts, Failure> {
    let as_of = as_of(input, now)?;
    match (&input.credential_report, &input.snapshot) {
        (Some(file), _) => {
            let content =
                bytes(file).with_context(|| format!("failed to read the credential report `{}`", file.display()))?;
            Ok(report::facts(&content, &file.display().to_string(), as_of, now)?)
        }
        (None, Some(file)) => {
            let text = text(file).with_context(|| format!("failed to read the snapshot `{}`", file.display()))?;
            Ok(recorded::facts(&text, &file.display().to_string(), as_of)?)
        }
        (None, None) => Box::pin(account::collect(&input.account, policy, rules, now)).await,
    }
}

/// The time of the judgement that was asked for, if it may be asked for.
fn as_of(input: &Input, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let Some(as_of) = input.as_of else { return Ok(None) };
    if input.credential_report.is_none() && input.snapshot.is_none() {
        return Err(Failure::input(
            "`--as-of` belongs to recorded facts: an account is judged by the clock\n\
             hint: add `--credential-report FILE` or `--snapshot FILE`, or leave `--as-of` out",
        ));
    }
    if as_of > now {
        return Err(Failure::input(format!(
            "`--as-of {as_of}` lies in the future: it is {}\nhint: nothing is known of a time to come; choose an earlier one",
            now.strftime("%Y-%m-%dT%H:%M:%SZ")
        )));
    }
    Ok(Some(as_of))
}

/// The content of a file, or of standard input.
pub fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    if file.as_os_str() == STANDARD_INPUT {
        let mut content = Vec::new();
        io::stdin().lock().read_to_end(&mut content)?;
        return Ok(content);
    }
    fs::read(file)
}

/// The text of a file, or of standard input, without a byte order mark.
pub fn text(file: &Path) -> io::Result<String> {
    let text = String::from_utf8(bytes(file)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}
