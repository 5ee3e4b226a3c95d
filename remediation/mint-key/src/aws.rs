//! IAM and Secrets Manager: the calls that only this function makes.

use std::error::Error;
use std::fmt;
use std::future::Future;

use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId as _;
use credwarden_credential::id::{AccessKeyId, UserName};
use credwarden_policy::enrolment::{PolicyDigest, RequestToken, SecretArn};
use secrecy::{ExposeSecret as _, SecretString};

use crate::value::{NewKey, look_at};
use crate::{Label, Value};

/// The calls of IAM that create and delete keys. All methods are written as `async fn`.
pub trait WriteKeys {
    /// Creates a key of a user (`CreateAccessKey`), by one attempt: a second would create a second key.
    fn create(&self, user: &UserName) -> impl Future<Output = Result<NewKey, CallError>>;

    /// Deletes a user's key (`DeleteAccessKey`); whether IAM knew it.
    fn delete(&self, user: &UserName, key: &AccessKeyId) -> impl Future<Output = Result<bool, CallError>>;
}

/// The calls of Secrets Manager. All methods are written as `async fn`.
pub trait Secrets {
    /// A secret and the label of the version `token` (`DescribeSecret`).
    fn describe(&self, secret: &SecretArn, token: &RequestToken) -> impl Future<Output = Result<Described, CallError>>;

    /// What a secret's resource policy says (`GetResourcePolicy`).
    fn resource_policy(&self, secret: &SecretArn) -> impl Future<Output = Result<Option<PolicyDigest>, CallError>>;

    /// What a version holds (`GetSecretValue`). Of a key nothing but its id leaves this call.
    fn value(&self, secret: &SecretArn, token: &RequestToken) -> impl Future<Output = Result<Value, CallError>>;

    /// Puts a value into the pending version (`PutSecretValue`). The same value again changes nothing.
    fn put(
        &self,
        secret: &SecretArn,
        token: &RequestToken,
        value: &SecretString,
    ) -> impl Future<Output = Result<(), CallError>>;

    /// Makes a version the current one in place of `from` (`UpdateSecretVersionStage`).
    fn promote(
        &self,
        secret: &SecretArn,
        token: &RequestToken,
        from: Option<&str>,
    ) -> impl Future<Output = Result<(), CallError>>;
}

/// A secret as `DescribeSecret` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its ARN.
    pub arn: SecretArn,
    /// Whether it is about to be deleted.
    pub is_deleted: bool,
    /// Whether rotation is on.
    pub rotates: bool,
    /// The label of the version that was asked for.
    pub label: Label,
    /// The version that is the current one.
    pub current: Option<String>,
}

/// A call that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct CallError {
    /// What was being done, to which resource.
    pub doing: String,
    /// What the SDK says.
    pub why: String,
    /// Whether it may have happened all the same.
    pub certainty: Certainty,
}

/// Whether what a failed call asked for may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// AWS has refused it: it has not.
    Refused,
    /// It may have: no answer came, or none that decides.
    Unknown,
}

/// AWS itself.
#[derive(Clone)]
pub struct Aws {
    iam: aws_sdk_iam::Client,
    /// Tries nothing again.
    creating: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

impl Aws {
    /// Calls with clients of these configurations.
    pub fn new(iam: aws_sdk_iam::config::Config, secrets: aws_sdk_secretsmanager::Client) -> Self {
        // INVARIANT (one call, one key): the SDK tries again what may have happened.
        let once = iam.to_builder().retry_config(RetryConfig::disabled()).build();
        let creating = aws_sdk_iam::Client::from_conf(once);
        Self { iam: aws_sdk_iam::Client::from_conf(iam), creating, secrets }
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Aws")
    }
}

impl WriteKeys for Aws {
    async fn create(&self, user: &UserName) -> Result<NewKey, CallError> {
        let doing = format!("create an access key of `{user}`");
        let answer = self.creating.create_access_key().user_name(user.as_str()).send().await;
        // There was one attempt, so what is refused, for whatever reason, was not done.
        let answer =
            answer.map_err(|error| CallError { certainty: certainty(&error), ..call_error(&doing, &error) })?;
        let request = answer.request_id().unwrap_or("unknown").to_owned();
        // The answer is taken apart where it stands, so that no copy of the secret half is left behind.
        let key = answer.access_key.and_then(|key| {
            let secret = SecretString::from(key.secret_access_key);
            key.access_key_id.parse().ok().map(|id| NewKey::new(id, secret))
        });
        key.ok_or_else(|| CallError {
            doing,
            why: format!("the answer to request `{request}` names no key"),
            certainty: Certainty::Unknown,
        })
    }

    async fn delete(&self, user: &UserName, key: &AccessKeyId) -> Result<bool, CallError> {
        let call = self.iam.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if is(&error, "NoSuchEntity") => Ok(false),
            Err(error) => Err(call_error(&format!("delete {key} of `{user}`"), &error)),
        }
    }
}

impl Secrets for Aws {
    async fn describe(&self, secret: &SecretArn, token: &RequestToken) -> Result<Described, CallError> {
        let doing = format!("describe secret `{secret}`");
        let answer = self.secrets.describe_secret().secret_id(secret.as_str()).send().await;
        let answer = answer.map_err(|error| call_error(&doing, &error))?;
        let arn = answer.arn().unwrap_or_default().parse();
        let arn = arn.map_err(|error: credwarden_credential::id::InvalidId| CallError {
            doing,
            why: error.to_string(),
            certainty: Certainty::Unknown,
        })?;
        let versions = answer.version_ids_to_stages();
        let has = |labels: &[String], wanted: &str| labels.iter().any(|label| label == wanted);
        let label = match versions.and_then(|versions| versions.get(token.as_str())) {
            Some(labels) if has(labels, CURRENT) => Label::Current,
            Some(labels) if has(labels, PENDING) => Label::Pending,
            _ => Label::None,
        };
        let current = versions.into_iter().flatten().find(|(_, labels)| has(labels, CURRENT));
        Ok(Described {
            arn,
            is_deleted: answer.deleted_date().is_some(),
            rotates: answer.rotation_enabled().unwrap_or(false),
            label,
            current: current.map(|(version, _)| version.clone()),
        })
    }

    async fn resource_policy(&self, secret: &SecretArn) -> Result<Option<PolicyDigest>, CallError> {
        let doing = format!("get the resource policy of secret `{secret}`");
        let answer = self.secrets.get_resource_policy().secret_id(secret.as_str()).send().await;
        let answer = answer.map_err(|error| call_error(&doing, &error))?;
        let digest = answer.resource_policy().map(PolicyDigest::of).transpose();
        digest.map_err(|error| CallError { doing, why: error.to_string(), certainty: Certainty::Unknown })
    }

    async fn value(&self, secret: &SecretArn, token: &RequestToken) -> Result<Value, CallError> {
        let call = self.secrets.get_secret_value().secret_id(secret.as_str()).version_id(token.as_str());
        match call.send().await {
            Ok(answer) => Ok(answer.secret_string.map_or(Value::Other, |value| look_at(&SecretString::from(value)))),
            // A version without a value is not found, as one that is not there.
            Err(error) if is(&error, "ResourceNotFoundException") => Ok(Value::Empty),
            Err(error) => Err(call_error(&format!("look at version `{token}` of secret `{secret}`"), &error)),
        }
    }

    async fn put(&self, secret: &SecretArn, token: &RequestToken, value: &SecretString) -> Result<(), CallError> {
        let call = self.secrets.put_secret_value().secret_id(secret.as_str()).client_request_token(token.as_str());
        let call = call.version_stages(PENDING).secret_string(value.expose_secret());
        let doing = || format!("put the new key into version `{token}` of secret `{secret}`");
        call.send().await.map(drop).map_err(|error| call_error(&doing(), &error))
    }

    async fn promote(&self, secret: &SecretArn, token: &RequestToken, from: Option<&str>) -> Result<(), CallError> {
        let call = self.secrets.update_secret_version_stage().secret_id(secret.as_str()).version_stage(CURRENT);
        let call = call.move_to_version_id(token.as_str()).set_remove_from_version_id(from.map(str::to_owned));
        let doing = || format!("make version `{token}` of secret `{secret}` the current one");
        call.send().await.map(drop).map_err(|error| call_error(&doing(), &error))
    }
}

/// Whether a service has refused a call with this code, which IAM also writes with an ending.
fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str) -> bool {
    let found = error.as_service_error().and_then(ProvideErrorMetadata::code);
    found.is_some_and(|found| found == code || found.strip_suffix("Exception") == Some(code))
}

/// What became of a call that is tried again. Where calls come too fast, the one that was answered so may be the second,
/// and the first may have been done.
fn call_error<E>(doing: &str, error: &SdkError<E>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let is_throttled = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| THROTTLED.iter().any(|throttled| code.contains(throttled)));
    let certainty = if is_throttled { Certainty::Unknown } else { certainty(error) };
    CallError { doing: doing.to_owned(), why: DisplayErrorContext(error).to_string(), certainty }
}

/// What became of one attempt: `4xx` says that it was not done.
fn certainty<E>(error: &SdkError<E>) -> Certainty {
    match error {
        SdkError::ConstructionFailure(_) => Certainty::Refused,
        SdkError::ServiceError(service) if service.raw().status().is_client_error() => Certainty::Refused,
        _ => Certainty::Unknown,
    }
}

/// Parts of the codes by which services say that they are asked too often.
const THROTTLED: [&str; 4] = ["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown"];

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
