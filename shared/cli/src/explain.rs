//! `credwarden explain`: all that is known of one user, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::age::{Days, is_older};
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Listing, Status as Usable, User};
use credwarden_inventory::report::Slot;
use credwarden_policy::announcement::SHORTEST_NOTICE;
use credwarden_policy::class::ClassName;
use credwarden_policy::layers::{CreationLayers, LimitLayers};
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Mode, Remedy, RemedyName, RuleName};
use credwarden_policy::rotation::Delivery;
use credwarden_policy::window::Opening;
use jiff::Timestamp;
use serde::Serialize;

use crate::class::{Step, Traits, possible, steps};
use crate::failure::Failure;
use crate::finding::{FORMAT, Finding, SourceKind, Status};
use crate::judgement::{self, ever_used, last_used};
use crate::reported::{ReportedUser, bare, slot_name};
use crate::rules::Rule;
use crate::subject::{Facts, Subject};
use crate::suggestion::did_you_mean;

mod text;

/// All that is known of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The format of the document.
    pub format: u32,
    /// The time of the judgement.
    pub as_of: Timestamp,
    /// What the facts were read from.
    pub source: SourceKind,
    /// The user's name.
    pub name: UserName,
    /// Its unique id, where the source knows it.
    pub id: Option<UserId>,
    /// Its ARN.
    pub arn: Option<Arn>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its tags; `None` where the source does not show them.
    pub tags: Option<BTreeMap<String, String>>,
    /// The classes that it may belong to: one, where all that decides is known.
    pub possible_classes: Vec<String>,
    /// How that follows, class by class.
    pub classes: Vec<Step>,
    /// The limits, by class and kind of credential, each with the layer that set it.
    pub limits: BTreeMap<String, BTreeMap<CredentialKind, LimitLayers>>,
    /// What the policy says of the creation of credentials, by class of which it says something, each with the layer that
    /// set it.
    pub creation_limits: BTreeMap<String, CreationLayers>,
    /// What it holds.
    pub credentials: Vec<Evidence>,
    /// What could not be read of it.
    pub gaps: Vec<String>,
    /// The pattern by which the policy protects it from every remedy.
    pub protected_by: Option<String>,
    /// What each rule says, and what would be done.
    pub verdicts: Vec<Said>,
    /// What the source never shows.
    pub limitations: Vec<String>,
}

/// One credential, as far as the source shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The kind.
    pub kind: CredentialKind,
    /// The id, or the place in the credential report.
    pub credential: String,
    /// `active`, `inactive`, `expired` or `unreadable`.
    pub state: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Who created it, where a deployment's ledger tells.
    pub creator: Option<String>,
    /// When it was created or changed last, where only that is known.
    pub changed: Option<Timestamp>,
    /// When it expires by itself.
    pub expires: Option<Timestamp>,
    /// The service that it is for.
    pub service: Option<String>,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
    /// Whether AWS knows of any use; `None` where that was not read.
    pub ever_used: Option<bool>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The findings of the rule; none: it has nothing to say of this user.
    pub findings: Vec<Finding>,
    /// What would be done about them by the policy, in words.
    pub would_be_done: Vec<String>,
    /// The rule.
    pub rule: &'static str,
    /// The controls that it serves.
    pub controls: Vec<String>,
}

/// Explains the user of that name, ARN or id.
///
/// # Errors
/// There is no such user.
pub fn explain(user: &str, facts: &Facts, policy: &Policy, rules: &[&Rule]) -> Result<Explanation, Failure> {
    let is_it = |subject: &&Subject| {
        let id = if let Subject::User(user) = subject { Some(user.id.as_str()) } else { None };
        subject.name().as_str() == user || subject.arn().is_some_and(|arn| arn.as_str() == user) || id == Some(user)
    };
    let Some(subject) = facts.subjects.iter().find(is_it) else {
        let names = facts.subjects.iter().map(|subject| subject.name().as_str());
        return Err(Failure::input(format!("there is no user `{user}`{}", did_you_mean(user, names))));
    };
    let (traits, credentials, gaps, id, created, supposed) = match subject {
        Subject::User(user) => {
            let (credentials, gaps) = of_user(user);
            (Traits::from(user), credentials, gaps, Some(user.id.clone()), Some(user.created), Some(user.clone()))
        }
        Subject::Reported(user) => {
            let created = user.row.as_ref().and_then(|row| row.user_created);
            (user.traits(), of_report(user), Vec::new(), None, created, bare(&user.name, user.arn()))
        }
    };
    let possible_classes = possible(policy, &traits);
    let of_one = Facts { subjects: vec![subject.clone()], ..facts.clone() };
    let protected_by = subject.arn().and_then(|arn| policy.protects(arn)).map(str::to_owned);
    let said = |rule: &&Rule| {
        let findings = judgement::findings(&of_one, policy, &[*rule]);
        let broken = findings.iter().filter(|finding| finding.status == Status::NonCompliant);
        Said {
            would_be_done: broken
                .map(|finding| would_be_done(finding, policy, supposed.as_ref(), protected_by.as_deref(), facts.as_of))
                .collect(),
            findings,
            rule: rule.name.as_str(),
            controls: rule.controls(),
        }
    };
    let kinds: BTreeSet<CredentialKind> = credentials.iter().map(|credential| credential.kind).collect();
    Ok(Explanation {
        format: FORMAT,
        as_of: facts.as_of,
        source: facts.kind,
        name: subject.name().clone(),
        id,
        arn: subject.arn().cloned(),
        created,
        tags: traits.tags.cloned(),
        classes: steps(policy, &traits),
        limits: limits(policy, &possible_classes, &kinds, supposed.as_ref()),
        creation_limits: creation_limits(policy, &possible_classes),
        possible_classes,
        credentials,
        gaps,
        verdicts: rules.iter().map(said).collect(),
        protected_by,
        limitations: facts.limitations.clone(),
    })
}

fn limits(
    policy: &Policy,
    classes: &[String],
    kinds: &BTreeSet<CredentialKind>,
    user: Option<&User>,
) -> BTreeMap<String, BTreeMap<CredentialKind, LimitLayers>> {
    let Some(user) = user else { return BTreeMap::new() };
    let of_class =
        |class: &ClassName| kinds.iter().map(|kind| (*kind, policy.limit_layers(user, class, *kind))).collect();
    named(policy, classes).map(|class| (class.to_string(), of_class(class))).collect()
}

fn creation_limits(policy: &Policy, classes: &[String]) -> BTreeMap<String, CreationLayers> {
    let said = |class: &ClassName| (class.to_string(), policy.creation_layers(class));
    named(policy, classes).map(said).filter(|(_, layers)| *layers != CreationLayers::default()).collect()
}

/// The policy's classes of these names.
fn named<'a>(policy: &'a Policy, classes: &'a [String]) -> impl Iterator<Item = &'a ClassName> {
    policy.class_names().filter(|class| classes.iter().any(|name| name == class.as_str()))
}

fn of_user(user: &User) -> (Vec<Evidence>, Vec<String>) {
    let mut credentials = Vec::new();
    let mut gaps = Vec::new();
    for kind in CredentialKind::OF_USERS {
        match user.listing(kind) {
            // No rule asked for it, which is no gap.
            None => {}
            Some(Listing::Live(listed)) => credentials.extend(listed.into_iter().map(|credential| {
                Evidence {
                    kind,
                    state: match credential.status {
                        Usable::Active => "active",
                        Usable::Inactive => "inactive",
                        Usable::Expired => "expired",
                    }
                    .to_owned(),
                    created: Some(credential.created),
                    creator: judgement::creator(user, &credential),
                    changed: None,
                    expires: credential.expires,
                    last_used: last_used(&credential.last_use),
                    ever_used: ever_used(&credential.last_use),
                    service: credential.service,
                    credential: credential.id.to_string(),
                }
            })),
            Some(Listing::Reported(reported)) => credentials.extend(reported.active.iter().map(|one| Evidence {
                kind,
                credential: slot_name(kind, one.slot),
                state: "active".to_owned(),
                created: None,
                creator: None,
                changed: one.changed,
                expires: None,
                service: None,
                last_used: one.last_used,
                ever_used: (kind != CredentialKind::SigningCertificate).then_some(one.last_used.is_some()),
            })),
            Some(Listing::Unread(gap)) => gaps.push(gap.to_string()),
        }
    }
    (credentials, gaps)
}

fn of_report(user: &ReportedUser) -> Vec<Evidence> {
    let evidence = |(kind, number, slot)| {
        let (state, reported) = match slot {
            Slot::Empty => return None,
            Slot::Active(reported) => ("active", Some(reported)),
            Slot::Inactive(reported) => ("inactive", Some(reported)),
            Slot::Unreadable => ("unreadable", None),
        };
        let last_used = reported.and_then(|reported| reported.last_used);
        Some(Evidence {
            kind,
            credential: slot_name(kind, number),
            state: state.to_owned(),
            created: None,
            creator: None,
            changed: reported.and_then(|reported| reported.changed),
            expires: None,
            service: None,
            last_used,
            ever_used: reported.filter(|_| kind != CredentialKind::SigningCertificate).map(|_| last_used.is_some()),
        })
    };
    user.slots().filter_map(evidence).collect()
}

/// What the rule's remedy would do about a finding, in words.
fn would_be_done(
    finding: &Finding,
    policy: &Policy,
    user: Option<&User>,
    protected_by: Option<&str>,
    now: Timestamp,
) -> String {
    let credential = finding.credential();
    let class = policy.class_names().find(|class| finding.class.as_deref() == Some(class.as_str()));
    let (Some(class), Some(kind)) = (class, finding.credential_kind) else {
        return "nothing: no remedy acts where class or credential cannot be told".to_owned();
    };
    let Some(remedy) = policy.remedy(finding.rule, class, kind) else {
        return format!("{credential}: nothing, the policy names no remedy for class `{class}`");
    };
    let name = remedy.name;
    if let Some(pattern) = protected_by {
        return format!("{credential}: {name} is held, the policy protects `{pattern}`");
    }
    let limits = user.map(|user| policy.limits(user, class, kind));
    let in_use = limits.map(|limits| limits.in_use).filter(|_| name != RemedyName::RotateKey);
    if let (Some(days), Some(used)) = (in_use, finding.last_used)
        && !is_older(used, days, now)
    {
        return format!("{credential}: {name} is held, it is in use: last at {used}, which is within {days}");
    }
    match remedy.mode {
        Mode::Observe => format!("{credential}: nothing, mode `observe` only says that {name} would be done"),
        Mode::Warn => format!("{credential}: nothing, mode `warn` tells the owner that {name} would be done"),
        Mode::Enforce if name == RemedyName::RotateKey => {
            let waits = waits(finding, policy, class, now);
            let approved = if remedy.approval { ", and only once somebody has approved that" } else { "" };
            format!(
                "{credential}: {name}, once it was reported for a day: {}{approved}{waits}",
                rotated(remedy, limits)
            )
        }
        Mode::Enforce => {
            let waits = format!("{}{}", before(finding, remedy, kind, limits), waits(finding, policy, class, now));
            format!("{credential}: {name}, once it was reported for a day and the day's budget allows{waits}")
        }
    }
}

/// What comes before an act: its owner's warning of what nothing undoes, and somebody's approval.
fn before(finding: &Finding, remedy: Remedy, kind: CredentialKind, limits: Option<Limits>) -> String {
    let is_warned_of = !kind.has_status() && finding.rule != RuleName::UnauthorizedKeyCreation;
    let warned = match limits.filter(|_| is_warned_of) {
        Some(limits) => {
            format!(": it is deleted for good, {} after its owner was told", limits.warn.max(SHORTEST_NOTICE))
        }
        None if kind.has_status() => String::new(),
        None => ": it is deleted for good".to_owned(),
    };
    format!("{warned}{}", if remedy.approval { ", and only once somebody has approved it" } else { "" })
}

/// Which window an act waits for, where it waits for one.
fn waits(finding: &Finding, policy: &Policy, class: &ClassName, now: Timestamp) -> String {
    match policy.opening(class, now) {
        Opening::Closed { opens } if finding.rule != RuleName::UnauthorizedKeyCreation => {
            format!(", not before the maintenance window of its class opens at {opens}")
        }
        Opening::Open | Opening::Closed { .. } => String::new(),
    }
}

/// What a rotation would come to, in words. How far one has come only the ledger of the account tells.
fn rotated(remedy: Remedy, limits: Option<Limits>) -> String {
    let by = limits.map_or_else(String::new, |limits| format!(" within {}", limits.warn.max(Days(1))));
    let after =
        if remedy.force { "after that even if it is in use and the new one works" } else { "never while it is in use" };
    match remedy.delivery {
        Delivery::Owner => format!(
            "its owner is told to create another and move to it{by}, and it is made inactive once nothing needs it, {after}"
        ),
        Delivery::Secret => format!(
            "another is minted into the secret of its user, if that is enrolled, or else created by its owner{by}, and it is \
             made inactive once nothing needs it, {after}"
        ),
        Delivery::Replace => "its owner is told which role would do in its place, and it is left as it is".to_owned(),
    }
}
