//! `EventBridge` event patterns: the operators that are played, every other refused.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A pattern. An event matches when every field of the pattern does.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<(String, Field)>);

#[derive(Clone, Debug)]
enum Field {
    Inner(Pattern),
    /// Any one of them.
    Leaf(Vec<Test>),
}

#[derive(Clone, Debug)]
enum Test {
    Exactly(Value),
    Exists(bool),
    Prefix(String),
    AnythingBut(Vec<Value>),
}

impl Pattern {
    /// Reads a pattern; an operator that is not played is an error that names it.
    pub fn parse(pattern: &Value) -> Result<Self> {
        let fields = pattern.as_object().context("an event pattern is an object")?;
        let mut parsed = Vec::new();
        for (name, value) in fields {
            if name.starts_with('$') {
                bail!("operator `{name}` of an event pattern is not modelled by the sandbox");
            }
            let field = match value {
                Value::Object(_) => Field::Inner(Self::parse(value).with_context(|| format!("field `{name}`"))?),
                Value::Array(tests) => {
                    let tests = tests.iter().map(Test::parse).collect::<Result<_>>();
                    Field::Leaf(tests.with_context(|| format!("field `{name}`"))?)
                }
                _ => bail!("field `{name}` of an event pattern is neither an object nor a list"),
            };
            parsed.push((name.clone(), field));
        }
        Ok(Self(parsed))
    }

    /// Whether an event matches.
    pub fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, field)| match (field, event.get(name)) {
            (Field::Inner(inner), Some(found @ Value::Object(_))) => inner.matches(found),
            // What is absent, or no object, has none of the fields that are asked about.
            (Field::Inner(inner), _) => inner.matches(&Value::Null),
            (Field::Leaf(tests), found) => tests.iter().any(|test| test.holds(found)),
        })
    }
}

impl Test {
    fn parse(test: &Value) -> Result<Self> {
        let Value::Object(operators) = test else { return Ok(Self::Exactly(test.clone())) };
        let mut operators = operators.iter();
        let (Some((operator, value)), None) = (operators.next(), operators.next()) else {
            bail!("a test of an event pattern has one operator: `{test}`");
        };
        Ok(match (operator.as_str(), value) {
            ("exists", Value::Bool(exists)) => Self::Exists(*exists),
            ("prefix", Value::String(prefix)) => Self::Prefix(prefix.clone()),
            ("anything-but", Value::Array(values)) if values.iter().all(is_scalar) => Self::AnythingBut(values.clone()),
            ("anything-but", value) if is_scalar(value) => Self::AnythingBut(vec![value.clone()]),
            _ => bail!("operator `{test}` of an event pattern is not modelled by the sandbox"),
        })
    }

    /// A list in an event matches where one of its items does. `exists` is of leaves only, as AWS's guide says.
    fn holds(&self, found: Option<&Value>) -> bool {
        let leaves: Vec<&Value> = match found {
            None | Some(Value::Object(_)) => Vec::new(),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(leaf) => vec![leaf],
        };
        match self {
            Self::Exactly(wanted) => leaves.contains(&wanted),
            Self::Exists(wanted) => leaves.is_empty() != *wanted,
            Self::Prefix(prefix) => {
                leaves.iter().any(|leaf| leaf.as_str().is_some_and(|text| text.starts_with(prefix)))
            }
            Self::AnythingBut(values) => leaves.iter().any(|leaf| !values.contains(leaf)),
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(pattern: &Value, event: &Value, expected: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(event), expected, "{pattern} on {event}");
    }

    #[test]
    fn every_field_must_match_with_any_of_its_values() {
        let pattern =
            json!({ "source": ["aws.iam"], "detail": { "eventName": ["CreateAccessKey", "UpdateAccessKey"] } });
        check(&pattern, &json!({ "source": "aws.iam", "detail": { "eventName": "UpdateAccessKey" } }), true);
        check(&pattern, &json!({ "source": "aws.iam", "detail": { "eventName": "DeleteAccessKey" } }), false);
        check(&pattern, &json!({ "source": "aws.sts", "detail": { "eventName": "UpdateAccessKey" } }), false);
        check(&pattern, &json!({ "source": "aws.iam" }), false);
        check(&json!({ "resources": ["b"] }), &json!({ "resources": ["a", "b"] }), true);
        check(&json!({ "readOnly": [false], "request": [null] }), &json!({ "readOnly": false, "request": null }), true);
    }

    #[test]
    fn exists_asks_for_the_presence_of_a_leaf() {
        let absent = json!({ "detail": { "errorCode": [{ "exists": false }] } });
        check(&absent, &json!({ "detail": { "eventName": "X" } }), true);
        check(&absent, &json!({}), true);
        check(&absent, &json!({ "detail": { "errorCode": "AccessDenied" } }), false);
        check(&absent, &json!({ "detail": { "errorCode": null } }), false);
        let present = json!({ "detail": { "errorCode": [{ "exists": true }] } });
        check(&present, &json!({ "detail": { "errorCode": "AccessDenied" } }), true);
        check(&present, &json!({ "detail": {} }), false);
    }

    #[test]
    fn prefix_and_anything_but_need_the_field() {
        let prefix = json!({ "name": [{ "prefix": "Create" }, { "prefix": "Upload" }] });
        check(&prefix, &json!({ "name": "UploadSSHPublicKey" }), true);
        check(&prefix, &json!({ "name": "DeleteUser" }), false);
        check(&prefix, &json!({}), false);
        let but = json!({ "name": [{ "anything-but": ["a", "b"] }], "kind": [{ "anything-but": "x" }] });
        check(&but, &json!({ "name": "c", "kind": "y" }), true);
        check(&but, &json!({ "name": "a", "kind": "y" }), false);
        check(&but, &json!({ "kind": "y" }), false);
    }

    #[test]
    fn an_operator_that_is_not_played_is_an_error_that_names_it() {
        for (pattern, name) in [
            (json!({ "a": { "b": [{ "suffix": ".png" }] } }), "suffix"),
            (json!({ "a": [{ "anything-but": { "prefix": "x" } }] }), "anything-but"),
            (json!({ "$or": [] }), "$or"),
            (json!({ "a": "b" }), "`a`"),
        ] {
            let error = format!("{:#}", Pattern::parse(&pattern).unwrap_err());
            assert!(error.contains(name), "{error}");
        }
    }
}
