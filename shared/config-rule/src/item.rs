use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde_json::Value;

use crate::{AccountId, EventError, Resource, fields::Fields};

/// What AWS Config recorded of a resource at a time: a configuration item.
///
/// Read from the event of a change or, where it did not fit, from the resource's history; both say the same. What
/// `configuration` holds depends on the resource's type
/// (the resource schemas in the repository `awslabs/aws-config-resource-schema`).
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationItem {
    /// The resource: `resourceType` and `resourceId`.
    pub resource: Resource,
    /// `resourceName`: for `AWS::IAM::User` the user's name. Not every type has one.
    pub name: Option<String>,
    /// `ARN`
    pub arn: Option<String>,
    /// `awsAccountId`, the account that has the resource.
    pub account_id: AccountId,
    /// `awsRegion`; `global` for resources of IAM.
    pub region: String,
    /// `configurationItemStatus`
    pub status: ItemStatus,
    /// `configurationItemCaptureTime`: when AWS Config recorded this. It orders the results about the resource.
    pub capture_time: Timestamp,
    /// `resourceCreationTime`, where AWS Config knows it.
    pub creation_time: Option<Timestamp>,
    /// The resource's tags.
    pub tags: BTreeMap<String, String>,
    /// `configuration`, usually an object; `null` when there is none. JSON text within a string is read.
    pub configuration: Value,
    /// `supplementaryConfiguration`, each part read like `configuration`.
    pub supplementary_configuration: BTreeMap<String, Value>,
    /// How the resource relates to others.
    pub relationships: Vec<Relationship>,
}

/// How a resource relates to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// For example `Is attached to CustomerManagedPolicy`.
    pub name: String,
    /// `resourceType` of the other resource.
    pub resource_type: String,
    /// `resourceId` of the other resource; absent where AWS Config only knows its name.
    pub resource_id: Option<String>,
    /// `resourceName` of the other resource.
    pub resource_name: Option<String>,
}

/// Whether a resource exists and is recorded (service model, `ConfigurationItemStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemStatus {
    /// `OK`: it exists and is recorded.
    Ok,
    /// `ResourceDiscovered`: it was found, and is recorded from now on.
    ResourceDiscovered,
    /// `ResourceNotRecorded`: it was found, but its type is not recorded.
    ResourceNotRecorded,
    /// `ResourceDeleted`
    ResourceDeleted,
    /// `ResourceDeletedNotRecorded`: it was deleted, and its type is not recorded.
    ResourceDeletedNotRecorded,
    /// A status that this crate does not know.
    Other(String),
}

impl ItemStatus {
    /// Whether a rule applies to a resource of this status: `OK` or `ResourceDiscovered`, nothing else, as in AWS's own
    /// examples (Config developer guide, "Managing Deleted Resources").
    pub fn is_applicable(&self) -> bool {
        match self {
            Self::Ok | Self::ResourceDiscovered => true,
            Self::ResourceNotRecorded | Self::ResourceDeleted | Self::ResourceDeletedNotRecorded | Self::Other(_) => {
                false
            }
        }
    }

    /// The status in AWS Config's own words.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ok => "OK",
            Self::ResourceDiscovered => "ResourceDiscovered",
            Self::ResourceNotRecorded => "ResourceNotRecorded",
            Self::ResourceDeleted => "ResourceDeleted",
            Self::ResourceDeletedNotRecorded => "ResourceDeletedNotRecorded",
            Self::Other(status) => status,
        }
    }
}

impl From<&str> for ItemStatus {
    fn from(status: &str) -> Self {
        match status {
            "OK" => Self::Ok,
            "ResourceDiscovered" => Self::ResourceDiscovered,
            "ResourceNotRecorded" => Self::ResourceNotRecorded,
            "ResourceDeleted" => Self::ResourceDeleted,
            "ResourceDeletedNotRecorded" => Self::ResourceDeletedNotRecorded,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ItemStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ConfigurationItem {
    /// Reads the item of an event.
    pub(crate) fn parse(fields: Fields<'_>) -> Result<Self, EventError> {
        let owned = |field| Ok(fields.optional_text(field)?.map(str::to_owned));
        let creation_time = match fields.optional_text("resourceCreationTime")? {
            Some(_) => Some(fields.timestamp("resourceCreationTime")?),
            None => None,
        };
        let supplementary = fields.object.get("supplementaryConfiguration").and_then(Value::as_object);
        Ok(Self {
            resource: fields.resource()?,
            name: owned("resourceName")?,
            arn: owned("ARN")?,
            account_id: fields.account_id("awsAccountId")?,
            region: fields.text("awsRegion")?.to_owned(),
            status: ItemStatus::from(fields.text("configurationItemStatus")?),
            capture_time: fields.timestamp("configurationItemCaptureTime")?,
            creation_time,
            tags: fields.texts("tags")?,
            configuration: fields.object.get("configuration").map(structured).unwrap_or_default(),
            supplementary_configuration: supplementary
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), structured(value)))
                .collect(),
            relationships: relationships(fields.object.get("relationships")),
        })
    }
}

/// A part of a configuration as an event has it: usually an object, but some have its text.
fn structured(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.filter(|value: &Value| value.is_object() || value.is_array()).unwrap_or_else(|| value.clone())
}

/// A part of a configuration as a resource's history has it: always text.
pub(crate) fn from_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The relationships of an event; one that names no other resource tells nothing.
fn relationships(value: Option<&Value>) -> Vec<Relationship> {
    let entries = value.and_then(Value::as_array).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let text = |field| entry.get(field).and_then(Value::as_str).map(str::to_owned);
            Some(Relationship {
                name: text("name")?,
                resource_type: text("resourceType")?,
                resource_id: text("resourceId"),
                resource_name: text("resourceName"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_an_object_or_its_text() {
        let check = |value: Value, expected: Value| assert_eq!(structured(&value), expected);
        check(json!({"a": 1}), json!({"a": 1}));
        check(json!(r#"{"a": 1}"#), json!({"a": 1}));
        check(json!("[1]"), json!([1]));
        check(json!("2026"), json!("2026"));
        check(json!("{"), json!("{"));
        check(json!(null), json!(null));
        assert_eq!(from_text("{"), json!("{"));
        assert_eq!(from_text("true"), json!(true));
    }

    #[test]
    fn a_status_says_what_aws_config_said() {
        for status in
            ["OK", "ResourceDiscovered", "ResourceNotRecorded", "ResourceDeleted", "ResourceDeletedNotRecorded", "New"]
        {
            assert_eq!(ItemStatus::from(status).to_string(), status);
            assert_eq!(ItemStatus::from(status).is_applicable(), matches!(status, "OK" | "ResourceDiscovered"));
        }
    }
}
