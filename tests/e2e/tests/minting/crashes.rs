//! Runs that are killed, at every call of every step.

use anyhow::{Result, ensure};
use credwarden_e2e::mint::{Enrolled, MINT, assert_delivered, begin, crowd, ready, rotate, unheld};
use credwarden_e2e::rule::{FIRST_DAY, all_is_well};
use credwarden_sandbox::emulator::Rotation;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::sandbox::{STEPS, Sandbox};
use jiff::SignedDuration;

/// How a run dies.
const ENDS: [Act; 3] = [Act::DieBefore, Act::DieAfter, Act::LoseResponse];

/// What cannot be done twice.
const ONCE: [&str; 2] = ["iam:CreateAccessKey", "secretsmanager:UpdateSecretVersionStage"];

/// The calls of the function in one step where nothing goes wrong.
async fn calls_of(sandbox: &Sandbox, rotation: &Rotation, step: &str) -> Result<Vec<String>> {
    let before = sandbox.calls().len();
    let done = sandbox.rotation_step(rotation, step).await?;
    ensure!(matches!(done.result, Ended::Answered(_)), "{step}: {done:?}");
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == MINT);
    Ok(calls.map(|call| call.call.action).collect())
}

/// The calls of each step, as one user's rotation makes them.
async fn calls(sandbox: &Sandbox, user: &Enrolled) -> Result<Vec<Vec<String>>> {
    let rotation = begin(sandbox, &user.secret, &user.token).await?;
    let mut calls = Vec::new();
    for step in STEPS {
        calls.push(calls_of(sandbox, &rotation, step).await?);
    }
    Ok(calls)
}

/// Each step dies once at each of its calls, in each way; whatever was left is brought to the same end.
async fn killed_in(at: usize) {
    let one = ready(&crowd(FIRST_DAY, 1)).await.unwrap();
    let calls = calls(&one.0, &one.1[0]).await.unwrap().swap_remove(at);
    assert!(calls.len() > 8, "{calls:?}");
    drop(one);

    let (sandbox, users) = ready(&crowd(FIRST_DAY, calls.len() * ENDS.len())).await.unwrap();
    let mut users = users.iter();
    let mut stories = Vec::new();
    for (place, action) in calls.iter().enumerate() {
        for act in ENDS {
            let user = users.next().unwrap();
            let story = format!("{act:?} at call {} of {}, {action}", place + 1, STEPS[at]);
            let rotation = begin(&sandbox, &user.secret, &user.token).await.unwrap();
            for step in STEPS.iter().take(at) {
                calls_of(&sandbox, &rotation, step).await.unwrap();
            }
            let fault = sandbox.faults().arm(Matching::any().caller(MINT).nth(place as u64 + 1), act);
            let ended = sandbox.rotation_step(&rotation, STEPS[at]).await.unwrap();
            sandbox.faults().clear();
            assert_eq!(fault.fired(), 1, "{story}");
            // What is lost is asked for again, but for the call that may have created a key; and a label that has moved is
            // refused to be moved again.
            let survives = act == Act::LoseResponse && !ONCE.contains(&action.as_str());
            assert_eq!(matches!(ended.result, Ended::Answered(_)), survives, "{story}: {ended:?}");
            stories.push((user, story));
        }
    }

    // CloudTrail has told, and whoever was at it has ended: the first step takes away what nobody holds.
    sandbox.deliver_events().await.unwrap();
    sandbox.advance(SignedDuration::from_mins(16)).await.unwrap();
    for (user, story) in &stories {
        let rotation = begin(&sandbox, &user.secret, &user.token).await.unwrap();
        let first = sandbox.rotation_step(&rotation, STEPS[0]).await.unwrap();
        assert!(matches!(first.result, Ended::Answered(_)), "{story}: {first:?}");
        assert!(unheld(&sandbox, user).await.unwrap().is_empty(), "{story}");
        assert!(rotate(&sandbox, user).await.unwrap().succeeded(), "{story}");
        assert_delivered(&sandbox, user, story).await.unwrap();
    }
    all_is_well(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_step_killed_at_every_call_ends_as_one_that_was_not() {
    killed_in(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_step_killed_at_every_call_ends_as_one_that_was_not() {
    killed_in(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_step_killed_at_every_call_ends_as_one_that_was_not() {
    killed_in(3).await;
}
