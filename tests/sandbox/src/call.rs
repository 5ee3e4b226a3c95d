//! One call to AWS as the proxy parsed it, and who may answer or refuse it.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

/// One call of a function, or of a service acting for one, to AWS.
#[derive(Clone, Debug)]
pub struct Call {
    /// Counted from one since the sandbox started.
    pub number: u64,
    /// Sandbox time at which the call arrived.
    pub at: Timestamp,
    /// Whom the access key of the signature was given to: a function's name, `automation`, `person:<name>`.
    pub caller: String,
    /// The service's IAM prefix, such as `iam` or `dynamodb`.
    pub service: String,
    /// The IAM action, such as `iam:UpdateAccessKey`.
    pub action: String,
    /// The parameters under AWS's member names; the query protocol is un-flattened.
    pub parameters: Value,
}

/// What goes back over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Value of the header `content-type`.
    pub content_type: String,
    /// Value of the header `x-amzn-errortype`, where the protocol has one.
    pub error_type: Option<String>,
    /// The body as the SDK expects it.
    pub body: Bytes,
}

impl Answer {
    /// A result in the JSON protocol that Config, SSM and `DynamoDB` speak.
    pub fn json(result: &Value) -> Self {
        Self { status: 200, content_type: JSON.to_owned(), error_type: None, body: Bytes::from(result.to_string()) }
    }

    /// An error in the JSON protocol: `code` is AWS's name of the exception.
    pub fn json_error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": code, "message": message, "Message": message });
        Self {
            status,
            content_type: JSON.to_owned(),
            error_type: Some(code.to_owned()),
            body: Bytes::from(body.to_string()),
        }
    }

    /// A result in the query protocol.
    pub fn xml(body: &str) -> Self {
        let body = Bytes::from(body.to_owned());
        Self { status: 200, content_type: "text/xml".to_owned(), error_type: None, body }
    }

    /// An error in the query protocol that IAM, STS and SNS speak.
    pub fn query_error(status: u16, code: &str, message: &str) -> Self {
        let fault = if status >= 500 { "Receiver" } else { "Sender" };
        let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let body = format!(
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>{fault}</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        );
        Self { status, content_type: "text/xml".to_owned(), error_type: None, body: Bytes::from(body) }
    }

    /// The call's refusal in its service's protocol: `AccessDenied` (403), of SNS `AuthorizationError`, or
    /// `AccessDeniedException` (400).
    pub fn denied(call: &Call, message: &str) -> Self {
        if call.service == "sns" {
            Self::query_error(403, "AuthorizationError", message)
        } else if call.speaks_query() {
            Self::query_error(403, "AccessDenied", message)
        } else {
            Self::json_error(400, "AccessDeniedException", message)
        }
    }
}

impl Call {
    /// Whether its service speaks the query protocol (form in, XML out) and not the JSON protocol.
    pub fn speaks_query(&self) -> bool {
        matches!(self.service.as_str(), "iam" | "sts" | "sns")
    }
}

/// A service that the sandbox plays because no emulator does.
pub trait Player: Send + Sync {
    /// Answers the call, or `None` where the call belongs to somebody else.
    fn play(&self, call: &Call) -> Option<Answer>;

    /// Sees a call that was executed or refused, whoever answered it, and what was answered. Most look away.
    fn saw(&self, _call: &Call, _status: u16, _body: &[u8]) {}
}

/// Decides whether the caller's synthesized role allows a call.
pub trait Gate: Send + Sync {
    /// Lets the call pass, or says why not.
    fn check(&self, call: &Call) -> Result<(), Denied>;
}

/// A call that the caller's role does not allow; the text names caller, action and resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(
    /// The message in AWS's words: `User: … is not authorized to perform: … on resource: …`.
    pub String,
);

const JSON: &str = "application/x-amz-json-1.1";
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";
