//! An exception that is granted and ends, in which everything is called that is granted for exceptions.

use anyhow::{Result, ensure};
use credwarden_e2e::exception::{Ask, ask_and_approve, tags};
use credwarden_e2e::rule::{DAY, FIRST_DAY, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::sandbox::Sandbox;

pub(crate) async fn excepted() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY).user("silent").key(age_days(3));
    let sandbox = deployed(options(), &estate).await?;
    let users = estate.users.iter().map(|user| user.id().to_string()).collect::<Vec<_>>().concat();
    let ended = ask_and_approve(&sandbox, &Ask::grant(&users, "all", "2026-11-30")).await?;
    ensure!(ended.status == "done" && tags(&sandbox, "silent").await?.len() == 1, "{ended:?}");
    sandbox.advance(DAY * 8).await?;
    for invocation in sandbox.fire_all_schedules().await? {
        report(&invocation)?;
    }
    sandbox.run_automations().await?;
    ensure!(tags(&sandbox, "silent").await?.is_empty(), "the tag is taken off");
    Ok(sandbox)
}
