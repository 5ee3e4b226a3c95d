//! Conditions of statements.

use anyhow::{Context as _, Result, bail};

use super::pattern::{arn_matches, matches};
use super::policy::Context;

/// One test: an operator, a condition key and the values any one of which is enough.
#[derive(Debug)]
pub(super) struct Condition {
    operator: Operator,
    negated: bool,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    ArnLike,
    Bool,
    Null,
}

impl Condition {
    pub(super) fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self> {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        // A request with several values of a key is asked for once for each of them, so all of them are looked at.
        let (name, if_exists) = match name.strip_prefix("ForAllValues:") {
            Some(name) => (name, true),
            None => (name, if_exists),
        };
        let (operator, negated) = match name {
            "StringEquals" => (Operator::StringEquals, false),
            "StringNotEquals" => (Operator::StringEquals, true),
            "StringEqualsIgnoreCase" => (Operator::StringEqualsIgnoreCase, false),
            "StringLike" => (Operator::StringLike, false),
            "StringNotLike" => (Operator::StringLike, true),
            "ArnEquals" | "ArnLike" => (Operator::ArnLike, false),
            "ArnNotEquals" | "ArnNotLike" => (Operator::ArnLike, true),
            "Bool" => (Operator::Bool, false),
            "Null" => (Operator::Null, false),
            _ => bail!("condition operator `{operator}` is not modelled by the sandbox"),
        };
        Ok(Self { operator, negated, if_exists, key: key.to_owned(), values })
    }

    /// Whether the request meets it. A key that the sandbox knows nothing of is an error, never a guess.
    pub(super) fn met(&self, context: &Context) -> Result<bool> {
        let known = context.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let (_, value) = known.with_context(|| format!("condition key `{}` is not modelled here", self.key))?;
        let Some(value) = value else {
            return Ok(match self.operator {
                Operator::Null => self.values.iter().any(|wanted| wanted == "true"),
                // An absent key meets a negated operator and one that ends in `IfExists`, nothing else.
                _ => self.negated || self.if_exists,
            });
        };
        let met = self.values.iter().any(|wanted| match self.operator {
            Operator::StringEquals => wanted == value,
            Operator::StringEqualsIgnoreCase | Operator::Bool => wanted.eq_ignore_ascii_case(value),
            Operator::StringLike => matches(wanted, value),
            Operator::ArnLike => arn_matches(wanted, value),
            Operator::Null => wanted == "false",
        });
        Ok(met != self.negated)
    }
}
