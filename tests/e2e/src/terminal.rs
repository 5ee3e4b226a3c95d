//! Somebody who asks a deployment from a terminal.

use anyhow::{Context as _, Result};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::{Ran, Sandbox};

/// Olivia at a terminal, who may do what `credwarden permissions` says and nothing else.
#[derive(Debug)]
pub struct Terminal<'a> {
    sandbox: &'a Sandbox,
    olivia: Person,
    /// The role that the deployment's documents run in.
    pub automation_role: &'a str,
}

impl<'a> Terminal<'a> {
    /// A terminal before the deployment in `sandbox`.
    pub async fn of(sandbox: &'a Sandbox) -> Result<Self> {
        let trusts_ssm = |services: &[String]| services.iter().any(|service| service == "ssm.amazonaws.com");
        let mut roles = sandbox.deployment().roles.values();
        let role = roles.find(|role| trusts_ssm(&role.trusted_services)).context("no role is for SSM Automation")?;
        let terminal = Self { sandbox, olivia: Person::user("olivia"), automation_role: &role.arn };
        let asked = ["--ledger-table", "credwarden-ledger", "--automation-role", terminal.automation_role];
        let may = terminal.run(&[["permissions"].as_slice(), &asked].concat()).await?;
        sandbox.confine(&terminal.olivia, &serde_json::from_str(&may.out)?)?;
        Ok(terminal)
    }

    /// Runs `credwarden` with these arguments.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ran> {
        self.sandbox.run(&self.olivia, "credwarden", arguments).await
    }
}
