//! A request of an AWS client, read far enough to be counted and answered.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use serde_json::Value;

/// What is called, and with what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// Service and operation as IAM policies write them, such as `iam:ListUsers`.
    pub(crate) action: String,
    /// The parameters.
    pub(crate) parameters: Parameters,
}

/// Parameters of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parameters {
    /// Of the query protocol, flat as they come.
    Form(BTreeMap<String, String>),
    /// Of the JSON protocol.
    Json(Value),
}

impl Call {
    /// Reads a request of the JSON protocol by its target, one of Access Analyzer by its path, else of the query protocol,
    /// which only IAM speaks here.
    pub(crate) fn read(path: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        if path == "/analyzer" {
            return Self {
                action: "access-analyzer:ListAnalyzers".to_owned(),
                parameters: Parameters::Json(Value::Null),
            };
        }
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let Some((service, operation)) = target.and_then(|target| target.rsplit_once('.')) else {
            let mut form = form(body);
            let action = format!("iam:{}", form.remove("Action").unwrap_or_default());
            return Self { action, parameters: Parameters::Form(form) };
        };
        Self {
            action: format!("{}:{operation}", prefix(service)),
            parameters: Parameters::Json(serde_json::from_slice(body).unwrap_or_default()),
        }
    }

    /// The user that the call is about alone, if any.
    pub(crate) fn user(&self) -> Option<&str> {
        self.text("UserName")
    }

    /// A parameter that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.parameters {
            Parameters::Form(form) => form.get(name).map(String::as_str),
            Parameters::Json(value) => value.get(name).and_then(Value::as_str),
        }
    }

    /// A parameter that is a list.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        match &self.parameters {
            Parameters::Form(_) => &[],
            Parameters::Json(value) => value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice),
        }
    }

    /// A parameter that is a time of the JSON protocol, in whole seconds of Unix time.
    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        match &self.parameters {
            Parameters::Form(_) => None,
            #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
            Parameters::Json(value) => value.get(name)?.as_f64().map(|seconds| seconds as i64),
        }
    }

    /// A parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        match &self.parameters {
            Parameters::Form(form) => form.get(name)?.parse().ok(),
            Parameters::Json(value) => value.get(name)?.as_u64()?.try_into().ok(),
        }
    }
}

/// A service's prefix in policies, by its name in targets.
fn prefix(service: &str) -> &str {
    match service {
        "StarlingDoveService" => "config",
        "AmazonSSM" => "ssm",
        service if service.ends_with("CloudTrail_20131101") => "cloudtrail",
        service if service.starts_with("DynamoDB") => "dynamodb",
        service => service,
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        urlencoding::decode(&spaced).map_or_else(|_| spaced.clone(), std::borrow::Cow::into_owned)
    };
    let text = String::from_utf8_lossy(body);
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_target(target: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-amz-target".parse().unwrap(), target.parse().unwrap())])
    }

    #[test]
    fn a_call_is_named_as_policies_name_it() {
        let check = |target: &str, expected: &str| {
            assert_eq!(Call::read("/", &with_target(target), b"{}").action, expected);
        };
        check("StarlingDoveService.PutEvaluations", "config:PutEvaluations");
        check("AmazonSSM.GetParameter", "ssm:GetParameter");
        check("DynamoDB_20120810.GetItem", "dynamodb:GetItem");
        check("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", "cloudtrail:LookupEvents");
        assert_eq!(Call::read("/", &HeaderMap::new(), b"Action=ListUsers&Version=2010-05-08").action, "iam:ListUsers");
    }

    #[test]
    fn parameters_of_both_protocols_are_read_alike() {
        let form = Call::read("/", &HeaderMap::new(), b"Action=ListAccessKeys&UserName=a%2Bb+c&MaxItems=100");
        assert_eq!((form.user(), form.number("MaxItems"), form.list("UserName").len()), (Some("a+b c"), Some(100), 0));
        let body = json!({ "Limit": 100, "Evaluations": [1, 2], "NextToken": "from-100" }).to_string();
        let json = Call::read("/", &with_target("StarlingDoveService.PutEvaluations"), body.as_bytes());
        assert_eq!(
            (json.text("NextToken"), json.number("Limit"), json.list("Evaluations").len()),
            (Some("from-100"), Some(100), 2)
        );
    }
}
