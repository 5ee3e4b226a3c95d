//! The real clients against answers as they come over the wire.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use credwarden_policy::enrolment::{RequestToken, SecretArn};
use mint_key::Value;
use mint_key::aws::{Aws, Certainty, Secrets, WriteKeys};
use secrecy::SecretString;

const HALF: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn aws(iam: &[&Rule], secrets: &[&Rule]) -> Aws {
    let iam = mock_client!(aws_sdk_iam, RuleMode::Sequential, iam);
    let secrets = mock_client!(aws_sdk_secretsmanager, RuleMode::Sequential, secrets);
    Aws::new(iam.config().clone(), secrets)
}

fn secret() -> SecretArn {
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:credwarden/shop-a1B2c3".parse().unwrap()
}

fn token() -> RequestToken {
    "11111111-1111-4111-8111-111111111111".parse().unwrap()
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>No reason.</Message></Error><RequestId>4d2d</RequestId></ErrorResponse>"
    )
}

#[tokio::test]
async fn a_key_is_asked_for_once_whatever_comes_back() {
    for (status, code, certainty) in [
        (500, "ServiceFailure", Certainty::Unknown),
        (503, "ServiceUnavailable", Certainty::Unknown),
        (400, "Throttling", Certainty::Refused),
        (409, "LimitExceeded", Certainty::Refused),
        (403, "AccessDenied", Certainty::Refused),
    ] {
        let create = mock!(aws_sdk_iam::Client::create_access_key)
            .sequence()
            .http_status(status, Some(error(code)))
            .times(9)
            .build();
        let failed = aws(&[&create], &[]).create(&"shop".parse().unwrap()).await.unwrap_err();
        assert_eq!((create.num_calls(), failed.certainty), (1, certainty), "{code}: {failed}");
        assert!(failed.to_string().starts_with("failed to create an access key of `shop`"), "{failed}");
    }
}

#[tokio::test]
async fn nothing_shows_the_secret_half_that_iam_hands_out() {
    let answer = format!(
        "<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateAccessKeyResult>\
         <AccessKey><UserName>shop</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>\
         <SecretAccessKey>{HALF}</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"
    );
    let create = mock!(aws_sdk_iam::Client::create_access_key).sequence().http_status(200, Some(answer)).build();
    let aws = aws(&[&create], &[]);
    let key = aws.create(&"shop".parse().unwrap()).await.unwrap();
    assert_eq!(key.id.as_str(), "AKIAIOSFODNN7EXAMPLE");
    assert!(!format!("{key:?} {aws:?}").contains(HALF));
}

#[tokio::test]
async fn of_a_value_its_key_alone_leaves_the_call() {
    let text =
        format!(r#"{{\"UserName\":\"shop\",\"AccessKeyId\":\"AKIAIOSFODNN7EXAMPLE\",\"SecretAccessKey\":\"{HALF}\"}}"#);
    let held = format!(r#"{{"ARN":"a","Name":"n","VersionId":"v","SecretString":"{text}"}}"#);
    let none = r#"{"__type":"ResourceNotFoundException","Message":"no value"}"#;
    let get = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
        .sequence()
        .http_status(200, Some(held))
        .http_status(400, Some(none.to_owned()))
        .build();
    let aws = aws(&[], &[&get]);
    let found = aws.value(&secret(), &token()).await.unwrap();
    let key = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    assert_eq!(found, Value::Key { user: "shop".parse().unwrap(), key });
    assert_eq!(aws.value(&secret(), &token()).await.unwrap(), Value::Empty);
}

#[tokio::test]
async fn a_value_that_is_refused_was_not_put_and_says_nothing_of_itself() {
    let refusal = r#"{"__type":"InvalidRequestException","Message":"deleted"}"#.to_owned();
    let put =
        mock!(aws_sdk_secretsmanager::Client::put_secret_value).sequence().http_status(400, Some(refusal)).build();
    let failed = aws(&[], &[&put]).put(&secret(), &token(), &SecretString::from(HALF)).await.unwrap_err();
    assert_eq!(failed.certainty, Certainty::Refused);
    assert!(!format!("{failed} {failed:?}").contains(HALF), "an error shows the value");
}
