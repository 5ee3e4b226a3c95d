//! The synthesized CloudFormation template: the sandbox's only source of functions, roles, schedules, documents and
//! parameters.
//!
//! A type or property that the sandbox does not play is an error that names it, so that nothing a deployment would get is
//! silently missing here. Properties that cannot show in the sandbox are listed where they are read, with the reason.

mod functions;
mod intrinsics;
mod properties;
mod rules;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

pub use functions::{AsyncInvocation, Function, Permission, Role};
pub use rules::{ConfigRule, EventRule, Remediation, RemediationValue, Schedule};
pub use storage::{Parameter, Table};

use intrinsics::Resolver;
use properties::Properties;

/// Where a template is deployed: what CloudFormation's pseudo parameters stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Name of the stack; begins the names of what has none of its own.
    pub stack: String,
}

impl Scope {
    /// An ARN of this account in this region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// An ARN of IAM, which is global.
    pub fn iam_arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.account)
    }
}

/// The ARN of a Config rule of that name: it holds an id that AWS makes up.
pub(crate) fn rule_arn(name: &str, scope: &Scope) -> String {
    scope.arn("config", &format!("config-rule/{}", intrinsics::rule_id(name)))
}

/// What a template deploys, with every reference resolved.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Where.
    pub scope: Scope,
    /// Lambda functions by name.
    pub functions: BTreeMap<String, Function>,
    /// IAM roles by ARN.
    pub roles: BTreeMap<String, Role>,
    /// What Lambda does with events that it keeps for a function, by the function's name.
    pub async_invocations: BTreeMap<String, AsyncInvocation>,
    /// Who may invoke a function without a role.
    pub permissions: Vec<Permission>,
    /// AWS Config rules by name.
    pub rules: BTreeMap<String, ConfigRule>,
    /// Remediation configurations by the name of their rule.
    pub remediations: BTreeMap<String, Remediation>,
    /// SSM documents by name, content as deployed.
    pub documents: BTreeMap<String, Value>,
    /// SSM parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// `DynamoDB` tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Documents of the managed policies by ARN.
    pub managed_policies: BTreeMap<String, Value>,
    /// ARNs of the SNS topics.
    pub topics: BTreeSet<String>,
    /// `EventBridge` schedules.
    pub schedules: Vec<Schedule>,
    /// `EventBridge` rules that wait for events.
    pub event_rules: Vec<EventRule>,
}

impl Deployment {
    /// Reads a template that `cdk synth` wrote.
    pub fn read(path: &Path, scope: Scope) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let template = serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))?;
        Self::parse(&template, scope).with_context(|| format!("failed to deploy `{}`", path.display()))
    }

    /// Deploys a template on paper: every reference resolved, every resource read to its last property.
    pub fn parse(template: &Value, scope: Scope) -> Result<Self> {
        let template = template.as_object().context("a template is a JSON object")?;
        for section in template.keys() {
            ensure!(SECTIONS.contains(&section.as_str()), "section `{section}` is not modelled by the sandbox");
        }
        let resolver = Resolver::new(template, scope.clone())?;
        let mut deployment = Self {
            scope,
            functions: BTreeMap::new(),
            roles: BTreeMap::new(),
            async_invocations: BTreeMap::new(),
            permissions: Vec::new(),
            rules: BTreeMap::new(),
            remediations: BTreeMap::new(),
            documents: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tables: BTreeMap::new(),
            managed_policies: BTreeMap::new(),
            topics: BTreeSet::new(),
            schedules: Vec::new(),
            event_rules: Vec::new(),
        };
        let mut policies = Vec::new();
        for (id, resource) in resolver.resources() {
            let Some((kind, properties)) = deployed(&resolver, id, resource)? else { continue };
            let place = format!("`{id}` ({kind})");
            let properties = Properties::new(place.clone(), properties);
            deployment.add(&resolver, id, kind, properties, &mut policies).context(place)?;
        }
        for policy in policies {
            deployment.attach(&policy)?;
        }
        Ok(deployment)
    }

    fn add(
        &mut self,
        resolver: &Resolver<'_>,
        id: &str,
        kind: &str,
        properties: Properties,
        policies: &mut Vec<functions::InlinePolicy>,
    ) -> Result<()> {
        let name = || resolver.physical_name(id);
        match kind {
            "AWS::Lambda::Function" => {
                let function = Function::read(name()?, properties)?;
                self.functions.insert(function.name.clone(), function);
            }
            "AWS::Lambda::EventInvokeConfig" => {
                let (function, invocation) = AsyncInvocation::read(properties)?;
                self.async_invocations.insert(function, invocation);
            }
            "AWS::Lambda::Permission" => self.permissions.push(Permission::read(properties)?),
            "AWS::IAM::Role" => {
                let role = Role::read(name()?, properties, &self.scope)?;
                self.roles.insert(role.arn.clone(), role);
            }
            "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => policies.push(functions::InlinePolicy::read(properties)?),
            "AWS::Config::ConfigRule" => {
                let rule = ConfigRule::read(name()?, resolver.attribute(id, "Arn")?, properties)?;
                self.rules.insert(rule.name.clone(), rule);
            }
            "AWS::Config::RemediationConfiguration" => {
                let remediation = Remediation::read(properties)?;
                self.remediations.insert(remediation.rule.clone(), remediation);
            }
            "AWS::SSM::Document" => {
                self.documents.insert(name()?, rules::document(properties)?);
            }
            "AWS::SSM::Parameter" => {
                let parameter = Parameter::read(name()?, properties)?;
                self.parameters.insert(parameter.name.clone(), parameter);
            }
            "AWS::DynamoDB::Table" => {
                let table = Table::read(name()?, properties)?;
                self.tables.insert(table.name.clone(), table);
            }
            "AWS::IAM::ManagedPolicy" => {
                self.managed_policies.insert(name()?, storage::managed_policy(properties)?);
            }
            "AWS::SNS::Topic" => {
                storage::topic(properties)?;
                self.topics.insert(name()?);
            }
            "AWS::Events::Rule" => {
                let (schedules, event_rules) = rules::events_rule(&name()?, properties)?;
                self.schedules.extend(schedules);
                self.event_rules.extend(event_rules);
            }
            "AWS::Scheduler::Schedule" => self.schedules.extend(Schedule::read_schedule(name()?, properties)?),
            other if UNSEEN.iter().any(|(kind, _)| *kind == other) => {}
            _ => bail!("this resource type is not modelled by the sandbox"),
        }
        Ok(())
    }

    fn attach(&mut self, policy: &functions::InlinePolicy) -> Result<()> {
        for name in &policy.roles {
            let role = self.roles.values_mut().find(|role| role.name == *name);
            let role =
                role.with_context(|| format!("policy `{}` is for role `{name}`, which is not here", policy.name))?;
            role.policies.push((policy.name.clone(), policy.document.clone()));
        }
        Ok(())
    }
}

/// A resource's type and its resolved properties; `None` where its condition does not hold.
fn deployed<'a>(
    resolver: &Resolver<'_>,
    id: &str,
    resource: &'a Value,
) -> Result<Option<(&'a str, Map<String, Value>)>> {
    let attributes = resource.as_object().with_context(|| format!("resource `{id}` is not an object"))?;
    for attribute in attributes.keys() {
        ensure!(
            RESOURCE_ATTRIBUTES.contains(&attribute.as_str()),
            "resource `{id}`: attribute `{attribute}` is not modelled by the sandbox"
        );
    }
    if let Some(condition) = attributes.get("Condition").and_then(Value::as_str)
        && !resolver.condition(condition)?
    {
        return Ok(None);
    }
    let kind = attributes.get("Type").and_then(Value::as_str).with_context(|| format!("`{id}` has no `Type`"))?;
    let properties = match attributes.get("Properties") {
        // What is unseen is not resolved either: alarms refer to attributes that nothing else needs.
        Some(properties) if !UNSEEN.iter().any(|(unseen, _)| *unseen == kind) => {
            resolver.resolve(properties).with_context(|| format!("`{id}` ({kind})"))?
        }
        _ => Value::Object(Map::new()),
    };
    match properties {
        Value::Object(properties) => Ok(Some((kind, properties))),
        _ => bail!("`{id}` ({kind}): `Properties` is not an object"),
    }
}

/// Sections of a template. `Rules` refuse a deployment, for an old bootstrap or for lack of release zips, neither of which a
/// sandbox needs; `Outputs` and `Metadata` are for people.
const SECTIONS: [&str; 9] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
];

/// Attributes of a resource; order of creation and what happens on removal do not show in a sandbox made at once.
const RESOURCE_ATTRIBUTES: [&str; 7] =
    ["Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"];

/// Types that are deployed but cannot show in the sandbox, each with the reason.
const UNSEEN: [(&str, &str); 7] = [
    ("AWS::CDK::Metadata", "tells AWS which constructs were used"),
    ("AWS::CloudWatch::Alarm", "nothing gathers metrics; the functions' logs, which metrics are made of, are kept"),
    ("AWS::Logs::LogGroup", "logs are kept as text, without retention or encryption"),
    ("AWS::Logs::MetricFilter", "nothing gathers metrics"),
    ("AWS::SNS::TopicPolicy", "it refuses what is not encrypted on the way, and every way here ends on this machine"),
    ("AWS::SQS::Queue", "messages are kept, without retention or encryption, and nobody takes them"),
    (
        "AWS::SQS::QueuePolicy",
        "Lambda sends in the function's role, and the way from EventBridge to Lambda never fails here",
    ),
];
