//! Requests in the REST protocol with JSON: the operation is in method and path, parameters are in path, query and body.

use hyper::Method;
use serde_json::{Map, Value};

/// The operations that are known: IAM Access Analyzer's, as its service model has them. `{}` is the named parameter.
const OPERATIONS: [(&str, &str, &str, &str); 4] = [
    ("GET", "/analyzer", "ListAnalyzers", ""),
    ("GET", "/analyzer/{}", "GetAnalyzer", "analyzerName"),
    ("POST", "/findingv2", "ListFindingsV2", ""),
    ("GET", "/findingv2/{}", "GetFindingV2", "id"),
];

/// Services that speak this protocol.
pub(super) const SERVICES: [&str; 1] = ["access-analyzer"];

/// Operation and parameters. One that is not known is named by method and path, which nobody allows.
pub(super) fn read(method: &Method, path: &str, body: &[u8]) -> (String, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parameters = match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        parameters.insert(name.to_owned(), Value::String(decoded(value)));
    }
    for (of, pattern, operation, parameter) in OPERATIONS {
        if method.as_str() != of {
            continue;
        }
        let Some(prefix) = pattern.strip_suffix("{}") else {
            if path == pattern {
                return (operation.to_owned(), Value::Object(parameters));
            }
            continue;
        };
        if let Some(value) = path.strip_prefix(prefix).filter(|value| !value.is_empty() && !value.contains('/')) {
            parameters.insert(parameter.to_owned(), Value::String(decoded(value)));
            return (operation.to_owned(), Value::Object(parameters));
        }
    }
    (format!("{method} {path}"), Value::Object(parameters))
}

fn decoded(text: &str) -> String {
    urlencoding::decode(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn path_query_and_body_are_parameters() {
        let arn = "arn%3Aaws%3Aaccess-analyzer%3Aus-east-1%3A123456789012%3Aanalyzer%2Fone";
        let (operation, parameters) = read(&Method::GET, &format!("/findingv2/f-1?analyzerArn={arn}"), b"");
        assert_eq!(operation, "GetFindingV2");
        let arn = "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/one";
        assert_eq!(parameters, json!({ "id": "f-1", "analyzerArn": arn }));
        let (operation, parameters) = read(&Method::POST, "/findingv2", br#"{"analyzerArn":"a"}"#);
        assert_eq!((operation.as_str(), parameters), ("ListFindingsV2", json!({ "analyzerArn": "a" })));
    }

    #[test]
    fn what_is_not_known_keeps_its_own_name() {
        assert_eq!(read(&Method::DELETE, "/analyzer/one", b"").0, "DELETE /analyzer/one");
        assert_eq!(read(&Method::GET, "/analyzer/one/archive-rule", b"").0, "GET /analyzer/one/archive-rule");
    }
}
