//! Finds long-term credentials of IAM users that are older than the policy allows their user's class: access keys,
//! service-specific credentials, SSH public keys, signing certificates, and console passwords where the policy limits their
//! age.
//!
//! An age counts from the day of creation (or upload), which never changes; the limit is broken strictly after it (90 days
//! to the second are within a limit of 90 days). What is inactive or expired cannot be used and does not count. Within the
//! days of warning a credential is still compliant, and the annotation names the date by which it must be replaced.

use std::collections::BTreeSet;

use credwarden_credential::age::{Days, is_in_the_future, is_older, limit_reached};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Listing, Snapshot, User};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::{Clause, Finding, Note, Verdict, sort_in};
use jiff::Timestamp;

/// This rule's name.
pub const RULE: RuleName = RuleName::AccessKeyAge;

/// The kinds of credentials whose age the policy limits in some class.
pub fn kinds(policy: &Policy) -> BTreeSet<CredentialKind> {
    policy.kinds_with(|limits| limits.max_age.is_some())
}

/// The kinds of which more must be known before the user can be judged.
pub fn undecided(user: &User, policy: &Policy, now: Timestamp) -> BTreeSet<CredentialKind> {
    kinds(policy)
        .into_iter()
        .filter(|kind| doubt(user, *kind, user.listing(*kind).as_ref(), policy, now).is_some())
        .collect()
}

/// Judges every user of a snapshot, each on its own facts alone.
pub fn evaluate(
    snapshot: &Snapshot,
    policy: &Policy,
    exceptions: &Exceptions,
    now: Timestamp,
) -> Vec<(UserId, Verdict)> {
    snapshot.users.values().map(|user| (user.id.clone(), judge(user, policy, exceptions, now))).collect()
}

/// How old a credential may be of which nobody knows: younger than any that is worth a warning.
pub fn unknown_for(user: &User, policy: &Policy, kind: CredentialKind) -> Option<Days> {
    policy.unremarkable_age(user, kind)
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
    let (findings, notes) = sort_out(user, active, policy, exceptions, &mut gaps, now);
    let notes = exceptions.forged(user, RULE, now).into_iter().chain(notes).collect();
    Verdict::of(findings, notes, gaps, holds_one.into(), now)
}

/// Why what is known of a kind of credentials does not decide, if it does not. No credential is older than its user, so
/// those of a young user need no closer look.
fn doubt(
    user: &User,
    kind: CredentialKind,
    listing: Option<&Listing<Credential>>,
    policy: &Policy,
    now: Timestamp,
) -> Option<Gap> {
    let doing = match listing {
        Some(Listing::Live(_)) => return None,
        Some(Listing::Unread(gap)) => return Some(gap.clone()),
        Some(Listing::Reported(reported)) if reported.active.is_empty() => return None,
        Some(Listing::Reported(_)) => {
            format!("judge the {}s of `{}` from the credential report alone", kind.noun(), user.name)
        }
        None => format!("list {}s of `{}`", kind.noun(), user.name),
    };
    let may_matter = policy.unremarkable_age(user, kind).is_some_and(|age| is_older(user.created, age, now));
    may_matter.then(|| Gap::new(GapReason::NotReached, doing))
}

/// Findings and notes, the oldest credential first and those of the same second by id.
fn sort_out(
    user: &User,
    mut active: Vec<Credential>,
    policy: &Policy,
    exceptions: &Exceptions,
    gaps: &mut Vec<Gap>,
    now: Timestamp,
) -> (Vec<Finding>, Vec<Note>) {
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    if active.is_empty() {
        return (findings, notes);
    }
    let class = match policy.class(user) {
        Ok(class) => class,
        Err(gap) => {
            gaps.push(gap);
            return (findings, notes);
        }
    };
    active.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    for Credential { id: credential, created, .. } in active {
        if is_in_the_future(created, now) {
            let doing = format!("judge {credential}, which was created in the future, at {created}");
            gaps.push(Gap::new(GapReason::Implausible, doing));
            continue;
        }
        let limits = policy.limits(user, class, credential.kind());
        let Some(limit) = limits.max_age else { continue };
        let reached = limit_reached(created, limit);
        if is_older(created, limit, now) {
            let clause = Clause::MaxAge { credential, created, limit, reached };
            let covering = |credential: &_| exceptions.covering(&user.id, RULE, credential, now);
            sort_in(Finding { class: Some(class.clone()), clause }, covering, &mut findings, &mut notes);
        } else if is_older(created, limit.less(limits.warn), now) {
            notes.push(Note::DueBy { credential, reached });
        }
    }
    (findings, notes)
}
