//! `EventBridge`'s default bus, played: what a CloudTrail event invokes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cloudtrail::IAM_REGION;
use crate::template::{AsyncInvocation, Deployment, EventRule, Scope};

/// The rules of the deployment that wait for events, and what is still to be delivered.
#[derive(Debug)]
pub struct EventBus {
    scope: Scope,
    rules: Vec<EventRule>,
    /// By the function's name.
    invocations: BTreeMap<String, AsyncInvocation>,
    waiting: Mutex<Vec<Delivery>>,
}

/// One event on its way to a function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Name of the rule.
    pub rule: String,
    /// ARN of the function.
    pub function_arn: String,
    /// The event in `EventBridge`'s envelope.
    pub event: Value,
    /// How often Lambda tried before.
    attempts: usize,
    due: Timestamp,
}

impl EventBus {
    /// Takes over the deployment's rules.
    pub fn new(deployment: &Deployment) -> Self {
        Self {
            scope: deployment.scope.clone(),
            rules: deployment.event_rules.clone(),
            invocations: deployment.async_invocations.clone(),
            waiting: Mutex::default(),
        }
    }

    /// Takes an event of CloudTrail. IAM's events come in us-east-1 only: elsewhere nothing matches, whatever a rule says.
    pub fn put(&self, event: &Value, now: Timestamp) {
        if self.scope.region != IAM_REGION {
            return;
        }
        let event = self.envelope(event, now);
        for rule in self.rules.iter().filter(|rule| rule.pattern.matches(&event)) {
            self.waiting().push(Delivery {
                rule: rule.name.clone(),
                function_arn: rule.function_arn.clone(),
                event: event.clone(),
                attempts: 0,
                due: now,
            });
        }
    }

    /// What is to be delivered by now.
    pub fn take_due(&self, now: Timestamp) -> Vec<Delivery> {
        let mut waiting = self.waiting();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut *waiting).into_iter().partition(|one| one.due <= now);
        *waiting = later;
        due
    }

    /// The function failed: Lambda tries an asynchronous invocation again "two more times, with a one-minute wait before the
    /// second attempt, and two minutes before the third", unless the function's configuration says less. False where it will
    /// not try again.
    pub fn failed(&self, delivery: &Delivery, now: Timestamp) -> bool {
        let retries = self.invocation_of(delivery).map_or(RETRY_AFTER.len(), |invocation| invocation.retries);
        let after = RETRY_AFTER.get(..retries.min(RETRY_AFTER.len())).and_then(|waits| waits.get(delivery.attempts));
        let Some(after) = after else { return false };
        let due = now.checked_add(*after).unwrap_or(Timestamp::MAX);
        let attempts = delivery.attempts.saturating_add(1);
        self.waiting().push(Delivery { attempts, due, ..delivery.clone() });
        true
    }

    /// ARN of the queue that keeps a delivery after the last attempt.
    pub fn on_failure(&self, delivery: &Delivery) -> Option<&str> {
        self.invocation_of(delivery)?.on_failure.as_deref()
    }

    fn invocation_of(&self, delivery: &Delivery) -> Option<&AsyncInvocation> {
        self.invocations.get(delivery.function_arn.rsplit(':').next()?)
    }

    fn envelope(&self, detail: &Value, now: Timestamp) -> Value {
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        // `iam.amazonaws.com` is `aws.iam` here.
        let source = text("eventSource").and_then(|source| source.split('.').next()).unwrap_or("unknown");
        json!({
            "version": "0",
            "id": text("eventID").unwrap_or("00000000-0000-4000-b000-000000000000"),
            "detail-type": "AWS API Call via CloudTrail",
            "source": format!("aws.{source}"),
            "account": self.scope.account,
            "time": text("eventTime").map_or_else(|| now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), str::to_owned),
            "region": IAM_REGION,
            "resources": [],
            "detail": detail,
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After how long Lambda tries again, first and second time.
const RETRY_AFTER: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_pattern::Pattern;

    fn bus(region: &str) -> EventBus {
        let scope = Scope { account: "1".to_owned(), region: region.to_owned(), stack: "s".to_owned() };
        let mut deployment = Deployment::parse(&json!({ "Resources": {} }), scope).unwrap();
        let pattern = json!({ "source": ["aws.iam"], "detail": { "errorCode": [{ "exists": false }] } });
        deployment.event_rules.push(EventRule {
            name: "creations".to_owned(),
            pattern: Pattern::parse(&pattern).unwrap(),
            function_arn: "arn:f".to_owned(),
        });
        EventBus::new(&deployment)
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn event() -> Value {
        json!({ "eventSource": "iam.amazonaws.com", "eventID": "e-1", "eventTime": "1970-01-01T00:00:00Z" })
    }

    #[test]
    fn an_event_comes_in_the_envelope_of_eventbridge_to_the_rules_that_it_matches() {
        let bus = bus("us-east-1");
        bus.put(&event(), at(0));
        bus.put(&json!({ "eventSource": "iam.amazonaws.com", "errorCode": "AccessDenied" }), at(0));
        let due = bus.take_due(at(0));
        assert_eq!(due.len(), 1);
        assert_eq!((due[0].rule.as_str(), due[0].function_arn.as_str()), ("creations", "arn:f"));
        assert_eq!(due[0].event["detail-type"], "AWS API Call via CloudTrail");
        assert_eq!((&due[0].event["source"], &due[0].event["detail"]), (&json!("aws.iam"), &event()));
    }

    #[test]
    fn iams_events_come_in_one_region_only() {
        let bus = bus("eu-west-1");
        bus.put(&event(), at(0));
        assert!(bus.take_due(at(0)).is_empty());
    }

    #[test]
    fn a_failed_invocation_is_tried_twice_more_after_one_and_two_minutes() {
        let bus = bus("us-east-1");
        bus.put(&event(), at(0));
        for minute in [0, 1, 3] {
            if minute > 0 {
                assert!(bus.take_due(at(minute) - SignedDuration::from_secs(1)).is_empty());
            }
            let due = bus.take_due(at(minute));
            assert_eq!(due.len(), 1, "at minute {minute}");
            assert_eq!(bus.failed(&due[0], at(minute)), minute < 3, "at minute {minute}");
        }
        assert!(bus.take_due(at(600)).is_empty());
    }
}
