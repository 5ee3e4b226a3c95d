//! What kinds of long-term credentials there are, and how one of them is named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccessKeyId, InvalidId, ServiceSpecificCredentialId, SigningCertificateId, SshPublicKeyId};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $noun:literal;)+) => {
        /// A kind of long-term credential that the policy sets limits for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum CredentialKind { $($(#[$doc])* $variant),+ }

        impl CredentialKind {
            /// All kinds, in the order in which the documentation lists them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the policy.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The name in a sentence; an `s` makes more of them.
            pub fn noun(self) -> &'static str {
                match self { $(Self::$variant => $noun),+ }
            }
        }
    };
}

kinds! {
    /// An IAM user's access key.
    AccessKey = "access-key", "access key";
    /// An IAM user's password of the console.
    ConsolePassword = "console-password", "console password";
    /// An IAM user's service-specific credential: the password or API key of one service (`CodeCommit`, Keyspaces,
    /// Bedrock, `CloudWatch` Logs).
    ServiceSpecificCredential = "service-specific-credential", "service-specific credential";
    /// An IAM user's SSH public key, for `CodeCommit`.
    SshPublicKey = "ssh-public-key", "SSH public key";
    /// An IAM user's X.509 signing certificate.
    SigningCertificate = "signing-certificate", "signing certificate";
    /// The password with which an account of a service signs in.
    ServicePassword = "service-password", "service password";
    /// The credential of a database, kept in a secret.
    DatabaseCredential = "database-credential", "database credential";
    /// A third party's API key, kept in a secret.
    ExternalApiKey = "external-api-key", "external API key";
    /// A TLS certificate.
    TlsCertificate = "tls-certificate", "TLS certificate";
}

impl CredentialKind {
    /// The kinds that an IAM user holds.
    pub const OF_USERS: [Self; 5] = [
        Self::AccessKey,
        Self::ConsolePassword,
        Self::ServiceSpecificCredential,
        Self::SshPublicKey,
        Self::SigningCertificate,
    ];

    /// Whether IAM tells when one of this kind was used last: it does of access keys and console passwords only.
    pub fn shows_last_use(self) -> bool {
        matches!(self, Self::AccessKey | Self::ConsolePassword)
    }

    /// Whether IAM gives one of this kind a status, so that it can be made inactive, and active again. A console password it can
    /// only delete (IAM API Reference, `DeleteLoginProfile`), and what it has deleted nothing gives back.
    pub fn has_status(self) -> bool {
        self != Self::ConsolePassword
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
    /// The console password, of which a user has at most one: it is written `console-password`.
    ConsolePassword,
    /// A service-specific credential.
    ServiceSpecificCredential(ServiceSpecificCredentialId),
    /// An SSH public key.
    SshPublicKey(SshPublicKeyId),
    /// An X.509 signing certificate.
    SigningCertificate(SigningCertificateId),
}

impl CredentialId {
    /// The kind of the credential.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::AccessKey(_) => CredentialKind::AccessKey,
            Self::ConsolePassword => CredentialKind::ConsolePassword,
            Self::ServiceSpecificCredential(_) => CredentialKind::ServiceSpecificCredential,
            Self::SshPublicKey(_) => CredentialKind::SshPublicKey,
            Self::SigningCertificate(_) => CredentialKind::SigningCertificate,
        }
    }

    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessKey(id) => id.as_str(),
            Self::ConsolePassword => CredentialKind::ConsolePassword.as_str(),
            Self::ServiceSpecificCredential(id) => id.as_str(),
            Self::SshPublicKey(id) => id.as_str(),
            Self::SigningCertificate(id) => id.as_str(),
        }
    }
}

impl FromStr for CredentialId {
    type Err = InvalidId;

    /// The kind is told by the prefix; what has none of them is the id of a certificate.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.get(..4) {
            Some("AKIA") => text.parse().map(Self::AccessKey),
            Some("ACCA") => text.parse().map(Self::ServiceSpecificCredential),
            Some("APKA") => text.parse().map(Self::SshPublicKey),
            _ if text == CredentialKind::ConsolePassword.as_str() => Ok(Self::ConsolePassword),
            _ => text.parse().map(Self::SigningCertificate).map_err(|_| InvalidId::credential(text)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_credential_is_named_and_found_again() {
        let ids = [
            ("AKIAIOSFODNN7EXAMPLE", CredentialKind::AccessKey),
            ("console-password", CredentialKind::ConsolePassword),
            ("ACCAEXAMPLE123EXAMPLE", CredentialKind::ServiceSpecificCredential),
            ("APKAEXAMPLE123EXAMPLE", CredentialKind::SshPublicKey),
            ("TA7SMP42TDN5Z26OBPJE7EXAMPLE", CredentialKind::SigningCertificate),
        ];
        for (text, kind) in ids {
            let id: CredentialId = text.parse().unwrap();
            assert_eq!(id.kind(), kind);
            assert_eq!(id.to_string(), text);
        }
        for wrong in ["", "alice", "AKIA", "ASIAIOSFODNN7EXAMPLE", "AK\u{1f511}"] {
            assert!(wrong.parse::<CredentialId>().is_err(), "{wrong}");
        }
    }
}
