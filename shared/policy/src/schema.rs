//! The JSON Schema of the policy's document, for editors that complete and check it as it is written.
//!
//! It says what single values may be. What depends on several, such as a warning shorter than an age, only
//! [`crate::policy::Policy::parse`] says.

use std::borrow::Cow;

use credwarden_credential::kind::CredentialKind;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::check::LONGEST;
use crate::creation::{ANY, Allowed, AtMost, MOST};
use crate::document::{Document, FORMAT, Limit, LimitsEntry, RemedyEntry};
use crate::remedy::{Mode, RemedyName, RuleName};
use crate::rotation::Delivery;
use crate::window::Weekday;

/// The schema of [`Document`], in JSON Schema 2020-12.
pub fn document_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>();
    schema.insert("title".to_owned(), "Credwarden policy".into());
    schema.to_value()
}

pub(crate) fn format(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "const": FORMAT })
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    /// As [`Limit`] is written and read: a number of days, or the word.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of days, or \"off\".",
            "oneOf": [{ "type": "integer", "minimum": 1, "maximum": LONGEST }, { "const": Self::OFF }]
        })
    }
}

impl JsonSchema for Allowed {
    fn schema_name() -> Cow<'static, str> {
        "Allowed".into()
    }

    /// As [`Allowed`] is written and read: a list of patterns, or the word.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Patterns, or \"any\".",
            "oneOf": [{ "type": "array", "items": { "type": "string", "minLength": 1 } }, { "const": ANY }]
        })
    }
}

impl JsonSchema for AtMost {
    fn schema_name() -> Cow<'static, str> {
        "AtMost".into()
    }

    /// As [`AtMost`] is written and read: a number of credentials, or the word.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of credentials, or \"any\".",
            "oneOf": [{ "type": "integer", "minimum": 0, "maximum": MOST }, { "const": ANY }]
        })
    }
}

pub(crate) fn kinds_of_users(generator: &mut SchemaGenerator) -> Schema {
    let at_most = generator.subschema_for::<AtMost>();
    by_name(CredentialKind::OF_USERS.iter().map(|kind| kind.as_str()), &at_most)
}

pub(crate) fn limits(generator: &mut SchemaGenerator) -> Schema {
    let entry = generator.subschema_for::<LimitsEntry>();
    let of_kinds = by_name(CredentialKind::ALL.iter().map(|kind| kind.as_str()), &entry);
    json_schema!({ "type": "object", "additionalProperties": of_kinds })
}

pub(crate) fn remedies(generator: &mut SchemaGenerator) -> Schema {
    let entry = generator.subschema_for::<RemedyEntry>();
    let of_classes = json_schema!({ "type": "object", "additionalProperties": entry });
    by_name(RuleName::ALL.iter().map(|rule| rule.as_str()), &of_classes)
}

pub(crate) fn remedy(_: &mut SchemaGenerator) -> Schema {
    one_of(RemedyName::of_findings().map(RemedyName::as_str))
}

pub(crate) fn delivery(_: &mut SchemaGenerator) -> Schema {
    one_of(Delivery::ALL.iter().map(|delivery| delivery.as_str()))
}

pub(crate) fn mode(_: &mut SchemaGenerator) -> Schema {
    one_of(Mode::ALL.iter().map(|mode| mode.as_str()))
}

pub(crate) fn days(_: &mut SchemaGenerator) -> Schema {
    let day = one_of(Weekday::ALL.iter().map(|day| day.as_str()));
    json_schema!({ "type": "array", "items": day, "minItems": 1 })
}

pub(crate) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
}

pub(crate) fn end_of_window(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" })
}

/// An object whose keys are `names` only, and whose values are as `value` says.
fn by_name(names: impl Iterator<Item = &'static str>, value: &Schema) -> Schema {
    let properties: serde_json::Map<String, Value> =
        names.map(|name| (name.to_owned(), value.clone().to_value())).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn one_of(names: impl Iterator<Item = &'static str>) -> Schema {
    json_schema!({ "enum": names.collect::<Vec<_>>() })
}
