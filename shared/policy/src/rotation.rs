//! The rotation of one access key: what is remembered of it, what its next step is decided by, and what that step is.
//!
//! The owner creates the second key, or one is minted into the secret of a user who is enrolled. Credwarden observes that it
//! takes the old one's place, and makes the old key inactive once it is not needed any more. A rotation ends there. Nothing is
//! deleted but a key that was inactive for long, where a new one needs its room.

use credwarden_credential::age::Days;
use std::fmt;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, LastUse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::enrolment::{RequestToken, SecretArn};
use crate::limits::Limits;
use crate::mint::Mint;
use crate::remedy::names;

names! {
    /// How a user gets its new key.
    Delivery {
        /// The owner is told, and creates it.
        Owner = "owner",
        /// It is minted into a secret, where its retriever fetches it, for users who are enrolled; the others get theirs as
        /// with `owner`.
        Secret = "secret",
        /// Not at all: a role would do, and the owner is told which and how.
        Replace = "replace",
    }
}

/// How far the rotation of one key came. The ledger keeps it, and [`Decision::rotation`] says what it keeps next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The key that is replaced.
    pub key: CredentialId,
    /// When its owner was told first; the telling is written together with the rotation.
    pub opened: Timestamp,
    /// The last instant at which the owner is expected to have moved.
    pub deadline: Timestamp,
    /// How the owner was told to get a new key. Where the policy says another way by now, a new rotation begins: nobody is
    /// held to a deadline of something else.
    pub delivery: Delivery,
    /// What the owner was asked last, so that it is not asked twice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub told: Option<Tell>,
    /// Who asked for it and why, where a person did: then its age does not matter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forced: Option<Forced>,
    /// The mint that was asked for, of a user who is enrolled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mint: Option<RequestToken>,
    /// The new key, once there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replacement: Option<Replacement>,
    /// Since when live readings show the same last use of the old key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub silence: Option<Silence>,
    /// The owner's word that nothing needs the old key any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acknowledged: Option<Acknowledged>,
    /// When the new key's retriever was first seen to fetch it from its secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fetched: Option<Timestamp>,
    /// When it was told last that the deadline had passed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalated: Option<Timestamp>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Ended>,
}

/// A person's request to rotate a key whatever its age.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Forced {
    /// The ARN of who asked.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The key that takes the place of the old one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replacement {
    /// Its id.
    pub key: CredentialId,
    /// When it was seen first.
    pub seen: Timestamp,
}

/// The live readings that show the old key unused since its last use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Silence {
    /// When a live reading first showed this last use.
    pub since: Timestamp,
    /// The last use that it and every later reading showed.
    pub last_use: LastUse,
}

/// The owner's word that the new key is in place and nothing needs the old one. It counts only for a replacement that
/// existed when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The ARN of who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// How a rotation ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How, in a sentence.
    pub how: String,
}

/// What is known of the enrolment of a user who is enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The user.
    pub user: UserId,
    /// The secret into which its keys come.
    pub secret: SecretArn,
    /// Whether what was approved is still so.
    pub standing: Standing,
    /// The mint of the token that the rotation remembers; `None`: none was asked for by it.
    pub mint: Option<Mint>,
    /// When the retriever fetched the key of that mint after it was delivered, as far as is known.
    pub fetched: Option<Timestamp>,
}

/// Whether an enrolment is still what was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Stands,
    /// It is not, and nothing is minted by it.
    Broken(Broken),
    /// It is not known, and nothing is minted until it is.
    Unknown(Gap),
}

/// What ends an enrolment by which a key was to be minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// The secret was deleted, or is about to be.
    SecretGone,
    /// The secret's resource policy is not the one that was approved: others may read the key.
    PolicyChanged,
    /// It was withdrawn while a key was being minted, which may have left one that nobody holds.
    Withdrawn,
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SecretGone => "the secret was deleted",
            Self::PolicyChanged => "the secret's resource policy is not the one that was approved",
            Self::Withdrawn => "the enrolment was withdrawn",
        })
    }
}

/// A key that the ledger's own act made inactive, and that nobody has made active since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Which.
    pub key: CredentialId,
    /// Since when it was seen inactive.
    pub since: Timestamp,
}

/// What is read to decide the next step, live and at one time.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The old key.
    pub key: &'a Credential,
    /// The user's other access keys, usable or not.
    pub others: &'a [Credential],
    /// What was decided before.
    pub rotation: Option<&'a Rotation>,
    /// When the ledger says that the old key was last made inactive and seen so. If it is active again, then because
    /// somebody made it so: a new rotation begins.
    pub deactivated: Option<Timestamp>,
    /// A person's request that came with this execution.
    pub forced: Option<&'a Forced>,
    /// The owner's word that came with this execution.
    pub acknowledged: Option<&'a Acknowledged>,
    /// The longest time between two uses of the old key that was ever observed; `None`: no two uses were. Where the
    /// observations cannot be read, nothing is decided.
    pub longest_gap: Option<Days>,
    /// The limits of the user's access keys.
    pub limits: Limits,
    /// How the policy says that the user gets its new key.
    pub delivery: Delivery,
    /// What is known of the user's enrolment; `None`: it is not enrolled.
    pub enrolled: Option<&'a Enrolled>,
    /// Of the user's other keys, one that is idle.
    pub idle: Option<&'a Idle>,
    /// Whether the class lets the old key be made inactive after the deadline though it is in use.
    pub may_force: bool,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is remembered from now on. It is written before anything is done.
    pub rotation: Rotation,
    /// What the owner is told, together with that.
    pub tell: Option<Tell>,
    /// What is done.
    pub next: Next,
}

/// What the owner, or whoever answers for the account, is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tell {
    /// Create a second key and move to it by the deadline.
    CreateKey,
    /// A new key will be minted into this secret.
    Minting(SecretArn),
    /// No key is minted into the user's secret any more, and why.
    NotMinted(Broken),
    /// A new key was minted: have its retriever fetch it.
    Fetch {
        /// Which.
        key: CredentialId,
        /// From where.
        secret: SecretArn,
    },
    /// There is no room for a second key: this one has to be deleted by a person. Of a user who is enrolled it is the one of
    /// the two that was used less lately, and may be the old key itself.
    FreeSlot(CredentialId),
    /// There is a new key: move to it, and say so.
    Move(CredentialId),
    /// The new key is used and the old one is not: say that nothing needs the old one.
    Acknowledge(CredentialId),
    /// The deadline has passed: what keeps the old key.
    Overdue(Kept),
    /// Use a role in place of the key.
    UseRole,
}

/// What keeps an old key from being made inactive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kept {
    /// There is no new key.
    NoNewKey,
    /// The new key was never used.
    NewKeyUnused(CredentialId),
    /// The old key is in use, or may be.
    InUse(LastUse),
    /// Nobody has acknowledged.
    NotAcknowledged,
    /// The retriever was not seen to fetch the new key, and nobody has acknowledged.
    NotFetched(CredentialId),
    /// There is no new key, and none is minted.
    NotMinted(Broken),
}

/// What is done after the rotation was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing before `until`.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// What is waited for, in a sentence.
        why: String,
    },
    /// A new key is asked for, to be minted into the user's secret. Asking again is asking once.
    AskForMint {
        /// By which it is known.
        token: RequestToken,
    },
    /// An idle key is deleted, to make room for the new one.
    DeleteIdle {
        /// Which.
        key: CredentialId,
    },
    /// The old key is made inactive, as far as the guards let it.
    Deactivate {
        /// Whether it is made so even though it is in use: the class opted for it, the deadline has passed and its owner
        /// has a new key that works.
        though_in_use: bool,
    },
    /// Nothing: the rotation has ended.
    End,
}
