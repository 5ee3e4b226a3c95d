//! What the services do as time goes by.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use futures_util::future::{join_all, try_join_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Sandbox;
use crate::automation::{Execution, Status};
use crate::config;
use crate::functions::{Ended, Invocation};
use crate::tricks::Trick;

/// How a sandbox stands after [`Sandbox::settle`].
#[derive(Clone, Debug)]
pub struct Settled {
    /// Sandbox time that went by.
    pub took: SignedDuration,
    /// What is still open in the ledger; empty where everything is settled.
    pub open: Vec<Value>,
    /// The executions that ran.
    pub executions: Vec<Execution>,
}

impl Sandbox {
    /// Makes time jump. Nothing is done at the times between.
    pub async fn advance(&self, by: SignedDuration) -> Result<()> {
        self.clock.advance(by)?;
        self.emulator.follow(&self.clock).await?;
        self.analyze().await?;
        if self.options.tricks.plays(Trick::ExpiredItemsRemoved) { self.remove_expired().await } else { Ok(()) }
    }

    /// Somebody creates an unused access analyzer of this age, and it looks at the account.
    pub async fn create_analyzer(&self, age_days: i64) -> Result<()> {
        self.access_analyzer.create(age_days, self.now());
        self.analyze().await
    }

    /// Access Analyzer looks at the account, if it is time to.
    async fn analyze(&self) -> Result<()> {
        if self.access_analyzer.is_due(self.now()) {
            self.access_analyzer.look(&self.truth().await?, self.now());
        }
        Ok(())
    }

    /// Makes it this time.
    pub async fn set_time(&self, now: Timestamp) -> Result<()> {
        self.advance(now.duration_since(self.now())).await
    }

    /// `DynamoDB` removes the items whose time is over.
    async fn remove_expired(&self) -> Result<()> {
        let now = self.now().as_second();
        for table in self.deployment.tables.values() {
            let Some(attribute) = &table.expires_by else { continue };
            for item in self.items(&table.name).await? {
                let expires = item.get(attribute).and_then(|at| at.get("N")).and_then(Value::as_str);
                if expires.and_then(|at| at.parse::<i64>().ok()).is_some_and(|at| at < now) {
                    let key = table.key_of(&item);
                    let request = json!({ "TableName": table.name, "Key": key });
                    let region = &self.deployment.scope.region;
                    self.emulator.json(region, "DynamoDB_20120810.DeleteItem", &request).await?;
                }
            }
        }
        Ok(())
    }

    /// Config evaluates a rule now: the invocations of its function. What comes double comes at once, what is late after it.
    pub async fn evaluate(&self, rule: &str) -> Result<Vec<Invocation>> {
        let (late, at_once): (Vec<_>, Vec<_>) =
            self.config.begin(rule, self.now())?.into_iter().partition(|invocation| invocation.late);
        let mut ended = Vec::new();
        for begun in [at_once, late] {
            let run = begun.iter().map(|invocation| self.invoke_for_config(invocation));
            ended.extend(try_join_all(run).await.with_context(|| format!("failed to evaluate rule `{rule}`"))?);
        }
        Ok(ended)
    }

    async fn invoke_for_config(&self, begun: &config::Invocation) -> Result<Invocation> {
        let rule = self.deployment.rules.get(&begun.rule).context("the rule is not in the template")?;
        let service = "config.amazonaws.com";
        let ended = self.invoke_as_service(service, &rule.arn, &begun.function_arn, &begun.event).await;
        self.config.ended(begun);
        ended
    }

    /// Config's test of a rule, whose results are not stored.
    pub async fn evaluate_in_test_mode(&self, rule: &str) -> Result<Invocation> {
        self.invoke_for_config(&self.config.begin_test(rule, self.now())?).await
    }

    /// Config evaluates what is due by schedule or was asked for.
    pub async fn evaluate_due(&self) -> Result<()> {
        if self.silent.load(Ordering::SeqCst) {
            return Ok(());
        }
        for rule in self.config.due(self.now()) {
            self.evaluate(&rule).await?;
        }
        Ok(())
    }

    /// Starts Config's remediations, then runs everything that is queued, and what is queued meanwhile, to its end or until
    /// it waits for an approval.
    pub async fn run_automations(&self) -> Result<Vec<Execution>> {
        let mut ended = Vec::new();
        loop {
            self.start_remediations()?;
            let ids: Vec<_> =
                std::iter::from_fn(|| self.automation.next()).take(self.options.automations_at_once.max(1)).collect();
            if ids.is_empty() {
                return Ok(ended);
            }
            let run = ids.iter().map(|id| self.automation.run(id, self, || self.now()));
            for execution in join_all(run).await {
                let execution = execution.context("failed to run an automation")?;
                if execution.ended.is_some() {
                    self.config.execution_ended(&execution.id, execution.status == Status::Success, self.now());
                }
                ended.push(execution);
            }
        }
    }

    fn start_remediations(&self) -> Result<()> {
        if self.silent.load(Ordering::SeqCst) {
            return Ok(());
        }
        for start in self.config.take_remediations(self.now()) {
            let by = self.automation.config_arn();
            let id = self.automation.start(&start.document, start.parameters.clone(), &by, self.now());
            let id = id.with_context(|| format!("failed to remediate `{}`", start.resource_id))?;
            self.config.remediation_started(&start, &id, self.now());
        }
        Ok(())
    }

    /// `EventBridge` fires the schedules that are due.
    pub async fn fire_schedules(&self) -> Result<Vec<Invocation>> {
        let firings = self.schedules.due(self.now());
        self.fire(firings).await
    }

    /// `EventBridge` fires every schedule now, due or not.
    pub async fn fire_all_schedules(&self) -> Result<Vec<Invocation>> {
        let firings = self.schedules.all(self.now());
        self.fire(firings).await
    }

    async fn fire(&self, firings: Vec<crate::schedule::Firing>) -> Result<Vec<Invocation>> {
        let mut invocations = Vec::new();
        for firing in firings {
            let rule_arn = self.deployment.scope.arn("events", &format!("rule/{}", firing.schedule));
            let fired =
                self.invoke_as_service("events.amazonaws.com", &rule_arn, &firing.function_arn, &firing.event).await;
            invocations.push(fired.with_context(|| format!("failed to fire schedule `{}`", firing.schedule))?);
        }
        Ok(invocations)
    }

    /// `EventBridge` delivers what CloudTrail has given it by now; what fails is tried again later.
    pub async fn deliver_events(&self) -> Result<Vec<Invocation>> {
        for event in self.cloudtrail.take_deliveries(self.now()) {
            self.event_bus.put(&event, self.now());
        }
        let mut invocations = Vec::new();
        for delivery in self.event_bus.take_due(self.now()) {
            let rule_arn = self.deployment.scope.arn("events", &format!("rule/{}", delivery.rule));
            let service = "events.amazonaws.com";
            let ended = self.invoke_as_service(service, &rule_arn, &delivery.function_arn, &delivery.event).await;
            let ended = ended.with_context(|| format!("failed to deliver an event of rule `{}`", delivery.rule))?;
            if !matches!(ended.result, Ended::Answered(_)) {
                self.failed_on(&delivery)?;
            }
            invocations.push(ended);
        }
        Ok(invocations)
    }

    /// Everything that the services do at this moment: events, schedules, evaluations, automations, rotations of secrets.
    pub async fn tick(&self) -> Result<Vec<Execution>> {
        self.deliver_events().await?;
        self.fire_schedules().await?;
        self.evaluate_due().await?;
        let executions = self.run_automations().await?;
        self.run_rotations().await?;
        Ok(executions)
    }

    /// Lets so many hours go by, with everything that the services do at each.
    pub async fn pass(&self, hours: u32) -> Result<Vec<Execution>> {
        let mut executions = Vec::new();
        for _ in 0..hours {
            self.advance(SignedDuration::from_hours(1)).await?;
            executions.extend(self.tick().await?);
        }
        Ok(executions)
    }

    /// Lets hours go by, with everything that the services do in them, until nothing is open, for at most this time.
    /// Hours in which nothing can be due are skipped.
    pub async fn settle(&self, at_most: SignedDuration) -> Result<Settled> {
        let begun = self.now();
        let mut executions = self.tick().await?;
        loop {
            let open = self.open_work().await?;
            let took = self.now().duration_since(begun);
            let idle = self.config.asked().is_empty() || self.silent.load(Ordering::SeqCst);
            if (open.is_empty() && idle) || took >= at_most {
                return Ok(Settled { took, open, executions });
            }
            self.advance(self.until_something_is_due(&open)).await?;
            executions.extend(self.tick().await?);
        }
    }

    /// Whole hours until the first open item is due, at most until the next daily evaluation.
    fn until_something_is_due(&self, open: &[Value]) -> SignedDuration {
        let due = open.iter().filter_map(|item| item.get("due").and_then(Value::as_i64)).min();
        let seconds = due.map_or(0, |due| due - self.now().as_second());
        let hours = seconds.div_euclid(3_600) + i64::from(seconds.rem_euclid(3_600) > 0);
        SignedDuration::from_hours(hours.clamp(1, 24))
    }

    /// Config falls silent: it neither evaluates nor remediates any more, until it is told otherwise.
    pub fn silence_config(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}
