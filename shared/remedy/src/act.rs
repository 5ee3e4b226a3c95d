//! The answer to a rule's findings on one user, credential by credential.

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Status as CredentialStatus};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::notice::Notice;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Begun, Intent, Outcome, Step, Work};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::Verdict;

use crate::answer::{Answer, Status};
use crate::fault::{Fault, chain};
use crate::guard::{Cleared, Facts, REPORTED_FOR, Refusal, guard, silent};
use crate::plan::plan;
use crate::remedy::{Answered, Judge};
use crate::run::Run;
use crate::step::{deleted, expired, sighting};
use crate::verify::{Unverified, live_credential, verify};
use crate::write::WriteIam;

/// What the ledger knows of the rule, read once for all credentials. A text says why it could not be read.
struct Background {
    rule: RuleName,
    judge: Judge,
    reported: Result<Option<Policy>, String>,
    population: Result<Option<u32>, String>,
}

/// Why a credential is not acted on.
struct Blocked {
    status: Status,
    reason: String,
    /// What its owner is told.
    notice: Option<Box<Notice>>,
}

impl<S, C, R: ReadIam, W: WriteIam, T: Table> Run<'_, S, C, R, W, T> {
    /// Goes on with what is open, then answers what the rule finds.
    pub(crate) async fn answer_findings(&self, rule: RuleName) -> Result<Answer, Fault> {
        let Some(Answered { judge, .. }) = self.remedy.answered(rule).copied() else {
            return Ok(Answer::unchanged(Status::NothingToDo, format!("this remedy does not answer `{rule}`")));
        };
        let act = Act::Remedy(self.remedy.name);
        let open: Vec<_> = self.record.works.iter().filter(|work| work.act == act && work.is_open()).collect();
        let revocations = self.go_on_with_revocations().await?;
        let verdict = judge(self.user, self.policy, &Exceptions::default(), self.now);
        if open.is_empty()
            && revocations.is_empty()
            && !matches!(verdict, Verdict::NonCompliant { .. } | Verdict::Unknown(_))
        {
            return Ok(Answer::unchanged(
                Status::NothingToDo,
                format!("`{}` does not break the policy", self.user.name),
            ));
        }
        let background = self.background(rule, judge).await;
        let mut answers = revocations;
        for work in &open {
            answers.push(self.resume(&background, (*work).clone()).await?);
        }
        if let Verdict::Unknown(gap) = &verdict {
            answers.push(unknown(gap)?);
        }
        let credentials = verdict.findings().filter_map(|finding| finding.credential());
        for credential in credentials.filter(|found| open.iter().all(|work| work.credential != **found)) {
            answers.push(self.begin(&background, credential).await?);
        }
        Ok(Answer::of(answers, "nothing that breaks the policy can be acted on"))
    }

    async fn background(&self, rule: RuleName, judge: Judge) -> Background {
        let ledger = &self.ports.ledger;
        let reported_at = self.now.checked_sub(REPORTED_FOR).unwrap_or(self.now);
        let reported = ledger.newest_reported_before(rule, reported_at).await.map_err(|error| chain(&error));
        let passes = ledger.passes(rule).await.map_err(|error| chain(&error));
        let population = passes.map(|passes| passes.complete.map(|pass| pass.population));
        Background { rule, judge, reported, population }
    }

    fn clear(
        &self,
        background: &Background,
        credential: &CredentialId,
        is_paid: bool,
    ) -> Result<Result<Cleared<'_>, Blocked>, Fault> {
        let Background { rule, judge, reported, population } = background;
        let verified = match verify(*judge, self.user, credential, self.policy, self.now) {
            Ok(verified) => verified,
            Err(Unverified::Settled(reason)) => {
                return Ok(Err(Blocked { status: Status::NothingToDo, reason, notice: None }));
            }
            Err(Unverified::Unknown(gap)) => {
                let Answer { status, reason, .. } = unknown(&gap)?;
                return Ok(Err(Blocked { status, reason: format!("{credential}: {reason}"), notice: None }));
            }
        };
        let facts = Facts {
            rule: *rule,
            judge: *judge,
            remedy: self.remedy.name,
            policy: self.policy,
            record: self.record,
            reported: reported.as_ref().map(Option::as_ref).map_err(String::as_str),
            population: population.as_ref().map(|count| *count).map_err(String::as_str),
            is_paid,
        };
        let (finding, limits) = (verified.finding().to_string(), verified.limits());
        Ok(guard(verified, &facts, self.now).map_err(|refusal| Blocked {
            status: refusal.status(),
            reason: format!("{credential}: {refusal}"),
            notice: self.notice_of_refusal(credential, &finding, limits, &refusal).map(Box::new),
        }))
    }

    /// A new act.
    async fn begin(&self, background: &Background, credential: &CredentialId) -> Result<Answer, Fault> {
        let cleared = match self.clear(background, credential, false)? {
            Ok(cleared) => cleared,
            Err(Blocked { status, reason, notice }) => {
                self.tell(notice.as_deref()).await?;
                return Ok(Answer::unchanged(status, reason));
            }
        };
        let Some(plan) = plan(&cleared, self.remedy.act) else {
            return Ok(Answer::unchanged(Status::NothingToDo, format!("{credential} is as it should be")));
        };
        if !self.has_time_to_act() {
            // The lease is left to expire: by it the schedule finds what was not begun.
            return Err(Fault::OutOfTime(credential.clone()));
        }
        let (verified, purse, limit) = (cleared.verified(), cleared.purse(), cleared.budget());
        let act = Act::Remedy(self.remedy.name);
        let (limits, is_compromise) = (verified.limits(), verified.is_compromise());
        let work = Work {
            act,
            credential: credential.clone(),
            request: self.lease.request.clone(),
            taken_up: Vec::new(),
            begun: self.now,
            tried: self.now,
            run: self.lease.run.clone(),
            because: format!("{}: {}", background.rule, verified.finding()),
            policy: self.policy.id(),
            before: sighting(verified.live(), self.now),
            undo_until: Some(self.now.checked_add(limits.undo.duration()).unwrap_or(jiff::Timestamp::MAX)),
            step: Step::Intended,
            earlier: Vec::new(),
        };
        let follows = self.record.work(act, credential).cloned();
        let beside = self.revocation_of(&cleared);
        let intent = Intent { work, follows, purse, limit, undoes: None, hold: None, beside: beside.clone() };
        let work = match self.begun(intent, credential).await? {
            Ok(work) => work,
            Err(answer) => {
                if answer.status == Status::OverBudget {
                    let notice = self.notice_of_budget(credential, cleared.verified().finding());
                    self.tell(Some(&notice)).await?;
                }
                return Ok(answer);
            }
        };
        if is_compromise {
            self.revoke_sessions(credential, beside).await?;
        }
        self.carry_out(work, plan, None, |live| self.still(is_compromise, live, limits)).await
    }

    /// An act that an earlier run left open. It is paid for; everything else is asked again.
    async fn resume(&self, background: &Background, work: Work) -> Result<Answer, Fault> {
        let credential = work.credential.clone();
        let Some(live) = live_credential(self.user, &credential).map_err(Fault::Gap)? else {
            return self.take_over_and_settle(work, deleted(&credential)).await;
        };
        if live.status == CredentialStatus::Expired {
            return self.take_over_and_settle(work, expired(&credential)).await;
        }
        if (self.remedy.act)(&live).is_none() {
            // INVARIANT (every crash point): the intent is ours and it is as intended, so the write arrived and
            // only its record is missing. (Somebody who made the same change by hand meanwhile cannot be told from us.)
            return self.take_over_and_settle(work, Outcome::Done { after: sighting(&live, self.now) }).await;
        }
        if let Step::Applied { at } = work.step {
            return self.unconfirmed(work, at).await;
        }
        // INVARIANT (every crash point): the run died before its write, or the write arrived and this list does not show
        // it yet. Making the change again is right in both cases; forgetting the intent only where no list lags.
        let tried = work.tried;
        let cleared = self.clear(background, &credential, true)?;
        match cleared.map(|cleared| {
            let verified = cleared.verified();
            (plan(&cleared, self.remedy.act), verified.limits(), verified.is_compromise())
        }) {
            Ok((Some(plan), limits, is_compromise)) => {
                let work = self.ports.ledger.take_over(self.lease, work, true, self.now).await?;
                if is_compromise {
                    self.revoke_sessions(&credential, None).await?;
                }
                self.carry_out(work, plan, Some(tried), |live| self.still(is_compromise, live, limits)).await
            }
            Ok((None, ..)) => self.take_over_and_settle(work, Outcome::Done { after: sighting(&live, self.now) }).await,
            Err(Blocked { status, reason, notice }) => {
                self.tell(notice.as_deref()).await?;
                let work = self.ports.ledger.take_over(self.lease, work, false, self.now).await?;
                self.give_up(work, status, reason, Some(tried)).await
            }
        }
    }

    /// Whether what was read just before the change may still be changed.
    fn still(&self, is_compromise: bool, live: &Credential, limits: Limits) -> Result<(), Refusal> {
        if is_compromise { Ok(()) } else { silent(self.user, live, limits, self.now) }
    }

    /// Writes an intent down, or answers why not.
    pub(crate) async fn begun(&self, intent: Intent, credential: &CredentialId) -> Result<Result<Work, Answer>, Fault> {
        let limit = intent.limit;
        let refused = |status, reason: String| Ok(Err(Answer::unchanged(status, format!("{credential}: {reason}"))));
        match self.ports.ledger.begin(self.lease, intent, self.now).await? {
            Begun::Ours(work) => Ok(Ok(*work)),
            Begun::OverBudget => refused(Status::OverBudget, format!("the day's budget of {limit} is spent")),
            Begun::Held => refused(Status::Held, "a hold was written meanwhile".to_owned()),
            Begun::Superseded => refused(Status::Waiting, "another run has taken over".to_owned()),
            Begun::NotTaken(why) => refused(Status::Held, format!("budget and ledger are unavailable: {why}")),
        }
    }
}

/// A fact that is not known: a fault where trying again may help, held where it makes no sense.
fn unknown(gap: &Gap) -> Result<Answer, Fault> {
    match gap.reason {
        GapReason::Implausible => Ok(Answer::unchanged(Status::Held, gap.to_string())),
        GapReason::Denied | GapReason::Throttled | GapReason::Failed | GapReason::NotReached => {
            Err(Fault::Gap(gap.clone()))
        }
    }
}
