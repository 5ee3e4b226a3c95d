//! Who created credentials is judged at the terminal as AWS Config was told, once the ledger is named.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::remedy::merge;
use credwarden_e2e::rule::{FIRST_DAY, HOUR, all_is_well, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::NonCompliant;
use credwarden_sandbox::person::Person;
use serde_json::{Value, json};

use crate::world::{findings, said};

/// The deployment's ledger.
const LEDGER: &str = "credwarden-ledger";

const RULE: &str = "credwarden-unauthorized-key-creation";

#[tokio::test]
async fn a_scan_that_is_told_the_ledger_judges_creators_as_the_rule_does() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("allowed").user("refused").user("unknown").user("baseline");
    let sandbox = deployed(options(), &estate.key(age_days(200))).await?;
    let mut policy = sandbox.deployed_policy()?;
    merge(
        &mut policy,
        json!({ "creation": { "default": { "creators": ["arn:*:iam::*:role/key-vending"], "kinds": { "access-key": 1 } } } }),
    );
    sandbox.set_policy(&policy.to_string()).await?;
    let file = sandbox.folder().join("policy.json");
    std::fs::write(&file, policy.to_string())?;
    let file = file.to_str().context("the folder's name is no UTF-8")?;
    let auditor = Person::user("auditor");
    let permissions = sandbox.run(&auditor, "credwarden", &["permissions", "--ledger-table", LEDGER]).await?;
    sandbox.confine(&auditor, &serde_json::from_str(&permissions.out)?)?;
    let scan = ["scan", "--policy", file, "--ledger-table", LEDGER, "--format", "json", "--all"];

    let early = sandbox.run(&auditor, "credwarden", &scan).await?;
    ensure!(early.out.contains("does not know yet who created"), "nobody has looked yet: {early:?}");

    let evaluate = || async {
        for invocation in sandbox.evaluate(RULE).await? {
            report(&invocation)?;
        }
        anyhow::Ok(())
    };
    evaluate().await?;
    sandbox.advance(HOUR).await?;
    for (role, user) in [("key-vending", "allowed"), ("developer", "refused")] {
        let person = Person::role(&format!("arn:aws:iam::123456789012:role/{role}"), "dana");
        sandbox.act(&person, "CreateAccessKey", &[("UserName", user)]).await?;
    }
    // Nothing tells who did this.
    sandbox.iam("CreateAccessKey", &[("UserName", "unknown")]).await?;
    sandbox.deliver_events().await?;
    sandbox.advance(HOUR * 3).await?;
    evaluate().await?;

    let ran = sandbox.run(&auditor, "credwarden", &scan).await?;
    let document: Value = serde_json::from_str(&ran.out).with_context(|| format!("no document: {ran:?}"))?;
    let said: BTreeMap<_, _> = said(&findings(&document))
        .into_iter()
        .filter(|((rule, _), _)| rule == "unauthorized-key-creation")
        .map(|((_, user), said)| (user, said))
        .collect();
    let stored = sandbox.compliance(RULE);
    assert_eq!(stored.len(), 4, "{stored:?}");
    assert_eq!(stored.iter().filter(|row| row.compliance == NonCompliant).count(), 2, "{stored:?}");
    for row in stored {
        let (status, reasons) = said.get(&row.user).with_context(|| format!("nothing is said of {row:?}"))?;
        assert_eq!(status, row.compliance.word(), "{row:?}: {reasons:?}");
        // What passes without a remark, or as older than the installation, is no remark here.
        assert!(reasons.iter().all(|reason| row.annotation.contains(reason)), "{row:?}: {reasons:?}");
        assert_eq!(reasons.is_empty(), row.compliance != NonCompliant, "{row:?}: {reasons:?}");
    }
    let recorded = sandbox.run(&auditor, "credwarden", &["snapshot", "--ledger-table", LEDGER]).await?;
    let recording = sandbox.folder().join("account.json");
    std::fs::write(&recording, &recorded.out)?;
    let recording = recording.to_str().context("the folder's name is no UTF-8")?;
    let calls = sandbox.calls().len();
    let offline = ["scan", "--policy", file, "--snapshot", recording, "--format", "json", "--all"];
    let offline: Value = serde_json::from_str(&sandbox.run(&auditor, "credwarden", &offline).await?.out)?;
    assert_eq!(sandbox.calls().len(), calls, "a recording is judged without a call");
    let broken = |scan: &Value| findings(scan).into_iter().filter(|one| one["status"] == "NON_COMPLIANT").collect();
    let (live, offline): (Vec<_>, Vec<_>) = (broken(&document), broken(&offline));
    assert!(live.iter().any(|one| one["rule"] == "unauthorized-key-creation"), "{live:?}");
    assert_eq!(offline, live, "what was recorded with the ledger is judged as the account is");

    let written = sandbox.calls().into_iter().filter(|call| call.call.caller == "person:auditor");
    let written = written.map(|call| call.call.action).filter(|action| action.starts_with("dynamodb:"));
    assert!(written.into_iter().all(|action| ["dynamodb:GetItem", "dynamodb:Query"].contains(&action.as_str())));
    let explained = sandbox
        .run(&auditor, "credwarden", &["explain", "allowed", "--policy", file, "--ledger-table", LEDGER])
        .await?;
    assert!(explained.out.contains("by arn:aws:iam::123456789012:role/key-vending (session dana)"), "{explained:?}");
    all_is_well(&sandbox).await
}
