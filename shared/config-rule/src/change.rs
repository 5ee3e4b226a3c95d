use std::{fmt, future::Future};

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{ConfigurationItem, Invocation, Judgement, Resource, event::Change};

/// How much earlier than the change the item of a resource's history may claim to be captured and still be that of the
/// change: where one of the two times is cut to whole seconds.
const CAPTURE_TIME_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// A custom rule of AWS Config that is evaluated when a resource changes.
///
/// [`run`](crate::run) takes it as [`OnChange`](crate::OnChange), or, when it is a [`Rule`](crate::Rule) too, as
/// [`OnScheduleAndChange`](crate::OnScheduleAndChange). It is only asked about resources that exist, are in the Config
/// rule's scope, and have one of its types; of every other one AWS Config is told `NOT_APPLICABLE`.
pub trait ChangeRule {
    /// The types of resources that the rule judges, for example `["AWS::IAM::User"]`; at least one, or the rule does not
    /// compile.
    const RESOURCE_TYPES: &'static [&'static str];

    /// The rule's parameters, as in [`Rule::Parameters`](crate::Rule::Parameters).
    type Parameters: DeserializeOwned;

    /// Why nothing could be said. Nothing is reported then, and AWS Lambda invokes again.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// Judges one resource as it is now.
    ///
    /// On [`Judgement::Unknown`] and [`Judgement::JudgedEarlier`] nothing is said of the resource, and an earlier result
    /// stays until the next change: give back an error if another attempt may do better.
    fn judge(
        &self,
        item: &ConfigurationItem,
        invocation: &Invocation<Self::Parameters>,
    ) -> impl Future<Output = Result<Judgement, Self::Error>>;
}

/// Why a rule does not apply to a resource that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotApplicable {
    LeftScope,
    Status(String),
    ResourceType,
    EvaluationMode(String),
}

impl NotApplicable {
    /// Why a rule for these resource types does not apply; nothing if it does.
    pub(crate) fn of(change: &Change, resource_types: &[&str]) -> Option<Self> {
        if let Some(mode) = &change.other_mode {
            return Some(Self::EvaluationMode(mode.clone()));
        }
        // INVARIANT (gone is not applicable): what does not exist, or is out of scope, keeps no result.
        if change.left_scope {
            return Some(Self::LeftScope);
        }
        if !change.status.is_applicable() {
            return Some(Self::Status(change.status.to_string()));
        }
        (!resource_types.contains(&change.resource.kind())).then_some(Self::ResourceType)
    }
}

impl fmt::Display for NotApplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftScope => f.write_str("it has left the rule's scope"),
            Self::Status(status) => write!(f, "its status is {status}"),
            Self::ResourceType => f.write_str("the rule does not judge its type"),
            Self::EvaluationMode(mode) => write!(f, "the evaluation mode is {mode}"),
        }
    }
}

/// A resource's history does not have what the resource has changed to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the history has no item of {resource} captured at {capture_time}, at most an earlier one")]
pub struct NotInHistory {
    /// The resource that has changed.
    pub resource: Resource,
    /// When AWS Config recorded the change.
    pub capture_time: Timestamp,
}

/// The item of an oversized change, out of what the history gave; an earlier one would have the rule judge what the
/// resource no longer is.
pub(crate) fn of_history(change: &Change, item: Option<ConfigurationItem>) -> Result<ConfigurationItem, NotInHistory> {
    item.filter(|item| item.resource == change.resource)
        .filter(|item| change.capture_time.duration_since(item.capture_time) < CAPTURE_TIME_TOLERANCE)
        .ok_or_else(|| NotInHistory { resource: change.resource.clone(), capture_time: change.capture_time })
}
