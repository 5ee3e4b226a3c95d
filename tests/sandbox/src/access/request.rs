//! What a call asks IAM for: its actions, and the ARNs of the resources that they touch.
//!
//! Which action takes which resource is AWS's Service Authorization Reference; an action without a resource type there
//! is asked for on `*`.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::policy::Context;
use crate::call::Call;
use crate::directory::Directory;
use crate::template::Scope;

/// One action on resources, every one of which must be allowed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: String,
    pub(super) resources: Vec<String>,
    pub(super) context: Context,
}

/// The requests that a call is made of. An action that is not listed is an error.
#[expect(clippy::too_many_lines, reason = "it is one table of actions")]
pub(super) fn requests(call: &Call, scope: &Scope, directory: &Directory) -> Result<Vec<Request>> {
    let parameters = &call.parameters;
    let resources = match call.action.as_str() {
        "iam:ListUsers"
        | "iam:GenerateCredentialReport"
        | "iam:GetCredentialReport"
        | "iam:GetAccountAuthorizationDetails"
        | "config:PutEvaluations"
        | "config:BatchGetResourceConfig"
        | "access-analyzer:ListAnalyzers"
        | "cloudtrail:LookupEvents"
        | "cloudwatch:PutMetricData"
        | "ssm:DescribeAutomationExecutions" => any(),
        // Needs no permission, but an explicit deny would hold.
        "sts:GetCallerIdentity" => Vec::new(),
        "iam:GetUser"
        | "iam:ListAccessKeys"
        | "iam:GetLoginProfile"
        | "iam:DeleteLoginProfile"
        | "iam:ListGroupsForUser"
        | "iam:ListAttachedUserPolicies"
        | "iam:ListUserPolicies"
        | "iam:ListUserTags"
        | "iam:ListMFADevices"
        | "iam:UpdateAccessKey"
        | "iam:DeleteAccessKey"
        | "iam:CreateAccessKey"
        | "iam:ListSSHPublicKeys"
        | "iam:UpdateSSHPublicKey"
        | "iam:DeleteSSHPublicKey"
        | "iam:ListSigningCertificates"
        | "iam:UpdateSigningCertificate"
        | "iam:DeleteSigningCertificate"
        | "iam:UpdateServiceSpecificCredential"
        | "iam:DeleteServiceSpecificCredential" => vec![user_arn(text(parameters, "UserName")?, scope, directory)],
        // The reference lists users as its resource. With `AllUsers` no user is named; the strict reading is played, in which
        // only what is allowed on everything allows it.
        "iam:ListServiceSpecificCredentials" => {
            if parameters.get("AllUsers").and_then(Value::as_str) == Some("true") {
                any()
            } else {
                vec![user_arn(text(parameters, "UserName")?, scope, directory)]
            }
        }
        "iam:GetAccessKeyLastUsed" => {
            let owner = directory.owner_of(text(parameters, "AccessKeyId")?);
            // A key that nobody has: of some user all the same.
            vec![owner.map_or_else(|| scope.iam_arn("user/of-no-key"), |user| user.arn(scope))]
        }
        "iam:ListAttachedGroupPolicies" | "iam:GetGroup" => {
            let name = text(parameters, "GroupName")?;
            let path = directory.group_path(name).unwrap_or_else(|| "/".to_owned());
            vec![scope.iam_arn(&format!("group{path}{name}"))]
        }
        "iam:AttachUserPolicy" | "iam:DetachUserPolicy" => {
            let user = user_arn(text(parameters, "UserName")?, scope, directory);
            let mut request = request(&call.action, vec![user], scope);
            let policy = text(parameters, "PolicyArn")?.to_owned();
            request.context.insert("iam:PolicyARN".to_owned(), Some(policy));
            return Ok(vec![request]);
        }
        "iam:TagUser" | "iam:UntagUser" => return tagging(call, scope, directory),
        "config:GetComplianceDetailsByConfigRule" => vec![rule_arn(text(parameters, "ConfigRuleName")?, scope)],
        "config:StartConfigRulesEvaluation" => {
            texts(parameters, "ConfigRuleNames")?.into_iter().map(|name| rule_arn(name, scope)).collect()
        }
        "config:DescribeRemediationExceptions" | "config:DeleteRemediationExceptions" => {
            let rule = text(parameters, "ConfigRuleName")?;
            // The last part is an id that AWS makes up.
            vec![scope.arn("config", &format!("remediation-configuration/{rule}/00000000-0000-4000-8000-000000000000"))]
        }
        "ssm:GetParameter" => vec![parameter_arn(text(parameters, "Name")?, scope)],
        "ssm:GetAutomationExecution" => {
            let id = text(parameters, "AutomationExecutionId")?;
            vec![scope.arn("ssm", &format!("automation-execution/{id}"))]
        }
        "ssm:StartAutomationExecution" => return start_automation(call, scope),
        "lambda:InvokeFunction" => {
            let name = text(parameters, "FunctionName")?;
            let arn = if name.starts_with("arn:") {
                name.to_owned()
            } else {
                scope.arn("lambda", &format!("function:{name}"))
            };
            vec![arn]
        }
        "logs:CreateLogStream" | "logs:PutLogEvents" => {
            let (group, stream) = (text(parameters, "logGroupName")?, text(parameters, "logStreamName")?);
            vec![scope.arn("logs", &format!("log-group:{group}:log-stream:{stream}"))]
        }
        // Lambda does it in the function's role, and names the queue by its ARN.
        "sqs:SendMessage" => vec![text(parameters, "QueueArn")?.to_owned()],
        "sns:Publish" => vec![text(parameters, "TopicArn")?.to_owned()],
        "events:PutEvents" => {
            let entries = parameters.get("Entries").and_then(Value::as_array).context("no `Entries`")?;
            let bus = |entry: &Value| entry.get("EventBusName").and_then(Value::as_str).unwrap_or("default").to_owned();
            entries.iter().map(|entry| scope.arn("events", &format!("event-bus/{}", bus(entry)))).collect()
        }
        "access-analyzer:GetAnalyzer" => {
            vec![scope.arn("access-analyzer", &format!("analyzer/{}", text(parameters, "analyzerName")?))]
        }
        // Both of these calls are allowed by an action of another name.
        "access-analyzer:ListFindingsV2" => return analyzed("access-analyzer:ListFindings", parameters, scope),
        "access-analyzer:GetFindingV2" => return analyzed("access-analyzer:GetFinding", parameters, scope),
        action if action.starts_with("secretsmanager:") => return secrets(call, action, scope),
        action if action.starts_with("dynamodb:") => return dynamodb(call, action, scope),
        action => bail!("`{action}` is not listed"),
    };
    Ok(vec![request(&call.action, resources, scope)])
}

fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

fn request(action: &str, resources: Vec<String>, scope: &Scope) -> Request {
    let context = [
        ("aws:PrincipalAccount", Some(scope.account.as_str())),
        ("aws:ResourceAccount", Some(scope.account.as_str())),
        ("aws:RequestedRegion", Some(scope.region.as_str())),
        ("aws:SecureTransport", Some("true")),
        ("aws:MultiFactorAuthPresent", None),
        ("aws:CalledVia", None),
        ("aws:TagKeys", None),
    ];
    let context = context.into_iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect();
    Request { action: action.to_owned(), resources, context }
}

/// Tags of a user: each of their keys is asked for.
fn tagging(call: &Call, scope: &Scope, directory: &Directory) -> Result<Vec<Request>> {
    let user = user_arn(text(&call.parameters, "UserName")?, scope, directory);
    let tags = call.parameters.get("Tags").and_then(Value::as_array).into_iter().flatten();
    let keys = call.parameters.get("TagKeys").and_then(Value::as_array).into_iter().flatten();
    let keys = tags.filter_map(|tag| tag.get("Key")).chain(keys).filter_map(Value::as_str);
    let of_key = |key: &str| {
        let mut request = request(&call.action, vec![user.clone()], scope);
        request.context.insert("aws:TagKeys".to_owned(), Some(key.to_owned()));
        request
    };
    Ok(keys.map(of_key).collect())
}

fn analyzed(action: &str, parameters: &Value, scope: &Scope) -> Result<Vec<Request>> {
    Ok(vec![request(action, vec![text(parameters, "analyzerArn")?.to_owned()], scope)])
}

/// Starting an automation in a role passes that role to SSM. AWS's documentation has named the document, its "automation
/// definition" and the execution as what must be allowed, at different times; so all of them must be.
fn start_automation(call: &Call, scope: &Scope) -> Result<Vec<Request>> {
    let document = text(&call.parameters, "DocumentName")?;
    let document = document.rsplit('/').next().unwrap_or(document);
    let version = call.parameters.get("DocumentVersion").and_then(Value::as_str).unwrap_or("$DEFAULT");
    let resources = vec![
        scope.arn("ssm", &format!("automation-definition/{document}:{version}")),
        scope.arn("ssm", &format!("document/{document}")),
        scope.arn("ssm", "automation-execution/00000000-0000-4000-8000-000000000000"),
    ];
    let mut requests = vec![request(&call.action, resources, scope)];
    let roles = call.parameters.get("Parameters").and_then(|parameters| parameters.get("AutomationAssumeRole"));
    for role in roles.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let mut pass = request("iam:PassRole", vec![role.to_owned()], scope);
        pass.context.insert("iam:PassedToService".to_owned(), Some("ssm.amazonaws.com".to_owned()));
        requests.push(pass);
    }
    Ok(requests)
}

/// Who has a secret rotated may also invoke the function that does it ("Required permissions" of `RotateSecret`).
fn secrets(call: &Call, action: &str, scope: &Scope) -> Result<Vec<Request>> {
    let secret = secret_arn(text(&call.parameters, "SecretId")?, scope);
    let function = match action {
        "secretsmanager:DescribeSecret"
        | "secretsmanager:GetResourcePolicy"
        | "secretsmanager:GetSecretValue"
        | "secretsmanager:PutSecretValue"
        | "secretsmanager:UpdateSecretVersionStage" => return Ok(vec![request(action, vec![secret], scope)]),
        "secretsmanager:RotateSecret" => call.parameters.get("RotationLambdaARN").and_then(Value::as_str),
        _ => bail!("`{action}` is not listed"),
    };
    let mut rotate = request(&call.action, vec![secret], scope);
    rotate.context.insert("secretsmanager:RotationLambdaARN".to_owned(), function.map(str::to_owned));
    let invoke = function.map(|function| request("lambda:InvokeFunction", vec![function.to_owned()], scope));
    Ok([Some(rotate), invoke].into_iter().flatten().collect())
}

fn dynamodb(call: &Call, action: &str, scope: &Scope) -> Result<Vec<Request>> {
    let parameters = &call.parameters;
    match action {
        "dynamodb:GetItem" | "dynamodb:PutItem" | "dynamodb:UpdateItem" | "dynamodb:DeleteItem" => {
            Ok(vec![request(action, vec![table_arn(parameters, scope)?], scope)])
        }
        "dynamodb:Query" | "dynamodb:Scan" => {
            let table = table_arn(parameters, scope)?;
            let index = parameters.get("IndexName").and_then(Value::as_str);
            let resource = index.map_or_else(|| table.clone(), |index| format!("{table}/index/{index}"));
            Ok(vec![request(action, vec![resource], scope)])
        }
        "dynamodb:BatchGetItem" | "dynamodb:BatchWriteItem" => {
            let tables = parameters.get("RequestItems").and_then(Value::as_object).context("no `RequestItems`")?;
            let arns = tables.keys().map(|name| table_named(name, scope)).collect();
            Ok(vec![request(action, arns, scope)])
        }
        // A transaction needs the permissions of what is in it, not one of its own.
        "dynamodb:TransactWriteItems" | "dynamodb:TransactGetItems" => {
            let items = parameters.get("TransactItems").and_then(Value::as_array).context("no `TransactItems`")?;
            items.iter().map(|item| transacted(item, scope)).collect()
        }
        _ => bail!("`{action}` is not listed"),
    }
}

fn transacted(item: &Value, scope: &Scope) -> Result<Request> {
    let (kind, parameters) = item.as_object().and_then(|item| item.iter().next()).context("an empty item")?;
    let action = match kind.as_str() {
        "Get" => "dynamodb:GetItem",
        "Put" => "dynamodb:PutItem",
        "Update" => "dynamodb:UpdateItem",
        "Delete" => "dynamodb:DeleteItem",
        "ConditionCheck" => "dynamodb:ConditionCheckItem",
        other => bail!("`{other}` is not part of a transaction"),
    };
    Ok(request(action, vec![table_arn(parameters, scope)?], scope))
}

fn table_arn(parameters: &Value, scope: &Scope) -> Result<String> {
    Ok(table_named(text(parameters, "TableName")?, scope))
}

fn table_named(name: &str, scope: &Scope) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { scope.arn("dynamodb", &format!("table/{name}")) }
}

fn parameter_arn(name: &str, scope: &Scope) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    scope.arn("ssm", &format!("parameter/{}", name.strip_prefix('/').unwrap_or(name)))
}

/// A secret that is named gets the six characters that AWS makes up.
fn secret_arn(id: &str, scope: &Scope) -> String {
    if id.starts_with("arn:") { id.to_owned() } else { scope.arn("secretsmanager", &format!("secret:{id}-AbCdEf")) }
}

fn rule_arn(name: &str, scope: &Scope) -> String {
    crate::template::rule_arn(name, scope)
}

/// A name that nobody has stands for a user without a path, as in AWS's own messages.
fn user_arn(name: &str, scope: &Scope, directory: &Directory) -> String {
    directory.named(name).map_or_else(|| scope.iam_arn(&format!("user/{name}")), |user| user.arn(scope))
}

fn text<'a>(parameters: &'a Value, name: &str) -> Result<&'a str> {
    parameters.get(name).and_then(Value::as_str).with_context(|| format!("parameter `{name}` is missing"))
}

fn texts<'a>(parameters: &'a Value, name: &str) -> Result<Vec<&'a str>> {
    let list = parameters.get(name).and_then(Value::as_array);
    Ok(list.with_context(|| format!("parameter `{name}` is missing"))?.iter().filter_map(Value::as_str).collect())
}
