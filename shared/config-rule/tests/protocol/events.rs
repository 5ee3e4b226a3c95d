use std::time::Duration;

use credwarden_config_rule::{EvaluationError, Judgement};
use serde_json::{Value, json};

use crate::{
    memory::Memory,
    scripted::{Scripted, chain, compliant, invoke, invoke_with, non_compliant, now, scheduled, user},
};

/// Invokes with an event that must be refused, and holds that nothing else happened.
async fn check_refused(event: &Value, expected: &str) {
    let (rule, service) = (Scripted::complete([(user("AIDA1"), compliant(""))]), Memory::default());
    let error = invoke_with(&rule, &service, event).await.unwrap_err();
    assert!(matches!(error, EvaluationError::Event(_)), "{error:?}");
    assert_eq!(chain(&error), expected);
    assert_eq!((rule.invoked.take(), service.pages_read.get(), service.puts.take()), (vec![], 0, vec![]));
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut event = scheduled();
    event[field] = value.into();
    event
}

fn with_invoking(change: impl FnOnce(&mut Value)) -> Value {
    let mut invoking: Value = serde_json::from_str(scheduled()["invokingEvent"].as_str().unwrap()).unwrap();
    change(&mut invoking);
    with("invokingEvent", invoking.to_string())
}

fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().unwrap().remove(field).unwrap();
    object
}

#[tokio::test]
async fn a_scheduled_event_is_evaluated_with_what_it_says() {
    let (rule, service) = (Scripted::complete([(user("AIDA1"), non_compliant("why"))]), Memory::default());
    let report = invoke(&rule, &service).await.unwrap();
    let invocation = rule.invoked.take().remove(0);
    assert_eq!(invocation.config_rule.name, "periodic-rule");
    assert_eq!(invocation.config_rule.id, "config-rule-0123456");
    assert!(invocation.config_rule.arn.ends_with("config-rule/config-rule-0123456"));
    assert_eq!(invocation.account_id.as_str(), "123456789012");
    assert_eq!((invocation.now, invocation.time_left), (now(), Duration::from_secs(200)));
    assert!(!invocation.test_mode);
    let put = service.puts.take().remove(0);
    assert_eq!(put.ordering_timestamp, "2026-09-21T14:00:00.373Z".parse().unwrap());
    insta::assert_json_snapshot!(report, @r#"
    {
      "configRuleName": "periodic-rule",
      "sent": 1,
      "takenBack": 0,
      "nonCompliant": 1,
      "unknown": 0,
      "complete": true,
      "testMode": false
    }
    "#);
}

#[tokio::test]
async fn every_missing_field_is_refused_by_rule_and_name() {
    for field in [
        "version",
        "invokingEvent",
        "resultToken",
        "eventLeftScope",
        "executionRoleArn",
        "configRuleArn",
        "configRuleId",
        "accountId",
    ] {
        let expected = format!("rule `periodic-rule`: field `{field}` is missing");
        check_refused(&without(scheduled(), field), &expected).await;
        check_refused(&with(field, Value::Null), &expected).await;
    }
    check_refused(&without(scheduled(), "configRuleName"), "unknown rule: field `configRuleName` is missing").await;
    check_refused(&json!({}), "unknown rule: field `configRuleName` is missing").await;
    for field in ["messageType", "awsAccountId", "notificationCreationTime", "recordVersion"] {
        let event = with_invoking(|invoking| *invoking = without(invoking.clone(), field));
        check_refused(&event, &format!("rule `periodic-rule`: field `invokingEvent.{field}` is missing")).await;
    }
}

#[tokio::test]
async fn every_malformed_field_is_refused_by_rule_and_name() {
    let check =
        async |event: Value, problem: &str| check_refused(&event, &format!("rule `periodic-rule`: {problem}")).await;
    check(with("resultToken", 7), "field `resultToken` is not a string").await;
    check(with("resultToken", ""), "field `resultToken` is empty").await;
    check(with("eventLeftScope", "false"), "field `eventLeftScope` is neither true nor false").await;
    check(with("accountId", "12345678901"), "field `accountId` is not twelve digits").await;
    check(with("accountId", "12345678901x"), "field `accountId` is not twelve digits").await;
    check(with("version", "2.0"), "field `version` is `2.0`; only versions 1.x are known").await;
    check(with("invokingEvent", "{"), "field `invokingEvent` is not the text of a JSON object").await;
    check(with("invokingEvent", "[]"), "field `invokingEvent` is not the text of a JSON object").await;
    check(with("invokingEvent", json!({})), "field `invokingEvent` is not a string").await;
    check(
        with_invoking(|invoking| invoking["recordVersion"] = "2.0".into()),
        "field `invokingEvent.recordVersion` is `2.0`; only versions 1.x are known",
    )
    .await;
    check(
        with_invoking(|invoking| invoking["notificationCreationTime"] = "yesterday".into()),
        "field `invokingEvent.notificationCreationTime` is not a time of RFC 3339",
    )
    .await;
    check_refused(&with("configRuleName", 7), "unknown rule: field `configRuleName` is not a string").await;
    for event in [Value::Null, json!([]), json!("event")] {
        check_refused(&event, "unknown rule: the event is not a JSON object").await;
    }
}

#[tokio::test]
async fn a_message_type_that_is_not_evaluated_is_refused_by_rule_and_name() {
    for message_type in
        ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification", "SomethingNew"]
    {
        // Other messages have other fields: what is missing in them is not what is wrong.
        let event = with("invokingEvent", json!({ "messageType": message_type }).to_string());
        let expected = format!(
            "rule `periodic-rule`: field `invokingEvent.messageType`: message type `{message_type}` is not evaluated, \
             only ScheduledNotification and ConfigurationSnapshotDeliveryCompleted; \
             give the rule no source detail of another message type"
        );
        check_refused(&event, &expected).await;
    }
}

#[tokio::test]
async fn the_delivery_of_a_snapshot_is_evaluated_like_the_schedule() {
    let message = json!({"messageType": "ConfigurationSnapshotDeliveryCompleted", "notificationCreationTime": "2026-09-21T14:05:00Z"});
    let (rule, service) = (Scripted::complete([(user("AIDA1"), compliant(""))]), Memory::default());
    assert!(invoke_with(&rule, &service, &with("invokingEvent", message.to_string())).await.unwrap().complete);
    assert_eq!(service.puts.take()[0].ordering_timestamp, "2026-09-21T14:05:00Z".parse().unwrap());
}

#[tokio::test]
async fn an_evaluation_that_is_of_one_resource_or_proactive_is_refused() {
    check_refused(
        &with("eventLeftScope", true),
        "rule `periodic-rule`: field `eventLeftScope` is true, but a scheduled evaluation is of no resource",
    )
    .await;
    check_refused(
        &with("evaluationMode", "PROACTIVE"),
        "rule `periodic-rule`: field `evaluationMode` is \"PROACTIVE\"; only DETECTIVE is evaluated",
    )
    .await;
    let (rule, service) = (Scripted::complete([]), Memory::default());
    invoke_with(&rule, &service, &with("evaluationMode", "DETECTIVE")).await.unwrap();
}

#[tokio::test]
async fn absent_and_empty_parameters_are_none() {
    for event in
        [without(scheduled(), "ruleParameters"), with("ruleParameters", Value::Null), with("ruleParameters", "")]
    {
        invoke_with(&Scripted::complete([]), &Memory::default(), &event).await.unwrap();
    }
}

#[tokio::test]
async fn parameters_that_the_rule_does_not_have_are_refused_by_rule_and_name() {
    let check = async |parameters: &str, problem: &str| {
        let expected = format!("rule `periodic-rule`: field `ruleParameters`{problem}");
        check_refused(&with("ruleParameters", parameters), &expected).await;
    };
    check(r#"{"maxAge":"90"}"#, ": unknown parameters `maxAge`; there are none").await;
    check(r#"{"maxAge":90}"#, ": parameter `maxAge` is not a string").await;
    check("maxAge=90", " is not the text of a JSON object").await;
}

#[tokio::test]
async fn test_mode_sends_everything_as_a_test_and_remembers_nothing() {
    let service = Memory::default();
    for id in ["AIDA1", "AIDA2", "GONE"] {
        service.store(user(id), credwarden_config_rule::Compliance::Compliant, "", now());
    }
    let before = service.results.borrow().clone();
    let rule = Scripted::complete([
        (user("AIDA1"), compliant("")),
        (user("AIDA2"), non_compliant("why")),
        (user("AIDA3"), Judgement::not_applicable()),
    ]);
    let report = invoke_with(&rule, &service, &with("resultToken", "TESTMODE")).await.unwrap();
    assert!(report.test_mode && rule.invoked.borrow()[0].test_mode);
    assert!(service.puts.borrow().iter().all(|put| put.test_mode));
    assert_eq!(service.batch_sizes(), [3]);
    assert_eq!(*service.results.borrow(), before);
    assert!(rule.remembered.borrow().is_empty());
}

#[tokio::test]
async fn the_result_token_is_in_no_error_or_invocation() {
    let service = Memory { refused_puts: [0].into(), ..Memory::default() };
    let rule = Scripted::complete([]);
    let error = invoke(&rule, &service).await.unwrap_err();
    assert!(!format!("{error:?} {} {:?}", chain(&error), rule.invoked).contains("nobody-may-see"));
}
