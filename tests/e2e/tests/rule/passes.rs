//! Passes over the account: how they begin, stop, go on and end.

use std::time::Duration;

use anyhow::Result;
use credwarden_e2e::rule::{
    DAY, FIRST_DAY, HOUR, RULE, SHORT, all_is_well, delete_user, deployed, evaluate, expected, make_report, options,
    passes, report, sent_since, slow_down, verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::hazards::Hazards;
use credwarden_sandbox::proxy::{Outcome, Recorded};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use serde_json::{Value, json};

const USERS: usize = 60;

/// How many passes of this rule the schedule has to go on with.
async fn open_passes(sandbox: &Sandbox) -> Result<usize> {
    Ok(sandbox.open_work().await?.iter().filter(|item| item["pk"] == "RULE#access-key-age").count())
}

#[tokio::test]
async fn near_the_time_limit_a_pass_stops_and_the_schedule_has_it_go_on() -> Result<()> {
    let estate = (0..USERS).fold(Estate::new(FIRST_DAY).user("leaves").key(age_days(3)), |estate, number| {
        // Whoever breaks the policy is read in every pass.
        estate.user(&format!("user-{number:02}")).key(age_days(100))
    });
    let options = Options { function_timeout: Some(SHORT), ..options() };
    let sandbox = deployed(options, &estate).await?;
    make_report(&sandbox).await?;
    // On a machine under load the time may be short already.
    while evaluate(&sandbox).await?["complete"] != json!(true) {}
    assert_eq!(verdicts(&sandbox).len(), USERS + 1);

    delete_user(&sandbox, &estate, "leaves").await?;
    slow_down(&sandbox, Duration::from_millis(700));
    let mut invocations = 0;
    let mut read = Vec::new();
    loop {
        let begun = sandbox.calls().len();
        // The schedule asks for what is left; AWS Config's own next evaluation is a day away.
        let said = if invocations == 0 { evaluate(&sandbox).await? } else { take_up(&sandbox).await? };
        invocations += 1;
        // The schedule may find other rules due, too.
        let of_rule =
            |recorded: &&Recorded| recorded.call.caller == RULE && recorded.call.action == "iam:ListAccessKeys";
        read.push(sandbox.calls().iter().skip(begun).filter(of_rule).count());
        if said["complete"] == json!(true) {
            break;
        }
        assert!(invocations < 8, "the pass does not end: {read:?}");
        assert_eq!(verdicts(&sandbox).len(), USERS + 1, "who is gone is taken back at the end only");
        assert!(passes(&sandbox).await?["under_way"].is_object());
        assert_eq!(open_passes(&sandbox).await?, 1);
    }
    assert!(invocations > 1, "it was never short of time: {read:?}");
    assert_eq!(read.iter().sum::<usize>(), USERS, "no user is read twice, none is left out: {read:?}");
    assert_eq!(verdicts(&sandbox).len(), USERS, "who is gone is taken back");
    assert_eq!(open_passes(&sandbox).await?, 0);
    let whole = passes(&sandbox).await?;
    assert!(whole["under_way"].is_null(), "{whole}");
    let (started, finished) = (time(&whole, "started"), time(&whole, "finished"));
    assert!(started < finished, "it began with its first invocation: {whole}");
    all_is_well(&sandbox).await
}

fn time(passes: &Value, which: &str) -> String {
    passes.pointer(&format!("/complete/{which}")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// An hour later: the schedule comes round, and AWS Config does what it was asked.
async fn take_up(sandbox: &Sandbox) -> Result<Value> {
    sandbox.advance(HOUR).await?;
    for invocation in sandbox.fire_schedules().await? {
        report(&invocation)?;
    }
    assert_eq!(sandbox.config().asked(), [RULE]);
    sandbox.evaluate_due().await?;
    let invoked = sandbox.invocations().into_iter().rfind(|invoked| invoked.function == RULE);
    invoked.map_or(Ok(Value::Null), |invoked| report(&invoked.invocation))
}

#[tokio::test]
async fn every_state_of_the_credential_report_leads_to_a_fresh_one() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("old").key(age_days(100)).user("young").key(age_days(3));
    let mut options = Options::at(FIRST_DAY);
    options.hazards = Hazards { report_polls: 2, report_dates_end_in_z: true, ..Hazards::default() };
    let sandbox = deployed(options, &estate).await?;
    let answers = |from: usize| {
        let calls = sandbox.calls().into_iter().skip(from);
        let of_report = calls.filter(|recorded| recorded.call.action == "iam:GetCredentialReport");
        let errors = of_report.map(|recorded| match recorded.outcome {
            Outcome::Answered { error, .. } => error.unwrap_or_else(|| "made".to_owned()),
            other => format!("{other:?}"),
        });
        errors.collect::<Vec<_>>()
    };
    let both = expected(&[("old", NonCompliant), ("young", Compliant)]);
    evaluate(&sandbox).await?;
    assert_eq!(answers(0), ["ReportNotPresent", "ReportInProgress", "ReportInProgress", "made"]);
    assert_eq!(verdicts(&sandbox), both);

    let begun = sandbox.calls().len();
    sandbox.advance(HOUR).await?;
    evaluate(&sandbox).await?;
    assert_eq!(answers(begun), ["made"], "a report of an hour ago is the newest there is");

    let begun = sandbox.calls().len();
    sandbox.advance(DAY).await?;
    evaluate(&sandbox).await?;
    assert_eq!(answers(begun), ["ReportExpired", "ReportInProgress", "ReportInProgress", "made"]);
    assert_eq!(verdicts(&sandbox), both);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn an_event_twice_or_late_changes_nothing() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("old").key(age_days(100)).user("young").key(age_days(3));
    let options = Options { tricks: [Trick::DuplicateEvent, Trick::LateEvent].into(), ..options() };
    let sandbox = deployed(options, &estate).await?;
    for _ in 0..2 {
        let begun = sandbox.calls().len();
        let ended = sandbox.evaluate(RULE).await?;
        assert_eq!(ended.len(), 3);
        ended.iter().map(report).collect::<Result<Vec<_>>>()?;
        assert_eq!(verdicts(&sandbox), expected(&[("old", NonCompliant), ("young", Compliant)]));
        assert!(sent_since(&sandbox, begun).iter().all(|sent| sent.compliance != "NOT_APPLICABLE"));
        assert!(passes(&sandbox).await?["complete"].is_object());
        sandbox.advance(DAY).await?;
    }
    all_is_well(&sandbox).await
}
