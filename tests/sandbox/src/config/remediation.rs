//! Automatic remediation: what starts it, how often it is tried, and when Config gives up.
//!
//! AWS: a `NON_COMPLIANT` evaluation starts it; if `MaximumAutomaticAttempts` are made within `RetryAttemptSeconds`, Config
//! adds an exception for the resource by itself and stops until somebody removes it. AWS also says that remediation "can be
//! initiated even for compliant resources".

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::USER;
use super::exceptions::Exceptions;
use super::results::{Change, Compliance};
use crate::template::{Remediation, RemediationValue};
use crate::tricks::{Trick, Tricks};

/// One start of a document by Config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationStart {
    /// Name of the rule.
    pub rule: String,
    /// The resource.
    pub resource_id: String,
    /// Name of the document.
    pub document: String,
    /// What is passed: the resource's id where the configuration says so, and what is fixed.
    pub parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Remediations {
    /// Rule and resource id, in the order in which they are to be remediated.
    waiting: VecDeque<(String, String)>,
    executions: BTreeMap<String, (String, String)>,
    attempts: BTreeMap<(String, String), Vec<Attempt>>,
}

#[derive(Debug)]
struct Attempt {
    execution: String,
    at: Timestamp,
    failed: bool,
}

impl Remediations {
    /// A result was stored.
    pub(super) fn seen(&mut self, tricks: &Tricks, rule: &str, resource_id: &str, now_is: Compliance, change: Change) {
        let Change::From(before) = change else { return };
        let stood = before == Some(Compliance::NonCompliant);
        let starts = match now_is {
            Compliance::NonCompliant => !stood || !tricks.plays(Trick::NoRetrigger),
            Compliance::Compliant => tricks.plays(Trick::RemediatesCompliant),
            Compliance::NotApplicable => false,
        };
        let wanted = (rule.to_owned(), resource_id.to_owned());
        if starts && !self.waiting.contains(&wanted) {
            self.waiting.push_back(wanted);
        }
    }

    pub(super) fn take(
        &mut self,
        configurations: &BTreeMap<String, Remediation>,
        tricks: &Tricks,
        exceptions: &Exceptions,
        now: Timestamp,
    ) -> Vec<RemediationStart> {
        let mut starts = Vec::new();
        for (rule, resource_id) in std::mem::take(&mut self.waiting) {
            let Some(configuration) = configurations.get(&rule).filter(|found| found.automatic) else { continue };
            if exceptions.hold(&rule, USER, &resource_id, now) {
                continue;
            }
            let start = start(configuration, &resource_id);
            if tricks.plays(Trick::DuplicateRemediation) {
                starts.push(start.clone());
            }
            starts.push(start);
        }
        starts
    }

    pub(super) fn started(&mut self, start: &RemediationStart, execution: &str, now: Timestamp) {
        let resource = (start.rule.clone(), start.resource_id.clone());
        self.executions.insert(execution.to_owned(), resource.clone());
        let attempt = Attempt { execution: execution.to_owned(), at: now, failed: false };
        self.attempts.entry(resource).or_default().push(attempt);
    }

    pub(super) fn ended(
        &mut self,
        configurations: &BTreeMap<String, Remediation>,
        tricks: &Tricks,
        exceptions: &mut Exceptions,
        execution: &str,
        succeeded: bool,
        now: Timestamp,
    ) {
        let Some(resource) = self.executions.remove(execution) else { return };
        let Some(configuration) = configurations.get(&resource.0) else { return };
        let attempts = self.attempts.entry(resource.clone()).or_default();
        for attempt in attempts.iter_mut().filter(|attempt| attempt.execution == execution) {
            attempt.failed = !succeeded;
        }
        let window = SignedDuration::from_secs(configuration.retry_seconds);
        attempts.retain(|attempt| now.duration_since(attempt.at) < window);
        let every = tricks.plays(Trick::EveryAttemptCounts);
        let counted = attempts.iter().filter(|attempt| every || attempt.failed).count();
        let in_window = !attempts.is_empty();
        let used_up = u64::try_from(counted).unwrap_or(u64::MAX) >= configuration.attempts;
        if used_up || (!succeeded && tricks.plays(Trick::GivesUpAtOnce)) {
            exceptions.put(&resource.0, USER, &resource.1, OWN_EXCEPTION, None);
        } else if !succeeded && in_window {
            // Tried again at once: a failed attempt leaves the resource as it was.
            self.waiting.push_back(resource);
        }
    }
}

fn start(configuration: &Remediation, resource_id: &str) -> RemediationStart {
    let value = |value: &RemediationValue| match value {
        RemediationValue::ResourceId => vec![resource_id.to_owned()],
        RemediationValue::Static(values) => values.clone(),
    };
    RemediationStart {
        rule: configuration.rule.clone(),
        resource_id: resource_id.to_owned(),
        document: configuration.document.clone(),
        parameters: configuration.parameters.iter().map(|(name, found)| (name.clone(), value(found))).collect(),
    }
}

/// The words are the sandbox's own; AWS documents none.
const OWN_EXCEPTION: &str = "Remediation failed: the maximum number of automatic attempts has been reached.";
