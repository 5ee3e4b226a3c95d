//! Somebody makes a key who may not.

use std::io::Write;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::table::Table;
use super::{Told, all_is_well, headline, short};
use crate::config::Compliance;
use crate::person::Person;
use crate::progress::Progress;
use crate::sandbox::Sandbox;

const RULE: &str = "credwarden-unauthorized-key-creation";

/// The policy says from now on who may make keys; two people make one each.
pub(super) async fn tell(
    out: &mut impl Write,
    sandbox: &Sandbox,
    policy: &mut Value,
    progress: &Progress,
) -> Result<()> {
    progress.say("the policy says who may create keys, and two people create one each");
    let creators = json!({ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } });
    let fields = policy.as_object_mut().context("a policy is an object")?;
    fields.insert("creation".to_owned(), creators);
    let enforce = json!({ "default": { "remedy": "deactivate-credential", "mode": "enforce" } });
    *policy.pointer_mut("/remedies/unauthorized-key-creation").context("the policy answers the rule")? = enforce;
    sandbox.set_policy(&policy.to_string()).await?;
    let account = &sandbox.deployment().scope.account;
    let may = Person::role(&format!("arn:aws:iam::{account}:role/key-vending"), "pipeline-7");
    let may_not = Person::role(&format!("arn:aws:iam::{account}:role/developer"), "dana").from("203.0.113.9");
    sandbox.act(&may, "CreateAccessKey", &[("UserName", "never-used")]).await?;
    sandbox.act(&may_not, "CreateAccessKey", &[("UserName", "soon-at-the-limit")]).await?;
    let created = sandbox.now();
    sandbox.deliver_events().await?;
    let executions = sandbox.run_automations().await?;
    let took = sandbox.now().duration_since(created).as_secs();
    headline(out, sandbox, "only the role `key-vending` may create keys from now on; dana has created one, too")?;
    Told::default().tell(out, sandbox, &executions)?;
    writeln!(out, "  {took} s after dana's call")?;
    sandbox.advance(SignedDuration::from_hours(1)).await?;
    sandbox.evaluate(RULE).await?;
    all_is_well(sandbox)?;
    headline(out, sandbox, "an hour later, what AWS Config is told")?;
    let rows = sandbox.compliance(RULE);
    let (bad, good): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.compliance == Compliance::NonCompliant);
    let mut table = Table::new(["user", "result", "annotation"]);
    for row in bad {
        table.row([&short(&row.user), row.compliance.word(), &row.annotation]);
    }
    table.write(out)?;
    Ok(writeln!(out, "  {} more are COMPLIANT", good.len())?)
}
