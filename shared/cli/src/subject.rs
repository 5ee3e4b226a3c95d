//! Whom facts are about, and what is judged of them.

use std::collections::BTreeMap;

use credwarden_credential::id::{AccountId, Arn, UserId, UserName};
use credwarden_credential::snapshot::User;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::unused_access::Opinion;
use jiff::Timestamp;

use crate::finding::SourceKind;
use crate::reported::ReportedUser;
use crate::rules::Creators;

/// All that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it was read from.
    pub kind: SourceKind,
    /// The file, where there is one.
    pub file: Option<String>,
    /// The time of the judgement.
    pub as_of: Timestamp,
    /// Each user.
    pub subjects: Vec<Subject>,
    /// What users' credentials may break, until when; `None`: nobody read it.
    pub exceptions: Option<Exceptions>,
    /// What an analyzer of IAM Access Analyzer says beside the verdicts of `unused-credentials`.
    pub opinions: BTreeMap<UserId, Vec<Opinion>>,
    /// Whether it is known who created credentials.
    pub creators: Creators,
    /// How many rows of a report belong to nobody that can be told.
    pub unreadable_rows: usize,
    /// What the source never shows, in words.
    pub limitations: Vec<String>,
}

/// A user, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// From IAM itself.
    User(User),
    /// From a credential report alone.
    Reported(ReportedUser),
}

impl Subject {
    /// The user's name.
    pub fn name(&self) -> &UserName {
        match self {
            Self::User(user) => &user.name,
            Self::Reported(user) => &user.name,
        }
    }

    /// The user's ARN.
    pub fn arn(&self) -> Option<&Arn> {
        match self {
            Self::User(user) => Some(&user.arn),
            Self::Reported(user) => user.arn(),
        }
    }
}

impl Facts {
    /// The account, as the users' ARNs tell it.
    pub fn account(&self) -> Option<AccountId> {
        self.subjects.iter().find_map(Subject::arn).and_then(|arn| arn.as_str().split(':').nth(4)?.parse().ok())
    }
}
