//! One function for the accounts of an organization.

use std::{cell::RefCell, time::Duration};

use credwarden_config_rule::{EvaluationError, ExecutionRole, OnChange, Report, evaluate_in_organization};
use serde_json::{Value, json};

use crate::{
    changes::{Watching, changed},
    memory::Memory,
    scripted::{chain, now},
};

const HERE: &str = "arn:aws:lambda:us-east-1:123456789012:function:rules";
const ELSEWHERE: &str = "arn:aws:lambda:us-east-1:210987654321:function:rules";

async fn enter(function: &str, event: &Value) -> (Result<Report, EvaluationError>, Vec<Option<ExecutionRole>>) {
    let (rule, entered) = (Watching::default(), RefCell::default());
    let outcome = evaluate_in_organization(
        async |to_assume: Option<&ExecutionRole>| {
            RefCell::<Vec<_>>::borrow_mut(&entered).push(to_assume.cloned());
            Ok((OnChange(&rule), Memory::default()))
        },
        function,
        event,
        now(),
        Duration::from_secs(200),
    )
    .await;
    (outcome, entered.into_inner())
}

fn with(parameters: &Value) -> Value {
    let mut event = changed(|_| {});
    event["ruleParameters"] = parameters.to_string().into();
    event
}

async fn check_role(function: &str, parameters: Value, expected: Option<(&str, Option<&str>)>) {
    let (outcome, entered) = enter(function, &with(&parameters)).await;
    // The rule has no parameters: the three are taken out before it sees them.
    outcome.unwrap();
    let expected = expected.map(|(arn, region)| ExecutionRole { arn: arn.into(), region: region.map(str::to_owned) });
    assert_eq!(entered, [expected], "{parameters}");
}

async fn check_refused(function: &str, event: &Value, expected: &str) {
    let (outcome, entered) = enter(function, event).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, EvaluationError::Event(_)), "{error:?}");
    assert!(chain(&error).contains(expected), "{}", chain(&error));
    assert!(entered.is_empty());
}

#[tokio::test]
async fn the_role_is_named_by_the_parameters_in_the_account_of_the_execution_role() {
    let arn = "arn:aws:iam::123456789012:role/config-rules";
    let name = json!({"ExecutionRoleName": "config-rules"});
    check_role(ELSEWHERE, name.clone(), Some((arn, None))).await;
    let region = json!({"ExecutionRoleName": "config-rules", "ExecutionRoleRegion": "eu-west-1"});
    check_role(ELSEWHERE, region, Some((arn, Some("eu-west-1")))).await;
    check_role(HERE, name, None).await;
    check_role(HERE, json!({"ExecutionRoleName": "config-rules", "AssumeRoleMode": "True"}), Some((arn, None))).await;
    check_role(HERE, json!({"AssumeRoleMode": "false"}), None).await;
}

#[tokio::test]
async fn the_execution_role_itself_is_assumed_where_none_is_named() {
    let mut event = changed(|_| {});
    event["executionRoleArn"] = "arn:aws-cn:iam::123456789012:role/path/recorder".into();
    let (outcome, entered) = enter(ELSEWHERE, &event).await;
    outcome.unwrap();
    assert_eq!(entered[0].as_ref().unwrap().arn, "arn:aws-cn:iam::123456789012:role/path/recorder");
}

#[tokio::test]
async fn what_would_read_the_wrong_account_is_refused() {
    let check = async |parameters: Value, expected: &str| check_refused(ELSEWHERE, &with(&parameters), expected).await;
    check(json!({"AssumeRoleMode": "false"}), "parameter `AssumeRoleMode`: `false` is refused").await;
    check(json!({"AssumeRoleMode": "maybe"}), "`maybe` is neither true nor false").await;
    check(json!({"ExecutionRoleName": "a role"}), "`a role` is not the name of a role").await;
    check(json!({}), "parameter `ExecutionRoleName`: it is missing").await;
    let mut event = with(&json!({"ExecutionRoleName": "config-rules"}));
    event["executionRoleArn"] = "arn:aws:iam::210987654321:role/recorder".into();
    check_refused(ELSEWHERE, &event, "is no role of account 123456789012").await;
    check_refused("function", &changed(|_| {}), "the function's own ARN `function` names no account").await;
}
