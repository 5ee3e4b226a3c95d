//! Mints an access key into a secret: what AWS Secrets Manager's rotation function decides in each of its four steps.
//!
//! Nobody else in Credwarden creates a key. [`plan`] is told what was read and decides: it acts only for a mint that a rotation of
//! the ledger has asked for, creates a key only where none may have been created before, and deletes none but its own
//! whose secret nobody can hold.

pub mod aws;
pub mod lambda;
pub mod run;
pub mod value;

mod refusal;

use std::collections::BTreeSet;
use std::str::FromStr;

use credwarden_credential::age::CLOCK_TOLERANCE;
use credwarden_credential::creation::{Creations, Principal};
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_policy::enrolment::{Enrolment, PolicyDigest, SecretArn};
use credwarden_policy::mint::{Mint, MintStep};
use jiff::{SignedDuration, Timestamp};

pub use refusal::Refusal;

/// The longest that an invocation lasts: what a run was about to do that began longer ago, it has done, or never will.
/// Source: AWS Lambda quotas, function timeout of 900 seconds.
pub const LONGEST_INVOCATION: SignedDuration = SignedDuration::from_mins(15);

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The new value is made, and put into the secret as the pending one.
    Create,
    /// It is made known to whom it is for; IAM knows a key as soon as it has created it.
    Set,
    /// It is tried.
    Test,
    /// It becomes the current one.
    Finish,
}

/// A text that names no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no step of a rotation: createSecret, setSecret, testSecret or finishSecret")]
pub struct UnknownStep(pub String);

impl FromStr for Step {
    type Err = UnknownStep;

    /// AWS's templates compare with `createSecret`; its guide also writes `create_secret`.
    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        match text {
            "createSecret" | "create_secret" => Ok(Self::Create),
            "setSecret" | "set_secret" => Ok(Self::Set),
            "testSecret" | "test_secret" => Ok(Self::Test),
            "finishSecret" | "finish_secret" => Ok(Self::Finish),
            _ => Err(UnknownStep(text.chars().take(40).collect())),
        }
    }
}

/// What is read to decide a step, live and at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Why nothing may be done at all: the kill switch, or what cannot be read. `None`: it may.
    pub stopped: Option<String>,
    /// What was asked for, and how far it came.
    pub mint: Mint,
    /// Whether an open rotation of the user waits for this mint.
    pub is_awaited: bool,
    /// The user's enrolment.
    pub enrolment: Option<Enrolment>,
    /// The secret.
    pub secret: Secret,
    /// The user that bears the name now.
    pub user: Option<LiveUser>,
    /// The pattern of the policy that protects it, if one does.
    pub protected_by: Option<String>,
    /// The user's access keys, usable or not.
    pub keys: Vec<Key>,
    /// The same, read a while later; asked for by [`Step::Test`] only.
    pub keys_again: Vec<Key>,
    /// The keys that the ledger knows of besides: those that were rotated, and that took their places.
    pub known: BTreeSet<CredentialId>,
    /// Who created keys, as far as events have told; asked for where a key may have been created whose id nobody kept.
    pub creations: Creations,
    /// The roles of our own functions, of which only this one's can create keys.
    pub own_roles: BTreeSet<Arn>,
    /// The path below which keys may be minted, as `/enrolled/`.
    pub enrolled_path: String,
}

/// A secret as Secrets Manager shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its ARN.
    pub arn: SecretArn,
    /// Whether it is about to be deleted.
    pub is_deleted: bool,
    /// Whether rotation is on.
    pub rotates: bool,
    /// The label of the version that the mint's token names.
    pub label: Label,
    /// What that version holds.
    pub value: Value,
    /// The version that is the current one.
    pub current: Option<String>,
    /// What its resource policy says; `None`: it has none.
    pub resource_policy: Option<PolicyDigest>,
}

/// The label of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// None that counts here, or there is no such version.
    None,
    /// `AWSPENDING`.
    Pending,
    /// `AWSCURRENT`, whether or not it is pending besides.
    Current,
}

/// What a version holds. Of a key its id is looked at and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Nothing.
    Empty,
    /// An access key of this user.
    Key {
        /// Whose the value says it is.
        user: UserName,
        /// Which.
        key: CredentialId,
    },
    /// Anything else.
    Other,
}

/// A user as IAM shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveUser {
    /// Its id.
    pub id: UserId,
    /// Its ARN.
    pub arn: Arn,
    /// Its path.
    pub path: String,
}

/// An access key as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Its id.
    pub id: CredentialId,
    /// Whether requests can be signed with it.
    pub is_active: bool,
    /// When it was created.
    pub created: Timestamp,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: the step is done.
    Nothing,
    /// The ledger is told that the key is in the secret.
    NoteStored(CredentialId),
    /// The intent is written down, a key created, and put into the secret.
    Mint {
        /// A key of ours whose secret nobody holds, which is deleted before.
        discard: Option<CredentialId>,
    },
    /// A key of ours whose secret nobody holds is deleted, and nothing is minted.
    Discard {
        /// Which.
        key: CredentialId,
        /// Why nothing is minted.
        why: Refusal,
    },
    /// The version becomes the current one, and the ledger is told that the key is delivered.
    Promote {
        /// Which.
        key: CredentialId,
        /// The version that is the current one before.
        from: Option<String>,
    },
    /// The ledger is told that the key is delivered.
    NoteDelivered(CredentialId),
}

/// What is done in a step, or why nothing is.
///
/// # Errors
/// What stands against it. The rotation is tried again, with the same token, for as long as it is waited for.
pub fn plan(step: Step, facts: &Facts, now: Timestamp) -> Result<Plan, Refusal> {
    // INVARIANT (one switch stops everything): it is looked at before anything else.
    if let Some(why) = &facts.stopped {
        return Err(Refusal::Stopped(why.clone()));
    }
    let (mint, secret) = (&facts.mint, &facts.secret);
    if secret.arn != mint.secret {
        return Err(Refusal::AnotherSecret { asked: mint.secret.clone() });
    }
    match (step, secret.label) {
        (Step::Set, _) | (Step::Create | Step::Test, Label::Current) => Ok(Plan::Nothing),
        (Step::Finish, Label::Current) => delivered(facts),
        (_, Label::None) => Err(Refusal::NotPending),
        (Step::Create, Label::Pending) => create(facts, now),
        (Step::Test, Label::Pending) => {
            let key = stored(facts)?;
            let shows = |keys: &[Key]| keys.iter().any(|one| one.id == key && one.is_active);
            // One list may have asked a place that knows more than others.
            if shows(&facts.keys) && shows(&facts.keys_again) { Ok(Plan::Nothing) } else { Err(Refusal::NotSeen(key)) }
        }
        (Step::Finish, Label::Pending) => {
            let key = stored(facts)?;
            if !facts.keys.iter().any(|one| one.id == key && one.is_active) {
                return Err(Refusal::NotSeen(key));
            }
            Ok(Plan::Promote { key, from: secret.current.clone() })
        }
    }
}

/// The version is the current one: what is left is to say so. Whatever has changed since, what was delivered stays.
fn delivered(facts: &Facts) -> Result<Plan, Refusal> {
    match &facts.mint.step {
        MintStep::Delivered { .. } | MintStep::GivenUp { .. } => Ok(Plan::Nothing),
        _ => held(facts).map(Plan::NoteDelivered),
    }
}

fn create(facts: &Facts, now: Timestamp) -> Result<Plan, Refusal> {
    reachable(facts)?;
    let wanted = wanted(facts);
    match &facts.secret.value {
        Value::Key { .. } => {
            wanted?;
            let key = held(facts)?;
            let is_noted = matches!(facts.mint.step, MintStep::Stored { .. });
            Ok(if is_noted { Plan::Nothing } else { Plan::NoteStored(key) })
        }
        Value::Other => Err(Refusal::HoldsAnother),
        // INVARIANT (no key without somebody who holds its secret): whatever has changed since, what a dead run has left is
        // taken away.
        Value::Empty => {
            let discard = lost(facts, now)?;
            match (wanted.and_then(|()| room(facts, discard.as_ref())), discard) {
                (Ok(()), discard) => Ok(Plan::Mint { discard }),
                (Err(why), Some(key)) => Ok(Plan::Discard { key, why }),
                (Err(why), None) => Err(why),
            }
        }
    }
}

/// Whether keys of this user may be changed at all.
fn reachable(facts: &Facts) -> Result<(), Refusal> {
    let Facts { mint, user, enrolled_path, .. } = facts;
    // INVARIANT (the same user): another may bear the name by now.
    let user = user.as_ref().filter(|user| user.id == mint.user).ok_or_else(|| Refusal::UserGone(mint.user.clone()))?;
    if !user.path.starts_with(enrolled_path.as_str()) {
        return Err(Refusal::OutsidePath { path: user.path.clone(), enrolled: enrolled_path.clone() });
    }
    match &facts.protected_by {
        Some(pattern) => Err(Refusal::Protected(pattern.clone())),
        None => Ok(()),
    }
}

/// Whether what was asked for is still wanted, into this secret, read by whom it was read by when that was approved.
fn wanted(facts: &Facts) -> Result<(), Refusal> {
    let Facts { mint, enrolment, secret, .. } = facts;
    if let MintStep::GivenUp { why, .. } = &mint.step {
        return Err(Refusal::GivenUp(why.clone()));
    }
    if !facts.is_awaited {
        return Err(Refusal::NotAwaited(mint.replaces.clone()));
    }
    if secret.is_deleted {
        return Err(Refusal::SecretDeleted);
    }
    if !secret.rotates {
        return Err(Refusal::RotationOff);
    }
    let Some(enrolment) = enrolment else { return Err(Refusal::NotEnrolled(mint.user.clone())) };
    if enrolment.user != mint.user || enrolment.secret != mint.secret {
        return Err(Refusal::NotEnrolled(mint.user.clone()));
    }
    // INVARIANT (approved readers): another resource policy lets others read the secret.
    if enrolment.resource_policy == secret.resource_policy { Ok(()) } else { Err(Refusal::PolicyChanged) }
}

/// The key that the version holds, if it is the one that was minted.
fn held(facts: &Facts) -> Result<CredentialId, Refusal> {
    let Facts { mint, .. } = facts;
    match &facts.secret.value {
        Value::Empty => Err(Refusal::HoldsNothing),
        Value::Key { user, key }
            if *user == mint.name && *key != mint.replaces && mint.step.key().is_none_or(|minted| minted == key) =>
        {
            Ok(key.clone())
        }
        Value::Key { .. } | Value::Other => Err(Refusal::HoldsAnother),
    }
}

/// The key that the ledger says is in the secret, and that is.
fn stored(facts: &Facts) -> Result<CredentialId, Refusal> {
    reachable(facts)?;
    wanted(facts)?;
    let key = held(facts)?;
    if matches!(facts.mint.step, MintStep::Stored { .. }) { Ok(key) } else { Err(Refusal::NotStored) }
}

/// The key of a run that died before it had put it into the secret. Its secret is lost.
///
/// INVARIANT (ours beyond doubt): the ledger has its id, or an event says that our own role created it after the ledger had
/// the intent to. INVARIANT (nobody is about to store it): whoever created it has ended.
fn lost(facts: &Facts, now: Timestamp) -> Result<Option<CredentialId>, Refusal> {
    let has_ended = |at: Timestamp| {
        let until = at.checked_add(LONGEST_INVOCATION).unwrap_or(Timestamp::MAX);
        if until <= now { Ok(()) } else { Err(Refusal::UnderWay { until }) }
    };
    match &facts.mint.step {
        MintStep::Asked | MintStep::GivenUp { .. } => Ok(None),
        MintStep::Stored { .. } | MintStep::Delivered { .. } => Err(Refusal::HoldsNothing),
        MintStep::Created { key, at } => {
            has_ended(*at)?;
            Ok(facts.keys.iter().any(|one| one.id == *key).then(|| key.clone()))
        }
        MintStep::Intended { at, .. } => {
            has_ended(*at)?;
            let Some(suspect) = suspects(facts, *at).next() else { return Ok(None) };
            let events = facts.creations.of(&suspect.id, &facts.mint.name, suspect.created);
            match events.into_iter().find(|event| !event.act.is_reactivation()).map(|event| &event.creator.principal) {
                None => Err(Refusal::CreatorUnknown(suspect.id.clone())),
                Some(Principal::Role(role)) if facts.own_roles.contains(role) => {
                    has_ended(suspect.created)?;
                    Ok(Some(suspect.id.clone()))
                }
                Some(by) => Err(Refusal::CreatedByAnother { key: suspect.id.clone(), by: by.as_str().to_owned() }),
            }
        }
    }
}

/// The keys that a run which set out at `intended` may have created: those that the ledger does not know, and that are not
/// older. IAM's clock may be behind ours.
pub fn suspects(facts: &Facts, intended: Timestamp) -> impl Iterator<Item = &Key> {
    let is_later = move |key: &&Key| key.created.duration_since(intended) >= -CLOCK_TOLERANCE;
    let is_unknown = |key: &&Key| key.id != facts.mint.replaces && !facts.known.contains(&key.id);
    facts.keys.iter().filter(is_later).filter(is_unknown)
}

/// Whether there is room for a new key beside the one that it replaces, which must be there and usable: a user whose old
/// key is gone needs none, and one who has two has no room. A user has at most two keys (IAM quotas).
fn room(facts: &Facts, discard: Option<&CredentialId>) -> Result<(), Refusal> {
    let left: Vec<_> = facts.keys.iter().filter(|key| Some(&key.id) != discard).collect();
    let replaces = &facts.mint.replaces;
    if !left.iter().any(|key| key.id == *replaces && key.is_active) {
        return Err(Refusal::OldKeyGone(replaces.clone()));
    }
    match left.iter().find(|key| key.id != *replaces) {
        Some(other) => Err(Refusal::NoRoom(other.id.clone())),
        None => Ok(()),
    }
}
