//! The one thing that an invocation is told, and what follows from it.

use credwarden_credential::id::InvalidId;
use credwarden_ledger::request::{Document, Request, UnknownDocument};
use serde::Deserialize;

use crate::remedy::Remedy;
use crate::ssm::{Execution, ExecutionStatus};

/// The invocation's payload. Whatever else it holds is nobody's: no field of a request sets a time, a limit, a mode,
/// a requester or an approver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Payload {
    /// The automation execution that invokes.
    pub execution_id: String,
}

/// Why an invocation is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The payload is not what a document sends.
    #[error(
        "the payload is not `{{\"ExecutionId\": \"...\"}}`: {0}; execute one of the deployment's documents instead"
    )]
    Payload(String),
    /// The execution is of a document that this function does not serve.
    #[error("execution `{execution}` runs another document")]
    Document {
        /// The execution.
        execution: String,
        /// Why.
        source: UnknownDocument,
    },
    /// The execution is over: its id was used again.
    #[error("execution `{execution}` is not under way but `{status}`; execute the document again")]
    NotUnderWay {
        /// The execution.
        execution: String,
        /// Its status.
        status: String,
    },
    /// A parameter of the execution is absent or there are several values.
    #[error("execution `{execution}` has {count} values of its parameter `{parameter}`, not one")]
    Parameter {
        /// The execution.
        execution: String,
        /// The parameter.
        parameter: &'static str,
        /// How many values there are.
        count: usize,
    },
    /// A parameter of the execution is no id.
    #[error("execution `{execution}` has a wrong parameter `{parameter}`")]
    Id {
        /// The execution.
        execution: String,
        /// The parameter.
        parameter: &'static str,
        /// Why.
        source: InvalidId,
    },
}

/// The value of `CredentialId` that stands for all access keys of a user.
pub const ALL: &str = "all";

/// The requester where the automation's record names none.
pub(crate) const UNKNOWN: &str = "unknown";

impl Payload {
    /// Reads a payload.
    pub fn read(payload: serde_json::Value) -> Result<Self, Refused> {
        serde_json::from_value(payload).map_err(|error| Refused::Payload(error.to_string()))
    }
}

/// What the execution asks of `remedy` in the deployment with this prefix.
pub(crate) fn request(execution: &Execution, remedy: &Remedy, prefix: &str) -> Result<Request, Refused> {
    let id = &execution.id;
    let refused = |source| Refused::Document { execution: id.clone(), source };
    let document = Document::named(&execution.document_name, prefix).map_err(refused)?;
    let is_served = match document {
        Document::Rule(rule) => remedy.answered(rule).is_some(),
        Document::Undo(_) | Document::AcknowledgeRotation | Document::ForceRotation | Document::Approve => {
            document.remedy() == remedy.name
        }
    };
    if !is_served {
        return Err(refused(UnknownDocument(execution.document_name.clone())));
    }
    if let ExecutionStatus::Other(status) = &execution.status {
        return Err(Refused::NotUnderWay { execution: id.clone(), status: status.clone() });
    }
    let user = parameter(execution, "ResourceId")?;
    let credential = match document {
        Document::Rule(_) => None,
        Document::ForceRotation if only_value(execution, "CredentialId")? == ALL => None,
        Document::Undo(_) | Document::AcknowledgeRotation | Document::ForceRotation | Document::Approve => {
            Some(parameter(execution, "CredentialId")?)
        }
    };
    let reason = match document {
        Document::ForceRotation => Some(only_value(execution, "Reason")?.to_owned()),
        Document::Rule(_) | Document::Undo(_) | Document::AcknowledgeRotation | Document::Approve => None,
    };
    Ok(Request {
        document,
        user,
        credential,
        reason,
        requester: execution.executed_by.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
        asked: execution.started,
        approvers: execution.approvers.clone(),
        execution: id.clone(),
    })
}

fn parameter<I: std::str::FromStr<Err = InvalidId>>(
    execution: &Execution,
    parameter: &'static str,
) -> Result<I, Refused> {
    let value = only_value(execution, parameter)?;
    value.parse().map_err(|source| Refused::Id { execution: execution.id.clone(), parameter, source })
}

fn only_value<'a>(execution: &'a Execution, parameter: &'static str) -> Result<&'a str, Refused> {
    match execution.parameters.get(parameter).map(Vec::as_slice).unwrap_or_default() {
        [value] => Ok(value),
        values => Err(Refused::Parameter { execution: execution.id.clone(), parameter, count: values.len() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_execution_id_is_read() {
        let forged =
            json!({"ExecutionId": "e", "now": "2020-01-01T00:00:00Z", "ResourceId": "AIDAX", "Approver": "me"});
        assert_eq!(Payload::read(forged).unwrap(), Payload { execution_id: "e".to_owned() });
        for wrong in [json!({}), json!([]), json!("e"), json!({"ExecutionId": 1}), json!({"executionId": "e"})] {
            let error = Payload::read(wrong).unwrap_err().to_string();
            assert!(error.contains("ExecutionId"), "{error}");
        }
    }
}
