//! What is recorded, once, by whichever way it comes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use credwarden_e2e::rule::{DAY, HOUR, all_is_well, report};
use credwarden_sandbox::cloudtrail::Lags;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::Options;
use credwarden_sandbox::tricks::Trick;
use jiff::SignedDuration;
use serde_json::Value;

use crate::{RECORDER, RULE, look_back, olivia, quick, recorded, started};

/// Who did what to whose credential.
fn told(creation: &Value) -> String {
    let text = |place: &str| creation.pointer(place).and_then(Value::as_str);
    let principal = ["/user/arn", "/role", "/root"].iter().find_map(|kind| text(&format!("/creator/principal{kind}")));
    let said = [principal, text("/act"), Some("of"), text("/user")];
    said.map(|said| said.unwrap_or("nobody")).join(" ")
}

#[tokio::test]
async fn every_act_that_makes_a_credential_usable_is_recorded_once_however_its_event_comes() -> Result<()> {
    let tricks = [Trick::DuplicateTrailEvent, Trick::UnorderedTrailEvents].into();
    let sandbox = started(Options { tricks, ..quick() }).await?;
    let deployer = Person::role("arn:aws:iam::123456789012:role/ci/deployer", "build-7").source_identity("dana");
    let about = [("UserName", "bob")];
    let made = sandbox.act(&deployer, "CreateAccessKey", &about).await?;
    let key = made.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
    let password = ("Password", "correct horse battery staple 7!");
    sandbox.act(&olivia(), "CreateLoginProfile", &[about[0], password]).await?;
    let service = ("ServiceName", "codecommit.amazonaws.com");
    sandbox.act(&Person::root(), "CreateServiceSpecificCredential", &[about[0], service]).await?;
    sandbox.act(&olivia(), "UploadSSHPublicKey", &[about[0], ("SSHPublicKeyBody", "ssh-rsa AAAA1 bob")]).await?;
    // Nothing is asked of a user that acts on itself but what it does.
    sandbox.act(&Person::user("alice"), "CreateAccessKey", &[]).await?;
    let status = |status: &'static str| [about[0], ("AccessKeyId", key.as_str()), ("Status", status)];
    sandbox.act(&olivia(), "UpdateAccessKey", &status("Inactive")).await?;
    sandbox.act(&olivia(), "UpdateAccessKey", &status("Active")).await?;
    ensure!(
        sandbox.act(&olivia(), "CreateAccessKey", &[("UserName", "nobody")]).await.is_err(),
        "there is no such user"
    );

    let mut times = 0;
    for invocation in sandbox.deliver_events().await? {
        report(&invocation)?;
        times += 1;
    }
    assert_eq!(times, 14, "seven calls that succeeded, each told twice; that the key was switched off is told, too");
    let expected = BTreeSet::from(
        [
            "arn:aws:iam::123456789012:role/ci/deployer CreateAccessKey of bob",
            "arn:aws:iam::123456789012:user/olivia CreateLoginProfile of bob",
            "arn:aws:iam::123456789012:root CreateServiceSpecificCredential of bob",
            "arn:aws:iam::123456789012:user/olivia UploadSSHPublicKey of bob",
            "arn:aws:iam::123456789012:user/alice CreateAccessKey of alice",
            "arn:aws:iam::123456789012:user/olivia UpdateAccessKey of bob",
        ]
        .map(str::to_owned),
    );
    let found = recorded(&sandbox).await?;
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.iter().map(told).collect::<BTreeSet<_>>(), expected);
    let by_deployer = found.iter().find(|creation| creation["creator"]["session"] == "build-7").unwrap_or(&Value::Null);
    assert_eq!(by_deployer["creator"]["source_identity"], "dana");
    let by_olivia = found.iter().find(|creation| creation["act"] == "CreateLoginProfile").unwrap_or(&Value::Null);
    assert_eq!((&by_olivia["mfa"], &by_olivia["source"]), (&true.into(), &"198.51.100.7".into()));
    assert!(sandbox.logs().iter().all(|line| !line.text.contains(password.1)));

    // The look-up of the past finds the same events, and keeps none of them twice.
    look_back(&sandbox).await?;
    assert_eq!(recorded(&sandbox).await?, found);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn what_was_never_told_or_happened_before_the_deployment_is_looked_up() -> Result<()> {
    let sandbox = started(Options { tricks: [Trick::LookupThrottled].into(), ..quick() }).await?;
    let days = |days: i64| sandbox.now() - DAY * i32::try_from(days).unwrap_or_default();
    sandbox.acted(&olivia(), days(80), "CreateAccessKey", "alice", "AKIAALICE00000000001")?;
    sandbox.acted(&olivia(), days(100), "CreateAccessKey", "bob", "AKIABOB0000000000001")?;
    sandbox.cloudtrail().set_lags(Lags { delivery: None, history: SignedDuration::from_mins(90) });
    sandbox.act(&olivia(), "CreateAccessKey", &[("UserName", "bob")]).await?;
    assert!(sandbox.deliver_events().await?.is_empty());

    look_back(&sandbox).await?;
    let found = recorded(&sandbox).await?;
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        ["arn:aws:iam::123456789012:user/olivia CreateAccessKey of alice"]
    );
    assert_eq!(sandbox.counts().get("cloudtrail:LookupEvents"), Some(&9), "one of each act, at a pace that AWS allows");

    // Told late, it is found by the next look back, which asks again for the hours before.
    sandbox.advance(HOUR * 2).await?;
    look_back(&sandbox).await?;
    assert_eq!(recorded(&sandbox).await?.len(), 2);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn an_event_that_the_ledger_would_not_take_is_taken_by_the_next_attempt() -> Result<()> {
    let sandbox = started(quick()).await?;
    let fault = Matching::action("dynamodb:PutItem").caller(RECORDER);
    sandbox.faults().arm(fault.always(), Act::ServerError(500));
    sandbox.act(&olivia(), "CreateAccessKey", &[("UserName", "bob")]).await?;
    let first = sandbox.deliver_events().await?;
    ensure!(first.len() == 1 && report(&first[0]).is_err(), "{first:?}");
    sandbox.faults().clear();
    assert!(recorded(&sandbox).await?.is_empty());
    sandbox.advance(SignedDuration::from_mins(1)).await?;
    for invocation in sandbox.deliver_events().await? {
        report(&invocation)?;
    }
    assert_eq!(recorded(&sandbox).await?.len(), 1);
    assert!(sandbox.failed_events().is_empty());
    assert!(sandbox.compliance(RULE).is_empty(), "nothing was judged");
    all_is_well(&sandbox).await
}
