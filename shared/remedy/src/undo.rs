//! Undoing an act: what the ledger says was done, within its time, and held for a week so that tomorrow does not redo
//! it.

use credwarden_credential::kind::CredentialId;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::budget::{Purse, UNDO_PER_DAY};
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Intent, Outcome, Step, Work};
use credwarden_policy::exception::Hold;
use jiff::{SignedDuration, Timestamp};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::plan::{NotUndoable, plan_undo, reversible, undoable};
use crate::run::Run;
use crate::step::{deleted, sighting};
use crate::verify::live_credential;
use crate::write::WriteIam;

/// How long a credential is left alone whose deactivation was undone: time for its owner to replace it.
pub const UNDO_HOLDS: SignedDuration = SignedDuration::from_hours(7 * 24);

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// Goes on with an open undo of `credential`, or begins one.
    pub(crate) async fn undo(&self, credential: &CredentialId) -> Result<Answer, Fault> {
        let act = Act::Undo(self.remedy.name);
        match self.record.work(act, credential).filter(|work| work.is_open()) {
            Some(work) => self.resume_undo(work.clone()).await,
            None => self.begin_undo(credential).await,
        }
    }

    async fn begin_undo(&self, credential: &CredentialId) -> Result<Answer, Fault> {
        let act = Act::Undo(self.remedy.name);
        let done = self.record.work(Act::Remedy(self.remedy.name), credential);
        let live = live_credential(self.user, credential).map_err(Fault::Gap)?;
        let undoable = match undoable(done, self.user, live, self.policy, self.now) {
            Ok(undoable) => undoable,
            Err(why) => return Ok(Answer::unchanged(why.status(), format!("{credential}: {why}"))),
        };
        let plan = plan_undo(&undoable, self.remedy.undo);
        if !self.has_time_to_act() {
            // The lease is left to expire: by it the schedule finds what was not begun.
            return Err(Fault::OutOfTime(credential.clone()));
        }
        let request = &self.lease.request;
        let work = Work {
            act,
            credential: credential.clone(),
            request: request.clone(),
            taken_up: Vec::new(),
            begun: self.now,
            tried: self.now,
            run: self.lease.run.clone(),
            because: format!("{} asked", request.requester),
            policy: self.policy.id(),
            before: sighting(undoable.credential(), self.now),
            undo_until: None,
            step: Step::Intended,
            earlier: Vec::new(),
        };
        // INVARIANT (tomorrow does not redo it): the hold stands in the same transaction, before it is active.
        let hold = Hold {
            credential: credential.clone(),
            until: self.now.checked_add(UNDO_HOLDS).unwrap_or(Timestamp::MAX),
            reason: format!("{} was undone", self.remedy.name),
            by: request.requester.clone(),
        };
        let intent = Intent {
            work,
            follows: self.record.work(act, credential).cloned(),
            purse: Purse::Undo,
            limit: UNDO_PER_DAY,
            undoes: done.cloned(),
            hold: Some(hold),
            beside: None,
        };
        match self.begun(intent, credential).await? {
            Ok(work) => {
                self.end_revocation(credential).await?;
                self.carry_out(work, plan, None, |_| Ok(())).await
            }
            Err(answer) => Ok(answer),
        }
    }

    /// An undo that an earlier run left open: hold and purse are settled, and its time was kept when it began.
    async fn resume_undo(&self, work: Work) -> Result<Answer, Fault> {
        let live = live_credential(self.user, &work.credential).map_err(Fault::Gap)?;
        if let (Some(live), Step::Applied { at }) = (&live, &work.step) {
            let at = *at;
            return if (self.remedy.undo)(live).is_none() {
                self.take_over_and_settle(work, Outcome::Done { after: sighting(live, self.now) }).await
            } else {
                self.unconfirmed(work, at).await
            };
        }
        // INVARIANT (every crash point): an intent alone does not tell whether the write arrived, and a list that shows
        // it active may be older than the act that is undone. So the change is made again, whatever is listed.
        match reversible(self.user, live, self.policy) {
            Ok(undoable) => {
                let (plan, tried) = (plan_undo(&undoable, self.remedy.undo), work.tried);
                let work = self.ports.ledger.take_over(self.lease, work, true, self.now).await?;
                self.end_revocation(&work.credential).await?;
                self.carry_out(work, plan, Some(tried), |_| Ok(())).await
            }
            Err(NotUndoable::Gone) => {
                let outcome = deleted(&work.credential);
                self.take_over_and_settle(work, outcome).await
            }
            Err(why) => {
                let (tried, reason) = (work.tried, format!("{}: {why}", work.credential));
                let work = self.ports.ledger.take_over(self.lease, work, false, self.now).await?;
                self.give_up(work, why.status(), reason, Some(tried)).await
            }
        }
    }
}
