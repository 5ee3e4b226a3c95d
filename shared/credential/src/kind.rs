//! What kinds of long-term credentials there are, and how one of them is named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccessKeyId, InvalidId};

/// A kind of long-term credential that the policy sets limits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// An IAM user's access key.
    AccessKey,
    /// The password with which an account of a service signs in.
    ServicePassword,
    /// The credential of a database, kept in a secret.
    DatabaseCredential,
    /// A third party's API key, kept in a secret.
    ExternalApiKey,
    /// A TLS certificate.
    TlsCertificate,
}

impl CredentialKind {
    /// All kinds, in the order in which the documentation lists them.
    pub const ALL: [Self; 5] =
        [Self::AccessKey, Self::ServicePassword, Self::DatabaseCredential, Self::ExternalApiKey, Self::TlsCertificate];

    /// The name in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessKey => "access-key",
            Self::ServicePassword => "service-password",
            Self::DatabaseCredential => "database-credential",
            Self::ExternalApiKey => "external-api-key",
            Self::TlsCertificate => "tls-certificate",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One credential, named so that a person and an API call find exactly it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CredentialId {
    /// An access key.
    AccessKey(AccessKeyId),
}

impl CredentialId {
    /// The kind of the credential.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::AccessKey(_) => CredentialKind::AccessKey,
        }
    }

    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessKey(id) => id.as_str(),
        }
    }
}

impl FromStr for CredentialId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self::AccessKey)
    }
}

impl TryFrom<String> for CredentialId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<CredentialId> for String {
    fn from(id: CredentialId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
