//! A resource's properties, taken one by one, so that what nobody took is an error.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// Properties of one resource, or of a part of one, with its place for errors.
#[derive(Debug)]
pub(super) struct Properties {
    place: String,
    rest: Map<String, Value>,
}

impl Properties {
    pub(super) fn new(place: String, rest: Map<String, Value>) -> Self {
        Self { place, rest }
    }

    /// A nested object's properties.
    pub(super) fn of(place: String, value: Value) -> Result<Self> {
        match value {
            Value::Object(rest) => Ok(Self { place, rest }),
            other => bail!("{place}: expected an object, found `{other}`"),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name)
    }

    pub(super) fn need(&mut self, name: &str) -> Result<Value> {
        self.take(name).with_context(|| format!("{}: property `{name}` is missing", self.place))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => bail!("{}: property `{name}` is not text: `{other}`", self.place),
        }
    }

    pub(super) fn need_text(&mut self, name: &str) -> Result<String> {
        self.text(name)?.with_context(|| format!("{}: property `{name}` is missing", self.place))
    }

    /// A number, which CloudFormation also takes as text.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let number = match self.take(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        Ok(Some(number.with_context(|| format!("{}: property `{name}` is not a whole number", self.place))?))
    }

    /// A truth value, which CloudFormation also takes as text.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(other) => bail!("{}: property `{name}` is neither true nor false: `{other}`", self.place),
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(other) => bail!("{}: property `{name}` is not a list: `{other}`", self.place),
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        let place = format!("{}: property `{name}`", self.place);
        let values = self.list(name)?;
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            other => bail!("{place} holds `{other}`, which is not text"),
        };
        values.into_iter().map(text).collect()
    }

    pub(super) fn nested(&mut self, name: &str) -> Result<Option<Self>> {
        let place = format!("{}, `{name}`", self.place);
        self.take(name).map(|value| Self::of(place, value)).transpose()
    }

    /// Leaves out properties that cannot show in the sandbox; `reason` says why not.
    pub(super) fn unseen(&mut self, names: &[&str], _reason: &str) {
        for name in names {
            self.rest.remove(*name);
        }
    }

    /// Ends the reading: whatever is left is not modelled.
    pub(super) fn finish(self) -> Result<()> {
        let left: Vec<_> = self.rest.keys().map(|name| format!("`{name}`")).collect();
        if !left.is_empty() {
            bail!("{}: not modelled by the sandbox: {}", self.place, left.join(", "));
        }
        Ok(())
    }
}
