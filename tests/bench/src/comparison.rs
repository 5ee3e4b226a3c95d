//! Credwarden's rule and the Python rule on the same account, on two days.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use credwarden_estate::estate::Estate;
use credwarden_sandbox::clock::Clock;
use credwarden_sandbox::emulator::Emulator;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Tally};
use crate::function::{self, Function};
use crate::process::{Measured, REGION, Surroundings};
use crate::python;

/// What every call takes at least, on both sides: what a call of AWS takes from within a region.
pub(crate) const CALL: Duration = Duration::from_millis(20);

/// A rule, and what the Python rule calls the same check.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) check: &'static str,
    pub(crate) binary: PathBuf,
}

/// What all measurements share.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) emulator: Emulator,
    pub(crate) python: PathBuf,
    /// For the clocks of processes.
    pub(crate) folder: PathBuf,
    /// The time of the first day.
    pub(crate) now: Timestamp,
}

/// One rule's evaluation on one day.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) tally: Tally,
    pub(crate) measured: Measured,
    /// How many results are stored as `NON_COMPLIANT` after it.
    pub(crate) findings: usize,
}

/// Both sides of one rule on one day.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) users: usize,
    pub(crate) rule: &'static str,
    /// 1 or 2.
    pub(crate) day: usize,
    pub(crate) credwarden: Run,
    pub(crate) python: Run,
}

impl Bench {
    /// Runs both sides of each rule on both days.
    ///
    /// The Python rule's runs, which mostly wait for answers, run at the same time; Credwarden's one after the other.
    pub(crate) async fn compare(&self, rules: &[Rule], first_day: &Estate) -> Result<Vec<Pair>> {
        let days = [first_day.clone(), first_day.clone().after(SignedDuration::from_hours(24))];
        let mut by_credwarden = Vec::new();
        for rule in rules {
            by_credwarden.extend(self.credwarden(rule, &days).await?);
        }
        let cases = || rules.iter().flat_map(|rule| (1..).zip(&days).map(move |(day, estate)| (rule, day, estate)));
        let by_python = try_join_all(cases().map(|(rule, day, estate)| self.python(rule, day, estate))).await?;
        let pairs = cases().zip(by_credwarden).zip(by_python).map(|(((rule, day, estate), credwarden), python)| Pair {
            users: estate.users.len(),
            rule: rule.name,
            day,
            credwarden,
            python,
        });
        Ok(pairs.collect())
    }

    /// One rule on days one after the other, with a ledger and stored results of its own.
    async fn credwarden(&self, rule: &Rule, days: &[Estate]) -> Result<Vec<Run>> {
        let first = days.first().context("there is no day")?;
        let table = self.ledger(&format!("{}-{}", rule.name, first.users.len())).await?;
        let endpoint = Endpoint::start(first.clone(), CALL, self.emulator.address()).await?;
        let mut runs = Vec::new();
        for (day, estate) in (1..).zip(days) {
            if day > 1 {
                endpoint.turn_to(estate.clone());
            }
            runs.push(self.invoke(rule, &table, &endpoint, estate.now).await?);
        }
        Ok(runs)
    }

    /// One evaluation of a rule at a time.
    pub(crate) async fn invoke(&self, rule: &Rule, table: &str, endpoint: &Endpoint, now: Timestamp) -> Result<Run> {
        let around = self.surroundings(rule.name, endpoint, now)?;
        let function = Function { name: rule.name, binary: &rule.binary, table };
        let measured = function::invoke(function, &around, &event(rule, &json!({}), now)).await?;
        Ok(Run { tally: endpoint.take_tally(), measured, findings: endpoint.stored(rule.name, Some("NON_COMPLIANT")) })
    }

    async fn python(&self, rule: &Rule, day: usize, estate: &Estate) -> Result<Run> {
        let endpoint = Endpoint::start(estate.clone(), CALL, self.emulator.address()).await?;
        let around = self.surroundings(&format!("python-{}-{day}", rule.check), &endpoint, estate.now)?;
        let event = event(rule, &json!({ "check": rule.check }), estate.now);
        let measured = python::invoke(&self.python, &around, &event).await?;
        Ok(Run { tally: endpoint.take_tally(), measured, findings: endpoint.stored(rule.name, Some("NON_COMPLIANT")) })
    }

    /// An empty ledger, as the stack makes it.
    pub(crate) async fn ledger(&self, name: &str) -> Result<String> {
        let table = format!("bench-{name}");
        let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let request = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions":
                [attribute("pk", "S"), attribute("sk", "S"), attribute("open", "S"), attribute("due", "N")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "GlobalSecondaryIndexes": [{
                "IndexName": "open-by-due",
                "KeySchema": [key("open", "HASH"), key("due", "RANGE")],
                "Projection": { "ProjectionType": "ALL" },
            }],
        });
        self.emulator.json(REGION, "DynamoDB_20120810.CreateTable", &request).await?;
        Ok(table)
    }

    fn surroundings(&self, name: &str, endpoint: &Endpoint, now: Timestamp) -> Result<Surroundings> {
        let folder = clock_folder(&self.folder, name)?;
        let clock = Clock::start(now, &folder)?;
        Ok(Surroundings { endpoint: endpoint.url(), clock, libfaketime: self.emulator.libfaketime().to_owned() })
    }
}

fn clock_folder(folder: &Path, name: &str) -> Result<PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
    Ok(folder)
}

/// The event of a daily evaluation, as AWS Config sends it; the endpoint takes the rule's name as its token.
fn event(rule: &Rule, parameters: &Value, now: Timestamp) -> Value {
    let invoking_event = json!({
        "awsAccountId": "123456789012",
        "notificationCreationTime": now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "messageType": "ScheduledNotification",
        "recordVersion": "1.0",
    });
    json!({
        "version": "1.0",
        "invokingEvent": invoking_event.to_string(),
        "ruleParameters": parameters.to_string(),
        "resultToken": rule.name,
        "eventLeftScope": false,
        "executionRoleArn": "arn:aws:iam::123456789012:role/config",
        "configRuleArn": format!("arn:aws:config:{REGION}:123456789012:config-rule/config-rule-bench"),
        "configRuleName": rule.name,
        "configRuleId": "config-rule-bench",
        "accountId": "123456789012",
    })
}
