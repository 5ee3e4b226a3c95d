//! Credentials of every kind that somebody creates who may not: taken away, given back, and never lost on the way.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::remedy::{Ended, Ledger, REMEDY, assert_sound, key_changes, run, settle_by_schedule, undo};
use credwarden_e2e::rule::FIRST_DAY;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::Value;

use crate::RULE;
use crate::verdicts::{company, developer};

/// Self-signed, its key thrown away.
const PEM: &str = include_str!("../roles/certificate.pem");

/// How a credential of each kind is created, and where the account's truth holds it.
const KINDS: [(&str, &str, (&str, &str)); 4] = [
    ("CreateAccessKey", "keys", ("Path", "/")),
    ("CreateServiceSpecificCredential", "service_specific_credentials", ("ServiceName", "codecommit.amazonaws.com")),
    ("UploadSSHPublicKey", "ssh_public_keys", ("SSHPublicKeyBody", "ssh-rsa AAAAB3 developer")),
    ("UploadSigningCertificate", "signing_certificates", ("CertificateBody", PEM)),
];

/// The estate and so many more who hold an access key: the day's budget is a part of those who do.
fn crowded(estate: Estate, more: usize) -> Estate {
    (0..more).fold(estate, |estate, number| estate.user(&format!("holder-{number}")).key(age_days(3)))
}

/// A developer, who may not, gives a user a credential of a kind.
async fn create(sandbox: &Sandbox, user: &str, (action, _, with): (&str, &str, (&str, &str))) -> Result<()> {
    let parameters = [("UserName", user), with];
    let parameters = if action == "CreateAccessKey" { &parameters[..1] } else { &parameters[..] };
    sandbox.act(&developer(), action, parameters).await?;
    Ok(())
}

/// Ids and statuses of a user's credentials of a kind.
async fn held(sandbox: &Sandbox, user: &str, place: &str) -> Result<Vec<(String, String)>> {
    let truth = sandbox.truth().await?;
    let users = truth.get("users").and_then(Value::as_array).context("there are users")?;
    let found = users.iter().find(|found| found["name"] == user).with_context(|| format!("`{user}` is there"))?;
    let credentials = found[place].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(credentials.map(|credential| (text(&credential["id"]), text(&credential["status"]))).collect())
}

async fn ids(sandbox: &Sandbox) -> Result<BTreeMap<String, String>> {
    let truth = sandbox.truth().await?;
    let users = truth.get("users").and_then(Value::as_array).context("there are users")?.iter();
    Ok(users.filter_map(|user| Some((user["name"].as_str()?.to_owned(), user["id"].as_str()?.to_owned()))).collect())
}

/// What events have started is not run: a test that is about something else starts documents itself.
fn leave_what_events_started(sandbox: &Sandbox) {
    while sandbox.automation().next().is_some() {}
}

/// The rule's document on a user, to its end.
async fn remedy(sandbox: &Sandbox, user_id: &str) -> Result<Ended> {
    let execution = sandbox.start_document(RULE, &[("ResourceId", user_id)], "olivia")?;
    sandbox.automation().next().context("the execution does not wait")?;
    run(sandbox, &execution).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_taken_away_given_back_and_held_by_its_own_calls() -> Result<()> {
    let estate = KINDS.iter().fold(Estate::new(FIRST_DAY), |estate, (_, place, _)| estate.user(place));
    let estate = crowded(estate, 10);
    let sandbox = company(&estate.user("protected").path("/break-glass/")).await?;
    let (active, inactive) = ("Active", "Inactive");
    for kind in KINDS {
        create(&sandbox, kind.1, kind).await?;
    }
    create(&sandbox, "protected", KINDS[2]).await?;
    sandbox.deliver_events().await?;
    leave_what_events_started(&sandbox);
    let ids = ids(&sandbox).await?;
    for (_, place, _) in KINDS {
        let only = async || {
            let credentials = held(&sandbox, place, place).await?;
            credentials.first().cloned().with_context(|| format!("`{place}` holds none"))
        };
        let (id, status) = only().await?;
        assert_eq!(status, active, "{place}");
        let done = remedy(&sandbox, &ids[place]).await?;
        assert_eq!((done.status.as_str(), only().await?.1.as_str()), ("done", inactive), "{place}: {done:?}");
        assert!(done.is_undoable && done.changed == [id.clone()], "{place}: {done:?}");
        let undone = undo(&sandbox, &ids[place], &id).await?;
        assert_eq!((undone.status.as_str(), only().await?.1.as_str()), ("undone", active), "{place}: {undone:?}");
        let again = remedy(&sandbox, &ids[place]).await?;
        assert_eq!((again.status.as_str(), only().await?.1.as_str()), ("held", active), "{place}: {again:?}");
    }
    let changes = key_changes(&sandbox);
    assert_eq!(changes.len(), 2 * KINDS.len(), "{changes:?}");
    let spared = remedy(&sandbox, &ids["protected"]).await?;
    assert_eq!(spared.status, "held", "{spared:?}");
    assert_eq!(held(&sandbox, "protected", "ssh_public_keys").await?[0].1, active);
    assert_sound(&sandbox).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_call_still_takes_an_ssh_public_key_away_once() -> Result<()> {
    let estate =
        (0..120).fold(Estate::new(FIRST_DAY).user("clean"), |estate, number| estate.user(&format!("user-{number}")));
    let sandbox = company(&crowded(estate.clone(), 150)).await?;
    for user in estate.users.iter().map(|user| user.name().as_str()) {
        create(&sandbox, user, KINDS[2]).await?;
    }
    sandbox.deliver_events().await?;
    leave_what_events_started(&sandbox);
    let ids = ids(&sandbox).await?;
    let before = sandbox.calls().len();
    assert_eq!(remedy(&sandbox, &ids["clean"]).await?.status, "done");
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == REMEDY).count();
    let ends = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];
    ensure!(calls * ends.len() <= 120, "{calls} calls want more users");
    let mut users = Vec::new();
    for place in 0..calls {
        for (number, end) in ends.into_iter().enumerate() {
            let user = format!("user-{}", place * ends.len() + number);
            let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place as u64 + 1), end);
            let ended = remedy(&sandbox, &ids[&user]).await?;
            sandbox.faults().clear();
            assert_eq!(fault.fired(), 1, "{end:?} at call {place}: {ended:?}");
            users.push(user);
        }
    }
    settle_by_schedule(&sandbox).await?;
    // What ended before the ledger knew of it is begun again.
    for user in &users {
        remedy(&sandbox, &ids[user]).await?;
    }
    let ledger = Ledger::of(&sandbox).await?;
    for user in &users {
        let (id, status) = held(&sandbox, user, "ssh_public_keys").await?.remove(0);
        assert_eq!(status, "Inactive", "{user}");
        let work = ledger.work(&ids[user], "deactivate-credential", &id).context("it is written down")?;
        assert!(work.pointer("/step/settled/outcome/done/after").is_some(), "{user}: {work}");
    }
    assert!(ledger.open().is_empty(), "{:?}", ledger.open());
    assert_eq!(usize::try_from(ledger.spent("quarantine"))?, 1 + users.len(), "each is paid for once");
    assert_sound(&sandbox).await
}
