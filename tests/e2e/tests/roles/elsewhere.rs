//! Calls that no role may make: other actions, and the same actions on other things.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::FIRST_DAY;
use credwarden_sandbox::access::Access;
use credwarden_sandbox::call::Call;
use credwarden_sandbox::sandbox::Sandbox;
use credwarden_sandbox::template::Deployment;
use serde_json::{Value, json};

/// A user that the sandbox's account holds at the protected path.
pub(crate) const PROTECTED_USER: &str = "break-glass-1";

/// One at the path of those whose keys may be minted.
pub(crate) const ENROLLED_USER: &str = "shop";

/// A secret that keys are minted into.
pub(crate) const SECRET: &str = "credwarden/shop-000";

/// What mints.
const MINT: &str = "credwarden-mint-key";

/// Secrets of others, whose names look alike.
const OTHER_SECRETS: [&str; 3] = ["credwarden", "credwarden-2/shop-000", "another/credwarden/shop-000"];

/// An action with its target, and whether the target is one of the deployment's own things.
pub(crate) struct Probe {
    pub(crate) action: &'static str,
    pub(crate) parameters: Value,
    is_ours: bool,
}

fn ours(action: &'static str, parameters: Value) -> Probe {
    Probe { action, parameters, is_ours: true }
}

fn elsewhere(action: &'static str, parameters: Value) -> Probe {
    Probe { action, parameters, is_ours: false }
}

impl Probe {
    /// Whether the role lets it pass.
    pub(crate) fn passes(&self, access: &Access, role_arn: &str) -> Result<bool> {
        let service = self.action.split(':').next().unwrap_or_default().to_owned();
        let (action, parameters) = (self.action.to_owned(), self.parameters.clone());
        let call = Call { number: 0, at: FIRST_DAY, caller: "probe".to_owned(), service, action, parameters };
        match access.check_in_role(role_arn, &call) {
            Ok(()) => Ok(true),
            Err(denied) => {
                ensure!(!denied.0.contains("does not know"), "{} is no probe: {}", self.action, denied.0);
                Ok(false)
            }
        }
    }
}

/// A role, an action and what it was done to.
type Deed = (String, String, String);

/// All that the functions of a sandbox have called, and what automations have invoked.
pub(crate) fn deeds(sandbox: &Sandbox) -> BTreeSet<Deed> {
    let deployment = sandbox.deployment();
    let role = |arn: &str| deployment.roles.get(arn).map(|role| role.name.clone()).unwrap_or_default();
    let mut deeds = BTreeSet::new();
    for recorded in sandbox.calls() {
        let Some(function) = deployment.functions.get(&recorded.call.caller) else { continue };
        for (action, parameters) in parts(&recorded.call.action, &recorded.call.parameters) {
            // Whoever has a secret rotated invokes the function that does it.
            if parameters.get("RotationLambdaARN").is_some() {
                let invoked = json!({ "FunctionName": MINT });
                deeds.insert((role(&function.role_arn), "lambda:InvokeFunction".to_owned(), target(&invoked)));
            }
            deeds.insert((role(&function.role_arn), action, target(parameters)));
        }
    }
    for execution in sandbox.executions() {
        let Some([arn]) = execution.parameters.get("AutomationAssumeRole").map(Vec::as_slice) else { continue };
        let functions = execution.parameters.iter().filter(|(name, _)| name.ends_with("FunctionName"));
        for function in functions.flat_map(|(_, values)| values) {
            let invoked = json!({ "FunctionName": function });
            deeds.insert((role(arn), "lambda:InvokeFunction".to_owned(), target(&invoked)));
        }
    }
    // Lambda does it in the name of a function that failed.
    for failed in sandbox.failed_events() {
        let of_failing = deployment.async_invocations.iter();
        let of_failing = of_failing.filter(|(_, kept)| kept.on_failure.as_ref() == Some(&failed.queue_arn));
        for function in of_failing.filter_map(|(name, _)| deployment.functions.get(name)) {
            let sent = json!({ "QueueArn": failed.queue_arn });
            deeds.insert((role(&function.role_arn), "sqs:SendMessage".to_owned(), target(&sent)));
        }
    }
    deeds
}

/// A transaction is what it is made of.
fn parts<'a>(action: &str, parameters: &'a Value) -> Vec<(String, &'a Value)> {
    let items = parameters.get("TransactItems").and_then(Value::as_array);
    let Some(items) = items else { return vec![(action.to_owned(), parameters)] };
    let parts = items.iter().filter_map(Value::as_object).flatten();
    let action = |kind: &str| format!("dynamodb:{kind}Item");
    parts.map(|(kind, item)| (action(kind), item)).collect()
}

/// What names a thing of the deployment.
fn target(parameters: &Value) -> String {
    let names = [
        "TableName",
        "IndexName",
        "Name",
        "ConfigRuleName",
        "ConfigRuleNames",
        "DocumentName",
        "FunctionName",
        "RotationLambdaARN",
        "QueueArn",
        "TopicArn",
        "analyzerArn",
        "analyzerName",
    ];
    let told = names.iter().filter_map(|name| parameters.get(name)).map(Value::to_string);
    // A batch names its tables before their items.
    let tables = parameters.get("RequestItems").and_then(Value::as_object).into_iter().flat_map(|tables| tables.keys());
    let entries = parameters.get("Entries").and_then(Value::as_array).into_iter().flatten();
    // Secrets Manager adds six characters to a secret's name.
    let secret = parameters.get("SecretId").and_then(Value::as_str);
    let without_suffix = |id: &str| {
        let name = id.split_once(":secret:").and_then(|(_, name)| name.rsplit_once('-'));
        name.map_or(id, |(name, _)| name).to_owned()
    };
    let secret = secret.map(without_suffix);
    // All entries of a call are for one bus here.
    let bus = entries.map(|entry| entry.get("EventBusName").and_then(Value::as_str).unwrap_or("default").to_owned());
    told.chain(tables.cloned()).chain(secret).chain(bus.take(1)).collect::<Vec<_>>().join(" ")
}

/// What a role may do for every rule once it may for one: each rule is granted alike.
const OF_ALL_RULES: [&str; 4] = [
    "config:DeleteRemediationExceptions",
    "config:DescribeRemediationExceptions",
    "config:StartConfigRulesEvaluation",
    "ssm:StartAutomationExecution",
];

/// Tries every probe in every role: nothing passes but what was called in the scenarios.
pub(crate) fn nothing_else_passes(deployment: &Deployment, access: &Access, deeds: &BTreeSet<Deed>) -> Result<()> {
    let probes = probes(deployment)?;
    for (_, action, to) in deeds.iter().filter(|(_, action, _)| action != "dynamodb:ConditionCheckItem") {
        let is_probed = |probe: &Probe| probe.action == action && target(&probe.parameters) == *to;
        ensure!(probes.iter().any(is_probed), "{action} {to} was called and is not probed");
    }
    for role in deployment.roles.values() {
        for probe in &probes {
            let Probe { action, parameters, is_ours } = probe;
            let deed = (role.name.clone(), (*action).to_owned(), target(parameters));
            let did_to_another = || deeds.iter().any(|(by, did, _)| *by == role.name && did == action);
            let may = *is_ours && (deeds.contains(&deed) || OF_ALL_RULES.contains(action) && did_to_another());
            assert!(may || !probe.passes(access, &role.arn)?, "role `{}` may {action} {parameters}", role.name);
        }
    }
    Ok(())
}

/// Invocations of functions: of those that documents and Secrets Manager's rotations invoke, and of others.
fn invocations() -> Vec<Probe> {
    let mut probes = Vec::new();
    for function in [
        "credwarden-advance-work",
        "credwarden-deactivate-credential",
        "credwarden-rotate-key",
        "credwarden-tag-exception",
        MINT,
    ] {
        probes.push(ours("lambda:InvokeFunction", json!({ "FunctionName": function })));
    }
    for function in [
        "credwarden-access-key-age",
        "credwarden-unused-credentials",
        "credwarden-unauthorized-key-creation",
        "credwarden-record-creation",
        "another",
    ] {
        probes.push(elsewhere("lambda:InvokeFunction", json!({ "FunctionName": function })));
    }
    probes
}

/// What is tried: all that a role may do and its neighbourhood.
pub(crate) fn probes(deployment: &Deployment) -> Result<Vec<Probe>> {
    let trusts_ssm = |services: &[String]| services.iter().any(|service| service == "ssm.amazonaws.com");
    let automation_role = deployment.roles.values().find(|role| trusts_ssm(&role.trusted_services));
    let automation_role = automation_role.context("a role for automations")?.arn.as_str();
    let table = deployment.tables.keys().next().context("a table")?.as_str();
    let mut probes = of_identities();
    probes.extend(of_tables(table));
    for name in ["/credwarden/policy", "/credwarden/kill-switch"] {
        probes.push(ours("ssm:GetParameter", json!({ "Name": name })));
    }
    for name in ["/credwarden/policy/2", "/credwarden/another", "/another/policy", "another", "/credwarden"] {
        probes.push(elsewhere("ssm:GetParameter", json!({ "Name": name })));
    }
    for (rule, of) in [
        ("credwarden-access-key-age", ours as fn(_, _) -> _),
        ("credwarden-unused-credentials", ours),
        ("credwarden-unauthorized-key-creation", ours),
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
    let documents = [
        "credwarden-access-key-age",
        "credwarden-unused-credentials",
        "credwarden-unauthorized-key-creation",
        "credwarden-undo-deactivate-credential",
        "credwarden-undo-rotate-key",
        "credwarden-acknowledge-rotation",
        "credwarden-force-rotation",
        "credwarden-tag-exception",
    ];
    // People start it; the schedule asks for no approval.
    probes.push(elsewhere("ssm:StartAutomationExecution", starting("credwarden-approve", automation_role)));
    for document in documents {
        probes.push(ours("ssm:StartAutomationExecution", starting(document, automation_role)));
        probes.push(elsewhere("ssm:StartAutomationExecution", starting(document, &another_role)));
    }
    for document in [
        "AWS-RunShellScript",
        "credwarden-enrol-user",
        "AWSConfigRemediation-RevokeUnusedIAMUserCredentials",
        "credwarden-another",
    ] {
        probes.push(elsewhere("ssm:StartAutomationExecution", starting(document, automation_role)));
    }
    probes.extend(invocations());
    let analyzer = deployment.scope.arn("access-analyzer", "analyzer/unused-access");
    probes.push(ours("access-analyzer:GetAnalyzer", json!({ "analyzerName": "unused-access" })));
    let another_account = analyzer.replace(&deployment.scope.account, "210987654321");
    for (analyzer, of) in [(analyzer, ours as fn(_, _) -> _), (another_account, elsewhere)] {
        probes.push(of("access-analyzer:ListFindingsV2", json!({ "analyzerArn": analyzer })));
        probes.push(of("access-analyzer:GetFindingV2", json!({ "analyzerArn": analyzer, "id": "finding" })));
    }
    for action in [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ] {
        probes.push(ours(action, json!({ "SecretId": SECRET })));
        for secret in OTHER_SECRETS {
            probes.push(elsewhere(action, json!({ "SecretId": secret })));
        }
    }
    let rotating = |secret: &str, function: &str| {
        let function = deployment.scope.arn("lambda", &format!("function:{function}"));
        json!({ "SecretId": secret, "RotationLambdaARN": function })
    };
    let rotate = "secretsmanager:RotateSecret";
    probes.push(ours(rotate, rotating(SECRET, MINT)));
    probes.extend(OTHER_SECRETS.map(|secret| elsewhere(rotate, rotating(secret, MINT))));
    // The function that is set already may be anybody's.
    probes.push(elsewhere(rotate, json!({ "SecretId": SECRET })));
    for function in ["another", "credwarden-rotate-key"] {
        probes.push(elsewhere(rotate, rotating(SECRET, function)));
    }
    for group in ["/aws/lambda/another", "/aws/cloudtrail"] {
        let log = json!({ "logGroupName": group, "logStreamName": "any" });
        probes.push(elsewhere("logs:CreateLogStream", log.clone()));
        probes.push(elsewhere("logs:PutLogEvents", log));
    }
    for (queue, of) in [("credwarden-record-creation-failed", ours as fn(_, _) -> _), ("another", elsewhere)] {
        let queue = deployment.scope.arn("sqs", queue);
        probes.push(of("sqs:SendMessage", json!({ "QueueArn": queue })));
    }
    for (topic, of) in [("credwarden-notices", ours as fn(_, _) -> _), ("another", elsewhere)] {
        let topic = deployment.scope.arn("sns", topic);
        probes.push(of("sns:Publish", json!({ "TopicArn": topic, "Message": "text" })));
    }
    let event = |bus: &str| json!({ "Source": "any", "DetailType": "any", "Detail": "{}", "EventBusName": bus });
    for (bus, of) in [("default", ours as fn(_, _) -> _), ("another", elsewhere)] {
        probes.push(of("events:PutEvents", json!({ "Entries": [event(bus)] })));
    }
    Ok(probes)
}

/// IAM, and what takes no resource.
fn of_identities() -> Vec<Probe> {
    let mut probes = Vec::new();
    for action in [
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:GetLoginProfile",
        "iam:ListGroupsForUser",
        "iam:ListAttachedUserPolicies",
        "iam:ListSSHPublicKeys",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSigningCertificates",
        "iam:UpdateAccessKey",
        "iam:UpdateSSHPublicKey",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateSigningCertificate",
        "iam:DeleteLoginProfile",
        // Nobody's.
        "iam:ListUserPolicies",
        "iam:ListUserTags",
        "iam:ListMFADevices",
        "iam:DeleteSSHPublicKey",
        "iam:DeleteServiceSpecificCredential",
        "iam:DeleteSigningCertificate",
    ] {
        probes.push(ours(action, change_of("silent")));
    }
    for action in ["iam:CreateAccessKey", "iam:DeleteAccessKey"] {
        probes.push(ours(action, change_of(ENROLLED_USER)));
        for user in ["silent", PROTECTED_USER, "of-nobody"] {
            probes.push(elsewhere(action, change_of(user)));
        }
    }
    for action in [
        "access-analyzer:ListAnalyzers",
        "iam:ListUsers",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "config:PutEvaluations",
        "config:BatchGetResourceConfig",
        "ssm:DescribeAutomationExecutions",
        "cloudtrail:LookupEvents",
        "cloudwatch:PutMetricData",
    ] {
        probes.push(ours(action, json!({})));
    }
    probes.push(ours("iam:GetAccessKeyLastUsed", change_of("silent")));
    probes.push(ours("iam:ListAttachedGroupPolicies", json!({ "GroupName": "admins" })));
    probes.push(ours("ssm:GetAutomationExecution", json!({ "AutomationExecutionId": EXECUTION })));
    // The policy protects this path, whoever asks.
    for action in [
        "iam:UpdateAccessKey",
        "iam:UpdateSSHPublicKey",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateSigningCertificate",
        "iam:DeleteLoginProfile",
    ] {
        probes.push(elsewhere(action, change_of(PROTECTED_USER)));
    }
    let policy = |user: &str, name: &str| json!({ "UserName": user, "PolicyArn": format!("arn:aws:iam::123456789012:policy/{name}") });
    for action in ["iam:AttachUserPolicy", "iam:DetachUserPolicy"] {
        probes.push(ours(action, policy("silent", "credwarden-refuse-sessions")));
        probes.push(elsewhere(action, policy("silent", "another")));
    }
    probes.push(elsewhere("iam:AttachUserPolicy", policy(PROTECTED_USER, "credwarden-refuse-sessions")));
    let exception = "credwarden:exception/access-key-age";
    let on = |user: &str, key: &str| json!({ "UserName": user, "Tags": [{ "Key": key, "Value": "any" }] });
    let off = |user: &str, key: &str| json!({ "UserName": user, "TagKeys": [key] });
    probes.push(ours("iam:TagUser", on("silent", exception)));
    probes.push(ours("iam:UntagUser", off("silent", exception)));
    for (user, key) in [(PROTECTED_USER, exception), ("silent", "owner"), ("silent", "exception/access-key-age")] {
        probes.push(elsewhere("iam:TagUser", on(user, key)));
        probes.push(elsewhere("iam:UntagUser", off(user, key)));
    }
    probes
}

/// The ledger and its neighbours.
fn of_tables(table: &str) -> Vec<Probe> {
    let mut probes = Vec::new();
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
    let batch =
        |table: &str| json!({ "RequestItems": { table: [{ "DeleteRequest": { "Key": { "pk": { "S": "any" } } } }] } });
    probes.push(ours("dynamodb:BatchWriteItem", batch(table)));
    probes.push(elsewhere("dynamodb:BatchWriteItem", batch("another")));
    probes.push(ours("dynamodb:Query", json!({ "TableName": table, "IndexName": "open-by-due" })));
    probes.push(elsewhere("dynamodb:Query", json!({ "TableName": table, "IndexName": "another" })));
    probes.push(elsewhere("dynamodb:Scan", json!({ "TableName": table, "IndexName": "open-by-due" })));
    probes
}

/// Complete for whoever looks at parameters before he looks at permissions.
fn change_of(user: &str) -> Value {
    json!({ "UserName": user, "AccessKeyId": "AKIAQYLPMN5HHHFPZAM2", "Status": "Inactive" })
}

const EXECUTION: &str = "00000000-0000-4000-9000-000000000001";
