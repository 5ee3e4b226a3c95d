//! The file that the CDK app reads is this catalogue, and the catalogue agrees with the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use credwarden_catalogue::CATALOGUE;
use credwarden_credential::creation::CreationAct;
use credwarden_policy::remedy::{RemedyName, RuleName};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_file_of_the_cdk_app_is_this_catalogue() {
    let file = root().join("cdk/catalogue.json");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(
        written,
        CATALOGUE.to_json().unwrap(),
        "run `cargo run -p credwarden-catalogue -- write cdk/catalogue.json`"
    );
}

#[test]
fn every_folder_of_a_rule_or_remedy_is_in_the_catalogue_and_the_other_way_round() {
    let folders = |parent: &str| -> BTreeSet<String> {
        fs::read_dir(root().join(parent))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let rules: BTreeSet<String> = CATALOGUE.rules.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(rules, folders("rules"));
    let remedies = CATALOGUE.remedies.iter().map(|remedy| remedy.name);
    let rotators = CATALOGUE.rotators.iter().map(|rotator| rotator.name);
    let schedules = CATALOGUE.schedules.iter().map(|schedule| schedule.name);
    assert_eq!(
        remedies.chain(rotators).chain(schedules).map(str::to_owned).collect::<BTreeSet<_>>(),
        folders("remediation")
    );
}

#[test]
fn the_policy_knows_exactly_the_rules_and_remedies_of_the_catalogue() {
    let rules: Vec<&str> = CATALOGUE.rules.iter().map(|rule| rule.name).collect();
    assert_eq!(rules, RuleName::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>());
    let remedies: Vec<&str> = CATALOGUE.remedies.iter().map(|remedy| remedy.name).collect();
    assert_eq!(remedies, RemedyName::ALL.iter().map(|remedy| remedy.as_str()).collect::<Vec<_>>());
}

#[test]
fn every_rule_names_a_remedy_of_the_catalogue() {
    for rule in CATALOGUE.rules {
        assert!(!rule.remedies.is_empty(), "{}", rule.name);
        for named in rule.remedies {
            assert!(CATALOGUE.remedies.iter().any(|remedy| remedy.name == *named), "{}: {named}", rule.name);
        }
        assert!(rule.description.chars().count() <= 256, "{}", rule.name);
    }
}

#[test]
fn a_step_of_automation_outlives_every_remedy() {
    for remedy in CATALOGUE.remedies {
        assert!(remedy.function.timeout_seconds < 300, "{}", remedy.name);
    }
}

#[test]
fn a_listener_is_a_binary_of_a_rule_of_the_catalogue() {
    for listener in CATALOGUE.events {
        let file = root().join("rules").join(listener.package).join("src/bin").join(listener.name).with_extension("rs");
        assert!(file.exists(), "{}", file.display());
        assert!(CATALOGUE.rules.iter().any(|rule| rule.name == listener.package), "{}", listener.package);
    }
}

#[test]
fn exactly_the_acts_that_make_a_credential_usable_are_recorded() {
    let listener = CATALOGUE.events.iter().find(|listener| listener.name == "record-creation").unwrap();
    let acts: Vec<_> = CreationAct::ALL.iter().map(|act| act.as_str()).collect();
    assert_eq!(listener.pattern.detail.event_name, acts);
}
