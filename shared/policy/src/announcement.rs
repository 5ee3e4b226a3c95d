//! Acts that are announced before they are begun: what nothing undoes, so that its owner has time to object, and what the
//! policy lets happen only with an approval.

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::remedy::{RemedyName, RuleName};
use crate::rotation::Ended;

/// The shortest time between telling an owner of what nothing undoes and doing it, whatever a class says.
pub const SHORTEST_NOTICE: Days = Days(1);

/// How long after its time an announcement still counts: what could not be done for a month, such as under an exception, comes
/// as a surprise.
pub const LAPSES_AFTER: Days = Days(30);

/// An act that was announced. The ledger keeps it together with what was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The act.
    pub remedy: RemedyName,
    /// The rule whose finding it answers.
    pub rule: RuleName,
    /// The credential.
    pub credential: CredentialId,
    /// When that was created: a console password that was set since is another one, though of the same name.
    pub created: Timestamp,
    /// Its last use then.
    pub last_use: LastUse,
    /// When it was told.
    pub told: Timestamp,
    /// The first instant at which it may be done.
    pub from: Timestamp,
    /// Who approved it, if somebody has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval: Option<Approval>,
    /// How it ended: it was done, or there was nothing left to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Ended>,
}

/// A person's approval, as the automation's own record tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The ARN of who approved.
    pub approver: String,
    /// The ARN of who asked for the approval.
    pub requester: String,
    /// The execution in which both did.
    pub execution: String,
    /// When it was written down.
    pub at: Timestamp,
}

impl Announcement {
    /// Announces an act on `credential` at `now`. What nothing undoes is left the class's days of warning, and
    /// [`SHORTEST_NOTICE`] at least.
    pub fn new(remedy: RemedyName, rule: RuleName, credential: &Credential, limits: Limits, now: Timestamp) -> Self {
        let is_undone = credential.id.kind().has_status();
        let notice = if is_undone { SignedDuration::ZERO } else { limits.warn.max(SHORTEST_NOTICE).duration() };
        Self {
            remedy,
            rule,
            credential: credential.id.clone(),
            created: credential.created,
            last_use: credential.last_use.clone(),
            told: now,
            from: now.checked_add(notice).unwrap_or(Timestamp::MAX),
            approval: None,
            ended: None,
        }
    }

    /// The same of what somebody created who may not: only an approval is waited for.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { from: self.told, ..self }
    }

    /// Whether it was said of this very credential, and may still be acted on at `now`.
    pub fn stands(&self, live: &Credential, now: Timestamp) -> bool {
        let lapses = self.from.checked_add(LAPSES_AFTER.duration()).unwrap_or(Timestamp::MAX);
        self.ended.is_none() && self.credential == live.id && self.created == live.created && now <= lapses
    }

    /// Whether a last use of the credential is no later than the one that was told of.
    pub fn is_unused_since(&self, live: &Credential) -> bool {
        match (&self.last_use, &live.last_use) {
            (_, LastUse::Never) => true,
            (LastUse::At { at: told, .. }, LastUse::At { at, .. }) => at <= told,
            // Last use proves use, never disuse.
            _ => false,
        }
    }
}
