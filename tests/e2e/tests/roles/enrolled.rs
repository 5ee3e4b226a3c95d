//! A user that is enrolled and whose key is replaced through its secret, in which everything is called that is granted for that.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::exception::{CAROL, go_on};
use credwarden_e2e::mint::RETRIEVER;
use credwarden_e2e::remedy::{Ended, execute};
use credwarden_e2e::rule::{DAY, FIRST_DAY, HOUR, deployed, evaluate, options, report};
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
    let force =
        |key: &str| [("ResourceId", user.clone()), ("CredentialId", key.to_owned()), ("Reason", "a leak".to_owned())];
    let begun = asked(&sandbox, "credwarden-force-rotation", &force(&idle)).await?;
    ensure!(begun.status == "rotating", "{begun:?}");
    sandbox.use_key(&old).await?;
    hours_pass(&sandbox, 30).await?;
    let said = [("ResourceId", user.clone()), ("CredentialId", idle.clone())];
    let said = asked(&sandbox, "credwarden-acknowledge-rotation", &said).await?;
    ensure!(["rotating", "done"].contains(&said.status.as_str()), "{said:?}");
    hours_pass(&sandbox, 48).await?;
    ensure!(sandbox.key_status(&idle).await?.as_deref() == Some("Inactive"), "the first key has gone");

    let secret = sandbox.create_secret(elsewhere::SECRET, "before the first key").await?;
    let enrolled = enrol(&sandbox, &user, &secret).await?;
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
    let withdraw = [
        ("ResourceId", user.clone()),
        ("Operation", "withdraw".to_owned()),
        ("Justification", "it is done".to_owned()),
    ];
    let withdrawn = asked(&sandbox, "credwarden-enrol-user", &withdraw).await?;
    ensure!(withdrawn.status == "done", "{withdrawn:?}");
    Ok(sandbox)
}

async fn asked(sandbox: &Sandbox, document: &str, parameters: &[(&str, String)]) -> Result<Ended> {
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    execute(sandbox, document, &parameters).await
}

/// Olivia asks, and Carol approves.
async fn enrol(sandbox: &Sandbox, user: &str, secret: &str) -> Result<Ended> {
    let parameters = [
        ("Operation", "enrol"),
        ("ResourceId", user),
        ("Secret", secret),
        ("Retriever", RETRIEVER),
        ("Owner", "team-shop"),
        ("Justification", "the shop reads its key there"),
    ];
    let id = sandbox.start_document("credwarden-enrol-user", &parameters, "olivia")?;
    let waiting = go_on(sandbox, &id).await?;
    sandbox.decide(&waiting.id, CAROL, true)?;
    Ok(Ended::of(&go_on(sandbox, &waiting.id).await?))
}

/// Rounds of the schedule, six hours apart, what they start, and the rotations of secrets.
async fn hours_pass(sandbox: &Sandbox, hours: i64) -> Result<()> {
    for _ in 0..hours / 6 {
        sandbox.advance(HOUR * 6).await?;
        for invocation in sandbox.fire_schedules().await? {
            report(&invocation)?;
        }
        sandbox.run_automations().await?;
        for rotated in sandbox.run_rotations().await? {
            ensure!(rotated.succeeded(), "{rotated:?}");
        }
    }
    Ok(())
}
