//! The new key of a user who is enrolled: what is known of it, how it is asked for, and how room is made for it.
//!
//! `mint-key` creates it, and nothing else does. Here a mint is written down, and Secrets Manager is asked to rotate the
//! user's secret by its token, which does the same however often it is done.

use std::error::Error;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, LastUse, Status as CredentialStatus};
use credwarden_inventory::live::{LastUses, read_credential};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::request::Request;
use credwarden_ledger::rotation::KeptRotation;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Intent, Outcome, Step, Work};
use credwarden_policy::enrolment::{Enrolment, RequestToken};
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::rotation::{Broken, Enrolled, Idle, Standing};
use jiff::Timestamp;
use tracing::{info, warn};

use crate::answer::{Answer, Status};
use crate::fault::Fault;
use crate::guard::Cleared;
use crate::run::Run;
use crate::secret::{Delivery, Secrets};
use crate::step::{deleted, sighting};
use crate::verify::live_credential;
use crate::write::{WriteError, WriteIam};

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V: Secrets> Run<'_, S, C, R, W, T, V> {
    /// What is known of the user's enrolment for the rotation of one key; `None`: the user is not enrolled.
    pub(crate) async fn enrolled(&self, kept: Option<&KeptRotation>) -> Result<Option<Enrolled>, Fault> {
        let rotation = kept.map(|kept| &kept.rotation);
        let mint = match rotation.and_then(|rotation| rotation.mint.as_ref()) {
            Some(token) => self.ports.ledger.mint(token).await?.map(|kept| kept.mint),
            None => None,
        };
        let Some(enrolment) = &self.record.enrolment else { return Ok(self.withdrawn(mint).await) };
        let is_fetched = rotation.is_some_and(|rotation| rotation.fetched.is_some());
        let fetched = match &mint {
            Some(mint) if !is_fetched => self.fetched(enrolment, mint).await,
            _ => None,
        };
        let standing = self.standing(enrolment).await;
        Ok(Some(Enrolled { user: self.user.id.clone(), secret: enrolment.secret.clone(), standing, mint, fetched }))
    }

    /// What is left of an enrolment that was withdrawn while a key was being minted, as long as its secret is there.
    ///
    /// INVARIANT (no key whose secret nobody holds): until `mint-key` has cleared away what a dead run may have left, it is
    /// called by the token of that mint.
    async fn withdrawn(&self, mint: Option<Mint>) -> Option<Enrolled> {
        let mint = mint.filter(|mint| mint.step.may_have_left_a_key())?;
        let secret = mint.secret.clone();
        let is_gone = matches!(self.ports.secrets.read_secret(&secret).await, Ok(None));
        let standing = Standing::Broken(Broken::Withdrawn);
        (!is_gone).then(|| Enrolled { user: self.user.id.clone(), secret, standing, mint: Some(mint), fetched: None })
    }

    /// Whether what was approved is still so.
    async fn standing(&self, enrolment: &Enrolment) -> Standing {
        match self.ports.secrets.read_secret(&enrolment.secret).await {
            Ok(Some(secret)) if secret.resource_policy == enrolment.resource_policy => Standing::Stands,
            Ok(Some(_)) => Standing::Broken(Broken::PolicyChanged),
            Ok(None) => Standing::Broken(Broken::SecretGone),
            Err(error) => {
                warn!(user.id = %self.user.id, error = &error as &dyn Error, "nothing is minted before it is known");
                Standing::Unknown(Gap::new(GapReason::Failed, error.doing))
            }
        }
    }

    /// When the retriever fetched what was minted. A history that does not answer shows no fetch.
    async fn fetched(&self, enrolment: &Enrolment, mint: &Mint) -> Option<Timestamp> {
        let MintStep::Delivered { at, .. } = mint.step else { return None };
        let (secret, token, retriever) = (&mint.secret, &mint.token, &enrolment.retriever);
        let delivery = Delivery { secret, token, retriever, since: at };
        self.ports.secrets.fetched(&delivery, self.now).await.unwrap_or_else(|error| {
            warn!(user.id = %self.user.id, error = &error as &dyn Error, "whether it was fetched is asked again");
            None
        })
    }

    /// Of the user's other keys, one that an act of the ledger made inactive, and that nobody has made active since.
    pub(crate) async fn idle(&self, others: &[Credential]) -> Result<Option<Idle>, Fault> {
        let inactive = others.iter().filter(|other| other.status == CredentialStatus::Inactive);
        for other in inactive.filter(|other| self.record.hold(&other.id, self.now).is_none()) {
            let works = self.record.works.iter().filter(|work| work.credential == other.id);
            let seen = works.filter_map(|work| match (work.act, &work.step) {
                (Act::Remedy(_), Step::Settled { at, outcome: Outcome::Done { after } }) => {
                    (after.status == CredentialStatus::Inactive).then_some(*at)
                }
                _ => None,
            });
            let Some(since) = seen.max() else { continue };
            let ids = [other.id.clone()];
            let recorded = self.ports.ledger.creations_of(&ids, &self.user.name).await?;
            let is_made_active = recorded.creations.iter().any(|act| act.credential == other.id && act.at > since);
            if !is_made_active {
                return Ok(Some(Idle { key: other.id.clone(), since }));
            }
        }
        Ok(None)
    }

    /// Asks for the new key of an old one: the mint is written down first, and then Secrets Manager is told.
    pub(crate) async fn ask_for_mint(&self, key: &CredentialId, token: RequestToken) -> Result<Answer, Fault> {
        let kept = match (self.ports.ledger.mint(&token).await?, &self.record.enrolment) {
            (Some(kept), _) => kept,
            (None, None) => return Ok(Answer::unchanged(Status::Held, format!("{key}: its user is not enrolled"))),
            (None, Some(Enrolment { secret, .. })) => {
                let mint = Mint {
                    token,
                    user: self.user.id.clone(),
                    name: self.user.name.clone(),
                    secret: secret.clone(),
                    replaces: key.clone(),
                    asked: self.now,
                    step: MintStep::Asked,
                };
                // INVARIANT (nobody else mints): what is not written down is refused, so a token that is lost mints nothing.
                self.ports.ledger.ask_for_mint(self.lease, mint).await?
            }
        };
        if kept.mint.step.is_last() {
            return Ok(Answer::unchanged(Status::Rotating, format!("{key}: what was asked for is there")));
        }
        let Mint { secret, token, .. } = &kept.mint;
        match self.ports.secrets.rotate(secret, token).await {
            Ok(()) => {
                let what = format!("{key}: a new key was asked for, to be minted into {secret}");
                info!(user.id = %self.user.id, execution = %self.lease.request.execution, "{what}");
                Ok(Answer::unchanged(Status::Rotating, what))
            }
            Err(error) => {
                warn!(user.id = %self.user.id, error = &error as &dyn Error, "no key is minted yet");
                Ok(Answer::unchanged(Status::Held, format!("{key}: {error}; it is asked for again")))
            }
        }
    }

    /// Settles the deletions of earlier runs whose keys are gone.
    pub(crate) async fn settle_deletions(&self, keys: &[Credential]) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::new();
        let open = self.record.works.iter().filter(|work| work.act == Act::DeleteIdle && work.is_open());
        for work in open.filter(|work| keys.iter().all(|key| key.id != work.credential)) {
            let work = self.ports.ledger.take_over(self.lease, work.clone(), false, self.now).await?;
            answers.push(self.deleted(work).await?);
        }
        Ok(answers)
    }

    /// Gives up the deletions of earlier runs that are not to go on.
    pub(crate) async fn withdraw_deletions(&self) -> Result<(), Fault> {
        let open = self.record.works.iter().filter(|work| work.act == Act::DeleteIdle && work.is_open());
        for work in open.filter(|work| live_credential(self.user, &work.credential).is_ok_and(|live| live.is_some())) {
            let tried = work.tried;
            let work = self.ports.ledger.take_over(self.lease, work.clone(), false, self.now).await?;
            let reason = format!("{} does not stand in the way any more", work.credential);
            self.give_up(work, Status::NothingToDo, reason, Some(tried)).await?;
        }
        Ok(())
    }

    /// Deletes an idle key of the user, to make room for one in place of the key that was cleared.
    pub(crate) async fn delete_idle(
        &self,
        cleared: &Cleared<'_>,
        idle: &Credential,
        request: Request,
    ) -> Result<Answer, Fault> {
        if !self.has_time_to_act() {
            // The lease is left to expire: by it the schedule finds what was not begun.
            return Err(Fault::OutOfTime(idle.id.clone()));
        }
        let known = self.record.work(Act::DeleteIdle, &idle.id).cloned();
        let work = match known {
            Some(open) if open.is_open() => self.ports.ledger.take_over(self.lease, open, true, self.now).await?,
            follows => {
                let old = cleared.verified().credential();
                let because = format!("a key in place of {old} needs its room, and it was inactive for long");
                let work = Work {
                    act: Act::DeleteIdle,
                    credential: idle.id.clone(),
                    request,
                    taken_up: Vec::new(),
                    begun: self.now,
                    tried: self.now,
                    run: self.lease.run.clone(),
                    because,
                    policy: self.policy.id(),
                    before: sighting(idle, self.now),
                    undo_until: None,
                    step: Step::Intended,
                    earlier: Vec::new(),
                };
                let (purse, limit) = (cleared.purse(), cleared.budget());
                let intent = Intent { work, follows, purse, limit, undoes: None, hold: None, beside: None };
                match self.begun(intent, &idle.id).await? {
                    Ok(work) => work,
                    Err(answer) => return Ok(answer),
                }
            }
        };
        self.delete(work, idle).await
    }

    async fn delete(&self, work: Work, decided: &Credential) -> Result<Answer, Fault> {
        // INVARIANT (own precondition): what was decided on is read again just before it is deleted.
        let (reader, user, key) = (&self.ports.reader, &self.user.name, work.credential.clone());
        let fresh = read_credential(reader, user, &key, LastUses::Read, self.now).await.map_err(Fault::Gap)?;
        let Some(fresh) = fresh else { return self.deleted(work).await };
        if matches!(fresh.last_use, LastUse::Unread(_) | LastUse::NotRead) {
            // It was known a moment ago, so it will be again: the act is paid for, and stays open.
            self.leave_open(work).await?;
            return Ok(Answer::unchanged(Status::Held, format!("it is not known whether {key} was used")));
        }
        if fresh.status != decided.status || fresh.last_use != decided.last_use {
            let tried = Some(work.tried).filter(|tried| *tried != self.now);
            return self.give_up(work, Status::Held, format!("{key} is not idle any more"), tried).await;
        }
        if !self.ports.ledger.holds_lease(self.lease).await? {
            return Ok(Answer::unchanged(Status::Waiting, format!("{key}: another run has taken over")));
        }
        match self.ports.writer.delete_access_key(user, &key).await {
            Ok(()) => info!(user.id = %self.user.id, "IAM was told to delete {key} of `{user}`"),
            Err(WriteError::NoSuchEntity { .. }) => {}
            Err(failed) => return Err(failed.into()),
        }
        let work = Work { step: Step::Applied { at: self.now }, ..work };
        match read_credential(reader, user, &key, LastUses::NotRead, self.now).await {
            Ok(None) => self.deleted(work).await,
            Ok(Some(_)) => self.wait(work, "IAM accepted it, but its lists do not show it yet").await,
            Err(error) => self.wait(work, &format!("IAM accepted it, but it cannot be read back: {error}")).await,
        }
    }

    /// Ends the deletion of a key that is gone, and has that told.
    async fn deleted(&self, work: Work) -> Result<Answer, Fault> {
        let (key, notice) = (work.credential.clone(), self.notice_of_done(&work));
        let work = work.settled(deleted(&key), self.now);
        self.ports.ledger.end_work(self.lease, work, Some(&notice), self.now).await?;
        Ok(Answer::unchanged(Status::Done, format!("{key} was deleted, which makes room for a new key")))
    }
}
