use std::{
    error::Error,
    io::{self, Write},
    time::Duration,
};

use aws_config::{Region, SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_config::{
    Client,
    config::{IdentityCache, ProvideCredentials, SharedCredentialsProvider},
};
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::{
    EvaluationError, ExecutionRole, Report, ServiceError, Triggers, evaluate, evaluate_in_organization,
    metrics::MetricLine,
};

/// How much of an invocation's time is kept back from the rule for reading stored results and reporting, some 200
/// calls.
const REPORTING_TIME: Duration = Duration::from_mins(1);

/// Of a short invocation, only one part in so many is kept back.
const REPORTING_SHARE: u32 = 4;

/// How long the credentials of an assumed role live: the longest that an invocation may take, and the shortest that STS
/// gives.
const ROLE_SESSION: Duration = Duration::from_mins(15);

/// The longest name of a role's session (service model of `AssumeRole`).
const MAX_SESSION_NAME: usize = 64;

/// Serves the rule as a Lambda function until its execution environment ends.
///
/// A [`Rule`](crate::Rule) is given as it is, and evaluated on a schedule; for one that is evaluated on changes, see
/// [`OnChange`](crate::OnChange).
///
/// `aws` says region, credentials and retries of the calls to AWS Config; adaptive retries are advised, since several
/// rules of an account share its quota. `namespace` is where the metrics go in CloudWatch.
///
/// Sets the log up as AWS Lambda asks for it (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`); neither event nor
/// result token is logged. Writes one line of metrics for each invocation.
pub async fn run<T: Triggers>(rule: T, aws: &SdkConfig, namespace: &str) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let client = Client::new(aws);
    let (rule, client) = (&rule, &client);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let now = now();
        answer(evaluate(rule, client, &payload, now, time_for_rule(context.deadline, now)).await, namespace, now)
    }))
    .await
}

/// Serves the rule as the one Lambda function for the accounts of an organization: like [`run`], but for an event of
/// another account than the function's, a role of that account is assumed, for what the rule reads and for reporting.
///
/// `rule` makes the rule, once for each invocation, with clients of the `SdkConfig` that it is given. Which role is said
/// by the rule parameters `ExecutionRoleName`, `ExecutionRoleRegion` and `AssumeRoleMode`, as rdklib has them; the rule
/// does not see them. Needs `sts:AssumeRole` on these roles.
pub async fn run_in_organization<T: Triggers>(
    rule: impl Fn(&SdkConfig) -> T,
    aws: &SdkConfig,
    namespace: &str,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let rule = &rule;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let now = now();
        let enter = async |to_assume: Option<&ExecutionRole>| {
            let aws = match to_assume {
                Some(to_assume) => &assume(to_assume, aws, &context).await?,
                None => aws,
            };
            Ok((rule(aws), Client::new(aws)))
        };
        let time_left = time_for_rule(context.deadline, now);
        let outcome = evaluate_in_organization(enter, &context.invoked_function_arn, &payload, now, time_left).await;
        answer(outcome, namespace, now)
    }))
    .await
}

#[expect(clippy::disallowed_methods, reason = "this is where an invocation's time is read, once")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Writes the invocation's metrics. The runtime logs what is returned.
fn answer(outcome: Result<Report, EvaluationError>, namespace: &str, now: Timestamp) -> Result<Report, Diagnostic> {
    if let Some(line) = MetricLine::of(&outcome, namespace, now) {
        write_line(&line);
    }
    outcome.map_err(|error| diagnostic(&error))
}

/// What `aws` is with the credentials of the role.
///
/// They are fetched here rather than by the first client, so that an error says what failed.
async fn assume(role: &ExecutionRole, aws: &SdkConfig, context: &Context) -> Result<SdkConfig, ServiceError> {
    let session: String = format!("config-rule-{}", context.env_config.function_name);
    let session: String = session.chars().take(MAX_SESSION_NAME).collect();
    let mut provider = AssumeRoleProvider::builder(&role.arn).configure(aws).session_name(session);
    provider = provider.session_length(ROLE_SESSION);
    if let Some(region) = &role.region {
        provider = provider.region(Region::new(region.clone()));
    }
    let credentials = provider.build().await.provide_credentials().await;
    let credentials = credentials.map_err(|source| NotAssumed { role_arn: role.arn.clone(), source: source.into() })?;
    Ok(aws
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // A cache that is shared with the function's own clients could hand out the credentials of another account.
        .identity_cache(IdentityCache::no_cache())
        .build())
}

#[derive(Debug, thiserror::Error)]
#[error("failed to assume role `{role_arn}`; it has to trust the function's role, which needs `sts:AssumeRole` on it")]
struct NotAssumed {
    role_arn: String,
    source: ServiceError,
}

/// What is left of an invocation that ends at `deadline`, in milliseconds since 1970, without what reporting needs.
fn time_for_rule(deadline: u64, now: Timestamp) -> Duration {
    let now_millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let left = Duration::from_millis(deadline.saturating_sub(now_millis));
    left.saturating_sub(REPORTING_TIME.min(left / REPORTING_SHARE))
}

fn write_line(line: &MetricLine<'_>) {
    let written =
        serde_json::to_string(line).map_err(io::Error::from).and_then(|line| writeln!(io::stdout(), "{line}"));
    if let Err(error) = written {
        tracing::warn!(%error, "failed to write the metrics of this invocation");
    }
}

/// The answer of a failed invocation: the error with everything that led to it.
fn diagnostic(error: &EvaluationError) -> Diagnostic {
    let error_type = match error {
        EvaluationError::Event(_) => "EventRefused",
        EvaluationError::Access { .. } => "AccountNotAccessible",
        EvaluationError::History { .. } => "HistoryUnreadable",
        EvaluationError::Rule { .. } => "RuleFailed",
        EvaluationError::StoredResults { .. } => "StoredResultsUnreadable",
        EvaluationError::NotAccepted { .. } => "EvaluationsNotAccepted",
        EvaluationError::Reported { .. } => "ProgressNotRemembered",
    };
    Diagnostic { error_type: error_type.into(), error_message: chain(error) }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::NotAccepted;

    #[test]
    fn the_rule_is_given_what_reporting_does_not_need() {
        let check = |deadline_ms: u64, now_ms: i64, expected: Duration| {
            assert_eq!(time_for_rule(deadline_ms, Timestamp::from_millisecond(now_ms).unwrap()), expected);
        };
        check(1_290_000, 1_000_000, Duration::from_secs(230));
        check(1_040_000, 1_000_000, Duration::from_secs(30));
        check(1_000_000, 1_000_000, Duration::ZERO);
        check(999_999, 1_000_000, Duration::ZERO);
    }

    #[test]
    fn the_answer_of_a_failed_invocation_says_everything_that_led_to_it() {
        let not_accepted = NotAccepted { resources: BTreeSet::new(), sent: 0, source: Some("token refused".into()) };
        let error = EvaluationError::NotAccepted { config_rule_name: "a-rule".into(), source: not_accepted };
        let Diagnostic { error_type, error_message } = diagnostic(&error);
        assert_eq!(error_type, "EvaluationsNotAccepted");
        assert_eq!(
            error_message,
            "failed to report on rule `a-rule`: AWS Config did not accept 0 of 0 evaluations: \
             there was nothing to report, but not even that was accepted: token refused"
        );
    }
}
