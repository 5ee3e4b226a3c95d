//! Secrets Manager: versions, their labels, and rotations that were asked for.

use credwarden_sandbox::emulator::{Emulator, Rotation};
use serde_json::{Value, json};

use crate::emulator::seeded;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:rotates";
const ONE: &str = "11111111-1111-4111-8111-111111111111";
const TWO: &str = "22222222-2222-4222-8222-222222222222";

/// Calls Secrets Manager; the error as AWS names it.
async fn call(emulator: &Emulator, action: &str, parameters: Value) -> Result<Value, String> {
    let answer = emulator.json("eu-west-1", &format!("secretsmanager.{action}"), &parameters).await;
    answer.map_err(|error| format!("{error:#}"))
}

/// An emulator with the secret `s`, whose value is `old`.
async fn secret() -> Emulator {
    let (emulator, _) = seeded().await;
    let create = json!({ "Name": "s", "SecretString": "old-value" });
    call(&emulator, "CreateSecret", create).await.unwrap();
    emulator
}

async fn labels(emulator: &Emulator, version: &str) -> Value {
    let described = call(emulator, "DescribeSecret", json!({ "SecretId": "s" })).await.unwrap();
    described["VersionIdsToStages"][version].clone()
}

async fn current(emulator: &Emulator) -> (String, String) {
    let answer = call(emulator, "GetSecretValue", json!({ "SecretId": "s" })).await.unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("VersionId"), text("SecretString"))
}

fn rotate(token: &str) -> Value {
    json!({ "SecretId": "s", "ClientRequestToken": token, "RotationLambdaARN": FUNCTION })
}

fn put(token: &str, value: &str) -> Value {
    json!({ "SecretId": "s", "ClientRequestToken": token, "SecretString": value, "VersionStages": ["AWSPENDING"] })
}

#[tokio::test]
async fn a_rotation_begins_with_a_version_that_is_pending_and_has_no_value() {
    let emulator = secret().await;
    let (old, _) = current(&emulator).await;
    let without_function = json!({ "SecretId": "s", "ClientRequestToken": ONE });
    assert!(call(&emulator, "RotateSecret", without_function.clone()).await.unwrap_err().contains("InvalidRequest"));
    let answer = call(&emulator, "RotateSecret", rotate(ONE)).await.unwrap();
    assert_eq!(answer["VersionId"], ONE);
    assert_eq!(labels(&emulator, ONE).await, json!(["AWSPENDING"]));
    let pending = json!({ "SecretId": "s", "VersionId": ONE, "VersionStage": "AWSPENDING" });
    let error = call(&emulator, "GetSecretValue", pending).await.unwrap_err();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
    let begun = emulator.rotations().await.unwrap();
    let secret = answer["ARN"].as_str().unwrap().to_owned();
    assert_eq!(begun, [Rotation { secret, token: ONE.to_owned(), function: FUNCTION.to_owned() }]);
    assert!(emulator.rotations().await.unwrap().is_empty(), "each is told once");
    assert_eq!(current(&emulator).await, (old, "old-value".to_owned()));

    // The secret knows its function from now on. Another token waits for the first; the first goes on.
    assert!(call(&emulator, "RotateSecret", rotate(TWO)).await.unwrap_err().contains("InvalidRequestException"));
    call(&emulator, "RotateSecret", without_function).await.unwrap();
    assert_eq!(emulator.rotations().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_is_written_once_and_becomes_current_with_its_label() {
    let emulator = secret().await;
    let (old, _) = current(&emulator).await;
    call(&emulator, "RotateSecret", rotate(ONE)).await.unwrap();
    call(&emulator, "PutSecretValue", put(ONE, "new-value")).await.unwrap();
    call(&emulator, "PutSecretValue", put(ONE, "new-value")).await.unwrap();
    let error = call(&emulator, "PutSecretValue", put(ONE, "another-value")).await.unwrap_err();
    assert!(error.contains("ResourceExistsException"), "{error}");

    let mut move_label = json!({ "SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": ONE });
    let error = call(&emulator, "UpdateSecretVersionStage", move_label.clone()).await.unwrap_err();
    assert!(error.contains("InvalidParameterException"), "{error}");
    move_label["RemoveFromVersionId"] = json!(old);
    call(&emulator, "UpdateSecretVersionStage", move_label).await.unwrap();
    assert_eq!(current(&emulator).await, (ONE.to_owned(), "new-value".to_owned()));
    assert_eq!(labels(&emulator, &old).await, json!(["AWSPREVIOUS"]));

    // A version that is pending and current is no rotation under way.
    call(&emulator, "RotateSecret", rotate(TWO)).await.unwrap();
    assert_eq!(labels(&emulator, TWO).await, json!(["AWSPENDING"]));
    assert_eq!(labels(&emulator, ONE).await, json!(["AWSCURRENT"]));
}
