//! Calls that no role may make: other actions, and the same actions on other things.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use credwarden_sandbox::access::Grant;
use credwarden_sandbox::call::Call;
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};

/// An action with its target, and whether the target is one of the deployment's own things.
struct Probe {
    action: &'static str,
    parameters: Value,
    is_ours: bool,
}

fn ours(action: &'static str, parameters: Value) -> Probe {
    Probe { action, parameters, is_ours: true }
}

fn elsewhere(action: &'static str, parameters: Value) -> Probe {
    Probe { action, parameters, is_ours: false }
}

/// Tries every probe in every role. What is not ours must be denied, what is ours may pass only where it was needed.
pub(crate) fn nothing_else_passes(sandbox: &Sandbox, used: &BTreeSet<Grant>) -> Result<()> {
    let deployment = sandbox.deployment();
    let mut needed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for grant in used {
        needed.entry(&grant.role).or_default().insert(&grant.action);
    }
    let trusts_ssm = |services: &[String]| services.iter().any(|service| service == "ssm.amazonaws.com");
    let automation_role = deployment.roles.values().find(|role| trusts_ssm(&role.trusted_services));
    let automation_role = automation_role.context("a role for automations")?.arn.clone();
    let probes = probes(&automation_role, deployment.tables.keys().next().context("a table")?);
    let mut passed = 0;
    for role in deployment.roles.values() {
        for Probe { action, parameters, is_ours } in &probes {
            let may = *is_ours && needed.get(role.name.as_str()).is_some_and(|actions| actions.contains(action));
            let does = sandbox.access().check_in_role(&role.arn, &call(sandbox, action, parameters.clone()));
            if let Err(denied) = &does {
                assert!(!denied.0.contains("does not know"), "{action} is no probe: {}", denied.0);
            }
            assert!(may || does.is_err(), "role `{}` may {action} {parameters}", role.name);
            passed += usize::from(does.is_ok());
        }
    }
    assert!(passed >= used.len() / 2, "the probes are far from what is allowed: {passed} of {} grants", used.len());
    Ok(())
}

fn call(sandbox: &Sandbox, action: &str, parameters: Value) -> Call {
    let service = action.split(':').next().unwrap_or_default().to_owned();
    let at = sandbox.now();
    Call { number: 0, at, caller: "probe".to_owned(), service, action: action.to_owned(), parameters }
}

fn probes(automation_role: &str, table: &str) -> Vec<Probe> {
    let mut probes = Vec::new();
    for action in [
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:GetLoginProfile",
        "iam:ListGroupsForUser",
        "iam:ListAttachedUserPolicies",
        "iam:UpdateAccessKey",
        // Nobody's.
        "iam:ListUserPolicies",
        "iam:ListUserTags",
        "iam:ListMFADevices",
        "iam:DeleteAccessKey",
        "iam:CreateAccessKey",
    ] {
        probes.push(ours(action, json!({ "UserName": "silent" })));
    }
    for action in [
        "iam:ListUsers",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "config:PutEvaluations",
        "config:BatchGetResourceConfig",
        "ssm:DescribeAutomationExecutions",
        "cloudwatch:PutMetricData",
    ] {
        probes.push(ours(action, json!({})));
    }
    // The policy protects this path, whoever asks.
    probes.push(elsewhere("iam:UpdateAccessKey", json!({ "UserName": PROTECTED_USER })));
    for action in [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
        "dynamodb:Scan",
    ] {
        probes.push(ours(action, json!({ "TableName": table })));
        for other in [format!("{table}-2"), "another".to_owned(), format!("another-{table}")] {
            probes.push(elsewhere(action, json!({ "TableName": other })));
        }
    }
    probes.push(ours("dynamodb:Query", json!({ "TableName": table, "IndexName": "open-by-due" })));
    probes.push(elsewhere("dynamodb:Query", json!({ "TableName": table, "IndexName": "another" })));
    probes.push(elsewhere("dynamodb:Scan", json!({ "TableName": table, "IndexName": "open-by-due" })));
    for name in ["/credwarden/policy", "/credwarden/kill-switch"] {
        probes.push(ours("ssm:GetParameter", json!({ "Name": name })));
    }
    for name in ["/credwarden/policy/2", "/credwarden/another", "/another/policy", "another", "/credwarden"] {
        probes.push(elsewhere("ssm:GetParameter", json!({ "Name": name })));
    }
    for (rule, of) in [
        ("credwarden-access-key-age", ours as fn(_, _) -> _),
        ("credwarden-another", elsewhere),
        ("another", elsewhere),
    ] {
        probes.push(of("config:GetComplianceDetailsByConfigRule", json!({ "ConfigRuleName": rule })));
        probes.push(of("config:StartConfigRulesEvaluation", json!({ "ConfigRuleNames": [rule] })));
        for action in ["config:DescribeRemediationExceptions", "config:DeleteRemediationExceptions"] {
            probes.push(of(action, json!({ "ConfigRuleName": rule })));
        }
    }
    let starting = |document: &str, role: &str| json!({ "DocumentName": document, "Parameters": { "AutomationAssumeRole": [role] } });
    let another_role = automation_role.replace("role/", "role/another-");
    for document in ["credwarden-access-key-age", "credwarden-undo-deactivate-credential"] {
        probes.push(ours("ssm:StartAutomationExecution", starting(document, automation_role)));
        probes.push(elsewhere("ssm:StartAutomationExecution", starting(document, &another_role)));
    }
    for document in ["AWS-RunShellScript", "AWSConfigRemediation-RevokeUnusedIAMUserCredentials", "credwarden-another"]
    {
        probes.push(elsewhere("ssm:StartAutomationExecution", starting(document, automation_role)));
    }
    probes.push(ours("lambda:InvokeFunction", json!({ "FunctionName": "credwarden-deactivate-credential" })));
    for function in ["credwarden-access-key-age", "credwarden-advance-work", "another"] {
        probes.push(elsewhere("lambda:InvokeFunction", json!({ "FunctionName": function })));
    }
    for group in ["/aws/lambda/another", "/aws/cloudtrail"] {
        let log = json!({ "logGroupName": group, "logStreamName": "any" });
        probes.push(elsewhere("logs:CreateLogStream", log.clone()));
        probes.push(elsewhere("logs:PutLogEvents", log));
    }
    probes
}

/// A user that the sandbox's account holds at the protected path.
pub(crate) const PROTECTED_USER: &str = "break-glass-1";
