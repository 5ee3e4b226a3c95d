//! From a command to its output and exit status.

use anyhow::Context as _;
use clap::CommandFactory as _;
use credwarden_policy::policy::Policy;
use credwarden_policy::schema::document_schema;
use jiff::Timestamp;

use crate::arguments::{Arguments, Command, Explain, ExplainFormat, Format, Input, PolicyRequest, Scan};
use crate::failure::Failure;
use crate::input::{account, facts, policy, text};
use crate::output::{Look, csv, json, sarif, table};
use crate::rules::{Creators, Rule, chosen, insist, judgeable};
use crate::subject::Facts;
use crate::{exception, explain, hold, permissions, plan, scan, work};

/// What is written to standard output, and the exit status.
#[derive(Debug)]
pub struct Outcome {
    /// The text.
    pub text: String,
    /// The exit status.
    pub status: u8,
}

impl From<String> for Outcome {
    fn from(text: String) -> Self {
        Self { text, status: 0 }
    }
}

/// Does what was asked.
///
/// # Errors
/// It could not be done; nothing was changed.
pub async fn run(arguments: Arguments, look: Look, now: Timestamp) -> Result<Outcome, Failure> {
    match arguments.command {
        Command::Scan(request) => run_scan(&request, look, now).await,
        Command::Explain(request) => run_explain(&request, now).await,
        Command::Plan(request) => Ok(Box::pin(plan::run(&request, look, now)).await?.into()),
        Command::Snapshot(request) => {
            let recording = Box::pin(account::record(&request.account, now)).await?;
            let text = recording.to_json().context("failed to write the recording")?;
            Ok(Outcome::from(text + "\n"))
        }
        Command::Exception(request) => Ok(Box::pin(exception::run(&request, now)).await?.into()),
        Command::Hold(request) => Ok(Box::pin(hold::run(&request, now)).await?.into()),
        Command::Work(request) => Ok(Box::pin(work::run(&request, now)).await?.into()),
        Command::Policy(request) => Ok(run_policy(&request)?.into()),
        Command::Permissions(request) => Ok(json::render_sorted(&permissions::policy(
            request.ledger_table.as_deref(),
            request.automation_role.as_deref(),
        ))?
        .into()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "credwarden", &mut script);
            Ok(String::from_utf8(script).context("failed to write the completion script")?.into())
        }
    }
}

async fn run_scan(request: &Scan, look: Look, now: Timestamp) -> Result<Outcome, Failure> {
    let (policy, used) = policy(request.input.policy.as_deref())?;
    if request.input.account.ledger_table.is_none() {
        // Before anything is read for nothing.
        insist(&request.rules, &policy, Creators::NotRead)?;
    }
    let (facts, rules) = judgeable_facts(&request.input, &policy, &chosen(&request.rules), now).await?;
    insist(&request.rules, &policy, facts.creators)?;
    let scan = scan::scan(facts, &policy, used, &rules, request)?;
    let text = match request.format {
        Format::Table => table::render(&scan, look),
        Format::Json => json::render(&scan)?,
        Format::Csv => csv::render(&scan)?,
        Format::Sarif => json::render_sorted(&sarif::document(&scan))?,
    };
    Ok(Outcome { text, status: scan::exit_status(&scan.summary, request.fail_on) })
}

async fn run_explain(request: &Explain, now: Timestamp) -> Result<Outcome, Failure> {
    let (policy, _) = policy(request.input.policy.as_deref())?;
    let (facts, rules) = judgeable_facts(&request.input, &policy, &chosen(&[]), now).await?;
    let explanation = explain::explain(&request.user, &facts, &policy, &rules)?;
    let text = match request.format {
        ExplainFormat::Text => explanation.text(),
        ExplainFormat::Json => json::render(&explanation)?,
    };
    Ok(text.into())
}

/// The facts that are asked for, and the rules that can be judged by them; the facts say why the others cannot.
async fn judgeable_facts(
    input: &Input,
    policy: &Policy,
    rules: &[&'static Rule],
    now: Timestamp,
) -> Result<(Facts, Vec<&'static Rule>), Failure> {
    let mut facts = facts(input, policy, rules, now).await?;
    let (rules, obstacle) = judgeable(rules, policy, facts.creators);
    facts.limitations.extend(obstacle.map(str::to_owned));
    Ok((facts, rules))
}

fn run_policy(request: &PolicyRequest) -> Result<String, Failure> {
    if let Some(file) = &request.check {
        let name = file.display();
        let text = text(file).with_context(|| format!("failed to read the policy `{name}`"))?;
        let policy = Policy::parse(&text).with_context(|| format!("failed to use the policy `{name}`"))?;
        return Ok(json::render(policy.document())?);
    }
    if request.schema {
        return Ok(json::render_sorted(&document_schema())?);
    }
    if let Some(preset) = request.preset {
        return Ok(preset.document() + "\n");
    }
    let (policy, _) = policy(request.policy.as_deref())?;
    Ok(json::render(&policy.effective())?)
}
