//! What is known of an account's users at a time, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccessKeyId, Arn, GroupName, UserId, UserName};

/// The users of one account, as far as they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When reading began.
    pub as_of: Timestamp,
    /// The users that were judged worth a verdict in this reading, by id.
    pub users: BTreeMap<UserId, User>,
}

/// One IAM user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The unique id, Config's resource id.
    pub id: UserId,
    /// The name, by which IAM's calls address the user.
    pub name: UserName,
    /// The ARN, which contains the path.
    pub arn: Arn,
    /// The path, `/` or `/…/`.
    pub path: String,
    /// When the user was created; none of its credentials can be older.
    pub created: Timestamp,
    /// The user's tags.
    pub tags: BTreeMap<String, String>,
    /// The groups the user is a member of.
    pub groups: BTreeSet<GroupName>,
    /// Managed policies attached directly or by a group.
    pub attached_policies: BTreeSet<Arn>,
    /// Whether the user has a console password.
    pub console_password: Known<bool>,
    /// The user's access keys.
    pub access_keys: AccessKeys,
}

/// A fact, or the reason why it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// It was read.
    Yes(T),
    /// It could not be read.
    No(Gap),
}

/// What is known of a user's access keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessKeys {
    /// Listed from IAM itself, key by key.
    Live(Vec<AccessKey>),
    /// Only counted, from the credential report: it knows neither ids nor dates of creation.
    Reported {
        /// Active keys.
        active: u8,
        /// Inactive keys.
        inactive: u8,
        /// When the report was made, up to 4 hours ago.
        report_made: Timestamp,
    },
    /// Not read.
    Unread(Gap),
}

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether requests can be signed with it.
    pub status: KeyStatus,
    /// When it was created; never changes.
    pub created: Timestamp,
    /// When it was used last.
    pub last_use: LastUse,
}

/// IAM's `StatusType` of an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyStatus {
    /// Requests can be signed with it.
    Active,
    /// Requests signed with it are refused; it can be made active again.
    Inactive,
}

/// When a key was used last. It proves use, never disuse: it lags, and one use in 15 minutes is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastUse {
    /// Not asked for.
    NotRead,
    /// IAM knows of no use since it began to record them.
    Never,
    /// The last use that IAM knows of.
    At {
        /// When.
        at: Timestamp,
        /// Of which service, such as `s3`.
        service: String,
        /// In which region.
        region: String,
    },
    /// Asked for, without an answer.
    Unread(Gap),
}

/// Why a fact is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What went wrong.
    pub reason: GapReason,
    /// What was being done, such as ``list access keys of `alice` ``.
    pub doing: String,
    /// Since when this user could not be verified, where earlier readings tell.
    pub since: Option<Timestamp>,
}

/// What went wrong in reading a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The caller's role does not allow the call.
    Denied,
    /// Still throttled after all retries.
    Throttled,
    /// Failed otherwise after all retries.
    Failed,
    /// The answer made no sense, such as a date in the future.
    Implausible,
    /// Time ran out before it was this user's turn.
    NotReached,
}

impl fmt::Display for GapReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Denied => "access denied",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::Implausible => "implausible answer",
            Self::NotReached => "not reached in time",
        })
    }
}

impl Gap {
    /// A gap first met now.
    pub fn new(reason: GapReason, doing: impl Into<String>) -> Self {
        Self { reason, doing: doing.into(), since: None }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to {}: {}", self.doing, self.reason)
    }
}
