//! Scenarios of who creates credentials, in which the rule and the recorder call everything they may.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{FIRST_DAY, HOUR, delete_user, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The rule that judges by who created credentials.
const RULE: &str = "credwarden-unauthorized-key-creation";

/// Self-signed, its key thrown away.
const CERTIFICATE: &str = include_str!("certificate.pem");

/// Somebody creates a key, something happens that nobody has ever seen, and each rule misses somebody it has seen.
pub(crate) async fn created() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY).user("silent").password(age_days(3)).key(age_days(3));
    let estate = (0..3).fold(estate, |estate, number| estate.user(&format!("holder-{number}")).key(age_days(3)));
    let rules = ["credwarden-access-key-age", "credwarden-unused-credentials", RULE];
    let leaving = |estate: Estate, rule: &&str| estate.user(&format!("leaves-{rule}")).key(age_days(200));
    let estate = rules.iter().fold(estate, leaving);
    let sandbox = deployed(options(), &estate).await?;
    let mut policy = sandbox.deployed_policy()?;
    let members = policy.as_object_mut().context("a policy is an object")?;
    members.insert("creation".to_owned(), json!({ "default": { "creators": ["arn:*:iam::*:role/deployer"] } }));
    members.insert("budget".to_owned(), json!({ "perDay": 10, "percentPerDay": 100 }));
    let remedy = json!({ "default": { "remedy": "deactivate-credential", "mode": "enforce" } });
    members.insert("remedies".to_owned(), json!({ "unauthorized-key-creation": remedy }));
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
    taken_away(&sandbox).await?;
    Ok(sandbox)
}

/// Somebody who may not creates a credential of every further kind, and each is taken away as its event is heard.
async fn taken_away(sandbox: &Sandbox) -> Result<()> {
    let thief = Person::role("arn:aws:iam::123456789012:role/developer", "dana");
    sandbox.act(&thief, "CreateAccessKey", &[("UserName", "newcomer")]).await?;
    sandbox.deliver_events().await?;
    sandbox.run_automations().await?;
    for (action, name, value) in [
        ("CreateServiceSpecificCredential", "ServiceName", "codecommit.amazonaws.com"),
        ("UploadSSHPublicKey", "SSHPublicKeyBody", "ssh-rsa AAAAB3 dana"),
        ("UploadSigningCertificate", "CertificateBody", CERTIFICATE),
    ] {
        sandbox.act(&thief, action, &[("UserName", "newcomer"), (name, value)]).await?;
        sandbox.deliver_events().await?;
        sandbox.run_automations().await?;
    }
    let found = async || {
        let truth = sandbox.truth().await?;
        let mut users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
        let found = users.find(|user| user.get("name").is_some_and(|name| name == "newcomer"));
        found.cloned().context("the newcomer is there")
    };
    let newcomer = found().await?;
    for kind in ["service_specific_credentials", "ssh_public_keys", "signing_certificates"] {
        let status = newcomer.pointer(&format!("/{kind}/0/status"));
        ensure!(status.is_some_and(|status| status == "Inactive"), "{kind}: {newcomer}, {:?}", sandbox.executions());
    }
    // No session of the key can be left by then.
    sandbox.advance(HOUR * 37).await?;
    sandbox.fire_schedules().await?;
    sandbox.run_automations().await?;
    Ok(())
}

async fn evaluated(sandbox: &Sandbox, rule: &str) -> Result<()> {
    for invocation in sandbox.evaluate(rule).await? {
        report(&invocation)?;
    }
    Ok(())
}
