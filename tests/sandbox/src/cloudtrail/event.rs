//! The JSON of one event.

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{IAM_REGION, xml};
use crate::directory::Directory;
use crate::person::Person;
use crate::secrets;
use crate::template::Scope;

/// One call of IAM and its answer.
pub(super) struct Act<'a> {
    pub(super) who: &'a Person,
    pub(super) at: Timestamp,
    pub(super) action: &'a str,
    pub(super) parameters: &'a Value,
    pub(super) status: u16,
    pub(super) body: &'a str,
}

impl Act<'_> {
    /// The event: the members of recorded `CreateAccessKey` events of version 1.09.
    pub(super) fn event(&self, scope: &Scope, directory: &Directory, id: u64) -> Value {
        let failed = self.status >= 400;
        let mut event = json!({
            "eventVersion": "1.09",
            "userIdentity": self.who.user_identity(scope, directory, self.at),
            "eventTime": self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": "iam.amazonaws.com",
            "eventName": self.action,
            "awsRegion": IAM_REGION,
            "sourceIPAddress": self.who.source_address(),
            "userAgent": self.who.user_agent(),
            "requestParameters": self.request(),
            "responseElements": if failed { Value::Null } else { response(self.body) },
            "requestID": format!("00000000-0000-4000-8001-{id:012x}"),
            "eventID": format!("00000000-0000-4000-8002-{id:012x}"),
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": scope.account,
            "eventCategory": "Management",
        });
        if let (true, Some(members)) = (failed, event.as_object_mut()) {
            let code = xml::text(self.body, "Code").unwrap_or_else(|| "InternalFailure".to_owned());
            let message = xml::text(self.body, "Message").unwrap_or_default();
            members.insert("errorCode".to_owned(), exception_of(&code).into());
            members.insert("errorMessage".to_owned(), message.into());
        }
        event
    }

    /// `requestParameters`, which never hold a secret: null where nothing was given, as by somebody who creates a key for
    /// itself.
    fn request(&self) -> Value {
        let given = self.parameters.as_object().into_iter().flatten();
        let members: Map<_, _> = given
            .filter(|(name, _)| !secrets::FIELDS.contains(&name.as_str()))
            .map(|(name, value)| (lower_camel(name), typed(name, value)))
            .collect();
        if members.is_empty() { Value::Null } else { Value::Object(members) }
    }
}

/// Whether an action of IAM changes something.
pub(super) fn is_write(action: &str) -> bool {
    !READS.iter().any(|prefix| action.starts_with(prefix))
}

/// Parameters and answer of an action that creates a credential for `user`, or makes one active again.
pub(super) fn creation(action: &str, user: &str, id: &str, at: Timestamp) -> Result<(Value, String)> {
    let about = |members: Value| {
        let mut parameters = json!({ "UserName": user });
        if let (Some(all), Value::Object(more)) = (parameters.as_object_mut(), members) {
            all.extend(more);
        }
        parameters
    };
    let date = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let common = format!("<UserName>{user}</UserName><Status>Active</Status>");
    let service = "codecommit.amazonaws.com";
    let (parameters, answer) = match action {
        "CreateAccessKey" => (
            about(json!({})),
            format!("<AccessKey>{common}<AccessKeyId>{id}</AccessKeyId><CreateDate>{date}</CreateDate></AccessKey>"),
        ),
        "CreateLoginProfile" => (
            about(json!({ "PasswordResetRequired": "true" })),
            format!(
                "<LoginProfile><UserName>{user}</UserName><CreateDate>{date}</CreateDate>\
                 <PasswordResetRequired>true</PasswordResetRequired></LoginProfile>"
            ),
        ),
        "CreateServiceSpecificCredential" => (
            about(json!({ "ServiceName": service })),
            format!(
                "<ServiceSpecificCredential>{common}<CreateDate>{date}</CreateDate><ServiceName>{service}</ServiceName>\
                 <ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId></ServiceSpecificCredential>"
            ),
        ),
        "UploadSSHPublicKey" => (
            about(json!({ "SSHPublicKeyBody": "ssh-rsa AAAA" })),
            format!(
                "<SSHPublicKey>{common}<SSHPublicKeyId>{id}</SSHPublicKeyId><UploadDate>{date}</UploadDate>\
                 <SSHPublicKeyBody>ssh-rsa AAAA</SSHPublicKeyBody></SSHPublicKey>"
            ),
        ),
        "UploadSigningCertificate" => (
            about(json!({ "CertificateBody": "-----BEGIN CERTIFICATE-----" })),
            format!(
                "<Certificate>{common}<CertificateId>{id}</CertificateId><UploadDate>{date}</UploadDate></Certificate>"
            ),
        ),
        "UpdateAccessKey" => (about(json!({ "AccessKeyId": id, "Status": "Active" })), String::new()),
        "UpdateServiceSpecificCredential" => {
            (about(json!({ "ServiceSpecificCredentialId": id, "Status": "Active" })), String::new())
        }
        "UpdateSSHPublicKey" => (about(json!({ "SSHPublicKeyId": id, "Status": "Active" })), String::new()),
        "UpdateSigningCertificate" => (about(json!({ "CertificateId": id, "Status": "Active" })), String::new()),
        other => bail!("`{other}` creates no credential"),
    };
    Ok((parameters, format!("<{action}Result>{answer}</{action}Result>")))
}

/// `responseElements` out of an answer; null where the answer tells nothing.
fn response(body: &str) -> Value {
    let Some(result) = xml::result(body) else { return Value::Null };
    let Value::Object(mut members) = lowered(&result) else { return Value::Null };
    for member in members.values_mut() {
        if let Some(inner) = member.as_object_mut() {
            inner.retain(|name, _| !secrets::FIELDS.iter().any(|secret| lower_camel(secret) == *name));
        }
    }
    if members.is_empty() { Value::Null } else { Value::Object(members) }
}

fn lowered(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower = |(name, value): (&String, &Value)| {
                let value = if value.is_string() { typed(name, value) } else { lowered(value) };
                (lower_camel(name), value)
            };
            Value::Object(members.iter().map(lower).collect())
        }
        Value::Array(items) => items.iter().map(lowered).collect(),
        other => other.clone(),
    }
}

/// A text of the query protocol as CloudTrail writes it: dates in American, truth values and numbers as such.
fn typed(name: &str, value: &Value) -> Value {
    let Some(text) = value.as_str() else { return lowered(value) };
    match name {
        "PasswordResetRequired" => json!(text == "true"),
        "CredentialAgeDays" => text.parse::<u64>().map_or_else(|_| value.clone(), Value::from),
        "CreateDate" | "UploadDate" | "ExpirationDate" => {
            text.parse::<Timestamp>().map_or_else(|_| value.clone(), |at| american(at).into())
        }
        _ => value.clone(),
    }
}

/// `Jul 30, 2024 9:53:13 PM`, as recorded.
fn american(at: Timestamp) -> String {
    at.strftime("%b %-d, %Y %-I:%M:%S %p").to_string()
}

/// CloudTrail lowers the first letter and no more: recorded is `sSHPublicKeyId`.
pub(super) fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// CloudTrail names errors by their exception where IAM's answer shortens it; `AccessDenied` stays.
fn exception_of(code: &str) -> String {
    match code {
        "NoSuchEntity" | "LimitExceeded" | "EntityAlreadyExists" | "DeleteConflict" => format!("{code}Exception"),
        other => other.to_owned(),
    }
}

/// What begins the names of actions that change nothing.
const READS: [&str; 4] = ["Get", "List", "Generate", "Simulate"];
