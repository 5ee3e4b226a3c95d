//! What the terminal says is what AWS Config was told.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{FIRST_DAY, all_is_well};
use credwarden_estate::company::company;
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::sandbox::ComplianceRow;
use jiff::SignedDuration;
use serde_json::Value;

use crate::world::{RULES, Told, World, findings, said, text, told};

#[tokio::test]
async fn a_scan_finds_in_every_format_what_the_rules_reported_to_config() -> Result<()> {
    let company = company(FIRST_DAY);
    let world = World::judged(&company.estate).await?;
    let scan = world.scan(&["--all"]).await?;
    let of_json = findings(&scan);
    let (said, stored) = (said(&of_json), world.stored());
    for (rule, _) in RULES {
        for user in &company.estate.users {
            let key = (rule.to_owned(), user.name().to_string());
            is_what_config_was_told(&key, said.get(&key), stored.get(&key));
        }
    }
    assert!(
        stored.values().filter(|row| row.compliance == NonCompliant).count() > 20,
        "most of the company was judged"
    );
    assert_eq!(scan["summary"]["unknown"], 0);

    let all: BTreeSet<Told> = of_json.iter().map(told).collect();
    let csv = world.run_by_policy(&["scan", "--all", "--format", "csv"]).await?;
    assert_eq!((of_csv(&csv.out)?, csv.status), (all.clone(), 1), "{}", csv.err);
    let sarif = world.run_by_policy(&["scan", "--all", "--format", "sarif"]).await?;
    let document: Value = serde_json::from_str(&sarif.out)?;
    let results = document["runs"][0]["results"].as_array().context("there are results")?;
    assert_eq!(results.iter().map(|result| told(&result["properties"])).collect::<BTreeSet<_>>(), all);
    let table = world.run_by_policy(&["scan", "--all"]).await?;
    for finding in &of_json {
        let [_, status, user, credential, reason] = told(finding);
        let credential = [credential.as_str(), text(finding, "slot")].concat();
        // The credential has a column of its own.
        let reason = reason.strip_prefix(&credential).unwrap_or(&reason).trim_start();
        let status = if text(finding, "dueBy").is_empty() { status } else { "DUE".to_owned() };
        let is_it = |line: &&str| [&status, &user, &credential, reason].iter().all(|cell| line.contains(cell));
        assert!(table.out.lines().any(|line| is_it(&line)), "{finding}\n{}", table.out);
    }
    all_is_well(&world.sandbox).await
}

#[tokio::test]
async fn a_recorded_account_gives_the_same_findings_as_the_account() -> Result<()> {
    let world = World::judged(&company(FIRST_DAY).estate).await?;
    let file = world.sandbox.folder().join("account.json");
    let recorded = world.run(&["snapshot"]).await?;
    assert_eq!((recorded.status, recorded.err.as_str()), (0, ""));
    std::fs::write(&file, &recorded.out)?;
    let file = file.to_str().context("the folder's name is no UTF-8")?;
    let live = world.scan(&[]).await?;
    let calls = world.sandbox.calls().len();
    let again = world.scan(&["--snapshot", file]).await?;
    assert_eq!(world.sandbox.calls().len(), calls, "a recording is judged without a call");
    assert_eq!(findings(&again), findings(&live));
    assert_eq!(
        (&again["summary"]["nonCompliant"], &again["summary"]["due"]),
        (&live["summary"]["nonCompliant"], &live["summary"]["due"])
    );
    assert!(!findings(&live).is_empty());

    // The rules' report is too old now, and has to be made anew.
    world.sandbox.create_analyzer(90).await?;
    world.sandbox.advance(SignedDuration::from_hours(5)).await?;
    world.scan(&[]).await?;
    let unused: Vec<_> = printed(&world).difference(&world.needed()).cloned().collect();
    assert_eq!(unused, [""; 0], "every printed action is needed to record and to scan");
    all_is_well(&world.sandbox).await
}

#[tokio::test]
async fn one_user_of_the_account_is_explained_as_it_was_judged() -> Result<()> {
    let world = World::judged(&company(FIRST_DAY).estate).await?;
    let scan = world.scan(&[]).await?;
    for user in ["contractor-yusuf", "used-five-days-ago", "twin-keys"] {
        let ran = world.run_by_policy(&["explain", user, "--format", "json"]).await?;
        let explanation: Value = serde_json::from_str(&ran.out)?;
        let verdicts = explanation["verdicts"].as_array().context("there are verdicts")?;
        let explained: Vec<_> = verdicts.iter().flat_map(findings).filter(|one| one["status"] != "COMPLIANT").collect();
        let scanned: Vec<_> = findings(&scan)
            .into_iter()
            .filter(|one| one["resourceName"] == user && one["status"] != "COMPLIANT")
            .collect();
        let sorted = |findings: &[Value]| findings.iter().map(told).collect::<BTreeSet<_>>();
        assert_eq!(sorted(&explained), sorted(&scanned), "{user}");
        assert_eq!(explanation["gaps"], serde_json::json!([]), "{user}");
        let text = world.run_by_policy(&["explain", user]).await?;
        assert_eq!((text.status, text.err.as_str()), (0, ""));
        for finding in scanned {
            assert!(text.out.contains(finding["reason"].as_str().unwrap_or("?")), "{user}: {finding}\n{}", text.out);
        }
    }
    let nobody = world.run_by_policy(&["explain", "used-five-days-aog"]).await?;
    assert_eq!(nobody.status, 2);
    assert!(nobody.err.contains("`used-five-days-ago`"), "{}", nobody.err);
    all_is_well(&world.sandbox).await
}

#[tokio::test]
async fn the_exit_status_tells_the_worst_of_what_was_found() -> Result<()> {
    let world = World::judged(&company(FIRST_DAY).estate).await?;
    let scans: [(&[&str], i32); 6] = [
        (&[], 1),
        (&["--fail-on", "never"], 0),
        (&["--user", "old-user-young-key"], 0),
        (&["--user", "soon-at-the-limit", "--rule", "access-key-age"], 0),
        (&["--user", "soon-at-the-limit", "--rule", "access-key-age", "--fail-on", "due"], 4),
        (&["--user", "nobody-of-that-name"], 2),
    ];
    for (arguments, status) in scans {
        let ran = world.run_by_policy(&[&["scan"], arguments].concat()).await?;
        assert_eq!(ran.status, status, "{arguments:?}: {ran:?}");
    }
    all_is_well(&world.sandbox).await
}

/// To the letter, but for the order: worst first in AWS Config, by credential in a scan.
pub(crate) fn is_what_config_was_told(
    key: &(String, String),
    said: Option<&(String, Vec<String>)>,
    stored: Option<&ComplianceRow>,
) {
    match (said, stored) {
        (Some((status, reasons)), Some(row)) => {
            assert_eq!(status, row.compliance.word(), "{key:?}: {reasons:?}, {row:?}");
            assert!(reasons.iter().all(|reason| row.annotation.contains(reason)), "{key:?}: {reasons:?}, {row:?}");
            assert_eq!(reasons.join(", ").len(), row.annotation.len(), "{key:?}: {reasons:?}, {row:?}");
        }
        (said @ Some(_), None) => assert_eq!(said, None, "{key:?}: AWS Config was told nothing"),
        // What is inactive is no finding, and its user is no worse for it.
        (None, Some(row)) => assert_eq!((row.compliance, row.annotation.as_str()), (Compliant, ""), "{key:?}"),
        (None, None) => {}
    }
}

fn of_csv(text: &str) -> Result<BTreeSet<Told>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<std::collections::BTreeMap<String, String>>();
    let row = |row: std::result::Result<std::collections::BTreeMap<String, String>, csv::Error>| {
        let row = row?;
        let cell = |name: &str| row.get(name).map(|cell| cell.strip_prefix('\'').unwrap_or(cell).to_owned());
        Ok(["rule", "status", "resourceName", "credentialId", "reason"].map(|name| cell(name).unwrap_or_default()))
    };
    rows.map(row).collect()
}

fn printed(world: &World) -> BTreeSet<String> {
    let statements = world.permissions["Statement"].as_array().into_iter().flatten();
    let actions = statements.filter_map(|statement| statement["Action"].as_array()).flatten();
    actions.filter_map(Value::as_str).map(str::to_owned).collect()
}
