//! Finds access keys that are older than the policy allows their user's class.
//!
//! A key's age counts from its `CreateDate`, which never changes; the limit is broken strictly after it (90 days to
//! the second are within a limit of 90 days). Inactive keys cannot sign a request and do not count. Within the days of
//! warning a key is still compliant, and the annotation names the date by which it must be replaced.

use credwarden_credential::age::{is_in_the_future, is_older, limit_reached};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{AccessKey, AccessKeys, Gap, GapReason, KeyStatus, Snapshot, User};
use credwarden_policy::class::ClassName;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::{Clause, Finding, NOT_VERIFIABLE_AFTER, Note, Verdict, Why};
use jiff::Timestamp;

/// This rule's name.
pub const RULE: RuleName = RuleName::AccessKeyAge;

/// Judges every user of a snapshot, each on its own facts alone.
pub fn evaluate(
    snapshot: &Snapshot,
    policy: &Policy,
    exceptions: &Exceptions,
    now: Timestamp,
) -> Vec<(UserId, Verdict)> {
    snapshot.users.values().map(|user| (user.id.clone(), judge(user, policy, exceptions, now))).collect()
}

/// Judges one user.
pub fn judge(user: &User, policy: &Policy, exceptions: &Exceptions, now: Timestamp) -> Verdict {
    match &user.access_keys {
        AccessKeys::Unread(gap) => unknown(gap.clone(), now),
        AccessKeys::Reported { active: 0, inactive: 0, .. } => Verdict::NotApplicable(Why::NoCredential),
        AccessKeys::Reported { active: 0, .. } => Verdict::Compliant(Vec::new()),
        AccessKeys::Reported { .. } => {
            // No key is older than its user, so a young user's keys need no closer look. Others must be read.
            let unremarkable = policy.unremarkable_age(user, CredentialKind::AccessKey);
            if unremarkable.is_some_and(|age| is_older(user.created, age, now)) {
                let doing = format!("judge the access keys of `{}` from the credential report alone", user.name);
                unknown(Gap::new(GapReason::NotReached, doing), now)
            } else {
                Verdict::Compliant(Vec::new())
            }
        }
        AccessKeys::Live(keys) => judge_keys(user, keys, policy, exceptions, now),
    }
}

fn judge_keys(user: &User, keys: &[AccessKey], policy: &Policy, exceptions: &Exceptions, now: Timestamp) -> Verdict {
    if keys.is_empty() {
        return Verdict::NotApplicable(Why::NoCredential);
    }
    let active: Vec<&AccessKey> = keys.iter().filter(|key| key.status == KeyStatus::Active).collect();
    if active.is_empty() {
        return Verdict::Compliant(Vec::new());
    }
    if let Some(key) = active.iter().find(|key| is_in_the_future(key.created, now)) {
        let doing = format!("judge access key {}, which was created in the future, at {}", key.id, key.created);
        return unknown(Gap::new(GapReason::Implausible, doing), now);
    }
    let class = match policy.class(user) {
        Ok(class) => class,
        Err(gap) => return unknown(gap, now),
    };
    let (findings, notes) = sort_out(user, &active, class, policy, exceptions, now);
    let mut findings = findings.into_iter();
    match findings.next() {
        Some(first) => Verdict::NonCompliant { first, rest: findings.collect(), notes },
        None => Verdict::Compliant(notes),
    }
}

/// Findings and notes, the oldest key first and keys of the same second by id.
fn sort_out(
    user: &User,
    active: &[&AccessKey],
    class: &ClassName,
    policy: &Policy,
    exceptions: &Exceptions,
    now: Timestamp,
) -> (Vec<Finding>, Vec<Note>) {
    let limits = policy.limits(user, class, CredentialKind::AccessKey);
    let mut keys = active.to_vec();
    keys.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    for key in keys {
        let credential = CredentialId::AccessKey(key.id.clone());
        let Some(limit) = limits.max_age else { continue };
        let reached = limit_reached(key.created, limit);
        if is_older(key.created, limit, now) {
            match exceptions.covering(&user.id, RULE, &credential, now) {
                Some(exception) => {
                    notes.push(Note::Excepted { credential, exception: exception.id.clone(), until: exception.until });
                }
                None => findings.push(Finding {
                    class: Some(class.clone()),
                    clause: Clause::MaxAge { credential, created: key.created, limit, reached },
                }),
            }
        } else if is_older(key.created, limit.less(limits.warn), now) {
            notes.push(Note::DueBy { credential, reached });
        }
    }
    (findings, notes)
}

/// A gap stays unknown, until it has lasted so long that hiding behind it must be reported.
fn unknown(gap: Gap, now: Timestamp) -> Verdict {
    match gap.since {
        Some(since) if is_older(since, NOT_VERIFIABLE_AFTER, now) => Verdict::NonCompliant {
            first: Finding { class: None, clause: Clause::NotVerifiableSince { since, gap } },
            rest: Vec::new(),
            notes: Vec::new(),
        },
        _ => Verdict::Unknown(gap),
    }
}
