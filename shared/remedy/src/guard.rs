//! Whether a credential may be changed that breaks the policy, or that a person asks to have changed. One refusal
//! suffices, and the first in order is said: kill switch, mode, protection, exception, hold, a policy edited lately, use,
//! announcement and approval, maintenance window, budget. [`permit`] asks for all but the last four, which are asked for where something is about to be changed. A compromise
//! is answered by the current policy and whatever its use, and is paid from a purse of its own.

use std::fmt;

use credwarden_credential::age::{date, is_older};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, Gap, LastUse, User};
use credwarden_ledger::budget::Purse;
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::Document;
use credwarden_policy::announcement::Approval;
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Mode, Remedy, RemedyName, RuleName};
use credwarden_policy::window::Opening;
use jiff::{SignedDuration, Timestamp};

use crate::answer::Status;
use crate::kill_switch::KillSwitch;
use crate::remedy::Judge;
use crate::verify::{Ground, Verified, verify};

/// How long a policy must have been reported by complete passes before remedies act by it: a policy edit is a mass
/// action, and whoever made it has this long to see what it makes of the account.
pub const REPORTED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The tag that names who answers for a user.
pub const OWNER_TAG: &str = "owner";

/// What decides beside the credential itself. A text in place of a fact says why it could not be read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The rule that is answered.
    pub rule: RuleName,
    /// Its judgement.
    pub judge: Judge,
    /// The remedy that would act.
    pub remedy: RemedyName,
    /// The policy.
    pub policy: &'a Policy,
    /// What the ledger knows of the user.
    pub record: &'a UserRecord,
    /// The policy by which the last complete pass at least [`REPORTED_FOR`] ago reported, if there was one.
    pub reported: Result<Option<&'a Policy>, &'a str>,
    /// How many users hold an active credential, by the last complete pass, if there was one.
    pub population: Result<Option<u32>, &'a str>,
    /// Whether the act is paid for: it was intended before, and is being taken up.
    pub is_paid: bool,
}

/// A credential that something may be begun with: its owner may be told so, and that may be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted<'a> {
    // INVARIANT (unforgeable): only `permit` makes one.
    verified: Verified<'a>,
    remedy: Remedy,
}

impl<'a> Permitted<'a> {
    /// What was verified.
    pub fn verified(&self) -> &Verified<'a> {
        &self.verified
    }

    /// What the policy says of the remedy.
    pub fn remedy(&self) -> Remedy {
        self.remedy
    }
}

/// What becomes of a credential that is in use, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// It is left as it is, unless it is a compromise.
    Held,
    /// It is changed all the same.
    Changed,
}

/// A credential that may be changed, and by which daily budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared<'a> {
    // INVARIANT (unforgeable): only `clear` makes one.
    verified: Verified<'a>,
    purse: Purse,
    budget: u32,
}

impl<'a> Cleared<'a> {
    /// What was verified.
    pub fn verified(&self) -> &Verified<'a> {
        &self.verified
    }

    /// Which purse pays.
    pub fn purse(&self) -> Purse {
        self.purse
    }

    /// How many credentials may be changed today from that purse.
    pub fn budget(&self) -> u32 {
        self.budget
    }
}

/// Why a credential is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The kill switch does not let it.
    KillSwitch(KillSwitch),
    /// The policy names no remedy for the class, or another one.
    NoRemedy,
    /// The policy asks for less than acting.
    Mode(Mode, String),
    /// The policy protects the user.
    Protected(String),
    /// The credential may break the rule.
    Excepted {
        /// The exception.
        id: String,
        /// The last instant at which it holds.
        until: Timestamp,
    },
    /// The credential is left alone.
    Hold {
        /// Who wants that.
        by: String,
        /// Why.
        reason: String,
        /// The last instant at which it holds.
        until: Timestamp,
    },
    /// No complete pass has reported for long enough.
    NotReported,
    /// It breaks the policy only since that was edited.
    NotReportedLongEnough,
    /// By which policy complete passes reported cannot be read.
    ReportedUnreadable(String),
    /// It was used within the class's window.
    InUse {
        /// Who answers for it.
        owner: String,
        /// Its last use.
        at: Timestamp,
        /// Of which service.
        service: String,
    },
    /// IAM does not tell the last use of its kind, so that it may be in use.
    UseUnseen {
        /// Who answers for it.
        owner: String,
        /// What it is.
        kind: CredentialKind,
    },
    /// Its last use is not known.
    LastUseUnknown(Option<Gap>),
    /// Its owner, or whoever may approve it, was not told of it yet, or not of this very credential.
    Unannounced,
    /// Its owner was told, and has time.
    Announced {
        /// From when on it may be done.
        from: Timestamp,
    },
    /// Nobody has approved it whose approval counts.
    Unapproved,
    /// Nothing is changed at this time.
    OutsideWindow {
        /// When the next window opens.
        opens: Timestamp,
    },
    /// No complete pass has counted the account's users.
    NoPopulation,
    /// How many users there are cannot be read.
    PopulationUnreadable(String),
    /// The day's budget is none.
    NoBudget,
}

/// Says whether the kill switch lets executions of `document` act. Asked before anything else is read or written.
pub fn switched_on(kill_switch: KillSwitch, document: Document) -> Result<(), Refusal> {
    if kill_switch.allows(document) { Ok(()) } else { Err(Refusal::KillSwitch(kill_switch)) }
}

/// Says whether what was verified may be changed at `now`.
pub fn guard<'a>(verified: Verified<'a>, facts: &Facts<'_>, now: Timestamp) -> Result<Cleared<'a>, Refusal> {
    clear(permit(verified, facts, now)?, InUse::Held, facts, now)
}

/// Says whether something may be begun with what was verified.
pub fn permit<'a>(verified: Verified<'a>, facts: &Facts<'_>, now: Timestamp) -> Result<Permitted<'a>, Refusal> {
    let Facts { rule, judge, remedy, policy, record, reported, .. } = *facts;
    let user = verified.user();
    let credential = verified.credential();
    let named = policy.remedy(rule, verified.class(), credential.kind()).filter(|named| named.name == remedy);
    let Some(named) = named else { return Err(Refusal::NoRemedy) };
    match named.mode {
        Mode::Enforce => {}
        mode @ (Mode::Observe | Mode::Warn) => return Err(Refusal::Mode(mode, owner(user).to_owned())),
    }
    if let Some(pattern) = policy.protects(&user.arn) {
        return Err(Refusal::Protected(pattern.to_owned()));
    }
    if let Some(exception) = record.exceptions.covering(&user.id, rule, &credential, now) {
        return Err(Refusal::Excepted { id: exception.id.clone(), until: exception.until });
    }
    if let Some(hold) = record.hold(&credential, now) {
        return Err(Refusal::Hold { by: hold.by.clone(), reason: hold.reason.clone(), until: hold.until });
    }
    match reported {
        // INVARIANT (a compromise acts at once): who created it is a fact, whatever the policy said yesterday.
        _ if verified.is_compromise() => {}
        // A person's request is none of a policy's edits.
        _ if matches!(verified.ground(), Ground::Asked(_)) => {}
        Err(why) => return Err(Refusal::ReportedUnreadable(why.to_owned())),
        Ok(None) => return Err(Refusal::NotReported),
        // INVARIANT (a policy edit is a mass action): what breaks only the current policy waits.
        Ok(Some(earlier)) => {
            if verify(judge, user, &credential, earlier, now).is_err() {
                return Err(Refusal::NotReportedLongEnough);
            }
        }
    }
    // INVARIANT (a policy edit is a mass action): a class that opts for force today forces nobody before tomorrow.
    let is_forcing = |policy: &Policy| {
        let class = policy.class(user).ok();
        class.and_then(|class| policy.remedy(rule, class, credential.kind())).is_some_and(|remedy| remedy.force)
    };
    let force = named.force && reported.is_ok_and(|earlier| earlier.is_some_and(is_forcing));
    Ok(Permitted { verified, remedy: Remedy { force, ..named } })
}

/// Says whether what is permitted may be changed at `now`.
pub fn clear<'a>(
    permitted: Permitted<'a>,
    in_use: InUse,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Cleared<'a>, Refusal> {
    let Facts { policy, population, is_paid, .. } = *facts;
    let Permitted { verified, remedy } = permitted;
    if in_use == InUse::Held && !verified.is_compromise() {
        silent(verified.user(), verified.live(), verified.limits(), now)?;
    }
    announced(&verified, remedy, facts, now)?;
    // INVARIANT (a compromise acts at once): it does not wait for a calm hour.
    if !verified.is_compromise()
        && let Opening::Closed { opens } = policy.opening(verified.class(), now)
    {
        return Err(Refusal::OutsideWindow { opens });
    }
    let purse = if verified.is_compromise() { Purse::Quarantine } else { Purse::Act };
    let budget = if is_paid { 0 } else { budget(policy, verified.is_compromise(), population)? };
    Ok(Cleared { verified, purse, budget })
}

/// Whether what has to be announced was, and what has to be approved is.
fn announced(verified: &Verified<'_>, remedy: Remedy, facts: &Facts<'_>, now: Timestamp) -> Result<(), Refusal> {
    let live = verified.live();
    // INVARIANT (nothing goes for good in silence), but what a thief has made usable: its owner is who would be warned.
    let is_warned_of = !live.id.kind().has_status() && !verified.is_compromise();
    if !is_warned_of && !remedy.approval {
        return Ok(());
    }
    let kept = facts.record.announced(&live.id).map(|kept| &kept.announcement);
    let standing = kept.filter(|kept| kept.stands(live, now) && (!is_warned_of || kept.is_unused_since(live)));
    let Some(announcement) = standing else { return Err(Refusal::Unannounced) };
    if is_warned_of && now < announcement.from {
        return Err(Refusal::Announced { from: announcement.from });
    }
    // INVARIANT (approvals): asked of the policy of this moment, whoever counted when the approval was given.
    let counts = |approval: &Approval| facts.policy.counts_approval_of(&approval.approver);
    if remedy.approval && !announcement.approval.as_ref().is_some_and(counts) {
        return Err(Refusal::Unapproved);
    }
    Ok(())
}

/// How much the purse holds a day.
pub(crate) fn budget(
    policy: &Policy,
    is_compromise: bool,
    population: Result<Option<u32>, &str>,
) -> Result<u32, Refusal> {
    let budget = match population {
        Err(why) => return Err(Refusal::PopulationUnreadable(why.to_owned())),
        Ok(population) if is_compromise => policy.budget().quarantine(population),
        Ok(None) => return Err(Refusal::NoPopulation),
        Ok(Some(population)) => policy.budget().limit(population),
    };
    if budget == 0 { Err(Refusal::NoBudget) } else { Ok(budget) }
}

/// Whether a credential has not been used within the class's window. Last use proves use, never disuse: what is not known
/// counts as use.
pub(crate) fn silent(user: &User, credential: &Credential, limits: Limits, now: Timestamp) -> Result<(), Refusal> {
    let kind = credential.id.kind();
    match &credential.last_use {
        LastUse::Never => Ok(()),
        LastUse::At { at, .. } if is_older(*at, limits.in_use, now) => Ok(()),
        LastUse::At { at, service, .. } => {
            Err(Refusal::InUse { owner: owner(user).to_owned(), at: *at, service: service.clone() })
        }
        LastUse::NotRead if !kind.shows_last_use() => Err(Refusal::UseUnseen { owner: owner(user).to_owned(), kind }),
        LastUse::NotRead => Err(Refusal::LastUseUnknown(None)),
        LastUse::Unread(gap) => Err(Refusal::LastUseUnknown(Some(gap.clone()))),
    }
}

/// Whether a credential was not used since it was decided on.
pub(crate) fn unused_since(user: &User, decided: &Credential, live: &Credential) -> Result<(), Refusal> {
    match (&decided.last_use, &live.last_use) {
        (LastUse::At { at: before, .. }, LastUse::At { at, .. }) if at <= before => Ok(()),
        (_, LastUse::At { at, service, .. }) => {
            Err(Refusal::InUse { owner: owner(user).to_owned(), at: *at, service: service.clone() })
        }
        _ => Ok(()),
    }
}

fn owner(user: &User) -> &str {
    user.tags.get(OWNER_TAG).map_or(user.name.as_str(), String::as_str)
}

impl Refusal {
    /// Whether it may be otherwise in an hour, so that what has begun need not end for it.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::KillSwitch(_)
            | Self::ReportedUnreadable(_)
            | Self::InUse { .. }
            | Self::LastUseUnknown(_)
            | Self::Unannounced
            | Self::Announced { .. }
            | Self::Unapproved
            | Self::OutsideWindow { .. }
            | Self::NoPopulation
            | Self::PopulationUnreadable(_)
            | Self::NoBudget => true,
            Self::NoRemedy
            | Self::Mode(..)
            | Self::Protected(_)
            | Self::Excepted { .. }
            | Self::Hold { .. }
            | Self::NotReported
            | Self::NotReportedLongEnough
            | Self::UseUnseen { .. } => false,
        }
    }

    /// When it is otherwise, where that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::OutsideWindow { opens } => Some(*opens),
            Self::Announced { from } => Some(*from),
            _ => None,
        }
    }

    /// How an execution ends that is refused so.
    pub fn status(&self) -> Status {
        match self {
            Self::NoRemedy => Status::NothingToDo,
            Self::Mode(Mode::Warn, _) => Status::Warned,
            Self::Mode(..) | Self::NotReported | Self::NotReportedLongEnough => Status::Observed,
            Self::Excepted { .. } => Status::Excepted,
            Self::NoBudget => Status::OverBudget,
            Self::Unannounced | Self::Announced { .. } | Self::OutsideWindow { .. } => Status::Waiting,
            Self::KillSwitch(_)
            | Self::Protected(_)
            | Self::Hold { .. }
            | Self::ReportedUnreadable(_)
            | Self::InUse { .. }
            | Self::UseUnseen { .. }
            | Self::LastUseUnknown(_)
            | Self::Unapproved
            | Self::NoPopulation
            | Self::PopulationUnreadable(_) => Status::Held,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillSwitch(switch) => write!(formatter, "the kill switch says `{switch}`"),
            Self::NoRemedy => formatter.write_str("the policy does not name this remedy for its class"),
            Self::Mode(mode, owner) => write!(formatter, "the policy says `{mode}`; its owner is {owner}"),
            Self::Protected(pattern) => write!(formatter, "the policy protects `{pattern}`"),
            Self::Excepted { id, until } => write!(formatter, "exception {id} holds until {}", date(*until)),
            Self::Hold { by, reason, until } => {
                write!(formatter, "{by} holds it until {until}: {reason}")
            }
            Self::NotReported => formatter.write_str("no complete pass has reported 24 hours ago or earlier"),
            Self::NotReportedLongEnough => formatter
                .write_str("it does not break the policy that was reported 24 hours ago, only the one edited since"),
            Self::ReportedUnreadable(why) => write!(formatter, "what was reported 24 hours ago is unreadable: {why}"),
            Self::InUse { owner, at, service } => {
                write!(formatter, "it is in use, last at {at} of {service}; {owner} must replace it")
            }
            Self::UseUnseen { owner, kind } => write!(
                formatter,
                "IAM does not tell when a {} was used last, so it may be in use; {owner} must replace it",
                kind.noun()
            ),
            Self::LastUseUnknown(Some(gap)) => write!(formatter, "its last use is not known: {gap}"),
            Self::LastUseUnknown(None) => formatter.write_str("its last use was not read"),
            Self::Unannounced => formatter.write_str("it is announced first, and its owner told"),
            Self::Announced { from } => {
                write!(formatter, "its owner was told, and nothing is done before {from}, for nothing would undo it")
            }
            Self::Unapproved => formatter.write_str("the policy asks for an approval, and nobody has approved it"),
            Self::OutsideWindow { opens } => {
                write!(formatter, "it waits for the next maintenance window of its class, which opens at {opens}")
            }
            Self::NoPopulation => formatter.write_str("no complete pass has counted the users, so there is no budget"),
            Self::PopulationUnreadable(why) => write!(formatter, "the budget is unreadable: {why}"),
            Self::NoBudget => formatter.write_str("the day's budget is none"),
        }
    }
}
