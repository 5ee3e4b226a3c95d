//! What the proxy itself answers, and what it reads out of the answers of others.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, SERVER, TRANSFER_ENCODING},
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    call::{Answer, Call},
    http,
};

/// What concerns one connection only, or is written anew.
const NOT_PASSED_ON: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING];

/// The service's own words for a call that comes too fast.
pub(super) fn throttled(call: &Call) -> Answer {
    if call.speaks_query() {
        Answer::query_error(400, "Throttling", "Rate exceeded")
    } else {
        Answer::json_error(400, "ThrottlingException", "Rate exceeded")
    }
}

/// The service's own words for its own failure.
pub(super) fn failed(call: &Call, status: u16) -> Answer {
    let message = "The request processing has failed because of an unknown error, exception or failure.";
    match (call.speaks_query(), status) {
        (true, 503) => Answer::query_error(status, "ServiceUnavailable", message),
        (true, _) => Answer::query_error(status, "ServiceFailure", message),
        (false, 503) => Answer::json_error(status, "ServiceUnavailableException", message),
        (false, _) => Answer::json_error(status, "InternalServerError", message),
    }
}

/// An answer with its headers.
pub(super) fn whole(answer: Answer) -> http::Response {
    let Answer { status, content_type, error_type, body } = answer;
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some(value) = error_type.and_then(|error| HeaderValue::from_str(&error).ok()) {
        headers.insert("x-amzn-errortype", value);
    }
    http::Response { status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers, body }
}

/// A response whose date is the sandbox's: SDKs correct their clocks by it.
pub(super) fn dated(answer: http::Response, now: Timestamp) -> Response<Full<Bytes>> {
    let http::Response { status, mut headers, body } = answer;
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    if let Ok(value) = HeaderValue::from_str(&now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(DATE, value);
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// AWS's code of an error, in either protocol.
pub(super) fn error_code(status: u16, body: &[u8]) -> Option<String> {
    if status < 400 {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    if let Ok(Value::Object(members)) = serde_json::from_str(&text) {
        let code = members.get("__type")?.as_str()?;
        return code.rsplit('#').next().map(str::to_owned);
    }
    let (_, code) = text.split_once("<Code>")?;
    code.split_once("</Code>").map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_read_in_both_protocols() {
        let json = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}"#;
        assert_eq!(error_code(400, json).unwrap(), "ConditionalCheckFailedException");
        let xml = b"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        assert_eq!(error_code(404, xml).unwrap(), "NoSuchEntity");
        assert_eq!(error_code(200, xml), None);
    }

    #[test]
    fn the_date_of_an_answer_is_the_sandboxs() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let response = dated(whole(Answer::json(&Value::Null)), now);
        assert_eq!(response.headers()[DATE], "Mon, 21 Sep 2026 14:13:20 GMT");
    }
}
