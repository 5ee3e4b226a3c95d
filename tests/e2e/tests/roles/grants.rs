//! Scenarios that make every function call everything it may.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{
    DAY, FIRST_DAY, HOUR, RULE, SHORT, all_is_well, delete_user, deployed, evaluate, keys, make_report, options,
    passes, report, slow_down,
};
use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days};
use credwarden_sandbox::access::Grant;
use credwarden_sandbox::automation::{Execution, Status};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use serde_json::{Value, json};

use crate::{creation, elsewhere, enrolled, exceptions, minting, rotations};

const REMEDY: &str = "credwarden-deactivate-credential";
const UNUSED: &str = "credwarden-unused-credentials";
const UNDO: &str = "credwarden-undo-deactivate-credential";

#[tokio::test]
async fn every_granted_action_is_needed_and_no_other_passes() -> Result<()> {
    let (acting, stopping, creating, excepting, rotating, minting, enrolling) = tokio::try_join!(
        remedied(),
        stopped(),
        creation::created(),
        exceptions::excepted(),
        rotations::rotated(),
        minting::minted(),
        enrolled::enrolled()
    )?;
    let sandboxes = [&acting, &stopping, &creating, &excepting, &rotating, &minting, &enrolling];
    let granted = acting.access().grants();
    ensure!(
        sandboxes.iter().all(|sandbox| sandbox.access().grants() == granted),
        "the same template gives the same grants"
    );
    let used: BTreeSet<Grant> = sandboxes.iter().flat_map(|sandbox| sandbox.access().used()).collect();
    let idle: Vec<_> = granted.difference(&used).collect();
    assert!(idle.is_empty(), "granted and never needed: {idle:#?}");
    assert!(granted.iter().all(|grant| !grant.action.contains('*')), "a wildcard grants more than is known");

    for sandbox in sandboxes {
        all_is_well(sandbox).await?;
    }
    let deeds = sandboxes.into_iter().flat_map(elsewhere::deeds).collect();
    elsewhere::nothing_else_passes(acting.deployment(), acting.access(), &deeds)
}

/// The loop with all that can come in its way: absent from the report, gone, failed, taken up, excepted, undone.
async fn remedied() -> Result<Sandbox> {
    let estate = Estate::new(FIRST_DAY)
        .group("admins", &[ADMINISTRATOR_ACCESS])
        .user("silent")
        .member_of("admins")
        .key(age_days(120))
        .user("fails")
        .key(age_days(130))
        .user("leaves")
        .key(age_days(140))
        .user(elsewhere::PROTECTED_USER)
        .path("/break-glass/")
        .key(age_days(3))
        .user(elsewhere::ENROLLED_USER)
        .path("/enrolled/")
        .key(age_days(3))
        .user("sleeper")
        .password(age_days(100));
    let options = Options { tricks: [Trick::GivesUpAtOnce].into(), ..options() };
    let sandbox = deployed(options, &estate).await?;
    let mut policy = sandbox.deployed_policy()?;
    let budget = policy.get_mut("budget").context("a policy has a budget")?;
    *budget = json!({ "perDay": 10, "percentPerDay": 100 });
    sandbox.set_policy(&policy.to_string()).await?;

    sandbox.create_analyzer(90).await?;
    // Of the rules, the first on a day has the credential report made.
    for invocation in sandbox.evaluate(UNUSED).await? {
        report(&invocation)?;
    }
    evaluate(&sandbox).await?;
    sandbox.iam("CreateUser", &[("UserName", "newcomer")]).await?;
    sandbox.iam("CreateAccessKey", &[("UserName", "newcomer")]).await?;
    evaluate(&sandbox).await?;
    ended_well(&sandbox.run_automations().await?)?;

    // A day later the policy has been reported for long enough. One user's act fails, and Config gives up on it.
    sandbox.advance(DAY + HOUR).await?;
    sandbox.faults().arm(Matching::action("iam:UpdateAccessKey").user("fails").always(), Act::Deny);
    let leaver = id(&estate, "leaves");
    sandbox.fire_schedules().await?;
    sandbox.evaluate_due().await?;
    delete_user(&sandbox, &estate, "leaves").await?;
    let first = sandbox.run_automations().await?;
    ensure!(first.iter().any(|execution| execution.status == Status::Failed), "one act was denied: {first:?}");
    ensure!(sandbox.config().exceptions(RULE, sandbox.now()).len() == 1, "Config has given up on one user");
    status(&sandbox, &estate, "silent", "Inactive").await?;

    // Whom Config no longer knows is looked for among all users.
    sandbox.start_document(RULE, &[("FunctionName", REMEDY), ("ResourceId", &leaver)], "olivia")?;
    ended_well(&sandbox.run_automations().await?)?;

    // The schedule takes up what failed, and clears Config's exception.
    sandbox.faults().clear();
    hours_pass(&sandbox).await?;
    status(&sandbox, &estate, "fails", "Inactive").await?;
    ensure!(sandbox.config().exceptions(RULE, sandbox.now()).is_empty(), "Config's own exception is cleared");

    // An undo that fails is taken up too.
    let key = keys(&estate, "silent").concat();
    let undo = [("FunctionName", REMEDY), ("ResourceId", &id(&estate, "silent")), ("CredentialId", &key)];
    sandbox.faults().arm(Matching::action("iam:UpdateAccessKey").user("silent").always(), Act::Deny);
    sandbox.start_document(UNDO, &undo, "olivia")?;
    sandbox.run_automations().await?;
    status(&sandbox, &estate, "silent", "Inactive").await?;
    sandbox.faults().clear();
    hours_pass(&sandbox).await?;
    status(&sandbox, &estate, "silent", "Active").await?;

    // An unused password is announced, and deleted a day later.
    let default = policy.pointer_mut("/limits/default/console-password").context("a policy limits passwords")?;
    *default.get_mut("warnDays").context("it warns of them")? = json!(1);
    let mode = policy.pointer_mut("/remedies/unused-credentials/default/mode").context("a policy answers disuse")?;
    *mode = json!("enforce");
    sandbox.set_policy(&policy.to_string()).await?;
    let sleeper = [("FunctionName", REMEDY), ("ResourceId", &id(&estate, "sleeper"))];
    sandbox.start_document(UNUSED, &sleeper, "olivia")?;
    ended_well(&sandbox.run_automations().await?)?;
    sandbox.advance(DAY).await?;
    hours_pass(&sandbox).await?;
    ensure!(
        sandbox.calls().iter().any(|call| call.call.action == "iam:DeleteLoginProfile"),
        "the password is deleted when its owner has had a day"
    );
    Ok(sandbox)
}

/// Two rounds of the schedule, and what they start.
async fn hours_pass(sandbox: &Sandbox) -> Result<()> {
    for _ in 0..2 {
        sandbox.advance(HOUR).await?;
        for invocation in sandbox.fire_schedules().await? {
            report(&invocation)?;
        }
        ended_well(&sandbox.run_automations().await?)?;
    }
    Ok(())
}

/// A pass that runs out of time, and the schedule that has it go on.
async fn stopped() -> Result<Sandbox> {
    let estate = (0..24)
        .fold(Estate::new(FIRST_DAY), |estate, number| estate.user(&format!("user-{number:02}")).key(age_days(3)));
    let options = Options { function_timeout: Some(SHORT), ..options() };
    let sandbox = deployed(options, &estate).await?;
    make_report(&sandbox).await?;
    slow_down(&sandbox, Duration::from_millis(1_500));
    let stopped = evaluate(&sandbox).await?;
    ensure!(stopped.get("complete") == Some(&Value::Bool(false)), "it had time enough: {stopped}");
    sandbox.faults().clear();
    sandbox.advance(HOUR).await?;
    for invocation in sandbox.fire_schedules().await? {
        report(&invocation)?;
    }
    sandbox.evaluate_due().await?;
    ensure!(passes(&sandbox).await?.get("complete").is_some(), "the schedule had it go on");
    Ok(sandbox)
}

fn ended_well(executions: &[Execution]) -> Result<()> {
    let failed: Vec<_> = executions.iter().filter(|execution| execution.status != Status::Success).collect();
    ensure!(failed.is_empty(), "{failed:?}");
    Ok(())
}

fn id(estate: &Estate, user: &str) -> String {
    estate.find(user).map(|user| user.id().to_string()).unwrap_or_default()
}

async fn status(sandbox: &Sandbox, estate: &Estate, user: &str, expected: &str) -> Result<()> {
    let key = keys(estate, user).concat();
    let status = sandbox.key_status(&key).await?.with_context(|| format!("`{user}` has no key"))?;
    ensure!(status == expected, "the key of `{user}` is {status}, not {expected}");
    Ok(())
}
