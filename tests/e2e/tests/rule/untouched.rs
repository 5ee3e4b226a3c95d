//! What a deployment does before anybody has asked it to act.

use std::collections::BTreeMap;

use anyhow::Result;
use credwarden_e2e::rule::{FIRST_DAY, HOUR, RULE, all_is_well, deployed, options, report};
use credwarden_estate::company::company;
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::config::Compliance::NonCompliant;
use credwarden_sandbox::sandbox::Options;
use credwarden_sandbox::tricks::Trick;
use serde_json::Value;

const DAYS: usize = 4;

/// How IAM's reading actions begin. `Generate` makes a report, which changes nobody.
const READS: [&str; 3] = ["iam:Get", "iam:List", "iam:Generate"];

#[tokio::test]
async fn a_default_deployment_changes_nothing() -> Result<()> {
    let company = company(FIRST_DAY);
    // Even an AWS Config that remediates whatever it can.
    let tricks = [Trick::RemediatesCompliant, Trick::DuplicateRemediation].into();
    let options = Options { profile: "default".to_owned(), tricks, ..options() };
    let sandbox = deployed(options, &company.estate).await?;
    let before = sandbox.truth().await?;
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for day in 0..DAYS {
        for execution in sandbox.tick().await? {
            assert!(execution.executed_by.ends_with("user/olivia"), "nobody but her: {execution:?}");
        }
        let found = sandbox.compliance(RULE).into_iter().filter(|row| row.compliance == NonCompliant);
        let found: Vec<_> = found.map(|row| row.resource_id).collect();
        assert!(found.len() > 10, "there is something to be done: {found:?}");
        // Every fourth of them each day: all of them on the whole, some when the rule has reported for days.
        for id in found.iter().skip(day % 4).step_by(4) {
            sandbox.start_document(
                RULE,
                &[("FunctionName", "credwarden-deactivate-credential"), ("ResourceId", id)],
                "olivia",
            )?;
        }
        for execution in sandbox.run_automations().await? {
            assert_eq!(execution.status, Status::Success, "{execution:?}");
            let answer = execution.remedy_answer().unwrap_or_default();
            let status = answer.get("status").and_then(Value::as_str).unwrap_or_default();
            *answers.entry(status.to_owned()).or_default() += 1;
        }
        for _ in 0..4 {
            sandbox.advance(HOUR * 6).await?;
            for invocation in sandbox.fire_schedules().await? {
                report(&invocation)?;
            }
        }
    }
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["observed"], "{answers:?}");
    assert_eq!(sandbox.truth().await?, before);
    let iam =
        sandbox.calls().into_iter().map(|recorded| recorded.call.action).filter(|action| action.starts_with("iam:"));
    let writes: Vec<_> = iam.filter(|action| !READS.iter().any(|read| action.starts_with(read))).collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(sandbox.open_work().await?.is_empty());
    all_is_well(&sandbox).await
}
