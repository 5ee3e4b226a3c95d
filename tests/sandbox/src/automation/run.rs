//! Running an execution, step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use super::document::{Action, Document, OnFailure, Step};
use super::references::References;
use super::{Automation, Execution, Lambda, Status, StepExecution, script};
use crate::template::Scope;
use crate::tricks::Trick;

/// How a step went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) outputs: BTreeMap<String, Value>,
    /// Where a branch leads.
    pub(super) next: Option<String>,
    pub(super) failure: Option<Failure>,
    /// It waits for approvals.
    pub(super) is_waiting: bool,
}

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) message: String,
}

impl Automation {
    /// Runs an execution that was queued to its end, or until a step waits for approvals; once they are there, it is queued
    /// again and goes on with that step.
    pub async fn run(&self, id: &str, lambda: &impl Lambda, now: impl Fn() -> Timestamp) -> Result<Execution> {
        let execution = self.execution(id).with_context(|| format!("there is no execution `{id}`"))?;
        let document = self.documents.get(&execution.document).context("the execution's document is gone")?;
        self.change(id, |execution| execution.status = Status::InProgress);
        let mut references = known(&execution, &self.scope);
        let end = match assumed_role(document, &references) {
            Ok(role_arn) => {
                let waiting = execution.steps.iter().find(|step| step.status == Status::Waiting);
                let mut at = waiting.map_or_else(|| document.steps.first(), |step| document.step(&step.name));
                let mut end = None;
                while let Some(step) = at {
                    let outcome = self.step(id, step, &role_arn, &references, lambda, &now).await;
                    if outcome.is_waiting {
                        self.change(id, |execution| execution.status = Status::Waiting);
                        return self.execution(id).context("the execution is gone");
                    }
                    for (name, value) in &outcome.outputs {
                        references.set(format!("{}.{name}", step.name), value.clone());
                    }
                    (at, end) = follow(document, step, outcome);
                }
                end
            }
            Err(error) => Some(Failure { status: Status::Failed, message: format!("{error:#}") }),
        };
        self.change(id, |execution| {
            execution.ended = Some(now());
            execution.status = end.as_ref().map_or(Status::Success, |failure| failure.status);
            execution.failure = end.map(|failure| failure.message);
            for name in &document.outputs {
                if let Ok(value) = references.get(name) {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    execution.outputs.insert(name.clone(), text);
                }
            }
        });
        self.execution(id).context("the execution is gone")
    }

    async fn step(
        &self,
        id: &str,
        step: &Step,
        role_arn: &str,
        references: &References,
        lambda: &impl Lambda,
        now: &impl Fn() -> Timestamp,
    ) -> Outcome {
        if let Action::Approve { least, .. } = &step.action {
            let outcome = self.approval(id, step, *least, now());
            self.note(id, step, &outcome, now);
            return outcome;
        }
        let begun = begun(step, now());
        self.change(id, |execution| execution.steps.push(begun));
        let mut outcome = Outcome::default();
        for _ in 0..step.attempts.max(1) {
            let timeout = Duration::from_secs(step.timeout_seconds.unwrap_or(MOST_SECONDS));
            let done = tokio::time::timeout(timeout, self.act(step, role_arn, references, lambda)).await;
            outcome = match done {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => failed(Status::Failed, format!("{error:#}")),
                Err(_) => failed(Status::TimedOut, format!("step `{}` took longer than it may", step.name)),
            };
            if outcome.failure.is_none() {
                break;
            }
        }
        self.note(id, step, &outcome, now);
        outcome
    }

    /// Keeps how the step went that began last.
    fn note(&self, id: &str, step: &Step, outcome: &Outcome, now: &impl Fn() -> Timestamp) {
        self.change(id, |execution| {
            let last = execution.steps.last_mut().filter(|last| last.name == step.name && !outcome.is_waiting);
            if let Some(last) = last {
                last.ended = Some(now());
                last.outputs.clone_from(&outcome.outputs);
                last.status = outcome.failure.as_ref().map_or(Status::Success, |failure| failure.status);
                last.failure = outcome.failure.as_ref().map(|failure| failure.message.clone());
            }
        });
    }

    async fn act(&self, step: &Step, role_arn: &str, references: &References, lambda: &impl Lambda) -> Result<Outcome> {
        match &step.action {
            Action::InvokeLambda { function, payload } => {
                let function = references.fill_text(function)?;
                let invoked = lambda.invoke(role_arn, &function, &references.fill(payload)?).await?;
                let mut outputs = BTreeMap::from([
                    ("StatusCode".to_owned(), Value::from(200)),
                    ("Payload".to_owned(), Value::from(invoked.payload)),
                ]);
                let mut failure = None;
                if let Some(error) = invoked.function_error {
                    // AWS does not say whether this alone fails the step, so it is played both ways.
                    if !self.tricks.plays(Trick::FunctionErrorPassesOn) {
                        let message = format!("function `{function}` failed with `{error}`");
                        failure = Some(Failure { status: Status::Failed, message });
                    }
                    outputs.insert("FunctionError".to_owned(), error.into());
                }
                Ok(Outcome { outputs, failure, ..Outcome::default() })
            }
            Action::Approve { .. } => bail!("step `{}` waits for approvals", step.name),
            Action::Branch { choices, default } => {
                for choice in choices {
                    if choice.holds(references)? {
                        return Ok(Outcome { next: Some(choice.next.clone()), ..Outcome::default() });
                    }
                }
                match default {
                    Some(default) => Ok(Outcome { next: Some(default.clone()), ..Outcome::default() }),
                    None => bail!("no choice of step `{}` holds, and it has no default", step.name),
                }
            }
            Action::Script { handler, script, payload } => {
                let timeout = Duration::from_secs(step.timeout_seconds.unwrap_or(MOST_SECONDS));
                let payload = references.fill(payload)?;
                let answer = script::run(&references.fill_text(script)?, handler, &payload, timeout).await?;
                let outputs = BTreeMap::from([("Payload".to_owned(), answer.to_string().into())]);
                Ok(Outcome { outputs, ..Outcome::default() })
            }
        }
    }
}

/// The step that comes next, or how the execution ends.
fn follow<'a>(document: &'a Document, step: &Step, outcome: Outcome) -> (Option<&'a Step>, Option<Failure>) {
    match outcome.failure {
        Some(failure) => match &step.on_failure {
            OnFailure::Abort => return (None, Some(failure)),
            OnFailure::Step(name) => return (document.step(name), None),
            // Goes on as after a success.
            OnFailure::Continue => {}
        },
        None => {
            if let Some(next) = outcome.next {
                return (document.step(&next), None);
            }
        }
    }
    if step.is_end {
        return (None, None);
    }
    match &step.next {
        Some(next) => (document.step(next), None),
        None => (document.after(&step.name), None),
    }
}

pub(super) fn begun(step: &Step, now: Timestamp) -> StepExecution {
    StepExecution {
        name: step.name.clone(),
        action: step.action.kind().to_owned(),
        status: Status::InProgress,
        inputs: step.inputs.clone(),
        outputs: BTreeMap::new(),
        failure: None,
        started: now,
        ended: None,
    }
}

fn assumed_role(document: &Document, references: &References) -> Result<String> {
    let role = document.assume_role.as_deref().context("the document names no role to run in")?;
    references.fill_text(role)
}

pub(super) fn failed(status: Status, message: String) -> Outcome {
    Outcome { failure: Some(Failure { status, message }), ..Outcome::default() }
}

pub(super) fn known(execution: &Execution, scope: &Scope) -> References {
    let mut references = References::default();
    for (name, values) in &execution.parameters {
        match values.as_slice() {
            [one] => references.set(name.as_str(), one.as_str()),
            many => references.set(name.as_str(), many.to_vec()),
        }
    }
    for step in &execution.steps {
        for (name, value) in &step.outputs {
            references.set(format!("{}.{name}", step.name), value.clone());
        }
    }
    references.set("automation:EXECUTION_ID", execution.id.as_str());
    references.set("global:ACCOUNT_ID", scope.account.as_str());
    references.set("global:REGION", scope.region.as_str());
    references.set("global:AWS_PARTITION", "aws");
    references
}

/// AWS's cap of a step that invokes a function, and time enough for any other.
const MOST_SECONDS: u64 = 300;
