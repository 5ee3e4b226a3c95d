//! The rotation of a user's access keys, one step of each at a time.
//!
//! What the plan decides is written down, and told, before anything is done. Asking for a new key, and making room for it, is
//! in [`minting`](crate::minting). Making an old key inactive is an act like any
//! other: guarded, paid for, read back and undoable.

use std::cell::Cell;
use std::collections::BTreeSet;

use credwarden_credential::age::Days;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{Credential, Listing, Status as CredentialStatus};
use credwarden_credential::usage::Uses;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::observation::Observation;
use credwarden_ledger::request::{Document, Request};
use credwarden_ledger::rotation::KeptRotation;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Outcome, Step, Work};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::rotation::{Acknowledged, Decision, Delivery, Facts, Forced, Next, Tell};
use credwarden_policy::verdict::Verdict;
use credwarden_policy::window::Opening;
use jiff::{SignedDuration, Timestamp};

use crate::act::{self, Background, Blocked, LOOKED_AT_AGAIN, Then, unknown};
use crate::answer::{Answer, Status};
use crate::fault::Fault;
use crate::guard::{InUse, Permitted, Refusal, clear, permit, silent, unused_since};
use crate::remedy::{Answered, Rotating};
use crate::run::Run;
use crate::secret::Secrets;
use crate::verify::{Ground, Unverified, Verified, verify, verify_asked};
use crate::write::WriteIam;

/// How long an old key may go unseen that is to be made inactive: the next look confirms that it is.
const CONFIRMED_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// What a person asks for in the execution that is answered; nothing: a rule or the schedule does.
#[derive(Default)]
struct Asked {
    /// Whose word it is that nothing needs which key any more.
    acknowledged: Option<(CredentialId, Acknowledged)>,
    /// Which keys shall be rotated, and why.
    forced: Option<(Vec<CredentialId>, Forced)>,
}

/// What is read once for all keys of the user.
struct Scene<'a> {
    rotating: Rotating,
    background: Background,
    keys: Vec<Credential>,
    observed: Option<Observation>,
    asked: &'a Asked,
    /// Whether a key is deleted by this execution.
    makes_room: Cell<bool>,
}

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V: Secrets> Run<'_, S, C, R, W, T, V> {
    /// Takes the next step in the rotation of each of the user's access keys that the execution is about.
    pub(crate) async fn rotate(&self, rotating: Rotating) -> Result<Answer, Fault> {
        let Some(Answered { rule, judge, .. }) = self.remedy.rules.first().copied() else {
            return Ok(Answer::unchanged(Status::NothingToDo, "this remedy answers no rule"));
        };
        let keys = match self.user.listing(CredentialKind::AccessKey) {
            Some(Listing::Live(keys)) => keys,
            Some(Listing::Unread(gap)) => return Err(Fault::Gap(gap)),
            Some(Listing::Reported(_)) | None => Vec::new(),
        };
        let asked = match self.asked(&keys) {
            Ok(asked) => asked,
            Err(refusal) => return Ok(Answer::unchanged(Status::Refused, refusal)),
        };
        let verdict = judge(self.user, self.policy, &Exceptions::default(), self.now);
        let about = self.about(&verdict, &asked);
        let mut answers = self.settle_deletions(&keys).await?;
        if about.is_empty() && !matches!(verdict, Verdict::Unknown(_)) {
            self.withdraw_deletions().await?;
            let reason = format!("no access key of `{}` breaks the policy", self.user.name);
            return Ok(Answer::unchanged(Status::NothingToDo, reason));
        }
        let observed = self.ports.ledger.observation(CredentialKind::AccessKey, &self.user.id).await?;
        let background = self.background(rule, judge).await;
        let scene = Scene { rotating, background, keys, observed, asked: &asked, makes_room: Cell::new(false) };
        for key in &about {
            answers.push(self.step(&scene, key).await?.about(key));
        }
        if !scene.makes_room.get() {
            self.withdraw_deletions().await?;
        }
        if let Verdict::Unknown(gap) = &verdict {
            answers.push(unknown(gap)?);
        }
        Ok(Answer::of(answers, "no access key is rotated"))
    }

    /// What a person asks for, or why that is refused.
    fn asked(&self, keys: &[Credential]) -> Result<Asked, String> {
        let Request { document, credential, requester, asked, reason, .. } = &self.lease.request;
        let (user, is_theirs) = (&self.user.name, |key: &CredentialId| keys.iter().any(|held| held.id == *key));
        if let Some(key) = credential.as_ref().filter(|key| !is_theirs(key)) {
            return Err(format!("`{user}` has no access key {key}"));
        }
        match document {
            Document::Rule(_) | Document::Undo(_) | Document::Approve => Ok(Asked::default()),
            Document::AcknowledgeRotation => {
                let key = credential.clone().ok_or_else(|| "no access key is named".to_owned())?;
                if !self.record.rotation(&key).is_some_and(KeptRotation::is_open) {
                    return Err(format!("no rotation of {key} is under way, so there is nothing to acknowledge"));
                }
                // INVARIANT (said once): a word that a run left behind counts from when it was given.
                let said = Acknowledged { by: requester.clone(), at: asked.unwrap_or(self.now) };
                Ok(Asked { acknowledged: Some((key, said)), ..Asked::default() })
            }
            Document::ForceRotation => {
                let forced = Forced { by: requester.clone(), reason: reason.clone().unwrap_or_default() };
                let of_all = || keys.iter().filter(|key| self.may_be_forced(key)).map(|key| key.id.clone()).collect();
                let asked = credential.as_ref().map_or_else(of_all, |key| vec![key.clone()]);
                if asked.is_empty() {
                    return Err(format!("`{user}` has no active access key to rotate"));
                }
                Ok(Asked { forced: Some((asked, forced)), ..Asked::default() })
            }
        }
    }

    /// Of all keys, those that can be used, and that are not just taking another's place.
    fn may_be_forced(&self, key: &Credential) -> bool {
        let open = self.record.rotations.iter().filter(|kept| kept.is_open());
        let mut replacements = open.filter_map(|kept| kept.rotation.replacement.as_ref());
        key.status == CredentialStatus::Active && replacements.all(|replacement| replacement.key != key.id)
    }

    /// The keys that the execution is about: what a person names, or what has begun and what breaks the policy.
    fn about(&self, verdict: &Verdict, asked: &Asked) -> BTreeSet<CredentialId> {
        if let Some((key, _)) = &asked.acknowledged {
            return BTreeSet::from([key.clone()]);
        }
        if let Some((keys, _)) = &asked.forced {
            return keys.iter().cloned().collect();
        }
        let found = verdict.findings().filter_map(|finding| finding.credential());
        let found = found.filter(|credential| credential.kind() == CredentialKind::AccessKey);
        let begun = self.record.rotations.iter().filter(|kept| kept.is_open()).map(|kept| &kept.rotation.key);
        let act = Act::Remedy(self.remedy.name);
        let open = self.record.works.iter().filter(|work| work.act == act && work.is_open());
        let announced = self.record.announcements.iter().filter(|kept| kept.is_open()).map(|kept| &kept.announcement);
        let announced = announced.filter(|announced| announced.remedy == self.remedy.name);
        let announced = announced.map(|announced| &announced.credential);
        found.chain(begun).chain(open.map(|work| &work.credential)).chain(announced).cloned().collect()
    }

    /// The next step of one key.
    async fn step(&self, scene: &Scene<'_>, key: &CredentialId) -> Result<Answer, Fault> {
        let act = Act::Remedy(self.remedy.name);
        let open = self.record.work(act, key).filter(|work| work.is_open()).cloned();
        let open = match open {
            None => None,
            Some(work) => match self.came_to_its_end(work).await? {
                Ok(answer) => return Ok(answer),
                Err(open) => Some(open),
            },
        };
        let kept = self.record.rotation(key);
        let Some(live) = scene.keys.iter().find(|held| held.id == *key) else {
            return self.give_up_rotation(key, kept, Status::NothingToDo, format!("{key} was deleted")).await;
        };
        if live.status != CredentialStatus::Active {
            let is_rotated = kept.is_some_and(KeptRotation::is_open);
            let reason = format!("{key} is inactive{}", if is_rotated { "" } else { " already" });
            return self.give_up_rotation(key, kept, Status::NothingToDo, reason).await;
        }
        let forced = forced(scene, key, kept);
        let verified = match &forced {
            Some(forced) => verify_asked(self.user, key, self.policy, forced),
            None => verify(scene.background.judge, self.user, key, self.policy, self.now),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(unverified) => {
                let Blocked { status, reason, .. } = act::unverified(key, &unverified)?;
                return match unverified {
                    Unverified::Settled(_) => self.withdraw(key, open, kept, status, reason).await,
                    // What is not known ends nothing.
                    Unverified::Unknown(_) => Ok(Answer::unchanged(status, reason)),
                };
            }
        };
        let refused = self.refused(scene.background.rule, &verified);
        let permitted = match permit(verified, &self.facts(&scene.background, open.is_some()), self.now) {
            Ok(permitted) => permitted,
            Err(refusal) => {
                let Blocked { status, reason, notice, .. } = refused(&refusal);
                self.tell(notice.as_deref()).await?;
                let is_person = matches!(self.lease.request.document, Document::ForceRotation);
                let status = if is_person && refusal == Refusal::NoRemedy { Status::Refused } else { status };
                if refusal.is_passing() {
                    return Ok(Answer::unchanged(status, reason));
                }
                return self.withdraw(key, open, kept, status, reason).await;
            }
        };
        let decision = self.decide(scene, &permitted, kept, forced.as_ref()).await?;
        self.write_down(scene, &permitted, kept, &decision).await?;
        let rotation = &decision.rotation;
        match decision.next {
            Next::AskForMint { token } => {
                self.leave_for_now(open, key).await?;
                self.ask_for_mint(key, token).await
            }
            Next::DeleteIdle { key: idle } => {
                scene.makes_room.set(true);
                self.leave_for_now(open, key).await?;
                self.make_room(scene, permitted, kept, &idle).await
            }
            Next::Wait { why, .. } => {
                let status = if rotation.escalated.is_some() { Status::Held } else { Status::Rotating };
                let said_of_nothing = scene.asked.acknowledged.is_some() && rotation.acknowledged.is_none();
                // Whoever has said so must not believe that it counts.
                let (status, reason) = if said_of_nothing {
                    let when = "that was said before there was this new key, or this rotation, so it does not count";
                    (Status::Refused, format!("{key}: {when}; {why}"))
                } else {
                    (status, format!("{key}: {why}"))
                };
                match open {
                    None => Ok(Answer::unchanged(status, reason)),
                    Some(work) => self.go_on(work, Err(kept_from(key, status, reason)), |_, _| Ok(())).await,
                }
            }
            Next::End => Ok(Answer::unchanged(Status::NothingToDo, format!("{key}: its rotation has ended"))),
            Next::Deactivate { though_in_use } => self.make_inactive(scene, permitted, kept, open, though_in_use).await,
        }
    }

    /// Gives up an act on the old key that the plan does not decide on any more.
    async fn leave_for_now(&self, open: Option<Work>, key: &CredentialId) -> Result<(), Fault> {
        if let Some(work) = open {
            let blocked = kept_from(key, Status::Rotating, format!("{key} waits for a new key"));
            self.go_on(work, Err(blocked), |_, _| Ok(())).await?;
        }
        Ok(())
    }

    /// Deletes an idle key in the way of a new one, as far as the guard lets it.
    async fn make_room(
        &self,
        scene: &Scene<'_>,
        permitted: Permitted<'_>,
        kept: Option<&KeptRotation>,
        idle: &CredentialId,
    ) -> Result<Answer, Fault> {
        let refused = self.refused(scene.background.rule, permitted.verified());
        let Some(idle) = scene.keys.iter().find(|held| held.id == *idle) else {
            return Ok(Answer::unchanged(Status::NothingToDo, format!("{idle} is gone")));
        };
        let is_paid = self.record.work(Act::DeleteIdle, &idle.id).is_some_and(Work::is_open);
        match clear(permitted, InUse::Changed, &self.facts(&scene.background, is_paid), self.now) {
            Ok(cleared) => self.delete_idle(&cleared, idle, self.request_of(scene, kept)).await,
            // What a rotation waits for is when it is due itself.
            Err(refusal) => {
                let blocked = refused(&refusal);
                self.follow(&blocked).await?;
                Ok(Answer::unchanged(blocked.status, blocked.reason))
            }
        }
    }

    /// What decides, and what follows.
    async fn decide(
        &self,
        scene: &Scene<'_>,
        permitted: &Permitted<'_>,
        kept: Option<&KeptRotation>,
        forced: Option<&Forced>,
    ) -> Result<Decision, Fault> {
        let (verified, remedy) = (permitted.verified(), permitted.remedy());
        let key = verified.live();
        let others: Vec<_> = scene.keys.iter().filter(|held| held.id != key.id).cloned().collect();
        let said = scene.asked.acknowledged.as_ref().filter(|(named, _)| *named == key.id);
        let is_minted = remedy.delivery == Delivery::Secret;
        let enrolled = if is_minted { self.enrolled(kept).await? } else { None };
        let idle = if enrolled.is_some() { self.idle(&others).await? } else { None };
        let facts = Facts {
            key,
            others: &others,
            rotation: kept.map(|kept| &kept.rotation),
            deactivated: self.made_inactive(&key.id),
            forced,
            acknowledged: said.map(|(_, said)| said),
            longest_gap: scene.observed.as_ref().and_then(|seen| seen.of(key)?.longest_gap_days.map(Days)),
            limits: verified.limits(),
            delivery: remedy.delivery,
            enrolled: enrolled.as_ref(),
            idle: idle.as_ref(),
            may_force: remedy.force,
        };
        Ok((scene.rotating.plan)(&facts, self.now))
    }

    /// When the ledger says that a key was made inactive last, by whatever remedy.
    fn made_inactive(&self, key: &CredentialId) -> Option<Timestamp> {
        let works = self.record.works.iter().filter(|work| work.credential == *key);
        let acts = works.filter(|work| matches!(work.act, Act::Remedy(_)));
        let done = acts.filter_map(|Work { step, .. }| match step {
            Step::Settled { at, outcome: Outcome::Done { .. } | Outcome::Undone { .. } | Outcome::Reversed } => {
                Some(*at)
            }
            Step::Settled {
                outcome: Outcome::Withdrawn { .. } | Outcome::Gone { .. } | Outcome::Deleted | Outcome::Ended,
                ..
            }
            | Step::Intended
            | Step::Applied { .. } => None,
        });
        done.max()
    }

    /// Writes down what was decided, with what is told of it.
    async fn write_down(
        &self,
        scene: &Scene<'_>,
        permitted: &Permitted<'_>,
        kept: Option<&KeptRotation>,
        decision: &Decision,
    ) -> Result<(), Fault> {
        let Decision { rotation, tell, next } = decision;
        let uses = match tell {
            Some(Tell::UseRole) => self.ports.usage.uses(permitted.verified().live(), self.now).await,
            _ => Uses::NotRead,
        };
        let advice = scene.rotating.advice;
        let notice = tell.as_ref().map(|tell| self.notice_of_rotation(permitted, rotation, tell, advice, &uses));
        let confirmed = self.now.checked_add(CONFIRMED_AFTER).unwrap_or(Timestamp::MAX);
        let due = match next {
            Next::Wait { until, .. } => *until,
            // An approval has it looked at again.
            Next::Deactivate { .. } if self.is_unapproved(permitted) => {
                self.now.checked_add(LOOKED_AT_AGAIN).unwrap_or(Timestamp::MAX)
            }
            Next::Deactivate { .. } | Next::DeleteIdle { .. } => {
                match self.policy.opening(permitted.verified().class(), self.now) {
                    Opening::Open => confirmed,
                    Opening::Closed { opens } => opens,
                }
            }
            Next::AskForMint { .. } | Next::End => confirmed,
        };
        let request = self.request_of(scene, kept);
        let ledger = &self.ports.ledger;
        Ok(ledger.keep_rotation(self.lease, kept, rotation.clone(), &request, notice.as_ref(), due).await?)
    }

    /// Whether what the key has come to waits for an approval.
    fn is_unapproved(&self, permitted: &Permitted<'_>) -> bool {
        let announced = self.record.announced(&permitted.verified().credential());
        permitted.remedy().approval && announced.is_none_or(|kept| kept.announcement.approval.is_none())
    }

    /// What the schedule goes on with: the rule's document, which goes on with all that has begun and asks for nothing
    /// that a person asked for once.
    fn request_of(&self, scene: &Scene<'_>, kept: Option<&KeptRotation>) -> Request {
        match kept.filter(|kept| kept.is_open()) {
            Some(kept) => kept.request.clone(),
            None => Request {
                document: Document::Rule(scene.background.rule),
                credential: None,
                reason: None,
                ..self.lease.request.clone()
            },
        }
    }

    /// Makes an old key inactive that nothing needs any more, as far as the guard lets it.
    async fn make_inactive(
        &self,
        scene: &Scene<'_>,
        permitted: Permitted<'_>,
        kept: Option<&KeptRotation>,
        open: Option<Work>,
        though_in_use: bool,
    ) -> Result<Answer, Fault> {
        let refused = self.refused(scene.background.rule, permitted.verified());
        let in_use = if though_in_use { InUse::Changed } else { InUse::Held };
        let facts = self.facts(&scene.background, open.is_some());
        let cleared = clear(permitted, in_use, &facts, self.now).map_err(|refusal| refused(&refusal));
        let still = |verified: &Verified<'_>, live: &Credential| match in_use {
            InUse::Changed => Ok(()),
            // INVARIANT (own precondition): what was decided is decided of a key that nobody has used since.
            InUse::Held => silent(self.user, live, verified.limits(), self.now)
                .and_then(|()| unused_since(self.user, verified.live(), live)),
        };
        match (open, cleared) {
            (Some(work), cleared) => self.go_on(work, cleared, still).await,
            (None, Ok(cleared)) => {
                let because = match cleared.verified().ground() {
                    Ground::Finding(finding) => format!("{}: {finding}", scene.background.rule),
                    asked @ Ground::Asked(_) => asked.to_string(),
                };
                let though =
                    if though_in_use { "; it was in use past its deadline, and its owner has a new one" } else { "" };
                let rule = scene.background.rule;
                let request = self.asked_first(rule, &cleared.verified().credential(), self.request_of(scene, kept));
                self.undertake(&cleared, request, because + though, still).await
            }
            (None, Err(blocked)) => {
                // What a rotation waits for is when it is due itself.
                self.follow(&blocked).await?;
                Ok(Answer::unchanged(blocked.status, blocked.reason))
            }
        }
    }

    /// Ends a rotation that is not to go on, with the act that it had come to.
    async fn withdraw(
        &self,
        key: &CredentialId,
        open: Option<Work>,
        kept: Option<&KeptRotation>,
        status: Status,
        reason: String,
    ) -> Result<Answer, Fault> {
        let answer = self.give_up_rotation(key, kept, status, reason.clone()).await?;
        match open {
            None => Ok(answer),
            Some(work) => self.go_on(work, Err(kept_from(key, status, reason)), |_, _| Ok(())).await,
        }
    }

    /// Ends a rotation without its act.
    async fn give_up_rotation(
        &self,
        key: &CredentialId,
        kept: Option<&KeptRotation>,
        status: Status,
        reason: String,
    ) -> Result<Answer, Fault> {
        self.follow(&Blocked { then: Then::End, ..kept_from(key, status, reason.clone()) }).await?;
        if let Some(kept) = kept.filter(|kept| kept.is_open()) {
            self.ports.ledger.end_rotation(self.lease, kept, &reason, self.now).await?;
        }
        Ok(Answer::unchanged(status, reason))
    }
}

/// What keeps a key from its act for now.
fn kept_from(key: &CredentialId, status: Status, reason: String) -> Blocked {
    Blocked { credential: key.clone(), status, reason, notice: None, then: Then::Again(None) }
}

/// The request by which a key is rotated whatever its age: that of this execution, or that which its rotation began with.
fn forced(scene: &Scene<'_>, key: &CredentialId, kept: Option<&KeptRotation>) -> Option<Forced> {
    let begun = kept.filter(|kept| kept.is_open()).and_then(|kept| kept.rotation.forced.clone());
    let asked = scene.asked.forced.as_ref().filter(|(keys, _)| keys.contains(key)).map(|(_, forced)| forced.clone());
    begun.or(asked)
}
