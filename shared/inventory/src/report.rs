//! The credential report: what it says of each user, and how to get one that is fresh enough.
//!
//! The report is up to 4 hours old, knows no key ids, and its `access_key_N_last_rotated` means "created or last
//! changed". It therefore only nominates and clears by what cannot mislead: whether a slot holds an active credential, and
//! that it was used at a time.
//! (IAM User Guide, "Getting credential reports for your AWS account".)

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::id::{Arn, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Reported, ReportedCredential};
use csv::{ByteRecord, ReaderBuilder};
use jiff::Timestamp;

mod fresh;
#[cfg(test)]
mod tests;

pub use fresh::{MAX_REPORT_AGE, NotReady, ReportError, fresh_report};

/// The root user's name in the report.
const ROOT: &str = "<root_account>";

/// A credential report, by user.
///
/// The account's root user has a row in the report, and none here: it is no IAM user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The rows that could be read. A user whose rows contradict each other has none.
    pub rows: BTreeMap<UserName, Row>,
    /// The users whose rows contradict each other.
    pub contradicted: BTreeSet<UserName>,
    /// How many rows bear neither a user's name nor the root user's, or are lost in a cell of another row, which no
    /// quotation mark closes.
    pub nameless: usize,
}

/// What the report says of one user.
///
/// A cell that is missing, or holds something nobody knows, makes no claim: it is `None` or [`Slot::Unreadable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `arn`, which contains the path.
    pub arn: Option<Arn>,
    /// `user_creation_time`: tells users apart that bore the same name one after the other.
    pub user_created: Option<Timestamp>,
    /// The console password (`password_enabled`, `password_last_changed`, `password_last_used`).
    pub password: Slot,
    /// The access keys in the report's two columns, not in the order of their creation.
    pub keys: [Slot; 2],
    /// The signing certificates in the report's two columns (`cert_N_active`, `cert_N_last_rotated`).
    pub certificates: [Slot; 2],
    /// `additional_credentials_info` says that there are more keys or certificates than the report has columns for.
    pub more_credentials: bool,
}

/// One of the report's places for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// None, or, where IAM omits the dates of inactive ones, an inactive one.
    Empty,
    /// An active one.
    Active(ReportedCredential),
    /// An inactive one.
    Inactive(ReportedCredential),
    /// A cell is missing or holds something else than it should.
    Unreadable,
}

/// Content that is not a credential report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credential report has no column `{missing}`; it begins with `{beginning}`")]
pub struct NotAReport {
    /// The first column that is missing and without which a row belongs to nobody.
    pub missing: &'static str,
    /// The first 80 characters of the content.
    pub beginning: String,
}

impl Report {
    /// Parses what `GetCredentialReport` gives: values separated by commas (RFC 4180) below a line of column names, in
    /// any order, with any other columns.
    ///
    /// # Errors
    /// The columns that say whose row it is are missing: this is not a credential report.
    pub fn parse(content: &[u8]) -> Result<Self, NotAReport> {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(content);
        let mut records = reader.byte_records().map_while(Result::ok);
        let header = records.next().unwrap_or_default();
        let columns = Columns::find(&header, content)?;

        let mut report = Self { nameless: lost_rows(&header), ..Self::default() };
        for record in records {
            report.nameless += lost_rows(&record);
            let Ok(name) = columns.text(&record, "user").parse::<UserName>() else {
                // The root user is no IAM user; any other name that is none may be half a name of a report cut short.
                report.nameless += usize::from(columns.text(&record, "user") != ROOT);
                continue;
            };
            let row = columns.row(&record);
            match report.rows.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(row);
                }
                Entry::Occupied(occupied) if *occupied.get() != row => {
                    report.contradicted.insert(occupied.key().clone());
                }
                Entry::Occupied(_) => {}
            }
        }
        report.rows.retain(|name, _| !report.contradicted.contains(name));
        Ok(report)
    }
}

impl Row {
    /// What the report shows of a user's credentials of one kind. `None`: it cannot be told, because the report does not
    /// record that kind, has no column for all of them, or a cell is unreadable.
    pub fn reported(&self, kind: CredentialKind, report_made: Timestamp) -> Option<Reported> {
        let slots = match kind {
            CredentialKind::AccessKey => self.keys.as_slice(),
            CredentialKind::ConsolePassword => std::slice::from_ref(&self.password),
            CredentialKind::SigningCertificate => self.certificates.as_slice(),
            _ => return None,
        };
        let mut reported = Reported { active: Vec::new(), inactive: 0, report_made };
        if self.more_credentials && kind != CredentialKind::ConsolePassword {
            return None;
        }
        for slot in slots {
            match slot {
                Slot::Empty => {}
                Slot::Active(credential) => reported.active.push(*credential),
                Slot::Inactive(_) => reported.inactive += 1,
                Slot::Unreadable => return None,
            }
        }
        Some(reported)
    }

    /// Whether the user has a console password.
    pub fn console_password(&self) -> Option<bool> {
        match self.password {
            Slot::Active(_) => Some(true),
            Slot::Empty | Slot::Inactive(_) => Some(false),
            Slot::Unreadable => None,
        }
    }

    /// Whether the user held an active credential of a kind when the report was made, as far as the report can tell.
    pub fn may_hold_active(&self, kind: CredentialKind) -> bool {
        let is_active = |slot: &Slot| matches!(slot, Slot::Active(_));
        match kind {
            CredentialKind::AccessKey => self.more_credentials || self.keys.iter().any(is_active),
            CredentialKind::SigningCertificate => self.more_credentials || self.certificates.iter().any(is_active),
            CredentialKind::ConsolePassword => is_active(&self.password),
            _ => false,
        }
    }
}

/// Where in a record the columns are.
struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn find(header: &ByteRecord, content: &[u8]) -> Result<Self, NotAReport> {
        let mut columns = BTreeMap::new();
        for (index, name) in header.iter().enumerate() {
            columns.entry(String::from_utf8_lossy(name).trim().to_owned()).or_insert(index);
        }
        match ["user", "user_creation_time"].into_iter().find(|needed| !columns.contains_key(*needed)) {
            None => Ok(Self(columns)),
            Some(missing) => {
                let beginning =
                    String::from_utf8_lossy(content.get(..320).unwrap_or(content)).chars().take(80).collect();
                Err(NotAReport { missing, beginning })
            }
        }
    }

    /// The cell of a column, empty where the row or the report lacks it.
    fn text<'a>(&self, record: &'a ByteRecord, column: &str) -> &'a str {
        let cell = self.0.get(column).and_then(|index| record.get(*index)).unwrap_or_default();
        std::str::from_utf8(cell).unwrap_or_default().trim()
    }

    fn row(&self, record: &ByteRecord) -> Row {
        let key = |slot: u8| {
            let column = |name: &str| format!("access_key_{slot}_{name}");
            self.slot(record, slot, &column("active"), &column("last_rotated"), Some(&column("last_used_date")))
        };
        let certificate = |slot: u8| {
            self.slot(record, slot, &format!("cert_{slot}_active"), &format!("cert_{slot}_last_rotated"), None)
        };
        Row {
            arn: self.text(record, "arn").parse().ok(),
            user_created: self.text(record, "user_creation_time").parse().ok(),
            password: match boolean(self.text(record, "password_enabled")) {
                // Whatever else its columns say: without a password there is none.
                Some(false) => Slot::Empty,
                _ => self.slot(record, 1, "password_enabled", "password_last_changed", Some("password_last_used")),
            },
            keys: [key(1), key(2)],
            certificates: [certificate(1), certificate(2)],
            more_credentials: {
                let cell = self.text(record, "additional_credentials_info");
                is_given(cell) && boolean(cell) != Some(false)
            },
        }
    }

    fn slot(&self, record: &ByteRecord, slot: u8, active: &str, changed: &str, used: Option<&str>) -> Slot {
        let date = |column: &str| match self.text(record, column) {
            cell if is_given(cell) => cell.parse().map(Some),
            _ => Ok(None),
        };
        let (Ok(changed), Ok(last_used)) = (date(changed), used.map_or(Ok(None), date)) else {
            return Slot::Unreadable;
        };
        let credential = ReportedCredential { slot, changed, last_used };
        match boolean(self.text(record, active)) {
            Some(true) => Slot::Active(credential),
            Some(false) if changed.is_some() || last_used.is_some() => Slot::Inactive(credential),
            Some(false) => Slot::Empty,
            None => Slot::Unreadable,
        }
    }
}

/// How many rows stand inside of cells: IAM writes no line breaks there.
fn lost_rows(record: &ByteRecord) -> usize {
    let count = |wanted: u8| record.iter().flatten().filter(|byte| **byte == wanted).count();
    count(b'\n').max(count(b'\r'))
}

fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether a cell holds a value rather than one of the report's ways to say that there is none.
fn is_given(cell: &str) -> bool {
    !["", "N/A", "no_information", "not_supported"].contains(&cell)
}
