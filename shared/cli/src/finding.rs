//! What is said of a credential, as machines read it.
//!
//! The names of fields are stable: within one [`FORMAT`], fields are only added.

use credwarden_credential::id::{AccountId, Arn, UserId, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_policy::remedy::RuleName;
use jiff::Timestamp;
use serde::Serialize;

/// The format of documents that this version writes.
pub const FORMAT: u32 = 1;

/// AWS Config's type of the resources that are reported on.
pub const RESOURCE_TYPE: &str = "AWS::IAM::User";

/// What a rule says of one credential, or of a user where no credential can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule.
    pub rule: RuleName,
    /// What it says.
    pub status: Status,
    /// The user's class; `None` where it cannot be told.
    pub class: Option<String>,
    /// The classes that the user may belong to.
    pub possible_classes: Vec<String>,
    /// [`RESOURCE_TYPE`]
    pub resource_type: &'static str,
    /// The user's unique id; `None` where the source does not know it.
    pub resource_id: Option<UserId>,
    /// The user's name.
    pub resource_name: UserName,
    /// The user's ARN.
    pub resource_arn: Option<Arn>,
    /// The kind of the credential; `None` where the finding is about the user.
    pub credential_kind: Option<CredentialKind>,
    /// The credential's id; `None` where the source does not know it, or the finding is about the user.
    pub credential_id: Option<String>,
    /// The credential's place in the credential report, such as `access-key-1`, where only that is known.
    pub slot: Option<String>,
    /// When the credential was created; `None` where the source does not know it.
    pub created: Option<Timestamp>,
    /// The latest time at which it can have been created, where only that is known.
    pub created_no_later_than: Option<Timestamp>,
    /// When the credential was used last, as far as AWS knows.
    pub last_used: Option<Timestamp>,
    /// Whether AWS knows of any use; `None` where that was not read, or is not recorded.
    pub ever_used: Option<bool>,
    /// The limit that decides, in days; `None` where none does.
    pub limit_days: Option<u32>,
    /// Since when the policy is broken; the latest possible time where `createdNoLaterThan` is given.
    pub non_compliant_since: Option<Timestamp>,
    /// The last instant at which a compliant credential is within the limit, once its days of warning have begun.
    pub due_by: Option<Timestamp>,
    /// The exception that lets the credential break the rule; `None` where it breaks nothing, or none covers it.
    pub exception: Option<String>,
    /// The last instant at which that exception holds.
    pub excepted_until: Option<Timestamp>,
    /// Whether an analyzer of IAM Access Analyzer says otherwise of the credential's use; the reason tells what.
    #[serde(skip)]
    pub is_contradicted: bool,
    /// The same in words.
    pub reason: String,
    /// The controls of frameworks that the rule serves.
    pub controls: Vec<String>,
}

/// What a rule says of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It breaks the policy.
    NonCompliant,
    /// It cannot be told.
    Unknown,
    /// It breaks nothing.
    Compliant,
}

impl Status {
    /// The word, as AWS Config writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NonCompliant => "NON_COMPLIANT",
            Self::Unknown => "UNKNOWN",
            Self::Compliant => "COMPLIANT",
        }
    }
}

impl Finding {
    /// The credential's id, its place in the report, or nothing where the finding is about the user.
    pub fn credential(&self) -> &str {
        self.credential_id.as_deref().or(self.slot.as_deref()).unwrap_or_default()
    }

    /// Whether it is worth a look: anything but plainly compliant.
    pub fn is_remarkable(&self) -> bool {
        self.status != Status::Compliant || self.due_by.is_some() || self.exception.is_some() || self.is_contradicted
    }
}

/// A whole scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scan {
    /// [`FORMAT`]
    pub format: u32,
    /// The version that wrote it.
    pub version: &'static str,
    /// Where the facts come from.
    pub source: Source,
    /// The time of the judgement.
    pub as_of: Timestamp,
    /// The policy.
    pub policy: PolicyUsed,
    /// The rules that were judged.
    pub rules: Vec<RuleJudged>,
    /// What this scan cannot see, in words.
    pub limitations: Vec<String>,
    /// How much there is of each.
    pub summary: Summary,
    /// The findings: by status, then by user, credential and rule.
    pub findings: Vec<Finding>,
}

/// Where facts come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// What was read.
    pub kind: SourceKind,
    /// The file, where there is one.
    pub file: Option<String>,
    /// The account, where a user's ARN tells it.
    pub account: Option<AccountId>,
}

/// What facts were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The account itself.
    Account,
    /// A recorded account.
    Snapshot,
    /// A credential report alone.
    CredentialReport,
}

/// The policy that was judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyUsed {
    /// Identifies it by its content.
    pub id: String,
    /// Its file; `None`: the built-in policy.
    pub file: Option<String>,
}

/// A rule that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleJudged {
    /// The name.
    pub name: RuleName,
    /// What it finds.
    pub finds: &'static str,
    /// The controls of frameworks that it serves.
    pub controls: Vec<String>,
}

/// Numbers of users and findings, those that are not written included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Users that the filters let pass.
    pub users: usize,
    /// Findings that are `NON_COMPLIANT`.
    pub non_compliant: usize,
    /// Findings that are `UNKNOWN`.
    pub unknown: usize,
    /// Findings that are `COMPLIANT`, but due for replacement soon.
    pub due: usize,
    /// Findings that are `COMPLIANT` only because an exception covers them.
    pub excepted: usize,
    /// Findings that are `COMPLIANT` without a remark.
    pub compliant: usize,
    /// Rows of a credential report that belong to nobody that can be told.
    pub unreadable_rows: usize,
}

impl Summary {
    /// Counts findings of that many users.
    pub fn of(users: usize, findings: &[Finding]) -> Self {
        let count = |wanted: fn(&Finding) -> bool| findings.iter().filter(|finding| wanted(finding)).count();
        Self {
            users,
            non_compliant: count(|finding| finding.status == Status::NonCompliant),
            unknown: count(|finding| finding.status == Status::Unknown),
            due: count(|finding| finding.status == Status::Compliant && finding.due_by.is_some()),
            excepted: count(|finding| finding.exception.is_some()),
            compliant: count(|finding| !finding.is_remarkable()),
            unreadable_rows: 0,
        }
    }
}
