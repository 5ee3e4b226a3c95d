//! `{{ references }}` in a document: parameters, outputs of steps, and what SSM itself knows of the execution.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// What references can stand for in one execution.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    values: BTreeMap<String, Value>,
}

impl References {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(name.into(), value.into());
    }

    pub(super) fn get(&self, name: &str) -> Result<&Value> {
        self.values.get(name).with_context(|| format!("`{{{{ {name} }}}}` has no value"))
    }

    /// The value with every reference replaced. A text that is one reference takes the reference's type.
    pub(super) fn fill(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::String(text) => match only_reference(text) {
                Some(name) => self.get(name)?.clone(),
                None => self.fill_text(text)?.into(),
            },
            Value::Array(values) => values.iter().map(|value| self.fill(value)).collect::<Result<Vec<_>>>()?.into(),
            Value::Object(members) => {
                let mut filled = Map::new();
                for (name, member) in members {
                    filled.insert(name.clone(), self.fill(member)?);
                }
                filled.into()
            }
            plain => plain.clone(),
        })
    }

    /// The text with every reference replaced by its text.
    pub(super) fn fill_text(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").context("a `{{` without its `}}`")?;
            filled.push_str(before);
            match self.get(name.trim())? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&other.to_string()),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn only_reference(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!name.contains("{{")).then(|| name.trim())
}
