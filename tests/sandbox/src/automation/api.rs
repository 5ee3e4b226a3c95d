//! The operations of SSM Automation that functions call. Other operations of SSM belong to the emulator.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Automation;
use super::document::Rejected;
use crate::call::{Answer, Call};
use crate::shape::present;

pub(super) fn answer(automation: &Automation, call: &Call) -> Option<Answer> {
    let result = match call.action.as_str() {
        "ssm:StartAutomationExecution" => start(automation, call),
        "ssm:GetAutomationExecution" => get(automation, &call.parameters),
        "ssm:DescribeAutomationExecutions" => describe(automation, &call.parameters),
        _ => return None,
    };
    let refused = |rejected: Rejected| Answer::json_error(400, &rejected.code, &rejected.message);
    Some(result.map_or_else(refused, |result| Answer::json(&result)))
}

fn start(automation: &Automation, call: &Call) -> Result<Value, Rejected> {
    let parameters = &call.parameters;
    for member in parameters.as_object().into_iter().flat_map(|members| members.keys()) {
        if !["DocumentName", "DocumentVersion", "Parameters", "ClientToken", "Mode"].contains(&member.as_str()) {
            return Err(invalid(format!("member `{member}` is not played by the sandbox")));
        }
    }
    let document = parameters.get("DocumentName").and_then(Value::as_str);
    let document = document.ok_or_else(|| invalid("`documentName` must not be null".to_owned()))?;
    let given = given(parameters.get("Parameters"))?;
    let token = parameters.get("ClientToken").and_then(Value::as_str);
    if let Some(known) = token.and_then(|token| automation.state().tokens.get(token).cloned()) {
        return same(automation, &known, document, &given);
    }
    let id = automation.start(document, given, &automation.caller_arn(&call.caller), call.at)?;
    if let Some(token) = token {
        automation.state().tokens.insert(token.to_owned(), id.clone());
    }
    Ok(json!({ "AutomationExecutionId": id }))
}

/// A client token that was used before: the same execution again, if everything else is the same too.
fn same(
    automation: &Automation,
    id: &str,
    document: &str,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<Value, Rejected> {
    let execution = automation.execution(id);
    let agrees = execution.is_some_and(|execution| {
        execution.document == document
            && given.iter().all(|(name, values)| execution.parameters.get(name) == Some(values))
    });
    if agrees {
        return Ok(json!({ "AutomationExecutionId": id }));
    }
    let message = "The client token was used with other parameters.".to_owned();
    Err(Rejected { code: "IdempotentParameterMismatch".to_owned(), message })
}

fn given(parameters: Option<&Value>) -> Result<BTreeMap<String, Vec<String>>, Rejected> {
    let mut given = BTreeMap::new();
    for (name, values) in parameters.and_then(Value::as_object).into_iter().flatten() {
        let texts =
            values.as_array().and_then(|values| values.iter().map(|value| Some(value.as_str()?.to_owned())).collect());
        let texts = texts.ok_or_else(|| invalid(format!("parameter `{name}` is not a list of texts")))?;
        given.insert(name.clone(), texts);
    }
    Ok(given)
}

fn get(automation: &Automation, parameters: &Value) -> Result<Value, Rejected> {
    let id = parameters.get("AutomationExecutionId").and_then(Value::as_str).unwrap_or_default();
    if id.chars().count() != 36 {
        return Err(invalid("`automationExecutionId` must have 36 characters".to_owned()));
    }
    let execution = automation.execution(id).ok_or_else(|| Rejected {
        code: "AutomationExecutionNotFoundException".to_owned(),
        message: format!("Automation execution {id} not found."),
    })?;
    Ok(json!({ "AutomationExecution": execution.shape() }))
}

fn describe(automation: &Automation, parameters: &Value) -> Result<Value, Rejected> {
    let filters = parameters.get("Filters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut executions = automation.executions();
    executions.reverse();
    for filter in filters {
        let key = filter.get("Key").and_then(Value::as_str).unwrap_or_default();
        let values: Vec<_> = filter.get("Values").and_then(Value::as_array).into_iter().flatten().collect();
        let wanted = |text: &str| values.iter().any(|value| value.as_str() == Some(text));
        match key {
            "ExecutionId" => executions.retain(|execution| wanted(&execution.id)),
            "ExecutionStatus" => executions.retain(|execution| wanted(execution.status.word())),
            "DocumentNamePrefix" => executions.retain(|one| {
                values.iter().filter_map(|value| value.as_str()).any(|prefix| one.document.starts_with(prefix))
            }),
            other => {
                let message = format!("filter `{other}` is not played by the sandbox");
                return Err(Rejected { code: "InvalidFilterKey".to_owned(), message });
            }
        }
    }
    let most = parameters.get("MaxResults").and_then(Value::as_u64).unwrap_or(50);
    let most = usize::try_from(most.min(50)).unwrap_or(50);
    let begin = parameters.get("NextToken").and_then(Value::as_str).map_or(Some(0), |token| token.parse().ok());
    let begin: usize = begin.ok_or_else(|| Rejected {
        code: "InvalidNextToken".to_owned(),
        message: "The specified token is not valid.".to_owned(),
    })?;
    let page: Vec<_> = executions.iter().skip(begin).take(most).map(super::Execution::metadata).collect();
    let next = begin.saturating_add(most);
    let token = (executions.len() > next).then(|| next.to_string());
    Ok(present(json!({ "AutomationExecutionMetadataList": page, "NextToken": token })))
}

fn invalid(message: String) -> Rejected {
    Rejected { code: "ValidationException".to_owned(), message }
}
