//! The whole company: every near miss gets its verdict.

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{FIRST_DAY, RULE, all_is_well, deployed, evaluate, options};
use credwarden_estate::company::{Expected, company};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};

#[tokio::test]
async fn every_specimen_of_the_company_gets_its_verdict() -> Result<()> {
    let company = company(FIRST_DAY);
    let sandbox = deployed(options(), &company.estate).await?;
    evaluate(&sandbox).await?;
    let mut console = Vec::new();
    for specimen in &company.specimens {
        let row = sandbox.compliance_of(RULE, &specimen.user);
        let (user, why) = (&specimen.user, specimen.why);
        if let Some(row) = &row {
            let line = format!("{user}: {} {}", row.compliance.word(), row.annotation);
            console.push(line.trim_end().to_owned());
        }
        // The clock ticks: who was at the limit when the company was founded is past it now.
        let holds = specimen.holds_until > sandbox.now();
        match (&specimen.verdict, row) {
            (Expected::NotReported, row) => assert_eq!(row, None, "{user}: {why}"),
            (Expected::Compliant { warned }, Some(row)) if holds => {
                assert_eq!(row.compliance, Compliant, "{user}: {why}");
                assert_eq!(row.annotation.matches("AKIA").count(), warned.len(), "{user}: {}", row.annotation);
                assert!(warned.iter().all(|key| row.annotation.contains(key.as_str())), "{user}: {}", row.annotation);
            }
            (Expected::NonCompliant { keys }, Some(row)) if holds => {
                assert_eq!(row.compliance, NonCompliant, "{user}: {why}");
                let places: Option<Vec<_>> = keys.iter().map(|key| row.annotation.find(key.as_str())).collect();
                let places = places.with_context(|| format!("{user}: {} names not all of {keys:?}", row.annotation))?;
                assert!(places.is_sorted(), "the oldest first: {}", row.annotation);
                assert_eq!(row.annotation.matches("AKIA").count(), keys.len(), "{user}: {}", row.annotation);
            }
            (_, Some(row)) => assert_eq!(row.compliance, NonCompliant, "{user}: {why}"),
            (expected, None) => anyhow::bail!("{user}: {why}: expected {expected:?}, and nothing is reported"),
        }
    }
    insta::assert_snapshot!(console.join("\n"));
    all_is_well(&sandbox).await
}
