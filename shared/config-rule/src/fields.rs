use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{AccountId, EventError, Resource};

/// The fields of one JSON object of an event, read so that every refusal names rule and field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) config_rule_name: Option<&'a str>,
    /// What is put before a field's name, for example `invokingEvent.`.
    pub(crate) within: &'static str,
    pub(crate) object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn text(&self, field: &str) -> Result<&'a str, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Err(self.refuse(format!("field `{}{field}` is missing", self.within))),
            Some(Value::String(text)) if text.is_empty() => {
                Err(self.refuse(format!("field `{}{field}` is empty", self.within)))
            }
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.refuse(format!("field `{}{field}` is not a string", self.within))),
        }
    }

    /// A text that may be absent, null or empty, which all mean the same.
    pub(crate) fn optional_text(&self, field: &str) -> Result<Option<&'a str>, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(_) => self.text(field).map(Some),
        }
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Err(self.refuse(format!("field `{}{field}` is missing", self.within))),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.refuse(format!("field `{}{field}` is neither true nor false", self.within))),
        }
    }

    /// Every version 1 means the same to this crate; a later minor version may only add.
    pub(crate) fn version(&self, field: &str) -> Result<(), EventError> {
        let version = self.text(field)?;
        if version.split('.').next() == Some("1") {
            return Ok(());
        }
        Err(self.refuse(format!("field `{}{field}` is `{version}`; only versions 1.x are known", self.within)))
    }

    /// The version of a message of which AWS's own examples have none: one that is there has to be known.
    pub(crate) fn optional_version(&self, field: &str) -> Result<(), EventError> {
        self.optional_text(field)?.map_or(Ok(()), |_| self.version(field))
    }

    pub(crate) fn account_id(&self, field: &str) -> Result<AccountId, EventError> {
        AccountId::parse(self.text(field)?)
            .ok_or_else(|| self.refuse(format!("field `{}{field}` is not twelve digits", self.within)))
    }

    pub(crate) fn timestamp(&self, field: &str) -> Result<Timestamp, EventError> {
        self.text(field)?
            .parse()
            .map_err(|_| self.refuse(format!("field `{}{field}` is not a time of RFC 3339", self.within)))
    }

    /// The resource that the fields `resourceType` and `resourceId` name.
    pub(crate) fn resource(&self) -> Result<Resource, EventError> {
        Resource::new(self.text("resourceType")?, self.text("resourceId")?)
            .map_err(|error| self.refuse(format!("fields `{0}resourceType` and `{0}resourceId`: {error}", self.within)))
    }

    /// The fields of an object within this one; `within` is the whole way to it.
    pub(crate) fn object(&self, field: &str, within: &'static str) -> Result<Self, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Err(self.refuse(format!("field `{}{field}` is missing", self.within))),
            Some(Value::Object(object)) => Ok(Self { within, object, ..*self }),
            Some(_) => Err(self.refuse(format!("field `{}{field}` is not an object", self.within))),
        }
    }

    /// A map of texts; absent or null is an empty one.
    pub(crate) fn texts(&self, field: &str) -> Result<BTreeMap<String, String>, EventError> {
        let refusal = || self.refuse(format!("field `{}{field}` is not a map of strings", self.within));
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(object)) => object
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or_else(refusal)?.to_owned())))
                .collect(),
            Some(_) => Err(refusal()),
        }
    }

    /// The object that a field holds as JSON text.
    pub(crate) fn json(&self, field: &str) -> Result<Map<String, Value>, EventError> {
        serde_json::from_str(self.text(field)?)
            .map_err(|_| self.refuse(format!("field `{}{field}` is not the text of a JSON object", self.within)))
    }

    /// The rule parameters, each a string. A Config rule without parameters may leave the field out.
    pub(crate) fn parameters(&self, field: &str) -> Result<BTreeMap<String, String>, EventError> {
        let object = match self.object.get(field) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::String(text)) if text.is_empty() => Map::new(),
            Some(_) => self.json(field)?,
        };
        object
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name, text)),
                _ => Err(self.refuse(format!("field `{field}`: parameter `{name}` is not a string"))),
            })
            .collect()
    }

    pub(crate) fn refuse(&self, problem: impl Into<String>) -> EventError {
        EventError::new(self.config_rule_name, problem)
    }
}
