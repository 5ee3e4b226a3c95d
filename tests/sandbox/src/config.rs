//! AWS Config, played: schedule, results and remediation of the template's rules.
//!
//! It answers `config:*` as AWS's service model has it, refuses what AWS refuses, and counts what AWS bills. It invokes
//! nothing itself: the sandbox asks what is due, and tells how it ended.

mod api;
mod exceptions;
mod remediation;
mod results;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Player};
use crate::directory::Directory;
use crate::shape::present;
use crate::template::{ConfigRule, Deployment, Remediation, Scope};
use crate::tricks::{Trick, Tricks};

pub use exceptions::RemediationException;
pub use remediation::RemediationStart;
pub use results::{Compliance, StoredResult};

use exceptions::Exceptions;
use remediation::Remediations;
use results::Results;

/// Config in one account and region.
#[derive(Debug)]
pub struct Config {
    scope: Scope,
    rules: BTreeMap<String, ConfigRule>,
    remediations: BTreeMap<String, Remediation>,
    directory: Directory,
    tricks: Tricks,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When a rule was last invoked on its schedule.
    invoked: BTreeMap<String, Timestamp>,
    /// Rules that `StartConfigRulesEvaluation` has asked for.
    asked: VecDeque<String>,
    /// Result tokens of invocations under way, and their rule.
    tokens: BTreeMap<String, String>,
    issued: u64,
    results: Results,
    remediation: Remediations,
    exceptions: Exceptions,
    /// Resource ids that `PutEvaluations` still has to fail, and how often.
    failing: BTreeMap<String, u64>,
    /// Items of `PutEvaluations` that AWS bills, by rule.
    billed: BTreeMap<String, u64>,
}

/// One invocation of a rule's function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Name of the rule.
    pub rule: String,
    /// ARN of its function.
    pub function_arn: String,
    /// The event as AWS shapes it.
    pub event: Value,
    /// The event's token, which is good until [`Config::ended`].
    pub token: String,
    /// Whether it comes after invocations for newer events.
    pub late: bool,
}

/// Token of an invocation that stores nothing, as AWS's rule development kit has it.
pub const TEST_MODE: &str = "TESTMODE";

impl Config {
    /// Config with the deployment's rules and nothing evaluated yet.
    pub fn new(deployment: &Deployment, directory: Directory, tricks: Tricks) -> Self {
        Self {
            scope: deployment.scope.clone(),
            rules: deployment.rules.clone(),
            remediations: deployment.remediations.clone(),
            directory,
            tricks,
            state: Mutex::default(),
        }
    }

    /// Names of the rules whose evaluation is due: by their schedule, or because it was asked for.
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        let state = self.state();
        let by_schedule = self.rules.values().filter(|rule| {
            let last = state.invoked.get(&rule.name);
            last.is_none_or(|last| now.duration_since(*last) >= SignedDuration::from_hours(rule.hours))
        });
        let mut due: BTreeSet<String> = by_schedule.map(|rule| rule.name.clone()).collect();
        due.extend(state.asked.iter().cloned());
        due.into_iter().collect()
    }

    /// Names of the rules whose evaluation was asked for and has not begun.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.iter().cloned().collect()
    }

    /// Begins an evaluation of a rule: one invocation, or more where events come twice or late.
    pub fn begin(&self, rule: &str, now: Timestamp) -> Result<Vec<Invocation>> {
        let mut made = vec![(now, false)];
        if self.tricks.plays(Trick::DuplicateEvent) {
            made.push((now, false));
        }
        if self.tricks.plays(Trick::LateEvent) {
            made.push((now - SignedDuration::from_hours(1), true));
        }
        let rule = self.rule(rule)?;
        {
            let mut state = self.state();
            state.invoked.insert(rule.name.clone(), now);
            state.asked.retain(|asked| *asked != rule.name);
        }
        Ok(made.into_iter().map(|(made, late)| Invocation { late, ..self.invocation(rule, made) }).collect())
    }

    /// An evaluation that only tries whether the function delivers.
    pub fn begin_test(&self, rule: &str, now: Timestamp) -> Result<Invocation> {
        let rule = self.rule(rule)?;
        Ok(self.invocation_with(rule, now, TEST_MODE.to_owned()))
    }

    /// An invocation has ended: its token is good no longer.
    pub fn ended(&self, invocation: &Invocation) {
        self.state().tokens.remove(&invocation.token);
    }

    fn invocation(&self, rule: &ConfigRule, made: Timestamp) -> Invocation {
        let token = {
            let mut state = self.state();
            state.issued += 1;
            let token = format!("eyJlbmNyeXB0ZWREYXRh-sandbox-{}-{:06}", rule.id(), state.issued);
            state.tokens.insert(token.clone(), rule.name.clone());
            token
        };
        self.invocation_with(rule, made, token)
    }

    fn invocation_with(&self, rule: &ConfigRule, made: Timestamp, token: String) -> Invocation {
        let invoking_event = json!({
            "awsAccountId": self.scope.account,
            "notificationCreationTime": made.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "messageType": "ScheduledNotification",
            "recordVersion": "1.0",
        });
        let recorder = "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
        let event = present(json!({
            "version": "1.0",
            "invokingEvent": invoking_event.to_string(),
            "resultToken": token,
            "eventLeftScope": false,
            "executionRoleArn": self.scope.iam_arn(recorder),
            "configRuleArn": rule.arn,
            "configRuleName": rule.name,
            "configRuleId": rule.id(),
            "accountId": self.scope.account,
            "ruleParameters": rule.input_parameters,
        }));
        Invocation { rule: rule.name.clone(), function_arn: rule.function_arn.clone(), event, token, late: false }
    }

    /// The remediations that Config starts now. Each is handed out once.
    pub fn take_remediations(&self, now: Timestamp) -> Vec<RemediationStart> {
        let mut state = self.state();
        let State { remediation, exceptions, .. } = &mut *state;
        remediation.take(&self.remediations, &self.tricks, exceptions, now)
    }

    /// What SSM called an execution that Config started.
    pub fn remediation_started(&self, start: &RemediationStart, execution: &str, now: Timestamp) {
        self.state().remediation.started(start, execution, now);
    }

    /// An execution has ended; where Config started it, it tries again or makes an exception of its own.
    pub fn execution_ended(&self, execution: &str, succeeded: bool, now: Timestamp) {
        let mut state = self.state();
        let State { remediation, exceptions, .. } = &mut *state;
        remediation.ended(&self.remediations, &self.tricks, exceptions, execution, succeeded, now);
    }

    /// A person excepts a resource from remediation.
    pub fn put_exception(&self, rule: &str, resource_id: &str, message: &str, expires: Option<Timestamp>) {
        self.state().exceptions.put(rule, USER, resource_id, message, expires);
    }

    /// The remediation exceptions of a rule, whoever made them.
    pub fn exceptions(&self, rule: &str, now: Timestamp) -> Vec<RemediationException> {
        self.state().exceptions.of(rule, now)
    }

    /// The stored results of a rule, by resource id.
    pub fn results(&self, rule: &str) -> Vec<StoredResult> {
        self.state().results.of(rule)
    }

    /// Evaluations billed so far, all rules together.
    pub fn billed(&self) -> u64 {
        self.state().billed.values().sum()
    }

    /// Makes `PutEvaluations` return a resource's evaluation as failed, so many times.
    pub fn fail_evaluations(&self, resource_id: &str, times: u64) {
        self.state().failing.insert(resource_id.to_owned(), times);
    }

    fn rule(&self, name: &str) -> Result<&ConfigRule> {
        self.rules.get(name).with_context(|| format!("there is no Config rule `{name}`"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player for Config {
    fn play(&self, call: &Call) -> Option<Answer> {
        (call.service == "config").then(|| api::answer(self, call))
    }
}

/// The resource type of all that is judged so far.
const USER: &str = "AWS::IAM::User";
