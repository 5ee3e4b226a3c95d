//! What the schedule does in an hour, over the ledger in memory.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

mod deployment;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use advance_work::aws::{CallError, Channels, Rules};
use advance_work::digest::{Addressee, Digest, Event, TopicArn};
use advance_work::metrics::Counts;
use advance_work::{Faults, Ports, advance};
use credwarden_automation::{ClientToken, Documents, StartError};
use credwarden_credential::creation::CreationAct;
use credwarden_credential::id::UserId;
use credwarden_inventory::parameter::{ParameterError, ReadParameter};
use credwarden_ledger::Ledger;
use credwarden_ledger::failure::Failure;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::pass::PassUnderWay;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::{Action, Condition, Key, Table, Write};
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::{SignedDuration, Timestamp};

use self::deployment::settings;

const RULE: RuleName = RuleName::AccessKeyAge;
const AGE: Document = Document::Rule(RULE);
const UNDO: Document = Document::Undo(RemedyName::DeactivateCredential);
const CONFIG_RULE: &str = "credwarden-access-key-age";

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn user(number: u32) -> UserId {
    format!("AIDA{number:017}").parse().unwrap()
}

/// A document and its parameters.
type Started = (String, BTreeMap<String, String>);

#[derive(Clone, Debug, Default)]
struct Account {
    table: MemoryTable,
    kill_switch: Option<String>,
    started: Arc<Mutex<Vec<Started>>>,
    evaluated: Arc<Mutex<Vec<String>>>,
    exceptions: Arc<Mutex<Vec<UserId>>>,
    /// Documents on this user cannot be started.
    unstartable: Option<UserId>,
}

impl ReadParameter for Account {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        assert_eq!(name, "/credwarden/kill-switch");
        self.kill_switch.clone().ok_or(ParameterError { name: name.to_owned(), why: "denied".to_owned() })
    }
}

impl Documents for Account {
    async fn start(
        &self,
        document: &str,
        parameters: BTreeMap<&str, String>,
        token: Option<&ClientToken>,
    ) -> Result<String, StartError> {
        assert_eq!(token, None, "each hour is another start");
        let resource = parameters["ResourceId"].clone();
        if self.unstartable.as_ref().is_some_and(|user| resource == user.as_str()) {
            return Err(StartError { document: document.to_owned(), resource, why: "throttled".to_owned() });
        }
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.started.lock().unwrap().push((document.to_owned(), parameters));
        Ok("execution".to_owned())
    }
}

impl Rules for Account {
    async fn start_evaluation(&self, rule: &str) -> Result<(), CallError> {
        self.evaluated.lock().unwrap().push(rule.to_owned());
        Ok(())
    }

    /// All exceptions here are from one rule.
    async fn remediation_exceptions(&self, rule: &str, _: Timestamp) -> Result<Vec<UserId>, CallError> {
        let known = RuleName::ALL.iter().any(|name| rule == format!("credwarden-{name}"));
        assert!(known, "`{rule}` is not deployed");
        Ok(if rule == CONFIG_RULE { self.exceptions.lock().unwrap().clone() } else { Vec::new() })
    }

    async fn delete_remediation_exception(&self, _: &str, user: &UserId) -> Result<(), CallError> {
        self.exceptions.lock().unwrap().retain(|excepted| excepted != user);
        Ok(())
    }
}

impl Channels for Account {
    async fn publish(&self, _: &TopicArn, to: &Addressee, _: &Digest) -> Result<(), CallError> {
        panic!("there is nothing to tell `{}`", to.owner.as_str());
    }

    async fn put_events(&self, events: &[Event]) -> Result<Vec<Result<(), CallError>>, CallError> {
        panic!("there is nothing to tell: {events:?}");
    }
}

impl Account {
    fn new(kill_switch: &str) -> Self {
        Self { kill_switch: Some(kill_switch.to_owned()), ..Self::default() }
    }

    fn ledger(&self) -> Ledger<MemoryTable> {
        Ledger::new(self.table.clone())
    }

    async fn hour(&self, now: Timestamp) -> (Counts, Result<(), Faults>) {
        let (parameters, documents, rules, channels) = (self.clone(), self.clone(), self.clone(), self.clone());
        let ports = Ports { parameters, documents, rules, channels, ledger: self.ledger() };
        advance(&ports, &settings(), now).await
    }

    /// A run dies that held the lease on a user.
    async fn run_dies(&self, document: Document, user: &UserId) -> Lease {
        let credential = match document {
            Document::Rule(_) => None,
            Document::Undo(_) | Document::AcknowledgeRotation | Document::ForceRotation | Document::Approve => {
                Some("AKIAIOSFODNN7EXAMPLE".parse().unwrap())
            }
        };
        let request = Request {
            document,
            user: user.clone(),
            credential,
            reason: None,
            requester: "bob".to_owned(),
            asked: None,
            approvers: Vec::new(),
            execution: format!("execution on {user}"),
        };
        match self.ledger().acquire_lease(&request, &RunId(format!("run on {user}")), noon()).await.unwrap() {
            Acquired::Ours(lease) => lease,
            Acquired::Busy { until, .. } => panic!("busy until {until}"),
        }
    }

    async fn fails(&self, user: &UserId, at: Timestamp) {
        let failure = Failure { document: AGE, execution: "e".to_owned(), at, message: "throttled".to_owned() };
        self.ledger().note_failure(user, &failure).await.unwrap();
    }

    fn documents(&self) -> Vec<String> {
        self.started.lock().unwrap().iter().map(|(document, _)| document.clone()).collect()
    }
}

fn hours(hours: i64) -> Timestamp {
    noon() + SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn what_a_dead_run_left_is_started_once_an_hour_and_noted_once() {
    let account = Account::new("run");
    account.run_dies(AGE, &user(1)).await;
    let (counts, outcome) = account.hour(noon()).await;
    assert_eq!((counts, outcome), (Counts::default(), Ok(())), "it may be running still");
    let (counts, outcome) = account.hour(hours(1)).await;
    assert_eq!((counts.started, counts.runs_died, outcome), (1, 1, Ok(())));
    let (document, parameters) = account.started.lock().unwrap()[0].clone();
    assert_eq!(document, "credwarden-access-key-age");
    let expected = [
        ("AutomationAssumeRole", "arn:aws:iam::123456789012:role/automation"),
        ("FunctionName", "credwarden-deactivate-credential"),
        ("ResourceId", "AIDA00000000000000001"),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let (counts, _) = account.hour(hours(1) + SignedDuration::from_mins(5)).await;
    assert_eq!(counts.started, 0, "not twice in an hour");
    let (counts, _) = account.hour(hours(2)).await;
    assert_eq!((counts.started, counts.runs_died), (1, 0), "again in the next, but it failed once");
    let failure = account.ledger().failure(&user(1), AGE).await.unwrap().unwrap();
    assert!(failure.message.contains("without giving its lease back"), "{}", failure.message);
}

#[tokio::test]
async fn a_request_that_found_its_user_held_is_started_until_its_turn_has_come() {
    let mut account = Account { unstartable: Some(user(1)), ..Account::new("run") };
    let lease = account.run_dies(UNDO, &user(1)).await;
    let ledger = account.ledger();
    let waits = Request { document: AGE, credential: None, execution: "waits".to_owned(), ..lease.request.clone() };
    let asked = ledger.acquire_lease(&waits, &RunId("another".to_owned()), noon()).await.unwrap();
    assert!(matches!(asked, Acquired::Busy { .. }));
    ledger.release_lease(&lease, noon()).await.unwrap();
    let (counts, _) = account.hour(noon()).await;
    assert_eq!((counts.due, counts.started, counts.faults), (1, 0, 1));
    account.unstartable = None;
    let (counts, outcome) = account.hour(hours(1)).await;
    assert_eq!((counts.due, counts.started, counts.runs_died, outcome), (1, 1, 0, Ok(())));
    assert_eq!(account.documents(), [CONFIG_RULE]);
    account.kill_switch = Some("undo-only".to_owned());
    assert_eq!(account.hour(hours(2)).await.0.started, 0, "the kill switch stops it");
    let started = Request { requester: "schedule".to_owned(), execution: "execution".to_owned(), ..waits };
    let turn = ledger.acquire_lease(&started, &RunId("its turn".to_owned()), hours(2)).await.unwrap();
    let Acquired::Ours(turn) = turn else { panic!("{turn:?}") };
    assert_eq!(turn.request.requester, "bob");
    ledger.release_lease(&turn, hours(2)).await.unwrap();
    assert_eq!(account.hour(hours(3)).await.0.due, 0);
}

#[tokio::test]
async fn an_undo_is_started_with_its_credential() {
    let account = Account::new("undo-only");
    account.run_dies(UNDO, &user(1)).await;
    account.run_dies(AGE, &user(2)).await;
    let (counts, _) = account.hour(hours(1)).await;
    assert_eq!((counts.due, counts.started), (2, 1), "the kill switch lets only the undo");
    let (document, parameters) = account.started.lock().unwrap()[0].clone();
    assert_eq!(document, "credwarden-undo-deactivate-credential");
    assert_eq!(parameters["CredentialId"], "AKIAIOSFODNN7EXAMPLE");
}

#[tokio::test]
async fn the_kill_switch_stops_documents_but_not_readings() {
    for kill_switch in [Some("stop".to_owned()), None] {
        let account = Account { kill_switch: kill_switch.clone(), ..Account::default() };
        account.run_dies(AGE, &user(1)).await;
        account.fails(&user(2), noon()).await;
        account.exceptions.lock().unwrap().push(user(2));
        let mut passes = account.ledger().passes(RULE).await.unwrap();
        passes.under_way = Some(PassUnderWay { started: noon(), cursor: "here".to_owned() });
        account.ledger().keep_passes(RULE, &passes, noon()).await.unwrap();
        let (counts, outcome) = account.hour(hours(1)).await;
        assert_eq!(account.documents(), [""; 0]);
        assert_eq!(*account.evaluated.lock().unwrap(), [CONFIG_RULE]);
        assert_eq!((counts.passes_continued, counts.remediation_exceptions_cleared), (1, 0));
        assert_eq!(outcome.is_err(), kill_switch.is_none(), "that it cannot be read rings the alarm");
        assert_eq!(account.exceptions.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_pass_and_a_look_up_of_one_rule_go_on_in_one_evaluation() {
    let account = Account::new("run");
    let ledger = account.ledger();
    let mut passes = ledger.passes(RULE).await.unwrap();
    passes.under_way = Some(PassUnderWay { started: noon(), cursor: "here".to_owned() });
    ledger.keep_passes(RULE, &passes, noon()).await.unwrap();
    let mut kept = ledger.backfill(RULE).await.unwrap();
    let lookup = kept.backfill.0.entry(CreationAct::CreateAccessKey).or_default();
    lookup.open = lookup.due(noon());
    ledger.keep_backfill(RULE, &mut kept, noon()).await.unwrap();
    let (counts, outcome) = account.hour(hours(1)).await;
    assert_eq!((counts.due, counts.passes_continued, outcome), (2, 1, Ok(())));
    assert_eq!(*account.evaluated.lock().unwrap(), [CONFIG_RULE]);
    let (counts, _) = account.hour(hours(1) + SignedDuration::from_mins(5)).await;
    assert_eq!(counts.due, 0, "both are left alone");
}

#[tokio::test]
async fn one_items_fault_does_not_stop_the_others_and_is_told_in_the_end() {
    let account = Account { unstartable: Some(user(1)), ..Account::new("run") };
    for number in 1..=3 {
        account.run_dies(AGE, &user(number)).await;
    }
    let garbage = [("open".to_owned(), "work".into()), ("due".to_owned(), 1.into())].into();
    let key = Key::new("USER#AIDAX", "WORK#deactivate-credential#AKIAX");
    let write = Write { key, condition: Condition::none(), action: Action::Put(garbage) };
    account.table.write(&write).await.unwrap();
    let (counts, outcome) = account.hour(hours(1)).await;
    assert_eq!((counts.started, counts.faults), (2, 2));
    let faults = outcome.unwrap_err().to_string();
    assert!(faults.contains("throttled") && faults.contains("USER#AIDAX/WORK#"), "{faults}");
    let (counts, _) = account.hour(hours(2)).await;
    assert_eq!(counts.started, 2, "what could not be started is tried again in the next hour, with the others");
}

#[tokio::test]
async fn an_exception_that_follows_a_failure_is_configs_own_and_cleared() {
    let account = Account::new("run");
    account.fails(&user(1), noon()).await;
    account.exceptions.lock().unwrap().extend([user(1), user(2)]);
    let (counts, _) = account.hour(hours(1)).await;
    assert_eq!((counts.remediation_exceptions, counts.remediation_exceptions_cleared), (2, 1));
    assert_eq!(*account.exceptions.lock().unwrap(), [user(2)], "the other is somebody's");
}

#[tokio::test]
async fn a_dead_runs_failure_counts_before_exceptions_are_looked_at() {
    let account = Account::new("run");
    account.run_dies(AGE, &user(1)).await;
    account.exceptions.lock().unwrap().push(user(1));
    let (counts, _) = account.hour(hours(1)).await;
    assert_eq!(counts.remediation_exceptions_cleared, 1);
}

#[tokio::test]
async fn somebodys_exception_stays_somebodys_when_executions_fail_later() {
    let account = Account::new("run");
    account.exceptions.lock().unwrap().push(user(1));
    assert_eq!(account.hour(hours(1)).await.1, Ok(()));
    account.fails(&user(1), hours(2)).await;
    let (counts, _) = account.hour(hours(3)).await;
    assert_eq!((counts.remediation_exceptions, counts.remediation_exceptions_cleared), (1, 0));
    account.exceptions.lock().unwrap().clear();
    assert_eq!(account.hour(hours(4)).await.1, Ok(()));
    account.exceptions.lock().unwrap().push(user(1));
    let (counts, _) = account.hour(hours(5)).await;
    assert_eq!(counts.remediation_exceptions_cleared, 1, "a new one is judged anew");
}

#[tokio::test]
async fn a_failure_of_long_ago_says_nothing() {
    let account = Account::new("run");
    account.fails(&user(1), noon()).await;
    account.exceptions.lock().unwrap().push(user(1));
    let (counts, _) = account.hour(hours(7 * 24 + 1)).await;
    assert_eq!(counts.remediation_exceptions_cleared, 0);
}
