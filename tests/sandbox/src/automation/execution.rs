//! Executions, as SSM keeps and shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// State of an execution or of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
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
        }
    }

    /// The payload that the last `aws:invokeLambdaFunction` step put out, as JSON.
    pub fn answer(&self) -> Option<Value> {
        let payload = self.steps.iter().rev().find_map(|step| step.outputs.get("Payload"))?;
        serde_json::from_str(payload.as_str()?).ok()
    }

    /// `AutomationExecution` of the service model.
    pub(super) fn shape(&self) -> Value {
        let mut shape = self.metadata();
        shape["StepExecutions"] = self.steps.iter().map(StepExecution::shape).collect();
        shape["StepExecutionsTruncated"] = false.into();
        shape["Parameters"] = json!(self.parameters);
        shape
    }

    /// `AutomationExecutionMetadata` of the service model.
    pub(super) fn metadata(&self) -> Value {
        let mut shape = json!({
            "AutomationExecutionId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": "1",
            "ExecutionStartTime": seconds(self.started),
            "AutomationExecutionStatus": self.status.word(),
            "ExecutedBy": self.executed_by,
            "Mode": "Auto",
            "Targets": [],
        });
        if let Some(ended) = self.ended {
            shape["ExecutionEndTime"] = seconds(ended);
            let outputs: Map<_, _> = self.outputs.iter().map(|(name, text)| (name.clone(), json!([text]))).collect();
            shape["Outputs"] = outputs.into();
        }
        if let Some(failure) = &self.failure {
            shape["FailureMessage"] = failure.as_str().into();
        }
        if let Some(step) = self.steps.last().filter(|step| step.status == Status::InProgress) {
            shape["CurrentStepName"] = step.name.as_str().into();
            shape["CurrentAction"] = step.action.as_str().into();
        }
        shape
    }
}

impl StepExecution {
    fn shape(&self) -> Value {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let inputs = self.inputs.as_object().into_iter().flatten();
        let inputs: Map<_, _> = inputs.map(|(name, value)| (name.clone(), value.to_string().into())).collect();
        let outputs = self.outputs.iter().map(|(name, value)| (name.clone(), json!([text(value)])));
        let mut shape = json!({
            "StepName": self.name,
            "Action": self.action,
            "StepStatus": self.status.word(),
            "ExecutionStartTime": seconds(self.started),
            "Inputs": inputs,
            "Outputs": outputs.collect::<Map<_, _>>(),
        });
        if let Some(ended) = self.ended {
            shape["ExecutionEndTime"] = seconds(ended);
        }
        if let Some(failure) = &self.failure {
            shape["FailureMessage"] = failure.as_str().into();
        }
        shape
    }
}

fn seconds(at: Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any date are far below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    seconds.into()
}
