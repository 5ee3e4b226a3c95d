//! AWS Config's remediation exceptions: its own, and somebody's.

use credwarden_e2e::remedy::{RULE, SCHEDULE, assert_sound, ended_on, id, key, key_changes, metric, noon, ready};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whom AWS Config leaves out of remediation.
fn left_out(sandbox: &Sandbox) -> Vec<String> {
    let exceptions = sandbox.config().exceptions(RULE, sandbox.now());
    exceptions.into_iter().filter_map(|exception| sandbox.user_name(&exception.resource_id)).collect()
}

/// How often AWS Config itself has started the rule's document on a user.
fn started_by_config(sandbox: &Sandbox, user_id: &str) -> usize {
    let config = sandbox.automation().config_arn();
    let executions = sandbox.executions().into_iter().filter(|execution| execution.executed_by == config);
    executions.filter(|execution| execution.parameters["ResourceId"] == [user_id.to_owned()]).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn config_exceptions_do_not_stop_the_loop() {
    // Silent for longer than a key counts as in use, and not for so long that another rule finds it.
    let estate = Estate::new(noon())
        .user("unlucky")
        .key(age_days(120))
        .used(age_days(8), "s3")
        .user("spared")
        .key(age_days(120))
        .used(age_days(8), "s3");
    let (unlucky, unlucky_key) = (id(&estate, "unlucky").unwrap(), key(&estate, "unlucky").unwrap());
    let (spared, spared_key) = (id(&estate, "spared").unwrap(), key(&estate, "spared").unwrap());
    let tricks = [Trick::GivesUpAtOnce, Trick::FunctionErrorPassesOn].into();
    let sandbox = ready(Options { tricks, ..Options::at(noon()) }, &estate).await.unwrap();
    sandbox.config().put_exception(RULE, &spared, "our release manager asks for time", None);
    sandbox.silence_config(false);

    // Everything goes wrong with one user, and AWS Config gives up on it.
    let denied = sandbox.faults().arm(Matching::action("iam:GetUser").user("unlucky").always(), Act::Deny);
    sandbox.evaluate(RULE).await.unwrap();
    let ended = ended_on(&sandbox.run_automations().await.unwrap(), &unlucky);
    assert_eq!(ended.iter().map(|ended| ended.status.as_str()).collect::<Vec<_>>(), ["Failed"], "{ended:?}");
    assert!(denied.fired() > 0);
    assert_eq!(left_out(&sandbox), ["spared", "unlucky"]);
    sandbox.advance(SignedDuration::from_mins(1)).await.unwrap();
    sandbox.evaluate(RULE).await.unwrap();
    assert!(sandbox.run_automations().await.unwrap().is_empty(), "AWS Config starts nothing for whom it leaves out");

    // The schedule clears that exception and alarms; somebody's is left, and alarmed too.
    sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
    sandbox.fire_schedules().await.unwrap();
    assert_eq!(left_out(&sandbox), ["spared"]);
    assert_eq!(metric(&sandbox, SCHEDULE, "RemediationExceptions"), [2]);
    assert_eq!(metric(&sandbox, SCHEDULE, "RemediationExceptionsCleared"), [1]);
    sandbox.run_automations().await.unwrap();
    assert_eq!(key_changes(&sandbox), []);

    // Nothing goes wrong any more: AWS Config starts it again, and work goes on.
    sandbox.faults().clear();
    let before = started_by_config(&sandbox, &unlucky);
    sandbox.evaluate(RULE).await.unwrap();
    sandbox.run_automations().await.unwrap();
    assert_eq!(started_by_config(&sandbox, &unlucky), before + 1, "AWS Config remediates again");
    for _ in 0..3 {
        sandbox.advance(DAY).await.unwrap();
        sandbox.tick().await.unwrap();
    }
    assert_eq!(sandbox.key_status(&unlucky_key).await.unwrap().unwrap(), "Inactive");
    assert_eq!(sandbox.key_status(&spared_key).await.unwrap().unwrap(), "Active");
    assert_eq!(left_out(&sandbox), ["spared"], "somebody's exception is somebody's");
    assert_eq!(metric(&sandbox, SCHEDULE, "RemediationExceptions")[1..], [1, 1, 1]);
    assert_eq!(started_by_config(&sandbox, &spared), 0);
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}
