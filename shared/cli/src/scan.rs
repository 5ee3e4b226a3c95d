//! `credwarden scan`: judges, filters, and says by its exit status what was found.

use std::collections::BTreeSet;

use credwarden_policy::class::matches;
use credwarden_policy::policy::Policy;

use crate::arguments::{FailOn, Scan as Request};
use crate::failure::Failure;
use crate::finding::{FORMAT, Finding, PolicyUsed, RuleJudged, Scan, Source, Status, Summary};
use crate::judgement;
use crate::rules::Rule;
use crate::subject::{Facts, Subject};
use crate::suggestion::did_you_mean;

/// Judges the facts as the request asks.
///
/// # Errors
/// A filter names a class or user that there is not.
pub fn scan(
    mut facts: Facts,
    policy: &Policy,
    used: PolicyUsed,
    rules: &[&Rule],
    request: &Request,
) -> Result<Scan, Failure> {
    let source = Source { kind: facts.kind, file: facts.file.clone(), account: facts.account() };
    check_classes(policy, &request.classes)?;
    check_users(&facts.subjects, &request.users)?;
    if !request.users.is_empty() {
        let is_wanted = |name: &str| request.users.iter().any(|pattern| matches(pattern, name));
        facts.subjects.retain(|subject| is_wanted(subject.name().as_str()));
    }
    let mut findings = judgement::findings(&facts, policy, rules);
    let mut users = facts.subjects.len();
    if !request.classes.is_empty() {
        findings.retain(|finding| finding.possible_classes.iter().any(|class| request.classes.contains(class)));
        users = findings.iter().map(|finding| &finding.resource_name).collect::<BTreeSet<_>>().len();
    }
    let summary = Summary { unreadable_rows: facts.unreadable_rows, ..Summary::of(users, &findings) };
    if !request.all {
        findings.retain(Finding::is_remarkable);
    }
    let judged = |rule: &&Rule| RuleJudged { name: rule.name, finds: rule.finds, controls: rule.controls() };
    Ok(Scan {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        source,
        as_of: facts.as_of,
        policy: used,
        rules: rules.iter().map(judged).collect(),
        limitations: facts.limitations,
        summary,
        findings,
    })
}

/// The exit status of a scan that could be made.
pub fn exit_status(summary: &Summary, fail_on: FailOn) -> u8 {
    let Summary { non_compliant, unknown, due, unreadable_rows, users: _, excepted: _, compliant: _ } = *summary;
    if non_compliant > 0 && fail_on <= FailOn::NonCompliant {
        1
    } else if unknown + unreadable_rows > 0 && fail_on <= FailOn::Unknown {
        3
    } else if due > 0 && fail_on <= FailOn::Due {
        4
    } else {
        0
    }
}

/// Whether the policy has all of these classes.
///
/// # Errors
/// It lacks one.
pub(crate) fn check_classes(policy: &Policy, wanted: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = policy.class_names().map(credwarden_policy::class::ClassName::as_str).collect();
    match wanted.iter().find(|class| !known.contains(&class.as_str())) {
        None => Ok(()),
        Some(class) => Err(Failure::input(format!(
            "the policy has no class `{class}`{}\nhint: its classes are {}",
            did_you_mean(class, known.iter().copied()),
            known.iter().map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// A pattern that matches nobody is a slip: an empty result would look like a clean one.
fn check_users(subjects: &[Subject], patterns: &[String]) -> Result<(), Failure> {
    let names = || subjects.iter().map(|subject| subject.name().as_str());
    match patterns.iter().find(|pattern| !names().any(|name| matches(pattern, name))) {
        None => Ok(()),
        Some(pattern) => {
            Err(Failure::input(format!("no user's name matches `{pattern}`{}", did_you_mean(pattern, names()))))
        }
    }
}

/// The worst of what was found, for people.
pub fn worst(finding: &Finding) -> &'static str {
    match finding.status {
        Status::Compliant if finding.due_by.is_some() => "DUE",
        Status::Compliant if finding.exception.is_some() => "EXCEPTED",
        status => status.as_str(),
    }
}
