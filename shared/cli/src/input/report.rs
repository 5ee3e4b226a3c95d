//! A file with a credential report.

use anyhow::Context as _;
use credwarden_inventory::report::Report;
use jiff::Timestamp;

use crate::finding::SourceKind;
use crate::reported::ReportedUser;
use crate::subject::{Facts, Subject};

/// What no credential report shows, whatever is in it.
const NEVER_SHOWN: [&str; 4] = [
    "a credential report shows neither service-specific credentials nor SSH public keys",
    "a credential report shows no tags: a limit that a user's tag lowers is judged as if the tag were not there",
    "a credential report shows no ids of credentials, and of their creation only the latest possible time",
    "exceptions stand in the ledger of a deployment, which is not read",
];

/// The facts of a report.
///
/// # Errors
/// The content is no credential report.
pub fn facts(content: &[u8], file: &str, as_of: Timestamp) -> anyhow::Result<Facts> {
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
    Ok(Facts {
        kind: SourceKind::CredentialReport,
        file: Some(file.to_owned()),
        as_of,
        subjects,
        unreadable_rows: report.nameless,
        limitations: NEVER_SHOWN.map(str::to_owned).to_vec(),
    })
}
