//! What exactly will be changed. A plan leaves nothing to choose, and is consumed when it is applied.

use std::fmt;

use credwarden_credential::age::date;
use credwarden_credential::id::UserName;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, KeyStatus, Status as CredentialStatus, User};
use credwarden_ledger::work::{Outcome, Step, Work};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::Effect;
use jiff::Timestamp;

use crate::answer::Status;
use crate::guard::Cleared;
use crate::remedy::{Change, Restore};

/// One change of one credential.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    // INVARIANT (no way round the guard): made of what was cleared or is undoable, and of nothing else.
    user: UserName,
    credential: CredentialId,
    to: Effect,
}

/// The change that the remedy makes of a cleared credential; `None` if it is so already.
pub fn plan(cleared: &Cleared<'_>, act: Change) -> Option<Plan> {
    let credential = cleared.verified().live();
    let to = act(credential)?;
    Some(Plan { user: cleared.verified().user().name.clone(), credential: credential.id.clone(), to })
}

impl Plan {
    /// Whose credential.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// Which credential.
    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// What becomes of it.
    pub fn to(&self) -> Effect {
        self.to
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.to {
            Effect::Status(KeyStatus::Active) => "active",
            Effect::Status(KeyStatus::Inactive) => "inactive",
            Effect::Deleted => {
                return write!(formatter, "delete the {} of `{}`", self.credential.kind().noun(), self.user);
            }
        };
        write!(formatter, "make {} {} of `{}` {status}", self.credential.kind().noun(), self.credential, self.user)
    }
}

/// A credential whose deactivation the ledger holds, and that may be made as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable<'a> {
    // INVARIANT (unforgeable): only `undoable` makes one.
    user: &'a User,
    credential: Credential,
    status: KeyStatus,
}

impl Undoable<'_> {
    /// The credential as it was read.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

/// Why an act is not undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotUndoable {
    /// The ledger holds no act on this credential of this user that stands.
    NothingDone(String),
    /// The time for it is over.
    TooLate(Timestamp),
    /// Nothing gives it back: what was done, or is about to be, is its deletion.
    Irreversible {
        /// Whether it is deleted.
        is_done: bool,
    },
    /// The policy protects the user.
    Protected(String),
    /// The credential is gone.
    Gone,
    /// Its own time is over: no status makes it usable again.
    Expired,
}

/// Says whether `work` can be undone. Who takes up an undo that was begun in time need not ask the time again.
pub fn undoable<'a>(
    work: Option<&Work>,
    user: &'a User,
    credential: Option<Credential>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Undoable<'a>, NotUndoable> {
    let Some(work) = work else {
        return Err(NotUndoable::NothingDone("the ledger knows of no act on it".to_owned()));
    };
    if !work.credential.kind().has_status()
        && let Step::Intended | Step::Applied { .. } | Step::Settled { outcome: Outcome::Deleted, .. } = work.step
    {
        return Err(NotUndoable::Irreversible { is_done: !work.is_open() });
    }
    match &work.step {
        Step::Intended | Step::Applied { .. } | Step::Settled { outcome: Outcome::Done { .. }, .. } => {}
        Step::Settled { at, outcome } => {
            let how = match outcome {
                Outcome::Done { .. } | Outcome::Undone { .. } => "has been undone",
                Outcome::Withdrawn { .. } => "was given up before it had any effect",
                Outcome::Ended => "ended with its time",
                Outcome::Deleted => "deleted it",
                Outcome::Reversed => "was changed back by somebody else",
                Outcome::Gone { .. } => "ended when it was gone",
            };
            return Err(NotUndoable::NothingDone(format!("the act {how} on {}", date(*at))));
        }
    }
    if let Some(until) = work.undo_until.filter(|until| *until < now) {
        return Err(NotUndoable::TooLate(until));
    }
    reversible(user, credential, policy)
}

/// Says whether an undo that the ledger holds open can still be made.
pub(crate) fn reversible<'a>(
    user: &'a User,
    credential: Option<Credential>,
    policy: &Policy,
) -> Result<Undoable<'a>, NotUndoable> {
    if let Some(pattern) = policy.protects(&user.arn) {
        return Err(NotUndoable::Protected(pattern.to_owned()));
    }
    let credential = credential.ok_or(NotUndoable::Gone)?;
    let status = match credential.status {
        CredentialStatus::Active => KeyStatus::Active,
        CredentialStatus::Inactive => KeyStatus::Inactive,
        CredentialStatus::Expired => return Err(NotUndoable::Expired),
    };
    Ok(Undoable { user, credential, status })
}

/// The change that undoes. It is made even where the key seems to be so already: a list may show the state before.
pub fn plan_undo(undoable: &Undoable<'_>, undo: Restore) -> Plan {
    let Undoable { user, credential, status } = undoable;
    let to = Effect::Status(undo(credential).unwrap_or(*status));
    Plan { user: user.name.clone(), credential: credential.id.clone(), to }
}

impl NotUndoable {
    /// How an execution ends that does not undo.
    pub fn status(&self) -> Status {
        match self {
            Self::Protected(_) => Status::Held,
            Self::Irreversible { .. } => Status::Refused,
            Self::NothingDone(_) | Self::TooLate(_) | Self::Gone | Self::Expired => Status::NothingToDo,
        }
    }
}

impl fmt::Display for NotUndoable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingDone(why) => formatter.write_str(why),
            Self::TooLate(until) => write!(formatter, "it could be undone until {}", date(*until)),
            Self::Protected(pattern) => write!(formatter, "the policy protects `{pattern}`"),
            Self::Irreversible { is_done: true } => formatter.write_str(
                "it was deleted, and nothing gives it back: set a new one, to be changed at the first sign-in (IAM \
                 `CreateLoginProfile`); MFA devices, access keys and permissions are as they were",
            ),
            Self::Irreversible { is_done: false } => formatter.write_str(
                "it is about to be deleted, which nothing undoes: have it held, by the document for exceptions and holds",
            ),
            Self::Gone => formatter.write_str("it is gone"),
            Self::Expired => formatter.write_str("it has expired, so that no status makes it usable again"),
        }
    }
}
