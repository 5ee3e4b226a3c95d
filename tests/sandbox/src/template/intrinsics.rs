//! CloudFormation's intrinsic functions, pseudo parameters and conditions.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::Scope;

/// Resolves references within one template.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    scope: Scope,
    resources: &'a Map<String, Value>,
    parameters: Option<&'a Map<String, Value>>,
    conditions: Option<&'a Map<String, Value>>,
    mappings: Option<&'a Map<String, Value>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Map<String, Value>, scope: Scope) -> Result<Self> {
        let section = |name: &str| template.get(name).and_then(Value::as_object);
        Ok(Self {
            scope,
            resources: section("Resources").context("the template has no `Resources`")?,
            parameters: section("Parameters"),
            conditions: section("Conditions"),
            mappings: section("Mappings"),
        })
    }

    pub(super) fn resources(&self) -> &'a Map<String, Value> {
        self.resources
    }

    /// Whether a named condition of the template holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool> {
        let condition = self.conditions.and_then(|conditions| conditions.get(name));
        let condition = condition.with_context(|| format!("condition `{name}` is not defined"))?;
        self.holds(condition).with_context(|| format!("condition `{name}`"))
    }

    /// The value with every intrinsic function replaced by what it stands for.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Array(values) => {
                let values = values.iter().map(|value| self.resolve(value)).collect::<Result<Vec<_>>>()?;
                Ok(Value::Array(values.into_iter().filter(|value| !is_no_value(value)).collect()))
            }
            Value::Object(members) => self.resolve_object(members),
            plain => Ok(plain.clone()),
        }
    }

    fn resolve_object(&self, members: &Map<String, Value>) -> Result<Value> {
        let mut entries = members.iter();
        if let (Some((function, argument)), None) = (entries.next(), entries.next())
            && (function == "Ref" || function.starts_with("Fn::"))
        {
            return self.call(function, argument).with_context(|| format!("`{function}` of `{argument}`"));
        }
        let mut resolved = Map::new();
        for (name, member) in members {
            let member = self.resolve(member)?;
            if !is_no_value(&member) {
                resolved.insert(name.clone(), member);
            }
        }
        Ok(Value::Object(resolved))
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Value> {
        match (function, argument) {
            ("Ref", Value::String(id)) => self.reference(id),
            ("Fn::GetAtt", Value::String(path)) => {
                let (id, attribute) = path.split_once('.').context("expected `resource.attribute`")?;
                Ok(self.attribute(id, attribute)?.into())
            }
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(id), Value::String(attribute)] => Ok(self.attribute(id, attribute)?.into()),
                _ => bail!("expected a resource and an attribute"),
            },
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(variables)] => self.substitute(text, variables),
                _ => bail!("expected a text and its variables"),
            },
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), list] => {
                    let parts = self.texts(list)?;
                    Ok(parts.join(separator).into())
                }
                _ => bail!("expected a separator and a list"),
            },
            ("Fn::Select", Value::Array(parts)) => match parts.as_slice() {
                [index, list] => {
                    let index = self.text(index)?.parse::<usize>().context("the index is no number")?;
                    let Value::Array(list) = self.resolve(list)? else { bail!("expected a list") };
                    list.get(index).cloned().context("the list is shorter than the index")
                }
                _ => bail!("expected an index and a list"),
            },
            ("Fn::Split", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), text] => {
                    let text = self.text(text)?;
                    Ok(text.split(separator.as_str()).map(Value::from).collect())
                }
                _ => bail!("expected a separator and a text"),
            },
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    self.resolve(if self.condition(condition)? { then } else { otherwise })
                }
                _ => bail!("expected a condition and two values"),
            },
            ("Fn::FindInMap", Value::Array(path)) => {
                let path = self.texts(&Value::Array(path.clone()))?;
                let mut found = self.mappings.and_then(|mappings| mappings.get(path.first()?));
                for key in path.iter().skip(1) {
                    found = found.and_then(|value| value.get(key));
                }
                found.cloned().context("not in the mappings")
            }
            _ => bail!("not modelled by the sandbox"),
        }
    }

    fn holds(&self, condition: &Value) -> Result<bool> {
        let members = condition.as_object().context("a condition is an object")?;
        let (function, argument) = members.iter().next().context("a condition is not empty")?;
        match (function.as_str(), argument) {
            ("Condition", Value::String(name)) => self.condition(name),
            ("Fn::Equals", Value::Array(sides)) => match sides.as_slice() {
                [left, right] => Ok(self.text(left)? == self.text(right)?),
                _ => bail!("`Fn::Equals` compares two values"),
            },
            ("Fn::Not", Value::Array(inner)) => match inner.as_slice() {
                [inner] => Ok(!self.holds(inner)?),
                _ => bail!("`Fn::Not` takes one condition"),
            },
            ("Fn::And", Value::Array(inner)) => inner.iter().try_fold(true, |all, one| Ok(self.holds(one)? && all)),
            ("Fn::Or", Value::Array(inner)) => inner.iter().try_fold(false, |any, one| Ok(self.holds(one)? || any)),
            _ => bail!("`{function}` is not modelled by the sandbox"),
        }
    }

    fn reference(&self, id: &str) -> Result<Value> {
        if let Some(pseudo) = self.pseudo(id) {
            return Ok(pseudo);
        }
        if let Some(parameter) = self.parameters.and_then(|parameters| parameters.get(id)) {
            return parameter.get("Default").cloned().context("the parameter has no default");
        }
        Ok(self.physical_name(id)?.into())
    }

    fn pseudo(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::AccountId" => self.scope.account.as_str().into(),
            "AWS::Region" => self.scope.region.as_str().into(),
            "AWS::Partition" => "aws".into(),
            "AWS::StackName" => self.scope.stack.as_str().into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::StackId" => self.scope.arn("cloudformation", &format!("stack/{}/sandbox", self.scope.stack)).into(),
            "AWS::NoValue" => Value::String(NO_VALUE.to_owned()),
            _ => return None,
        })
    }

    /// What `Ref` gives: the name that the template sets, or one that CloudFormation would make up.
    pub(super) fn physical_name(&self, id: &str) -> Result<String> {
        let resource = self.resource(id)?;
        let kind = kind(resource)?;
        let (property, _) = naming(kind).with_context(|| format!("a reference to a `{kind}` is not modelled"))?;
        let named = resource.get("Properties").and_then(|properties| properties.get(property));
        let name = match named {
            Some(name) => self.text(name)?,
            None => format!("{}-{id}", self.scope.stack),
        };
        // `Ref` of these is the ARN.
        Ok(match kind {
            "AWS::SNS::Topic" => self.scope.arn("sns", &name),
            "AWS::IAM::ManagedPolicy" => self.scope.iam_arn(&format!("policy/{name}")),
            _ => name,
        })
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, id: &str, attribute: &str) -> Result<String> {
        let kind = kind(self.resource(id)?)?;
        let name = self.physical_name(id)?;
        let (_, arn) = naming(kind).with_context(|| format!("a reference to a `{kind}` is not modelled"))?;
        match (kind, attribute) {
            // AWS makes up the id of a rule; its ARN holds the id, not the name.
            ("AWS::Config::ConfigRule", "ConfigRuleId") => Ok(rule_id(&name)),
            ("AWS::Config::ConfigRule", "Arn") => Ok(super::rule_arn(&name, &self.scope)),
            ("AWS::IAM::Role", "Arn") => {
                let path = self.resource(id)?.get("Properties").and_then(|properties| properties.get("Path"));
                let path = path.map_or_else(|| Ok("/".to_owned()), |path| self.text(path))?;
                Ok(self.scope.iam_arn(&format!("role{path}{name}")))
            }
            (_, "Arn") if !arn.is_empty() => {
                let (service, resource) = arn.split_once(' ').context("malformed shape of an ARN")?;
                Ok(self.scope.arn(service, &resource.replace("{}", &name)))
            }
            _ => bail!("attribute `{attribute}` of `{id}` ({kind}) is not modelled by the sandbox"),
        }
    }

    fn resource(&self, id: &str) -> Result<&'a Value> {
        self.resources.get(id).with_context(|| format!("`{id}` is neither a resource nor a parameter"))
    }

    fn substitute(&self, text: &str, variables: &Map<String, Value>) -> Result<Value> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("a `${` without its `}`")?;
            out.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str("${");
                out.push_str(literal);
                out.push('}');
            } else if let Some(variable) = variables.get(name) {
                out.push_str(&self.text(variable)?);
            } else if let Some((id, attribute)) = name.split_once('.') {
                out.push_str(&self.attribute(id, attribute)?);
            } else {
                out.push_str(&as_text(&self.reference(name)?)?);
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out.into())
    }

    fn text(&self, value: &Value) -> Result<String> {
        as_text(&self.resolve(value)?)
    }

    fn texts(&self, list: &Value) -> Result<Vec<String>> {
        match self.resolve(list)? {
            Value::Array(values) => values.iter().map(as_text).collect(),
            other => bail!("expected a list, found `{other}`"),
        }
    }
}

fn as_text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => bail!("expected text, found `{other}`"),
    }
}

fn kind(resource: &Value) -> Result<&str> {
    resource.get("Type").and_then(Value::as_str).context("a resource has no `Type`")
}

/// An id in AWS's shape for a rule of that name, the same every time.
pub(super) fn rule_id(name: &str) -> String {
    let hash = name.bytes().fold(5_381_u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte));
    let digit = |place: u32| ALPHABET.chars().nth(usize::try_from((hash >> (place * 5)) % 32).ok()?);
    format!("config-rule-{}", (0..6).filter_map(digit).collect::<String>())
}

fn is_no_value(value: &Value) -> bool {
    value.as_str() == Some(NO_VALUE)
}

/// What `AWS::NoValue` resolves to until the member that holds it is left out.
const NO_VALUE: &str = "\u{0}AWS::NoValue";

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz234567";

/// For a type that is referred to: the property that holds its name, and service and resource of its ARN.
fn naming(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "AWS::Lambda::Function" => ("FunctionName", "lambda function:{}"),
        "AWS::IAM::Role" => ("RoleName", ""),
        "AWS::IAM::Policy" => ("PolicyName", ""),
        "AWS::IAM::ManagedPolicy" => ("ManagedPolicyName", ""),
        "AWS::Config::ConfigRule" => ("ConfigRuleName", ""),
        "AWS::SSM::Document" | "AWS::SSM::Parameter" => ("Name", ""),
        "AWS::DynamoDB::Table" => ("TableName", "dynamodb table/{}"),
        "AWS::Events::Rule" => ("Name", "events rule/{}"),
        "AWS::Scheduler::Schedule" => ("Name", "scheduler schedule/default/{}"),
        "AWS::Logs::LogGroup" => ("LogGroupName", "logs log-group:{}:*"),
        "AWS::SNS::Topic" => ("TopicName", ""),
        "AWS::SQS::Queue" => ("QueueName", "sqs {}"),
        _ => return None,
    })
}
