//! Grants, extends and revokes exceptions: what one may be, and who may approve it. Has credentials left alone, too ([`hold`]), and users
//! enrolled ([`enrolment`]).
//!
//! [`decide`] is all there is to decide. It knows no clock, no ledger and no AWS; what is asked comes from the automation's own
//! record ([`asked`]), and [`run`] writes what was decided.

pub mod asked;
mod enrol;
pub mod enrolment;
pub mod hold;
pub mod lambda;
pub mod run;
pub mod tags;

use credwarden_credential::age::{Days, date};
use credwarden_credential::id::Arn;
use credwarden_policy::approval::{Parties, Unfit};
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::policy::Policy;
use jiff::{SignedDuration, Timestamp};

use crate::asked::Asked;

/// The seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The ARN of whose approval counts, where one is needed.
    pub approver: Option<String>,
    /// The exception as it shall be; revoked, there is none.
    pub after: Option<Exception>,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The record does not say who asks, so nobody can be told from them.
    #[error("the automation's record does not say who asks")]
    RequesterUnknown,
    /// An exception is somebody's.
    #[error("no owner is named; name who answers for it as `Owner`")]
    NoOwner,
    /// Whoever answers for an exception does not ask for it.
    #[error("`{0}` asks for it and would answer for it; somebody else must be one of the two")]
    RequesterIsOwner(String),
    /// No reason is given.
    #[error("no reason is given; write it as `Justification`")]
    NoJustification,
    /// No end is given.
    #[error("no end is given; write `Until` as a date or a time, such as 2026-12-31")]
    NoUntil,
    /// It would have ended already.
    #[error("it would have ended on {}; choose a later `Until`", date(*.0))]
    Past(Timestamp),
    /// It would hold for longer than the policy lets an exception.
    #[error("it would hold until {}, and the policy lets an exception hold for {longest}, until {}", date(*.until), date(*.latest))]
    TooLong {
        /// Until when it would hold.
        until: Timestamp,
        /// Until when it may.
        latest: Timestamp,
        /// How long it may.
        longest: Days,
    },
    /// Nobody has approved it.
    #[error("nobody has approved it")]
    NotApproved,
    /// Somebody has approved it whom the policy does not name.
    #[error("the policy does not name `{0}` as an approver")]
    NotAnApprover(String),
    /// Whoever asks may not approve. Two sessions of a role may be one person.
    #[error("`{0}` asks for it, or may be who does; somebody else must approve it")]
    ApproverIsRequester(String),
    /// Whoever answers for it may not approve.
    #[error("`{0}` would answer for it; somebody else must approve it")]
    ApproverIsOwner(String),
    /// A user may not approve its own.
    #[error("`{0}` is the user itself; somebody else must approve it")]
    ApproverIsUser(String),
    /// There is one already.
    #[error("exception `{id}` holds until {}; extend or revoke it", date(*.until))]
    Holds {
        /// Its id.
        id: String,
        /// Until when.
        until: Timestamp,
    },
    /// There is none that holds.
    #[error("there is no exception that holds; grant one")]
    NoneHolds,
    /// It holds for as long already.
    #[error("exception `{id}` holds until {} already; choose a later `Until`, or revoke it", date(*.until))]
    NotLonger {
        /// Its id.
        id: String,
        /// Until when.
        until: Timestamp,
    },
}

/// Decides on a change of an exception of the user with the ARN `user`, of which the ledger holds `before`.
///
/// # Errors
/// All that is wrong with it.
pub fn decide(
    asked: &Asked,
    change: Change,
    before: Option<&Exception>,
    user: Option<&Arn>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Vec<Refusal>> {
    let held = before.filter(|exception| now <= exception.until);
    let mut refusals = Vec::new();
    match (change, held) {
        (Change::Grant, Some(held)) => refusals.push(Refusal::Holds { id: held.id.clone(), until: held.until }),
        (Change::Extend | Change::Revoke, None) => refusals.push(Refusal::NoneHolds),
        _ => {}
    }
    if asked.justification.is_none() {
        refusals.push(Refusal::NoJustification);
    }
    if change == Change::Revoke {
        // It only takes away, so anybody who may start the document may.
        return if refusals.is_empty() { Ok(Decision { approver: None, after: None }) } else { Err(refusals) };
    }
    refusals.extend(end(asked, held, policy, now));
    let owner = asked.owner.as_deref().or(held.map(|held| held.owner.as_str()));
    match (owner, &asked.requester) {
        (None, _) => refusals.push(Refusal::NoOwner),
        (_, None) => refusals.push(Refusal::RequesterUnknown),
        (Some(owner), Some(requester)) if policy.may_be_one_person(requester, owner) => {
            refusals.push(Refusal::RequesterIsOwner(requester.clone()));
        }
        _ => {}
    }
    let approver = approver(&asked.approvers, asked.requester.as_deref(), owner, user, policy);
    let approver = approver.map_err(|why| refusals.extend(why)).ok();
    match (approver, owner, asked.until, &asked.justification) {
        (Some(approver), Some(owner), Some(until), Some(justification)) if refusals.is_empty() => {
            let exception = Exception {
                id: held.map_or_else(|| id(&asked.execution), |held| held.id.clone()),
                user: asked.user.clone(),
                rule: asked.rule,
                credential: asked.credential.clone(),
                until,
                owner: owner.to_owned(),
                justification: justification.clone(),
                approver: approver.to_owned(),
            };
            Ok(Decision { approver: Some(approver.to_owned()), after: Some(exception) })
        }
        _ => {
            refusals.sort();
            Err(refusals)
        }
    }
}

/// What is wrong with the end that is asked for.
fn end(asked: &Asked, held: Option<&Exception>, policy: &Policy, now: Timestamp) -> Option<Refusal> {
    let Some(until) = asked.until else { return Some(Refusal::NoUntil) };
    let longest = policy.longest_exception();
    let longest_for = SignedDuration::from_secs(i64::from(longest.0).saturating_mul(DAY_SECONDS));
    let latest = now.checked_add(longest_for).unwrap_or(Timestamp::MAX);
    match held {
        _ if until <= now => Some(Refusal::Past(until)),
        _ if until > latest => Some(Refusal::TooLong { until, latest, longest }),
        Some(held) if until <= held.until => Some(Refusal::NotLonger { id: held.id.clone(), until: held.until }),
        _ => None,
    }
}

/// The first whose approval counts, or why none does.
fn approver<'a>(
    approvers: &'a [String],
    requester: Option<&str>,
    owner: Option<&str>,
    user: Option<&Arn>,
    policy: &Policy,
) -> Result<&'a str, Vec<Refusal>> {
    let parties = Parties { requester, owner, user: user.map(Arn::as_str) };
    let mut refusals = Vec::new();
    for approver in approvers {
        let refusal = match policy.unfit(approver, parties) {
            None => return Ok(approver),
            Some(Unfit::NotNamed) => Refusal::NotAnApprover,
            Some(Unfit::Requester) => Refusal::ApproverIsRequester,
            Some(Unfit::Owner) => Refusal::ApproverIsOwner,
            Some(Unfit::User) => Refusal::ApproverIsUser,
        };
        refusals.push(refusal(approver.clone()));
    }
    if refusals.is_empty() {
        refusals.push(Refusal::NotApproved);
    }
    Err(refusals)
}

/// An exception is named after the execution that granted it: by the last part of its id, which fits into an annotation.
fn id(execution: &str) -> String {
    format!("EX-{}", execution.rsplit('-').next().unwrap_or(execution))
}
