//! The loop taken once round on a seeded company, told as it goes: `cargo sandbox`.

mod creators;
mod half_year;
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use credwarden_estate::company::company;
use credwarden_estate::seed::Seed;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::automation::{Execution, Status};
use crate::config::Compliance;
use crate::functions::Ended;
use crate::progress::Progress;
use crate::sandbox::{Options, Sandbox};

use table::Table;

/// Takes the loop round and writes what happens to `out`: four days of a company, an undo, a key that somebody makes who may
/// not, and half a year of rotations.
pub async fn tell(out: &mut impl Write, progress: &Progress) -> Result<()> {
    let begun = Instant::now();
    let now: Timestamp = FIRST_DAY.parse().context("the first day")?;
    let sandbox = Sandbox::start_with(Options::at(now), progress).await?;
    let company = company(now);
    let estate = half_year::with_owners(company.estate);
    let users = estate.users.len();
    progress.say(&format!("seeding a company of {users} users"));
    sandbox.seed(&serde_json::to_value(Seed::from(&estate))?).await?;
    let in_use: Vec<_> =
        company.specimens.iter().flat_map(|specimen| &specimen.held).map(ToString::to_string).collect();
    let rules = sandbox.rules();
    writeln!(out, "Account {}, {users} users, profile `automatic`", sandbox.deployment().scope.account)?;

    progress.say("day 0: AWS Config evaluates for the first time");
    evaluate(&sandbox, &rules).await?;
    compliance(out, &sandbox, &rules, "before")?;
    let mut told = Told::default();
    headline(out, &sandbox, "a new installation only observes")?;
    told.tell(out, &sandbox, &sandbox.run_automations().await?)?;

    progress.say("day 1: hourly schedule, evaluation, remediation");
    let executions = pass_a_day(&sandbox, &in_use).await?;
    headline(out, &sandbox, "what was reported a day ago is acted on, within the day's budget")?;
    told.tell(out, &sandbox, &executions)?;

    let mut policy = sandbox.deployed_policy()?;
    raise_budget(&sandbox, &mut policy).await?;
    progress.say("day 2: hourly schedule, evaluation, remediation");
    let executions = pass_a_day(&sandbox, &in_use).await?;
    headline(out, &sandbox, "olivia has raised the budget to all keys")?;
    told.tell(out, &sandbox, &executions)?;

    evaluate(&sandbox, &rules).await?;
    compliance(out, &sandbox, &rules, "after")?;
    undo(out, &sandbox, &in_use, progress).await?;
    creators::tell(out, &sandbox, &mut policy, progress).await?;
    half_year::tell(out, &sandbox, &mut policy, &in_use, progress).await?;
    sums(out, &sandbox, begun)
}

/// The policy's budget is for accounts in which somebody watches; it holds from the next act on.
async fn raise_budget(sandbox: &Sandbox, policy: &mut Value) -> Result<()> {
    let members = policy.as_object_mut().context("a policy is an object")?;
    members.insert("budget".to_owned(), json!({ "perDay": 100, "percentPerDay": 100 }));
    sandbox.set_policy(&policy.to_string()).await
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

/// Twenty-four hours: owners go on using their keys, the schedule fires, and Config evaluates once.
async fn pass_a_day(sandbox: &Sandbox, in_use: &[String]) -> Result<Vec<Execution>> {
    for key in in_use {
        sandbox.use_key(key).await?;
    }
    let executions = sandbox.pass(24).await?;
    all_is_well(sandbox)?;
    Ok(executions)
}

fn headline(out: &mut impl Write, sandbox: &Sandbox, text: &str) -> Result<()> {
    Ok(writeln!(out, "\n{}: {text}", sandbox.now().strftime("%Y-%m-%d"))?)
}

/// What has been told of whom so far: only what is new is told again.
#[derive(Default)]
struct Told(BTreeMap<(String, String), String>);

impl Told {
    /// Whether one of these ended otherwise than the last of its user and document.
    fn is_news(&self, executions: &[Execution], sandbox: &Sandbox) -> bool {
        executions.iter().any(|execution| {
            let line = Line::of(execution, sandbox);
            self.0.get(&(line.user, execution.document.clone())) != Some(&line.status)
        })
    }

    fn tell(&mut self, out: &mut impl Write, sandbox: &Sandbox, executions: &[Execution]) -> Result<()> {
        let mut table = Table::new(["user", "document", "steps", "answer", "why"]);
        let mut as_before = 0;
        for execution in executions {
            let line = Line::of(execution, sandbox);
            let key = (line.user.clone(), execution.document.clone());
            if self.0.insert(key, line.status.clone()).is_some_and(|before| before == line.status) {
                as_before += 1;
            } else {
                table.row([&line.user, &execution.document, &line.steps, &line.status, &line.why]);
            }
        }
        table.write(out)?;
        if as_before > 0 {
            writeln!(out, "  {as_before} more with the same answer as before")?;
        }
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
async fn undo(out: &mut impl Write, sandbox: &Sandbox, in_use: &[String], progress: &Progress) -> Result<()> {
    let executions = sandbox.executions();
    let Some(undo) = executions.iter().find_map(Undo::of) else { bail!("nothing was done that could be undone") };
    progress.say("olivia undoes the first act");
    let parameters = [("ResourceId", undo.resource_id.as_str()), ("CredentialId", undo.credential_id.as_str())];
    let id = sandbox.start_document(&undo.document, &parameters, "olivia")?;
    sandbox.run_automations().await?;
    headline(out, sandbox, "olivia undoes the first act")?;
    let mine: Vec<_> = sandbox.automation().execution(&id).into_iter().collect();
    Told::default().tell(out, sandbox, &mine)?;
    let status = sandbox.key_status(&undo.credential_id).await?.unwrap_or_default();
    writeln!(out, "  {} is {status}", undo.credential_id)?;

    progress.say("day 3: hourly schedule, evaluation, remediation");
    let mut executions = pass_a_day(sandbox, in_use).await?;
    executions.retain(|execution| execution.parameters.get("ResourceId") == Some(&vec![undo.resource_id.clone()]));
    headline(out, sandbox, "the key is found again, and left alone")?;
    Told::default().tell(out, sandbox, &executions)?;
    let status = sandbox.key_status(&undo.credential_id).await?.unwrap_or_default();
    writeln!(out, "  {} is {status}", undo.credential_id)?;
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
    writeln!(out, "{:.0} s from the start, builds included", begun.elapsed().as_secs_f32())?;
    Ok(())
}

/// A name that leaves room for the rest of its line.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
}

/// The story's clock at its beginning; the same every time, so that its output is.
const FIRST_DAY: &str = "2026-11-24T08:00:00Z";

const NAME_WIDTH: usize = 32;
