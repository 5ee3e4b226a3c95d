//! A file with a credential report.

use std::collections::BTreeMap;

use anyhow::Context as _;
use credwarden_inventory::report::Report;
use jiff::Timestamp;

use crate::finding::SourceKind;
use crate::reported::ReportedUser;
use crate::rules::{Creators, not_read};
use crate::subject::{Facts, Subject};

/// What no credential report shows, whatever is in it.
const NEVER_SHOWN: [&str; 3] = [
    "a credential report shows neither service-specific credentials nor SSH public keys",
    "a credential report shows no tags: a limit that a user's tag lowers is judged as if the tag were not there",
    "a credential report shows no ids of credentials, and of their creation only the latest possible time",
];

/// What is said where nobody said when the report was made.
const UNDATED: &str = "the report is taken to be of now: what was used or changed since it was made is not in it; say when with `--as-of`";

/// The facts of a report that was made at `as_of`, or, where that is not said, at the latest `now`.
///
/// # Errors
/// The content is no credential report.
pub fn facts(content: &[u8], file: &str, as_of: Option<Timestamp>, now: Timestamp) -> anyhow::Result<Facts> {
    let report = Report::parse(content).with_context(|| {
        let hint = if content.trim_ascii_start().starts_with(b"{") {
            "this looks like JSON; take the report out of IAM's answer: `aws iam get-credential-report --query Content \
             --output text | base64 --decode`"
        } else {
            "give the CSV that the IAM console downloads, or `aws iam get-credential-report` holds in `Content`, decoded"
        };
        format!("failed to use `{file}` as a credential report\nhint: {hint}")
    })?;
    let contradicted = report.contradicted.into_iter().map(|name| ReportedUser { name, row: None });
    let rows = report.rows.into_iter().map(|(name, row)| ReportedUser { name, row: Some(row) });
    let mut subjects: Vec<_> = rows.chain(contradicted).map(Subject::Reported).collect();
    subjects.sort_by(|one, other| one.name().cmp(other.name()));
    let undated = as_of.is_none().then_some(UNDATED);
    Ok(Facts {
        kind: SourceKind::CredentialReport,
        file: Some(file.to_owned()),
        as_of: as_of.unwrap_or(now),
        subjects,
        opinions: BTreeMap::new(),
        creators: Creators::NotRead,
        unreadable_rows: report.nameless,
        limitations: NEVER_SHOWN
            .into_iter()
            .map(str::to_owned)
            .chain(not_read(None))
            .chain(undated.map(str::to_owned))
            .collect(),
        exceptions: None,
    })
}
