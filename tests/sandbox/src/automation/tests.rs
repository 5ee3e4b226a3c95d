use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Automation, Execution, Invoked, Lambda, Status};
use crate::call::{Answer, Call, Player};
use crate::template::{Deployment, Scope};
use crate::tricks::{Trick, Tricks};

/// Answers every invocation the same way, and keeps what it was sent.
struct Fake {
    answer: Option<Invoked>,
    seen: Mutex<Vec<(String, String, Value)>>,
}

impl Fake {
    fn answering(payload: &str) -> Self {
        let answer = Invoked { function_error: None, payload: payload.to_owned() };
        Self { answer: Some(answer), seen: Mutex::default() }
    }

    fn failing() -> Self {
        let payload = r#"{"errorType":"X","errorMessage":"y"}"#.to_owned();
        let answer = Invoked { function_error: Some("Unhandled".to_owned()), payload };
        Self { answer: Some(answer), seen: Mutex::default() }
    }

    fn denying() -> Self {
        Self { answer: None, seen: Mutex::default() }
    }
}

impl Lambda for Fake {
    async fn invoke(&self, role_arn: &str, function: &str, payload: &Value) -> Result<Invoked> {
        self.seen.lock().unwrap().push((role_arn.to_owned(), function.to_owned(), payload.clone()));
        match &self.answer {
            Some(answer) => Ok(answer.clone()),
            None => bail!("not authorized to perform: lambda:InvokeFunction"),
        }
    }
}

fn document() -> Value {
    json!({
        "schemaVersion": "0.3",
        "description": "d",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {
            "AutomationAssumeRole": { "type": "String" },
            "FunctionName": { "type": "String", "default": "remedy" },
            "ResourceId": { "type": "String", "allowedPattern": "^AIDA[A-Z0-9]+$" },
        },
        "mainSteps": [
            { "name": "Remedy", "action": "aws:invokeLambdaFunction", "timeoutSeconds": 300, "maxAttempts": 1,
              "onFailure": "Abort", "nextStep": "Judge",
              "inputs": { "FunctionName": "{{ FunctionName }}",
                          "InputPayload": { "ExecutionId": "{{ automation:EXECUTION_ID }}" } } },
            { "name": "Judge", "action": "aws:branch",
              "inputs": { "Choices": [{ "NextStep": "Done", "Variable": "{{ Remedy.Payload }}",
                                        "StartsWith": "{\"status\":" }],
                          "Default": "Fail" } },
            { "name": "Done", "action": "aws:executeScript", "isEnd": true,
              "inputs": { "Runtime": "python3.11", "Handler": "end",
                          "Script": "def end(events, context):\n    print('noise')\n    return {'ended': events}" } },
            { "name": "Fail", "action": "aws:executeScript", "isEnd": true,
              "inputs": { "Runtime": "python3.11", "Handler": "end",
                          "Script": "def end(events, context):\n    raise RuntimeError('no status')" } },
        ],
        "outputs": ["Remedy.Payload"],
    })
}

fn automation(document: &Value, tricks: impl Into<Tricks>) -> Result<Automation> {
    let trust = json!({ "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } },
    ] });
    let template = json!({ "Resources": {
        "D": { "Type": "AWS::SSM::Document",
               "Properties": { "Name": "doc", "DocumentType": "Automation", "Content": document } },
        "R": { "Type": "AWS::IAM::Role", "Properties": { "RoleName": "work", "AssumeRolePolicyDocument": trust } },
        "F": { "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "advance", "Code": {}, "Handler": "bootstrap", "Runtime": "provided.al2023",
            "Role": { "Fn::GetAtt": ["R", "Arn"] } } },
    } });
    let scope = Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), stack: "S".to_owned() };
    Automation::new(&Deployment::parse(&template, scope)?, tricks.into())
}

fn parameters(resource: &str) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([
        ("AutomationAssumeRole".to_owned(), vec!["arn:role".to_owned()]),
        ("ResourceId".to_owned(), vec![resource.to_owned()]),
    ])
}

async fn run(automation: &Automation, lambda: &Fake) -> Execution {
    automation.start("doc", parameters("AIDA1"), "arn:starter", Timestamp::UNIX_EPOCH).unwrap();
    let id = automation.next().unwrap();
    automation.run(&id, lambda, || Timestamp::UNIX_EPOCH).await.unwrap()
}

fn names(execution: &Execution) -> Vec<&str> {
    execution.steps.iter().map(|step| step.name.as_str()).collect()
}

#[tokio::test]
async fn an_answer_with_a_status_is_a_success() {
    let automation = automation(&document(), []).unwrap();
    let lambda = Fake::answering(r#"{"status":"done"}"#);
    let execution = run(&automation, &lambda).await;
    assert_eq!((names(&execution), execution.status), (vec!["Remedy", "Judge", "Done"], Status::Success));
    assert_eq!(execution.outputs["Remedy.Payload"], r#"{"status":"done"}"#);
    let seen = lambda.seen.lock().unwrap().clone();
    assert_eq!(seen, [("arn:role".to_owned(), "remedy".to_owned(), json!({ "ExecutionId": execution.id }))]);
}

#[tokio::test]
async fn an_answer_without_a_status_fails() {
    let automation = automation(&document(), []).unwrap();
    let execution = run(&automation, &Fake::answering(r#"{"reason":"?","status":"done"}"#)).await;
    assert_eq!((names(&execution), execution.status), (vec!["Remedy", "Judge", "Fail"], Status::Failed));
    assert_eq!(execution.failure.as_deref(), Some("RuntimeError: no status"));
}

#[tokio::test]
async fn a_function_error_fails_the_automation_whether_or_not_it_fails_the_step() {
    for (tricks, steps) in
        [(Tricks::default(), vec!["Remedy"]), ([Trick::FunctionErrorPassesOn].into(), vec!["Remedy", "Judge", "Fail"])]
    {
        let execution = run(&automation(&document(), tricks).unwrap(), &Fake::failing()).await;
        assert_eq!((names(&execution), execution.status), (steps, Status::Failed));
    }
}

#[tokio::test]
async fn what_the_role_does_not_allow_fails_the_step() {
    let execution = run(&automation(&document(), []).unwrap(), &Fake::denying()).await;
    assert_eq!(execution.status, Status::Failed);
    assert!(execution.failure.unwrap().contains("lambda:InvokeFunction"));
}

#[tokio::test]
async fn a_failed_step_may_go_on_or_elsewhere() {
    for (on_failure, steps) in [("Continue", vec!["Remedy", "Judge", "Fail"]), ("step:Done", vec!["Remedy", "Done"])] {
        let mut document = document();
        document["mainSteps"][0]["onFailure"] = on_failure.into();
        let execution = run(&automation(&document, []).unwrap(), &Fake::failing()).await;
        assert_eq!(names(&execution), steps);
    }
}

#[tokio::test]
async fn a_step_is_tried_as_often_as_it_says() {
    let mut document = document();
    document["mainSteps"][0]["maxAttempts"] = 3.into();
    let lambda = Fake::failing();
    run(&automation(&document, []).unwrap(), &lambda).await;
    assert_eq!(lambda.seen.lock().unwrap().len(), 3);
}

#[test]
fn parameters_that_the_document_does_not_take_are_refused() {
    let automation = automation(&document(), []).unwrap();
    let start = |parameters| automation.start("doc", parameters, "arn", Timestamp::UNIX_EPOCH).unwrap_err().code;
    let mut undeclared = parameters("AIDA1");
    undeclared.insert("Approver".to_owned(), vec!["me".to_owned()]);
    let mut missing = parameters("AIDA1");
    missing.remove("ResourceId");
    for refused in [undeclared, missing, parameters("alice")] {
        assert_eq!(start(refused), "InvalidAutomationExecutionParametersException");
    }
    let unknown = automation.start("other", parameters("AIDA1"), "arn", Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(unknown.code, "AutomationDefinitionNotFoundException");
}

#[test]
fn an_unplayed_action_field_or_target_is_an_error_that_names_it() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut document = document();
        change(&mut document);
        format!("{:#}", automation(&document, []).unwrap_err())
    };
    let action = broken(&|document| document["mainSteps"][2]["action"] = "aws:runCommand".into());
    assert!(action.contains("`aws:runCommand` of step `Done`"), "{action}");
    let field = broken(&|document| document["mainSteps"][1]["onCancel"] = "Abort".into());
    assert!(field.contains("step `Judge`") && field.contains("`onCancel`"), "{field}");
    let target = broken(&|document| document["mainSteps"][0]["nextStep"] = "Nowhere".into());
    assert!(target.contains("`Nowhere`"), "{target}");
    let operator = broken(&|document| {
        let choice = &mut document["mainSteps"][1]["inputs"]["Choices"][0];
        choice.as_object_mut().unwrap().remove("StartsWith");
        choice["Matches"] = "x".into();
    });
    assert!(operator.contains("`Matches`"), "{operator}");
    let long = broken(&|document| document["mainSteps"][0]["timeoutSeconds"] = 301.into());
    assert!(long.contains("300 s"), "{long}");
}

fn call(automation: &Automation, action: &str, parameters: Value) -> Answer {
    let call = Call {
        number: 1,
        at: Timestamp::UNIX_EPOCH,
        caller: "advance".to_owned(),
        service: "ssm".to_owned(),
        action: format!("ssm:{action}"),
        parameters,
    };
    automation.play(&call).unwrap()
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn an_execution_is_read_as_the_service_model_has_it() {
    let automation = automation(&document(), []).unwrap();
    let start = json!({ "DocumentName": "doc", "Parameters": parameters("AIDA1") });
    let id = body(&call(&automation, "StartAutomationExecution", start))["AutomationExecutionId"].clone();
    let read = || body(&call(&automation, "GetAutomationExecution", json!({ "AutomationExecutionId": id })));
    let waiting = read()["AutomationExecution"].clone();
    assert_eq!(waiting["AutomationExecutionStatus"], "Pending");
    assert_eq!(waiting["ExecutedBy"], "arn:aws:sts::123456789012:assumed-role/work/advance");
    assert_eq!(waiting["Parameters"]["FunctionName"], json!(["remedy"]));
    let next = automation.next().unwrap();
    automation.run(&next, &Fake::answering(r#"{"status":"done"}"#), || Timestamp::UNIX_EPOCH).await.unwrap();
    let ended = read()["AutomationExecution"].clone();
    assert_eq!(ended["AutomationExecutionStatus"], "Success");
    assert_eq!(ended["StepExecutions"][0]["Outputs"]["Payload"], json!([r#"{"status":"done"}"#]));
    let unknown = json!({ "AutomationExecutionId": "00000000-0000-0000-0000-000000000000" });
    let unknown = call(&automation, "GetAutomationExecution", unknown);
    assert_eq!(unknown.error_type.as_deref(), Some("AutomationExecutionNotFoundException"));
}

#[test]
fn a_client_token_starts_once() {
    let automation = automation(&document(), []).unwrap();
    let start = |resource: &str| {
        let token = "11111111-1111-4111-8111-111111111111";
        let start = json!({ "DocumentName": "doc", "ClientToken": token, "Parameters": parameters(resource) });
        call(&automation, "StartAutomationExecution", start)
    };
    assert_eq!(body(&start("AIDA1")), body(&start("AIDA1")));
    assert_eq!(automation.waiting(), 1);
    assert_eq!(start("AIDA2").error_type.as_deref(), Some("IdempotentParameterMismatch"));
}

/// The document with an approval before everything else.
fn document_with_approval() -> Value {
    let mut document = document();
    let approve = json!({ "name": "Approve", "action": "aws:approve", "timeoutSeconds": 3600, "onFailure": "Abort",
                          "inputs": { "Message": "{{ ResourceId }}", "MinRequiredApprovals": 1,
                                      "Approvers": ["arn:aws:iam::{{ global:ACCOUNT_ID }}:role/approver", "olivia"] } });
    document["mainSteps"].as_array_mut().unwrap().insert(0, approve);
    document
}

const CAROL: &str = "arn:aws:sts::123456789012:assumed-role/approver/carol";

#[tokio::test]
async fn an_execution_waits_until_one_who_is_listed_has_decided() {
    for (by, approves, status) in [
        (CAROL, true, Status::Success),
        ("arn:aws:iam::123456789012:user/ops/olivia", true, Status::Success),
        (CAROL, false, Status::Failed),
    ] {
        let automation = automation(&document_with_approval(), []).unwrap();
        let lambda = Fake::answering(r#"{"status":"done"}"#);
        let waiting = run(&automation, &lambda).await;
        assert_eq!((names(&waiting), waiting.status), (vec!["Approve"], Status::Waiting));
        let mallory = "arn:aws:sts::123456789012:assumed-role/another/approver";
        assert!(automation.signal(&waiting.id, mallory, true).is_err());
        assert_eq!((automation.waiting(), lambda.seen.lock().unwrap().len()), (0, 0));
        automation.signal(&waiting.id, by, approves).unwrap();
        let next = automation.next().unwrap();
        let ended = automation.run(&next, &lambda, || Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(ended.status, status);
        let said = json!([{ "approver": by, "decision": if approves { "Approve" } else { "Reject" } }]);
        assert_eq!(ended.steps[0].outputs["ApproverDecisions"], said.to_string());
        assert!(automation.signal(&waiting.id, by, true).is_err(), "it waits no more");
    }
}

#[tokio::test]
async fn nobody_waits_for_longer_than_the_step_says() {
    let automation = automation(&document_with_approval(), []).unwrap();
    let lambda = Fake::answering(r#"{"status":"done"}"#);
    let waiting = run(&automation, &lambda).await;
    let at = |seconds| move || Timestamp::from_second(seconds).unwrap();
    assert_eq!(automation.run(&waiting.id, &lambda, at(3_600)).await.unwrap().status, Status::Waiting);
    assert_eq!(automation.run(&waiting.id, &lambda, at(3_601)).await.unwrap().status, Status::TimedOut);
    assert!(lambda.seen.lock().unwrap().is_empty());
}

#[test]
fn other_operations_belong_to_the_emulator() {
    let automation = automation(&document(), []).unwrap();
    let call = Call {
        number: 1,
        at: Timestamp::UNIX_EPOCH,
        caller: "advance".to_owned(),
        service: "ssm".to_owned(),
        action: "ssm:GetParameter".to_owned(),
        parameters: json!({}),
    };
    assert!(automation.play(&call).is_none());
}
