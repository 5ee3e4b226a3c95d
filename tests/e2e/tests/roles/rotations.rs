//! A key that is rotated, in which everything is called that is granted for rotations.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::remedy::execute;
use credwarden_e2e::rule::{DAY, FIRST_DAY, HOUR, RULE, delete_user, deployed, evaluate, keys, options, report};
use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::json;

const ACKNOWLEDGE: &str = "credwarden-acknowledge-rotation";

pub(crate) async fn rotated() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY)
        .group("admins", &[ADMINISTRATOR_ACCESS])
        .user("silent")
        .member_of("admins")
        .key(age_days(120))
        .used(age_days(30), "s3")
        .user("leaves")
        .key(age_days(120))
        .used(age_days(30), "s3");
    let sandbox = deployed(options(), &estate).await?;
    sandbox.silence_config(true);
    let mut policy = sandbox.deployed_policy()?;
    let rotated = json!({ "default": { "remedy": "rotate-key", "mode": "enforce", "delivery": "owner" } });
    *policy.pointer_mut("/remedies/access-key-age").context("a policy answers ages")? = rotated;
    sandbox.set_policy(&policy.to_string()).await?;
    evaluate(&sandbox).await?;
    sandbox.advance(DAY + HOUR).await?;

    let (user, old) = (id(&estate, "silent"), keys(&estate, "silent").concat());
    let begun = execute(&sandbox, RULE, &[("ResourceId", &user)]).await?;
    ensure!(begun.status == "rotating", "{begun:?}");
    sandbox.iam("CreateAccessKey", &[("UserName", "silent")]).await?;
    let active = sandbox.active_keys().await?;
    let others = [old.clone(), keys(&estate, "leaves").concat()];
    let new = active.iter().find(|key| !others.contains(key)).context("a new key")?;
    sandbox.advance(HOUR).await?;
    sandbox.use_key(new).await?;
    hours_pass(&sandbox, 30).await?;
    let said = execute(&sandbox, ACKNOWLEDGE, &[("ResourceId", &user), ("CredentialId", &old)]).await?;
    ensure!(["rotating", "done"].contains(&said.status.as_str()), "{said:?}");
    hours_pass(&sandbox, 48).await?;
    ensure!(sandbox.key_status(&old).await?.as_deref() == Some("Inactive"), "the old key has gone");

    // Where a role would do, it is looked up what uses the key.
    *policy.pointer_mut("/remedies/access-key-age/default/delivery").context("an entry")? = json!("replace");
    sandbox.set_policy(&policy.to_string()).await?;
    let advised = execute(&sandbox, RULE, &[("ResourceId", &id(&estate, "leaves"))]).await?;
    ensure!(advised.status == "rotating", "{advised:?}");

    // Whom Config no longer knows is looked for among all users.
    let (leaver, key) = (id(&estate, "leaves"), keys(&estate, "leaves").concat());
    delete_user(&sandbox, &estate, "leaves").await?;
    let refused = execute(&sandbox, ACKNOWLEDGE, &[("ResourceId", &leaver), ("CredentialId", &key)]).await?;
    ensure!(refused.status == "refused", "{refused:?}");
    Ok(sandbox)
}

/// Rounds of the schedule, six hours apart, and what they start.
async fn hours_pass(sandbox: &Sandbox, hours: i64) -> Result<()> {
    for _ in 0..hours / 6 {
        sandbox.advance(HOUR * 6).await?;
        for invocation in sandbox.fire_schedules().await? {
            report(&invocation)?;
        }
        sandbox.run_automations().await?;
    }
    Ok(())
}

fn id(estate: &Estate, user: &str) -> String {
    estate.find(user).map(|user| user.id().to_string()).unwrap_or_default()
}
