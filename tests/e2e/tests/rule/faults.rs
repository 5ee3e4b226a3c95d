//! Whatever goes wrong with one call of the rule's run, the end is the same, or nothing is said and the failure is loud.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{
    FIRST_DAY, RULE, all_is_well, deployed, evaluate, evaluate_in_vain, expected, options, passes, switch_key, verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{self, Compliant, NonCompliant};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::Value;

/// Two users whom every run has something new to say of, one who is looked at and one who is not.
fn estate() -> Estate {
    Estate::new(FIRST_DAY)
        .user("switched-1")
        .key(age_days(100))
        .user("switched-2")
        .key(age_days(100))
        .user("old-user")
        .key(age_days(10))
        .user("young-user")
        .created(age_days(10))
        .key(age_days(10))
}

/// What is true after so many switches.
fn truth(switches: usize) -> BTreeMap<String, Compliance> {
    let of_both = if switches.is_multiple_of(2) { NonCompliant } else { Compliant };
    expected(&[("switched-1", of_both), ("switched-2", of_both), ("old-user", Compliant), ("young-user", Compliant)])
}

/// An account that changes before each run, in one sandbox.
struct World {
    sandbox: Sandbox,
    estate: Estate,
    switches: usize,
}

impl World {
    async fn new() -> Result<Self> {
        let estate = estate();
        let sandbox = deployed(options(), &estate).await?;
        evaluate(&sandbox).await?;
        ensure!(verdicts(&sandbox) == truth(0), "{:?}", verdicts(&sandbox));
        Ok(Self { sandbox, estate, switches: 0 })
    }

    /// Something for the next run to find. The process is a new one: a client that was throttled stays slow.
    async fn change(&mut self) -> Result<()> {
        self.switches += 1;
        let status = if self.switches.is_multiple_of(2) { "Active" } else { "Inactive" };
        for user in ["switched-1", "switched-2"] {
            switch_key(&self.sandbox, &self.estate, user, status).await?;
        }
        self.sandbox.functions().kill(RULE);
        self.sandbox.faults().clear();
        self.sandbox.advance(SignedDuration::from_secs(5)).await
    }

    /// The actions that a run without a fault calls, in their order. Five hours later a new credential report is due.
    async fn calls(&mut self, later: SignedDuration) -> Result<Vec<String>> {
        self.change().await?;
        self.sandbox.advance(later).await?;
        let begun = self.sandbox.calls().len();
        self.run().await?;
        Ok(self.sandbox.calls().into_iter().skip(begun).map(|recorded| recorded.call.action).collect())
    }

    /// A run that must fail and say so, and the next one, which must not.
    async fn run_in_vain(&self) -> Result<()> {
        let (before, remembered) = (verdicts(&self.sandbox), passes(&self.sandbox).await?);
        let error = evaluate_in_vain(&self.sandbox).await?;
        ensure!(error.message.contains(RULE), "{}", error.message);
        let after = verdicts(&self.sandbox);
        // Where only the ledger or the stored results fail, what was judged is told all the same.
        ensure!(after == before || after == truth(self.switches), "{after:?}");
        ensure!(passes(&self.sandbox).await? == remembered, "an incomplete run was remembered as a pass");
        self.sandbox.faults().clear();
        self.run().await.context("the next run")
    }

    /// A run that must end as if nothing had happened.
    async fn run(&self) -> Result<()> {
        let report = evaluate(&self.sandbox).await?;
        ensure!(report.get("complete") == Some(&Value::Bool(true)), "{report}");
        ensure!(report.get("unknown") == Some(&Value::from(0)), "{report}");
        ensure!(verdicts(&self.sandbox) == truth(self.switches), "{:?}", verdicts(&self.sandbox));
        let passes = passes(&self.sandbox).await?;
        ensure!(passes.get("under_way").is_none(), "{passes}");
        let finished = passes.pointer("/complete/finished").and_then(Value::as_str).unwrap_or_default();
        let finished: jiff::Timestamp = finished.parse().context("a complete pass")?;
        ensure!(self.sandbox.now().duration_since(finished) < SignedDuration::from_secs(120), "{passes}");
        Ok(())
    }
}

/// Runs with the fault at each call in turn; how many there are.
async fn one_fault_at_each_call(act: Act) -> Result<usize> {
    let mut world = World::new().await?;
    let calls = world.calls(SignedDuration::ZERO).await?;
    for (place, action) in calls.iter().enumerate() {
        world.change().await?;
        let nth = place as u64 + 1;
        let armed = world.sandbox.faults().arm(Matching::any().caller(RULE).nth(nth), act);
        world.run().await.with_context(|| format!("{act:?} at call {nth} ({action})"))?;
        ensure!(armed.fired() == 1, "{act:?} at call {nth} ({action}) did not happen");
    }
    all_is_well(&world.sandbox).await?;
    Ok(calls.len())
}

#[tokio::test]
async fn a_call_that_fails_once_is_made_again_and_the_end_is_the_same() -> Result<()> {
    let counts = tokio::try_join!(
        one_fault_at_each_call(Act::Throttle),
        one_fault_at_each_call(Act::ServerError(500)),
        one_fault_at_each_call(Act::ServerError(503)),
        one_fault_at_each_call(Act::Reset),
        one_fault_at_each_call(Act::LoseResponse),
    )?;
    assert!(counts.0 >= 12, "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_never_answered_is_made_again_and_the_end_is_the_same() -> Result<()> {
    // A time-out takes ten seconds: each action once, several accounts at a time.
    let mut world = World::new().await?;
    let calls = world.calls(SignedDuration::from_hours(5)).await?;
    let mut actions = calls;
    actions.sort();
    actions.dedup();
    assert!(actions.iter().any(|action| action == "iam:GenerateCredentialReport"), "{actions:?}");
    let share = |from: usize| unanswered(actions.iter().skip(from).step_by(4).cloned().collect());
    tokio::try_join!(share(0), share(1), share(2), share(3))?;
    all_is_well(&world.sandbox).await
}

async fn unanswered(actions: Vec<String>) -> Result<()> {
    let mut world = World::new().await?;
    for action in actions {
        world.change().await?;
        if action.contains("Report") {
            world.sandbox.advance(SignedDuration::from_hours(5)).await?;
        }
        let armed = world.sandbox.faults().arm(Matching::action(&action).caller(RULE), Act::Timeout);
        world.run().await.with_context(|| format!("{action} is not answered"))?;
        ensure!(armed.fired() == 1, "{action} was not called");
    }
    all_is_well(&world.sandbox).await
}

#[tokio::test]
async fn a_call_that_keeps_failing_fails_the_run_loudly_and_the_next_run_ends_the_same() -> Result<()> {
    let mut world = World::new().await?;
    let calls = world.calls(SignedDuration::ZERO).await?;
    for (place, action) in calls.iter().enumerate() {
        world.change().await?;
        let nth = place as u64 + 1;
        world.sandbox.faults().arm(Matching::any().caller(RULE).nth(nth).always(), Act::Deny);
        world.run_in_vain().await.with_context(|| format!("all is denied from call {nth} on ({action})"))?;
    }
    world.change().await?;
    world.sandbox.advance(SignedDuration::from_hours(5)).await?;
    world.sandbox.faults().arm(Matching::action("iam:GenerateCredentialReport").always(), Act::Deny);
    world.run_in_vain().await.context("there is no credential report")?;
    all_is_well(&world.sandbox).await
}

#[tokio::test]
async fn killed_at_any_call_the_rule_catches_up_with_its_next_run() -> Result<()> {
    let mut world = World::new().await?;
    let calls = world.calls(SignedDuration::ZERO).await?;
    for (place, action) in calls.iter().enumerate() {
        for act in [Act::DieBefore, Act::DieAfter] {
            world.change().await?;
            let nth = place as u64 + 1;
            let armed = world.sandbox.faults().arm(Matching::any().caller(RULE).nth(nth), act);
            world.sandbox.evaluate(RULE).await?;
            ensure!(armed.fired() == 1, "{act:?} at call {nth} ({action}) did not happen");
            let seen = verdicts(&world.sandbox);
            let (old, new) = (truth(world.switches - 1), truth(world.switches));
            ensure!(seen == old || seen == new, "{act:?} at call {nth} ({action}): {seen:?}");
            world.sandbox.faults().clear();
            world.run().await.with_context(|| format!("after {act:?} at call {nth} ({action})"))?;
        }
    }
    all_is_well(&world.sandbox).await
}
