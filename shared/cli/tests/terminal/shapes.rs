//! The shapes that machines rely on, and the calls that reading makes.

use std::collections::BTreeSet;

use credwarden_cli::finding::Status;
use credwarden_cli::input::account::{everything, facts, for_rules};
use credwarden_cli::judgement::findings;
use credwarden_cli::permissions::ACTIONS;
use credwarden_cli::rules::{Creators, RULES};
use credwarden_cli::{input, reported};
use credwarden_estate::company::company;
use credwarden_estate::fake::FakeIam;
use credwarden_estate::report;
use credwarden_policy::policy::Policy;
use serde_json::Value;

use crate::cases::{estate, now};
use crate::program::run;

fn rules() -> Vec<&'static credwarden_cli::rules::Rule> {
    RULES.iter().collect()
}

#[tokio::test]
async fn the_permissions_are_exactly_those_of_the_calls_that_are_made() {
    let mut called = BTreeSet::new();
    for iam in [FakeIam::new(estate()), FakeIam::new(estate()).without_report().report_takes(Some(0))] {
        everything(&iam, None, now()).await.unwrap();
        for_rules(&iam, &Policy::default(), &rules(), None, now()).await.unwrap();
        called.extend(iam.calls().iter().map(|call| call.action.to_string()));
    }
    let allowed: BTreeSet<String> = ACTIONS.map(str::to_owned).into();
    assert_eq!(called, allowed);
}

#[tokio::test]
async fn a_scan_of_an_account_and_of_its_recording_say_the_same() {
    let policy = Policy::default();
    let scanned = for_rules(&FakeIam::new(estate()), &policy, &rules(), None, now()).await.unwrap();
    let recorded = everything(&FakeIam::new(estate()), None, now()).await.unwrap();
    let remarkable = |collected| {
        let mut findings = findings(&facts(collected, None, Creators::NotRead, now()), &policy, &rules());
        findings.retain(credwarden_cli::finding::Finding::is_remarkable);
        findings
    };
    assert_eq!(remarkable(scanned), remarkable(recorded));
}

/// What a report alone calls certain, the account says too.
#[tokio::test]
async fn a_report_alone_contradicts_the_account_in_nothing_but_what_tags_ask_for() {
    let policy = Policy::default();
    let mut estate = company(now()).estate;
    for user in &mut estate.users {
        user.detail.record.tags.clear();
    }
    let text = report::render(&estate);
    let by_report = input::report::facts(text.as_bytes(), "report", Some(now()), now()).unwrap();
    let by_report = findings(&by_report, &policy, &rules());
    let by_account = everything(&FakeIam::new(estate), None, now()).await.unwrap();
    let by_account = findings(&facts(by_account, None, Creators::NotRead, now()), &policy, &rules());
    let mut certain = 0;
    for found in by_report.iter().filter(|found| found.status != Status::Unknown) {
        let same = by_account.iter().filter(|other| {
            (other.rule, &other.resource_name, other.credential_kind, other.status)
                == (found.rule, &found.resource_name, found.credential_kind, found.status)
        });
        assert!(same.count() > 0, "{found:?}");
        certain += 1;
    }
    assert!(certain > 15, "{certain}");
    assert_eq!(reported::slot_name(credwarden_credential::kind::CredentialKind::AccessKey, 2), "access-key-2");
}

#[test]
fn sarif_has_all_that_the_standard_requires() {
    for input in [["--snapshot", "account.json"].as_slice(), &["--credential-report", "credential-report.csv"]] {
        let ran = run(&[&["scan", "--format", "sarif", "--all"], input].concat());
        let sarif: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let run = &sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "credwarden");
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"));
            assert!(rule["properties"]["tags"].as_array().unwrap().len() > 2, "controls are tags");
        }
        let mut fingerprints = BTreeSet::new();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert!(["fail", "open", "pass"].contains(&result["kind"].as_str().unwrap()));
            assert_eq!(result["kind"] == "fail", result["level"] != "none", "only a failure has a level");
            let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with("arn:") && !uri.contains([' ', '"']), "{uri}");
            assert!(fingerprints.insert(result["partialFingerprints"]["credential/v1"].to_string()), "{result}");
        }
        assert!(!fingerprints.is_empty());
    }
}

#[test]
fn no_recording_holds_a_secret() {
    let text = std::fs::read_to_string(crate::program::cases().join("account.json")).unwrap().to_ascii_lowercase();
    for word in ["secret", "privatekey", "sessiontoken"] {
        assert!(!text.contains(word), "{word}");
    }
}
