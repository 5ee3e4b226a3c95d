//! The answer to a rule's findings on one user, credential by credential.

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Status as CredentialStatus};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::announcement::KeptAnnouncement;
use credwarden_ledger::notice::Notice;
use credwarden_ledger::request::{Document, Request};
use credwarden_ledger::rotation::KeptRotation;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Begun, Intent, LISTS_LAG, Outcome, Step, Work};
use credwarden_policy::announcement::{Announcement, Approval};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, RemedyName, RuleName};
use credwarden_policy::verdict::Verdict;
use jiff::{SignedDuration, Timestamp};

use crate::answer::{Answer, Status};
use crate::compromise::Changing;
use crate::fault::{Fault, chain};
use crate::guard::{Cleared, Facts, REPORTED_FOR, Refusal, guard, silent};
use crate::plan::plan;
use crate::remedy::{Answered, Judge};
use crate::run::Run;
use crate::step::{deleted, expired, replaced, sighting};
use crate::verify::{Ground, Unverified, Verified, live_credential, verify};
use crate::write::WriteIam;

/// What the ledger knows of the rule, read once for all credentials. A text says why it could not be read.
pub(crate) struct Background {
    pub(crate) rule: RuleName,
    pub(crate) judge: Judge,
    reported: Result<Option<Policy>, String>,
    population: Result<Option<u32>, String>,
}

/// How soon what is announced is looked at again, where no time is known at which it is otherwise.
pub(crate) const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Why a credential is not acted on.
pub(crate) struct Blocked {
    pub(crate) credential: CredentialId,
    pub(crate) status: Status,
    pub(crate) reason: String,
    /// What its owner is told.
    pub(crate) notice: Option<Box<Notice>>,
    pub(crate) then: Then,
}

/// What becomes of what a credential that is not acted on waits for.
#[derive(Clone)]
pub(crate) enum Then {
    /// It waits for nothing more, so what was announced of it ends.
    End,
    /// It may be otherwise soon, at that time where it is known.
    Again(Option<Timestamp>),
    /// The act is announced, with what is told.
    Announce(Box<Announcement>),
}

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// Goes on with what is open, then answers what the rule finds.
    pub(crate) async fn answer_findings(&self, rule: RuleName) -> Result<Answer, Fault> {
        let Some(Answered { judge, .. }) = self.remedy.answered(rule).copied() else {
            return Ok(Answer::unchanged(Status::NothingToDo, format!("this remedy does not answer `{rule}`")));
        };
        let act = Act::Remedy(self.remedy.name);
        let open: Vec<_> = self.record.works.iter().filter(|work| work.act == act && work.is_open()).collect();
        let revocations = self.go_on_with_revocations().await?;
        let verdict = judge(self.user, self.policy, &Exceptions::default(), self.now);
        let handed_on = self.handed_on(rule, &verdict);
        let is_announced = self.record.announcements.iter().any(KeptAnnouncement::is_open);
        let is_asked = matches!(verdict, Verdict::NonCompliant { .. } | Verdict::Unknown(_))
            || handed_on.is_some()
            || is_announced;
        if open.is_empty() && revocations.is_empty() && !is_asked {
            return Ok(Answer::unchanged(
                Status::NothingToDo,
                format!("`{}` does not break the policy", self.user.name),
            ));
        }
        let background = self.background(rule, judge).await;
        let mut answers = revocations;
        for work in &open {
            answers.push(self.resume(&background, (*work).clone()).await?.about(&work.credential));
        }
        if let Verdict::Unknown(gap) = &verdict {
            answers.push(unknown(gap)?);
        }
        let credentials = verdict.findings().filter_map(|finding| finding.credential());
        let mine: Vec<_> = credentials.filter(|found| self.another_for(rule, found).is_none()).cloned().collect();
        // What is not known ends nothing.
        if !matches!(verdict, Verdict::Unknown(_)) {
            answers.extend(self.end_announcements(rule, &mine).await?);
        }
        for credential in mine.iter().filter(|found| open.iter().all(|work| work.credential != **found)) {
            answers.push(self.begin(&background, credential).await?.about(credential));
        }
        answers.extend(handed_on.map(Answer::handed_on));
        Ok(Answer::of(answers, "nothing that breaks the policy can be acted on"))
    }

    /// The other remedy that the policy names for findings of `rule` on a credential.
    fn another_for(&self, rule: RuleName, credential: &CredentialId) -> Option<RemedyName> {
        let class = self.policy.class(self.user).ok()?;
        let named = self.policy.remedy(rule, class, credential.kind())?.name;
        (named != self.remedy.name).then_some(named)
    }

    /// Who goes on where this remedy has done its part: whom the policy names for a finding, or who has begun.
    fn handed_on(&self, rule: RuleName, verdict: &Verdict) -> Option<RemedyName> {
        let mut found = verdict.findings().filter_map(|finding| finding.credential());
        let named = found.find_map(|credential| self.another_for(rule, credential));
        // INVARIANT (liveness): a rotation ends by its own remedy, whatever the policy names by now.
        let announced = self.record.announcements.iter().filter(|kept| kept.is_open());
        let is_announced = announced.map(|kept| kept.announcement.remedy).any(|remedy| remedy == RemedyName::RotateKey);
        let is_begun = is_announced || self.record.rotations.iter().any(KeptRotation::is_open);
        let begun = (is_begun && RemedyName::RotateKey.can_answer(rule)).then_some(RemedyName::RotateKey);
        named.or(begun)
    }

    pub(crate) async fn background(&self, rule: RuleName, judge: Judge) -> Background {
        let ledger = &self.ports.ledger;
        let reported_at = self.now.checked_sub(REPORTED_FOR).unwrap_or(self.now);
        let reported = ledger.newest_reported_before(rule, reported_at).await.map_err(|error| chain(&error));
        let passes = ledger.passes(rule).await.map_err(|error| chain(&error));
        let population = passes.map(|passes| passes.complete.map(|pass| pass.population));
        Background { rule, judge, reported, population }
    }

    async fn clear(
        &self,
        background: &Background,
        credential: &CredentialId,
        is_paid: bool,
    ) -> Result<Result<Cleared<'_>, Blocked>, Fault> {
        let verified = match verify(background.judge, self.user, credential, self.policy, self.now) {
            Ok(verified) => verified,
            Err(why) => return unverified(credential, &why).map(Err),
        };
        let refused = self.refused(background.rule, &verified);
        let compromised = verified.is_compromise().then(|| verified.clone());
        match guard(verified, &self.facts(background, is_paid), self.now) {
            Ok(cleared) => Ok(Ok(cleared)),
            Err(refusal) => {
                if let Some(compromised) = compromised {
                    self.tell_of_what_is_left(&compromised, &refusal.to_string()).await?;
                }
                Ok(Err(refused(&refusal)))
            }
        }
    }

    /// What decides of the rule whether something may be changed.
    pub(crate) fn facts<'b>(&'b self, background: &'b Background, is_paid: bool) -> Facts<'b> {
        let Background { rule, judge, reported, population } = background;
        Facts {
            rule: *rule,
            judge: *judge,
            remedy: self.remedy.name,
            policy: self.policy,
            record: self.record,
            reported: reported.as_ref().map(Option::as_ref).map_err(String::as_str),
            population: population.as_ref().map(|count| *count).map_err(String::as_str),
            is_paid,
        }
    }

    /// What follows where the guard refuses what was verified.
    pub(crate) fn refused(
        &self,
        rule: RuleName,
        verified: &Verified<'_>,
    ) -> impl Fn(&Refusal) -> Blocked + use<'_, S, C, R, W, T, V> {
        let (credential, limits, ground) = (verified.credential(), verified.limits(), verified.ground().clone());
        let announcement = Announcement::new(self.remedy.name, rule, verified.live(), limits, self.now);
        let announcement = if verified.is_compromise() { announcement.at_once() } else { announcement };
        let named = self.policy.remedy(rule, verified.class(), credential.kind());
        let needs_approval = named.is_some_and(|named| named.approval);
        move |refusal| Blocked {
            status: refusal.status(),
            reason: format!("{credential}: {refusal}"),
            notice: match (refusal, &ground) {
                (Refusal::Unannounced | Refusal::Unapproved, ground) => {
                    let announcement = match refusal {
                        Refusal::Unannounced => Some(&announcement),
                        _ => None,
                    };
                    Some(Box::new(self.notice_of_announcement(&credential, ground, announcement, needs_approval)))
                }
                (_, Ground::Finding(finding)) => {
                    self.notice_of_refusal(&credential, &finding.to_string(), limits, refusal).map(Box::new)
                }
                // Whoever asked is answered.
                (_, Ground::Asked(_)) => None,
            },
            then: match refusal {
                Refusal::Unannounced => Then::Announce(Box::new(announcement.clone())),
                passing if passing.is_passing() => Then::Again(passing.until()),
                _ => Then::End,
            },
            credential: credential.clone(),
        }
    }

    /// A new act.
    async fn begin(&self, background: &Background, credential: &CredentialId) -> Result<Answer, Fault> {
        let cleared = match self.clear(background, credential, false).await? {
            Ok(cleared) => cleared,
            Err(blocked) => return self.blocked(blocked).await,
        };
        let because = format!("{}: {}", background.rule, cleared.verified().ground());
        let request = self.asked_first(background.rule, credential, self.lease.request.clone());
        self.undertake(&cleared, request, because, |verified, live| self.still(verified, live)).await
    }

    /// Who asked first for an act that was announced: who had it approved, or by whom it was found. Else whoever asks now.
    pub(crate) fn asked_first(&self, rule: RuleName, credential: &CredentialId, now: Request) -> Request {
        let announced = self.record.announced(credential).filter(|kept| kept.announcement.rule == rule);
        let Some(KeptAnnouncement { announcement, request, .. }) = announced else { return now };
        match &announcement.approval {
            Some(Approval { approver, requester, execution, .. }) => Request {
                requester: requester.clone(),
                approvers: vec![approver.clone()],
                execution: execution.clone(),
                ..request.clone()
            },
            None => request.clone(),
        }
    }

    /// Says what keeps a credential from being acted on.
    pub(crate) async fn blocked(&self, blocked: Blocked) -> Result<Answer, Fault> {
        self.follow(&blocked).await?;
        let Blocked { credential, status, reason, then, .. } = blocked;
        let is_looked_at = self.record.announcement(&credential).is_some_and(KeptAnnouncement::is_open);
        if let (Then::Again(Some(until)), false) = (then, is_looked_at) {
            // INVARIANT (waiting, not forgotten): AWS Config comes at a time of its own, which may be in no window.
            self.ports.ledger.wait(self.lease, until).await?;
        }
        Ok(Answer::unchanged(status, reason))
    }

    /// Has an act announced, or what was announced wait or end, and tells of what keeps a credential.
    pub(crate) async fn follow(&self, blocked: &Blocked) -> Result<(), Fault> {
        let Blocked { credential, reason, notice, then, .. } = blocked;
        let (ledger, seen) = (&self.ports.ledger, self.record.announcement(credential));
        let again = self.now.checked_add(LOOKED_AT_AGAIN).unwrap_or(Timestamp::MAX);
        if let (Then::Announce(announcement), Some(notice)) = (then, notice) {
            let document = Document::Rule(announcement.rule);
            // Who asked first stays, where what was announced is announced anew.
            let first = seen.filter(|kept| kept.is_open() && kept.request.document == document);
            let first = first.map_or(&self.lease.request, |kept| &kept.request);
            let request = Request { document, credential: None, reason: None, ..first.clone() };
            let (announcement, due) = ((**announcement).clone(), announcement.from.max(again));
            return Ok(ledger.announce(self.lease, seen, announcement, &request, notice, due).await?);
        }
        self.tell(notice.as_deref()).await?;
        match (then, seen.filter(|kept| kept.is_open())) {
            (Then::Again(until), Some(open)) => {
                ledger.put_off_announcement(self.lease, open, until.unwrap_or(again)).await?;
            }
            (Then::End, Some(open)) if self.lease.request.document == Document::Rule(open.announcement.rule) => {
                ledger.end_announcement(self.lease, open, reason, self.now).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends what this remedy had announced of credentials that the rule does not find any more.
    async fn end_announcements(&self, rule: RuleName, found: &[CredentialId]) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::new();
        for kept in self.record.announcements.iter().filter(|kept| kept.is_open()) {
            let Announcement { remedy, rule: of, credential, .. } = &kept.announcement;
            let is_open = self.record.work(Act::Remedy(*remedy), credential).is_some_and(Work::is_open);
            if *remedy != self.remedy.name || *of != rule || found.contains(credential) || is_open {
                continue;
            }
            let reason = format!("{credential}: nothing is to be done to it any more, which was announced");
            self.ports.ledger.end_announcement(self.lease, kept, &reason, self.now).await?;
            answers.push(Answer::unchanged(Status::NothingToDo, reason));
        }
        Ok(answers)
    }

    /// Writes down, with who asked first and why, pays for and makes the change of a cleared credential.
    pub(crate) async fn undertake(
        &self,
        cleared: &Cleared<'_>,
        request: Request,
        because: String,
        still: impl Fn(&Verified<'_>, &Credential) -> Result<(), Refusal>,
    ) -> Result<Answer, Fault> {
        let credential = &cleared.verified().credential();
        let Some(plan) = plan(cleared, self.remedy.act) else {
            return Ok(Answer::unchanged(Status::NothingToDo, format!("{credential} is as it should be")));
        };
        if !self.has_time_to_act() {
            // The lease is left to expire: by it the schedule finds what was not begun.
            return Err(Fault::OutOfTime(credential.clone()));
        }
        let (verified, purse, limit) = (cleared.verified(), cleared.purse(), cleared.budget());
        let undo_until = match plan.to() {
            Effect::Status(_) => {
                Some(self.now.checked_add(verified.limits().undo.duration()).unwrap_or(Timestamp::MAX))
            }
            Effect::Deleted => None,
        };
        let act = Act::Remedy(self.remedy.name);
        let work = Work {
            act,
            credential: credential.clone(),
            request,
            taken_up: Vec::new(),
            begun: self.now,
            tried: self.now,
            run: self.lease.run.clone(),
            because,
            policy: self.policy.id(),
            before: sighting(verified.live(), self.now),
            undo_until,
            step: Step::Intended,
            earlier: Vec::new(),
        };
        let follows = self.record.work(act, credential).cloned();
        let beside = self.revocation_of(cleared);
        let intent = Intent { work, follows, purse, limit, undoes: None, hold: None, beside: beside.clone() };
        let work = match self.begun(intent, credential).await? {
            Ok(work) => work,
            Err(answer) => {
                if matches!(answer.status, Status::OverBudget | Status::Held) && verified.is_compromise() {
                    self.tell_of_what_is_left(verified, &answer.reason).await?;
                }
                if answer.status == Status::OverBudget {
                    let ground = cleared.verified().ground();
                    let notice =
                        matches!(ground, Ground::Finding(_)).then(|| self.notice_of_budget(credential, ground));
                    self.tell(notice.as_ref()).await?;
                }
                return Ok(answer);
            }
        };
        self.change(verified, Changing { work, plan, tried: None, beside }, |live| still(verified, live)).await
    }

    /// An act that an earlier run left open. It is paid for; everything else is asked again.
    async fn resume(&self, background: &Background, work: Work) -> Result<Answer, Fault> {
        let work = match self.came_to_its_end(work).await? {
            Ok(answer) => return Ok(answer),
            Err(open) => open,
        };
        let cleared = self.clear(background, &work.credential, true).await?;
        self.go_on(work, cleared, |verified, live| self.still(verified, live)).await
    }

    /// Settles open work of which IAM shows that it is over, or leaves it open for a list to catch up; gives back what is
    /// still to be done.
    pub(crate) async fn came_to_its_end(&self, work: Work) -> Result<Result<Answer, Work>, Fault> {
        let credential = work.credential.clone();
        let is_deleted = !credential.kind().has_status();
        let Some(live) = live_credential(self.user, &credential).map_err(Fault::Gap)? else {
            // INVARIANT (every crash point): as below, the intent is ours and it is as intended.
            let outcome = if is_deleted { Outcome::Deleted } else { deleted(&credential) };
            return self.take_over_and_settle(work, outcome).await.map(Ok);
        };
        if live.created != work.before.created {
            let outcome = replaced(&work, &live);
            return self.take_over_and_settle(work, outcome).await.map(Ok);
        }
        if live.status == CredentialStatus::Expired {
            return self.take_over_and_settle(work, expired(&credential)).await.map(Ok);
        }
        if (self.remedy.act)(&live).is_none() {
            // INVARIANT (every crash point): the intent is ours and it is as intended, so the write arrived and
            // only its record is missing. (Somebody who made the same change by hand meanwhile cannot be told from us.)
            let done = Outcome::Done { after: sighting(&live, self.now) };
            return self.take_over_and_settle(work, done).await.map(Ok);
        }
        match work.step {
            // Nobody can have given it back, so IAM has not deleted it after all.
            Step::Applied { at } if is_deleted && self.now.duration_since(at) >= LISTS_LAG => Ok(Err(work)),
            Step::Applied { at } => self.unconfirmed(work, at).await.map(Ok),
            Step::Intended | Step::Settled { .. } => Ok(Err(work)),
        }
    }

    /// Goes on with open work, or gives it up where nothing is cleared.
    pub(crate) async fn go_on(
        &self,
        work: Work,
        cleared: Result<Cleared<'_>, Blocked>,
        still: impl Fn(&Verified<'_>, &Credential) -> Result<(), Refusal>,
    ) -> Result<Answer, Fault> {
        // INVARIANT (every crash point): the run died before its write, or the write arrived and this list does not show
        // it yet. Making the change again is right in both cases; forgetting the intent only where no list lags.
        let tried = work.tried;
        match cleared {
            Ok(cleared) => {
                let Some(plan) = plan(&cleared, self.remedy.act) else {
                    let after = sighting(cleared.verified().live(), self.now);
                    return self.take_over_and_settle(work, Outcome::Done { after }).await;
                };
                let work = self.ports.ledger.take_over(self.lease, work, true, self.now).await?;
                let changing = Changing { work, plan, tried: Some(tried), beside: None };
                self.change(cleared.verified(), changing, |live| still(cleared.verified(), live)).await
            }
            Err(blocked) => {
                self.follow(&blocked).await?;
                let Blocked { status, reason, then, .. } = blocked;
                let work = self.ports.ledger.take_over(self.lease, work, false, self.now).await?;
                if let Then::Again(Some(until)) = then {
                    self.ports.ledger.keep_work(self.lease, work, until).await?;
                    return Ok(Answer::unchanged(status, reason));
                }
                self.give_up(work, status, reason, Some(tried)).await
            }
        }
    }

    /// Whether what was read just before the change may still be changed.
    fn still(&self, verified: &Verified<'_>, live: &Credential) -> Result<(), Refusal> {
        if verified.is_compromise() { Ok(()) } else { silent(self.user, live, verified.limits(), self.now) }
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

/// What follows where nothing is verified of a credential.
pub(crate) fn unverified(credential: &CredentialId, why: &Unverified) -> Result<Blocked, Fault> {
    let (status, reason, then) = match why {
        Unverified::Settled(reason) => (Status::NothingToDo, reason.clone(), Then::End),
        Unverified::Unknown(gap) => {
            let Answer { status, reason, .. } = unknown(gap)?;
            (status, format!("{credential}: {reason}"), Then::Again(None))
        }
    };
    Ok(Blocked { credential: credential.clone(), status, reason, notice: None, then })
}

/// A fact that is not known: a fault where trying again may help, held where it makes no sense.
pub(crate) fn unknown(gap: &Gap) -> Result<Answer, Fault> {
    match gap.reason {
        GapReason::Implausible => Ok(Answer::unchanged(Status::Held, gap.to_string())),
        GapReason::Denied | GapReason::Throttled | GapReason::Failed | GapReason::NotReached => {
            Err(Fault::Gap(gap.clone()))
        }
    }
}
