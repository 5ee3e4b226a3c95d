//! IAM Access Analyzer beside the rule `unused-credentials`: it agrees, contradicts, or cannot be read, and decides nothing.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{DAY, FIRST_DAY, all_is_well, count_since, deployed, keys, options, report, sent_since};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{self, Compliant, NonCompliant};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::Value;

const UNUSED: &str = "credwarden-unused-credentials";

/// What is told of a user: the verdict, and what is said beside it.
type Told = BTreeMap<String, (Compliance, String)>;

fn estate() -> Estate {
    Estate::new(FIRST_DAY)
        .user("idle")
        .key(age_days(300))
        .used(age_days(200), "s3")
        .user("busy")
        .key(age_days(300))
        .used(age_days(5), "s3")
        .user("overlooked")
        .key(age_days(300))
        .used(age_days(200), "s3")
}

async fn evaluate(sandbox: &Sandbox) -> Result<Value> {
    let invocations = sandbox.evaluate(UNUSED).await?;
    report(invocations.first().context("no invocation")?)
}

fn told(sandbox: &Sandbox) -> Told {
    sandbox.compliance(UNUSED).into_iter().map(|row| (row.user, (row.compliance, row.annotation))).collect()
}

fn verdicts(told: &Told) -> BTreeMap<String, Compliance> {
    told.iter().map(|(user, (compliance, _))| (user.clone(), *compliance)).collect()
}

#[tokio::test]
async fn an_analyzer_agrees_or_contradicts_and_changes_no_verdict() -> Result<()> {
    let estate = estate();
    let sandbox = deployed(options(), &estate).await?;
    let report = evaluate(&sandbox).await?;
    assert_eq!(report.get("remarks"), None, "{report}");
    let without = told(&sandbox);
    assert_eq!(count_since(&sandbox, 0, "access-analyzer:ListAnalyzers"), 1);
    assert!(sandbox.calls().iter().filter(|one| one.call.service == "access-analyzer").count() == 1, "there is none");
    assert!(without.values().all(|(_, annotation)| !annotation.contains("Analyzer")), "{without:?}");

    // It is wrong about two keys, and old enough three days later to have had the time to know.
    sandbox.create_analyzer(90).await?;
    let (busy, overlooked) = (keys(&estate, "busy").concat(), keys(&estate, "overlooked").concat());
    sandbox.access_analyzer().insist(&busy);
    sandbox.access_analyzer().overlook(&overlooked);
    sandbox.advance(DAY * 3).await?;
    evaluate(&sandbox).await?;
    let with = told(&sandbox);
    assert_eq!(verdicts(&with), verdicts(&without));
    let says = |user: &str, what: &str| {
        let annotation = with.get(user).map(|(_, annotation)| annotation.as_str()).unwrap_or_default();
        assert!(annotation.contains(what), "{user}: {annotation}");
    };
    says("idle", &format!("Access Analyzer agrees: {} unused since ", keys(&estate, "idle").concat()));
    says("busy", &format!("Access Analyzer contradicts: {busy} unused for 90 days, but IAM shows a use on "));
    says("overlooked", &format!("Access Analyzer contradicts: {overlooked} not found unused for 90 days"));

    // Nothing has changed a day later, and what complies is not sent, and billed, again.
    let calls = sandbox.calls().len();
    sandbox.advance(DAY).await?;
    evaluate(&sandbox).await?;
    assert_eq!(told(&sandbox), with);
    assert!(sent_since(&sandbox, calls).iter().all(|sent| sent.user != "busy"), "an unchanged result is not sent");

    // Somebody archives what it found: that is not its silence about those keys, and no longer its word.
    sandbox.access_analyzer().archive_all();
    evaluate(&sandbox).await?;
    let archived = told(&sandbox);
    assert_eq!(verdicts(&archived), verdicts(&without));
    for user in ["idle", "busy"] {
        assert!(archived.get(user).is_some_and(|(_, said)| !said.contains("Analyzer")), "{archived:?}");
    }
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn an_analyzer_that_cannot_be_read_is_said_and_changes_no_verdict() -> Result<()> {
    let sandbox = deployed(options(), &estate()).await?;
    sandbox.create_analyzer(90).await?;
    let expected = [("busy", Compliant), ("idle", NonCompliant), ("overlooked", NonCompliant)];
    let expected: BTreeMap<String, Compliance> = expected.map(|(user, told)| (user.to_owned(), told)).into();
    for (action, act) in [
        ("access-analyzer:ListAnalyzers", Act::Deny),
        ("access-analyzer:GetAnalyzer", Act::Deny),
        ("access-analyzer:ListFindingsV2", Act::Throttle),
        ("access-analyzer:GetFindingV2", Act::Deny),
    ] {
        sandbox.faults().arm(Matching::action(action).always(), act);
        let report = evaluate(&sandbox).await?;
        sandbox.faults().clear();
        let remarks = report.get("remarks").map(Value::to_string).unwrap_or_default();
        assert!(remarks.contains("what Access Analyzer says is not known"), "{action}: {report}");
        assert_eq!(report.get("unknown"), Some(&Value::from(0)), "{action}: it is no gap");
        let told = told(&sandbox);
        assert_eq!(verdicts(&told), expected, "{action}");
        assert!(told.values().all(|(_, annotation)| !annotation.contains("Analyzer")), "{action}: {told:?}");
    }
    Ok(())
}
