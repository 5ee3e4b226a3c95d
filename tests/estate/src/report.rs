//! The credential report as IAM makes it.

use std::fmt::Write as _;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{KeyStatus, LastUse, Status};
use jiff::Timestamp;

use crate::estate::{ACCOUNT, Estate, EstateKey, EstateUser};

/// The columns, in IAM's order (IAM User Guide, "Understanding the report format").
pub const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
     password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
     access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
     access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
     cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// The report of an estate at its time: the root user's row first, users in the order of names without regard to case,
/// no newline at the end. Keys are put into the columns the other way round than they were made.
pub fn render(estate: &Estate) -> String {
    let mut users: Vec<&EstateUser> = estate.users.iter().collect();
    users.sort_by_key(|user| user.name().as_str().to_ascii_lowercase());
    let mut report = HEADER.to_owned();
    let _ = write!(
        report,
        "\n<root_account>,arn:aws:iam::{ACCOUNT}:root,2019-03-01T09:00:00Z,not_supported,2025-02-03T10:11:12Z,\
         not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    );
    for user in users {
        report.push('\n');
        report.push_str(&row(user));
    }
    report
}

fn row(user: &EstateUser) -> String {
    let record = &user.detail.record;
    let mut cells = vec![quoted(record.name.as_str()), quoted(record.arn.as_str()), date(record.created)];
    match user.password {
        Some(password) => cells.extend([
            "true".to_owned(),
            password.last_used.map_or_else(|| "no_information".to_owned(), date),
            date(password.created),
            "N/A".to_owned(),
        ]),
        None => cells.extend(["false", "N/A", "N/A", "N/A"].map(str::to_owned)),
    }
    cells.push(user.password.is_some().to_string());
    let mut newest_first = user.keys.iter().rev();
    for _ in 0..2 {
        cells.extend(key(newest_first.next()));
    }
    let mut certificates =
        user.others.iter().rev().filter(|other| other.credential.id.kind() == CredentialKind::SigningCertificate);
    for _ in 0..2 {
        cells.extend(match certificates.next() {
            Some(other) => [(other.credential.status == Status::Active).to_string(), date(other.changed)],
            None => ["false", "N/A"].map(str::to_owned),
        });
    }
    cells.join(",")
}

fn key(key: Option<&EstateKey>) -> [String; 5] {
    let not_applicable = || "N/A".to_owned();
    let Some(EstateKey { key, changed }) = key else {
        return ["false".to_owned(), not_applicable(), not_applicable(), not_applicable(), not_applicable()];
    };
    let (used, region, service) = match &key.last_use {
        LastUse::At { at, service, region } => (date(*at), region.clone(), service.clone()),
        LastUse::Never | LastUse::NotRead | LastUse::Unread(_) => {
            (not_applicable(), not_applicable(), not_applicable())
        }
    };
    [(key.status == KeyStatus::Active).to_string(), date(*changed), used, region, service]
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Names may hold a comma.
fn quoted(cell: &str) -> String {
    if cell.contains(',') { format!("\"{cell}\"") } else { cell.to_owned() }
}
