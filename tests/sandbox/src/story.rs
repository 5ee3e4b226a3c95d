//! The loop taken once round on a seeded company, told as it goes: `cargo sandbox`.

mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use credwarden_estate::company::company;
use credwarden_estate::seed::Seed;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::automation::{Execution, Status};
use crate::config::Compliance;
use crate::functions::Ended;
use crate::progress::Progress;
use crate::sandbox::{Options, Sandbox};

use table::Table;

/// Takes the loop round, day by day until no day brings anything new, and writes what happens to `out`.
pub async fn tell(out: &mut impl Write, progress: &Progress) -> Result<()> {
    let begun = Instant::now();
    let now: Timestamp = FIRST_DAY.parse().context("the first day")?;
    let sandbox = Sandbox::start_with(Options::at(now), progress).await?;
    let company = company(now);
    progress.say(&format!("seeding a company of {} users", company.estate.users.len()));
    sandbox.seed(&serde_json::to_value(Seed::from(&company.estate))?).await?;
    let rules = sandbox.rules();
    writeln!(
        out,
        "Credwarden's sandbox: account {}, {} users",
        sandbox.deployment().scope.account,
        company.estate.users.len()
    )?;

    progress.say("AWS Config evaluates for the first time");
    evaluate(&sandbox, &rules).await?;
    compliance(out, &sandbox, &rules, "before")?;

    let mut days = Days::default();
    let first = sandbox.run_automations().await?;
    days.tell(out, &sandbox, &first)?;
    while days.number < MOST_DAYS && days.quiet < 2 {
        progress.say(&format!("day {}: schedules, evaluation, remediation", days.number));
        let executions = pass_a_day(&sandbox).await?;
        days.tell(out, &sandbox, &executions)?;
    }
    evaluate(&sandbox, &rules).await?;
    compliance(out, &sandbox, &rules, "after")?;
    undo(out, &sandbox, progress).await?;
    sums(out, &sandbox, begun)
}

async fn evaluate(sandbox: &Sandbox, rules: &[String]) -> Result<()> {
    for rule in rules {
        sandbox.evaluate(rule).await?;
    }
    all_is_well(sandbox)
}

/// A story in which a function fails or a role lacks a grant is not told on.
fn all_is_well(sandbox: &Sandbox) -> Result<()> {
    if let Some(refusal) = sandbox.access().refusals().first() {
        bail!("`{}` was not allowed {} on {}", refusal.caller, refusal.action, refusal.resource);
    }
    for invoked in sandbox.invocations() {
        match invoked.invocation.result {
            Ended::Answered(_) => {}
            ended => bail!("`{}` failed: {ended:?}\n{}", invoked.function, invoked.invocation.logs.join("\n")),
        }
    }
    Ok(())
}

/// Twenty-four hours with their schedules, and Config's daily evaluation in the last of them.
async fn pass_a_day(sandbox: &Sandbox) -> Result<Vec<Execution>> {
    let mut executions = Vec::new();
    for _ in 0..HOURS {
        sandbox.advance(SignedDuration::from_hours(1)).await?;
        executions.extend(sandbox.tick().await?);
    }
    all_is_well(sandbox)?;
    Ok(executions)
}

/// What has been told of whom so far: a day tells only what is new.
#[derive(Default)]
struct Days {
    number: usize,
    quiet: usize,
    told: BTreeMap<(String, String), String>,
}

impl Days {
    fn tell(&mut self, out: &mut impl Write, sandbox: &Sandbox, executions: &[Execution]) -> Result<()> {
        let mut table = Table::new(["user", "document", "steps", "answer", "why"]);
        let mut as_before = 0;
        let mut acted = false;
        for execution in executions {
            let line = Line::of(execution, sandbox);
            acted |= line.status == "done";
            let key = (line.user.clone(), execution.document.clone());
            if self.told.insert(key, line.status.clone()).is_some_and(|before| before == line.status) {
                as_before += 1;
            } else {
                table.row([&line.user, &execution.document, &line.steps, &line.status, &line.why]);
            }
        }
        let news = !table.is_empty();
        writeln!(out, "\nDay {} ({}): {} automations", self.number, day(sandbox.now()), executions.len())?;
        table.write(out)?;
        if as_before > 0 {
            writeln!(out, "  {as_before} more with the same answer as before")?;
        }
        self.quiet = if acted || news { 0 } else { self.quiet + 1 };
        self.number += 1;
        Ok(())
    }
}

/// One automation on one line.
struct Line {
    user: String,
    steps: String,
    status: String,
    why: String,
}

impl Line {
    fn of(execution: &Execution, sandbox: &Sandbox) -> Self {
        let text = |answer: &Value, name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = execution.parameters.get("ResourceId").and_then(|values| values.first()).cloned().unwrap_or_default();
        let steps = execution.steps.iter().map(|step| match step.status {
            Status::Success => step.name.clone(),
            other => format!("{} ({})", step.name, other.word()),
        });
        let answer = execution.remedy_answer().unwrap_or_default();
        let failure = execution.failure.clone();
        Self {
            user: short(&sandbox.user_name(&id).unwrap_or(id)),
            steps: steps.collect::<Vec<_>>().join(" > "),
            status: text(&answer, "status").unwrap_or_else(|| execution.status.word().to_owned()),
            why: failure.or_else(|| text(&answer, "reason")).unwrap_or_default(),
        }
    }
}

fn compliance(out: &mut impl Write, sandbox: &Sandbox, rules: &[String], when: &str) -> Result<()> {
    for rule in rules {
        let rows = sandbox.compliance(rule);
        let count = |wanted| rows.iter().filter(|row| row.compliance == wanted).count();
        let (bad, good) = (count(Compliance::NonCompliant), count(Compliance::Compliant));
        writeln!(out, "\nCompliance {when}, rule {rule}: {bad} NON_COMPLIANT, {good} COMPLIANT")?;
        let mut table = Table::new(["user", "result", "annotation"]);
        let (told, silent): (Vec<_>, Vec<_>) = rows.iter().partition(|row| !row.annotation.is_empty());
        for row in told {
            table.row([&short(&row.user), row.compliance.word(), &row.annotation]);
        }
        table.write(out)?;
        writeln!(out, "  {} more are COMPLIANT without a remark", silent.len())?;
    }
    Ok(())
}

/// A person undoes the first act, and the next day's evaluation leaves it undone.
async fn undo(out: &mut impl Write, sandbox: &Sandbox, progress: &Progress) -> Result<()> {
    let executions = sandbox.executions();
    let done = executions.iter().find_map(Undo::of);
    let Some(undo) = done else {
        writeln!(out, "\nNothing was done, so there is nothing to undo")?;
        return Ok(());
    };
    progress.say("olivia undoes the first act");
    let parameters = [("ResourceId", undo.resource_id.as_str()), ("CredentialId", undo.credential_id.as_str())];
    sandbox.start_document(&undo.document, &parameters, "olivia")?;
    let mut days = Days::default();
    let ended = sandbox.run_automations().await?;
    writeln!(out, "\nUndo of the first act")?;
    days.tell(out, sandbox, &ended)?;
    let status = sandbox.key_status(&undo.credential_id).await?.unwrap_or_default();
    writeln!(out, "  {} is {status}", undo.credential_id)?;
    progress.say("the day after the undo");
    pass_a_day(sandbox).await?;
    let status = sandbox.key_status(&undo.credential_id).await?.unwrap_or_default();
    writeln!(out, "  a day and an evaluation later it is {status}")?;
    Ok(())
}

/// How an execution's answer says that it can be undone.
struct Undo {
    document: String,
    resource_id: String,
    credential_id: String,
}

impl Undo {
    fn of(execution: &Execution) -> Option<Self> {
        let answer = execution.remedy_answer()?;
        let undo = answer.get("undo")?;
        let text = |name: &str| Some(undo.get(name)?.as_str()?.to_owned());
        let credential = undo.get("credentialIds")?.as_array()?.first()?.as_str()?;
        Some(Self {
            document: text("document")?,
            resource_id: text("resourceId")?,
            credential_id: credential.to_owned(),
        })
    }
}

fn sums(out: &mut impl Write, sandbox: &Sandbox, begun: Instant) -> Result<()> {
    writeln!(out, "\nCalls")?;
    let mut table = Table::new(["action", "calls"]);
    let counts = sandbox.counts();
    for (action, count) in &counts {
        table.row([action, &count.to_string()]);
    }
    table.write(out)?;
    writeln!(out, "\n{} calls in all", counts.values().sum::<u64>())?;
    writeln!(out, "{} evaluations billed", sandbox.billed_evaluations())?;
    writeln!(out, "{} invocations, {} refused calls", sandbox.invocations().len(), sandbox.access().refusals().len())?;
    writeln!(out, "{:.0} s", begun.elapsed().as_secs_f32())?;
    Ok(())
}

/// A name that leaves room for the rest of its line.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
}

fn day(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d").to_string()
}

/// The story's clock at its beginning; the same every time, so that its output is.
const FIRST_DAY: &str = "2026-11-24T08:00:00Z";

const HOURS: usize = 24;

const NAME_WIDTH: usize = 32;

/// The story ends earlier, when two days bring nothing new.
const MOST_DAYS: usize = 30;
