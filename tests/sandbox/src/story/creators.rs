//! Somebody makes a key who may not.

use std::io::Write;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::json;

use super::table::Table;
use super::{all_is_well, headline, short};
use crate::config::Compliance;
use crate::person::Person;
use crate::progress::Progress;
use crate::sandbox::Sandbox;

const RULE: &str = "credwarden-unauthorized-key-creation";

/// The policy says from now on who may make keys; two people make one each.
pub(super) async fn tell(out: &mut impl Write, sandbox: &Sandbox, progress: &Progress) -> Result<()> {
    progress.say("the policy says who may create keys, and two people create one each");
    let mut policy = sandbox.deployed_policy()?;
    let creators = json!({ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } });
    policy.as_object_mut().context("a policy is an object")?.insert("creation".to_owned(), creators);
    sandbox.set_policy(&policy.to_string()).await?;
    let account = &sandbox.deployment().scope.account;
    let may = Person::role(&format!("arn:aws:iam::{account}:role/key-vending"), "pipeline-7");
    let may_not = Person::role(&format!("arn:aws:iam::{account}:role/developer"), "dana").from("203.0.113.9");
    sandbox.act(&may, "CreateAccessKey", &[("UserName", "never-used")]).await?;
    sandbox.act(&may_not, "CreateAccessKey", &[("UserName", "soon-at-the-limit")]).await?;
    sandbox.deliver_events().await?;
    sandbox.advance(SignedDuration::from_hours(1)).await?;
    sandbox.evaluate(RULE).await?;
    all_is_well(sandbox)?;
    headline(out, sandbox, "only the role `key-vending` may create keys from now on; dana has created one, too")?;
    let rows = sandbox.compliance(RULE);
    let (bad, good): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.compliance == Compliance::NonCompliant);
    let mut table = Table::new(["user", "result", "annotation"]);
    for row in bad {
        table.row([&short(&row.user), row.compliance.word(), &row.annotation]);
    }
    table.write(out)?;
    Ok(writeln!(out, "  {} more are COMPLIANT", good.len())?)
}
