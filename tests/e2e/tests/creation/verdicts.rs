//! What the rule says of a company's credentials, three of each case, and what a remedy does about one of them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::remedy::merge;
use credwarden_e2e::rule::{DAY, FIRST_DAY, HOUR, all_is_well, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::cloudtrail::Lags;
use credwarden_sandbox::config::Compliance::{self, Compliant, NonCompliant};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use serde_json::json;

use crate::RULE;

const ACCOUNT: &str = "arn:aws:iam::123456789012";

/// The role of the function that changes credentials.
fn own_role(sandbox: &Sandbox) -> Result<String> {
    let function = sandbox.deployment().functions.get("credwarden-deactivate-credential");
    Ok(function.context("it is deployed")?.role_arn.clone())
}

pub(crate) fn vending() -> Person {
    Person::role(&format!("{ACCOUNT}:role/key-vending"), "pipeline-9")
}

pub(crate) fn developer() -> Person {
    Person::role(&format!("{ACCOUNT}:role/developer"), "dana").from("203.0.113.9")
}

/// A deployment, looked at for the first time, in which only `key-vending` may create, and each may hold one key.
pub(crate) async fn looked_at(options: Options, estate: &Estate) -> Result<Sandbox> {
    let sandbox = deployed(options, estate).await?;
    let mut policy = sandbox.deployed_policy()?;
    let remedy = json!({ "default": { "remedy": "deactivate-credential", "mode": "enforce" } });
    let change = json!({
        "creation": { "default": { "creators": ["arn:*:iam::*:role/key-vending"], "kinds": { "access-key": 1 } } },
        "remedies": { "unauthorized-key-creation": remedy },
        "budget": { "perDay": 1000, "percentPerDay": 100 },
    });
    merge(&mut policy, change);
    sandbox.set_policy(&policy.to_string()).await?;
    sandbox.silence_config(true);
    evaluate(&sandbox).await?;
    Ok(sandbox)
}

/// The same a day later: but for compromises, a remedy acts by a policy that was reported by, a day ago.
pub(crate) async fn company(estate: &Estate) -> Result<Sandbox> {
    let sandbox = looked_at(options(), estate).await?;
    sandbox.evaluate("credwarden-access-key-age").await?;
    sandbox.advance(DAY).await?;
    Ok(sandbox)
}

pub(crate) async fn evaluate(sandbox: &Sandbox) -> Result<BTreeMap<String, Compliance>> {
    for invocation in sandbox.evaluate(RULE).await? {
        report(&invocation)?;
    }
    Ok(sandbox.compliance(RULE).into_iter().map(|row| (row.user, row.compliance)).collect())
}

/// Somebody gives a user an access key; its id.
pub(crate) async fn key(sandbox: &Sandbox, who: &Person, user: &str) -> Result<String> {
    id(&sandbox.act(who, "CreateAccessKey", &[("UserName", user)]).await?)
}

/// The id of the key in an answer.
fn id(answer: &str) -> Result<String> {
    let rest = answer.split("<AccessKeyId>").nth(1).context("the answer names the key")?;
    Ok(rest.split('<').next().unwrap_or_default().to_owned())
}

pub(crate) async fn activate(sandbox: &Sandbox, who: &Person, user: &str, key: &str) -> Result<()> {
    let parameters = [("UserName", user), ("AccessKeyId", key), ("Status", "Active")];
    sandbox.act(who, "UpdateAccessKey", &parameters).await?;
    Ok(())
}

/// The users of one case, three of each.
fn three(case: &str) -> [String; 3] {
    [1, 2, 3].map(|number| format!("{case}-{number}"))
}

#[tokio::test]
async fn each_creator_is_judged_once_its_event_is_there_or_can_be_said_to_be_missing() -> Result<()> {
    let cases = ["allowed", "password", "developer", "unknown", "young", "second"];
    let with_keys = ["baseline", "switched-off", "by-developer", "by-vending"];
    let mut estate = Estate::new(FIRST_DAY);
    for user in cases.iter().flat_map(|case| three(case)) {
        estate = estate.user(&user);
    }
    for user in with_keys.iter().flat_map(|case| three(case)) {
        estate = estate.user(&user).key(age_days(200));
        if !user.starts_with("baseline") {
            estate = estate.inactive_since(age_days(100));
        }
    }
    let held = |user: &str| estate.find(user).map(|user| user.keys[0].key.id.to_string()).context("it holds a key");
    let sandbox = company(&estate).await?;

    for number in 0..3 {
        key(&sandbox, &vending(), &three("allowed")[number]).await?;
        let user = &three("password")[number];
        let password = [("UserName", user.as_str()), ("Password", "correct horse battery staple 7!")];
        sandbox.act(&vending(), "CreateLoginProfile", &password).await?;
        key(&sandbox, &developer(), &three("developer")[number]).await?;
        // Nothing tells who did this.
        sandbox.iam("CreateAccessKey", &[("UserName", &three("unknown")[number])]).await?;
        key(&sandbox, &vending(), &three("second")[number]).await?;
        key(&sandbox, &vending(), &three("second")[number]).await?;
        let (by_developer, by_vending) = (&three("by-developer")[number], &three("by-vending")[number]);
        activate(&sandbox, &developer(), by_developer, &held(by_developer)?).await?;
        activate(&sandbox, &vending(), by_vending, &held(by_vending)?).await?;
    }
    sandbox.deliver_events().await?;
    sandbox.advance(HOUR * 3).await?;
    for user in three("young") {
        sandbox.iam("CreateAccessKey", &[("UserName", &user)]).await?;
    }
    let told = evaluate(&sandbox).await?;

    let expected = [
        ("allowed", Some(Compliant)),
        ("password", Some(Compliant)),
        ("developer", Some(NonCompliant)),
        ("unknown", Some(NonCompliant)),
        ("young", None),
        ("second", Some(NonCompliant)),
        ("baseline", Some(Compliant)),
        ("switched-off", Some(Compliant)),
        ("by-developer", Some(NonCompliant)),
        ("by-vending", Some(Compliant)),
    ];
    for (case, verdict) in expected {
        for user in three(case) {
            assert_eq!(told.get(&user).copied(), verdict, "{user}: {:?}", sandbox.compliance_of(RULE, &user));
        }
    }
    let said = |user: &str| sandbox.compliance_of(RULE, user).map(|row| row.annotation).unwrap_or_default();
    assert!(said("developer-1").contains("by arn:aws:iam::123456789012:role/developer (session dana)"));
    assert!(said("developer-1").contains("from 203.0.113.9"), "{}", said("developer-1"));
    assert!(said("unknown-1").contains("creator unknown"), "{}", said("unknown-1"));
    assert!(said("second-1").contains("more than 1 of access-key"), "{}", said("second-1"));
    assert!(said("by-developer-1").contains("re-activated"), "{}", said("by-developer-1"));
    assert!(said("baseline-1").contains("baseline"), "{}", said("baseline-1"));

    sandbox.advance(HOUR * 2).await?;
    let later = evaluate(&sandbox).await?;
    for user in three("young") {
        assert_eq!(later.get(&user), Some(&NonCompliant), "two hours later it is certain");
    }
    // CloudTrail has forgotten by now, and the ledger has not.
    sandbox.advance(DAY * 100).await?;
    assert_eq!(evaluate(&sandbox).await?, later);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn what_the_remedy_gives_back_is_authorized_by_its_intent_and_by_nothing_else() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("reinstated").key(age_days(200)).user("forged").key(age_days(200));
    let mut estate = estate.inactive_since(age_days(100));
    let (reinstated, forged) =
        ["reinstated", "forged"].map(|user| estate.find_mut(user).keys[0].key.id.to_string()).into();
    let sandbox = company(&estate).await?;
    let user_id = estate.find("reinstated").context("it is there")?.id().to_string();
    sandbox.start_document("credwarden-access-key-age", &[("ResourceId", &user_id)], "olivia")?;
    sandbox.run_automations().await?;
    let undo = [("ResourceId", user_id.as_str()), ("CredentialId", reinstated.as_str())];
    sandbox.start_document("credwarden-undo-deactivate-credential", &undo, "olivia")?;
    sandbox.run_automations().await?;
    ensure!(sandbox.active_keys().await?.contains(&reinstated), "the key was taken and given back");
    let thief = Person::role(&own_role(&sandbox)?, "somebody");
    activate(&sandbox, &thief, "forged", &forged).await?;
    sandbox.deliver_events().await?;
    sandbox.advance(HOUR * 3).await?;
    let told = evaluate(&sandbox).await?;
    assert_eq!(told.get("reinstated"), Some(&Compliant), "{:?}", sandbox.compliance_of(RULE, "reinstated"));
    assert_eq!(told.get("forged"), Some(&NonCompliant));
    let said = sandbox.compliance_of(RULE, "forged").context("a result")?.annotation;
    assert!(said.contains("without an intent"), "{said}");
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn the_remedy_takes_away_a_key_that_somebody_created_who_may_not() -> Result<()> {
    let sandbox = company(&Estate::new(FIRST_DAY).user("robot").user("other")).await?;
    // No event tells of it: it is found in the history, and AWS Config starts the remedy.
    sandbox.cloudtrail().set_lags(Lags { delivery: None, ..Lags::default() });
    let (bad, good) = (key(&sandbox, &developer(), "robot").await?, key(&sandbox, &vending(), "other").await?);
    sandbox.advance(DAY).await?;
    sandbox.silence_config(false);
    evaluate(&sandbox).await?;
    sandbox.run_automations().await?;
    let active = sandbox.active_keys().await?;
    assert!(!active.contains(&bad), "{:?}", sandbox.executions());
    assert!(active.contains(&good));
    assert_eq!(evaluate(&sandbox).await?.get("robot"), Some(&Compliant), "an inactive key is nobody's to create");
    all_is_well(&sandbox).await
}
