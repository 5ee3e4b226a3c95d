//! `aws:branch`: which step comes next.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::references::References;

/// A choice of a branch: where it leads and when.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) next: String,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    Test { variable: String, operator: Operator, operand: Value },
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    EqualsIgnoreCase,
    StartsWith,
    EndsWith,
    Contains,
    NumericEquals,
    BooleanEquals,
}

impl Choice {
    pub(super) fn parse(choice: &Value) -> Result<Self> {
        let next = choice.get("NextStep").and_then(Value::as_str).context("a choice has a `NextStep`")?;
        Ok(Self { next: next.to_owned(), condition: Condition::parse(choice)? })
    }

    pub(super) fn holds(&self, references: &References) -> Result<bool> {
        self.condition.holds(references)
    }
}

impl Condition {
    fn parse(condition: &Value) -> Result<Self> {
        let members = condition.as_object().context("a choice is an object")?;
        let list = |value: &Value| {
            value.as_array().context("expected a list of conditions")?.iter().map(Self::parse).collect::<Result<_>>()
        };
        if let Some(inner) = members.get("And") {
            return Ok(Self::And(list(inner)?));
        }
        if let Some(inner) = members.get("Or") {
            return Ok(Self::Or(list(inner)?));
        }
        if let Some(inner) = members.get("Not") {
            return Ok(Self::Not(Box::new(Self::parse(inner)?)));
        }
        let variable = members.get("Variable").and_then(Value::as_str).context("a choice has a `Variable`")?;
        let mut tests = members.iter().filter(|(name, _)| *name != "Variable" && *name != "NextStep");
        let (name, operand) = tests.next().context("a choice has an operator")?;
        ensure!(tests.next().is_none(), "a choice has one operator");
        let operator = match name.as_str() {
            "StringEquals" => Operator::StringEquals,
            "EqualsIgnoreCase" => Operator::EqualsIgnoreCase,
            "StartsWith" => Operator::StartsWith,
            "EndsWith" => Operator::EndsWith,
            "Contains" => Operator::Contains,
            "NumericEquals" => Operator::NumericEquals,
            "BooleanEquals" => Operator::BooleanEquals,
            other => bail!("operator `{other}` of a branch is not played by the sandbox"),
        };
        Ok(Self::Test { variable: variable.to_owned(), operator, operand: operand.clone() })
    }

    fn holds(&self, references: &References) -> Result<bool> {
        match self {
            Self::And(inner) => inner.iter().try_fold(true, |all, one| Ok(one.holds(references)? && all)),
            Self::Or(inner) => inner.iter().try_fold(false, |any, one| Ok(one.holds(references)? || any)),
            Self::Not(inner) => Ok(!inner.holds(references)?),
            Self::Test { variable, operator, operand } => {
                let value = references.fill(&Value::String(variable.clone()))?;
                let operand = references.fill(operand)?;
                let (text, against) = (as_text(&value), as_text(&operand));
                Ok(match operator {
                    Operator::StringEquals => text == against,
                    Operator::EqualsIgnoreCase => text.eq_ignore_ascii_case(&against),
                    Operator::StartsWith => text.starts_with(&against),
                    Operator::EndsWith => text.ends_with(&against),
                    Operator::Contains => text.contains(&against),
                    Operator::NumericEquals => value.as_f64().is_some() && value.as_f64() == operand.as_f64(),
                    Operator::BooleanEquals => value.as_bool().is_some() && value.as_bool() == operand.as_bool(),
                })
            }
        }
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
