//! Config rules, their remediation, SSM documents and schedules.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::Properties;
use crate::event_pattern::Pattern;

/// An AWS Config rule that a function judges on a schedule.
#[derive(Clone, Debug)]
pub struct ConfigRule {
    /// Its name.
    pub name: String,
    /// Its ARN, which holds an id that AWS makes up.
    pub arn: String,
    /// ARN of the function.
    pub function_arn: String,
    /// Hours between two evaluations.
    pub hours: i64,
    /// Input parameters as text, the way the event carries them.
    pub input_parameters: Option<String>,
}

impl ConfigRule {
    pub(super) fn read(name: String, arn: String, mut properties: Properties) -> Result<Self> {
        let mut source = properties.nested("Source")?.context("a rule has a `Source`")?;
        let owner = source.need_text("Owner")?;
        ensure!(owner == "CUSTOM_LAMBDA", "owner `{owner}` of a rule is not modelled");
        let function_arn = source.need_text("SourceIdentifier")?;
        let mut hours = None;
        for detail in source.list("SourceDetails")? {
            let mut detail = Properties::of(format!("{}, `SourceDetails`", source.place()), detail)?;
            let (event, kind) = (detail.need_text("EventSource")?, detail.need_text("MessageType")?);
            ensure!(
                event == "aws.config" && kind == "ScheduledNotification",
                "message type `{kind}` of `{event}` is not modelled"
            );
            hours = Some(frequency(detail.text("MaximumExecutionFrequency")?.as_deref())?);
            detail.finish()?;
        }
        source.finish()?;
        let maximum = properties.text("MaximumExecutionFrequency")?;
        let input_parameters = properties.take("InputParameters").map(|parameters| match parameters {
            Value::String(text) => text,
            other => other.to_string(),
        });
        if let Some(modes) = properties.take("EvaluationModes") {
            let detective = modes.as_array().is_some_and(|modes| {
                modes.iter().all(|mode| mode.get("Mode").and_then(Value::as_str) == Some("DETECTIVE"))
            });
            ensure!(detective, "evaluation modes `{modes}` are not modelled");
        }
        properties.unseen(&["ConfigRuleName", "Description"], "the name is already read");
        properties.finish()?;
        let hours = match (hours, maximum) {
            (Some(hours), None) => hours,
            (Some(_), maximum) => frequency(maximum.as_deref())?,
            (None, _) => bail!("a rule without a schedule is not modelled"),
        };
        Ok(Self { name, arn, function_arn, hours, input_parameters })
    }

    /// The id that AWS made up: the last part of the ARN.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }
}

/// What Config passes to a parameter of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemediationValue {
    /// The id of the resource that does not comply.
    ResourceId,
    /// The same values every time.
    Static(Vec<String>),
}

/// How Config remediates what a rule found.
#[derive(Clone, Debug)]
pub struct Remediation {
    /// Name of the rule.
    pub rule: String,
    /// Name of the SSM document.
    pub document: String,
    /// Whether Config starts the document by itself.
    pub automatic: bool,
    /// Attempts after which Config gives a resource up; from 1 to 25.
    pub attempts: u64,
    /// The window in which those attempts are counted, in seconds.
    pub retry_seconds: i64,
    /// What it passes, by parameter.
    pub parameters: BTreeMap<String, RemediationValue>,
}

impl Remediation {
    pub(super) fn read(mut properties: Properties) -> Result<Self> {
        let target = properties.need_text("TargetType")?;
        ensure!(target == "SSM_DOCUMENT", "target type `{target}` is not modelled");
        let attempts = properties.number("MaximumAutomaticAttempts")?.unwrap_or(5);
        ensure!((1..=25).contains(&attempts), "`MaximumAutomaticAttempts` is from 1 to 25, not {attempts}");
        let retry_seconds = properties.number("RetryAttemptSeconds")?.unwrap_or(60);
        ensure!((1..=2_678_000).contains(&retry_seconds), "`RetryAttemptSeconds` is from 1 to 2678000");
        let parameters = match properties.take("Parameters") {
            None => Map::new(),
            Some(Value::Object(parameters)) => parameters,
            Some(other) => bail!("`Parameters` is not an object: `{other}`"),
        };
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| {
                let value = remediation_value(&value).with_context(|| format!("parameter `{name}`"))?;
                Ok((name, value))
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        let remediation = Self {
            rule: properties.need_text("ConfigRuleName")?,
            document: properties.need_text("TargetId")?,
            automatic: properties.flag("Automatic")?.unwrap_or(false),
            attempts,
            retry_seconds: i64::try_from(retry_seconds)?,
            parameters,
        };
        properties.unseen(&["ExecutionControls"], "how many run at once is the sandbox's own choice");
        properties.unseen(&["ResourceType", "TargetVersion"], "there is one resource type and one version");
        properties.finish()?;
        Ok(remediation)
    }
}

fn remediation_value(value: &Value) -> Result<RemediationValue> {
    let resource = value.get("ResourceValue").and_then(|value| value.get("Value")).and_then(Value::as_str);
    let fixed = value.get("StaticValue").and_then(|value| value.get("Values")).and_then(Value::as_array);
    match (resource, fixed) {
        (Some("RESOURCE_ID"), None) => Ok(RemediationValue::ResourceId),
        (None, Some(values)) => {
            ensure!(values.len() <= 25, "at most 25 static values");
            let mut texts = Vec::new();
            for value in values {
                let text = value.as_str().context("a static value is text")?;
                ensure!(text.chars().count() <= 256, "a static value has at most 256 characters");
                texts.push(text.to_owned());
            }
            Ok(RemediationValue::Static(texts))
        }
        _ => bail!("neither `ResourceValue` RESOURCE_ID nor `StaticValue`: `{value}`"),
    }
}

/// The content of an SSM document.
pub(super) fn document(mut properties: Properties) -> Result<Value> {
    let kind = properties.need_text("DocumentType")?;
    ensure!(kind == "Automation", "document type `{kind}` is not modelled");
    let content = match properties.need("Content")? {
        Value::String(text) => serde_json::from_str(&text).context("`Content` is not JSON")?,
        content => content,
    };
    properties.unseen(
        &["DocumentFormat", "Name", "Tags", "TargetType", "UpdateMethod", "VersionName"],
        "there is one version; the name is already read",
    );
    properties.finish()?;
    Ok(content)
}

/// One target of an `EventBridge` schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Name of the rule or schedule.
    pub name: String,
    /// `rate(…)` or `cron(…)`.
    pub expression: String,
    /// ARN of the function.
    pub function_arn: String,
    /// Role in which the function is invoked; without one its permissions decide.
    pub role_arn: Option<String>,
    /// A constant input; without one `EventBridge` sends its own event.
    pub input: Option<Value>,
}

/// One target of an `EventBridge` rule that waits for events.
#[derive(Clone, Debug)]
pub struct EventRule {
    /// Name of the rule.
    pub name: String,
    /// Which events it waits for.
    pub pattern: Pattern,
    /// ARN of the function.
    pub function_arn: String,
}

/// `AWS::Events::Rule`: a schedule, or a wait for events, for each of its targets.
pub(super) fn events_rule(name: &str, mut properties: Properties) -> Result<(Vec<Schedule>, Vec<EventRule>)> {
    let expression = properties.text("ScheduleExpression")?;
    let pattern = properties.take("EventPattern").map(|pattern| Pattern::parse(&pattern)).transpose()?;
    let state = properties.text("State")?.unwrap_or_else(|| "ENABLED".to_owned());
    ensure!(["ENABLED", "DISABLED"].contains(&state.as_str()), "state `{state}` of a rule is not modelled");
    let (mut schedules, mut rules) = (Vec::new(), Vec::new());
    for target in properties.list("Targets")? {
        let mut target = Properties::of(format!("{}, `Targets`", properties.place()), target)?;
        let function_arn = target.need_text("Arn")?;
        match (&expression, &pattern) {
            (Some(expression), None) => {
                let input = target.text("Input")?.map(|text| serde_json::from_str(&text)).transpose();
                schedules.push(Schedule {
                    name: name.to_owned(),
                    expression: expression.clone(),
                    function_arn,
                    role_arn: target.text("RoleArn")?,
                    input: input.context("`Input` is not JSON")?,
                });
            }
            (None, Some(pattern)) => {
                rules.push(EventRule { name: name.to_owned(), pattern: pattern.clone(), function_arn });
            }
            _ => bail!("a rule has either a `ScheduleExpression` or an `EventPattern`"),
        }
        target
            .unseen(&["Id", "RetryPolicy", "DeadLetterConfig"], "the way from EventBridge to Lambda never fails here");
        target.finish()?;
    }
    properties.unseen(&["Description", "Name"], "the name is already read");
    properties.finish()?;
    Ok(if state == "ENABLED" { (schedules, rules) } else { (Vec::new(), Vec::new()) })
}

impl Schedule {
    /// `AWS::Scheduler::Schedule`.
    pub(super) fn read_schedule(name: String, mut properties: Properties) -> Result<Option<Self>> {
        let expression = properties.need_text("ScheduleExpression")?;
        let enabled = properties.text("State")?.is_none_or(|state| state == "ENABLED");
        let mut target = properties.nested("Target")?.context("a schedule has a `Target`")?;
        let input = target.text("Input")?.map(|text| serde_json::from_str(&text)).transpose();
        let schedule = Self {
            name,
            expression,
            function_arn: target.need_text("Arn")?,
            role_arn: Some(target.need_text("RoleArn")?),
            input: input.context("`Input` is not JSON")?,
        };
        target.unseen(&["RetryPolicy", "DeadLetterConfig"], "delivery is played as a single attempt");
        target.finish()?;
        properties.unseen(&["Description", "Name", "ScheduleExpressionTimezone"], "the sandbox's day is UTC");
        properties.unseen(&["FlexibleTimeWindow"], "the time within the window is any");
        properties.finish()?;
        Ok(enabled.then_some(schedule))
    }
}

/// Hours of a `MaximumExecutionFrequency`; a rule without one runs every 24.
fn frequency(text: Option<&str>) -> Result<i64> {
    Ok(match text {
        None | Some("TwentyFour_Hours") => 24,
        Some("Twelve_Hours") => 12,
        Some("Six_Hours") => 6,
        Some("Three_Hours") => 3,
        Some("One_Hour") => 1,
        Some(other) => bail!("`{other}` is no frequency"),
    })
}
