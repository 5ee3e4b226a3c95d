//! Console passwords: warned of, approved, deleted for good by the functions' own binaries, and never in silence.

use anyhow::{Context as _, Result};
use credwarden_e2e::exception::{CAROL, go_on};
use credwarden_e2e::remedy::{
    Ended, Ledger, REMEDY, UNDO, assert_sound, execute, id, merge, noon, ready_with, settle_by_schedule,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;
use serde_json::{Value, json};

const UNUSED: &str = "credwarden-unused-credentials";
const APPROVE: &str = "credwarden-approve";
const PASSWORD: &str = "console-password";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Passwords of people who have not signed in for long.
fn sleepers(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| {
        estate.user(&format!("sleeper-{number}")).password(age_days(200)).signed_in(age_days(60))
    })
}

/// A deployment that deletes unused passwords a day after telling, and that was reported.
async fn deleting(estate: &Estate, entry: Value) -> Result<Sandbox> {
    let sandbox = ready_with(Options::at(noon()), estate, |policy| {
        merge(policy, json!({ "limits": { "default": { "console-password": { "warnDays": 1 } } } }));
        merge(policy, json!({ "remedies": { "unused-credentials": { "default": { "mode": "enforce" } } } }));
        merge(policy, json!({ "remedies": { "unused-credentials": { "default": entry } } }));
    })
    .await?;
    sandbox.evaluate(UNUSED).await?;
    sandbox.advance(DAY + SignedDuration::from_hours(1)).await?;
    Ok(sandbox)
}

async fn found(sandbox: &Sandbox, user_id: &str) -> Result<Ended> {
    execute(sandbox, UNUSED, &[("ResourceId", user_id)]).await
}

/// Whether a user has a console password.
async fn has_password(sandbox: &Sandbox, user: &str) -> Result<bool> {
    let truth = sandbox.truth().await?;
    let users = truth.get("users").and_then(Value::as_array).context("there are users")?;
    let found = users.iter().find(|found| found["name"] == user).with_context(|| format!("`{user}` is there"))?;
    Ok(!found["password"].is_null())
}

/// How often a password was deleted.
fn deletions(sandbox: &Sandbox) -> usize {
    sandbox.calls().iter().filter(|call| call.call.action == "iam:DeleteLoginProfile").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_password_is_warned_of_approved_and_deleted_for_good() -> Result<()> {
    let estate = sleepers(1);
    let sleeper = id(&estate, "sleeper-0")?;
    let sandbox = deleting(&estate, json!({ "approval": true })).await?;
    let told = found(&sandbox, &sleeper).await?;
    assert_eq!(told.status, "waiting", "{told:?}");
    sandbox.advance(SignedDuration::from_hours(1)).await?;
    sandbox.fire_schedules().await?;
    let event = sandbox.published().events().into_iter().find(|event| event.detail["kind"] == "announced");
    let event = event.context("it is announced")?;
    let what = event.detail["what"].as_str().unwrap_or_default();
    assert!(what.contains("gone for good") && what.contains("credwarden-approve"), "{what}");

    // Olivia has it approved before its time, and nothing goes before that.
    let asked = sandbox.start_document(APPROVE, &[("ResourceId", &sleeper), ("CredentialId", PASSWORD)], "olivia")?;
    assert_eq!(go_on(&sandbox, &asked).await?.status, Status::Waiting);
    sandbox.decide(&asked, CAROL, true)?;
    let approved = Ended::of(&go_on(&sandbox, &asked).await?);
    assert_eq!(approved.status, "approved", "{approved:?}");
    assert!(has_password(&sandbox, "sleeper-0").await?);
    sandbox.advance(DAY).await?;
    sandbox.fire_schedules().await?;
    let ended: Vec<_> = sandbox.run_automations().await?.iter().map(Ended::of).collect();
    assert_eq!(ended.iter().map(|ended| ended.status.as_str()).collect::<Vec<_>>(), ["done"], "{ended:?}");
    assert!(!ended[0].is_undoable && !has_password(&sandbox, "sleeper-0").await?, "{ended:?}");

    let work = Ledger::of(&sandbox).await?.work(&sleeper, "deactivate-credential", PASSWORD).context("it is kept")?;
    assert_eq!(work["request"]["requester"], "arn:aws:iam::123456789012:user/olivia");
    assert_eq!(work["request"]["approvers"], json!([CAROL]));
    assert_eq!(work["step"]["settled"]["outcome"], "deleted");
    let undo = execute(&sandbox, UNDO, &[("ResourceId", &sleeper), ("CredentialId", PASSWORD)]).await?;
    assert_eq!(undo.status, "refused", "{undo:?}");
    assert!(undo.reason.contains("nothing gives it back") && undo.reason.contains("CreateLoginProfile"), "{undo:?}");
    assert_eq!(found(&sandbox, &sleeper).await?.status, "nothing-to-do");
    assert!(Ledger::of(&sandbox).await?.open().is_empty());
    assert_sound(&sandbox).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_call_still_deletes_a_password_once_and_not_before_its_time() -> Result<()> {
    const MOST: usize = 90;
    let estate = sleepers(MOST + 1);
    let sandbox = deleting(&estate, json!({})).await?;
    let ids: Vec<_> = estate.users.iter().map(|user| user.id().to_string()).collect();
    let last = ids.last().context("there is a user")?;
    for user in &ids {
        assert_eq!(found(&sandbox, user).await?.status, "waiting", "{user}");
    }
    assert_eq!(deletions(&sandbox), 0);
    sandbox.advance(DAY).await?;
    let before = sandbox.calls().len();
    assert_eq!(found(&sandbox, last).await?.status, "done");
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == REMEDY).count();
    let ends = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];
    assert!(calls * ends.len() <= MOST, "{calls} calls want more users");
    let mut users = ids.iter();
    for place in 0..calls {
        for end in ends {
            let user = users.next().context("another user")?;
            let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place as u64 + 1), end);
            let ended = found(&sandbox, user).await?;
            sandbox.faults().clear();
            assert_eq!(fault.fired(), 1, "{end:?} at call {place}: {ended:?}");
        }
    }
    settle_by_schedule(&sandbox).await?;
    let ledger = Ledger::of(&sandbox).await?;
    for (user, found) in ids.iter().zip(&estate.users) {
        assert!(!has_password(&sandbox, found.name().as_str()).await?, "{}", found.name());
        let work = ledger.work(user, "deactivate-credential", PASSWORD).with_context(|| format!("{user} is kept"))?;
        assert_eq!(work["step"]["settled"]["outcome"], "deleted", "{}", found.name());
    }
    assert_eq!(ledger.spent("act"), i64::try_from(ids.len())?, "each is paid once");
    assert_sound(&sandbox).await
}
