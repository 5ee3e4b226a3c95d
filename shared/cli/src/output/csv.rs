//! Comma-separated values (RFC 4180), for spreadsheets: one line a finding, with the fields of JSON.

use jiff::Timestamp;

use crate::finding::{Finding, Scan};

/// What stands between the values of one cell that holds several.
const SEPARATOR: &str = "; ";

/// The columns, named as the fields of JSON.
const COLUMNS: [&str; 22] = [
    "rule",
    "status",
    "class",
    "possibleClasses",
    "resourceType",
    "resourceId",
    "resourceName",
    "resourceArn",
    "credentialKind",
    "credentialId",
    "slot",
    "created",
    "createdNoLaterThan",
    "lastUsed",
    "everUsed",
    "limitDays",
    "nonCompliantSince",
    "dueBy",
    "reason",
    "controls",
    "exception",
    "exceptedUntil",
];

/// The findings of a scan below their names.
///
/// # Errors
/// Nothing that is written here can fail to be; the library says that it could.
pub fn render(scan: &Scan) -> anyhow::Result<String> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for finding in &scan.findings {
        writer.write_record(cells(finding).iter().map(|cell| harmless(cell)))?;
    }
    Ok(String::from_utf8(writer.into_inner().map_err(::csv::IntoInnerError::into_error)?)?)
}

fn cells(finding: &Finding) -> [String; COLUMNS.len()] {
    let Finding {
        rule,
        status,
        class,
        possible_classes,
        resource_type,
        resource_id,
        resource_name,
        resource_arn,
        credential_kind,
        credential_id,
        slot,
        created,
        created_no_later_than,
        last_used,
        ever_used,
        limit_days,
        non_compliant_since,
        due_by,
        exception,
        excepted_until,
        reason,
        controls,
        is_contradicted: _,
    } = finding;
    [
        rule.to_string(),
        status.as_str().to_owned(),
        text(class.as_ref()),
        possible_classes.join(SEPARATOR),
        (*resource_type).to_owned(),
        text(resource_id.as_ref()),
        resource_name.to_string(),
        text(resource_arn.as_ref()),
        text(credential_kind.as_ref()),
        text(credential_id.as_ref()),
        text(slot.as_ref()),
        date(*created),
        date(*created_no_later_than),
        date(*last_used),
        text(ever_used.as_ref()),
        text(limit_days.as_ref()),
        date(*non_compliant_since),
        date(*due_by),
        reason.clone(),
        controls.join(SEPARATOR),
        text(exception.as_ref()),
        date(*excepted_until),
    ]
}

fn text(value: Option<&impl ToString>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

fn date(at: Option<Timestamp>) -> String {
    text(at.as_ref())
}

/// A spreadsheet takes what begins like this for a formula, and a user's name may: an apostrophe makes it text.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() }
}
