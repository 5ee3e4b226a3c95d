//! What somebody creates who may not is taken away at once: by its event, before anybody evaluates.

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::remedy::{Ended, Ledger, assert_sound, undo};
use credwarden_e2e::rule::{FIRST_DAY, failure, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Execution;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::published::Message;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use jiff::SignedDuration;
use serde_json::Value;

use crate::verdicts::{activate, developer, key, looked_at, vending};
use crate::{RECORDER, RULE, recorded};

/// Robot holds nothing, spare a key that was switched off long ago.
fn estate() -> Estate {
    let estate = Estate::new(FIRST_DAY).user("robot").user("other").user("spare").key(age_days(200));
    estate.inactive_since(age_days(100))
}

/// Every event that is there is heard, and what that starts runs to its end.
async fn heard(sandbox: &Sandbox) -> Result<Vec<Execution>> {
    for invocation in sandbox.deliver_events().await? {
        report(&invocation)?;
    }
    sandbox.run_automations().await
}

#[tokio::test]
async fn a_key_that_somebody_creates_or_re_activates_who_may_not_is_inactive_when_its_event_was_heard() -> Result<()> {
    let estate = estate();
    let spared = estate.find("spare").context("it is there")?.keys[0].key.id.to_string();
    let sandbox = looked_at(options(), &estate).await?;
    let begun = sandbox.now();
    let good = key(&sandbox, &vending(), "other").await?;
    assert_eq!(heard(&sandbox).await?.len(), 0, "whoever may has nobody judged");
    let bad = key(&sandbox, &developer(), "robot").await?;
    let of_robot = heard(&sandbox).await?;
    activate(&sandbox, &developer(), "spare", &spared).await?;
    let of_spare = heard(&sandbox).await?;

    let ended: Vec<_> = of_robot.iter().chain(&of_spare).map(Ended::of).collect();
    assert_eq!(ended.iter().map(|ended| ended.status.as_str()).collect::<Vec<_>>(), ["done", "done"], "{ended:?}");
    assert_eq!(sandbox.active_keys().await?, [good].into(), "by no more than the events");
    ensure!(sandbox.now().duration_since(begun) < SignedDuration::from_mins(1), "no time was let go by");
    let by = of_robot.iter().map(|execution| execution.executed_by.as_str()).collect::<Vec<_>>();
    assert!(by[0].ends_with(&format!("/{RECORDER}")), "{by:?}");
    let ledger = Ledger::of(&sandbox).await?;
    assert_eq!((ledger.spent("quarantine"), ledger.spent("act")), (2, 0));
    assert_eq!(ledger.open().len(), 2, "only the sessions are waited for: {:?}", ledger.open());

    // What was done is undone, and the event of that takes nothing away again.
    let user_id = estate.find("robot").context("it is there")?.id().to_string();
    assert_eq!(undo(&sandbox, &user_id, &bad).await?.status, "undone");
    let again = heard(&sandbox).await?;
    assert!(again.iter().all(|execution| Ended::of(execution).status == "held"), "{again:?}");
    assert!(sandbox.active_keys().await?.contains(&bad));
    assert_sound(&sandbox).await
}

#[tokio::test]
async fn security_is_told_at_once_who_created_the_key_and_what_undoes_it() -> Result<()> {
    let sandbox = looked_at(options(), &estate()).await?;
    let bad = key(&sandbox, &developer(), "robot").await?;
    heard(&sandbox).await?;
    // Nobody has waited for the schedule.
    let messages = sandbox.published().messages();
    let of_security = |message: &&Message| message.audience.as_deref() == Some("security");
    let told: Vec<_> = messages.iter().filter(of_security).collect();
    assert_eq!(told.len(), 1, "{messages:?}");
    assert_eq!(told[0].owner.as_deref(), Some("account-contact"), "no other contact is named");
    for words in [
        &format!("access key {bad} of user robot"),
        "What:  it was made inactive, and its user's sessions are refused until",
        "Who:   arn:aws:iam::123456789012:role/developer",
        "From:  ",
        "Event: ",
        "Undo:  until ",
        "--document-name credwarden-undo-deactivate-credential",
    ] {
        assert!(told[0].text.contains(words), "no {words:?} in {}", told[0].text);
    }
    let events = sandbox.published().events();
    let event = events.iter().find(|event| event.detail["kind"] == "compromise").context("an event")?;
    let of_trail = recorded(&sandbox).await?;
    assert!(
        of_trail
            .iter()
            .any(|item| item.to_string().contains(event.detail["created"]["eventId"].as_str().unwrap_or("?")))
    );

    // The schedule does not say it again.
    sandbox.advance(SignedDuration::from_mins(61)).await?;
    sandbox.fire_schedules().await?;
    let messages = sandbox.published().messages();
    assert_eq!(messages.iter().filter(of_security).count(), 1, "{messages:?}");
    assert_sound(&sandbox).await
}

#[tokio::test]
async fn where_it_cannot_be_told_at_once_the_key_goes_all_the_same_and_the_schedule_tells() -> Result<()> {
    let sandbox = looked_at(options(), &estate()).await?;
    sandbox.faults().arm(Matching::action("sns:Publish").always(), Act::ServerError(500));
    let bad = key(&sandbox, &developer(), "robot").await?;
    let executions = heard(&sandbox).await?;
    assert_eq!(Ended::of(&executions[0]).status, "done", "{executions:?}");
    assert!(!sandbox.active_keys().await?.contains(&bad));
    assert_eq!(sandbox.published().messages().len(), 0);
    sandbox.faults().clear();
    sandbox.advance(SignedDuration::from_mins(61)).await?;
    sandbox.fire_schedules().await?;
    let messages = sandbox.published().messages();
    assert!(messages.iter().any(|message| message.audience.as_deref() == Some("security")), "{messages:?}");
    assert_sound(&sandbox).await
}

/// Whether the user's sessions are refused by the stack's policy.
async fn are_sessions_refused(sandbox: &Sandbox, user: &str) -> Result<bool> {
    let truth = sandbox.truth().await?;
    let mut users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
    let found = users.find(|found| found["name"] == user).with_context(|| format!("`{user}` is there"))?;
    let attached = found["attached"].as_array().into_iter().flatten();
    Ok(attached.filter_map(Value::as_str).any(|arn| arn.ends_with(":policy/credwarden-refuse-sessions")))
}

#[tokio::test]
async fn sessions_of_a_stolen_key_are_refused_for_as_long_as_they_last_or_until_it_is_given_back() -> Result<()> {
    let estate = estate();
    let sandbox = looked_at(options(), &estate).await?;
    for user in ["robot", "other"] {
        key(&sandbox, &developer(), user).await?;
        assert_eq!(heard(&sandbox).await?.len(), 1);
        assert!(are_sessions_refused(&sandbox, user).await?, "{user}");
    }
    let other = estate.find("other").context("it is there")?.id().to_string();
    let taken = sandbox.executions().pop().context("an execution")?;
    let taken = Ended::of(&taken).changed.pop().context("a key was changed")?;
    assert_eq!(undo(&sandbox, &other, &taken).await?.status, "undone");
    assert!(!are_sessions_refused(&sandbox, "other").await?, "at once");
    // What the undo's own event starts is another matter.
    heard(&sandbox).await?;

    sandbox.advance(SignedDuration::from_hours(35)).await?;
    sandbox.fire_schedules().await?;
    sandbox.run_automations().await?;
    assert!(are_sessions_refused(&sandbox, "robot").await?);
    sandbox.advance(SignedDuration::from_hours(2)).await?;
    sandbox.fire_schedules().await?;
    sandbox.run_automations().await?;
    assert!(!are_sessions_refused(&sandbox, "robot").await?);
    assert!(Ledger::of(&sandbox).await?.open().is_empty());
    assert_sound(&sandbox).await
}

#[tokio::test]
async fn an_event_that_comes_twice_starts_one_execution() -> Result<()> {
    let tricks = [Trick::DuplicateTrailEvent, Trick::UnorderedTrailEvents].into();
    let sandbox = looked_at(Options { tricks, ..options() }, &estate()).await?;
    key(&sandbox, &developer(), "robot").await?;
    let executions = heard(&sandbox).await?;
    assert_eq!(executions.len(), 1, "{executions:?}");
    assert!(sandbox.active_keys().await?.is_empty());
    assert_sound(&sandbox).await
}

#[tokio::test]
async fn an_event_whose_document_does_not_start_is_recorded_and_tried_again() -> Result<()> {
    let sandbox = looked_at(options(), &estate()).await?;
    let starting = Matching::action("ssm:StartAutomationExecution").caller(RECORDER);
    sandbox.faults().arm(starting.always(), Act::ServerError(500));
    let bad = key(&sandbox, &developer(), "robot").await?;
    let first = sandbox.deliver_events().await?;
    ensure!(first.len() == 1, "{first:?}");
    assert_eq!(failure(&first[0])?.kind, "EventNotAnswered");
    assert_eq!(recorded(&sandbox).await?.len(), 1, "recording comes first");
    assert_eq!(sandbox.executions().len(), 0);
    sandbox.faults().clear();
    sandbox.advance(SignedDuration::from_mins(1)).await?;
    assert_eq!(heard(&sandbox).await?.len(), 1);
    assert!(!sandbox.active_keys().await?.contains(&bad));
    assert!(sandbox.failed_events().is_empty());
    assert_sound(&sandbox).await
}

#[tokio::test]
async fn where_people_start_remediation_an_event_is_only_recorded() -> Result<()> {
    let options = Options { profile: "default".to_owned(), ..options() };
    let sandbox = looked_at(options, &estate()).await?;
    let bad = key(&sandbox, &developer(), "robot").await?;
    assert_eq!(heard(&sandbox).await?.len(), 0);
    assert_eq!(recorded(&sandbox).await?.len(), 1);
    assert!(sandbox.active_keys().await?.contains(&bad));
    assert!(sandbox.compliance(RULE).iter().all(|row| row.user != "robot"), "nobody has evaluated since");
    assert_sound(&sandbox).await
}
