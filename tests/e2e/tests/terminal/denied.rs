//! A policy that lacks one action: what could not be read is a gap, never compliant.

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::FIRST_DAY;
use credwarden_estate::company::company;
use credwarden_sandbox::config::Compliance::NonCompliant;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{World, findings, said};

/// Without these there is no account to judge.
const OF_THE_WHOLE_ACCOUNT: [&str; 3] =
    ["iam:GenerateCredentialReport", "iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport"];

#[tokio::test]
async fn without_one_action_nothing_that_config_calls_non_compliant_is_called_compliant() -> Result<()> {
    let world = World::judged(&company(FIRST_DAY).estate).await?;
    let stored = world.stored();
    // The rules' report is too old then, and has to be made anew; what breaks the policy goes on to.
    world.sandbox.advance(SignedDuration::from_hours(5)).await?;
    for action in world.permissions["Statement"][0]["Action"].as_array().context("there are actions")? {
        let action = action.as_str().context("an action is a text")?;
        world.confine(&without(&world.permissions, action))?;
        let before = world.sandbox.access().refusals().len();
        let ran = world.run_by_policy(&["scan", "--format", "json", "--all"]).await?;
        let refusals = world.sandbox.access().refusals();
        let is_of_it = refusals.iter().skip(before).all(|refusal| refusal.action == action);
        assert!(is_of_it, "{action}: {refusals:?}");
        if OF_THE_WHOLE_ACCOUNT.contains(&action) {
            assert_eq!((ran.status, ran.out.as_str()), (5, ""), "{action}: {ran:?}");
            assert!(ran.err.contains(action) && ran.err.contains("hint: `credwarden permissions`"), "{}", ran.err);
            continue;
        }
        let scan: Value = serde_json::from_str(&ran.out).with_context(|| format!("{action}: {ran:?}"))?;
        let said = said(&findings(&scan));
        for (key, row) in stored.iter().filter(|(_, row)| row.compliance == NonCompliant) {
            let (status, reasons) = said.get(key).with_context(|| format!("{action}: {key:?}: {row:?}"))?;
            assert_ne!(status, "COMPLIANT", "{action}: {key:?}: {reasons:?}, and AWS Config says {row:?}");
        }
        let was_refused = refusals.len() > before;
        assert_eq!(scan["summary"]["unknown"] != json!(0), was_refused, "{action}: {}", scan["summary"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_denied_call_is_said_and_tells_by_the_exit_status() -> Result<()> {
    let world = World::judged(&company(FIRST_DAY).estate).await?;
    world.confine(&without(&world.permissions, "iam:ListAccessKeys"))?;
    let of_one = ["--user", "past-the-limit", "--rule", "access-key-age"];
    let ran = world.run_by_policy(&[&["scan"], of_one.as_slice()].concat()).await?;
    assert_eq!(ran.status, 3, "{ran:?}");
    let line = ran.out.lines().find(|line| line.contains("past-the-limit")).context("the user is in the table")?;
    assert!(line.contains("UNKNOWN") && line.contains("access keys"), "{line}");
    let explained = world.run_by_policy(&["explain", "past-the-limit"]).await?;
    assert_eq!(explained.status, 0);
    assert!(explained.out.contains("UNKNOWN"), "{}", explained.out);

    world.confine(&json!({ "Version": "2012-10-17", "Statement": [] }))?;
    let ran = world.run_by_policy(&["scan"]).await?;
    assert_eq!((ran.status, ran.out.as_str()), (5, ""), "{ran:?}");
    Ok(())
}

fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    if let Some(actions) = policy["Statement"][0]["Action"].as_array_mut() {
        actions.retain(|one| one != action);
    }
    policy
}
