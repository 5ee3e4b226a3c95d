//! Sessions that were issued with a compromised access key, or by signing in with a compromised console password. They outlive
//! its deactivation: those of `GetSessionToken` and `GetFederationToken` by up to 36 hours (AWS STS API Reference), those of the
//! console by up to 12 (AWS Sign-In User Guide). So before the key is deactivated the stack's own policy
//! is attached to its user, which denies everything to whatever has a session, and taken off when no such session can be
//! left, or at once when the deactivation is undone. Long-term keys have no session, so that other keys of the user go on.
//!
//! ```text
//!            begin                 IAM accepts             36 hours later, or undone
//! (nothing) ───────▶ intended ───────────────▶ (applied) ─────────────────────────────▶ settled: ended, undone
//!                       └──▶ settled: withdrawn, where IAM did not accept it in 36 hours
//! ```
//! Refusing sessions never keeps a key alive: where IAM does not accept it, the key is deactivated all the same, and the
//! schedule tries again.

use std::error::Error;

use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, LISTS_LAG, Outcome, Step, Work};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::answer::{Answer, Status};
use crate::fault::Fault;
use crate::guard::Cleared;
use crate::run::Run;
use crate::step::sighting;
use crate::write::WriteIam;

/// The longest that a session of an IAM user lasts: 129,600 seconds (AWS STS API Reference, `DurationSeconds`).
pub(crate) const SESSIONS_LAST: SignedDuration = SignedDuration::from_hours(36);

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// The work that goes with the deactivation of a cleared compromise: its sessions are to be refused. What is inactive breaks
    /// no policy any more, so that nothing but this tells of them afterwards.
    pub(crate) fn revocation_of(&self, cleared: &Cleared<'_>) -> Option<Work> {
        let verified = cleared.verified();
        let credential = verified.credential();
        let has_sessions = matches!(credential.kind(), CredentialKind::AccessKey | CredentialKind::ConsolePassword);
        let issues_sessions = verified.is_compromise() && has_sessions;
        if !issues_sessions || self.revocation(&credential).is_some_and(Work::is_open) {
            return None;
        }
        Some(Work {
            act: Act::RevokeSessions,
            credential,
            request: self.lease.request.clone(),
            taken_up: Vec::new(),
            begun: self.now,
            tried: self.now,
            run: self.lease.run.clone(),
            because: verified.ground().to_string(),
            policy: self.policy.id(),
            before: sighting(verified.live(), self.now),
            undo_until: None,
            step: Step::Intended,
            earlier: Vec::new(),
        })
    }

    /// Has the sessions of a compromise refused, before it is changed itself: by `begun` if this run has just written it down,
    /// or else by what is open. A key that was re-activated meanwhile may have issued more, so the time begins anew. Gives
    /// until when they are refused; `None`: they are not, or not yet.
    pub(crate) async fn revoke_sessions(
        &self,
        credential: &CredentialId,
        begun: Option<Work>,
    ) -> Result<Option<Timestamp>, Fault> {
        let work = match (begun, self.revocation(credential).filter(|work| work.is_open())) {
            (Some(begun), _) => begun,
            (None, Some(open)) => self.ports.ledger.take_over(self.lease, open.clone(), true, self.now).await?,
            (None, None) => return Ok(None),
        };
        let is_refused = self.refuse_sessions(work).await?.status == Status::Done;
        Ok(is_refused.then(|| self.now.checked_add(SESSIONS_LAST).unwrap_or(Timestamp::MAX)))
    }

    /// Goes on with revocations of earlier runs: attaches what was only intended, and ends what is over. What goes with a
    /// deactivation that is still open is left to that, which passes the guard again.
    pub(crate) async fn go_on_with_revocations(&self) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::new();
        for work in self.open_revocations() {
            let deactivation = self.record.work(Act::Remedy(self.remedy.name), &work.credential);
            let take_over = |will_apply| self.ports.ledger.take_over(self.lease, work.clone(), will_apply, self.now);
            match (&work.step, deactivation.map(|deactivation| &deactivation.step)) {
                (Step::Settled { .. }, _) | (Step::Intended, Some(Step::Intended | Step::Applied { .. })) => {}
                (Step::Intended, Some(Step::Settled { outcome: Outcome::Done { .. } | Outcome::Deleted, .. }))
                    if self.still_refuses(work) =>
                {
                    answers.push(self.refuse_sessions(take_over(true).await?).await?);
                }
                (Step::Intended, _) => {
                    let reason = "the credential was not deactivated, or IAM did not take it in time".to_owned();
                    // It may have been attached by a run that died then.
                    let work = take_over(false).await?;
                    answers.push(self.accept_sessions(work, Outcome::Withdrawn { reason }).await?);
                }
                (Step::Applied { .. }, _) if self.still_refuses(work) => {}
                (Step::Applied { .. }, _) => {
                    answers.push(self.accept_sessions(take_over(false).await?, Outcome::Ended).await?);
                }
            }
        }
        Ok(answers)
    }

    /// Ends the revocation of a credential whose deactivation is undone.
    pub(crate) async fn end_revocation(&self, credential: &CredentialId) -> Result<(), Fault> {
        let Some(work) = self.revocation(credential).filter(|work| work.is_open()) else { return Ok(()) };
        let work = self.ports.ledger.take_over(self.lease, work.clone(), false, self.now).await?;
        let execution = self.lease.request.execution.clone();
        self.accept_sessions(work, Outcome::Undone { execution }).await.map(drop)
    }

    async fn refuse_sessions(&self, work: Work) -> Result<Answer, Fault> {
        // INVARIANT (one run at a time): a lease outlives its holder, so whoever holds it here is alone until the end.
        if !self.ports.ledger.holds_lease(self.lease).await? {
            return Ok(Answer::unchanged(Status::Waiting, "another run has taken over"));
        }
        let credential = work.credential.clone();
        match self.ports.writer.refuse_sessions(&self.user.name).await {
            Ok(()) => {
                let until = self.now.checked_add(SESSIONS_LAST).unwrap_or(Timestamp::MAX);
                let what = format!("sessions of `{}` are refused until {until}", self.user.name);
                info!(user.id = %self.user.id, execution = %self.lease.request.execution, "{what}");
                let work = Work { step: Step::Applied { at: self.now }, ..work };
                self.ports.ledger.keep_work(self.lease, work, until).await?;
                Ok(Answer::unchanged(Status::Done, format!("{credential}: {what}")))
            }
            Err(error) => {
                warn!(user.id = %self.user.id, error = &error as &dyn Error, "sessions are not refused yet");
                let due = self.now.checked_add(LISTS_LAG).unwrap_or(Timestamp::MAX);
                self.ports.ledger.keep_work(self.lease, work, due).await?;
                Ok(Answer::unchanged(Status::Waiting, format!("{credential}: {error}")))
            }
        }
    }

    async fn accept_sessions(&self, work: Work, outcome: Outcome) -> Result<Answer, Fault> {
        let credential = work.credential.clone();
        // INVARIANT (of the last): the policy is one, whichever credentials of the user it was attached for.
        let is_last = self.open_revocations().all(|other| other.credential == credential || !self.still_refuses(other));
        if is_last && self.ports.ledger.holds_lease(self.lease).await? {
            self.ports.writer.accept_sessions(&self.user.name).await?;
            info!(user.id = %self.user.id, "sessions of `{}` are refused no more", self.user.name);
        }
        self.ports.ledger.keep_work(self.lease, work.settled(outcome, self.now), self.now).await?;
        Ok(Answer::unchanged(Status::NothingToDo, format!("{credential}: its sessions are refused no more")))
    }

    /// Whether a revocation wants sessions refused beyond now.
    fn still_refuses(&self, work: &Work) -> bool {
        let since = match work.step {
            Step::Intended => work.begun,
            Step::Applied { at } => at,
            Step::Settled { .. } => return false,
        };
        self.now.duration_since(since) < SESSIONS_LAST
    }

    fn open_revocations(&self) -> impl Iterator<Item = &Work> {
        self.record.works.iter().filter(|work| work.act == Act::RevokeSessions && work.is_open())
    }

    fn revocation(&self, credential: &CredentialId) -> Option<&Work> {
        self.record.work(Act::RevokeSessions, credential)
    }
}
