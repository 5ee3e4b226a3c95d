//! From facts to findings: what every chosen rule says of every user.

use std::collections::BTreeSet;

use credwarden_credential::age::date;
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse, Listing, Status as Usable, User};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::unused_access::Opinion;
use credwarden_policy::verdict::{Clause, Note, Verdict};
use jiff::Timestamp;

use crate::class::{Traits, possible};
use crate::finding::{Finding, RESOURCE_TYPE, Status};
use crate::reported;
use crate::rules::Rule;
use crate::subject::{Facts, Subject};

/// All findings, those that are plainly compliant included, in the order in which they are written.
pub fn findings(facts: &Facts, policy: &Policy, rules: &[&Rule]) -> Vec<Finding> {
    let worlds = reported::Worlds::of(policy);
    let exceptions = facts.exceptions.clone().unwrap_or_default();
    let mut findings: Vec<Finding> = facts
        .subjects
        .iter()
        .flat_map(|subject| rules.iter().map(move |rule| (subject, rule)))
        .flat_map(|(subject, rule)| match subject {
            Subject::User(user) => {
                let mut found = of_user(user, policy, &exceptions, rule, facts.as_of);
                if rule.name == unused_credentials::RULE {
                    let opinions = facts.opinions.get(&user.id).map(Vec::as_slice).unwrap_or_default();
                    add_opinions(&mut found, opinions, user, rule, policy);
                }
                found
            }
            Subject::Reported(user) => reported::findings(user, policy, &worlds, rule, facts.as_of),
        })
        .collect();
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    findings
}

fn order(finding: &Finding) -> impl Ord + use<'_> {
    (
        finding.status,
        !finding.is_remarkable(),
        &finding.resource_name,
        finding.credential_kind,
        finding.credential(),
        finding.rule,
    )
}

/// What one rule says of one user that was read from IAM.
fn of_user(user: &User, policy: &Policy, exceptions: &Exceptions, rule: &Rule, now: Timestamp) -> Vec<Finding> {
    let verdict = (rule.judge)(user, policy, exceptions, now);
    let who = Who::of(user, policy);
    let about = |status, reason: String| who.finding(rule, status, reason);
    let of_credential = |id: &CredentialId, status, reason| {
        let credential = credential(user, id);
        Finding {
            credential_kind: Some(id.kind()),
            credential_id: Some(id.to_string()),
            created: credential.as_ref().map(|credential| credential.created),
            last_used: credential.as_ref().and_then(|credential| last_used(&credential.last_use)),
            ever_used: credential.as_ref().and_then(|credential| ever_used(&credential.last_use)),
            ..about(status, reason)
        }
    };
    let mut findings = Vec::new();
    let mut named = BTreeSet::new();
    for finding in verdict.findings() {
        let reason = finding.to_string();
        let found = match finding.credential() {
            Some(id) => of_credential(id, Status::NonCompliant, reason),
            None => about(Status::NonCompliant, reason),
        };
        named.extend(finding.credential().cloned());
        findings.push(Finding {
            limit_days: limit_days(&finding.clause),
            non_compliant_since: Some(finding.since()),
            ..found
        });
    }
    let notes: &[Note] = match &verdict {
        Verdict::NonCompliant { notes, .. } | Verdict::Compliant(notes) => notes,
        Verdict::NotApplicable(_) => return findings,
        Verdict::Unknown(gap) => {
            findings.push(about(Status::Unknown, gap.to_string()));
            return findings;
        }
    };
    for note in notes {
        let reason = note.to_string();
        findings.push(match note {
            Note::DueBy { credential, reached } => {
                named.insert(credential.clone());
                Finding { due_by: Some(*reached), ..of_credential(credential, Status::Compliant, reason) }
            }
            Note::Excepted { credential, exception, until } => {
                named.insert(credential.clone());
                Finding {
                    exception: Some(exception.clone()),
                    excepted_until: Some(*until),
                    ..of_credential(credential, Status::Compliant, reason)
                }
            }
            Note::Baseline { credential, .. } => {
                named.insert(credential.clone());
                of_credential(credential, Status::Compliant, reason)
            }
            Note::ReportedBaseline { .. } | Note::ForgedException { .. } => about(Status::Compliant, reason),
            Note::NotKnown(_) => about(Status::Unknown, reason),
        });
    }
    for kind in (rule.kinds)(policy) {
        match user.listing(kind) {
            Some(Listing::Live(credentials)) => {
                let others = credentials.iter().filter(|one| one.status == Usable::Active && !named.contains(&one.id));
                findings.extend(others.map(|one| {
                    let creator = creator(user, one).filter(|_| rule.judges_creators);
                    let reason = match creator {
                        Some(by) => format!("{} created {} by {by}, within the limits", one.id, date(one.created)),
                        None => format!("{} is within the limits", one.id),
                    };
                    of_credential(&one.id, Status::Compliant, reason)
                }));
            }
            Some(Listing::Reported(listed)) => findings.extend(listed.active.iter().map(|one| {
                let slot = reported::slot_name(kind, one.slot);
                let reason = format!("{slot} is within the limits, as the credential report shows");
                reported::place(about(Status::Compliant, reason), kind, one)
            })),
            Some(Listing::Unread(_)) | None => {}
        }
    }
    findings
}

/// Adds to findings what an analyzer says of their credentials, and a finding of its own for one that has none: of a key
/// that only the report shows, nobody else told the id.
fn add_opinions(found: &mut Vec<Finding>, opinions: &[Opinion], user: &User, rule: &Rule, policy: &Policy) {
    for opinion in opinions {
        let id = opinion.credential().to_string();
        match found.iter_mut().find(|finding| finding.credential_id.as_deref() == Some(&id)) {
            Some(finding) => {
                finding.reason = format!("{}; {opinion}", finding.reason);
                finding.is_contradicted |= opinion.contradicts();
            }
            None => found.push(Finding {
                credential_kind: Some(opinion.credential().kind()),
                credential_id: Some(id),
                is_contradicted: opinion.contradicts(),
                ..Who::of(user, policy).finding(rule, Status::Compliant, opinion.to_string())
            }),
        }
    }
}

/// Whom findings are about.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) id: Option<UserId>,
    pub(crate) name: UserName,
    pub(crate) arn: Option<Arn>,
    pub(crate) possible_classes: Vec<String>,
}

impl Who {
    fn of(user: &User, policy: &Policy) -> Self {
        Self {
            id: Some(user.id.clone()),
            name: user.name.clone(),
            arn: Some(user.arn.clone()),
            possible_classes: possible(policy, &Traits::from(user)),
        }
    }

    /// A finding with nothing said of a credential.
    pub(crate) fn finding(&self, rule: &Rule, status: Status, reason: String) -> Finding {
        Finding {
            rule: rule.name,
            status,
            class: match self.possible_classes.as_slice() {
                [class] => Some(class.clone()),
                _ => None,
            },
            possible_classes: self.possible_classes.clone(),
            resource_type: RESOURCE_TYPE,
            resource_id: self.id.clone(),
            resource_name: self.name.clone(),
            resource_arn: self.arn.clone(),
            credential_kind: None,
            credential_id: None,
            slot: None,
            created: None,
            created_no_later_than: None,
            last_used: None,
            ever_used: None,
            limit_days: None,
            non_compliant_since: None,
            due_by: None,
            exception: None,
            excepted_until: None,
            is_contradicted: false,
            reason,
            controls: rule.controls(),
        }
    }
}

/// The credential of that id, if it was listed.
pub(crate) fn credential(user: &User, id: &CredentialId) -> Option<Credential> {
    match user.listing(id.kind()) {
        Some(Listing::Live(credentials)) => credentials.into_iter().find(|credential| credential.id == *id),
        Some(Listing::Reported(_) | Listing::Unread(_)) | None => None,
    }
}

/// Who created a credential, where a deployment's ledger tells.
pub(crate) fn creator(user: &User, credential: &Credential) -> Option<String> {
    let events = user.provenance.as_ref()?.creations.of(&credential.id, &user.name, credential.created);
    let creation = events.into_iter().find(|creation| !creation.act.is_reactivation())?;
    Some(creation.creator.to_string())
}

/// The limit that a clause is about.
pub(crate) fn limit_days(clause: &Clause) -> Option<u32> {
    match clause {
        Clause::MaxAge { limit, .. } | Clause::Unused { limit, .. } | Clause::NeverUsed { limit, .. } => Some(limit.0),
        Clause::UnauthorizedCreator { .. }
        | Clause::CreatorUnknown { .. }
        | Clause::TooMany { .. }
        | Clause::NotVerifiableSince { .. } => None,
    }
}

/// When a credential was used last, where that is known.
pub(crate) fn last_used(last_use: &LastUse) -> Option<Timestamp> {
    match last_use {
        LastUse::At { at, .. } => Some(*at),
        LastUse::Never | LastUse::NotRead | LastUse::Unread(_) => None,
    }
}

pub(crate) fn ever_used(last_use: &LastUse) -> Option<bool> {
    match last_use {
        LastUse::At { .. } => Some(true),
        LastUse::Never => Some(false),
        LastUse::NotRead | LastUse::Unread(_) => None,
    }
}
