//! What a remedy has to tell a user's owner.

use std::fmt;

use credwarden_credential::age::date;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_credential::usage::Uses;
use credwarden_ledger::notice::{Notice, NoticeKind, Owner, Undo};
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::{Act, Work};
use credwarden_policy::announcement::Announcement;
use credwarden_policy::enrolment::ENROL_USER;
use credwarden_policy::limits::Limits;
use credwarden_policy::remedy::{Mode, RemedyName};
use credwarden_policy::rotation::{Delivery, Kept, Rotation, Tell};
use jiff::{SignedDuration, Timestamp};

use crate::fault::Fault;
use crate::guard::{OWNER_TAG, Permitted, Refusal};
use crate::run::Run;
use crate::undo::UNDO_HOLDS;
use crate::verify::Ground;

/// What a user keeps whose console password is deleted.
const STAYS: &str = "MFA devices, access keys, groups and permissions stay as they are";

/// What becomes of an old key.
const GOES: &str = "it is made inactive once nothing needs it, and nothing is deleted";

/// A day of the budget.
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl<S, C, R, W, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// Has the owner told.
    pub(crate) async fn tell(&self, notice: Option<&Notice>) -> Result<(), Fault> {
        if let Some(notice) = notice {
            self.ports.ledger.tell(notice).await?;
        }
        Ok(())
    }

    /// What is said of an act that is done.
    pub(crate) fn notice_of_done(&self, work: &Work) -> Notice {
        let Work { act, credential, because, begun, undo_until, .. } = work;
        let notice = self.notice(NoticeKind::Done, credential, Some(*begun));
        match act {
            Act::Remedy(_) if !credential.kind().has_status() => Notice {
                what: format!("it was deleted, which nothing undoes, because it breaks the policy: {because}"),
                to_do: format!("nothing, if the console is not needed; else have a new password set. {STAYS}"),
                ..notice
            },
            Act::Remedy(remedy) => Notice {
                what: match remedy {
                    RemedyName::RotateKey => format!("its rotation has ended and it was made inactive: {because}"),
                    RemedyName::DeactivateCredential | RemedyName::TagException => {
                        format!("`{remedy}` was done to it, because it breaks the policy: {because}")
                    }
                },
                to_do: "give whatever used it a new credential, for AWS refuses it now".to_owned(),
                undo: undo_until.map(|until| Undo { document: Document::Undo(*remedy), until }),
                ..notice
            },
            Act::Undo(remedy) => Notice {
                kind: NoticeKind::Undone,
                what: format!("`{remedy}` was undone: {because}. It works again, and is left alone for a time"),
                to_do: "replace it, or the same is done to it again".to_owned(),
                do_by: begun.checked_add(UNDO_HOLDS).ok(),
                ..notice
            },
            Act::DeleteIdle => Notice {
                what: format!("it was deleted, which nothing undoes: {because}"),
                to_do: "nothing, unless something was to use it again: give that the new key".to_owned(),
                ..notice
            },
            Act::RevokeSessions => Notice { what: format!("its user's sessions were refused: {because}"), ..notice },
        }
    }

    /// What is said where the guard refuses: nothing where the owner can do nothing about it.
    pub(crate) fn notice_of_refusal(
        &self,
        credential: &CredentialId,
        finding: &str,
        limits: Limits,
        refusal: &Refusal,
    ) -> Option<Notice> {
        let notice = |kind| self.notice(kind, credential, None);
        match refusal {
            Refusal::InUse { at, service, .. } => Some(Notice {
                what: format!(
                    "it breaks the policy and was left as it is, because it is in use, last on {} ({service}): {finding}",
                    date(*at)
                ),
                to_do: format!(
                    "move what uses it to a new credential, and stop using this one: `{}` is done to it once it has not \
                     been used for {}",
                    self.remedy.name, limits.in_use
                ),
                do_by: at.checked_add(limits.in_use.duration()).ok(),
                ..notice(NoticeKind::InUse)
            }),
            Refusal::UseUnseen { kind, .. } => Some(Notice {
                what: format!(
                    "it breaks the policy and was left as it is: IAM does not tell when a {} was used last, so it may be in \
                     use: {finding}",
                    kind.noun()
                ),
                to_do: "move what uses it to a new credential, and deactivate or delete this one".to_owned(),
                ..notice(NoticeKind::InUse)
            }),
            Refusal::Mode(Mode::Warn, _) => Some(Notice {
                what: format!("it breaks the policy, which only warns of it for now: {finding}"),
                to_do: format!("replace it: `{}` is done to it once the policy enforces", self.remedy.name),
                ..notice(NoticeKind::Warned)
            }),
            Refusal::Excepted { id, until } => Some(Notice {
                what: format!("it breaks the policy, which exception {id} lets it until {}: {finding}", date(*until)),
                to_do: format!("replace it: `{}` is done to it once the exception has ended", self.remedy.name),
                do_by: Some(*until),
                ..notice(NoticeKind::Excepted)
            }),
            Refusal::NoBudget => Some(self.notice_of_budget(credential, finding)),
            Refusal::KillSwitch(_)
            | Refusal::NoRemedy
            | Refusal::Mode(Mode::Observe | Mode::Enforce, _)
            | Refusal::Protected(_)
            | Refusal::Hold { .. }
            | Refusal::NotReported
            | Refusal::NotReportedLongEnough
            | Refusal::ReportedUnreadable(_)
            | Refusal::LastUseUnknown(_)
            | Refusal::Unannounced
            | Refusal::Announced { .. }
            | Refusal::Unapproved
            | Refusal::OutsideWindow { .. }
            | Refusal::NoPopulation
            | Refusal::PopulationUnreadable(_) => None,
        }
    }

    /// What is said before an act: of what nothing undoes, exactly what will be lost; of what waits for an approval, how to give
    /// it. `announcement` is what is announced now, and `None` where that was done before.
    pub(crate) fn notice_of_announcement(
        &self,
        credential: &CredentialId,
        ground: &Ground,
        announcement: Option<&Announcement>,
        needs_approval: bool,
    ) -> Notice {
        let approve = format!(
            "start the document {} with ResourceId {} and CredentialId {credential}, and have it approved",
            Document::Approve.name(&self.settings.prefix),
            self.user.id
        );
        match announcement {
            // What is due at once is no owner's to prevent.
            Some(announcement) if announcement.told < announcement.from => Notice {
                what: format!(
                    "it breaks the policy, and is to be deleted, which nothing undoes: {ground}. The password is then gone for \
                     good. {STAYS}{}",
                    if needs_approval { format!(". It is deleted only if that is approved: {approve}") } else { String::new() }
                ),
                to_do: "if the console is needed, sign in with it before that, or ask for an exception or a hold; if it is not, \
                        nothing. Who needs the console afterwards has a new password set"
                    .to_owned(),
                do_by: Some(announcement.from),
                ..self.notice(NoticeKind::Announced, credential, Some(announcement.told))
            },
            _ => Notice {
                what: format!(
                    "it breaks the policy, and `{}` waits until somebody has approved it: {ground}",
                    self.remedy.name
                ),
                to_do: format!("replace it, for it goes once that is approved; whoever sees to approvals: {approve}"),
                ..self.notice(NoticeKind::NeedsApproval, credential, None)
            },
        }
    }

    /// What is said where the day's budget is spent.
    pub(crate) fn notice_of_budget(&self, credential: &CredentialId, finding: impl fmt::Display) -> Notice {
        Notice {
            what: format!("it breaks the policy, and waits because the day's budget is spent: {finding}"),
            to_do: format!("replace it: `{}` is done to it on another day", self.remedy.name),
            do_by: next_day(self.now),
            ..self.notice(NoticeKind::OverBudget, credential, None)
        }
    }

    /// What is said of a rotation.
    pub(crate) fn notice_of_rotation(
        &self,
        permitted: &Permitted<'_>,
        rotation: &Rotation,
        tell: &Tell,
        advice: fn(&Credential, &Uses) -> String,
        uses: &Uses,
    ) -> Notice {
        let (verified, old) = (permitted.verified(), &rotation.key);
        let (ground, name) = (verified.ground(), &self.user.name);
        let acknowledge = format!(
            "start the document {} with ResourceId {} and CredentialId {old}",
            Document::AcknowledgeRotation.name(&self.settings.prefix),
            self.user.id
        );
        let is_for_enrolled = permitted.remedy().delivery == Delivery::Secret && rotation.delivery == Delivery::Owner;
        let by_whom = if is_for_enrolled { ", which its owner creates because its user is not enrolled" } else { "" };
        let notice =
            Notice { do_by: Some(rotation.deadline), ..self.notice(NoticeKind::CreateKey, old, Some(rotation.opened)) };
        match tell {
            Tell::CreateKey => Notice {
                what: format!("it is to be replaced by a new access key{by_whom}, and {GOES}: {ground}"),
                to_do: format!(
                    "create a second access key of `{name}`, give it to whatever uses {old}, and when nothing needs {old} any \
                     more {acknowledge}"
                ),
                ..notice
            },
            Tell::Minting(_) | Tell::NotMinted(_) | Tell::Fetch { .. } => {
                self.notice_of_minting(notice, rotation, tell, &ground.to_string(), &acknowledge)
            }
            Tell::FreeSlot(other) => Notice {
                kind: NoticeKind::FreeSlot,
                what: format!("it is to be replaced by a new access key, for which there is no room: {ground}"),
                to_do: format!(
                    "see whether anything needs {other}, and delete it if nothing does, for a user has two access keys at \
                     most; {}",
                    match rotation.delivery {
                        Delivery::Secret => "then a new one is minted",
                        Delivery::Owner | Delivery::Replace => "then create a new one; Credwarden deletes none",
                    }
                ),
                ..notice
            },
            Tell::Move(new) => Notice {
                kind: NoticeKind::MoveToKey,
                what: format!("it is to be replaced by {new}, and {GOES}: {ground}"),
                to_do: format!(
                    "give {new} to whatever uses {old}, and when nothing needs {old} any more {acknowledge}"
                ),
                ..notice
            },
            Tell::Acknowledge(new) => Notice {
                kind: NoticeKind::Acknowledge,
                what: format!("{new} is used in its place, and it was not used for long: {ground}"),
                to_do: format!("if nothing needs {old} any more, not even once a quarter, {acknowledge}"),
                ..notice
            },
            Tell::Overdue(kept) => Notice {
                kind: NoticeKind::Overdue,
                what: format!("it was to be replaced by {}, and {}: {ground}", date(rotation.deadline), kept_by(kept)),
                to_do: match kept {
                    Kept::NoNewKey if rotation.delivery == Delivery::Secret => {
                        "see why none is minted: the log of the function `mint-key` tells".to_owned()
                    }
                    Kept::NoNewKey => format!("create another access key of `{name}` and move to it"),
                    Kept::NewKeyUnused(new) => format!("give {new} to whatever uses {old}"),
                    Kept::InUse(_) => format!("find what uses {old} still, and give it the new key"),
                    Kept::NotAcknowledged => format!("if nothing needs {old} any more, {acknowledge}"),
                    Kept::NotFetched(new) => format!("have {new} fetched by its retriever, or {acknowledge}"),
                    Kept::NotMinted(_) => {
                        format!(
                            "have `{name}` enrolled anew, or its enrolment withdrawn, by the document {}",
                            self.enrol_user()
                        )
                    }
                },
                do_by: None,
                ..notice
            },
            Tell::UseRole => Notice {
                kind: NoticeKind::UseRole,
                what: format!("a role would do in its place, and it is not made inactive for its age: {ground}"),
                to_do: advice(verified.live(), uses),
                do_by: Some(rotation.deadline).filter(|deadline| *deadline >= self.now),
                ..notice
            },
        }
    }

    /// What is said of the new key of a user who is enrolled.
    fn notice_of_minting(
        &self,
        notice: Notice,
        Rotation { key: old, .. }: &Rotation,
        tell: &Tell,
        ground: &str,
        acknowledge: &str,
    ) -> Notice {
        let (name, enrol_user) = (&self.user.name, self.enrol_user());
        match tell {
            Tell::Minting(secret) => Notice {
                kind: NoticeKind::Minting,
                what: format!(
                    "it is to be replaced by a new access key, which will be minted into {secret} a day from now at the \
                     earliest, and {GOES}: {ground}. A key of `{name}` that Credwarden made inactive long ago is deleted if it \
                     stands in the way"
                ),
                to_do: format!(
                    "see that whatever uses {old} reads its key from that secret, and reads it again when it changes; to have \
                     none minted, have the enrolment withdrawn by the document {enrol_user}"
                ),
                ..notice
            },
            Tell::NotMinted(broken) => Notice {
                kind: NoticeKind::NotMinted,
                what: format!(
                    "it is to be replaced by a new access key, and none is minted: {broken}. It stays: {ground}"
                ),
                to_do: format!(
                    "have `{name}` enrolled anew by the document {enrol_user} if the secret is as it should be, or have its enrolment \
                     withdrawn by it, and the owner creates the key"
                ),
                ..notice
            },
            Tell::Fetch { key: new, secret } => Notice {
                kind: NoticeKind::FetchKey,
                what: format!("it is replaced by {new}, which is in {secret}, and {GOES}: {ground}"),
                to_do: format!(
                    "have whatever uses {old} read that secret again, which is seen when its retriever does; or when nothing \
                     needs {old} any more {acknowledge}"
                ),
                ..notice
            },
            _ => notice,
        }
    }

    /// The document by which users are enrolled.
    fn enrol_user(&self) -> String {
        format!("{}-{ENROL_USER}", self.settings.prefix)
    }

    /// A notice of the kind that says nothing yet.
    pub(crate) fn notice(&self, kind: NoticeKind, credential: &CredentialId, begun: Option<Timestamp>) -> Notice {
        let request = &self.lease.request;
        // The tag addresses, and decides nothing.
        let owner = self.user.tags.get(OWNER_TAG).and_then(|tag| tag.parse::<Owner>().ok());
        Notice {
            kind,
            at: self.now,
            user: self.user.id.clone(),
            name: Some(self.user.name.clone()),
            credential: Some(credential.clone()),
            document: request.document,
            requester: Some(request.requester.clone()),
            owner,
            what: String::new(),
            to_do: String::new(),
            do_by: None,
            undo: None,
            begun,
            creation: None,
            sessions_refused_until: None,
        }
    }
}

/// What keeps an old key, in words.
fn kept_by(kept: &Kept) -> String {
    match kept {
        Kept::NoNewKey => "there is no new key that is active".to_owned(),
        Kept::NewKeyUnused(new) => format!("{new} was never used"),
        Kept::InUse(LastUse::At { at, service, .. }) => {
            format!("it may still be in use, last on {} ({service})", date(*at))
        }
        Kept::InUse(LastUse::Never | LastUse::NotRead | LastUse::Unread(_)) => {
            "it is not certain that nothing uses it".to_owned()
        }
        Kept::NotAcknowledged => "nobody has said that nothing needs it any more".to_owned(),
        Kept::NotFetched(new) => format!("{new} was not seen to be fetched by its retriever"),
        Kept::NotMinted(broken) => format!("no new key is minted: {broken}"),
    }
}

/// The first instant of the next day in UTC, when the purse is full again.
fn next_day(now: Timestamp) -> Option<Timestamp> {
    let day = DAY.as_secs();
    let next = now.as_second().div_euclid(day).checked_add(1)?.checked_mul(day)?;
    Timestamp::from_second(next).ok()
}
