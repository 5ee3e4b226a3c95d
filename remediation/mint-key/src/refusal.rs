//! Why nothing is minted.

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::enrolment::SecretArn;
use jiff::Timestamp;

/// Why a step of a rotation is not done. Secrets Manager shows it in the function's log, and the rotation as failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No rotation of the ledger has asked for it.
    #[error(
        "no rotation of Credwarden has asked for this one; to have a key replaced, start the document `{document}`, and \
         take the label AWSPENDING off the empty version, or no later rotation can begin"
    )]
    NotAsked {
        /// The document by which people ask.
        document: String,
    },
    /// Nothing may be done at all.
    #[error("nothing is minted: {0}")]
    Stopped(String),
    /// The token was asked for with another secret.
    #[error("the mint was asked for into `{asked}`, and into no other secret")]
    AnotherSecret {
        /// Into which.
        asked: SecretArn,
    },
    /// The version is neither pending nor current.
    #[error("the version is not labelled AWSPENDING: this rotation is over, or was never begun")]
    NotPending,
    /// The mint was given up.
    #[error("the mint was given up: {0}")]
    GivenUp(String),
    /// The rotation that asked for it is over.
    #[error("no rotation of {0} waits for this mint any more")]
    NotAwaited(CredentialId),
    /// The secret is about to be deleted.
    #[error("the secret is about to be deleted; restore it, or withdraw the enrolment")]
    SecretDeleted,
    /// Rotation of the secret was turned off.
    #[error("rotation of the secret was cancelled")]
    RotationOff,
    /// The user is not enrolled with this secret.
    #[error("`{0}` is not enrolled with this secret any more")]
    NotEnrolled(UserId),
    /// The secret's resource policy is not what was approved.
    #[error("the secret's resource policy is another than when the enrolment was approved; enrol the user anew")]
    PolicyChanged,
    /// The user is gone, or another bears its name.
    #[error("user `{0}` is gone, or bears another name")]
    UserGone(UserId),
    /// The user does not lie below the enrolled path.
    #[error("the user's path `{path}` does not lie below `{enrolled}`, where keys may be minted")]
    OutsidePath {
        /// The user's.
        path: String,
        /// Where keys may be minted.
        enrolled: String,
    },
    /// The policy protects the user.
    #[error("the policy protects `{0}`")]
    Protected(String),
    /// The key that is to be replaced is gone or inactive.
    #[error("{0}, which was to be replaced, is gone or inactive")]
    OldKeyGone(CredentialId),
    /// The user has two keys.
    #[error("the user has two access keys: {0} leaves no room for a new one")]
    NoRoom(CredentialId),
    /// Another run has set out, and may be about to store what it created.
    #[error("another run has set out to mint; it has ended at {until} for certain, and it is tried again then")]
    UnderWay {
        /// When it has ended at the latest.
        until: Timestamp,
    },
    /// A run has died that may have created this key, and no event says who did.
    #[error(
        "a run has ended early that may have created {0}, and CloudTrail has not told yet who did; it is tried again"
    )]
    CreatorUnknown(CredentialId),
    /// Somebody else has created a key meanwhile.
    #[error("{key} was created meanwhile, by `{by}`, and is left: a person has to say which key is to stay")]
    CreatedByAnother {
        /// Which.
        key: CredentialId,
        /// Who.
        by: String,
    },
    /// The version holds something else.
    #[error("the version holds something else than the key that was minted; a person has to look at it")]
    HoldsAnother,
    /// The version holds nothing.
    #[error("the version holds nothing, though the ledger says that a key was put into it; it is tried again")]
    HoldsNothing,
    /// The ledger does not say that the key was put into the secret.
    #[error("the step createSecret has not ended yet")]
    NotStored,
    /// The lists do not show the key as active.
    #[error("IAM does not show {0} as active everywhere yet; it is tried again")]
    NotSeen(CredentialId),
}
