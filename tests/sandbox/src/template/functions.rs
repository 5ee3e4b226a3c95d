//! Functions, the roles that they and others act in, and who may invoke them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Properties, Scope};

/// A Lambda function as deployed.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// ARN of the role that it acts in.
    pub role_arn: String,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// After which Lambda kills an invocation.
    pub timeout: Duration,
    /// Memory in MB.
    pub memory_mb: u64,
}

impl Function {
    pub(super) fn read(name: String, mut properties: Properties) -> Result<Self> {
        properties.need("Code")?;
        let handler = properties.need_text("Handler")?;
        let runtime = properties.need_text("Runtime")?;
        ensure!(
            runtime == "provided.al2023",
            "runtime `{runtime}` is not modelled; a function is a `bootstrap` binary"
        );
        ensure!(handler == "bootstrap", "handler `{handler}` is not modelled; the runtime runs `bootstrap`");
        let role_arn = properties.need_text("Role")?;
        let seconds = properties.number("Timeout")?.unwrap_or(3);
        let memory_mb = properties.number("MemorySize")?.unwrap_or(128);
        let mut environment = BTreeMap::new();
        if let Some(mut nested) = properties.nested("Environment")? {
            if let Some(Value::Object(variables)) = nested.take("Variables") {
                for (name, value) in variables {
                    let value = value.as_str().with_context(|| format!("environment variable `{name}` is not text"))?;
                    environment.insert(name, value.to_owned());
                }
            }
            nested.finish()?;
        }
        if let Some(mut logging) = properties.nested("LoggingConfig")? {
            // Lambda tells the runtime about its logging by these two variables.
            for (property, variable) in
                [("LogFormat", "AWS_LAMBDA_LOG_FORMAT"), ("ApplicationLogLevel", "AWS_LAMBDA_LOG_LEVEL")]
            {
                if let Some(value) = logging.text(property)? {
                    environment.insert(variable.to_owned(), value);
                }
            }
            logging.unseen(&["SystemLogLevel", "LogGroup"], "the platform's own lines; logs are kept by function");
            logging.finish()?;
        }
        properties.unseen(
            &["Architectures", "Description", "FunctionName", "KmsKeyArn", "PackageType", "Tags"],
            "the dev build of this machine runs; the name is already read; nothing is stored",
        );
        properties.unseen(
            &["ReservedConcurrentExecutions", "TracingConfig"],
            "an account's limit and traces, neither of which is played",
        );
        properties.finish()?;
        Ok(Self { name, role_arn, environment, timeout: Duration::from_secs(seconds), memory_mb })
    }
}

/// What Lambda does with an event that it keeps for a function, when the function fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncInvocation {
    /// How often it tries again.
    pub retries: usize,
    /// ARN of the queue into which it puts the event after that; without one the event is gone.
    pub on_failure: Option<String>,
}

impl AsyncInvocation {
    /// The name of the function, and what is done for it.
    pub(super) fn read(mut properties: Properties) -> Result<(String, Self)> {
        let function = properties.need_text("FunctionName")?;
        let qualifier = properties.need_text("Qualifier")?;
        ensure!(qualifier == "$LATEST", "qualifier `{qualifier}` is not modelled; there is one version");
        let retries = properties.number("MaximumRetryAttempts")?.unwrap_or(2);
        ensure!(retries <= 2, "Lambda tries at most twice again");
        let mut on_failure = None;
        if let Some(mut destinations) = properties.nested("DestinationConfig")? {
            if let Some(mut failure) = destinations.nested("OnFailure")? {
                let arn = failure.need_text("Destination")?;
                ensure!(arn.split(':').nth(2) == Some("sqs"), "destination `{arn}` is not modelled; only a queue is");
                on_failure = Some(arn);
                failure.finish()?;
            }
            destinations.finish()?;
        }
        properties.unseen(&["MaximumEventAgeInSeconds"], "three attempts take three minutes");
        properties.finish()?;
        Ok((function, Self { retries: usize::try_from(retries)?, on_failure }))
    }
}

/// A statement of a function's resource policy.
#[derive(Clone, Debug)]
pub struct Permission {
    /// Name of the function.
    pub function: String,
    /// The service that may invoke it, such as `config.amazonaws.com`.
    pub principal: String,
    /// The account for which the service must act.
    pub source_account: Option<String>,
    /// Pattern of the ARN for which the service must act.
    pub source_arn: Option<String>,
}

impl Permission {
    pub(super) fn read(mut properties: Properties) -> Result<Self> {
        let action = properties.need_text("Action")?;
        ensure!(action == "lambda:InvokeFunction", "action `{action}` of a permission is not modelled");
        let function = properties.need_text("FunctionName")?;
        let permission = Self {
            function: function.rsplit(':').next().unwrap_or(&function).to_owned(),
            principal: properties.need_text("Principal")?,
            source_account: properties.text("SourceAccount")?,
            source_arn: properties.text("SourceArn")?,
        };
        properties.finish()?;
        Ok(permission)
    }
}

/// An IAM role and what its policies say.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN, with the path.
    pub arn: String,
    /// Services that may act in it.
    pub trusted_services: Vec<String>,
    /// Policy documents by name.
    pub policies: Vec<(String, Value)>,
}

impl Role {
    pub(super) fn read(name: String, mut properties: Properties, scope: &Scope) -> Result<Self> {
        let path = properties.text("Path")?.unwrap_or_else(|| "/".to_owned());
        let arn = scope.iam_arn(&format!("role{path}{name}"));
        let trusted_services = trusted_services(&properties.need("AssumeRolePolicyDocument")?)?;
        let mut policies = Vec::new();
        for policy in properties.list("Policies")? {
            let mut policy = Properties::of(format!("{}, `Policies`", properties.place()), policy)?;
            policies.push((policy.need_text("PolicyName")?, policy.need("PolicyDocument")?));
            policy.finish()?;
        }
        let managed = properties.texts("ManagedPolicyArns")?;
        if let Some(first) = managed.first() {
            bail!("managed policy `{first}` is not modelled: what a role may do is in the template");
        }
        properties.unseen(&["Description", "MaxSessionDuration", "RoleName", "Tags"], "no decision reads them");
        properties.finish()?;
        Ok(Self { name, arn, trusted_services, policies })
    }
}

/// An `AWS::IAM::Policy`: a document for roles that are written elsewhere in the template.
#[derive(Clone, Debug)]
pub(super) struct InlinePolicy {
    pub(super) name: String,
    pub(super) document: Value,
    pub(super) roles: Vec<String>,
}

impl InlinePolicy {
    pub(super) fn read(mut properties: Properties) -> Result<Self> {
        let name = properties.need_text("PolicyName")?;
        let document = properties.need("PolicyDocument")?;
        let mut roles = properties.texts("Roles")?;
        roles.extend(properties.text("RoleName")?);
        properties.finish()?;
        Ok(Self { name, document, roles })
    }
}

/// The services in a trust policy; conditions there speak of the service's source, which the sandbox sets itself.
fn trusted_services(document: &Value) -> Result<Vec<String>> {
    let mut services = Vec::new();
    for statement in document.get("Statement").and_then(Value::as_array).into_iter().flatten() {
        ensure!(
            statement.get("Effect").and_then(Value::as_str) == Some("Allow")
                && statement.get("Action").and_then(Value::as_str) == Some("sts:AssumeRole"),
            "a trust policy with `{statement}` is not modelled"
        );
        match statement.get("Principal").and_then(|principal| principal.get("Service")) {
            Some(Value::String(service)) => services.push(service.clone()),
            Some(Value::Array(list)) => services.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => bail!("a trust policy for other than a service is not modelled"),
        }
    }
    Ok(services)
}
