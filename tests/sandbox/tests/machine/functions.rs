//! Functions as processes over the Runtime API.

use std::path::Path;

use credwarden_sandbox::functions::{Ended, FunctionError};
use jiff::SignedDuration;
use serde_json::json;

use crate::{BEGIN, DAY, ECHO, Machine, answered};

#[tokio::test]
async fn a_process_sees_the_sandboxs_time_also_after_a_jump() {
    let machine = Machine::start().await;
    let first = answered(&machine.invoke(json!({})).await);
    let since = first["now"].as_i64().unwrap() - BEGIN;
    assert!((0..600).contains(&since), "{first}");
    assert!((50..=60).contains(&first["seconds_left"].as_i64().unwrap()), "{first}");
    machine.clock.advance(SignedDuration::from_hours(24 * 180)).unwrap();
    machine.emulator.follow(&machine.clock).await.unwrap();
    let call = json!({ "calls": [["iam", "GetUser", "UserName=alice"]] });
    let second = answered(&machine.invoke(call).await);
    assert_eq!(second["process"], first["process"], "the same process, warm");
    let since = second["now"].as_i64().unwrap() - BEGIN - 180 * DAY;
    assert!((0..600).contains(&since), "{second}");
    assert!(second["answers"][0]["date"].as_str().unwrap().contains("20 Mar 2027"), "{second}");
}

#[tokio::test]
async fn a_process_gets_the_templates_environment_and_the_functions_arn() {
    let machine = Machine::start().await;
    let answer = answered(&machine.invoke(json!({})).await);
    assert_eq!(answer["color"], "green");
    assert_eq!(answer["arn"], "arn:aws:lambda:eu-west-1:123456789012:function:credwarden-echo");
}

#[tokio::test]
async fn invocations_at_once_have_processes_of_their_own_which_are_used_again() {
    let machine = Machine::start().await;
    let nap = || machine.invoke(json!({ "sleep_ms": 300 }));
    let (first, second) = tokio::join!(nap(), nap());
    assert_ne!(answered(&first)["process"], answered(&second)["process"]);
    assert_ne!(first.request_id, second.request_id);
    machine.invoke(json!({})).await;
    assert_eq!(machine.functions.started(), 2);
    machine.functions.kill(ECHO);
    machine.invoke(json!({})).await;
    assert_eq!(machine.functions.started(), 3);
}

#[tokio::test]
async fn an_error_is_told_with_its_message_and_the_process_lives_on() {
    let machine = Machine::start().await;
    let failed = machine.invoke(json!({ "fail": true })).await.result;
    assert!(matches!(&failed, Ended::Failed(FunctionError { message, .. }) if message == "told to fail"), "{failed:?}");
    answered(&machine.invoke(json!({})).await);
    assert_eq!(machine.functions.started(), 1);
}

#[tokio::test]
async fn what_a_function_prints_is_in_its_invocations_log() {
    let machine = Machine::start().await;
    machine.invoke(json!({ "print": "first line" })).await;
    let second = machine.invoke(json!({ "print": "second line" })).await;
    assert_eq!(second.logs, ["second line"]);
    let all: Vec<String> = machine.functions.logs().into_iter().map(|line| line.text).collect();
    assert_eq!(all, ["first line", "second line"]);
}

#[tokio::test]
async fn nothing_is_left_of_a_killed_process() {
    let machine = Machine::start().await;
    let process = answered(&machine.invoke(json!({})).await)["process"].as_u64().unwrap();
    let traces = [
        format!("/proc/{process}"),
        format!("/dev/shm/sem.faketime_sem_{process}"),
        format!("/dev/shm/faketime_shm_{process}"),
    ];
    assert!(traces.iter().all(|trace| Path::new(trace).exists()), "{traces:?}");
    drop(machine.functions);
    let gone = async {
        while traces.iter().any(|trace| Path::new(trace).exists()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn an_unknown_function_is_an_error_that_names_it() {
    let machine = Machine::start().await;
    let error = machine.functions.invoke("credwarden-nothing", &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "the deployment has no function `credwarden-nothing`");
}
