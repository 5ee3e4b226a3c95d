//! `EventBridge` schedules, fired by sandbox time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::template::{Deployment, Schedule, Scope};

/// The deployment's schedules and when each fired last.
#[derive(Debug)]
pub struct Schedules {
    scope: Scope,
    periodic: Vec<(Schedule, SignedDuration)>,
    fired: Mutex<BTreeMap<usize, Timestamp>>,
}

/// One firing: a function and what it is sent.
#[derive(Clone, Debug)]
pub struct Firing {
    /// Name of the schedule.
    pub schedule: String,
    /// ARN of the function.
    pub function_arn: String,
    /// Role in which it is invoked, if the schedule has one.
    pub role_arn: Option<String>,
    /// The event.
    pub event: Value,
}

impl Schedules {
    /// Reads the expressions. The first firing is due one period after `now`, as AWS counts from the rule's creation.
    pub fn new(deployment: &Deployment, now: Timestamp) -> Result<Self> {
        let mut schedules = Vec::new();
        for schedule in &deployment.schedules {
            let place = || format!("schedule `{}`", schedule.name);
            schedules.push((schedule.clone(), period(&schedule.expression).with_context(place)?));
        }
        let fired = (0..schedules.len()).map(|place| (place, now)).collect();
        Ok(Self { scope: deployment.scope.clone(), periodic: schedules, fired: Mutex::new(fired) })
    }

    /// What is due; however long it was not asked for, each schedule fires once.
    pub fn due(&self, now: Timestamp) -> Vec<Firing> {
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for (place, (schedule, period)) in self.periodic.iter().enumerate() {
            let last = fired.entry(place).or_insert(now);
            if now.duration_since(*last) >= *period {
                *last = now;
                due.push(self.firing(schedule, now));
            }
        }
        due
    }

    /// Every schedule once, due or not.
    pub fn all(&self, now: Timestamp) -> Vec<Firing> {
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        fired.values_mut().for_each(|last| *last = now);
        self.periodic.iter().map(|(schedule, _)| self.firing(schedule, now)).collect()
    }

    fn firing(&self, schedule: &Schedule, now: Timestamp) -> Firing {
        let event = schedule.input.clone().unwrap_or_else(|| {
            json!({
                "version": "0",
                "id": format!("00000000-0000-4000-a000-{:012x}", now.as_second()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": self.scope.account,
                "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "region": self.scope.region,
                "resources": [self.scope.arn("events", &format!("rule/{}", schedule.name))],
                "detail": {},
            })
        });
        Firing {
            schedule: schedule.name.clone(),
            function_arn: schedule.function_arn.clone(),
            role_arn: schedule.role_arn.clone(),
            event,
        }
    }
}

/// The time between two firings of `rate(value unit)`.
fn period(expression: &str) -> Result<SignedDuration> {
    let rate = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let rate = rate.with_context(|| format!("`{expression}` is not modelled by the sandbox; `rate(…)` is"))?;
    let (value, unit) = rate.split_once(' ').context("a rate is a number and a unit")?;
    let value: i64 = value.parse().context("the rate's number")?;
    ensure!(value > 0, "a rate is positive");
    Ok(match unit.trim_end_matches('s') {
        "minute" => SignedDuration::from_mins(value),
        "hour" => SignedDuration::from_hours(value),
        "day" => SignedDuration::from_hours(24 * value),
        other => bail!("`{other}` is no unit of a rate"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules(expression: &str) -> Result<Schedules> {
        let schedule = Schedule {
            name: "hourly".to_owned(),
            expression: expression.to_owned(),
            function_arn: "arn:f".to_owned(),
            role_arn: None,
            input: None,
        };
        let scope = Scope { account: "1".to_owned(), region: "r".to_owned(), stack: "s".to_owned() };
        let mut deployment = Deployment::parse(&json!({ "Resources": {} }), scope)?;
        deployment.schedules.push(schedule);
        Schedules::new(&deployment, Timestamp::UNIX_EPOCH)
    }

    fn after(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_schedule_fires_after_its_period_and_once_for_a_long_silence() {
        let schedules = schedules("rate(1 hour)").unwrap();
        assert!(schedules.due(after(59)).is_empty());
        assert_eq!(schedules.due(after(60)).len(), 1);
        assert!(schedules.due(after(119)).is_empty());
        assert_eq!(schedules.due(after(6_000)).len(), 1);
    }

    #[test]
    fn an_event_without_input_is_eventbridges_own() {
        let firing = schedules("rate(5 minutes)").unwrap().due(after(5)).remove(0);
        assert_eq!(firing.event["detail-type"], "Scheduled Event");
        assert_eq!(firing.event["time"], "1970-01-01T00:05:00Z");
    }

    #[test]
    fn an_expression_that_is_not_modelled_is_an_error_that_names_it() {
        let error = format!("{:#}", schedules("cron(0 * * * ? *)").unwrap_err());
        assert!(error.contains("`hourly`") && error.contains("cron"), "{error}");
    }
}
