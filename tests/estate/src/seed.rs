//! The account as the sandbox's emulator takes it: one JSON document, times in seconds since 1970.

use std::collections::BTreeMap;

use credwarden_credential::id::{AccessKeyId, AccountId, Arn, GroupName, UserId, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{KeyStatus, LastUse, Status};
use serde::Serialize;

use crate::estate::{Estate, EstateCredential, EstateKey, EstateUser, account};

/// An account to be loaded into the emulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// The account.
    pub account: AccountId,
    /// The time there.
    pub now: i64,
    /// The groups.
    pub groups: Vec<SeedGroup>,
    /// The users.
    pub users: Vec<SeedUser>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeedGroup {
    /// Its name.
    pub name: GroupName,
    /// The managed policies attached to it.
    pub attached: Vec<Arn>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeedUser {
    /// The name.
    pub name: UserName,
    /// The path.
    pub path: String,
    /// The unique id.
    pub id: UserId,
    /// When it was created.
    pub created: i64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its groups.
    pub groups: Vec<GroupName>,
    /// The managed policies attached to the user itself.
    pub attached: Vec<Arn>,
    /// The permissions boundary.
    pub boundary: Option<Arn>,
    /// The console password.
    pub password: Option<SeedPassword>,
    /// The access keys.
    pub keys: Vec<SeedKey>,
    /// The service-specific credentials.
    pub service_specific_credentials: Vec<SeedCredential>,
    /// The SSH public keys.
    pub ssh_public_keys: Vec<SeedCredential>,
    /// The signing certificates.
    pub signing_certificates: Vec<SeedCredential>,
}

/// A credential that is neither password nor access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeedCredential {
    /// The id.
    pub id: String,
    /// `Active`, `Inactive` or `Expired`.
    pub status: &'static str,
    /// When it was created.
    pub created: i64,
    /// When it was created or its status last changed.
    pub changed: i64,
    /// The service, of a service-specific credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// A console password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SeedPassword {
    /// When it was set.
    pub created: i64,
    /// When its user signed in last.
    pub last_used: Option<i64>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeedKey {
    /// The id.
    pub id: AccessKeyId,
    /// `Active` or `Inactive`.
    pub status: &'static str,
    /// When it was created.
    pub created: i64,
    /// When it was created or its status last changed.
    pub changed: i64,
    /// When it was used last.
    pub last_used: Option<SeedUse>,
}

/// A key's last use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeedUse {
    /// When.
    pub at: i64,
    /// Of which service.
    pub service: String,
    /// In which region.
    pub region: String,
}

impl From<&Estate> for Seed {
    fn from(estate: &Estate) -> Self {
        let group = |(name, attached): (&GroupName, &std::collections::BTreeSet<Arn>)| SeedGroup {
            name: name.clone(),
            attached: attached.iter().cloned().collect(),
        };
        Self {
            account: account(),
            now: estate.now.as_second(),
            groups: estate.groups.iter().map(group).collect(),
            users: estate.users.iter().map(SeedUser::from).collect(),
        }
    }
}

impl From<&EstateUser> for SeedUser {
    fn from(user: &EstateUser) -> Self {
        let record = &user.detail.record;
        let others = |kind: CredentialKind| {
            user.others
                .iter()
                .filter(move |other| other.credential.id.kind() == kind)
                .map(SeedCredential::from)
                .collect()
        };
        Self {
            name: record.name.clone(),
            path: record.path.clone(),
            id: record.id.clone(),
            created: record.created.as_second(),
            tags: record.tags.clone(),
            groups: user.detail.groups.iter().cloned().collect(),
            attached: user.detail.attached_policies.iter().cloned().collect(),
            boundary: user.boundary.clone(),
            password: user.password.map(|password| SeedPassword {
                created: password.created.as_second(),
                last_used: password.last_used.map(jiff::Timestamp::as_second),
            }),
            keys: user.keys.iter().map(SeedKey::from).collect(),
            service_specific_credentials: others(CredentialKind::ServiceSpecificCredential),
            ssh_public_keys: others(CredentialKind::SshPublicKey),
            signing_certificates: others(CredentialKind::SigningCertificate),
        }
    }
}

impl From<&EstateCredential> for SeedCredential {
    fn from(EstateCredential { credential, changed }: &EstateCredential) -> Self {
        Self {
            id: credential.id.to_string(),
            status: match credential.status {
                Status::Active => "Active",
                Status::Inactive => "Inactive",
                Status::Expired => "Expired",
            },
            created: credential.created.as_second(),
            changed: changed.as_second(),
            service: credential.service.clone(),
            expires: credential.expires.map(jiff::Timestamp::as_second),
        }
    }
}

impl From<&EstateKey> for SeedKey {
    fn from(EstateKey { key, changed }: &EstateKey) -> Self {
        Self {
            id: key.id.clone(),
            status: match key.status {
                KeyStatus::Active => "Active",
                KeyStatus::Inactive => "Inactive",
            },
            created: key.created.as_second(),
            changed: changed.as_second(),
            last_used: match &key.last_use {
                LastUse::At { at, service, region } => {
                    Some(SeedUse { at: at.as_second(), service: service.clone(), region: region.clone() })
                }
                LastUse::Never | LastUse::NotRead | LastUse::Unread(_) => None,
            },
        }
    }
}
