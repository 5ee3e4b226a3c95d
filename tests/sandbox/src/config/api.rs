//! The operations of Config that functions call.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::results::{Compliance, StoredResult};
use super::{Config, TEST_MODE, USER};
use crate::call::{Answer, Call};
use crate::shape::{present, seconds, timestamp};
use crate::tricks::Trick;

/// Answers one call; what is refused has AWS's name of the exception.
pub(super) fn answer(config: &Config, call: &Call) -> Answer {
    let parameters = &call.parameters;
    let result = match call.action.as_str() {
        "config:PutEvaluations" => put_evaluations(config, parameters, call.at),
        "config:GetComplianceDetailsByConfigRule" => compliance_details(config, parameters),
        "config:BatchGetResourceConfig" => resource_config(config, parameters, call.at),
        "config:StartConfigRulesEvaluation" => start_evaluation(config, parameters),
        "config:DescribeRemediationExceptions" => describe_exceptions(config, parameters, call.at),
        "config:DeleteRemediationExceptions" => delete_exceptions(config, parameters),
        other => Err(refused("UnknownOperationException", &format!("the sandbox does not play {other}"))),
    };
    result.map_or_else(|answer| answer, |result| Answer::json(&result))
}

fn put_evaluations(config: &Config, parameters: &Value, now: Timestamp) -> Result<Value, Answer> {
    let token = parameters.get("ResultToken").and_then(Value::as_str);
    let token = token.ok_or_else(|| invalid("1 validation error detected: `resultToken` must not be null"))?;
    let evaluations = list(parameters, "Evaluations", 0, 100)?;
    let parsed = evaluations.iter().map(|item| evaluation(item, now)).collect::<Result<Vec<_>, _>>()?;
    let test = parameters.get("TestMode").and_then(Value::as_bool).unwrap_or(false);
    if test {
        return Ok(json!({ "FailedEvaluations": [] }));
    }
    let mut state = config.state();
    let Some(rule) = state.tokens.get(token).cloned() else {
        let hint = if token == TEST_MODE { "; it is good with `TestMode` only" } else { "" };
        return Err(refused("InvalidResultTokenException", &format!("The resultToken is invalid or expired{hint}.")));
    };
    let mut failed = Vec::new();
    for (result, raw) in parsed.into_iter().zip(evaluations) {
        if let Some(times @ 1..) = state.failing.get_mut(&result.resource_id) {
            *times -= 1;
            failed.push(raw.clone());
            continue;
        }
        if result.compliance != Compliance::NotApplicable {
            *state.billed.entry(rule.clone()).or_default() += 1;
        }
        let (resource_id, compliance) = (result.resource_id.clone(), result.compliance);
        let change = state.results.put(&rule, result);
        state.remediation.seen(&config.tricks, &rule, &resource_id, compliance, change);
    }
    Ok(json!({ "FailedEvaluations": failed }))
}

fn evaluation(item: &Value, now: Timestamp) -> Result<StoredResult, Answer> {
    let resource_type = text(item, "ComplianceResourceType", 256)?;
    let word = text(item, "ComplianceType", 256)?;
    let compliance = Compliance::parse(&word).ok_or_else(|| {
        refused("InvalidParameterValueException", &format!("The ComplianceType {word} cannot be reported."))
    })?;
    if resource_type != USER {
        let message = format!("The ComplianceResourceType {resource_type} is not one of those of this sandbox.");
        return Err(refused("InvalidParameterValueException", &message));
    }
    let annotation = match item.get("Annotation") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(item, "Annotation", 256)?),
    };
    let ordering = item.get("OrderingTimestamp").and_then(timestamp);
    Ok(StoredResult {
        resource_type,
        resource_id: text(item, "ComplianceResourceId", 768)?,
        compliance,
        annotation,
        ordering: ordering.ok_or_else(|| invalid("`orderingTimestamp` must be a time"))?,
        recorded: now,
    })
}

fn compliance_details(config: &Config, parameters: &Value) -> Result<Value, Answer> {
    let rule = rule_name(config, parameters)?;
    let types: Vec<_> = list(parameters, "ComplianceTypes", 0, 3)?.iter().filter_map(Value::as_str).collect();
    let results = config.state().results.of(&rule);
    let wanted = results.into_iter().filter(|found| types.is_empty() || types.contains(&found.compliance.word()));
    let items = wanted.map(|found| {
        present(json!({
            "EvaluationResultIdentifier": {
                "EvaluationResultQualifier": {
                    "ConfigRuleName": rule,
                    "ResourceType": found.resource_type,
                    "ResourceId": found.resource_id,
                    "EvaluationMode": "DETECTIVE",
                },
                "OrderingTimestamp": seconds(found.ordering),
            },
            "ComplianceType": found.compliance.word(),
            "ResultRecordedTime": seconds(found.recorded),
            "ConfigRuleInvokedTime": seconds(found.ordering),
            "Annotation": found.annotation,
        }))
    });
    page(parameters, "EvaluationResults", items.collect(), DETAILS_PAGE)
}

fn resource_config(config: &Config, parameters: &Value, now: Timestamp) -> Result<Value, Answer> {
    let (mut items, mut unprocessed) = (Vec::new(), Vec::new());
    for key in list(parameters, "resourceKeys", 1, 100)? {
        let (kind, id) = (text(key, "resourceType", 256)?, text(key, "resourceId", 768)?);
        if kind != USER || config.tricks.plays(Trick::UsersUnrecorded) {
            unprocessed.push(key.clone());
            continue;
        }
        let user = config.directory.with_id(&id);
        let (name, arn) = match user {
            Some(user) => (user.name.clone(), user.arn(&config.scope)),
            // AWS: "The API does not return results for deleted resources", once it has recorded the deletion.
            None => match config.directory.recorded_name(&id) {
                Some(name) if config.tricks.plays(Trick::DeletedStillRecorded) => {
                    let arn = config.scope.iam_arn(&format!("user/{name}"));
                    (name, arn)
                }
                _ => continue,
            },
        };
        items.push(json!({
            "version": "1.3",
            "accountId": config.scope.account,
            "configurationItemCaptureTime": seconds(now),
            "configurationItemStatus": "OK",
            "configurationStateId": "1",
            "arn": arn,
            "resourceType": kind,
            "resourceId": id,
            "resourceName": name,
            "awsRegion": "global",
            "availabilityZone": "Not Applicable",
        }));
    }
    Ok(json!({ "baseConfigurationItems": items, "unprocessedResourceKeys": unprocessed }))
}

fn start_evaluation(config: &Config, parameters: &Value) -> Result<Value, Answer> {
    let names = list(parameters, "ConfigRuleNames", 1, 25)?;
    let mut state = config.state();
    for name in names.iter().filter_map(Value::as_str) {
        if !config.rules.contains_key(name) {
            return Err(no_rule(name));
        }
        if state.asked.iter().any(|asked| asked == name) || state.tokens.values().any(|rule| rule == name) {
            return Err(refused("ResourceInUseException", &format!("An evaluation of {name} is in progress.")));
        }
    }
    state.asked.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
    Ok(json!({}))
}

fn describe_exceptions(config: &Config, parameters: &Value, now: Timestamp) -> Result<Value, Answer> {
    let rule = rule_name(config, parameters)?;
    let keys = list(parameters, "ResourceKeys", 0, 100)?;
    let named =
        |id: &str| keys.is_empty() || keys.iter().any(|key| key.get("ResourceId").and_then(Value::as_str) == Some(id));
    let exceptions = config.state().exceptions.of(&rule, now);
    let items = exceptions.into_iter().filter(|found| named(&found.resource_id)).map(|found| {
        present(json!({
            "ConfigRuleName": found.rule,
            "ResourceType": found.resource_type,
            "ResourceId": found.resource_id,
            "Message": found.message,
            "ExpirationTime": found.expires.map(seconds),
        }))
    });
    page(parameters, "RemediationExceptions", items.collect(), EXCEPTIONS_PAGE)
}

fn delete_exceptions(config: &Config, parameters: &Value) -> Result<Value, Answer> {
    let rule = rule_name(config, parameters)?;
    let mut failed = Vec::new();
    let mut removed = false;
    let mut state = config.state();
    for key in list(parameters, "ResourceKeys", 1, 100)? {
        let (kind, id) = (text(key, "ResourceType", 256)?, text(key, "ResourceId", 1024)?);
        if state.exceptions.remove(&rule, &kind, &id) {
            removed = true;
        } else {
            failed.push(key.clone());
        }
    }
    match (failed.is_empty(), removed) {
        (true, _) => Ok(json!({ "FailedBatches": [] })),
        (false, true) => {
            let batch = json!({ "FailureMessage": "There is no such exception.", "FailedItems": failed });
            Ok(json!({ "FailedBatches": [batch] }))
        }
        (false, false) => Err(refused("NoSuchRemediationExceptionException", "There is no such exception.")),
    }
}

/// One page of items; the token is the place where the next begins.
fn page(parameters: &Value, member: &str, items: Vec<Value>, largest: u64) -> Result<Value, Answer> {
    let limit = match parameters.get("Limit").and_then(Value::as_u64) {
        Some(101..) => return Err(invalid("`limit` must be at most 100")),
        None | Some(0) => DEFAULT_PAGE,
        Some(limit) => limit.min(largest),
    };
    let begin = match parameters.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => match token.strip_prefix("from-").and_then(|place| place.parse::<usize>().ok()) {
            Some(place) => place,
            None => return Err(refused("InvalidNextTokenException", "The nextToken is invalid.")),
        },
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = begin.saturating_add(limit);
    let more = items.len() > next;
    let page: Vec<_> = items.into_iter().skip(begin).take(limit).collect();
    Ok(present(json!({ member: page, "NextToken": more.then(|| format!("from-{next}")) })))
}

fn rule_name(config: &Config, parameters: &Value) -> Result<String, Answer> {
    let name = text(parameters, "ConfigRuleName", 128)?;
    if config.rules.contains_key(&name) { Ok(name) } else { Err(no_rule(&name)) }
}

fn no_rule(name: &str) -> Answer {
    refused("NoSuchConfigRuleException", &format!("The ConfigRule {name} does not exist."))
}

fn text(value: &Value, name: &str, longest: usize) -> Result<String, Answer> {
    let text = value.get(name).and_then(Value::as_str).ok_or_else(|| invalid(&format!("`{name}` must not be null")))?;
    let length = text.chars().count();
    if length == 0 || length > longest {
        return Err(invalid(&format!("`{name}` must have from 1 to {longest} characters; it has {length}")));
    }
    Ok(text.to_owned())
}

fn list<'a>(value: &'a Value, name: &str, least: usize, most: usize) -> Result<&'a [Value], Answer> {
    let items = value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.len() < least || items.len() > most {
        return Err(invalid(&format!("`{name}` must have from {least} to {most} members; it has {}", items.len())));
    }
    Ok(items)
}

fn invalid(message: &str) -> Answer {
    refused("ValidationException", message)
}

fn refused(code: &str, message: &str) -> Answer {
    Answer::json_error(400, code, message)
}

/// AWS: "The default is 10" where a limit is 0 or not set.
const DEFAULT_PAGE: u64 = 10;
const DETAILS_PAGE: u64 = 100;
/// The model's longest list of exceptions.
const EXCEPTIONS_PAGE: u64 = 25;
