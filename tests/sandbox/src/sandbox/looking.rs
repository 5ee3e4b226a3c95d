//! What can be seen of a sandbox from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::PoisonError;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{FailedEvent, Invoked, Sandbox};
use crate::access::Access;
use crate::access_analyzer::AccessAnalyzer;
use crate::automation::{Automation, Execution};
use crate::clock::Clock;
use crate::cloudtrail::CloudTrail;
use crate::config::{Compliance, Config};
use crate::emulator::{Emulator, Violation};
use crate::faults::Faults;
use crate::functions::{Functions, LogLine};
use crate::proxy::Recorded;
use crate::published::Published;
use crate::secrets::{self, Leak};
use crate::shape::present;
use crate::template::Deployment;

/// One line of a rule's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComplianceRow {
    /// Name of the user, or its id where it is gone.
    pub user: String,
    /// `AIDA…`
    pub resource_id: String,
    /// What the result says.
    pub compliance: Compliance,
    /// What the rule says of it.
    pub annotation: String,
}

impl Sandbox {
    /// Names of the deployment's rules.
    pub fn rules(&self) -> Vec<String> {
        self.deployment.rules.keys().cloned().collect()
    }

    /// Name of the user with an id, also of one that is gone.
    pub fn user_name(&self, id: &str) -> Option<String> {
        self.directory.recorded_name(id)
    }

    /// Results of a rule as Config holds them, by user.
    pub fn compliance(&self, rule: &str) -> Vec<ComplianceRow> {
        let rows = self.config.results(rule).into_iter().map(|result| ComplianceRow {
            user: self
                .directory
                .with_id(&result.resource_id)
                .map_or_else(|| result.resource_id.clone(), |user| user.name),
            resource_id: result.resource_id,
            compliance: result.compliance,
            annotation: result.annotation.unwrap_or_default(),
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|one, other| one.user.cmp(&other.user));
        rows
    }

    /// The result on one user, if there is one.
    pub fn compliance_of(&self, rule: &str, user: &str) -> Option<ComplianceRow> {
        self.compliance(rule).into_iter().find(|row| row.user == user)
    }

    /// Every item of the ledger as plain JSON, by key.
    pub async fn ledger(&self) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        for table in self.deployment.tables.keys() {
            items.extend(self.items(table).await?.iter().map(plain_item));
        }
        let key = |item: &Value| {
            let part = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            (part("pk"), part("sk"))
        };
        items.sort_by_key(key);
        Ok(items)
    }

    /// Every item of a table as `DynamoDB` writes it.
    pub(super) async fn items(&self, table: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut from = Value::Null;
        loop {
            let request = present(json!({ "TableName": table, "ConsistentRead": true, "ExclusiveStartKey": from }));
            let answer = self.emulator.json(&self.deployment.scope.region, "DynamoDB_20120810.Scan", &request).await?;
            let found = answer.get("Items").and_then(Value::as_array).context("a scan has items")?;
            items.extend(found.iter().cloned());
            match answer.get("LastEvaluatedKey") {
                Some(key) if !key.is_null() => from = key.clone(),
                _ => return Ok(items),
            }
        }
    }

    /// The ledger's items with work to do; neither an exception nor a notice is work.
    pub async fn open_work(&self) -> Result<Vec<Value>> {
        let mut items = self.ledger().await?;
        items.retain(|item| item.get("open").is_some_and(|open| open == "work"));
        Ok(items)
    }

    /// Every call of the functions so far.
    pub fn calls(&self) -> Vec<Recorded> {
        self.proxy.log()
    }

    /// How many calls of each action there were.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.proxy.counts()
    }

    /// Evaluations that AWS would bill so far.
    pub fn billed_evaluations(&self) -> u64 {
        self.config.billed()
    }

    /// Every execution so far.
    pub fn executions(&self) -> Vec<Execution> {
        self.automation.executions()
    }

    /// Every invocation so far.
    pub fn invocations(&self) -> Vec<Invoked> {
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The events that queues keep because functions failed on them.
    pub fn failed_events(&self) -> Vec<FailedEvent> {
        self.failed_events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the functions wrote.
    pub fn logs(&self) -> Vec<LogLine> {
        self.functions.logs()
    }

    /// Requests that AWS's own service models refuse.
    pub async fn violations(&self) -> Result<Vec<Violation>> {
        self.emulator.violations().await
    }

    /// Where a secret stands that the sandbox has ever handed out, or that somebody has set: in what functions wrote, answered
    /// or sent (which is all that ledger, tags, annotations, messages and events hold of theirs), in what automations say,
    /// and in what programs wrote.
    pub async fn leaks(&self) -> Result<Vec<Leak>> {
        let secrets = self.callers.secrets().into_iter().chain(self.emulator.secrets().await?);
        secrets.for_each(|secret| self.secrets.learn(&secret));
        let logs = self.logs().into_iter().map(|line| ("a log", line.text));
        let answers = self.invocations().into_iter().map(|invoked| ("an answer", format!("{:?}", invoked.invocation)));
        let calls = self.calls().into_iter().filter(|recorded| secrets::is_ours(&recorded.call));
        let calls =
            calls.map(|recorded| ("a call", format!("{} {}", recorded.call.action, secrets::told(&recorded.call))));
        let executions = self.executions().into_iter().map(|execution| ("an execution", format!("{execution:?}")));
        let events = self.failed_events().into_iter().map(|event| ("a failed event", format!("{event:?}")));
        let written = self.secrets.written().into_iter().map(|text| ("what a program wrote", text));
        Ok(self.secrets.found_in(logs.chain(answers).chain(calls).chain(executions).chain(events).chain(written)))
    }

    /// How many secrets were handed out or set.
    pub fn secrets(&self) -> usize {
        self.secrets.count()
    }

    /// Ids of the access keys that are active now.
    pub async fn active_keys(&self) -> Result<BTreeSet<String>> {
        let truth = self.truth().await?;
        let users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
        let keys = users.filter_map(|user| user.get("keys").and_then(Value::as_array)).flatten();
        let active = keys.filter(|key| key.get("status").and_then(Value::as_str) == Some("Active"));
        Ok(active.filter_map(|key| key.get("id").and_then(Value::as_str)).map(str::to_owned).collect())
    }

    /// What is deployed.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Who may do what, and which grants were needed.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Config, to make exceptions or fail evaluations.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// SSM Automation.
    pub fn automation(&self) -> &Automation {
        &self.automation
    }

    /// Access Analyzer, to say what is not so.
    pub fn access_analyzer(&self) -> &AccessAnalyzer {
        &self.access_analyzer
    }

    /// CloudTrail, to look at events, to seed the past, to be late.
    pub fn cloudtrail(&self) -> &CloudTrail {
        &self.cloudtrail
    }

    /// What functions have told owners and the event bus.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Where the functions reach AWS here.
    pub fn endpoint(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// Where its files are as long as it lives: what the functions' processes wrote, and the clock.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Where faults are armed.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The functions, to kill one.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The account's data behind everything.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// Sandbox time, to read; [`Sandbox::advance`] moves it everywhere.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// An item without `DynamoDB`'s type letters.
fn plain_item(item: &Value) -> Value {
    let attributes = item.as_object().into_iter().flatten();
    Value::Object(attributes.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>())
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|members| members.iter().next()) else {
        return value.clone();
    };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or_else(|_| inner.clone()),
        ("M", inner) => plain_item(inner),
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("NULL", _) => Value::Null,
        _ => inner.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_shown_without_type_letters() {
        let item = json!({
            "pk": { "S": "USER#1" }, "due": { "N": "1790000000" }, "ok": { "BOOL": true }, "none": { "NULL": true },
            "inner": { "M": { "list": { "L": [{ "N": "1" }, { "S": "2" }] } } },
        });
        let plain =
            json!({ "pk": "USER#1", "due": 1_790_000_000, "ok": true, "none": null, "inner": { "list": [1, "2"] } });
        assert_eq!(plain_item(&item), plain);
    }
}
