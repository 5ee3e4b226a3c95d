//! Scenarios of who creates credentials, in which the rule and the recorder call everything they may.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{FIRST_DAY, HOUR, delete_user, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::json;

/// The rule that judges by who created credentials.
const RULE: &str = "credwarden-unauthorized-key-creation";

/// Somebody creates a key, something happens that nobody has ever seen, and each rule misses somebody it has seen.
pub(crate) async fn created() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY).user("silent").password(age_days(3)).key(age_days(3));
    let rules = ["credwarden-access-key-age", "credwarden-unused-credentials", RULE];
    let leaving = |estate: Estate, rule: &&str| estate.user(&format!("leaves-{rule}")).key(age_days(200));
    let estate = rules.iter().fold(estate, leaving);
    let sandbox = deployed(options(), &estate).await?;
    let mut policy = sandbox.deployed_policy()?;
    let members = policy.as_object_mut().context("a policy is an object")?;
    members.insert("creation".to_owned(), json!({ "default": { "creators": ["arn:*:iam::*:role/deployer"] } }));
    sandbox.set_policy(&policy.to_string()).await?;
    for rule in rules {
        evaluated(&sandbox, rule).await?;
    }
    for rule in rules {
        delete_user(&sandbox, &estate, &format!("leaves-{rule}")).await?;
        evaluated(&sandbox, rule).await?;
    }

    sandbox.iam("CreateUser", &[("UserName", "newcomer")]).await?;
    let deployer = Person::role("arn:aws:iam::123456789012:role/deployer", "build-7");
    sandbox.act(&deployer, "CreateAccessKey", &[("UserName", "newcomer")]).await?;
    let unheard_of = json!({ "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "eventID": "e" });
    sandbox.cloudtrail().record_event(sandbox.now(), unheard_of);
    for minutes in [0, 1, 2] {
        sandbox.advance(SignedDuration::from_mins(minutes)).await?;
        ensure!(!sandbox.deliver_events().await?.is_empty(), "it is tried three times");
    }
    ensure!(sandbox.failed_events().len() == 1, "{:?}", sandbox.failed_events());
    evaluated(&sandbox, RULE).await?;
    // The report of before is too old by then.
    sandbox.advance(HOUR * 5).await?;
    evaluated(&sandbox, RULE).await?;
    Ok(sandbox)
}

async fn evaluated(sandbox: &Sandbox, rule: &str) -> Result<()> {
    for invocation in sandbox.evaluate(rule).await? {
        report(&invocation)?;
    }
    Ok(())
}
