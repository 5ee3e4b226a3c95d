//! What a remedy answers to SSM Automation. Everything but a fault is success.

use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_ledger::work::Act;
use credwarden_policy::remedy::RemedyName;
use jiff::Timestamp;
use serde::Serialize;

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    // INVARIANT (order): of several credentials, the first status of this list is the execution's.
    /// What is left is another remedy's to do, which the document invokes next.
    HandedOn,
    /// The act was applied and confirmed.
    Done,
    /// An earlier act was undone and that was confirmed.
    Undone,
    /// Another run is at it, or a change is not confirmed yet: the schedule goes on.
    Waiting,
    /// What was asked for is not allowed.
    Refused,
    /// An approval was written down. The act is done when its time has come.
    Approved,
    /// An access key is rotated, and its owner has time to move.
    Rotating,
    /// Something forbids it for now.
    Held,
    /// The day's budget is spent.
    OverBudget,
    /// A granted exception covers it.
    Excepted,
    /// The policy says to warn only.
    Warned,
    /// The policy says to observe only, or has not been reported for a day.
    Observed,
    /// Nothing breaks the policy.
    NothingToDo,
}

/// The answer. `status` comes first: documents branch on how the answer begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// How the execution ended.
    pub status: Status,
    /// Whom the rest is handed on to. It comes second, for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<RemedyName>,
    /// Why, credential by credential.
    pub reason: String,
    /// What was changed.
    pub actions: Vec<Changed>,
    /// How to undo it.
    pub undo: Option<UndoBy>,
    /// The same of each credential, for whoever reads the answer where it is made. Documents are not told it.
    #[serde(skip)]
    pub each: Vec<Each>,
}

/// How it ended for one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each {
    /// Which.
    pub credential: CredentialId,
    /// How.
    pub status: Status,
    /// Why.
    pub reason: String,
}

/// A change that was made and confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The act.
    pub act: Act,
    /// Whose credential.
    pub user: UserName,
    /// Which.
    pub credential: CredentialId,
    /// What it is now.
    pub now: Now,
}

/// What became of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Now {
    /// It has this status.
    Status(CredentialStatus),
    /// It is gone for good.
    #[serde(serialize_with = "deleted")]
    Deleted,
}

fn deleted<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("deleted")
}

/// The document that undoes what was done, and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoBy {
    /// The document.
    pub document: String,
    /// Its parameter `ResourceId`.
    pub resource_id: UserId,
    /// Its parameter `CredentialId`, one execution each.
    pub credential_ids: Vec<CredentialId>,
    /// The last instant at which all of it can be undone.
    pub until: Timestamp,
}

impl Answer {
    /// An answer without any change.
    pub fn unchanged(status: Status, reason: impl Into<String>) -> Self {
        Self { status, to: None, reason: reason.into(), actions: Vec::new(), undo: None, each: Vec::new() }
    }

    /// The answer for one credential.
    #[must_use]
    pub(crate) fn about(self, credential: &CredentialId) -> Self {
        let each = Each { credential: credential.clone(), status: self.status, reason: self.reason.clone() };
        Self { each: vec![each], ..self }
    }

    /// The rest is for another remedy.
    pub(crate) fn handed_on(to: RemedyName) -> Self {
        Self { to: Some(to), ..Self::unchanged(Status::HandedOn, format!("{to} goes on")) }
    }

    /// What is answered for several credentials: all reasons, all changes, and the most telling status.
    pub(crate) fn of(answers: Vec<Self>, none: &str) -> Self {
        answers.into_iter().reduce(Self::and).unwrap_or_else(|| Self::unchanged(Status::NothingToDo, none))
    }

    fn and(self, other: Self) -> Self {
        let Self { status, to, reason, actions, undo, each } = other;
        let undo = match (self.undo, undo) {
            (Some(mine), Some(other)) => Some(UndoBy {
                credential_ids: mine.credential_ids.into_iter().chain(other.credential_ids).collect(),
                until: mine.until.min(other.until),
                ..mine
            }),
            (mine, other) => mine.or(other),
        };
        Self {
            status: self.status.min(status),
            to: self.to.or(to),
            reason: format!("{}; {reason}", self.reason),
            actions: self.actions.into_iter().chain(actions).collect(),
            undo,
            each: self.each.into_iter().chain(each).collect(),
        }
    }
}
