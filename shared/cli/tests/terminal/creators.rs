//! Who created credentials is judged where a deployment's ledger tells it, and nowhere else.

use clap::Parser as _;
use credwarden_cli::arguments::{Arguments, Command, Scan as Request};
use credwarden_cli::failure::Failure;
use credwarden_cli::finding::{Finding, Scan, Status};
use credwarden_cli::input::account::{Named, judged, recorded};
use credwarden_cli::input::recorded::{self, Recording};
use credwarden_cli::output::{csv, sarif};
use credwarden_cli::rules::{Creators, RULES, Rule, insist, judgeable};
use credwarden_cli::subject::Facts;
use credwarden_cli::{explain, input, scan};
use credwarden_credential::creation::backfill::Lookup;
use credwarden_credential::creation::{Coverage, Creation, CreationAct};
use credwarden_credential::kind::CredentialId;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_estate::fake::FakeIam;
use credwarden_estate::single;
use credwarden_ledger::Ledger;
use credwarden_ledger::memory::MemoryTable;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::cases::now;
use crate::program::{run, run_with};

const RULE: RuleName = RuleName::UnauthorizedKeyCreation;

/// Only `key-vending` may create.
const POLICY: &str = r#"{
    "format": 1,
    "classes": [{ "name": "everybody", "match": [{}] }],
    "limits": { "default": { "access-key": { "maxAgeDays": 365 } } },
    "creation": { "default": { "creators": ["arn:*:iam::*:role/key-vending"] } },
    "remedies": {},
    "budget": { "perDay": 5, "percentPerDay": 10 }
}"#;

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

fn rules() -> Vec<&'static Rule> {
    RULES.iter().collect()
}

/// One credential of each case.
fn estate() -> Estate {
    let users = [("allowed", 20), ("refused", 20), ("unknown", 20), ("baseline", 200), ("given-back", 200)];
    users.into_iter().fold(Estate::new(now()), |estate, (user, age)| estate.user(user).key(age_days(age)))
}

fn days_ago(days: i64) -> Timestamp {
    now() - age_days(days)
}

fn creation(user: &str, act: CreationAct, role: &str, at: Timestamp) -> Creation {
    let estate = estate();
    let key = &estate.find(user).unwrap().keys[0].key;
    let plain = single::creation(act, CredentialId::AccessKey(key.id.clone()), user, single::session(role), at);
    Creation { event: format!("{act}-{user}"), source: "203.0.113.9".to_owned(), mfa: None, ..plain }
}

/// The ledger of a deployment that is 100 days old.
async fn ledger() -> Named<MemoryTable> {
    let ledger = Ledger::new(MemoryTable::default());
    ledger.installed(days_ago(100)).await.unwrap();
    ledger.keep_own_roles(&["arn:aws:iam::123456789012:role/credwarden".parse().unwrap()].into()).await.unwrap();
    let (created, given_back) = (CreationAct::CreateAccessKey, CreationAct::UpdateAccessKey);
    let events = [
        creation("allowed", created, "key-vending", days_ago(20)),
        creation("refused", created, "developer", days_ago(20)),
        creation("given-back", given_back, "credwarden", days_ago(5)),
    ];
    ledger.record_creations(events).await.unwrap();
    let mut kept = ledger.backfill(RULE).await.unwrap();
    for act in CreationAct::ALL {
        let coverage = Coverage { from: days_ago(190), asked: now(), unreadable: Vec::new() };
        kept.backfill.0.insert(*act, Lookup { coverage: Some(coverage), open: None });
    }
    ledger.keep_backfill(RULE, &mut kept, now()).await.unwrap();
    Named { ledger, name: "credwarden-ledger".to_owned() }
}

async fn facts(named: Option<&Named<MemoryTable>>, policy: &Policy) -> Result<Facts, Failure> {
    judged(&FakeIam::new(estate()), named, policy, &rules(), now()).await
}

async fn scanned(named: &Named<MemoryTable>) -> Scan {
    scan_of(facts(Some(named), &policy()).await.unwrap())
}

fn scan_of(facts: Facts) -> Scan {
    assert_eq!(facts.creators, Creators::Known);
    let arguments = ["credwarden", "scan", "--all", "--rule", RULE.as_str()];
    let Command::Scan(request) = Arguments::parse_from(arguments).command else { panic!("it is a scan") };
    let (_, used) = input::policy(None).unwrap();
    let request: Request = request;
    let rules: Vec<_> = rules().into_iter().filter(|rule| rule.name == RULE).collect();
    scan::scan(facts, &policy(), used, &rules, &request).unwrap()
}

fn of<'a>(scan: &'a Scan, user: &str) -> &'a Finding {
    let mut of_user = scan.findings.iter().filter(|finding| finding.resource_name.as_str() == user);
    let found = of_user.next().unwrap();
    assert_eq!(of_user.next(), None, "{user} holds one credential");
    found
}

#[tokio::test]
async fn a_scan_that_is_told_the_ledger_judges_each_credential_by_who_created_it() {
    let scan = scanned(&ledger().await).await;
    let verdicts = [
        ("allowed", Status::Compliant, "by arn:aws:iam::123456789012:role/key-vending (session dana)"),
        ("refused", Status::NonCompliant, "by arn:aws:iam::123456789012:role/developer (session dana)"),
        ("unknown", Status::NonCompliant, "creator unknown"),
        ("baseline", Status::Compliant, "baseline"),
        ("given-back", Status::NonCompliant, "without an intent"),
    ];
    for (user, status, reason) in verdicts {
        let found = of(&scan, user);
        assert_eq!(found.status, status, "{found:?}");
        assert!(found.reason.contains(reason), "{found:?}");
        assert!(found.credential_id.is_some() && !found.controls.is_empty(), "{found:?}");
    }
    assert_eq!(of(&scan, "refused").non_compliant_since, Some(days_ago(20)));
    assert!(csv::render(&scan).unwrap().contains("role/developer"));
    let sarif = sarif::document(&scan).to_string();
    assert!(sarif.contains(r#""ruleId":"unauthorized-key-creation""#) && sarif.contains("role/developer"), "{sarif}");
}

#[tokio::test]
async fn a_recording_that_was_told_the_ledger_judges_creators_as_the_ledger_does() {
    let named = ledger().await;
    let recording = recorded(&FakeIam::new(estate()), Some(&named), now()).await.unwrap();
    let text = recording.to_json().unwrap();
    assert_eq!(Recording::parse(&text).unwrap().provenance, recording.provenance);
    assert_eq!(text.matches("role/developer").count(), 1, "what all users share is written once");
    let offline = scan_of(recorded::facts(&text, "account.json", None).unwrap());
    assert_eq!(offline.findings, scanned(&named).await.findings);
}

#[tokio::test]
async fn a_recording_that_was_told_of_no_ledger_or_an_empty_one_says_nothing_of_creators() {
    let empty = Named { ledger: Ledger::new(MemoryTable::default()), name: "credwarden-ledger".to_owned() };
    let without = recorded(&FakeIam::new(estate()), None::<&Named<MemoryTable>>, now()).await.unwrap();
    let of_empty = recorded(&FakeIam::new(estate()), Some(&empty), now()).await.unwrap();
    for recording in [without, of_empty] {
        let text = recording.to_json().unwrap();
        assert!(!text.contains("provenance"), "{text}");
        assert_eq!(recorded::facts(&text, "account.json", None).unwrap().creators, Creators::NotRead);
    }
}

#[tokio::test]
async fn an_explanation_names_the_creator() {
    let facts = facts(Some(&ledger().await), &policy()).await.unwrap();
    let explained = |user| explain::explain(user, &facts, &policy(), &rules()).unwrap();
    assert_snapshot!("explain_creator", explained("refused").text());
    let by = "arn:aws:iam::123456789012:role/key-vending (session dana)";
    assert_eq!(explained("allowed").credentials[0].creator.as_deref(), Some(by));
    assert_eq!(explained("unknown").credentials[0].creator, None);
}

#[tokio::test]
async fn a_ledger_that_no_rule_has_written_yet_tells_nothing() {
    let named = Named { ledger: Ledger::new(MemoryTable::default()), name: "credwarden-ledger".to_owned() };
    let read = facts(Some(&named), &policy()).await.unwrap();
    assert_eq!(read.creators, Creators::NotYet);
    assert_eq!(named.ledger.known_installation().await.unwrap(), None, "a terminal writes nothing");
    let (judged, obstacle) = judgeable(&rules(), &policy(), read.creators);
    assert!(judged.iter().all(|rule| rule.name != RULE));
    assert!(obstacle.unwrap().contains("does not know yet"), "{obstacle:?}");
    assert!(matches!(insist(&[RULE], &policy(), read.creators), Err(Failure::Input(_))));
}

#[tokio::test]
async fn where_the_policy_names_no_creator_nothing_is_read_of_them() {
    let read = facts(Some(&ledger().await), &Policy::default()).await.unwrap();
    assert_eq!(read.creators, Creators::NotRead);
    assert!(insist(&[RULE], &Policy::default(), read.creators).is_ok(), "nothing can be broken");
}

#[test]
fn a_file_does_not_tell_who_created_credentials_which_is_said_and_is_an_error_for_who_asks_for_it() {
    let scan = ["scan", "--snapshot", "account.json"];
    let by_policy = |more: &[&str]| run_with(&[&scan[..], &["--policy", "-"], more].concat(), POLICY.as_bytes());
    let document: serde_json::Value = serde_json::from_str(&by_policy(&["--format", "json"]).out).unwrap();
    assert!(document["limitations"].to_string().contains("`--ledger-table NAME`"), "{document}");
    assert_eq!(document["rules"].as_array().map(Vec::len), Some(2), "what is not judged is not named");
    let named = by_policy(&["--rule", RULE.as_str()]);
    assert_eq!((named.status, named.out.as_str()), (2, ""), "an empty result would look like a clean one");
    assert!(named.err.contains("`--ledger-table NAME`"), "{}", named.err);
    let unlimited = run(&[&scan[..], &["--rule", RULE.as_str()]].concat());
    assert_eq!((unlimited.status, unlimited.err.as_str()), (0, ""));
    assert!(unlimited.out.contains("the policy says nothing, under `creation`"), "{}", unlimited.out);
}
