use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Compliance, Config, TEST_MODE};
use crate::call::{Answer, Call, Player};
use crate::directory::{Directory, User};
use crate::template::{Deployment, Scope};
use crate::tricks::{Trick, Tricks};

const RULE: &str = "credwarden-age";

fn config(tricks: impl Into<Tricks>) -> Config {
    config_with(tricks, 2, 60)
}

fn config_with(tricks: impl Into<Tricks>, attempts: u64, retry_seconds: u64) -> Config {
    let template = json!({ "Resources": {
        "Rule": { "Type": "AWS::Config::ConfigRule", "Properties": {
            "ConfigRuleName": RULE,
            "Source": { "Owner": "CUSTOM_LAMBDA", "SourceIdentifier": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "SourceDetails": [{ "EventSource": "aws.config", "MessageType": "ScheduledNotification",
                                    "MaximumExecutionFrequency": "TwentyFour_Hours" }] },
        } },
        "Remediation": { "Type": "AWS::Config::RemediationConfiguration", "Properties": {
            "ConfigRuleName": { "Ref": "Rule" }, "TargetType": "SSM_DOCUMENT", "TargetId": "remedy", "Automatic": true,
            "MaximumAutomaticAttempts": attempts, "RetryAttemptSeconds": retry_seconds,
            "Parameters": { "ResourceId": { "ResourceValue": { "Value": "RESOURCE_ID" } } },
        } },
    } });
    let scope = Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), stack: "S".to_owned() };
    let directory = Directory::default();
    let user = |id: &str, name: &str| User {
        name: name.to_owned(),
        id: id.to_owned(),
        path: "/".to_owned(),
        keys: Vec::new(),
    };
    directory.replace(vec![user("AIDAGONE", "gone")], BTreeMap::new());
    directory.replace(vec![user("AIDA1", "alice")], BTreeMap::new());
    Config::new(&Deployment::parse(&template, scope).unwrap(), directory, tricks.into())
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn call(config: &Config, action: &str, parameters: Value) -> Answer {
    let call = Call {
        number: 1,
        at: now(),
        caller: "f".to_owned(),
        service: "config".to_owned(),
        action: format!("config:{action}"),
        parameters,
    };
    config.play(&call).unwrap()
}

fn result(config: &Config, action: &str, parameters: Value) -> Value {
    let answer = call(config, action, parameters);
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

fn error(config: &Config, action: &str, parameters: Value) -> String {
    let answer = call(config, action, parameters);
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.error_type.unwrap()
}

fn item(id: &str, compliance: &str) -> Value {
    item_at(id, compliance, now())
}

fn item_at(id: &str, compliance: &str, ordering: Timestamp) -> Value {
    json!({ "ComplianceResourceType": "AWS::IAM::User", "ComplianceResourceId": id, "ComplianceType": compliance,
            "OrderingTimestamp": ordering.as_second() })
}

/// One evaluation of the rule that reports these items.
fn evaluate(config: &Config, items: &[Value]) -> Value {
    let invocation = config.begin(RULE, now()).unwrap().remove(0);
    let answer = result(config, "PutEvaluations", json!({ "ResultToken": invocation.token, "Evaluations": items }));
    config.ended(&invocation);
    answer
}

#[test]
fn a_rule_is_due_at_once_then_every_24_hours() {
    let config = config([]);
    assert_eq!(config.due(now()), [RULE]);
    config.begin(RULE, now()).unwrap();
    let almost = now() + SignedDuration::from_hours(24) - SignedDuration::from_secs(1);
    assert!(config.due(almost).is_empty());
    assert_eq!(config.due(now() + SignedDuration::from_hours(24)), [RULE]);
}

#[test]
fn an_event_is_text_in_text_and_its_token_is_its_own() {
    let config = config([]);
    let first = config.begin(RULE, now()).unwrap().remove(0);
    let second = config.begin(RULE, now()).unwrap().remove(0);
    assert_ne!(first.event["resultToken"], second.event["resultToken"]);
    let invoking: Value = serde_json::from_str(first.event["invokingEvent"].as_str().unwrap()).unwrap();
    assert_eq!(invoking["messageType"], "ScheduledNotification");
    assert_eq!(invoking["notificationCreationTime"], "2026-11-24T12:00:00.000Z");
    assert!(first.event.get("ruleParameters").is_none());
    assert_eq!(first.event["eventLeftScope"], false);
}

#[test]
fn a_token_is_good_for_its_invocation_only() {
    let config = config([]);
    let invocation = config.begin(RULE, now()).unwrap().remove(0);
    let parameters = json!({ "ResultToken": invocation.token, "Evaluations": [item("AIDA1", "COMPLIANT")] });
    result(&config, "PutEvaluations", parameters.clone());
    config.ended(&invocation);
    assert_eq!(error(&config, "PutEvaluations", parameters), "InvalidResultTokenException");
    let made_up = json!({ "ResultToken": "made-up", "Evaluations": [] });
    assert_eq!(error(&config, "PutEvaluations", made_up), "InvalidResultTokenException");
}

#[test]
fn test_mode_stores_and_bills_nothing() {
    let config = config([]);
    let mut parameters = json!({ "ResultToken": TEST_MODE, "Evaluations": [item("AIDA1", "NON_COMPLIANT")] });
    assert_eq!(error(&config, "PutEvaluations", parameters.clone()), "InvalidResultTokenException");
    parameters["TestMode"] = true.into();
    result(&config, "PutEvaluations", parameters);
    assert!(config.results(RULE).is_empty());
    assert_eq!(config.billed(), 0);
    assert!(config.take_remediations(now()).is_empty());
}

#[test]
fn a_whole_batch_is_refused_for_what_aws_refuses() {
    let config = config([]);
    let put = |items: Vec<Value>| {
        let invocation = config.begin(RULE, now()).unwrap().remove(0);
        error(&config, "PutEvaluations", json!({ "ResultToken": invocation.token, "Evaluations": items }))
    };
    let annotated = |length: usize| {
        let mut item = item("AIDA1", "COMPLIANT");
        item["Annotation"] = "ü".repeat(length).into();
        item
    };
    assert_eq!(put(vec![annotated(257)]), "ValidationException");
    assert_eq!(put(vec![annotated(0)]), "ValidationException");
    assert_eq!(put(vec![item("AIDA1", "COMPLIANT"); 101]), "ValidationException");
    assert_eq!(put(vec![item("AIDA1", "INSUFFICIENT_DATA")]), "InvalidParameterValueException");
    assert!(config.results(RULE).is_empty());
    evaluate(&config, &[annotated(256)]);
    assert_eq!(config.results(RULE).len(), 1);
}

#[test]
fn an_older_result_does_not_replace_a_newer_one() {
    let config = config([]);
    evaluate(&config, &[item("AIDA1", "COMPLIANT")]);
    evaluate(&config, &[item_at("AIDA1", "NON_COMPLIANT", now() - SignedDuration::from_secs(1))]);
    assert_eq!(config.results(RULE)[0].compliance, Compliance::Compliant);
    evaluate(&config, &[item("AIDA1", "NON_COMPLIANT")]);
    assert_eq!(config.results(RULE)[0].compliance, Compliance::NonCompliant);
}

#[test]
fn not_applicable_removes_and_is_not_billed() {
    let config = config([]);
    evaluate(&config, &[item("AIDA1", "COMPLIANT"), item("AIDA2", "NON_COMPLIANT")]);
    evaluate(&config, &[item("AIDA2", "NOT_APPLICABLE"), item("AIDA3", "NOT_APPLICABLE")]);
    assert_eq!(config.results(RULE).iter().map(|one| one.resource_id.as_str()).collect::<Vec<_>>(), ["AIDA1"]);
    assert_eq!(config.billed(), 2);
    evaluate(&config, &[item("AIDA1", "COMPLIANT")]);
    assert_eq!(config.billed(), 3, "an unchanged result is billed again");
}

#[test]
fn a_failed_evaluation_is_returned_not_stored_nor_billed() {
    let config = config([]);
    config.fail_evaluations("AIDA2", 1);
    let items = [item("AIDA1", "COMPLIANT"), item("AIDA2", "COMPLIANT")];
    let answer = evaluate(&config, &items);
    assert_eq!(answer["FailedEvaluations"], json!([items[1]]));
    assert_eq!((config.results(RULE).len(), config.billed()), (1, 1));
    assert_eq!(evaluate(&config, &items)["FailedEvaluations"], json!([]));
}

#[test]
fn results_are_read_in_pages() {
    let config = config([]);
    let items: Vec<_> = (0..25).map(|n| item(&format!("AIDA{n:02}"), "COMPLIANT")).collect();
    evaluate(&config, &items);
    evaluate(&config, &[item("AIDA99", "NON_COMPLIANT")]);
    let mut parameters = json!({ "ConfigRuleName": RULE, "ComplianceTypes": ["COMPLIANT"] });
    let mut sizes = Vec::new();
    loop {
        let answer = result(&config, "GetComplianceDetailsByConfigRule", parameters.clone());
        sizes.push(answer["EvaluationResults"].as_array().unwrap().len());
        let Some(token) = answer.get("NextToken") else { break };
        parameters["NextToken"] = token.clone();
    }
    assert_eq!(sizes, [10, 10, 5]);
    let unknown = json!({ "ConfigRuleName": "other" });
    assert_eq!(error(&config, "GetComplianceDetailsByConfigRule", unknown), "NoSuchConfigRuleException");
}

#[test]
fn an_id_is_resolved_only_for_a_user_that_exists_or_is_still_recorded() {
    let ask = |tricks: Tricks| {
        let key = |id: &str| json!({ "resourceType": "AWS::IAM::User", "resourceId": id });
        result(&config(tricks), "BatchGetResourceConfig", json!({ "resourceKeys": [key("AIDA1"), key("AIDAGONE")] }))
    };
    let names = |answer: &Value| {
        let items = answer["baseConfigurationItems"].as_array().unwrap();
        items.iter().map(|item| item["resourceName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ask(Tricks::default())), ["alice"]);
    assert_eq!(names(&ask([Trick::DeletedStillRecorded].into())), ["alice", "gone"]);
    let unrecorded = ask([Trick::UsersUnrecorded].into());
    assert!(names(&unrecorded).is_empty());
    assert_eq!(unrecorded["unprocessedResourceKeys"].as_array().unwrap().len(), 2);
}

#[test]
fn an_evaluation_that_is_asked_for_comes_later_and_once() {
    let config = config([]);
    let invocation = config.begin(RULE, now()).unwrap().remove(0);
    let ask = json!({ "ConfigRuleNames": [RULE] });
    assert_eq!(error(&config, "StartConfigRulesEvaluation", ask.clone()), "ResourceInUseException");
    config.ended(&invocation);
    result(&config, "StartConfigRulesEvaluation", ask.clone());
    assert_eq!(error(&config, "StartConfigRulesEvaluation", ask), "ResourceInUseException");
    assert_eq!(config.due(now()), [RULE]);
    config.begin(RULE, now()).unwrap();
    assert!(config.due(now()).is_empty());
}

fn starts(config: &Config) -> Vec<String> {
    config.take_remediations(now()).into_iter().map(|start| start.resource_id).collect()
}

#[test]
fn a_standing_finding_is_remediated_again_or_not() {
    let non_compliant = [item("AIDA1", "NON_COMPLIANT")];
    for (tricks, again) in [(Tricks::default(), vec!["AIDA1"]), ([Trick::NoRetrigger].into(), vec![])] {
        let config = config(tricks);
        evaluate(&config, &non_compliant);
        assert_eq!(starts(&config), ["AIDA1"]);
        evaluate(&config, &non_compliant);
        assert_eq!(starts(&config), again);
    }
}

#[test]
fn remediation_passes_the_resource_id_only() {
    let config = config([]);
    evaluate(&config, &[item("AIDA1", "NON_COMPLIANT"), item("AIDA2", "COMPLIANT")]);
    let starts = config.take_remediations(now());
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0].document, "remedy");
    assert_eq!(starts[0].parameters, BTreeMap::from([("ResourceId".to_owned(), vec!["AIDA1".to_owned()])]));
}

#[test]
fn hostile_remediation_comes_twice_and_for_compliant_users() {
    let config = config([Trick::DuplicateRemediation, Trick::RemediatesCompliant]);
    evaluate(&config, &[item("AIDA1", "NON_COMPLIANT"), item("AIDA2", "COMPLIANT")]);
    assert_eq!(starts(&config), ["AIDA1", "AIDA1", "AIDA2", "AIDA2"]);
}

/// Runs what Config starts; each execution ends as told. The number of attempts.
fn attempts(config: &Config, succeeded: bool) -> usize {
    evaluate(config, &[item("AIDA1", "NON_COMPLIANT")]);
    let mut count = 0;
    loop {
        let starts = config.take_remediations(now());
        if starts.is_empty() || count > 30 {
            return count;
        }
        for start in starts {
            count += 1;
            let execution = format!("{count}-{succeeded}");
            config.remediation_started(&start, &execution, now());
            config.execution_ended(&execution, succeeded, now());
        }
    }
}

#[test]
fn config_gives_up_after_the_attempts_and_leaves_an_exception() {
    let config = config_with([], 3, 60);
    assert_eq!(attempts(&config, false), 3);
    assert_eq!(config.exceptions(RULE, now()).len(), 1);
    assert_eq!(attempts(&config, false), 0, "an exception stops remediation");
    let keys = json!([{ "ResourceType": "AWS::IAM::User", "ResourceId": "AIDA1" }]);
    let delete = json!({ "ConfigRuleName": RULE, "ResourceKeys": keys });
    result(&config, "DeleteRemediationExceptions", delete.clone());
    assert_eq!(error(&config, "DeleteRemediationExceptions", delete), "NoSuchRemediationExceptionException");
    assert!(config.exceptions(RULE, now()).is_empty());
}

#[test]
fn which_attempts_count_is_played_both_ways() {
    let kind = config_with([], 1, 60);
    assert_eq!(attempts(&kind, true), 1);
    assert!(kind.exceptions(RULE, now()).is_empty());
    let every = config_with([Trick::EveryAttemptCounts], 1, 60);
    assert_eq!(attempts(&every, true), 1);
    assert_eq!(every.exceptions(RULE, now()).len(), 1);
    let at_once = config_with([Trick::GivesUpAtOnce], 25, 60);
    assert_eq!(attempts(&at_once, false), 1);
    assert_eq!(at_once.exceptions(RULE, now()).len(), 1);
}

#[test]
fn exceptions_are_described_in_pages_until_they_expire() {
    let config = config([]);
    for number in 0..30 {
        config.put_exception(RULE, &format!("AIDA{number:02}"), "asked for", None);
    }
    config.put_exception(RULE, "AIDA99", "over", Some(now()));
    let first = result(&config, "DescribeRemediationExceptions", json!({ "ConfigRuleName": RULE, "Limit": 100 }));
    assert_eq!(first["RemediationExceptions"].as_array().unwrap().len(), 25);
    let parameters = json!({ "ConfigRuleName": RULE, "Limit": 100, "NextToken": first["NextToken"] });
    let second = result(&config, "DescribeRemediationExceptions", parameters);
    assert_eq!(second["RemediationExceptions"].as_array().unwrap().len(), 5);
    assert!(second.get("NextToken").is_none());
}

#[test]
fn duplicate_and_late_events_each_have_a_token() {
    let config = config([Trick::DuplicateEvent, Trick::LateEvent]);
    let invocations = config.begin(RULE, now()).unwrap();
    let made: Vec<_> = invocations.iter().map(|one| one.event["invokingEvent"].as_str().unwrap().to_owned()).collect();
    assert_eq!(made.len(), 3);
    assert_eq!(made[0], made[1]);
    assert!(made[2].contains("2026-11-24T11:00:00"));
}

#[test]
fn what_is_not_played_is_refused_by_name() {
    assert_eq!(error(&config([]), "PutConfigRule", json!({})), "UnknownOperationException");
}
