//! What happens to a call between a function and AWS.

use std::{sync::Arc, time::Duration};

use credwarden_sandbox::{
    call::{Answer, Call, Player},
    faults::{Act, Matching},
    functions::Ended,
    proxy::Outcome,
};
use serde_json::{Value, json};

use crate::{ECHO, Machine, answered};

const OLD_KEY: &str = "AKIAALICE00000000002";
const DEACTIVATE: &str = "UserName=alice&AccessKeyId=AKIAALICE00000000002&Status=Inactive";

struct Config;

impl Player for Config {
    fn play(&self, call: &Call) -> Option<Answer> {
        (call.action == "config:PutEvaluations").then(|| Answer::json(&json!({ "FailedEvaluations": [] })))
    }
}

impl Machine {
    async fn status_of_old_key(&self) -> String {
        let truth = self.emulator.truth().await.unwrap();
        let keys = truth["users"][0]["keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["id"] == OLD_KEY).unwrap()["status"].as_str().unwrap().to_owned()
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.proxy.log().into_iter().map(|recorded| recorded.outcome).collect()
    }

    /// One call that the armed fault meets, then the same again.
    async fn deactivate_twice(&self) -> [Value; 2] {
        let first = self.call("iam", "UpdateAccessKey", json!(DEACTIVATE)).await;
        let second = self.call("iam", "UpdateAccessKey", json!(DEACTIVATE)).await;
        [first, second]
    }
}

#[tokio::test]
async fn every_call_is_recorded_with_caller_time_parameters_and_outcome() {
    let machine = Machine::start().await;
    machine.call("iam", "ListAccessKeys", json!("UserName=alice")).await;
    machine.call("iam", "GetUser", json!("UserName=nobody")).await;
    let log = machine.proxy.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].call.number, 1);
    assert_eq!(log[0].call.caller, ECHO);
    assert_eq!(log[0].call.action, "iam:ListAccessKeys");
    assert_eq!(log[0].call.parameters, json!({ "UserName": "alice" }));
    assert!((machine.clock.now().as_second() - log[0].call.at.as_second()) < 600);
    assert_eq!(log[0].outcome, Outcome::Answered { status: 200, error: None });
    assert_eq!(log[1].outcome, Outcome::Answered { status: 404, error: Some("NoSuchEntity".to_owned()) });
    assert_eq!(machine.proxy.counts()["iam:GetUser"], 1);
}

#[tokio::test]
async fn what_the_gate_refuses_is_answered_in_awss_words_and_never_executed() {
    let machine = Machine::start().await;
    let answer = machine.call("iam", "DeleteUser", json!("UserName=user-001")).await;
    assert_eq!(answer["status"], 403);
    assert!(answer["body"].as_str().unwrap().contains("<Code>AccessDenied</Code>"), "{answer}");
    assert!(matches!(&machine.outcomes()[0], Outcome::Denied(why) if why.contains("iam:DeleteUser")));
    assert_eq!(machine.emulator.truth().await.unwrap()["users"].as_array().unwrap().len(), 121);
}

#[tokio::test]
async fn a_player_answers_its_own_calls_after_they_were_checked() {
    let machine = Machine::with(vec![Arc::new(Config)]).await;
    let put = "StarlingDoveService.PutEvaluations";
    let good = machine.call("config", put, json!({ "ResultToken": "token" })).await;
    assert_eq!((&good["status"], &good["body"]), (&json!(200), &json!(r#"{"FailedEvaluations":[]}"#)));
    let evaluation = json!({
        "ComplianceResourceType": "AWS::IAM::User", "ComplianceResourceId": "AIDA", "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": 1, "Annotation": "x".repeat(257),
    });
    let bad = machine.call("config", put, json!({ "ResultToken": "token", "Evaluations": [evaluation] })).await;
    assert_eq!(bad["status"], 400);
    assert_eq!(machine.emulator.violations().await.unwrap()[0].action, "config:PutEvaluations");
    assert!(matches!(&machine.outcomes()[1], Outcome::Answered { error: Some(e), .. } if e == "ValidationException"));
}

#[tokio::test]
async fn refusing_faults_keep_the_call_from_the_service() {
    let machine = Machine::start().await;
    for (act, status, code) in [
        (Act::Throttle, 400, "Throttling"),
        (Act::ServerError(500), 500, "ServiceFailure"),
        (Act::ServerError(503), 503, "ServiceUnavailable"),
        (Act::Deny, 403, "AccessDenied"),
    ] {
        machine.faults.arm(Matching::action("iam:UpdateAccessKey").user("alice"), act);
        let answer = machine.call("iam", "UpdateAccessKey", json!(DEACTIVATE)).await;
        assert_eq!(answer["status"], status);
        assert!(answer["body"].as_str().unwrap().contains(&format!("<Code>{code}</Code>")), "{answer}");
    }
    machine.faults.arm(Matching::action("dynamodb:GetItem"), Act::Throttle);
    let answer = machine.call("dynamodb", "DynamoDB_20120810.GetItem", json!({})).await;
    assert!(answer["body"].as_str().unwrap().contains("ThrottlingException"), "{answer}");
    assert_eq!(machine.status_of_old_key().await, "Active");
}

#[tokio::test]
async fn a_reset_connection_executes_nothing_and_a_lost_response_does() {
    let machine = Machine::start().await;
    machine.faults.arm(Matching::action("iam:UpdateAccessKey"), Act::Reset);
    let answer = machine.call("iam", "UpdateAccessKey", json!(DEACTIVATE)).await;
    assert!(answer["error"].is_string(), "{answer}");
    assert_eq!(machine.status_of_old_key().await, "Active");
    machine.faults.arm(Matching::action("iam:UpdateAccessKey"), Act::LoseResponse);
    let [lost, second] = machine.deactivate_twice().await;
    assert!(lost["error"].is_string(), "{lost}");
    assert_eq!(machine.status_of_old_key().await, "Inactive");
    assert_eq!(second["status"], 200);
    assert_eq!(
        machine.outcomes(),
        [
            Outcome::Spoiled { by: Act::Reset, executed: None },
            Outcome::Spoiled { by: Act::LoseResponse, executed: Some(200) },
            Outcome::Answered { status: 200, error: None },
        ]
    );
}

#[tokio::test]
async fn a_process_is_killed_at_the_call_before_or_after_it_is_executed() {
    let machine = Machine::start().await;
    let payload = json!({ "calls": [["iam", "GetUser", "UserName=alice"], ["iam", "UpdateAccessKey", DEACTIVATE]] });
    for (act, status) in [(Act::DieBefore, "Active"), (Act::DieAfter, "Inactive")] {
        machine.faults.arm(Matching::any().caller(ECHO).nth(2), act);
        assert_eq!(machine.invoke(payload.clone()).await.result, Ended::Died);
        assert_eq!(machine.status_of_old_key().await, status);
    }
    assert!(matches!(machine.invoke(payload).await.result, Ended::Answered(_)));
    assert_eq!(machine.functions.started(), 3);
    assert_eq!(machine.proxy.log().len(), 6, "nothing is called after death");
}

#[tokio::test]
async fn a_fault_meets_from_the_nth_call_as_often_as_it_is_told() {
    let machine = Machine::start().await;
    let armed = machine.faults.arm(Matching::action("iam:GetUser").nth(2).times(2), Act::ServerError(500));
    let get = json!(["iam", "GetUser", "UserName=alice"]);
    let invocation = machine.invoke(json!({ "calls": [get, get, get, get] })).await;
    let statuses: Vec<i64> =
        answered(&invocation)["answers"].as_array().unwrap().iter().map(|a| a["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!((armed.seen(), armed.fired()), (4, 2));
    machine.faults.arm(Matching::any().always(), Act::Deny);
    machine.faults.clear();
    assert_eq!(machine.call("iam", "GetUser", json!("UserName=alice")).await["status"], 200);
}

#[tokio::test]
async fn a_barrier_holds_calls_together_and_lets_one_go_that_waits_in_vain() {
    let machine = Machine::start().await;
    let barrier = |patience| Act::Barrier { callers: 2, patience };
    let both = machine.faults.arm(Matching::action("iam:GetUser"), barrier(Duration::from_mins(1)));
    let call = || machine.call("iam", "GetUser", json!("UserName=alice"));
    let (first, second) = tokio::join!(call(), call());
    assert_eq!((&first["status"], &second["status"], both.fired()), (&json!(200), &json!(200), 2));
    let alone = machine.faults.arm(Matching::action("iam:GetUser"), barrier(Duration::from_millis(50)));
    assert_eq!((call().await["status"].as_i64(), alone.fired()), (Some(200), 1));
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_with_the_functions_time_limit() {
    let machine = Machine::start().await;
    machine.faults.arm(Matching::action("iam:GetUser"), Act::Timeout);
    let payload = json!({ "calls": [["iam", "GetUser", "UserName=alice"]] });
    let invocation = machine.functions.invoke("credwarden-hasty", &payload).await.unwrap();
    assert_eq!(invocation.result, Ended::TimedOut);
    assert_eq!(machine.outcomes(), [Outcome::Spoiled { by: Act::Timeout, executed: None }]);
}
