//! `cargo bench-rules`: the rules beside a per-user Python rule, in one run on this machine. The result goes to stdout,
//! progress to stderr. `--readme` also puts the result into the README; `--quick` takes small accounts, and only shows that
//! everything works.
//!
//! Both sides meet the same endpoint: every call is answered after 20 ms, by IAM, AWS Config and `CloudTrail` from memory and `DynamoDB`
//! by the sandbox's emulator. Nothing here fails because something is slow: targets are compared, and the outcome printed.

mod account;
mod billing;
mod binaries;
mod call;
mod comparison;
mod config;
mod endpoint;
mod function;
mod iam;
mod process;
mod python;
mod readme;
mod report;
mod table;
mod target;
mod trail;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use credwarden_sandbox::clock::Clock;
use credwarden_sandbox::emulator::{Emulator, installation_folder};
use credwarden_sandbox::progress::Progress;
use jiff::Timestamp;

use crate::comparison::{Bench, Rule};
use crate::function::Function;

/// How often a function is started to time its first poll.
const STARTS: usize = 20;

/// The time of the first day.
const NOW: &str = "2026-11-24T12:00:00Z";

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    accounts: [usize; 2],
    /// Users and days of the evaluations billed.
    billing: (usize, u32),
    /// Whether the README takes the result over.
    readme: bool,
}

const WHOLE: Extent = Extent { accounts: [1_000, 5_000], billing: (1_200, 30), readme: false };
const QUICK: Extent = Extent { accounts: [100, 200], billing: (1_200, 3), readme: false };

fn main() -> ExitCode {
    let extent = match std::env::args().nth(1).as_deref() {
        None => WHOLE,
        Some("--quick") => QUICK,
        Some("--readme") => Extent { readme: true, ..WHOLE },
        Some(argument) => {
            return failed(&format!("unknown argument `{argument}`\nusage: cargo bench-rules [--quick | --readme]"));
        }
    };
    let measured = tokio::runtime::Runtime::new()
        .context("failed to start")
        .and_then(|runtime| runtime.block_on(measure(extent, &Progress::default())));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{error:#}")),
    }
}

fn failed(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "bench-rules: {message}");
    ExitCode::FAILURE
}

async fn measure(extent: Extent, progress: &Progress) -> Result<()> {
    progress.say("building release binaries (`cargo build --release`)");
    let binaries = binaries::build().await?;
    let folder = installation_folder().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
    let python = python::install(&installation_folder()).await?;
    let rules = [
        Rule { name: "access-key-age", check: "age", binary: found(&binaries, "access-key-age")? },
        Rule { name: "unused-credentials", check: "unused", binary: found(&binaries, "unused-credentials")? },
        Rule {
            name: "unauthorized-key-creation",
            check: "creator",
            binary: found(&binaries, "unauthorized-key-creation")?,
        },
    ];
    let mut targets = Vec::new();

    progress.say("starting the functions");
    for rule in &rules {
        let zipped = python::zipped_size(&python, &rule.binary).await?;
        let function = Function { name: rule.name, binary: &rule.binary, table: "none" };
        let polls = (0..STARTS).map(|_| function::first_poll(function)).collect::<Result<Vec<_>>>()?;
        targets.extend(target::of_binary(rule.name, zipped, 1_000.0 * median(polls).as_secs_f64()));
    }
    progress.say("judging up to 10,000,000 credentials");
    let judged = binaries::judge(&found(&binaries, "judge-credentials")?).await?;
    targets.extend(target::of_core(&judged));

    let now: Timestamp = NOW.parse().context("the first day has no time")?;
    let emulator = Emulator::start(&installation_folder(), &Clock::start(now, &folder)?).await?;
    let bench = Bench { emulator, python, folder, now };
    let mut pairs = Vec::new();
    for users in extent.accounts {
        progress.say(&format!("evaluating {users} users on two days"));
        pairs.extend(bench.compare(&rules, &account::steady(users, now)).await?);
    }
    let (users, days) = extent.billing;
    progress.say(&format!("evaluating {users} users on {days} days"));
    let mut billed = Vec::new();
    for rule in &rules {
        billed.push(bench.billed(rule, users, days).await?);
    }
    targets.extend(target::of_pairs(&pairs));
    targets.extend(billed.iter().copied().map(target::of_billed));

    let text = [
        report::machine(),
        report::runs(&pairs).to_string(),
        report::emulator(&pairs),
        report::calls(&pairs).to_string(),
        report::billed(&billed).to_string(),
        report::core(&judged).to_string(),
        target::table(&targets).to_string(),
    ];
    let text = text.join("\n");
    std::io::stdout().write_all(text.as_bytes()).context("failed to print")?;
    if extent.readme {
        readme::write(&text)?;
    }
    progress.say("done");
    Ok(())
}

fn found(binaries: &BTreeMap<String, PathBuf>, name: &str) -> Result<PathBuf> {
    binaries.get(name).cloned().with_context(|| format!("the build made no `{name}`"))
}

/// The middle of some times; of an even number, the later of the two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_start_does_not_move_the_median() {
        let times = [5, 900, 6, 7, 4].map(Duration::from_millis);
        assert_eq!(median(times.to_vec()), Duration::from_millis(6));
    }
}
