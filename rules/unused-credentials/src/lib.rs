//! Finds long-term credentials of IAM users that nobody uses: each credential on its own, so that a recent sign-in hides
//! no idle key.
//!
//! A credential breaks the policy when its last use lies longer back than the class allows, strictly, or when it was never
//! used and was created longer ago than the class allows for a first use. What was used with an earlier password of the same
//! user is no use of this one. IAM shows a use up to 4 hours late ([`LAST_USE_LAG`]), which is allowed for. What is inactive
//! or expired cannot be used and does not count, neither for nor against its user.

use std::collections::BTreeSet;

use credwarden_credential::age::{Days, LAST_USE_LAG, is_in_the_future, is_older, limit_reached};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{
    Credential, Gap, GapReason, LastUse, Listing, Reported, ReportedCredential, User,
};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::{Clause, Finding, Verdict, sort_in};
use jiff::Timestamp;

/// This rule's name.
pub const RULE: RuleName = RuleName::UnusedCredentials;

/// The kinds of credentials whose disuse the policy limits in some class.
pub fn kinds(policy: &Policy) -> BTreeSet<CredentialKind> {
    policy.kinds_with(|limits| limits.unused.or(limits.never_used).is_some())
}

/// The kinds of which more must be known before the user can be judged.
pub fn undecided(user: &User, policy: &Policy, now: Timestamp) -> BTreeSet<CredentialKind> {
    kinds(policy)
        .into_iter()
        .filter(|kind| doubt(user, *kind, user.listing(*kind).as_ref(), policy, now).is_some())
        .collect()
}

/// How old a credential may be of which nobody knows: all that the rule judges is in the credential report.
pub fn unknown_for(_user: &User, _policy: &Policy, _kind: CredentialKind) -> Option<Days> {
    Some(Days(0))
}

/// Judges one user.
pub fn judge(user: &User, policy: &Policy, exceptions: &Exceptions, now: Timestamp) -> Verdict {
    let mut gaps = Vec::new();
    let mut holds_one = false;
    let mut active = Vec::new();
    for kind in kinds(policy) {
        let listing = user.listing(kind);
        gaps.extend(doubt(user, kind, listing.as_ref(), policy, now));
        if let Some(listing) = listing {
            holds_one |= listing.shows_one();
            active.extend(listing.usable(now));
        }
    }
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    if !active.is_empty() {
        match policy.class(user) {
            Ok(class) => {
                for credential in active {
                    let limits = policy.limits(user, class, credential.id.kind());
                    match broken(&credential, limits, now) {
                        Ok(None) => {}
                        Ok(Some(clause)) => {
                            let finding = Finding { class: Some(class.clone()), clause };
                            let covering = |credential: &_| exceptions.covering(&user.id, RULE, credential, now);
                            sort_in(finding, covering, &mut findings, &mut notes);
                        }
                        Err(gap) => gaps.push(gap),
                    }
                }
            }
            Err(gap) => gaps.push(gap),
        }
    }
    findings.sort_by(|one: &Finding, other| (one.since(), one.credential()).cmp(&(other.since(), other.credential())));
    let notes = exceptions.forged(user, RULE, now).into_iter().chain(notes).collect();
    Verdict::of(findings, notes, gaps, holds_one.into(), now)
}

/// The clause that a credential breaks, or why that cannot be told.
fn broken(credential: &Credential, limits: Limits, now: Timestamp) -> Result<Option<Clause>, Gap> {
    let Credential { id, created, last_use, .. } = credential;
    if is_in_the_future(*created, now) {
        let doing = format!("judge {id}, which was created in the future, at {created}");
        return Err(Gap::new(GapReason::Implausible, doing));
    }
    match last_use {
        LastUse::At { at, service, .. } => Ok(limits.unused.filter(|limit| is_unused(*at, *limit, now)).map(|limit| {
            let (credential, service) = (id.clone(), service.clone());
            Clause::Unused {
                credential,
                created: *created,
                last_used: *at,
                service,
                limit,
                reached: limit_reached(*at, limit),
            }
        })),
        LastUse::Never => {
            Ok(limits.never_used.filter(|limit| is_unused(*created, *limit, now)).map(|limit| Clause::NeverUsed {
                credential: id.clone(),
                created: *created,
                limit,
                reached: limit_reached(*created, limit),
            }))
        }
        LastUse::Unread(gap) => Err(gap.clone()),
        LastUse::NotRead => Err(not_read(id)),
    }
}

fn not_read(id: &CredentialId) -> Gap {
    Gap::new(GapReason::NotReached, format!("get the last use of {id}"))
}

/// Whether nothing that happened since `at` would have been seen by now, and the limit is broken.
fn is_unused(at: Timestamp, limit: Days, now: Timestamp) -> bool {
    is_older(at, limit, now.checked_sub(LAST_USE_LAG).unwrap_or(Timestamp::MIN))
}

/// Why what is known of a kind of credentials does not decide, if it does not.
fn doubt(
    user: &User,
    kind: CredentialKind,
    listing: Option<&Listing<Credential>>,
    policy: &Policy,
    now: Timestamp,
) -> Option<Gap> {
    match listing {
        Some(Listing::Live(_)) => None,
        Some(Listing::Unread(gap)) => Some(gap.clone()),
        Some(Listing::Reported(reported)) => {
            let doing = format!("judge the {}s of `{}` from the credential report alone", kind.noun(), user.name);
            (!clears(user, kind, reported, policy, now)).then(|| Gap::new(GapReason::NotReached, doing))
        }
        None => {
            let doing = format!("list {}s of `{}`", kind.noun(), user.name);
            may_be_unused(user, kind, policy, now).then(|| Gap::new(GapReason::NotReached, doing))
        }
    }
}

/// Whether the report shows that no credential of the kind is unused, by the limits of whatever class. It is never
/// ahead of the truth: what it shows as used was used then, or later.
fn clears(user: &User, kind: CredentialKind, reported: &Reported, policy: &Policy, now: Timestamp) -> bool {
    let is_used = |credential: &ReportedCredential| {
        let Some(at) = credential.last_used else { return false };
        // A password that was set after the last sign-in was not used yet.
        let is_of_another =
            kind == CredentialKind::ConsolePassword && credential.changed.is_none_or(|changed| changed > at);
        !is_of_another
            && policy
                .limits_of_all_classes(user, kind)
                .all(|limits| limits.unused.is_none_or(|limit| !is_unused(at, limit, now)))
    };
    !may_be_unused(user, kind, policy, now) || reported.active.iter().all(is_used)
}

/// Whether the user is old enough to hold an unused credential: none is older than its user.
fn may_be_unused(user: &User, kind: CredentialKind, policy: &Policy, now: Timestamp) -> bool {
    policy
        .limits_of_all_classes(user, kind)
        .flat_map(|limits| [limits.unused, limits.never_used])
        .flatten()
        .any(|limit| is_unused(user.created, limit, now))
}
