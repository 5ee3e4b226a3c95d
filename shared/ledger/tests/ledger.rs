//! What the ledger promises, over the table in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use std::cell::Cell;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{LastUse, Status};
use credwarden_ledger::budget::Purse;
use credwarden_ledger::due::DueItem;
use credwarden_ledger::exception::ExceptionAct;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::pass::{CompletePass, Gaps, PassUnderWay};
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::{Item, Key, Query, Table, TableError, Write};
use credwarden_ledger::work::{Act, Begun, Intent, Outcome, Sighting, Step, Work};
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::document::DEFAULT;
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::policy::{Policy, PolicyId};
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::{SignedDuration, Timestamp};

const RULE: RuleName = RuleName::AccessKeyAge;

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn later(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

fn ledger() -> Ledger<MemoryTable> {
    Ledger::new(MemoryTable::default())
}

fn request(requester: &str) -> Request {
    Request {
        document: Document::Rule(RULE),
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        credential: None,
        reason: None,
        requester: requester.to_owned(),
        asked: None,
        approvers: Vec::new(),
        execution: format!("execution of {requester}"),
    }
}

fn key(last: char) -> CredentialId {
    format!("AKIAIOSFODNN7EXAMPL{last}").parse().unwrap()
}

async fn lease<T: Table>(ledger: &Ledger<T>, requester: &str, run: &str, now: Timestamp) -> Lease {
    match ledger.acquire_lease(&request(requester), &RunId(run.to_owned()), now).await.unwrap() {
        Acquired::Ours(lease) => lease,
        Acquired::Busy { until, .. } => panic!("busy until {until}"),
    }
}

fn intent(lease: &Lease, credential: CredentialId, limit: u32) -> Intent {
    let before = Sighting { at: noon(), status: Status::Active, created: noon(), last_use: LastUse::Never };
    let work = Work {
        act: Act::Remedy(RemedyName::DeactivateCredential),
        credential,
        request: lease.request.clone(),
        taken_up: Vec::new(),
        begun: noon(),
        tried: noon(),
        run: lease.run.clone(),
        because: "too old".to_owned(),
        policy: PolicyId("p".to_owned()),
        before,
        undo_until: None,
        step: Step::Intended,
        earlier: Vec::new(),
    };
    Intent { work, follows: None, purse: Purse::Act, limit, undoes: None, hold: None, beside: None }
}

#[tokio::test]
async fn a_user_is_leased_to_one_run_until_it_is_given_back_or_expires() {
    let ledger = ledger();
    let first = lease(&ledger, "alice", "run-1", noon()).await;
    let second = ledger.acquire_lease(&request("bob"), &RunId("run-2".to_owned()), later(10)).await.unwrap();
    let execution = "execution of alice".to_owned();
    assert_eq!(second, Acquired::Busy { until: later(10), execution }, "the last instant belongs to its holder");
    ledger.release_lease(&first, later(1)).await.unwrap();
    let second = lease(&ledger, "bob", "run-2", later(1)).await;
    assert!(second.fence > first.fence);
    assert!(!ledger.holds_lease(&first).await.unwrap());
    assert!(ledger.holds_lease(&second).await.unwrap());
    ledger.release_lease(&first, later(2)).await.unwrap();
    assert!(ledger.holds_lease(&second).await.unwrap(), "who has lost it gives nothing back");
}

#[tokio::test]
async fn a_lease_that_expires_is_due_and_its_requester_stays() {
    let ledger = ledger();
    lease(&ledger, "alice", "run-1", noon()).await;
    assert!(ledger.due(later(10)).await.unwrap().is_empty());
    let due = ledger.due(later(11)).await.unwrap();
    assert!(
        matches!(&due[0].as_ref().unwrap().what, DueItem::LeftLease { request, .. } if request.requester == "alice")
    );
    let taken = lease(&ledger, "schedule", "run-2", later(11)).await;
    assert_eq!((taken.request.requester.as_str(), taken.executed_by.as_str()), ("alice", "schedule"));
    ledger.release_lease(&taken, later(12)).await.unwrap();
    assert!(ledger.due(later(60)).await.unwrap().is_empty());
    let third = lease(&ledger, "carol", "run-3", later(60)).await;
    assert_eq!(third.request.requester, "carol", "what was given back is finished");
}

#[tokio::test]
async fn a_due_item_is_put_off_once() {
    let ledger = ledger();
    lease(&ledger, "alice", "run-1", noon()).await;
    let due = ledger.due(later(60)).await.unwrap().remove(0).unwrap();
    assert!(ledger.put_off(&due, later(115)).await.unwrap());
    assert!(!ledger.put_off(&due, later(116)).await.unwrap(), "as it was read it is no more");
    assert!(ledger.due(later(114)).await.unwrap().is_empty());
    let due = ledger.due(later(115)).await.unwrap().remove(0).unwrap();
    let next = lease(&ledger, "schedule", "run-2", later(115)).await;
    ledger.release_lease(&next, later(115)).await.unwrap();
    assert!(!ledger.put_off(&due, later(170)).await.unwrap(), "what was given back is not put off");
}

#[tokio::test]
async fn the_purse_of_a_day_is_never_overdrawn_and_each_day_has_its_own() {
    let ledger = ledger();
    let lease = lease(&ledger, "alice", "run-1", noon()).await;
    for (last, expected) in [('A', true), ('B', true), ('C', false)] {
        let begun = ledger.begin(&lease, intent(&lease, key(last), 2), noon()).await.unwrap();
        assert_eq!(matches!(begun, Begun::Ours(_)), expected, "{last}: {begun:?}");
        assert_eq!(matches!(begun, Begun::OverBudget), !expected, "{last}: {begun:?}");
    }
    assert!(matches!(
        ledger.begin(&lease, intent(&lease, key('D'), 0), later(24 * 60)).await.unwrap(),
        Begun::OverBudget
    ));
    assert!(matches!(ledger.begin(&lease, intent(&lease, key('C'), 2), later(24 * 60)).await.unwrap(), Begun::Ours(_)));
}

#[tokio::test]
async fn without_the_lease_nothing_begins_is_taken_over_or_kept() {
    let ledger = ledger();
    let old = lease(&ledger, "alice", "run-1", noon()).await;
    let Begun::Ours(work) = ledger.begin(&old, intent(&old, key('A'), 5), noon()).await.unwrap() else { panic!() };
    let new = lease(&ledger, "schedule", "run-2", later(11)).await;
    assert!(matches!(ledger.begin(&old, intent(&old, key('B'), 5), later(11)).await.unwrap(), Begun::Superseded));
    let taken = ledger.take_over(&new, (*work).clone(), true, later(11)).await.unwrap();
    assert_eq!((taken.run.0.as_str(), taken.taken_up[0].by.as_str()), ("run-2", "schedule"));
    assert_eq!(taken.request.requester, "alice");
    let error = ledger.keep_work(&old, (*work).clone(), later(12)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Superseded { .. }), "{error}");
    let error = ledger.take_over(&old, (*work).clone(), true, later(12)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Superseded { .. }), "{error}");
    let settled = taken.settled(Outcome::Reversed, later(12));
    ledger.keep_work(&new, settled.clone(), later(12)).await.unwrap();
    assert_eq!(ledger.record(&new.user).await.unwrap().works, [settled]);
}

#[tokio::test]
async fn an_act_that_is_open_does_not_begin_again() {
    let ledger = ledger();
    let lease = lease(&ledger, "alice", "run-1", noon()).await;
    let other = Lease { run: RunId("run-1b".to_owned()), ..lease.clone() };
    assert!(matches!(ledger.begin(&lease, intent(&lease, key('A'), 5), noon()).await.unwrap(), Begun::Ours(_)));
    assert!(matches!(ledger.begin(&other, intent(&other, key('A'), 5), noon()).await.unwrap(), Begun::Superseded));
}

#[tokio::test]
async fn a_pass_has_one_writer_and_one_under_way_is_due() {
    let ledger = ledger();
    let mut mine = ledger.passes(RULE).await.unwrap();
    let theirs = mine.clone();
    mine.under_way = Some(PassUnderWay { started: noon(), cursor: "here".to_owned() });
    ledger.keep_passes(RULE, &mine, noon()).await.unwrap();
    // Where the answer is lost, the client writes the same again: that is no other run.
    ledger.keep_passes(RULE, &mine, noon()).await.unwrap();
    let mut read = ledger.passes(RULE).await.unwrap();
    assert_eq!(read.under_way, mine.under_way);
    assert!(matches!(ledger.keep_passes(RULE, &theirs, noon()).await, Err(LedgerError::Superseded { .. })));
    let due = ledger.due(later(60)).await.unwrap().remove(0).unwrap();
    assert_eq!(due.what, DueItem::Pass(RULE));
    read.under_way = None;
    let policy = PolicyId("p".to_owned());
    let (started, finished) = (noon(), later(1));
    read.complete = Some(CompletePass { started, finished, population: 60, gaps: 1, report_made: None, policy });
    ledger.keep_passes(RULE, &read, later(1)).await.unwrap();
    assert!(ledger.due(later(60)).await.unwrap().is_empty());
    assert_eq!(ledger.passes(RULE).await.unwrap().complete.unwrap().population, 60);
}

#[tokio::test]
async fn the_gaps_of_5000_users_fit_into_an_item() {
    let ledger = ledger();
    let gaps = Gaps((0..5000).map(|number| (format!("AIDA{number:017}").parse().unwrap(), noon())).collect());
    ledger.keep_gaps(RULE, &gaps).await.unwrap();
    assert_eq!(ledger.gaps(RULE).await.unwrap(), gaps);
    assert!(serde_json::to_string(&gaps).unwrap().len() < 300_000, "of 400 KB");
}

#[tokio::test]
async fn the_policy_of_the_last_complete_pass_up_to_a_time_is_known_through_every_edit() {
    let ledger = ledger();
    let (first, second) = (DEFAULT.to_owned(), DEFAULT.replace("\"perDay\": 10", "\"perDay\": 9"));
    let policy = |text: &str| Policy::parse(text).unwrap();
    assert_eq!(ledger.newest_reported_before(RULE, later(0)).await.unwrap(), None);
    for (text, minutes) in [(&first, 0), (&first, 10), (&second, 20), (&second, 30), (&first, 40), (&first, 50)] {
        ledger.record_reported(RULE, &policy(text), later(minutes)).await.unwrap();
    }
    for (minutes, expected) in [
        (-1, None),
        (0, Some(&first)),
        (19, Some(&first)),
        (20, Some(&second)),
        (39, Some(&second)),
        (40, Some(&first)),
    ] {
        let found = ledger.newest_reported_before(RULE, later(minutes)).await.unwrap();
        assert_eq!(found, expected.map(|text| policy(text)), "{minutes}");
    }
}

/// An exception is changed, and its user's tags follow.
async fn change(ledger: &Ledger<MemoryTable>, change: Change, exception: &Exception) {
    let Exception { id, user, rule, credential, approver, justification, .. } = exception;
    let seen = ledger.exception(user, *rule, credential.as_ref()).await.unwrap();
    let act = ExceptionAct {
        change,
        execution: format!("{change}-{id}"),
        requester: "carol".to_owned(),
        approver: Some(approver.clone()),
        justification: justification.clone(),
        at: noon(),
        user: user.clone(),
        rule: *rule,
        credential: credential.clone(),
        before: seen.as_ref().map(|entry| entry.exception.clone()),
        after: (change != Change::Revoke).then(|| exception.clone()),
    };
    ledger.change_exception(&act, seen.as_ref()).await.unwrap();
    assert!(ledger.settle_tags(user, Some(&act.execution), noon()).await.unwrap());
}

#[tokio::test]
async fn exceptions_are_found_by_user_and_all_that_hold_at_once() {
    let ledger = ledger();
    let exception = |id: &str, until| Exception {
        id: id.to_owned(),
        user: request("alice").user,
        rule: RULE,
        credential: Some(key(if id == "E1" { 'A' } else { 'B' })),
        until,
        owner: "alice".to_owned(),
        justification: "migration".to_owned(),
        approver: "bob".to_owned(),
    };
    let (short, long) = (exception("E1", later(5)), exception("E2", later(50)));
    change(&ledger, Change::Grant, &short).await;
    change(&ledger, Change::Grant, &long).await;
    assert_eq!(ledger.exceptions(later(5)).await.unwrap().0, [short.clone(), long.clone()]);
    assert_eq!(ledger.exceptions(later(6)).await.unwrap().0, std::slice::from_ref(&long));
    assert_eq!(ledger.record(&short.user).await.unwrap().exceptions.0.len(), 2);
    assert!(ledger.due(later(100)).await.unwrap().is_empty(), "an exception is nothing to do");
    change(&ledger, Change::Revoke, &short).await;
    assert_eq!(ledger.record(&short.user).await.unwrap().exceptions.0, [long]);
}

/// A table on which other runs keep writing.
struct Contended {
    table: MemoryTable,
    conflicts: Cell<u32>,
}

impl Table for Contended {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        self.table.query(query).await
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.transact(std::slice::from_ref(write)).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        match self.conflicts.get() {
            0 => self.table.transact(writes).await,
            left => {
                self.conflicts.set(left - 1);
                Err(TableError::Conflict)
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_meets_other_runs_is_tried_again_but_not_for_ever() {
    for (conflicts, succeeds) in [(1, true), (6, true), (7, false)] {
        let contended = Ledger::new(Contended { table: MemoryTable::default(), conflicts: Cell::new(conflicts) });
        let outcome = contended.acquire_lease(&request("alice"), &RunId("run-1".to_owned()), noon()).await;
        assert_eq!(outcome.is_ok(), succeeds, "{conflicts} conflicts: {outcome:?}");
    }
}
