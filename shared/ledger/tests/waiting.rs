//! What the ledger promises of requests that find their user held, over the table in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use std::cell::RefCell;

use credwarden_ledger::Ledger;
use credwarden_ledger::due::DueItem;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::{Item, Key, Query, Table, TableError, Write};
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::{SignedDuration, Timestamp};

const AGE: Document = Document::Rule(RuleName::AccessKeyAge);
const UNUSED: Document = Document::Rule(RuleName::UnusedCredentials);
const UNDO: Document = Document::Undo(RemedyName::DeactivateCredential);

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn later(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

fn request(document: Document, requester: &str) -> Request {
    Request {
        document,
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        credential: None,
        reason: None,
        requester: requester.to_owned(),
        asked: None,
        approvers: Vec::new(),
        execution: format!("{document} by {requester}"),
    }
}

fn approved(document: Document, requester: &str, approver: &str) -> Request {
    Request { asked: None, approvers: vec![approver.to_owned()], ..request(document, requester) }
}

fn ledger() -> Ledger<MemoryTable> {
    Ledger::new(MemoryTable::default())
}

async fn ask<T: Table>(ledger: &Ledger<T>, request: &Request, now: Timestamp) -> Acquired {
    ledger.acquire_lease(request, &RunId(format!("run of {} at {now}", request.execution)), now).await.unwrap()
}

async fn lease<T: Table>(ledger: &Ledger<T>, request: &Request, now: Timestamp) -> Lease {
    match ask(ledger, request, now).await {
        Acquired::Ours(lease) => lease,
        Acquired::Busy { execution, .. } => panic!("`{execution}` is at it"),
    }
}

async fn finds_it_held<T: Table>(ledger: &Ledger<T>, request: &Request, now: Timestamp) {
    assert!(matches!(ask(ledger, request, now).await, Acquired::Busy { .. }), "{request:?}");
}

/// The requests that wait and are due.
async fn waiting<T: Table>(ledger: &Ledger<T>, now: Timestamp) -> Vec<Request> {
    let due = ledger.due(now).await.unwrap().into_iter();
    due.filter_map(|due| match due.unwrap().what {
        DueItem::Waiting { request } => Some(request),
        DueItem::Work(_)
        | DueItem::LeftLease { .. }
        | DueItem::Rotation(_)
        | DueItem::Announcement(_)
        | DueItem::Pass(_)
        | DueItem::ExceptionTags(_) => None,
    })
    .collect()
}

#[tokio::test]
async fn a_request_that_finds_its_user_held_waits_until_its_document_has_its_turn() {
    let ledger = ledger();
    let held = lease(&ledger, &request(AGE, "alice"), noon()).await;
    let bobs = approved(UNUSED, "bob", "carol");
    finds_it_held(&ledger, &bobs, noon()).await;
    assert_eq!(waiting(&ledger, noon()).await, std::slice::from_ref(&bobs));
    ledger.release_lease(&held, later(1)).await.unwrap();
    assert_eq!(waiting(&ledger, later(1)).await, std::slice::from_ref(&bobs), "it outlives the lease");
    // The schedule starts it.
    let due = ledger.due(later(60)).await.unwrap().remove(0).unwrap();
    assert!(ledger.put_off(&due, later(115)).await.unwrap());
    let taken = lease(&ledger, &request(UNUSED, "schedule"), later(61)).await;
    assert_eq!(taken.request.requester, "bob", "who asked stays the requester");
    assert_eq!(taken.request.approvers, ["carol"]);
    assert_eq!(taken.executed_by, "schedule");
    ledger.release_lease(&taken, later(62)).await.unwrap();
    assert!(ledger.due(later(600)).await.unwrap().is_empty(), "its turn has come");
    let next = lease(&ledger, &request(UNUSED, "dave"), later(70)).await;
    assert_eq!((next.request.requester.as_str(), next.request.approvers.len()), ("dave", 0), "it is answered");
}

#[tokio::test]
async fn a_lease_that_expires_leaves_its_own_request_and_those_that_wait() {
    let ledger = ledger();
    lease(&ledger, &request(AGE, "alice"), noon()).await;
    finds_it_held(&ledger, &request(UNUSED, "bob"), later(1)).await;
    let due = ledger.due(later(11)).await.unwrap();
    assert_eq!(due.len(), 2);
    assert_eq!(waiting(&ledger, later(11)).await, [request(UNUSED, "bob")]);
    let taken = lease(&ledger, &request(AGE, "schedule"), later(11)).await;
    assert_eq!(taken.request.requester, "alice");
    assert_eq!(waiting(&ledger, later(11)).await.len(), 1, "the other's turn has not come");
}

#[tokio::test]
async fn who_takes_the_lease_of_a_dead_run_of_another_errand_leaves_it_waiting() {
    let ledger = ledger();
    lease(&ledger, &approved(AGE, "alice", "carol"), noon()).await;
    let other = lease(&ledger, &request(UNUSED, "bob"), later(11)).await;
    assert_eq!(other.request.requester, "bob");
    assert_eq!(waiting(&ledger, later(11)).await, [approved(AGE, "alice", "carol")]);
    ledger.release_lease(&other, later(12)).await.unwrap();
    assert_eq!(lease(&ledger, &request(AGE, "schedule"), later(60)).await.request.requester, "alice");
}

#[tokio::test]
async fn the_same_errand_waits_once_and_each_other_by_itself() {
    let ledger = ledger();
    lease(&ledger, &request(AGE, "alice"), noon()).await;
    let undo = |key: &str| Request { credential: Some(key.parse().unwrap()), ..request(UNDO, "bob") };
    let (one, other) = (undo("AKIAIOSFODNN7EXAMPLE"), undo("AKIAI44QH8DHBEXAMPLE"));
    for request in [&one, &other, &one, &request(UNUSED, "bob"), &request(UNUSED, "carol"), &request(AGE, "bob")] {
        finds_it_held(&ledger, request, later(1)).await;
    }
    let mut found: Vec<_> = waiting(&ledger, later(1)).await.iter().map(|request| request.execution.clone()).collect();
    found.sort();
    let undo = "undo-deactivate-credential by bob";
    assert_eq!(found, ["access-key-age by bob", undo, undo, "unused-credentials by carol"]);
}

#[tokio::test]
async fn whoever_starts_it_again_in_vain_neither_asks_nor_approves() {
    let ledger = ledger();
    lease(&ledger, &request(AGE, "alice"), noon()).await;
    finds_it_held(&ledger, &approved(UNUSED, "bob", "carol"), later(1)).await;
    finds_it_held(&ledger, &request(UNUSED, "schedule"), later(2)).await;
    let found = waiting(&ledger, later(2)).await.remove(0);
    assert_eq!((found.requester.as_str(), found.approvers.len()), ("bob", 1));
    assert_eq!(found.execution, "unused-credentials by schedule", "what asked last");
    finds_it_held(&ledger, &approved(UNUSED, "dave", "erin"), later(3)).await;
    assert_eq!(waiting(&ledger, later(3)).await, [approved(UNUSED, "dave", "erin")], "who brings approvals asks anew");
}

#[tokio::test]
async fn approvals_that_do_not_count_for_a_run_go_on_waiting() {
    let ledger = ledger();
    let held = lease(&ledger, &request(AGE, "alice"), noon()).await;
    finds_it_held(&ledger, &approved(UNUSED, "bob", "carol"), later(1)).await;
    ledger.release_lease(&held, later(2)).await.unwrap();
    let other = lease(&ledger, &approved(UNUSED, "dave", "erin"), later(3)).await;
    assert_eq!(
        (other.request.requester.as_str(), other.request.approvers.as_slice()),
        ("dave", &["erin".to_owned()][..])
    );
    assert_eq!(waiting(&ledger, later(3)).await, [approved(UNUSED, "bob", "carol")]);
    ledger.release_lease(&other, later(4)).await.unwrap();
    let its_turn = lease(&ledger, &request(UNUSED, "schedule"), later(60)).await;
    assert_eq!(its_turn.request.requester, "bob");
    assert!(waiting(&ledger, later(60)).await.is_empty());
}

#[tokio::test]
async fn the_execution_that_is_being_answered_does_not_wait_for_itself() {
    let ledger = ledger();
    lease(&ledger, &request(AGE, "alice"), noon()).await;
    let again = ledger.acquire_lease(&request(AGE, "alice"), &RunId("invoked again".to_owned()), noon()).await.unwrap();
    assert!(matches!(again, Acquired::Busy { .. }));
    assert!(waiting(&ledger, later(5)).await.is_empty());
}

/// What somebody else does just before or after a write.
#[derive(Clone)]
enum Meanwhile {
    /// Once a request waits, the lease is given back.
    GivesBack(Box<Lease>),
    /// Just before the lease is taken, another request comes to wait.
    Replaces(Box<Request>),
}

struct Busy {
    table: MemoryTable,
    meanwhile: RefCell<Option<Meanwhile>>,
}

impl Busy {
    async fn interfere(&self, writes: &[Write], is_done: bool) {
        let others = Ledger::new(self.table.clone());
        let is_of = |sk: &str| writes.iter().any(|write| write.key.sk.starts_with(sk));
        let meanwhile = self.meanwhile.borrow().clone();
        match meanwhile {
            Some(Meanwhile::GivesBack(lease)) if is_done && is_of("WAITING#") => {
                self.meanwhile.take();
                others.release_lease(&lease, noon()).await.unwrap();
            }
            Some(Meanwhile::Replaces(other)) if !is_done && is_of("LEASE") => {
                self.meanwhile.take();
                let held = lease(&others, &request(AGE, "zoe"), noon()).await;
                finds_it_held(&others, &other, noon()).await;
                others.release_lease(&held, noon()).await.unwrap();
            }
            _ => {}
        }
    }
}

impl Table for Busy {
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
        self.interfere(writes, false).await;
        let outcome = self.table.transact(writes).await;
        self.interfere(writes, true).await;
        outcome
    }
}

#[tokio::test]
async fn a_request_need_not_wait_for_a_lease_that_is_given_back_meanwhile() {
    let table = MemoryTable::default();
    let held = lease(&Ledger::new(table.clone()), &request(AGE, "alice"), noon()).await;
    let meanwhile = RefCell::new(Some(Meanwhile::GivesBack(Box::new(held))));
    let ledger = Ledger::new(Busy { table, meanwhile });
    for bobs in [approved(UNUSED, "bob", "carol"), request(UNUSED, "bob")] {
        let ours = lease(&ledger, &bobs, noon()).await;
        assert_eq!(ours.request, bobs);
        assert!(waiting(&ledger, later(5)).await.is_empty(), "it waits no longer");
        ledger.release_lease(&ours, noon()).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_comes_to_wait_while_its_errand_begins_is_not_lost() {
    let table = MemoryTable::default();
    let others = Ledger::new(table.clone());
    let held = lease(&others, &request(AGE, "alice"), noon()).await;
    finds_it_held(&others, &request(UNUSED, "bob"), noon()).await;
    others.release_lease(&held, noon()).await.unwrap();
    let replacing = approved(UNUSED, "dave", "erin");
    let ledger = Ledger::new(Busy { table, meanwhile: RefCell::new(Some(Meanwhile::Replaces(Box::new(replacing)))) });
    let ours = lease(&ledger, &request(UNUSED, "schedule"), later(1)).await;
    assert_eq!(ours.request.requester, "dave");
    assert_eq!(ours.request.approvers, ["erin"]);
}
