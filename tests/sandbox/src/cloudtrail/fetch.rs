//! The JSON of an event that tells who fetched a secret.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::event::lower_camel;
use crate::directory::Directory;
use crate::person::Person;
use crate::template::Scope;

/// The call that fetches a secret.
pub(super) const ACTION: &str = "secretsmanager:GetSecretValue";

/// One call of `GetSecretValue` and its answer.
pub(super) struct Fetch<'a> {
    pub(super) who: &'a Person,
    pub(super) at: Timestamp,
    pub(super) parameters: &'a Value,
    pub(super) status: u16,
    pub(super) body: &'a str,
}

impl Fetch<'_> {
    /// The event: which secret is asked for, in whatever way the caller named it, and never its value. Of a call that was
    /// refused, access denied, not even that is told (AWS Secrets Manager User Guide, "Log entries for Secrets Manager
    /// operations").
    pub(super) fn event(&self, scope: &Scope, directory: &Directory, id: u64) -> Value {
        let error: Option<Value> = (self.status >= 400).then(|| serde_json::from_str(self.body).unwrap_or_default());
        let code = error.as_ref().map(|error| {
            let code = error.get("__type").and_then(Value::as_str).unwrap_or("InternalServiceError");
            code.rsplit('#')
                .next()
                .map_or("", |code| if code == "AccessDeniedException" { "AccessDenied" } else { code })
        });
        let asked = self.parameters.as_object().into_iter().flatten();
        let asked: Map<_, _> = asked.map(|(name, value)| (lower_camel(name), value.clone())).collect();
        let asked = if code == Some("AccessDenied") { Value::Null } else { Value::Object(asked) };
        let mut event = json!({
            "eventVersion": "1.09",
            "userIdentity": self.who.user_identity(scope, directory, self.at),
            "eventTime": self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "GetSecretValue",
            "awsRegion": scope.region,
            "sourceIPAddress": self.who.source_address(),
            "userAgent": self.who.user_agent(),
            "requestParameters": asked,
            "responseElements": Value::Null,
            "requestID": format!("00000000-0000-4000-8001-{id:012x}"),
            "eventID": format!("00000000-0000-4000-8002-{id:012x}"),
            "readOnly": true,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": scope.account,
            "eventCategory": "Management",
        });
        if let (Some(code), Some(members)) = (code, event.as_object_mut()) {
            members.insert("errorCode".to_owned(), code.into());
        }
        event
    }
}
