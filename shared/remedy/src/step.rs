//! The last steps of every act: re-read, apply, read back, record.

use std::error::Error;
use std::time::Duration;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Status as CredentialStatus};
use credwarden_inventory::live::{LastUses, read_credential};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, LISTS_LAG, Outcome, Sighting, Step, Work};
use credwarden_policy::remedy::Effect;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::answer::{Answer, Changed, Now, Status, UndoBy};
use crate::fault::Fault;
use crate::guard::Refusal;
use crate::plan::Plan;
use crate::run::Run;
use crate::write::{WriteError, WriteIam, apply};

/// What is kept of an invocation for one act: seven calls that may each take 25 s with their retries. An act that
/// begins later than this before the end could be cut off in the middle.
const AN_ACT_TAKES: Duration = Duration::from_secs(175);

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// Whether an act that begins now can be expected to come to its end.
    pub(crate) fn has_time_to_act(&self) -> bool {
        self.ends.saturating_duration_since(Instant::now()) >= AN_ACT_TAKES
    }

    /// Applies a plan to which the ledger holds our intent. `tried` is when an earlier run may have applied it.
    pub(crate) async fn carry_out(
        &self,
        work: Work,
        plan: Plan,
        tried: Option<Timestamp>,
        still: impl Fn(&Credential) -> Result<(), Refusal>,
    ) -> Result<Answer, Fault> {
        if !self.has_time_to_act() {
            return self.wait(work, "too little time was left to change it").await;
        }
        // INVARIANT (own precondition): what was decided on is read again just before it is changed.
        let reader = &self.ports.reader;
        let fresh = read_credential(reader, plan.user(), plan.credential(), LastUses::Read, self.now).await;
        let Some(fresh) = fresh.map_err(Fault::Gap)? else {
            let is_ours = plan.to() == Effect::Deleted && tried.is_some();
            let outcome = if is_ours { Outcome::Deleted } else { deleted(&work.credential) };
            return self.settle(work, outcome).await;
        };
        // INVARIANT (this very credential): a console password that was set since is another one, of the same name.
        if fresh.created != work.before.created {
            let outcome = replaced(&work, &fresh);
            return self.settle(work, outcome).await;
        }
        if fresh.status == CredentialStatus::Expired {
            let outcome = expired(&work.credential);
            return self.settle(work, outcome).await;
        }
        let is_so = matches!(plan.to(), Effect::Status(to) if fresh.status == to.into());
        let is_so_already = is_so && matches!(work.act, Act::Remedy(_));
        if is_so_already {
            return if tried.is_some() {
                self.settle(work, Outcome::Done { after: sighting(&fresh, self.now) }).await
            } else {
                let reason = format!("{}: somebody else has just done it", work.credential);
                self.give_up(work, Status::NothingToDo, reason, None).await
            };
        }
        if let Err(refusal) = still(&fresh) {
            let reason = format!("{}: {refusal}", work.credential);
            if let Refusal::LastUseUnknown(_) = refusal {
                // It was known a moment ago, so it will be again: the act is paid for, and stays open.
                self.leave_open(work).await?;
                return Ok(Answer::unchanged(refusal.status(), reason));
            }
            return self.give_up(work, refusal.status(), reason, tried).await;
        }
        // What a rule saw of it is about to change, before the credential report shows it.
        if let Err(error) = self.ports.ledger.forget_observation(&[work.credential.kind()], &self.user.id).await {
            warn!(user.id = %self.user.id, error = &error as &dyn Error, "a rule may show its status late");
        }
        // INVARIANT (one run at a time): a lease outlives its holder, so whoever holds it here is alone until the end.
        if !self.ports.ledger.holds_lease(self.lease).await? {
            let reason = format!("{}: another run has taken over", work.credential);
            return Ok(Answer::unchanged(Status::Waiting, reason));
        }
        let (user, to, what) = (plan.user().clone(), plan.to(), plan.to_string());
        match apply(plan, &self.ports.writer).await {
            Ok(()) => {
                info!(user.id = %self.user.id, execution = %self.lease.request.execution, "IAM was told to {what}");
            }
            Err(WriteError::NoSuchEntity { .. }) => {
                // It was there a moment ago, and the call is made again where its answer is lost.
                let outcome = if to == Effect::Deleted { Outcome::Deleted } else { deleted(&work.credential) };
                return self.settle(work, outcome).await;
            }
            Err(not_yet @ WriteError::NotYet { .. }) => return self.wait(work, &not_yet.to_string()).await,
            Err(failed) => return Err(failed.into()),
        }
        // IAM has accepted it. Whatever goes wrong from here is no fault of the change: the schedule confirms it.
        let work = Work { step: Step::Applied { at: self.now }, ..work };
        match read_credential(reader, &user, &work.credential, LastUses::NotRead, self.now).await {
            Ok(Some(seen)) if matches!(to, Effect::Status(to) if seen.status == to.into()) => {
                self.settle(work, Outcome::Done { after: sighting(&seen, self.now) }).await
            }
            Ok(None) => {
                let outcome = if to == Effect::Deleted { Outcome::Deleted } else { deleted(&work.credential) };
                self.settle(work, outcome).await
            }
            Ok(Some(seen)) if seen.created != work.before.created => {
                let outcome = replaced(&work, &seen);
                self.settle(work, outcome).await
            }
            Ok(Some(_)) => self.wait(work, "IAM accepted it, but its lists do not show it yet").await,
            Err(error) => self.wait(work, &format!("IAM accepted it, but it cannot be read back: {error}")).await,
        }
    }

    /// Ends open work.
    pub(crate) async fn settle(&self, work: Work, outcome: Outcome) -> Result<Answer, Fault> {
        let (act, credential, undo_until) = (work.act, work.credential.clone(), work.undo_until);
        let is_done = matches!(outcome, Outcome::Done { .. } | Outcome::Deleted);
        let notice = is_done.then(|| self.notice_of_done(&work));
        let work = work.settled(outcome.clone(), self.now);
        self.ports.ledger.end_work(self.lease, work, notice.as_ref(), self.now).await?;
        self.end_what_was_announced(act, &credential).await;
        let changed = |now| Changed { act, user: self.user.name.clone(), credential: credential.clone(), now };
        Ok(match outcome {
            Outcome::Deleted => {
                let reason = format!("{credential}: {act} is done, it was deleted, and nothing undoes that");
                Answer { actions: vec![changed(Now::Deleted)], ..Answer::unchanged(Status::Done, reason) }
            }
            Outcome::Done { after } => {
                let undo = undo_until.map(|until| UndoBy {
                    document: Document::Undo(self.remedy.name).name(&self.settings.prefix),
                    resource_id: self.user.id.clone(),
                    credential_ids: vec![credential.clone()],
                    until,
                });
                let status = match act {
                    Act::Remedy(_) | Act::RevokeSessions | Act::DeleteIdle => Status::Done,
                    Act::Undo(_) => Status::Undone,
                };
                let answer = Answer::unchanged(status, format!("{credential}: {act} is done"));
                Answer { actions: vec![changed(Now::Status(after.status))], undo, ..answer }
            }
            Outcome::Undone { execution } => {
                Answer::unchanged(Status::NothingToDo, format!("{credential}: undone by {execution}"))
            }
            Outcome::Ended => {
                Answer::unchanged(Status::NothingToDo, format!("{credential}: {act} has ended with its time"))
            }
            Outcome::Reversed => Answer::unchanged(
                Status::Held,
                format!("{credential}: {act} was done, and somebody else has changed it back"),
            ),
            Outcome::Withdrawn { reason } | Outcome::Gone { reason } => {
                Answer::unchanged(Status::NothingToDo, format!("{credential}: {reason}"))
            }
        })
    }

    /// Nothing is left of what was announced of an act that has ended. Should that not be written, the next look finds it.
    async fn end_what_was_announced(&self, act: Act, credential: &CredentialId) {
        let open = self.record.announcement(credential).filter(|kept| kept.is_open());
        let Some(kept) = open.filter(|kept| act == Act::Remedy(kept.announcement.remedy)) else { return };
        let how = format!("{act} has come to its end");
        if let Err(error) = self.ports.ledger.end_announcement(self.lease, kept, &how, self.now).await {
            warn!(user.id = %self.user.id, error = &error as &dyn Error, "what was announced is looked at again");
        }
    }

    /// Ends open work of another run.
    pub(crate) async fn take_over_and_settle(&self, work: Work, outcome: Outcome) -> Result<Answer, Fault> {
        let work = self.ports.ledger.take_over(self.lease, work, false, self.now).await?;
        self.settle(work, outcome).await
    }

    /// Work that IAM accepted at `at`, of which a list does not show the effect.
    pub(crate) async fn unconfirmed(&self, work: Work, at: Timestamp) -> Result<Answer, Fault> {
        if self.now.duration_since(at) < LISTS_LAG {
            let work = self.ports.ledger.take_over(self.lease, work, false, self.now).await?;
            self.wait(work, "IAM accepted it, but its lists do not show it yet").await
        } else {
            self.take_over_and_settle(work, Outcome::Reversed).await
        }
    }

    /// Leaves work open, and says so.
    pub(crate) async fn wait(&self, work: Work, why: &str) -> Result<Answer, Fault> {
        let reason = format!("{}: {why}", work.credential);
        self.leave_open(work).await?;
        Ok(Answer::unchanged(Status::Waiting, reason))
    }

    /// Leaves work open until the lists must have caught up.
    pub(crate) async fn leave_open(&self, work: Work) -> Result<(), Fault> {
        let due = self.now.checked_add(LISTS_LAG).unwrap_or(Timestamp::MAX);
        self.ports.ledger.keep_work(self.lease, work, due).await?;
        Ok(())
    }

    /// Ends an intent without effect, where it is certain that it had none: not while a list may still hide the write
    /// of the run that left it.
    pub(crate) async fn give_up(
        &self,
        work: Work,
        status: Status,
        reason: String,
        tried: Option<Timestamp>,
    ) -> Result<Answer, Fault> {
        match tried {
            Some(tried) if self.now.duration_since(tried) < LISTS_LAG => {
                self.wait(work, "an earlier run may have done it, which IAM's lists do not show yet").await
            }
            _ => {
                let work = work.settled(Outcome::Withdrawn { reason: reason.clone() }, self.now);
                self.ports.ledger.keep_work(self.lease, work, self.now).await?;
                Ok(Answer::unchanged(status, reason))
            }
        }
    }
}

pub(crate) fn sighting(credential: &Credential, now: Timestamp) -> Sighting {
    let Credential { status, created, last_use, .. } = credential;
    Sighting { at: now, status: *status, created: *created, last_use: last_use.clone() }
}

/// The end of work on a credential that somebody deleted.
pub(crate) fn deleted(credential: &CredentialId) -> Outcome {
    Outcome::Gone { reason: format!("the {} was deleted", credential.kind().noun()) }
}

/// The end of work on a credential that has become unusable by itself, for good.
pub(crate) fn expired(credential: &CredentialId) -> Outcome {
    Outcome::Gone { reason: format!("the {} has expired", credential.kind().noun()) }
}

/// The end of work on a credential in whose place there is another of the same name.
pub(crate) fn replaced(work: &Work, live: &Credential) -> Outcome {
    match work.step {
        // What IAM accepted was done before the other was made.
        Step::Applied { .. } => Outcome::Deleted,
        Step::Intended | Step::Settled { .. } => Outcome::Gone {
            reason: format!("the {} was deleted, and another was made at {}", live.id.kind().noun(), live.created),
        },
    }
}
