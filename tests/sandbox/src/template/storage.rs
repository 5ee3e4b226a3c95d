//! Parameters, tables and managed policies, which the emulator holds, and topics.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::Properties;

/// An SSM parameter as deployed.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name, with the leading slash.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The request of `ssm:PutParameter` that makes it.
    pub request: Value,
}

impl Parameter {
    pub(super) fn read(name: String, mut properties: Properties) -> Result<Self> {
        let value = properties.need_text("Value")?;
        let mut request = Map::new();
        request.insert("Name".to_owned(), name.as_str().into());
        request.insert("Value".to_owned(), value.as_str().into());
        request.insert("Type".to_owned(), properties.need_text("Type")?.into());
        let tier = properties.text("Tier")?.unwrap_or_else(|| "Standard".to_owned());
        let limit = if tier == "Advanced" { ADVANCED_BYTES } else { STANDARD_BYTES };
        ensure!(value.len() <= limit, "the value has {} bytes; tier `{tier}` holds {limit}", value.len());
        request.insert("Tier".to_owned(), tier.into());
        for property in ["AllowedPattern", "Description"] {
            if let Some(text) = properties.text(property)? {
                request.insert(property.to_owned(), text.into());
            }
        }
        properties.unseen(&["Name", "Tags"], "the name is already read; nothing reads tags");
        properties.finish()?;
        Ok(Self { name, value, request: Value::Object(request) })
    }
}

/// A `DynamoDB` table as deployed.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The request of `dynamodb:CreateTable` that makes it.
    pub request: Value,
    /// The attribute that says when an item expires.
    pub expires_by: Option<String>,
}

impl Table {
    pub(super) fn read(name: String, mut properties: Properties) -> Result<Self> {
        let mut request = Map::new();
        request.insert("TableName".to_owned(), name.as_str().into());
        for property in ["AttributeDefinitions", "KeySchema"] {
            request.insert(property.to_owned(), properties.need(property)?);
        }
        for property in ["BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "ProvisionedThroughput"] {
            if let Some(value) = properties.take(property) {
                request.insert(property.to_owned(), value);
            }
        }
        let expires_by = match properties.nested("TimeToLiveSpecification")? {
            None => None,
            Some(mut nested) => {
                let attribute = nested.text("AttributeName")?;
                let enabled = nested.flag("Enabled")?.context("`TimeToLiveSpecification` without `Enabled`")?;
                nested.finish()?;
                attribute.filter(|_| enabled)
            }
        };
        properties.unseen(
            &["DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification"],
            "protection of a table that lives as long as the sandbox",
        );
        properties
            .unseen(&["TableName", "Tags", "TableClass", "ContributorInsightsSpecification"], "no call shows them");
        properties.finish()?;
        Ok(Self { name, request: Value::Object(request), expires_by })
    }

    /// The part of an item that is its key.
    pub fn key_of(&self, item: &Value) -> Value {
        let schema = self.request.get("KeySchema").and_then(Value::as_array).into_iter().flatten();
        let names = schema.filter_map(|part| part.get("AttributeName").and_then(Value::as_str));
        names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect::<Map<_, _>>().into()
    }

    /// The request of `dynamodb:UpdateTimeToLive`, where items expire.
    pub fn time_to_live(&self) -> Option<Value> {
        let attribute = self.expires_by.as_ref()?;
        let specification = json!({ "AttributeName": attribute, "Enabled": true });
        Some(json!({ "TableName": self.name, "TimeToLiveSpecification": specification }))
    }
}

/// Reads a managed policy's document, which is attached later, to its last property.
pub(super) fn managed_policy(mut properties: Properties) -> Result<Value> {
    let document = properties.need("PolicyDocument")?;
    properties.unseen(&["ManagedPolicyName"], "the name is already read");
    properties.unseen(&["Description", "Path"], "it is for people; the path is the root");
    properties.finish()?;
    Ok(document)
}

/// Reads an SNS topic to its last property.
pub(super) fn topic(mut properties: Properties) -> Result<()> {
    properties.unseen(&["TopicName"], "the name is already read");
    properties.unseen(&["KmsMasterKeyId", "DisplayName", "Tags"], "messages are kept as they are");
    properties.finish()
}

/// Size limits of a parameter's value, from SSM's quotas.
const STANDARD_BYTES: usize = 4_096;
const ADVANCED_BYTES: usize = 8_192;
