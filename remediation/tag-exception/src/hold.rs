//! Holds that people ask for: one credential that no remedy changes until a day. It goes on breaking the policy, and is reported
//! so; whoever wants that to end too asks for an exception.

use credwarden_credential::age::{Days, date};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::exception::{Hold, HoldChange};
use credwarden_policy::policy::Policy;
use jiff::{SignedDuration, Timestamp};

/// A hold, or its end, as it is asked for; what is not given is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose credential.
    pub user: UserId,
    /// Which one.
    pub credential: Option<CredentialId>,
    /// Why.
    pub justification: Option<String>,
    /// The last instant at which it is left alone, in whole seconds.
    pub until: Option<Timestamp>,
    /// The ARN of who asks.
    pub requester: Option<String>,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The record does not say who asks.
    #[error("the automation's record does not say who asks")]
    RequesterUnknown,
    /// A hold is of one credential.
    #[error("no credential is named; name the one to leave alone as `CredentialId`")]
    NoCredential,
    /// No reason is given.
    #[error("no reason is given; write it as `Justification`")]
    NoJustification,
    /// No end is given.
    #[error("no end is given; write `Until` as a date or a time, such as 2026-12-31")]
    NoUntil,
    /// It would have ended already.
    #[error("it would have ended on {}; choose a later `Until`", date(*.0))]
    Past(Timestamp),
    /// It would hold for longer than the policy lets a hold.
    #[error("it would hold until {}, and the policy lets a hold last for {longest}, until {}", date(*.until), date(*.latest))]
    TooLong {
        /// Until when it would hold.
        until: Timestamp,
        /// Until when it may.
        latest: Timestamp,
        /// How long it may.
        longest: Days,
    },
    /// It is held for as long already.
    #[error("{by} holds it until {} already; choose a later `Until`, or release it first", date(*.until))]
    HeldLonger {
        /// Who holds it.
        by: String,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing is to be released.
    #[error("nobody holds it")]
    NotHeld,
}

/// Decides on a hold of which the ledger holds `before`: what it holds next.
///
/// A credential is released by a hold that has ended, so that who released it stays known.
///
/// # Errors
/// All that is wrong with what is asked.
pub fn decide(
    asked: &Asked,
    change: HoldChange,
    before: Option<&Hold>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Hold, Vec<Refusal>> {
    let held = before.filter(|hold| hold.holds(now));
    let mut refusals = Vec::new();
    let mut given = |what: Option<String>, refusal| {
        if what.is_none() {
            refusals.push(refusal);
        }
        what.unwrap_or_default()
    };
    let by = given(asked.requester.clone(), Refusal::RequesterUnknown);
    let reason = given(asked.justification.clone(), Refusal::NoJustification);
    let until = match change {
        HoldChange::Hold => until(asked, held, &by, policy, now),
        HoldChange::Release if held.is_none() => Err(Refusal::NotHeld),
        HoldChange::Release => Ok(now.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN)),
    };
    let reason = match (change, held) {
        (HoldChange::Release, Some(held)) => {
            format!("released: {reason} ({} held it until {}: {})", held.by, date(held.until), held.reason)
        }
        _ => reason,
    };
    match (&asked.credential, until) {
        (Some(credential), Ok(until)) if refusals.is_empty() => {
            Ok(Hold { credential: credential.clone(), until, reason, by })
        }
        (credential, until) => {
            if credential.is_none() {
                refusals.push(Refusal::NoCredential);
            }
            refusals.extend(until.err());
            Err(refusals)
        }
    }
}

/// The end of the hold, or what is wrong with it. The same person's same hold again is no fault.
fn until(asked: &Asked, held: Option<&Hold>, by: &str, policy: &Policy, now: Timestamp) -> Result<Timestamp, Refusal> {
    let until = asked.until.ok_or(Refusal::NoUntil)?;
    let longest = policy.longest_hold();
    let latest = now.checked_add(longest.duration()).unwrap_or(Timestamp::MAX);
    match held {
        _ if until <= now => Err(Refusal::Past(until)),
        _ if until > latest => Err(Refusal::TooLong { until, latest, longest }),
        Some(held) if until < held.until || (until == held.until && held.by != by) => {
            Err(Refusal::HeldLonger { by: held.by.clone(), until: held.until })
        }
        _ => Ok(until),
    }
}
