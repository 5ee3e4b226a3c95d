//! JSON, for machines.

use serde::Serialize;
use serde_json::{Map, Value};

/// A document, indented, with a newline at its end.
///
/// # Errors
/// Nothing that is written here can fail to be; the library says that it could.
pub fn render(document: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// The same of a document without fields of its own, with its keys in the order of the alphabet: whether the library keeps
/// another order depends on what else is built with it.
///
/// # Errors
/// As [`render`].
pub fn render_sorted(document: &Value) -> anyhow::Result<String> {
    render(&sorted(document))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            Value::Object(fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
