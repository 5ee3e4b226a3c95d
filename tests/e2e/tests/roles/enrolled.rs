//! A user that is enrolled and whose key is replaced through its secret, in which everything is called that is granted for that.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::mint::{ENROL, EnrolmentAsked, RETRIEVER, enrol, hours_pass};
use credwarden_e2e::remedy::{ACKNOWLEDGE_ROTATION, FORCE_ROTATION, execute};
use credwarden_e2e::rule::{DAY, FIRST_DAY, HOUR, deployed, evaluate, options};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::json;

use crate::elsewhere;

const USER: &str = "shop";

pub(crate) async fn enrolled() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY)
        .user(USER)
        .path("/enrolled/")
        .key(age_days(200))
        .used(age_days(60), "s3")
        .key(age_days(120))
        .used(age_days(30), "s3");
    let sandbox = deployed(options(), &estate).await?;
    sandbox.silence_config(true);
    let mut policy = sandbox.deployed_policy()?;
    let rotated = json!({ "default": { "remedy": "rotate-key", "mode": "enforce", "delivery": "secret" } });
    *policy.pointer_mut("/remedies/access-key-age").context("a policy answers ages")? = rotated;
    *policy.pointer_mut("/limits/default/access-key/undoDays").context("a policy has limits")? = json!(1);
    sandbox.set_policy(&policy.to_string()).await?;
    evaluate(&sandbox).await?;
    sandbox.advance(DAY + HOUR).await?;

    // Not enrolled yet, it has its first key replaced by its second.
    let found = estate.find(USER).context("the user")?;
    let user = found.id().to_string();
    let [idle, old] =
        found.keys.iter().map(|key| key.key.id.to_string()).collect::<Vec<_>>().try_into().ok().context("two keys")?;
    let force = [("ResourceId", user.as_str()), ("CredentialId", &idle), ("Reason", "a leak")];
    let begun = execute(&sandbox, FORCE_ROTATION, &force).await?;
    ensure!(begun.status == "rotating", "{begun:?}");
    sandbox.use_key(&old).await?;
    hours_pass(&sandbox, 30).await?;
    let said = [("ResourceId", user.as_str()), ("CredentialId", &idle)];
    let said = execute(&sandbox, ACKNOWLEDGE_ROTATION, &said).await?;
    ensure!(["rotating", "done"].contains(&said.status.as_str()), "{said:?}");
    hours_pass(&sandbox, 48).await?;
    ensure!(sandbox.key_status(&idle).await?.as_deref() == Some("Inactive"), "the first key has gone");

    let secret = sandbox.create_secret(elsewhere::SECRET, "before the first key").await?;
    let enrolled = enrol(&sandbox, &EnrolmentAsked::of(&user, &secret)).await?;
    ensure!(enrolled.status == "done", "{enrolled:?}");
    hours_pass(&sandbox, 48).await?;
    // It breaks the policy as well, so the schedule alone has made room for its successor and has had that minted.
    ensure!(sandbox.key_status(&idle).await?.is_none(), "the first key is deleted");
    let active = sandbox.active_keys().await?;
    let new = active.iter().find(|key| **key != old).context("a new key")?;
    sandbox.fetch_secret(&Person::role(RETRIEVER, "i-1"), &secret).await?;
    sandbox.use_key(new).await?;
    hours_pass(&sandbox, 24 * 9).await?;
    ensure!(sandbox.key_status(&old).await?.as_deref() == Some("Inactive"), "the second key has gone");
    let withdraw = [("ResourceId", user.as_str()), ("Operation", "withdraw"), ("Justification", "it is done")];
    let withdrawn = execute(&sandbox, ENROL, &withdraw).await?;
    ensure!(withdrawn.status == "done", "{withdrawn:?}");
    Ok(sandbox)
}
