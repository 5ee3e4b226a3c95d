//! Three of every finding of disuse, and of everything that is easily taken for one, as AWS Config stores them.

use anyhow::Result;
use credwarden_e2e::rule::{FIRST_DAY, all_is_well, deployed, options, report};
use credwarden_estate::company::disuse::{Case, Disuse, disuse};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;
use jiff::SignedDuration;

const UNUSED: &str = "credwarden-unused-credentials";

#[tokio::test]
async fn every_specimen_of_disuse_gets_its_verdict() -> Result<()> {
    let disuse = disuse(FIRST_DAY);
    let sandbox = deployed(options(), &disuse.estate).await?;
    let mut idle = 0;
    // The second time, whatever was within the lag is past it.
    for _ in 0..2 {
        evaluate(&sandbox).await?;
        check(&sandbox, &disuse);
        let found = sandbox.compliance(UNUSED).iter().filter(|row| row.compliance == NonCompliant).count();
        assert!(found > idle, "{found} users, and {idle} before");
        idle = found;
        sandbox.advance(SignedDuration::from_hours(5)).await?;
    }
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn what_the_report_shows_as_used_is_judged_without_another_look() -> Result<()> {
    let disuse = disuse(FIRST_DAY);
    let sandbox = deployed(options(), &disuse.estate).await?;
    for specimen in disuse.specimens.iter().filter(|specimen| specimen.case == Case::ShownByTheReportAlone) {
        for action in ["iam:ListAccessKeys", "iam:GetLoginProfile", "iam:GetUser"] {
            sandbox.faults().arm(Matching::action(action).user(&specimen.user).always(), Act::Deny);
        }
    }
    evaluate(&sandbox).await?;
    check(&sandbox, &disuse);
    Ok(())
}

async fn evaluate(sandbox: &Sandbox) -> Result<()> {
    for invocation in sandbox.evaluate(UNUSED).await? {
        report(&invocation)?;
    }
    Ok(())
}

fn check(sandbox: &Sandbox, disuse: &Disuse) {
    for specimen in &disuse.specimens {
        let row = sandbox.compliance_of(UNUSED, &specimen.user);
        let user = &specimen.user;
        let said = row.as_ref().map(|row| (row.compliance, row.annotation.as_str()));
        match &specimen.idle {
            None => assert_eq!(said, None, "{user}"),
            Some(ids) if ids.is_empty() && specimen.holds_until > sandbox.now() => {
                assert_eq!(said, Some((Compliant, "")), "{user}");
            }
            Some(ids) => {
                let (compliance, annotation) = said.unwrap_or((Compliant, "nothing is reported"));
                assert_eq!(compliance, NonCompliant, "{user}: {annotation}");
                assert!(ids.iter().all(|id| annotation.contains(id)), "{user}: {annotation}");
                // What became idle since is found, too; nothing else is.
                let named = annotation.matches("AKIA").count() + annotation.matches("console-password").count();
                assert_eq!(named, ids.len().max(1), "{user}: {annotation}");
            }
        }
    }
}
