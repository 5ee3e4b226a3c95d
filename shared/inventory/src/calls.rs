//! How calls to AWS are made, with adaptive retries within bounds that suit a function of 290 seconds, and what it
//! means when they fail.

use std::error::Error;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use crate::read::{Failure, ReadError};

/// How often a call is tried. Adaptive retries slow down by themselves when AWS throttles; more attempts would keep
/// one user's bad luck from becoming a gap at the price of everybody's time.
pub const MAX_ATTEMPTS: u32 = 5;

/// How long one attempt may take: a page of 1,000 users takes seconds.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call with all its retries may take. It protects the function's time limit of 290 seconds from one call.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);

/// The longest wait between two attempts. The SDK's adaptive limiter takes a retry after a throttle for ten requests, at
/// a rate that begins at one in two seconds: unbounded, the first such wait would use up [`OPERATION_TIMEOUT`].
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(3);

/// How long making a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Region and credentials from the function's environment, retries and time limits from here: what every client of a
/// function is made of.
pub async fn sdk_config() -> SdkConfig {
    loader().load().await
}

/// The same, for whoever chooses region or credentials otherwise.
pub fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest()).retry_config(retries()).timeout_config(timeouts())
}

pub(crate) fn retries() -> RetryConfig {
    RetryConfig::adaptive().with_max_attempts(MAX_ATTEMPTS).with_max_backoff(LONGEST_BACKOFF)
}

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// What an error of a call that reads means, whichever service was called. Codes of IAM's API reference, "Common Error
/// Types", and the SDK's own of throttling.
pub fn read_error<E>(doing: impl Into<String>, error: SdkError<E>) -> ReadError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let failure = match error.code() {
        Some("AccessDenied" | "AccessDeniedException") => Failure::Denied,
        Some("NoSuchEntity") => Failure::NoSuchEntity,
        Some(code) if THROTTLING_ERRORS.contains(&code) => Failure::Throttled,
        _ => Failure::Failed,
    };
    match error.into_source() {
        Ok(source) => ReadError::caused(failure, doing, source),
        Err(error) => ReadError::caused(failure, doing, error),
    }
}

/// The codes by which AWS's services say that they are asked too often.
const THROTTLING_ERRORS: [&str; 7] = [
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
