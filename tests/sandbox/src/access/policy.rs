//! Policy documents and what they decide.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::condition::Condition;
use super::pattern::{action_matches, arn_matches};

/// What is known of a request under IAM's condition keys; a key that is absent was not part of the request.
pub(super) type Context = BTreeMap<String, Option<String>>;

/// One policy of a role.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    allows: bool,
    actions: Scoped,
    resources: Scoped,
    conditions: Vec<Condition>,
}

/// The patterns of `Action` or `Resource`, or of their negations.
#[derive(Debug)]
struct Scoped {
    patterns: Vec<String>,
    negated: bool,
}

/// What one policy says of one action on one resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// A statement denies it.
    Denied,
    /// These statements allow it: their places, and the action as each writes it.
    Allowed(Vec<(usize, String)>),
    /// No statement speaks of it.
    Silent,
}

impl Policy {
    pub(super) fn parse(name: &str, document: &Value) -> Result<Self> {
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => bail!("a policy has a list of statements"),
        };
        let statements = statements.into_iter().map(Statement::parse).collect::<Result<_>>()?;
        Ok(Self { name: name.to_owned(), statements })
    }

    /// Every action that a statement allows, with the statement's place.
    pub(super) fn grants(&self) -> impl Iterator<Item = (usize, &str)> {
        self.statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| statement.allows)
            .flat_map(|(at, statement)| statement.actions.patterns.iter().map(move |action| (at, action.as_str())))
    }

    pub(super) fn decide(&self, action: &str, resource: &str, context: &Context) -> Result<Decision> {
        let mut allowed = Vec::new();
        let mut denied = false;
        for (at, statement) in self.statements.iter().enumerate() {
            let Some(pattern) = statement.actions.find(action, action_matches) else { continue };
            if statement.resources.find(resource, arn_matches).is_none() || !statement.met(context)? {
                continue;
            }
            if statement.allows {
                allowed.push((at, pattern));
            } else {
                denied = true;
            }
        }
        Ok(match (denied, allowed.is_empty()) {
            (true, _) => Decision::Denied,
            (false, false) => Decision::Allowed(allowed),
            (false, true) => Decision::Silent,
        })
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Self> {
        let members = statement.as_object().context("a statement is an object")?;
        for element in members.keys() {
            ensure!(ELEMENTS.contains(&element.as_str()), "element `{element}` of a statement is not modelled");
        }
        let allows = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            other => bail!("`{other:?}` is no effect"),
        };
        let mut conditions = Vec::new();
        for (operator, tests) in members.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            for (key, values) in tests.as_object().context("a condition is an object")? {
                conditions.push(Condition::parse(operator, key, texts(values)?)?);
            }
        }
        Ok(Self {
            allows,
            actions: Scoped::parse(members.get("Action"), members.get("NotAction")).context("`Action`")?,
            resources: Scoped::parse(members.get("Resource"), members.get("NotResource")).context("`Resource`")?,
            conditions,
        })
    }

    fn met(&self, context: &Context) -> Result<bool> {
        self.conditions.iter().try_fold(true, |met, condition| Ok(condition.met(context)? && met))
    }
}

impl Scoped {
    fn parse(plain: Option<&Value>, negated: Option<&Value>) -> Result<Self> {
        let (values, negated) = match (plain, negated) {
            (Some(values), None) => (values, false),
            (None, Some(values)) => (values, true),
            _ => bail!("a statement has exactly one of an element and its negation"),
        };
        let patterns = texts(values)?;
        if let Some(variable) = patterns.iter().find(|pattern| pattern.contains("${")) {
            bail!("policy variables as in `{variable}` are not modelled");
        }
        Ok(Self { patterns, negated })
    }

    /// The pattern by which `text` is in scope; the whole list where it is negated.
    fn find(&self, text: &str, matches: fn(&str, &str) -> bool) -> Option<String> {
        let found = self.patterns.iter().find(|pattern| matches(pattern, text));
        match (found, self.negated) {
            (Some(pattern), false) => Some(pattern.clone()),
            (None, true) => Some(format!("not {}", self.patterns.join(", "))),
            _ => None,
        }
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> Result<Vec<String>> {
    let values = match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    };
    values.into_iter().map(text).collect()
}

fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => bail!("expected text, found `{other}`"),
    }
}

const ELEMENTS: [&str; 7] = ["Action", "Condition", "Effect", "NotAction", "NotResource", "Resource", "Sid"];
