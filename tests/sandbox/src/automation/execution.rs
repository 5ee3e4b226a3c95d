//! Executions, as SSM keeps and shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::shape::{present, seconds};

/// State of an execution or of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// A step waits for approvals.
    Waiting,
    /// Ended well.
    Success,
    /// Ended with an error.
    Failed,
    /// A step took longer than it may.
    TimedOut,
}

impl Status {
    /// AWS's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Waiting => "Waiting",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
        }
    }
}

/// One execution of a document.
#[derive(Clone, Debug)]
pub struct Execution {
    /// `AutomationExecutionId`
    pub id: String,
    /// `DocumentName`
    pub document: String,
    /// Accepted parameters, defaults among them.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// ARN of who started it.
    pub executed_by: String,
    /// How it stands.
    pub status: Status,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The steps so far.
    pub steps: Vec<StepExecution>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The outputs that the document names.
    pub outputs: BTreeMap<String, String>,
    /// What approvers have said so far.
    pub decisions: Vec<Decision>,
}

/// What somebody has said in `SendAutomationSignal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// ARN of who said it.
    pub approver: String,
    /// `Approve`, or else `Reject`.
    pub approves: bool,
}

/// One step of an execution.
#[derive(Clone, Debug)]
pub struct StepExecution {
    /// Its name in the document.
    pub name: String,
    /// Such as `aws:invokeLambdaFunction`.
    pub action: String,
    /// How it stands.
    pub status: Status,
    /// Its inputs as the document writes them.
    pub inputs: Value,
    /// What it put out.
    pub outputs: BTreeMap<String, Value>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Execution {
    pub(super) fn new(
        id: &str,
        document: &str,
        parameters: BTreeMap<String, Vec<String>>,
        executed_by: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id: id.to_owned(),
            document: document.to_owned(),
            parameters,
            executed_by: executed_by.to_owned(),
            status: Status::Pending,
            started: now,
            ended: None,
            steps: Vec::new(),
            failure: None,
            outputs: BTreeMap::new(),
            decisions: Vec::new(),
        }
    }

    /// What the remedy answered that a step of this execution invoked last: what only tells answers without a status.
    pub fn remedy_answer(&self) -> Option<Value> {
        let invoked = self.steps.iter().rev().filter(|step| step.action == "aws:invokeLambdaFunction");
        let payloads = invoked.filter_map(|step| step.outputs.get("Payload")?.as_str());
        let mut answers = payloads.filter_map(|payload| serde_json::from_str::<Value>(payload).ok());
        answers.find(|answer| answer.get("status").is_some())
    }

    /// `AutomationExecution` of the service model.
    pub(super) fn shape(&self) -> Value {
        let mut shape = self.metadata();
        if let Some(members) = shape.as_object_mut() {
            members.insert("StepExecutions".to_owned(), self.steps.iter().map(StepExecution::shape).collect());
            members.insert("StepExecutionsTruncated".to_owned(), false.into());
            members.insert("Parameters".to_owned(), json!(self.parameters));
        }
        shape
    }

    /// `AutomationExecutionMetadata` of the service model.
    pub(super) fn metadata(&self) -> Value {
        let current = self.steps.last().filter(|step| step.ended.is_none());
        let outputs: Map<_, _> = self.outputs.iter().map(|(name, text)| (name.clone(), json!([text]))).collect();
        present(json!({
            "AutomationExecutionId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": "1",
            "ExecutionStartTime": seconds(self.started),
            "ExecutionEndTime": self.ended.map(seconds),
            "AutomationExecutionStatus": self.status.word(),
            "ExecutedBy": self.executed_by,
            "Mode": "Auto",
            "Targets": [],
            "Outputs": self.ended.map(|_| outputs),
            "FailureMessage": self.failure,
            "CurrentStepName": current.map(|step| step.name.as_str()),
            "CurrentAction": current.map(|step| step.action.as_str()),
        }))
    }
}

impl StepExecution {
    fn shape(&self) -> Value {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let inputs = self.inputs.as_object().into_iter().flatten();
        let inputs: Map<_, _> = inputs.map(|(name, value)| (name.clone(), value.to_string().into())).collect();
        let outputs = self.outputs.iter().map(|(name, value)| (name.clone(), json!([text(value)])));
        present(json!({
            "StepName": self.name,
            "Action": self.action,
            "StepStatus": self.status.word(),
            "ExecutionStartTime": seconds(self.started),
            "ExecutionEndTime": self.ended.map(seconds),
            "Inputs": inputs,
            "Outputs": outputs.collect::<Map<_, _>>(),
            "FailureMessage": self.failure,
        }))
    }
}
