//! JSON, for machines.

use serde::Serialize;

/// A document, indented, with a newline at its end.
///
/// # Errors
/// Nothing that is written here can fail to be; the library says that it could.
pub fn render(document: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}
