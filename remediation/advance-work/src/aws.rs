//! What the schedule calls of AWS.

use std::future::Future;

use aws_sdk_config::types::RemediationExceptionResourceKey;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use credwarden_credential::id::UserId;
use jiff::Timestamp;

use crate::digest::{Addressee, Digest, Event, TopicArn};

/// AWS Config's name of what the rules judge.
const IAM_USER: &str = "AWS::IAM::User";

/// A call to AWS that failed after all retries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct CallError {
    /// What was being done.
    pub doing: String,
    /// What the SDK says.
    pub why: String,
}

/// What the schedule asks of AWS Config. All methods are written as `async fn`.
pub trait Rules {
    /// Has a rule evaluate once more (`StartConfigRulesEvaluation`). One that is evaluating already is as good.
    fn start_evaluation(&self, rule: &str) -> impl Future<Output = Result<(), CallError>>;

    /// The users that AWS Config leaves out of a rule's remediation at `now` (`DescribeRemediationExceptions`).
    fn remediation_exceptions(
        &self,
        rule: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<UserId>, CallError>>;

    /// Has AWS Config remediate a user again (`DeleteRemediationExceptions`).
    fn delete_remediation_exception(&self, rule: &str, user: &UserId) -> impl Future<Output = Result<(), CallError>>;
}

/// Where the schedule tells what it has to. All methods are written as `async fn`.
pub trait Channels {
    /// Sends a digest to the topic (SNS `Publish`), with the message attributes `owner` and `audience` by which subscriptions
    /// filter.
    fn publish(&self, topic: &TopicArn, to: &Addressee, digest: &Digest)
    -> impl Future<Output = Result<(), CallError>>;

    /// Sends at most [`EVENTS_AT_ONCE`] events to the account's default bus (EventBridge `PutEvents`); in their order,
    /// what became of each.
    fn put_events(&self, events: &[Event]) -> impl Future<Output = Result<Vec<Result<(), CallError>>, CallError>>;
}

/// How many events `PutEvents` takes in one call.
pub const EVENTS_AT_ONCE: usize = 10;

/// SNS and `EventBridge` themselves.
#[derive(Clone, Debug)]
pub struct TopicAndBus {
    sns: aws_sdk_sns::Client,
    events: aws_sdk_eventbridge::Client,
}

impl TopicAndBus {
    /// Tells by these clients.
    pub fn new(sns: aws_sdk_sns::Client, events: aws_sdk_eventbridge::Client) -> Self {
        Self { sns, events }
    }
}

impl Channels for TopicAndBus {
    async fn publish(&self, topic: &TopicArn, to: &Addressee, digest: &Digest) -> Result<(), CallError> {
        let failed =
            |why| CallError { doing: format!("tell `{}` through `{}`", to.owner.as_str(), topic.as_str()), why };
        let mut call = self.sns.publish().topic_arn(topic.as_str()).subject(&digest.subject).message(&digest.text);
        for (name, value) in [("owner", to.owner.as_str()), ("audience", to.audience.as_str())] {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            call = call.message_attributes(name, attribute.map_err(|error| failed(error.to_string()))?);
        }
        let answer = call.send().await;
        answer.map_err(|error| failed(aws_sdk_sns::error::DisplayErrorContext(&error).to_string())).map(drop)
    }

    async fn put_events(&self, events: &[Event]) -> Result<Vec<Result<(), CallError>>, CallError> {
        let failed = |why| CallError { doing: format!("send {} events", events.len()), why };
        let entries = events.iter().map(|event| {
            let entry = PutEventsRequestEntry::builder().source(Event::SOURCE).detail_type(Event::DETAIL_TYPE);
            entry.detail(event.detail.to_string()).build()
        });
        let answer = self.events.put_events().set_entries(Some(entries.collect())).send().await;
        let answer =
            answer.map_err(|error| failed(aws_sdk_eventbridge::error::DisplayErrorContext(&error).to_string()))?;
        let entries = answer.entries.unwrap_or_default();
        // "You can use the ordering to match each response entry with the corresponding request entry."
        let outcomes = (0..events.len()).map(|place| match entries.get(place) {
            Some(entry) if entry.error_code.is_none() => Ok(()),
            Some(entry) => Err(failed(entry.error_message().unwrap_or("no reason given").to_owned())),
            None => Err(failed("nothing is said of one of them".to_owned())),
        });
        Ok(outcomes.collect())
    }
}

/// AWS Config itself.
#[derive(Clone, Debug)]
pub struct Config {
    client: aws_sdk_config::Client,
}

impl Config {
    /// Calls with this client.
    pub fn new(client: aws_sdk_config::Client) -> Self {
        Self { client }
    }
}

impl Rules for Config {
    async fn start_evaluation(&self, rule: &str) -> Result<(), CallError> {
        let doing = format!("start an evaluation of rule `{rule}`");
        match self.client.start_config_rules_evaluation().config_rule_names(rule).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // AWS throws both where the rule is being evaluated, and the second where it was asked for a minute ago.
                Some(service) if service.is_resource_in_use_exception() || service.is_limit_exceeded_exception() => {
                    Ok(())
                }
                _ => Err(CallError { doing, why: aws_sdk_config::error::DisplayErrorContext(&error).to_string() }),
            },
        }
    }

    async fn remediation_exceptions(&self, rule: &str, now: Timestamp) -> Result<Vec<UserId>, CallError> {
        let doing = format!("describe the remediation exceptions of rule `{rule}`");
        let mut users = Vec::new();
        let mut pages = self.client.describe_remediation_exceptions().config_rule_name(rule).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| CallError {
                doing: doing.clone(),
                why: aws_sdk_config::error::DisplayErrorContext(&error).to_string(),
            })?;
            for exception in page.remediation_exceptions() {
                let is_over = exception.expiration_time().is_some_and(|until| until.secs() < now.as_second());
                match exception.resource_id().parse() {
                    Ok(user) if exception.resource_type() == IAM_USER && !is_over => users.push(user),
                    _ => {}
                }
            }
        }
        Ok(users)
    }

    async fn delete_remediation_exception(&self, rule: &str, user: &UserId) -> Result<(), CallError> {
        let doing = format!("delete the remediation exception of `{user}` of rule `{rule}`");
        let key = RemediationExceptionResourceKey::builder().resource_type(IAM_USER).resource_id(user.as_str());
        let call = self.client.delete_remediation_exceptions().config_rule_name(rule).resource_keys(key.build());
        match call.send().await {
            Ok(answer) => match answer.failed_batches().first() {
                None => Ok(()),
                Some(failed) => {
                    Err(CallError { doing, why: failed.failure_message().unwrap_or("no reason given").to_owned() })
                }
            },
            Err(error) => match error.as_service_error() {
                // It has ended by itself meanwhile.
                Some(service) if service.is_no_such_remediation_exception_exception() => Ok(()),
                _ => Err(CallError { doing, why: aws_sdk_config::error::DisplayErrorContext(&error).to_string() }),
            },
        }
    }
}
