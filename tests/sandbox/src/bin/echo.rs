//! A function for the tests of the machine: tells what it sees of its surroundings, and calls what it is told to.
//!
//! Payload: `{"calls": [[service, target or action, parameters]], "print": text, "panic": bool, "sleep_ms": n}`.

use std::{env, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    if let Some(text) = payload.get("print").and_then(Value::as_str) {
        #[expect(clippy::print_stdout, reason = "what a function prints is its log")]
        {
            println!("{text}");
        }
    }
    if payload.get("fail") == Some(&Value::Bool(true)) {
        return Err("told to fail".into());
    }
    if let Some(milliseconds) = payload.get("sleep_ms").and_then(Value::as_u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let mut answers = Vec::new();
    for call in payload.get("calls").and_then(Value::as_array).into_iter().flatten() {
        answers.push(self::call(call).await.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
    #[expect(clippy::disallowed_methods, reason = "the process's own clock is what it is asked for")]
    let now = Timestamp::now();
    Ok(json!({
        "now": now.as_second(),
        "seconds_left": context.deadline / 1000 - u64::try_from(now.as_second())?,
        "arn": context.invoked_function_arn,
        "process": std::process::id(),
        "color": variable("COLOR"),
        "answers": answers,
    }))
}

/// `[service, target or action, parameters]`: parameters are an object (JSON protocol) or a form's text.
async fn call(call: &Value) -> Result<Value, Error> {
    let [service, action, parameters] = call.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("a call has three parts".into());
    };
    let (service, action) = (service.as_str().unwrap_or_default(), action.as_str().unwrap_or_default());
    let request = Request::post(variable("AWS_ENDPOINT_URL")).header(
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_REGION"),
        ),
    );
    let request = match parameters.as_str() {
        Some(form) => request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(format!("Action={action}&Version=2010-05-08&{form}"))))?,
        None => request
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", action)
            .body(Full::new(Bytes::from(parameters.to_string())))?,
    };
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
    let status = response.status().as_u16();
    let date = response.headers().get("date").and_then(|date| date.to_str().ok()).unwrap_or_default().to_owned();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(json!({ "status": status, "date": date, "body": String::from_utf8_lossy(&body) }))
}

fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "its environment is what the test asks it for")]
    env::var(name).unwrap_or_default()
}
