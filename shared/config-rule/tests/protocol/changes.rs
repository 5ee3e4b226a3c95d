//! Rules that are evaluated when a resource changes.

use std::{cell::RefCell, time::Duration};

use aws_sdk_config::{Client, config::http::HttpResponse, primitives::DateTime};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use credwarden_config_rule::{
    ChangeRule, Compliance, ConfigService, ConfigurationItem, EvaluationError, Invocation, Judgement, NoParameters,
    OnChange, Report, ServiceError, evaluate,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    memory::{Memory, Put},
    scripted::{USER, chain, non_compliant, now, scheduled, user},
};

const CAPTURED: &str = "2026-09-21T13:59:58.250Z";

/// Finds every user non-compliant, and writes down what it is asked about.
#[derive(Default)]
pub(crate) struct Watching {
    pub(crate) judged: RefCell<Vec<(ConfigurationItem, bool)>>,
}

impl ChangeRule for &Watching {
    const RESOURCE_TYPES: &'static [&'static str] = &[USER];
    type Parameters = NoParameters;
    type Error = ServiceError;

    async fn judge(&self, item: &ConfigurationItem, by: &Invocation<NoParameters>) -> Result<Judgement, ServiceError> {
        self.judged.borrow_mut().push((item.clone(), by.test_mode));
        Ok(non_compliant("why"))
    }
}

fn item() -> Value {
    json!({
        "configurationItemCaptureTime": CAPTURED,
        "resourceCreationTime": "2026-01-02T03:04:05.000Z",
        "awsAccountId": "123456789012",
        "configurationItemStatus": "OK",
        "resourceId": "AIDA1",
        "resourceName": "alice",
        "ARN": "arn:aws:iam::123456789012:user/alice",
        "awsRegion": "global",
        "resourceType": USER,
        "tags": {"team": "blue"},
        "relationships": [{"resourceId": "AGPA1", "resourceType": "AWS::IAM::Group", "name": "Is attached to Group"}],
        "configuration": {"path": "/", "userName": "alice"},
        "supplementaryConfiguration": {"part": "{\"a\":1}"}
    })
}

fn with_invoking(invoking: &Value) -> Value {
    let mut event = scheduled();
    event["invokingEvent"] = invoking.to_string().into();
    event
}

/// An event as AWS documents it for a change.
pub(crate) fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut item = item();
    change(&mut item);
    with_invoking(&json!({
        "configurationItemDiff": null,
        "configurationItem": item,
        "notificationCreationTime": "2026-09-21T14:00:01.000Z",
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.2"
    }))
}

/// An event as AWS documents it for a change that did not fit.
fn oversized() -> Value {
    with_invoking(&json!({
        "configurationItemSummary": {
            "changeType": "UPDATE",
            "configurationItemCaptureTime": CAPTURED,
            "awsAccountId": "123456789012",
            "configurationItemStatus": "OK",
            "resourceId": "AIDA1",
            "resourceName": "alice",
            "ARN": "arn:aws:iam::123456789012:user/alice",
            "awsRegion": "global",
            "resourceType": USER
        },
        "notificationCreationTime": "2026-09-21T14:00:01.000Z",
        "messageType": "OversizedConfigurationItemChangeNotification",
        "recordVersion": "1.0"
    }))
}

fn with(mut event: Value, field: &str, value: impl Into<Value>) -> Value {
    event[field] = value.into();
    event
}

async fn invoke(rule: &Watching, service: &impl ConfigService, event: &Value) -> Result<Report, EvaluationError> {
    evaluate(&OnChange(rule), service, event, now(), Duration::from_secs(200)).await
}

fn captured() -> Timestamp {
    CAPTURED.parse().unwrap()
}

fn said(put: &Put) -> Vec<(&str, &str, Compliance)> {
    put.evaluations.iter().map(|it| (it.resource.kind(), it.resource.id(), it.compliance)).collect()
}

#[tokio::test]
async fn a_change_is_judged_as_the_event_has_it_and_reported_at_its_capture_time() {
    let (rule, service) = (Watching::default(), Memory::default());
    let report = invoke(&rule, &service, &changed(|_| {})).await.unwrap();
    assert_eq!((report.sent, report.non_compliant, report.complete), (1, 1, false));
    let (item, test_mode) = rule.judged.take().remove(0);
    assert!(!test_mode);
    assert_eq!((&item.resource, item.name.as_deref()), (&user("AIDA1"), Some("alice")));
    assert_eq!(item.arn.as_deref(), Some("arn:aws:iam::123456789012:user/alice"));
    assert_eq!((item.account_id.as_str(), &*item.region, item.status.as_str()), ("123456789012", "global", "OK"));
    assert_eq!(item.capture_time, captured());
    assert_eq!(item.creation_time, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    assert_eq!(item.tags["team"], "blue");
    assert_eq!(item.configuration, json!({"path": "/", "userName": "alice"}));
    assert_eq!(item.supplementary_configuration["part"], json!({"a": 1}));
    assert_eq!(item.relationships[0].resource_id.as_deref(), Some("AGPA1"));
    // Not the time of the notification, which is later: results of changes that overtake each other would be swapped.
    let puts = service.puts.take();
    assert_eq!((puts.len(), puts[0].ordering_timestamp), (1, captured()));
    assert_eq!(said(&puts[0]), [(USER, "AIDA1", Compliance::NonCompliant)]);
    assert_eq!(service.pages_read.get(), 0, "no stored results are read for a change");
}

/// Config is told once, at the capture time, that the rule does not apply, and the rule is not asked.
async fn check_not_applicable(event: &Value, kind: &str) {
    let (rule, service) = (Watching::default(), Memory::default());
    let report = invoke(&rule, &service, event).await.unwrap();
    assert_eq!((report.sent, report.taken_back), (1, 1));
    let puts = service.puts.take();
    assert_eq!((puts.len(), puts[0].ordering_timestamp), (1, captured()), "{event}");
    assert_eq!(said(&puts[0]), [(kind, "AIDA1", Compliance::NotApplicable)], "{event}");
    assert!(rule.judged.take().is_empty() && service.pages_read.get() == 0, "{event}");
}

/// What rdklib says of each of these (`rdklib/util/service.py`).
#[tokio::test]
async fn a_resource_is_applicable_as_rdklib_has_it() {
    for status in ["ResourceDeleted", "ResourceNotRecorded", "ResourceDeletedNotRecorded", "SomethingNew"] {
        check_not_applicable(&changed(|item| item["configurationItemStatus"] = status.into()), USER).await;
    }
    check_not_applicable(&with(changed(|_| {}), "eventLeftScope", true), USER).await;
    let foreign = changed(|item| item["resourceType"] = "AWS::IAM::Role".into());
    check_not_applicable(&foreign, "AWS::IAM::Role").await;
    for status in ["OK", "ResourceDiscovered"] {
        let (rule, service) = (Watching::default(), Memory::default());
        let event = changed(|item| item["configurationItemStatus"] = status.into());
        invoke(&rule, &service, &event).await.unwrap();
        assert_eq!((rule.judged.take().len(), said(&service.puts.take()[0])[0].2), (1, Compliance::NonCompliant));
    }
}

#[tokio::test]
async fn another_evaluation_mode_is_not_applicable() {
    check_not_applicable(&with(changed(|_| {}), "evaluationMode", "PROACTIVE"), USER).await;
    check_not_applicable(&with(oversized(), "evaluationMode", "PROACTIVE"), USER).await;
}

#[tokio::test]
async fn an_oversized_change_that_does_not_apply_asks_no_history() {
    // Memory keeps no history: asking it would fail.
    check_not_applicable(&with(oversized(), "eventLeftScope", true), USER).await;
}

#[tokio::test]
async fn in_test_mode_a_change_is_sent_as_a_test() {
    let (rule, service) = (Watching::default(), Memory::default());
    let report = invoke(&rule, &service, &with(changed(|_| {}), "resultToken", "TESTMODE")).await.unwrap();
    assert!(report.test_mode && rule.judged.take()[0].1 && service.puts.take()[0].test_mode);
    assert!(service.results.take().is_empty());
}

#[tokio::test]
async fn a_rule_for_changes_refuses_the_schedule() {
    let (rule, service) = (Watching::default(), Memory::default());
    let error = invoke(&rule, &service, &scheduled()).await.unwrap_err();
    assert!(chain(&error).contains("message type `ScheduledNotification` is not evaluated"), "{error}");
    assert!(service.puts.take().is_empty());
}

/// Invokes with an oversized change, against this item of the history.
async fn with_history(item: &Value) -> (Result<Report, EvaluationError>, Vec<(ConfigurationItem, bool)>, usize) {
    let body = json!({ "configurationItems": [item] }).to_string();
    let history = mock!(Client::get_resource_config_history)
        .match_requests(|request| {
            request.resource_type().map(aws_sdk_config::types::ResourceType::as_str) == Some(USER)
                && request.resource_id() == Some("AIDA1")
                && request.later_time() == Some(&DateTime::from_millis(1_789_999_198_250))
                && request.limit() == Some(1)
        })
        .then_http_response(move || HttpResponse::new(200.try_into().unwrap(), body.clone().into()));
    let put = mock!(Client::put_evaluations)
        .match_requests(|request| {
            request.evaluations().len() == 1
                && request.evaluations()[0].ordering_timestamp().to_millis().ok() == Some(1_789_999_198_250)
        })
        .then_http_response(|| HttpResponse::new(200.try_into().unwrap(), "{}".into()));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&history, &put]);
    let rule = Watching::default();
    let outcome = invoke(&rule, &client, &oversized()).await;
    assert_eq!(history.num_calls(), 1);
    (outcome, rule.judged.take(), put.num_calls())
}

fn of_history(capture_time: f64) -> Value {
    json!({
        "version": "1.3", "accountId": "123456789012", "configurationItemCaptureTime": capture_time,
        "configurationItemStatus": "OK", "arn": "arn:aws:iam::123456789012:user/alice", "resourceType": USER,
        "resourceId": "AIDA1", "resourceName": "alice", "awsRegion": "global", "tags": {"team": "blue"},
        "configuration": "{\"userName\":\"alice\"}", "supplementaryConfiguration": {"part": "{\"a\":1}"}
    })
}

#[tokio::test]
async fn an_oversized_change_is_judged_by_the_item_of_the_history_captured_with_it() {
    let (outcome, judged, puts) = with_history(&of_history(1_789_999_198.25)).await;
    assert_eq!((outcome.unwrap().non_compliant, puts), (1, 1));
    let (item, _) = &judged[0];
    assert_eq!(item.arn.as_deref(), Some("arn:aws:iam::123456789012:user/alice"));
    assert_eq!(item.configuration, json!({"userName": "alice"}));
    assert_eq!(item.supplementary_configuration["part"], json!({"a": 1}));
    assert_eq!(item.capture_time, captured());
}

#[tokio::test]
async fn a_history_that_does_not_have_the_change_yet_is_an_error_and_nothing_is_reported() {
    let (outcome, judged, puts) = with_history(&of_history(1_789_999_100.0)).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, EvaluationError::History { .. }), "{error:?}");
    assert!(chain(&error).contains("the history has no item of AWS::IAM::User AIDA1"), "{}", chain(&error));
    assert_eq!((judged.len(), puts), (0, 0));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn no_event_makes_it_panic(value in any_json(), field in any::<prop::sample::Index>(), inside in any::<bool>()) {
        let mut events = vec![value.clone(), with_invoking(&value)];
        for mut event in [changed(|_| {}), oversized()] {
            let mut invoking: Value = serde_json::from_str(event["invokingEvent"].as_str().unwrap()).unwrap();
            let name = if invoking.get("configurationItem").is_some() { "configurationItem" } else { "configurationItemSummary" };
            let object = if inside { &mut invoking[name] } else { &mut event };
            let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            object[field.get(&names).as_str()] = value.clone();
            if inside {
                event["invokingEvent"] = invoking.to_string().into();
            }
            events.push(event);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for event in events {
            let service = Memory::default();
            let outcome = runtime.block_on(invoke(&Watching::default(), &service, &event));
            prop_assert_eq!(outcome.is_ok(), service.puts.borrow().len() == 1);
        }
    }
}
