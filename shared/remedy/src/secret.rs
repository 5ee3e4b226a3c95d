//! Secrets Manager, as far as a rotation needs it. No value of a secret is ever read here.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::types::RotationRulesType;
use credwarden_creation::fetch::{Sought, last_fetch};
use credwarden_credential::id::Arn;
use credwarden_policy::enrolment::{PolicyDigest, RequestToken, SecretArn};
use credwarden_trail::lookup::CloudTrail;
use jiff::Timestamp;

/// How long the history of fetches is read for one key.
const READ_FOR: Duration = Duration::from_secs(20);

/// The schedule that Secrets Manager is given, since a function of rotation needs one: the longest that it takes
/// (`AutomaticallyAfterDays`, Secrets Manager API Reference). What it starts is refused, for nobody has asked for it.
const SELDOM: i64 = 1000;

/// A secret, as it is read to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What its resource policy says; `None`: it has none.
    pub resource_policy: Option<PolicyDigest>,
}

/// A key that was minted, and who is to fetch it.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// From which secret.
    pub secret: &'a SecretArn,
    /// By which token, which is the id of the secret's version.
    pub token: &'a RequestToken,
    /// Who.
    pub retriever: &'a Arn,
    /// Since when it is there.
    pub since: Timestamp,
}

/// The calls of Secrets Manager, and of the history of its reads. All methods are written as `async fn`.
pub trait Secrets {
    /// The secret (`DescribeSecret`, `GetResourcePolicy`); `None`: there is none, or it is about to be deleted.
    fn read_secret(&self, secret: &SecretArn) -> impl Future<Output = Result<Option<Secret>, SecretError>>;

    /// Has a secret rotated by `mint-key` (`RotateSecret`). Secrets Manager does so later, and again where it fails. Asking
    /// again with the same token is asking once.
    fn rotate(&self, secret: &SecretArn, token: &RequestToken) -> impl Future<Output = Result<(), SecretError>>;

    /// When the key was fetched last by its retriever, as the history shows it at `now` (`LookupEvents`).
    fn fetched(
        &self,
        delivery: &Delivery<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Timestamp>, SecretError>>;
}

/// Secrets Manager did not answer, or refused.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct SecretError {
    /// What was being done.
    pub doing: String,
    /// What the SDK says.
    pub why: String,
}

/// Secrets Manager itself.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: Client,
    trail: CloudTrail,
    /// The ARN of the function that mints; `None`: nothing is rotated, only read.
    mint_function: Option<String>,
}

impl SecretsManager {
    /// Works with clients of this configuration, and has secrets rotated by the function with this ARN.
    pub fn of(config: &SdkConfig, mint_function: String) -> Self {
        Self { mint_function: Some(mint_function), ..Self::reading(config) }
    }

    /// Only reads, with clients of this configuration.
    pub fn reading(config: &SdkConfig) -> Self {
        Self { client: Client::new(config), trail: CloudTrail::of(config), mint_function: None }
    }
}

impl Secrets for SecretsManager {
    async fn read_secret(&self, secret: &SecretArn) -> Result<Option<Secret>, SecretError> {
        let doing = || format!("read secret {secret}");
        let described = match self.client.describe_secret().secret_id(secret.as_str()).send().await {
            Ok(described) => described,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(doing(), &error)),
        };
        if described.deleted_date.is_some() {
            return Ok(None);
        }
        let policy = match self.client.get_resource_policy().secret_id(secret.as_str()).send().await {
            Ok(policy) => policy.resource_policy,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(doing(), &error)),
        };
        let digest = policy.as_deref().map(PolicyDigest::of).transpose();
        let resource_policy = digest.map_err(|error| SecretError { doing: doing(), why: error.to_string() })?;
        Ok(Some(Secret { resource_policy }))
    }

    async fn rotate(&self, secret: &SecretArn, token: &RequestToken) -> Result<(), SecretError> {
        let doing = || format!("have secret {secret} rotated");
        let Some(mint_function) = &self.mint_function else {
            return Err(SecretError { doing: doing(), why: "this program only reads".to_owned() });
        };
        let rules = RotationRulesType::builder().automatically_after_days(SELDOM).build();
        let call = self.client.rotate_secret().secret_id(secret.as_str()).client_request_token(token.as_str());
        // INVARIANT (nobody else mints): whatever function somebody has set there, it is not called with this token.
        let call = call.rotation_lambda_arn(mint_function).rotation_rules(rules);
        match call.send().await {
            Ok(_) => Ok(()),
            // What an earlier call has begun is under way, and is tried again.
            Err(error) if is_under_way(&error) => Ok(()),
            Err(error) => Err(failed(doing(), &error)),
        }
    }

    async fn fetched(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Option<Timestamp>, SecretError> {
        let Delivery { secret, token, retriever, since } = *delivery;
        let names = |id: &str| secret.is_named_by(id);
        let sought = Sought { names, retriever, version: token.as_str(), since };
        last_fetch(&self.trail, &sought, now, READ_FOR).await.map_err(|error| SecretError {
            doing: format!("look up who fetched secret {secret}"),
            why: DisplayErrorContext(&error).to_string(),
        })
    }
}

fn is_absent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ResourceNotFoundException")
}

/// "A previous rotation isn't complete. That rotation will be reattempted." (Secrets Manager, `InvalidRequestException`.)
fn is_under_way<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let error = error.as_service_error();
    let says = |error: &E| error.message().is_some_and(|message| message.contains("previous rotation"));
    error.is_some_and(|error| error.code() == Some("InvalidRequestException") && says(error))
}

fn failed<E, R>(doing: String, error: &SdkError<E, R>) -> SecretError
where
    E: Error + 'static,
    R: std::fmt::Debug + 'static,
{
    SecretError { doing, why: DisplayErrorContext(error).to_string() }
}
