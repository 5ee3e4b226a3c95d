//! A mint: one new access key that comes into a secret, from being asked for to being there.

use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::CredentialId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::enrolment::{RequestToken, SecretArn};

/// A new access key that the rotation of another has asked for. No other is ever minted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mint {
    /// The rotation of the secret that makes it, by which it is known.
    pub token: RequestToken,
    /// Whose key it will be.
    pub user: UserId,
    /// The user's name when it was asked for. Another user may bear it later: only the id tells.
    pub name: UserName,
    /// Into which secret.
    pub secret: SecretArn,
    /// Which key it replaces.
    pub replaces: CredentialId,
    /// When it was asked for.
    pub asked: Timestamp,
    /// How far it came.
    pub step: MintStep,
}

/// How far a mint came. Of the new key its id is kept, its secret never.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MintStep {
    /// It is asked for: nothing was created.
    Asked,
    /// A key is about to be created, or was, by a run that died since: then nobody holds its secret.
    Intended {
        /// When.
        at: Timestamp,
        /// The run that set out to.
        run: String,
    },
    /// A key was created, and may not be in the secret yet.
    Created {
        /// Which.
        key: CredentialId,
        /// When.
        at: Timestamp,
    },
    /// The key is in the secret, under the label of what is pending.
    Stored {
        /// Which.
        key: CredentialId,
        /// When.
        at: Timestamp,
    },
    /// The key is what the secret holds now.
    Delivered {
        /// Which.
        key: CredentialId,
        /// When, at a time after its version became the current one.
        at: Timestamp,
    },
    /// Nothing comes of it any more.
    GivenUp {
        /// When.
        at: Timestamp,
        /// Why, in a sentence.
        why: String,
    },
}

impl MintStep {
    /// The key that was created, if its id is known.
    pub fn key(&self) -> Option<&CredentialId> {
        match self {
            Self::Created { key, .. } | Self::Stored { key, .. } | Self::Delivered { key, .. } => Some(key),
            Self::Asked | Self::Intended { .. } | Self::GivenUp { .. } => None,
        }
    }

    /// Whether a run that died since may have left a key whose secret nobody holds.
    pub fn may_have_left_a_key(&self) -> bool {
        matches!(self, Self::Intended { .. } | Self::Created { .. })
    }

    /// Whether nothing follows it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::GivenUp { .. })
    }
}
