//! What is known of an account's users at a time, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::creation::Provenance;
use crate::id::{AccessKeyId, Arn, GroupName, UserId, UserName};
use crate::kind::{CredentialId, CredentialKind};

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
    /// The user's credentials of other kinds. A kind that is absent was not asked for.
    pub other_credentials: BTreeMap<CredentialKind, Listing<Credential>>,
    /// Who made the account's credentials usable, as far as it is known. `None`: nobody asked.
    ///
    /// It is the whole account's and shared by its users: a file that holds it holds it once, beside them.
    #[serde(skip)]
    pub provenance: Option<Arc<Provenance>>,
}

impl User {
    /// What is known of the user's credentials of one kind; `None`: they were not asked for.
    pub fn listing(&self, kind: CredentialKind) -> Option<Listing<Credential>> {
        match kind {
            CredentialKind::AccessKey => Some(match &self.access_keys {
                Listing::Live(keys) => Listing::Live(keys.iter().map(Credential::from).collect()),
                Listing::Reported(reported) => Listing::Reported(reported.clone()),
                Listing::Unread(gap) => Listing::Unread(gap.clone()),
            }),
            kind => self.other_credentials.get(&kind).cloned(),
        }
    }

    /// Whether the user is known to hold an active credential of one kind; `None`: not known.
    pub fn shows_active(&self, kind: CredentialKind) -> Option<bool> {
        match self.listing(kind)? {
            Listing::Live(credentials) => {
                Some(credentials.iter().any(|credential| credential.status == Status::Active))
            }
            Listing::Reported(reported) => Some(!reported.active.is_empty()),
            Listing::Unread(_) => None,
        }
    }

    /// All gaps in what was read of the user.
    pub fn gaps_mut(&mut self) -> impl Iterator<Item = &mut Gap> {
        let keys = self.access_keys.gap_mut();
        let password = match &mut self.console_password {
            Known::Yes(_) => None,
            Known::No(gap) => Some(gap),
        };
        keys.into_iter().chain(password).chain(self.other_credentials.values_mut().filter_map(Listing::gap_mut))
    }
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

/// What is known of a user's credentials of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing<T> {
    /// Listed from IAM itself, one by one.
    Live(Vec<T>),
    /// Only what the credential report shows: neither ids nor dates of creation.
    Reported(Reported),
    /// Not read.
    Unread(Gap),
}

impl<T> Listing<T> {
    /// Why nothing is known.
    pub fn gap_mut(&mut self) -> Option<&mut Gap> {
        match self {
            Self::Unread(gap) => Some(gap),
            Self::Live(_) | Self::Reported(_) => None,
        }
    }
}

impl Listing<Credential> {
    /// Whether it shows any credential, usable or not.
    pub fn shows_one(&self) -> bool {
        match self {
            Self::Live(credentials) => !credentials.is_empty(),
            Self::Reported(reported) => !reported.active.is_empty() || reported.inactive > 0,
            Self::Unread(_) => false,
        }
    }

    /// The credentials known one by one.
    pub fn all(self) -> Vec<Credential> {
        match self {
            Self::Live(credentials) => credentials,
            Self::Reported(_) | Self::Unread(_) => Vec::new(),
        }
    }

    /// The credentials known one by one that can be used at `now`.
    pub fn usable(self, now: Timestamp) -> Vec<Credential> {
        self.all().into_iter().filter(|credential| credential.can_be_used(now)).collect()
    }
}

/// What is known of a user's access keys.
pub type AccessKeys = Listing<AccessKey>;

/// What the credential report shows of a user's credentials of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The active ones.
    pub active: Vec<ReportedCredential>,
    /// How many are inactive.
    pub inactive: u8,
    /// When the report was made, up to 4 hours ago.
    pub report_made: Timestamp,
}

/// What the credential report shows of one active credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedCredential {
    /// The number in the names of its columns, from 1. It says nothing of the order of creation.
    pub slot: u8,
    /// When it was created or its status changed last (`last_rotated`, `last_changed`): it is at least that old.
    pub changed: Option<Timestamp>,
    /// When it was used last; `None`: never, or the report does not record it.
    pub last_used: Option<Timestamp>,
}

/// One credential of a user, of whatever kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Which.
    pub id: CredentialId,
    /// Whether it can be used.
    pub status: Status,
    /// When it was created; never changes.
    pub created: Timestamp,
    /// When it stops to work by itself, where it does.
    pub expires: Option<Timestamp>,
    /// The service that it is for, such as `codecommit.amazonaws.com`, where it is for one only.
    pub service: Option<String>,
    /// When it was used last.
    pub last_use: LastUse,
}

/// IAM's `StatusType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It can be used.
    Active,
    /// It cannot be used; it can be made active again.
    Inactive,
    /// Its time is over; it cannot be used (service-specific credentials only).
    Expired,
}

impl Credential {
    /// Whether it can be used at `now`: it is active, and has not expired.
    pub fn can_be_used(&self, now: Timestamp) -> bool {
        self.status == Status::Active && self.expires.is_none_or(|expires| now < expires)
    }
}

impl From<&AccessKey> for Credential {
    fn from(key: &AccessKey) -> Self {
        Self {
            id: CredentialId::AccessKey(key.id.clone()),
            status: key.status.into(),
            created: key.created,
            expires: None,
            service: None,
            last_use: key.last_use.clone(),
        }
    }
}

impl From<KeyStatus> for Status {
    fn from(status: KeyStatus) -> Self {
        match status {
            KeyStatus::Active => Self::Active,
            KeyStatus::Inactive => Self::Inactive,
        }
    }
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

/// When a credential was used last. It proves use, never disuse: it lags, and one use in 15 minutes is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// What went wrong.
    pub reason: GapReason,
    /// What was being done, such as ``list access keys of `alice` ``.
    pub doing: String,
    /// Since when this user could not be verified, where earlier readings tell.
    pub since: Option<Timestamp>,
}

/// What went wrong in reading a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
