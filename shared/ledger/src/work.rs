//! Acts under way and done: intent, step, evidence, outcome.

use std::fmt;
use std::str::FromStr;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{LastUse, Status};
use credwarden_policy::exception::Hold;
use credwarden_policy::policy::PolicyId;
use credwarden_policy::remedy::{RemedyName, UnknownName};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::budget::{self, Purse};
use crate::due;
use crate::lease::{LASTS, Lease};
use crate::ledger::{Ledger, LedgerError, attributes, body, failed};
use crate::record;
use crate::request::{Request, RunId};
use crate::table::{Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Table, TableError, Write};

/// How many acts on one credential are remembered beside the last.
const REMEMBERED: usize = 40;

/// What is done to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Act {
    /// A remedy's act.
    Remedy(RemedyName),
    /// Its undoing.
    Undo(RemedyName),
    /// Refusing the sessions of the credential's user for a time.
    RevokeSessions,
    /// Deleting a key that was inactive for long, where a new one needs its room. Nothing undoes it.
    DeleteIdle,
}

/// The acts that are no remedies, as they are written.
const REVOKE_SESSIONS: &str = "revoke-sessions";
const DELETE_IDLE: &str = "delete-idle";

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RevokeSessions => formatter.write_str(REVOKE_SESSIONS),
            Self::DeleteIdle => formatter.write_str(DELETE_IDLE),
            Self::Remedy(remedy) => remedy.fmt(formatter),
            Self::Undo(remedy) => write!(formatter, "undo-{remedy}"),
        }
    }
}

impl FromStr for Act {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text.strip_prefix("undo-") {
            Some(remedy) => remedy.parse().map(Self::Undo),
            None if text == REVOKE_SESSIONS => Ok(Self::RevokeSessions),
            None if text == DELETE_IDLE => Ok(Self::DeleteIdle),
            None => text.parse().map(Self::Remedy),
        }
    }
}

impl TryFrom<String> for Act {
    type Error = UnknownName;

    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

impl From<Act> for String {
    fn from(act: Act) -> Self {
        act.to_string()
    }
}

/// One act on one credential: the ledger keeps the last of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is done.
    pub act: Act,
    /// To which credential.
    pub credential: CredentialId,
    /// What was asked first, and by whom.
    pub request: Request,
    /// Who has gone on with it since, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub taken_up: Vec<TakenUp>,
    /// When it was intended.
    pub begun: Timestamp,
    /// When a run last set out to apply it. Until [`LISTS_LAG`] later a list may hide that it has.
    pub tried: Timestamp,
    /// The run that goes on with it, or went last.
    pub run: RunId,
    /// Which finding it answers, or why it is undone.
    pub because: String,
    /// The policy by which it was decided.
    pub policy: PolicyId,
    /// What was seen just before.
    pub before: Sighting,
    /// The last instant at which it can be undone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undo_until: Option<Timestamp>,
    /// How far it came.
    pub step: Step,
    /// What became of earlier acts of this kind on this credential, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub earlier: Vec<Earlier>,
}

/// Somebody who went on with work that another had asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenUp {
    /// The ARN of who executed the document.
    pub by: String,
    /// The execution.
    pub execution: String,
    /// When.
    pub at: Timestamp,
}

/// What was seen of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// Whether it could be used.
    pub status: Status,
    /// When it was created.
    pub created: Timestamp,
    /// When it was used last, as far as that was asked for.
    pub last_use: LastUse,
}

/// How far an act came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It is written down and paid for. It may have been applied since, where the run died.
    Intended,
    /// AWS accepted it, but a list did not show it yet.
    Applied {
        /// When it was accepted.
        at: Timestamp,
    },
    /// Nothing is left to do.
    Settled {
        /// When it was settled.
        at: Timestamp,
        /// What became of it.
        outcome: Outcome,
    },
}

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was applied, and seen to be.
    Done {
        /// What was seen just after.
        after: Sighting,
    },
    /// It was applied, and the credential seen to be gone. Nothing undoes that.
    Deleted,
    /// It was done and has been undone since, or is about to be.
    Undone {
        /// The execution of the undoing document.
        execution: String,
    },
    /// It was given up before it had any effect.
    Withdrawn {
        /// Why.
        reason: String,
    },
    /// It was done for its time, which is over.
    Ended,
    /// It was applied, and somebody else changed it back before it was confirmed.
    Reversed,
    /// The credential is gone, or its user.
    Gone {
        /// Which, and how.
        reason: String,
    },
}

/// An act of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// When it was intended.
    pub begun: Timestamp,
    /// Who had asked.
    pub requester: String,
    /// How it ended.
    pub step: Step,
}

impl Work {
    /// Whether something is left to do.
    pub fn is_open(&self) -> bool {
        !matches!(self.step, Step::Settled { .. })
    }

    /// The same work at its end.
    #[must_use]
    pub fn settled(self, outcome: Outcome, now: Timestamp) -> Self {
        Self { step: Step::Settled { at: now, outcome }, ..self }
    }

    fn note_taken_up(&mut self, lease: &Lease, now: Timestamp) {
        let skipped = self.taken_up.len().saturating_sub(REMEMBERED - 1);
        self.taken_up.drain(..skipped);
        let (by, execution) = (lease.executed_by.clone(), lease.request.execution.clone());
        self.taken_up.push(TakenUp { by, execution, at: now });
    }

    /// What is remembered when a new act of its kind begins.
    fn remembered(&self) -> Vec<Earlier> {
        let last = Earlier { begun: self.begun, requester: self.request.requester.clone(), step: self.step.clone() };
        let skipped = self.earlier.len().saturating_sub(REMEMBERED - 1);
        self.earlier.iter().skip(skipped).cloned().chain([last]).collect()
    }
}

/// An act about to begin.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The work, with step [`Step::Intended`].
    pub work: Work,
    /// The settled work of its kind that it follows, as it was read.
    pub follows: Option<Work>,
    /// Whose purse pays.
    pub purse: Purse,
    /// How much the purse holds a day.
    pub limit: u32,
    /// The work that it undoes, as it was read; only that of an undo.
    pub undoes: Option<Work>,
    /// The hold that stands before anything is undone.
    pub hold: Option<Hold>,
    /// Work that goes with it and is not paid for, with step [`Step::Intended`], where none of its kind is open.
    pub beside: Option<Work>,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is written down and paid for.
    Ours(Box<Work>),
    /// The day's purse is empty; nothing was written.
    OverBudget,
    /// A hold was written since the record was read; nothing was written.
    Held,
    /// Another run has the lease, or has changed the work; nothing was written.
    Superseded,
    /// The ledger did not take it, and does not hold it: why. Should it still arrive, it is refused once the lease is
    /// given back, or is open work like any other.
    NotTaken(String),
}

impl<T: Table> Ledger<T> {
    /// Writes down and pays for an act, in one transaction with the check of the lease.
    pub async fn begin(&self, lease: &Lease, intent: Intent, now: Timestamp) -> Result<Begun, LedgerError> {
        const PURSE: usize = 1;
        const HOLD: usize = 2;
        let Intent { mut work, follows, purse, limit, undoes, hold, beside } = intent;
        let key = key(lease, work.act, &work.credential);
        let doing = format!("write down the intent to {} `{}`", work.act, work.credential);
        let condition = match &follows {
            None => Condition::absent(),
            Some(seen) => {
                Condition::all(vec![Clause::Is(STATE, SETTLED.into()), Clause::Is(RUN, seen.run.0.clone().into())])
            }
        };
        work.run = lease.run.clone();
        if lease.executed_by != work.request.requester {
            work.note_taken_up(lease, now);
        }
        work.earlier = follows.as_ref().map(Work::remembered).unwrap_or_default();
        // INVARIANT (one transaction): intent, purse, hold and lease stand or fall together, so that no act is
        // unpaid, none is paid twice, and none begins without the lease.
        let mut writes = vec![lease.check(), budget::spend(purse, limit, now)];
        let hold_key = record::hold_key(&lease.user, &work.credential);
        writes.push(match &hold {
            Some(hold) => record::hold_write(&lease.user, hold)?,
            None => Write {
                key: hold_key,
                condition: Condition::absent().or(vec![Clause::Below(record::UNTIL, now.as_second())]),
                action: Action::Check,
            },
        });
        let due = now.checked_add(LASTS).unwrap_or(Timestamp::MAX);
        writes.push(Write { key: key.clone(), condition, action: Action::Put(put(&work, &key, due)?) });
        if let Some(beside) = beside {
            let key = self::key(lease, beside.act, &beside.credential);
            let condition = Condition::absent().or(vec![Clause::Is(STATE, SETTLED.into())]);
            let put = put(&Work { run: lease.run.clone(), ..beside }, &key, due)?;
            writes.push(Write { key, condition, action: Action::Put(put) });
        }
        if let Some(undone) = undoes {
            let undone_key = self::key(lease, undone.act, &undone.credential);
            let condition = unchanged(&undone);
            let undone = undone.settled(Outcome::Undone { execution: lease.request.execution.clone() }, now);
            let put = put(&undone, &undone_key, now)?;
            writes.push(Write { key: undone_key, condition, action: Action::Put(put) });
        }
        match self.write(&writes).await {
            Ok(()) => Ok(Begun::Ours(Box::new(work))),
            Err(TableError::Refused(places)) => {
                // A transaction whose answer was lost is refused when it is tried again: its own intent is there.
                if let Some(found) = self.work_at(&key, &doing).await?
                    && found.run == lease.run
                {
                    return Ok(Begun::Ours(Box::new(found)));
                }
                Ok(match places.as_slice() {
                    [PURSE] => Begun::OverBudget,
                    [HOLD] | [PURSE, HOLD] => Begun::Held,
                    _ => Begun::Superseded,
                })
            }
            Err(source) => match self.work_at(&key, &doing).await? {
                Some(found) if found.run == lease.run => Ok(Begun::Ours(Box::new(found))),
                _ => Ok(Begun::NotTaken(said(&source))),
            },
        }
    }

    /// Takes over open work from the run that left it, and says whether it will be applied again. It is not paid again.
    pub async fn take_over(
        &self,
        lease: &Lease,
        work: Work,
        will_apply: bool,
        now: Timestamp,
    ) -> Result<Work, LedgerError> {
        let key = key(lease, work.act, &work.credential);
        let doing = format!("take over {} of `{}`", work.act, work.credential);
        let condition = unchanged(&work);
        let tried = if will_apply { now } else { work.tried };
        let mut work = Work { run: lease.run.clone(), tried, ..work };
        work.note_taken_up(lease, now);
        let due = now.checked_add(LASTS).unwrap_or(Timestamp::MAX);
        let write = Write { key: key.clone(), condition, action: Action::Put(put(&work, &key, due)?) };
        self.confirm(self.write(&[lease.check(), write]).await, &key, work, doing).await
    }

    /// Keeps how far the run's own work came; open work is due at `due`.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has taken it over.
    pub async fn keep_work(&self, lease: &Lease, work: Work, due: Timestamp) -> Result<Work, LedgerError> {
        self.keep_work_with(lease, work, None, due).await
    }

    /// The same with another write, of which both happen or none.
    pub(crate) async fn keep_work_with(
        &self,
        lease: &Lease,
        work: Work,
        with: Option<Write>,
        due: Timestamp,
    ) -> Result<Work, LedgerError> {
        let key = key(lease, work.act, &work.credential);
        let doing = format!("keep how {} of `{}` went", work.act, work.credential);
        // INVARIANT (fence): whoever takes work over writes its own run into it, so a run that was replaced is refused.
        let condition =
            Condition::all(vec![Clause::Is(STATE, OPEN_STATE.into()), Clause::Is(RUN, lease.run.0.clone().into())]);
        let write = Write { key: key.clone(), condition, action: Action::Put(put(&work, &key, due)?) };
        let writes: Vec<_> = [write].into_iter().chain(with).collect();
        self.confirm(self.write(&writes).await, &key, work, doing).await
    }

    /// A write that was refused has still happened if the work is found as it was written.
    async fn confirm(
        &self,
        written: Result<(), TableError>,
        key: &Key,
        work: Work,
        doing: String,
    ) -> Result<Work, LedgerError> {
        match written {
            Ok(()) => Ok(work),
            Err(TableError::Refused(_)) if self.work_at(key, &doing).await?.as_ref() == Some(&work) => Ok(work),
            Err(TableError::Refused(_)) => Err(LedgerError::Superseded { doing }),
            Err(source) => Err(failed(doing, source)),
        }
    }

    async fn work_at(&self, key: &Key, doing: &str) -> Result<Option<Work>, LedgerError> {
        self.get(key, doing).await?.as_ref().map(Item::body).transpose()
    }
}

fn said(error: &TableError) -> String {
    match error {
        TableError::Failed(source) => format!("{error}: {source}"),
        TableError::Refused(_) | TableError::Conflict => error.to_string(),
    }
}

/// The work is as it was read.
fn unchanged(work: &Work) -> Condition {
    Condition::all(vec![Clause::Is(STATE, state(work).into()), Clause::Is(RUN, work.run.0.clone().into())])
}

fn put(work: &Work, key: &Key, due: Timestamp) -> Result<Attributes, LedgerError> {
    let mut put: Attributes = [body(work, key)?].into();
    put.extend(attributes([(STATE, state(work).into()), (RUN, work.run.0.clone().into())]));
    if work.is_open() {
        put.extend(attributes([(OPEN, due::WORK.into()), (DUE, due.as_second().saturating_add(1).into())]));
    }
    Ok(put)
}

fn state(work: &Work) -> &'static str {
    if work.is_open() { OPEN_STATE } else { SETTLED }
}

fn key(lease: &Lease, act: Act, credential: &CredentialId) -> Key {
    Key::new(record::partition(&lease.user), format!("{SK}{act}#{credential}"))
}

const STATE: &str = "state";
const OPEN_STATE: &str = "open";
const SETTLED: &str = "settled";
const RUN: &str = "run";

pub(crate) const SK: &str = "WORK#";

/// How long after AWS accepted a change its lists may still show the state before. Documented as "eventually
/// consistent" without a figure; a list that still shows the old state after this is believed.
pub const LISTS_LAG: SignedDuration = SignedDuration::from_mins(15);
