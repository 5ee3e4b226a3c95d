//! The whole loop on the company that everything is shown on.

use credwarden_e2e::remedy::{RULE, assert_sound, key_changes, noon, ready, spent};
use credwarden_estate::company::{Expected, company};
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::sandbox::{ComplianceRow, Options, Sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn a_story_from_finding_to_compliant() {
    let company = company(noon());
    let sandbox = ready(Options::at(noon()), &company.estate).await.unwrap();
    sandbox.silence_config(false);
    sandbox.evaluate(RULE).await.unwrap();
    // One key lies on its limit for this very second only.
    let is_over = |specimen: &&credwarden_estate::company::Specimen| specimen.holds_until < sandbox.now();
    let fleeting: Vec<_> = company.specimens.iter().filter(is_over).map(|specimen| specimen.user.clone()).collect();
    assert_eq!(fleeting, ["at-the-limit"]);

    for specimen in company.specimens.iter().filter(|specimen| !fleeting.contains(&specimen.user)) {
        let row = sandbox.compliance_of(RULE, &specimen.user);
        let keys = match &specimen.verdict {
            Expected::NotReported => {
                assert_eq!(row, None, "{}", specimen.why);
                continue;
            }
            Expected::Compliant { warned } => {
                assert_eq!(row.as_ref().unwrap().compliance, Compliance::Compliant, "{}: {row:?}", specimen.why);
                warned
            }
            Expected::NonCompliant { keys } => {
                assert_eq!(row.as_ref().unwrap().compliance, Compliance::NonCompliant, "{}: {row:?}", specimen.why);
                keys
            }
        };
        for key in keys {
            assert!(row.as_ref().unwrap().annotation.contains(key.as_str()), "{}: {row:?}", specimen.why);
        }
    }

    sandbox.tick().await.unwrap();
    let mut deactivated = 0;
    for specimen in company.specimens.iter().filter(|specimen| !fleeting.contains(&specimen.user)) {
        for key in &specimen.deactivated {
            assert_eq!(status(&sandbox, key.as_str()).await, "Inactive", "{} ({})", specimen.why, specimen.user);
        }
        for key in &specimen.held {
            assert_eq!(status(&sandbox, key.as_str()).await, "Active", "{} ({})", specimen.why, specimen.user);
        }
        let changed = key_changes(&sandbox).into_iter().filter(|change| change.user == specimen.user).count();
        assert_eq!(changed, specimen.deactivated.len(), "{} ({})", specimen.why, specimen.user);
        deactivated += changed;
    }
    assert!(deactivated >= 15, "the company holds many old keys, {deactivated} were found");
    let extra = key_changes(&sandbox).iter().filter(|change| fleeting.contains(&change.user)).count();
    assert_eq!(spent(&sandbox, "act").await.unwrap(), i64::try_from(deactivated + extra).unwrap());

    // The next evaluation, still within the day, finds those compliant.
    sandbox.advance(jiff::SignedDuration::from_hours(5)).await.unwrap();
    sandbox.evaluate(RULE).await.unwrap();
    sandbox.run_automations().await.unwrap();
    for specimen in company.specimens.iter().filter(|specimen| !specimen.deactivated.is_empty()) {
        let row: ComplianceRow = sandbox.compliance_of(RULE, &specimen.user).unwrap();
        let wanted = if specimen.held.is_empty() { Compliance::Compliant } else { Compliance::NonCompliant };
        assert_eq!(row.compliance, wanted, "{}: {row:?}", specimen.why);
    }
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

async fn status(sandbox: &Sandbox, key_id: &str) -> String {
    sandbox.key_status(key_id).await.unwrap().unwrap()
}
