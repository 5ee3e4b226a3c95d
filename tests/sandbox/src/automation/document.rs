//! Documents of schema 0.3, as far as they are played.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;
use serde_json::{Map, Value};

use super::branch::Choice;

/// A document that can be run.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) assume_role: Option<String>,
    parameters: BTreeMap<String, Parameter>,
    pub(super) steps: Vec<Step>,
    /// References such as `Step.Output`.
    pub(super) outputs: Vec<String>,
}

#[derive(Debug)]
struct Parameter {
    default: Option<Vec<String>>,
    allowed: Option<Regex>,
    allowed_values: Vec<String>,
    is_list: bool,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) action: Action,
    pub(super) on_failure: OnFailure,
    pub(super) attempts: u64,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) is_end: bool,
    pub(super) next: Option<String>,
    /// AWS's text of the inputs, for the record.
    pub(super) inputs: Value,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// `aws:invokeLambdaFunction`
    InvokeLambda { function: String, payload: Value },
    /// `aws:approve`
    Approve { approvers: Value, least: usize },
    /// `aws:branch`
    Branch { choices: Vec<Choice>, default: Option<String> },
    /// `aws:executeScript` in Python.
    Script { handler: String, script: String, payload: Value },
}

/// What follows a step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    Abort,
    Continue,
    Step(String),
}

/// Why an execution is not started, under AWS's name of the exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Such as `InvalidAutomationExecutionParametersException`.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Rejected {}

impl Rejected {
    pub(super) fn no_document(name: &str) -> Self {
        let message = format!("An Automation document with the name {name} could not be found.");
        Self { code: "AutomationDefinitionNotFoundException".to_owned(), message }
    }

    pub(super) fn parameter(message: String) -> Self {
        Self { code: "InvalidAutomationExecutionParametersException".to_owned(), message }
    }
}

impl Document {
    pub(super) fn parse(content: &Value) -> Result<Self> {
        let mut fields = Fields::of("document", content)?;
        let version = fields.need_text("schemaVersion")?;
        ensure!(version == "0.3", "schema version `{version}` is not an Automation document's");
        fields.take("description");
        let assume_role = fields.text("assumeRole")?;
        let mut parameters = BTreeMap::new();
        if let Some(declared) = fields.take("parameters") {
            for (name, declared) in declared.as_object().context("`parameters` is an object")? {
                parameters.insert(name.clone(), Parameter::parse(name, declared)?);
            }
        }
        let steps = fields.take("mainSteps").context("`mainSteps` is missing")?;
        let steps = steps.as_array().context("`mainSteps` is a list")?;
        let steps = steps.iter().map(Step::parse).collect::<Result<Vec<_>>>()?;
        let outputs = fields.take("outputs");
        let outputs = outputs.iter().filter_map(Value::as_array).flatten();
        let outputs = outputs.filter_map(Value::as_str).map(str::to_owned).collect();
        fields.finish()?;
        let document = Self { assume_role, parameters, steps, outputs };
        document.check_targets()?;
        Ok(document)
    }

    pub(super) fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The step after another in the document's order.
    pub(super) fn after(&self, name: &str) -> Option<&Step> {
        self.steps.iter().skip_while(|step| step.name != name).nth(1)
    }

    fn check_targets(&self) -> Result<()> {
        for step in &self.steps {
            let branches = match &step.action {
                Action::Branch { choices, default } => {
                    choices.iter().map(|choice| &choice.next).chain(default.as_ref()).collect()
                }
                Action::Approve { .. } | Action::InvokeLambda { .. } | Action::Script { .. } => Vec::new(),
            };
            let failure = match &step.on_failure {
                OnFailure::Step(name) => Some(name),
                OnFailure::Abort | OnFailure::Continue => None,
            };
            for target in branches.into_iter().chain(&step.next).chain(failure) {
                ensure!(self.step(target).is_some(), "step `{}` leads to `{target}`, which is not there", step.name);
            }
        }
        Ok(())
    }

    /// The parameters of an execution: what is given, checked, and defaults for the rest.
    pub(super) fn accept(
        &self,
        mut given: BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<String>>, Rejected> {
        if let Some(unknown) = given.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err(Rejected::parameter(format!("Parameter \"{unknown}\" is not declared by the document.")));
        }
        let mut accepted = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            let values = given.remove(name).or_else(|| parameter.default.clone());
            let values = values.ok_or_else(|| Rejected::parameter(format!("Parameter \"{name}\" is required.")))?;
            parameter.check(name, &values)?;
            accepted.insert(name.clone(), values);
        }
        Ok(accepted)
    }
}

impl Parameter {
    fn parse(name: &str, declared: &Value) -> Result<Self> {
        let mut fields = Fields::of(&format!("parameter `{name}`"), declared)?;
        fields.take("description");
        let kind = fields.need_text("type")?;
        let is_list = match kind.as_str() {
            "String" | "AWS::IAM::Role::Arn" => false,
            "StringList" => true,
            other => bail!("type `{other}` of parameter `{name}` is not played"),
        };
        let allowed = fields.text("allowedPattern")?;
        let allowed = allowed.map(|pattern| Regex::new(&pattern)).transpose().context("`allowedPattern`")?;
        let parameter = Self {
            default: fields.take("default").map(|default| as_list(&default)),
            allowed,
            allowed_values: fields.take("allowedValues").map(|values| as_list(&values)).unwrap_or_default(),
            is_list,
        };
        fields.finish()?;
        Ok(parameter)
    }

    fn check(&self, name: &str, values: &[String]) -> Result<(), Rejected> {
        let refuse = |why: &str| Err(Rejected::parameter(format!("Parameter \"{name}\" {why}.")));
        if values.len() > MAX_VALUES || (!self.is_list && values.len() != 1) {
            return refuse("has a wrong number of values");
        }
        for value in values {
            if value.chars().count() > MAX_VALUE_CHARACTERS {
                return refuse("is too long");
            }
            if self.allowed.as_ref().is_some_and(|pattern| !pattern.is_match(value)) {
                return refuse("does not match its allowed pattern");
            }
            if !self.allowed_values.is_empty() && !self.allowed_values.contains(value) {
                return refuse("has none of its allowed values");
            }
        }
        Ok(())
    }
}

impl Step {
    fn parse(step: &Value) -> Result<Self> {
        let mut fields = Fields::of("step", step)?;
        let name = fields.need_text("name")?;
        fields.place = format!("step `{name}`");
        fields.take("description");
        let kind = fields.need_text("action")?;
        let inputs = fields.take("inputs").unwrap_or_default();
        let action = Action::parse(&name, &kind, &inputs)?;
        let on_failure = match fields.text("onFailure")?.as_deref() {
            None | Some("Abort") => OnFailure::Abort,
            Some("Continue") => OnFailure::Continue,
            Some(other) => match other.strip_prefix("step:") {
                Some(target) => OnFailure::Step(target.to_owned()),
                None => bail!("`onFailure: {other}` of step `{name}` is not played"),
            },
        };
        let whole = |value: Option<Value>| value.and_then(|value| value.as_u64());
        let timeout_seconds = whole(fields.take("timeoutSeconds"));
        if matches!(action, Action::InvokeLambda { .. }) {
            // The cap of AWS's document of this action, whatever the function's own limit.
            ensure!(timeout_seconds.is_none_or(|seconds| seconds <= 300), "step `{name}` may last at most 300 s");
        }
        let step = Self {
            action,
            on_failure,
            attempts: whole(fields.take("maxAttempts")).unwrap_or(1),
            timeout_seconds,
            is_end: fields.take("isEnd").and_then(|value| value.as_bool()).unwrap_or(false),
            next: fields.text("nextStep")?,
            inputs,
            name,
        };
        fields.take("isCritical");
        fields.finish()?;
        Ok(step)
    }
}

impl Action {
    fn parse(name: &str, kind: &str, inputs: &Value) -> Result<Self> {
        let mut fields = Fields::of(&format!("inputs of step `{name}`"), inputs)?;
        let action = match kind {
            "aws:invokeLambdaFunction" => Self::InvokeLambda {
                function: fields.need_text("FunctionName")?,
                payload: fields.take("InputPayload").unwrap_or_else(|| Value::Object(Map::new())),
            },
            "aws:approve" => {
                let approvers = fields.take("Approvers").with_context(|| format!("step `{name}` has `Approvers`"))?;
                let listed = approvers.as_array().map_or(0, Vec::len);
                ensure!((1..=MAX_APPROVERS).contains(&listed), "step `{name}` has 1 to {MAX_APPROVERS} approvers");
                let least = fields.take("MinRequiredApprovals").and_then(|least| least.as_u64()).unwrap_or(1);
                fields.text("Message")?;
                Self::Approve { approvers, least: usize::try_from(least)? }
            }
            "aws:branch" => {
                let choices = fields.take("Choices").context("a branch has `Choices`")?;
                let choices = choices.as_array().context("`Choices` is a list")?;
                Self::Branch {
                    choices: choices.iter().map(Choice::parse).collect::<Result<_>>()?,
                    default: fields.text("Default")?,
                }
            }
            "aws:executeScript" => {
                let runtime = fields.need_text("Runtime")?;
                ensure!(runtime.starts_with("python3"), "runtime `{runtime}` of step `{name}` is not played");
                Self::Script {
                    handler: fields.need_text("Handler")?,
                    script: fields.need_text("Script")?,
                    payload: fields.take("InputPayload").unwrap_or_else(|| Value::Object(Map::new())),
                }
            }
            other => bail!("action `{other}` of step `{name}` is not played by the sandbox"),
        };
        fields.finish()?;
        Ok(action)
    }

    /// AWS's name.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::InvokeLambda { .. } => "aws:invokeLambdaFunction",
            Self::Approve { .. } => "aws:approve",
            Self::Branch { .. } => "aws:branch",
            Self::Script { .. } => "aws:executeScript",
        }
    }
}

/// Fields of a part of a document; what nobody took is not played.
struct Fields {
    place: String,
    rest: Map<String, Value>,
}

impl Fields {
    fn of(place: &str, value: &Value) -> Result<Self> {
        let rest = value.as_object().with_context(|| format!("{place}: expected an object"))?.clone();
        Ok(Self { place: place.to_owned(), rest })
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => bail!("{}: `{name}` is not text: `{other}`", self.place),
        }
    }

    fn need_text(&mut self, name: &str) -> Result<String> {
        self.text(name)?.with_context(|| format!("{}: `{name}` is missing", self.place))
    }

    fn finish(self) -> Result<()> {
        let left: Vec<_> = self.rest.keys().map(|name| format!("`{name}`")).collect();
        ensure!(left.is_empty(), "{}: not played by the sandbox: {}", self.place, left.join(", "));
        Ok(())
    }
}

fn as_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(as_list).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Limit of `aws:approve`: "The maximum number of approvers is 10" (AWS Systems Manager, "`aws:approve`").
const MAX_APPROVERS: usize = 10;

/// Limits of `StartAutomationExecution`, from SSM's service model.
const MAX_VALUES: usize = 50;
const MAX_VALUE_CHARACTERS: usize = 512;
