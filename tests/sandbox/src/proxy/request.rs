//! A request read as a call: service and caller from its signature, action and parameters from its protocol.

use hyper::{HeaderMap, Method, header::AUTHORIZATION};
use serde_json::{Map, Value};

use super::rest;

/// What a request says of itself.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// Access key id of the signature; empty where the request is not signed.
    pub(super) session: String,
    pub(super) service: String,
    pub(super) action: String,
    pub(super) parameters: Value,
}

/// Reads a request in the JSON, the query or the REST protocol.
pub(super) fn read(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Said {
    let (session, service) = signature(headers).unwrap_or_default();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let (operation, parameters) = match target.and_then(|target| target.rsplit_once('.')) {
        Some((_, operation)) => (operation.to_owned(), serde_json::from_slice(body).unwrap_or_default()),
        None if rest::SERVICES.contains(&service.as_str()) => rest::read(method, path, body),
        None => form(body),
    };
    Said { session, action: format!("{service}:{operation}"), service, parameters }
}

/// Access key id and service of `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
fn signature(headers: &HeaderMap) -> Option<(String, String)> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut scope = credential.split(',').next()?.split('/');
    let (key, _date, _region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    Some((key.to_owned(), service.to_owned()))
}

/// Action and parameters of the query protocol: `A.member.1=x` is the list `{"A": ["x"]}`, `A.entry.1.key=k` with
/// `A.entry.1.value=v` the map `{"A": {"k": "v"}}`, in which SNS writes `Name` and `Value`. Every scalar is a text, as it is on the wire.
fn form(body: &[u8]) -> (String, Value) {
    let text = String::from_utf8_lossy(body);
    let mut tree = Value::Object(Map::new());
    let mut action = String::new();
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        match (decoded(name).as_str(), decoded(value)) {
            ("Action", value) => action = value,
            ("Version", _) => {}
            (name, value) => put(&mut tree, name, value),
        }
    }
    (action, shaped(tree))
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    urlencoding::decode(&spaced).map_or_else(|_| spaced.clone(), std::borrow::Cow::into_owned)
}

fn put(tree: &mut Value, path: &str, value: String) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Value::Object(members) = tree else { return };
    if rest.is_empty() {
        members.insert(name.to_owned(), Value::String(value));
    } else {
        put(members.entry(name).or_insert_with(|| Value::Object(Map::new())), rest, value);
    }
}

fn shaped(tree: Value) -> Value {
    let Value::Object(mut members) = tree else { return tree };
    if members.len() == 1 {
        if let Some(items) = members.remove("member") {
            return Value::Array(numbered(items).map(shaped).collect());
        }
        if let Some(entries) = members.remove("entry") {
            return Value::Object(numbered(entries).filter_map(entry).collect());
        }
    }
    Value::Object(members.into_iter().map(|(name, value)| (name, shaped(value))).collect())
}

fn numbered(items: Value) -> impl Iterator<Item = Value> {
    let members = match items {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let mut items: Vec<(u64, Value)> =
        members.into_iter().filter_map(|(number, value)| Some((number.parse().ok()?, value))).collect();
    items.sort_by_key(|(number, _)| *number);
    items.into_iter().map(|(_, value)| value)
}

fn entry(entry: Value) -> Option<(String, Value)> {
    let Value::Object(mut members) = entry else { return None };
    let mut part = |name, in_sns| members.remove(name).or_else(|| members.remove(in_sns));
    let key = part("key", "Name")?.as_str()?.to_owned();
    Some((key, shaped(part("value", "Value")?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(headers: &HeaderMap, body: &[u8]) -> Said {
        super::read(&Method::POST, "/", headers, body)
    }

    fn headers(target: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let signature = "AWS4-HMAC-SHA256 Credential=ASIAX/20260921/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert(AUTHORIZATION, signature.parse().unwrap());
        if let Some(target) = target {
            headers.insert("x-amz-target", target.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_json_request_is_named_by_its_target_and_signature() {
        let said = read(&headers(Some("DynamoDB_20120810.GetItem")), br#"{"TableName":"t"}"#);
        assert_eq!(said.session, "ASIAX");
        assert_eq!(said.action, "dynamodb:GetItem");
        assert_eq!(said.parameters, json!({ "TableName": "t" }));
    }

    #[test]
    fn the_operation_is_what_follows_the_last_dot_of_a_target() {
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        assert_eq!(read(&headers(Some(target)), b"{}").action, "dynamodb:LookupEvents");
    }

    #[test]
    fn a_form_is_unflattened_into_lists_maps_and_structures() {
        let form = b"Action=Do&Version=1&Filter.member.2=Group&Filter.member.1=User&Name=a%2Bb+c\
            &Tags.member.1.Key=k&Tags.member.1.Value=v&Map.entry.1.key=x&Map.entry.1.value=y\
            &Sns.entry.1.Name=x&Sns.entry.1.Value.DataType=String";
        let said = read(&headers(None), form);
        assert_eq!(said.action, "dynamodb:Do");
        assert_eq!(
            said.parameters,
            json!({
                "Filter": ["User", "Group"],
                "Name": "a+b c",
                "Tags": [{ "Key": "k", "Value": "v" }],
                "Map": { "x": "y" },
                "Sns": { "x": { "DataType": "String" } },
            })
        );
    }

    #[test]
    fn an_unsigned_request_has_no_session() {
        assert_eq!(read(&HeaderMap::new(), b"").session, "");
    }
}
