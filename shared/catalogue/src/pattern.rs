//! Which events start a function.

use serde::Serialize;

/// A pattern of events of `CloudTrail`, as `EventBridge` writes it: every field must hold one of its values.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pattern {
    /// Such as `aws.iam`. Only AWS itself can send events of a source that begins so.
    pub source: &'static [&'static str],
    /// What kind of event it is.
    pub detail_type: &'static [&'static str],
    /// The record of `CloudTrail`.
    pub detail: DetailPattern,
}

/// A pattern of records of `CloudTrail`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetailPattern {
    /// Such as `iam.amazonaws.com`.
    pub event_source: &'static [&'static str],
    /// The calls.
    pub event_name: &'static [&'static str],
    /// Whether the call failed.
    pub error_code: &'static [Exists],
}

/// Whether a field is there.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exists {
    /// It is.
    pub exists: bool,
}
