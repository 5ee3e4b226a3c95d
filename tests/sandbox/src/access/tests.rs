use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Access;
use crate::call::{Call, Gate};
use crate::directory::{Directory, User};
use crate::template::{Deployment, Scope};

const ROLE: &str = "arn:aws:iam::123456789012:role/Stack-Role";

/// A function `f` whose role has these statements, in an account with `alice` in path `/people/`.
fn access(statements: &Value) -> Access {
    try_access(statements).expect("the policy must be readable")
}

fn try_access(statements: &Value) -> anyhow::Result<Access> {
    let trust = json!({ "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } },
    ] });
    let template = json!({ "Resources": {
        "Role": { "Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": trust,
            "Policies": [{ "PolicyName": "calls", "PolicyDocument": { "Statement": statements } }],
        } },
        "F": { "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "f", "Code": {}, "Handler": "bootstrap", "Runtime": "provided.al2023",
            "Role": { "Fn::GetAtt": ["Role", "Arn"] },
        } },
    } });
    let scope = Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), stack: "Stack".to_owned() };
    let directory = Directory::default();
    let alice = User {
        name: "alice".to_owned(),
        id: "AIDAALICE".to_owned(),
        path: "/people/".to_owned(),
        keys: vec!["AKIAALICE".to_owned()],
    };
    directory.replace(vec![alice], BTreeMap::from([("admins".to_owned(), "/g/".to_owned())]));
    Access::new(&Deployment::parse(&template, scope).unwrap(), directory)
}

fn call(action: &str, parameters: Value) -> Call {
    let service = action.split(':').next().unwrap().to_owned();
    let at = Timestamp::UNIX_EPOCH;
    Call { number: 1, at, caller: "f".to_owned(), service, action: action.to_owned(), parameters }
}

fn allow(action: &str, resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

fn check(statements: &Value, action: &str, parameters: Value, allowed: bool) {
    let answer = access(statements).check(&call(action, parameters));
    assert_eq!(answer.is_ok(), allowed, "{action} by {statements}: {answer:?}");
}

#[test]
fn what_nothing_allows_is_denied() {
    check(&json!([]), "iam:ListUsers", json!({}), false);
    check(&json!([allow("iam:ListGroups", "*")]), "iam:ListUsers", json!({}), false);
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let deny = json!({ "Effect": "Deny", "Action": "iam:Update*", "Resource": "arn:aws:iam::*:user/people/*" });
    let allow = allow("iam:UpdateAccessKey", "*");
    let parameters = json!({ "UserName": "alice" });
    check(&json!([deny, allow]), "iam:UpdateAccessKey", parameters.clone(), false);
    check(&json!([allow, deny]), "iam:UpdateAccessKey", parameters, false);
    check(&json!([allow, deny]), "iam:UpdateAccessKey", json!({ "UserName": "bob" }), true);
}

#[test]
fn a_user_is_known_by_its_path() {
    let parameters = json!({ "UserName": "alice" });
    let in_path = json!([allow("iam:GetUser", "arn:aws:iam::123456789012:user/people/*")]);
    check(&in_path, "iam:GetUser", parameters.clone(), true);
    let elsewhere = json!([allow("iam:GetUser", "arn:aws:iam::123456789012:user/alice")]);
    check(&elsewhere, "iam:GetUser", parameters, false);
}

#[test]
fn a_key_stands_for_its_user() {
    let statements = json!([allow("iam:GetAccessKeyLastUsed", "arn:aws:iam::123456789012:user/people/alice")]);
    check(&statements, "iam:GetAccessKeyLastUsed", json!({ "AccessKeyId": "AKIAALICE" }), true);
    check(&statements, "iam:GetAccessKeyLastUsed", json!({ "AccessKeyId": "AKIABOB" }), false);
}

#[test]
fn an_action_without_resources_needs_all_of_them() {
    check(&json!([allow("iam:ListUsers", "arn:aws:iam::123456789012:user/*")]), "iam:ListUsers", json!({}), false);
    check(&json!([allow("iam:ListUsers", "*")]), "iam:ListUsers", json!({}), true);
}

#[test]
fn wildcards_in_actions_ignore_case_and_stay_within_the_part_of_an_arn() {
    check(&json!([allow("IAM:list?sers", "*")]), "iam:ListUsers", json!({}), true);
    check(&json!([allow("iam:List", "*")]), "iam:ListUsers", json!({}), false);
    let parameters = json!({ "Name": "/credwarden/policy" });
    let exact = "arn:aws:ssm:us-east-1:123456789012:parameter/credwarden/policy";
    check(&json!([allow("ssm:GetParameter", exact)]), "ssm:GetParameter", parameters.clone(), true);
    check(&json!([allow("ssm:GetParameter", "arn:*policy")]), "ssm:GetParameter", parameters.clone(), false);
    check(&json!([allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/cred*")]), "ssm:GetParameter", parameters, true);
}

#[test]
fn negated_elements_are_the_complement() {
    let statement = json!([{ "Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:ssm:*:*:parameter/x" }]);
    check(&statement, "iam:ListUsers", json!({}), false);
    check(&statement, "ssm:GetParameter", json!({ "Name": "x" }), false);
    check(&statement, "ssm:GetParameter", json!({ "Name": "y" }), true);
}

#[test]
fn a_condition_must_be_met() {
    let start = json!({ "DocumentName": "d", "Parameters": { "AutomationAssumeRole": [ROLE] } });
    let statements = |service: &str| {
        json!([
            allow("ssm:StartAutomationExecution", "*"),
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
              "Condition": { "StringEquals": { "iam:PassedToService": service } } },
        ])
    };
    check(&statements("ssm.amazonaws.com"), "ssm:StartAutomationExecution", start.clone(), true);
    check(&statements("ec2.amazonaws.com"), "ssm:StartAutomationExecution", start, false);
}

#[test]
fn an_absent_key_meets_null_and_if_exists_only() {
    let with = |operator: &str, value: &str| {
        json!([{ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
                 "Condition": { operator: { "aws:CalledVia": value } } }])
    };
    check(&with("Null", "true"), "iam:ListUsers", json!({}), true);
    check(&with("Null", "false"), "iam:ListUsers", json!({}), false);
    check(&with("StringEquals", "x"), "iam:ListUsers", json!({}), false);
    check(&with("StringEqualsIfExists", "x"), "iam:ListUsers", json!({}), true);
    check(&with("StringNotEquals", "x"), "iam:ListUsers", json!({}), true);
}

#[test]
fn what_the_sandbox_does_not_model_is_an_error_never_a_guess() {
    let statement = |condition: Value| json!([{ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition }]);
    let operator = try_access(&statement(json!({ "DateLessThan": { "aws:CurrentTime": "x" } })));
    assert!(format!("{:#}", operator.unwrap_err()).contains("`DateLessThan`"));
    let key = access(&statement(json!({ "StringEquals": { "aws:Unheard": "x" } })));
    assert!(key.check(&call("iam:ListUsers", json!({}))).unwrap_err().0.contains("`aws:Unheard`"));
    let element = try_access(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*" }]));
    assert!(format!("{:#}", element.unwrap_err()).contains("`Principal`"));
    let action = access(&json!([allow("*", "*")])).check(&call("iam:InventUser", json!({}))).unwrap_err();
    assert!(action.0.contains("iam:InventUser"), "{}", action.0);
}

#[test]
fn passing_a_role_is_asked_for_with_the_start_of_an_automation() {
    let start = json!({ "DocumentName": "d", "Parameters": { "AutomationAssumeRole": [ROLE] } });
    check(&json!([allow("ssm:StartAutomationExecution", "*")]), "ssm:StartAutomationExecution", start, false);
}

#[test]
fn a_transaction_needs_the_permission_of_each_item() {
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger";
    let items = json!({ "TransactItems": [
        { "Put": { "TableName": "ledger" } }, { "ConditionCheck": { "TableName": "ledger" } },
    ] });
    check(&json!([allow("dynamodb:PutItem", table)]), "dynamodb:TransactWriteItems", items.clone(), false);
    check(&json!([allow("dynamodb:TransactWriteItems", table)]), "dynamodb:TransactWriteItems", items.clone(), false);
    let both = json!([allow("dynamodb:PutItem", table), allow("dynamodb:ConditionCheckItem", table)]);
    check(&both, "dynamodb:TransactWriteItems", items, true);
}

#[test]
fn an_index_is_another_resource_than_its_table() {
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger";
    let on_index = json!({ "TableName": "ledger", "IndexName": "open-by-due" });
    check(&json!([allow("dynamodb:Query", table)]), "dynamodb:Query", on_index.clone(), false);
    let index = format!("{table}/index/open-by-due");
    check(&json!([allow("dynamodb:Query", &index)]), "dynamodb:Query", on_index, true);
    check(&json!([allow("dynamodb:Query", &index)]), "dynamodb:Query", json!({ "TableName": "ledger" }), false);
}

#[test]
fn grants_that_let_a_call_pass_are_told_from_those_that_did_not() {
    let statement = json!([{ "Effect": "Allow", "Action": ["iam:ListUsers", "iam:GetUser"], "Resource": "*" }]);
    let access = access(&statement);
    access.check(&call("iam:ListUsers", json!({}))).unwrap();
    let unused: Vec<_> = access.grants().difference(&access.used()).map(|grant| grant.action.clone()).collect();
    assert_eq!(unused, ["iam:GetUser"]);
}

#[test]
fn a_refusal_is_told_in_aws_words_and_recorded() {
    let access = access(&json!([]));
    let denied = access.check(&call("iam:UpdateAccessKey", json!({ "UserName": "alice" }))).unwrap_err();
    assert_eq!(
        denied.0,
        "User: arn:aws:sts::123456789012:assumed-role/Stack-Role/f is not authorized to perform: iam:UpdateAccessKey on \
         resource: arn:aws:iam::123456789012:user/people/alice because no identity-based policy allows the \
         iam:UpdateAccessKey action"
    );
    let refusals = access.refusals();
    assert_eq!(refusals.len(), 1);
    assert!(!refusals[0].explicit);
}

#[test]
fn a_person_is_an_administrator_and_a_stranger_is_nobody() {
    let access = access(&json!([]));
    let by = |caller: &str| Call { caller: caller.to_owned(), ..call("iam:ListUsers", json!({})) };
    assert!(access.check(&by("person:olivia")).is_ok());
    assert!(access.check(&by("automation")).is_err());
}

#[test]
fn a_person_with_a_policy_may_do_what_it_allows_and_no_more() {
    let access = access(&json!([]));
    let of_olivia = json!({ "Version": "2012-10-17", "Statement": [allow("iam:ListUsers", "*")] });
    access.confine("person:olivia", &of_olivia).unwrap();
    let by = |caller: &str, action: &str| Call { caller: caller.to_owned(), ..call(action, json!({})) };
    assert!(access.check(&by("person:olivia", "iam:ListUsers")).is_ok());
    assert_eq!(
        access.check(&by("person:olivia", "iam:GetCredentialReport")).unwrap_err().0,
        "User: arn:aws:iam::123456789012:user/olivia is not authorized to perform: iam:GetCredentialReport on \
         resource: * because no identity-based policy allows the iam:GetCredentialReport action"
    );
    assert!(access.check(&by("person:paul", "iam:GetCredentialReport")).is_ok(), "others stay administrators");
    assert_eq!(access.used().into_iter().map(|grant| grant.role).collect::<Vec<_>>(), ["person:olivia"]);
    assert!(access.confine("automation", &of_olivia).is_err());
}

#[test]
fn lists_of_every_kind_of_credential_are_of_their_user() {
    for action in ["iam:ListServiceSpecificCredentials", "iam:ListSSHPublicKeys", "iam:ListSigningCertificates"] {
        let statements = json!([allow(action, "arn:aws:iam::123456789012:user/people/*")]);
        check(&statements, action, json!({ "UserName": "alice" }), true);
        check(&statements, action, json!({ "UserName": "bob" }), false);
    }
}

#[test]
fn credentials_of_all_users_need_a_grant_on_everything() {
    let action = "iam:ListServiceSpecificCredentials";
    let all = json!({ "AllUsers": "true", "ServiceName": "bedrock.amazonaws.com" });
    check(&json!([allow(action, "*")]), action, all.clone(), true);
    check(&json!([allow(action, "arn:aws:iam::123456789012:user/*")]), action, all, false);
}

#[test]
fn looking_up_events_takes_no_resource() {
    let action = "cloudtrail:LookupEvents";
    check(&json!([allow(action, "*")]), action, json!({}), true);
    check(&json!([allow(action, "arn:aws:cloudtrail:us-east-1:123456789012:trail/x")]), action, json!({}), false);
}

#[test]
fn a_batch_needs_its_action_on_every_table() {
    let table = |name: &str| format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}");
    for action in ["dynamodb:BatchWriteItem", "dynamodb:BatchGetItem"] {
        let statements = json!([allow(action, &table("ledger"))]);
        check(&statements, action, json!({ "RequestItems": { "ledger": [] } }), true);
        check(&statements, action, json!({ "RequestItems": { "ledger": [], "other": [] } }), false);
        check(
            &json!([allow("dynamodb:PutItem", &table("ledger"))]),
            action,
            json!({ "RequestItems": { "ledger": [] } }),
            false,
        );
    }
}
