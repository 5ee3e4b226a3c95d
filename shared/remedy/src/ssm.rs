//! What is read of Systems Manager: the execution that runs, beside parameters.

use std::collections::BTreeMap;
use std::future::Future;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::DisplayErrorContext;
use aws_sdk_ssm::types::{AutomationExecution, AutomationExecutionStatus, StepExecution};
use credwarden_inventory::parameter::{ParameterError, Parameters, ReadParameter};
use jiff::Timestamp;

/// The calls of Systems Manager that only read. All methods are written as `async fn`.
pub trait ReadSsm: ReadParameter {
    /// The execution with this id (`GetAutomationExecution`).
    fn automation_execution(&self, id: &str) -> impl Future<Output = Result<Execution, SsmError>>;
}

/// An execution of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// The document's name.
    pub document_name: String,
    /// Whether it is under way, or its status if not.
    pub status: ExecutionStatus,
    /// The values of the document's parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The ARN of who started it.
    pub executed_by: Option<String>,
    /// When it was started, in whole seconds.
    pub started: Option<Timestamp>,
    /// The ARNs of those who approved it.
    pub approvers: Vec<String>,
}

/// Whether an execution is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Its steps are being run.
    #[default]
    UnderWay,
    /// It is not; this is what AWS says.
    Other(String),
}

/// A call of Systems Manager that failed after all retries.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct SsmError {
    /// What was being done.
    pub doing: String,
    /// What the SDK says.
    pub why: String,
}

/// Systems Manager itself.
#[derive(Clone, Debug)]
pub struct Ssm {
    client: Client,
    parameters: Parameters,
}

impl Ssm {
    /// Reads with this client.
    pub fn new(client: Client) -> Self {
        Self { parameters: Parameters::with_client(client.clone()), client }
    }
}

impl ReadSsm for Ssm {
    async fn automation_execution(&self, id: &str) -> Result<Execution, SsmError> {
        let doing = format!("get automation execution `{id}`");
        let answer = self.client.get_automation_execution().automation_execution_id(id).send().await;
        let answer =
            answer.map_err(|error| SsmError { doing: doing.clone(), why: DisplayErrorContext(&error).to_string() })?;
        let execution = answer.automation_execution;
        execution.map(read).ok_or_else(|| SsmError { doing, why: "the answer is empty".to_owned() })
    }
}

impl ReadParameter for Ssm {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        self.parameters.read_parameter(name).await
    }
}

fn read(execution: AutomationExecution) -> Execution {
    let status = match execution.automation_execution_status {
        // The answer may lag behind a step that has just begun.
        Some(
            AutomationExecutionStatus::Inprogress
            | AutomationExecutionStatus::Pending
            | AutomationExecutionStatus::Waiting,
        ) => ExecutionStatus::UnderWay,
        Some(other) => ExecutionStatus::Other(other.as_str().to_owned()),
        None => ExecutionStatus::Other("unknown".to_owned()),
    };
    let steps = execution.step_executions.unwrap_or_default();
    Execution {
        id: execution.automation_execution_id.unwrap_or_default(),
        document_name: execution.document_name.unwrap_or_default(),
        status,
        parameters: execution.parameters.unwrap_or_default().into_iter().collect(),
        executed_by: execution.executed_by,
        started: execution.execution_start_time.and_then(|at| Timestamp::from_second(at.secs()).ok()),
        approvers: steps.iter().flat_map(approvers).collect(),
    }
}

/// Who approved in a step `aws:approve`: its output `ApproverDecisions` is a JSON document of decisions. One that
/// cannot be read is no approval.
fn approvers(step: &StepExecution) -> Vec<String> {
    if step.action() != Some("aws:approve") || step.step_status() != Some(&AutomationExecutionStatus::Success) {
        return Vec::new();
    }
    let decisions = step.outputs().and_then(|outputs| outputs.get("ApproverDecisions"));
    let decisions = decisions.into_iter().flatten();
    let parsed = decisions.filter_map(|decision| serde_json::from_str::<serde_json::Value>(decision).ok());
    parsed
        .flat_map(|decision| match decision {
            serde_json::Value::Array(all) => all,
            one => vec![one],
        })
        .filter(|decision| decision.get("decision").and_then(|decision| decision.as_str()) == Some("Approve"))
        .filter_map(|decision| decision.get("approver").and_then(|arn| arn.as_str()).map(str::to_owned))
        .collect()
}
