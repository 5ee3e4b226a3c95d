//! What the ledger promises of enrolments and of mints, over the table in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use credwarden_credential::id::UserId;
use credwarden_ledger::enrolment::EnrolmentAct;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, RequestToken, SecretArn};
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};

fn days(days: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_hours(24 * days)
}

fn alice() -> UserId {
    "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap()
}

fn bob() -> UserId {
    "AIDAI44QH8DHBOEXAMPLE".parse().unwrap()
}

fn secret(name: &str) -> SecretArn {
    format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/{name}-a1B2c3").parse().unwrap()
}

fn enrolment(user: UserId, secret: SecretArn) -> Enrolment {
    Enrolment {
        user,
        secret,
        retriever: "arn:aws:iam::123456789012:role/shop".parse().unwrap(),
        resource_policy: None,
        owner: "team-shop".to_owned(),
        by: "arn:aws:iam::123456789012:user/carol".to_owned(),
        approver: "arn:aws:iam::123456789012:user/dave".to_owned(),
        justification: "the shop reads its key there".to_owned(),
        at: days(0),
        execution: "e-1".to_owned(),
    }
}

/// The change by which an execution puts one enrolment in the place of another.
fn act(execution: &str, user: UserId, before: Option<&Enrolment>, after: Option<Enrolment>) -> EnrolmentAct {
    EnrolmentAct {
        change: if after.is_some() { EnrolmentChange::Enrol } else { EnrolmentChange::Withdraw },
        execution: execution.to_owned(),
        requester: "arn:aws:iam::123456789012:user/carol".to_owned(),
        approver: None,
        justification: "so".to_owned(),
        at: days(0),
        user,
        before: before.cloned(),
        after,
    }
}

fn superseded<V: std::fmt::Debug>(outcome: &Result<V, LedgerError>) {
    assert!(matches!(outcome, Err(LedgerError::Superseded { .. })), "{outcome:?}");
}

#[tokio::test]
async fn an_enrolment_stands_in_the_record_of_its_user_until_it_is_withdrawn_and_who_did_so_is_kept() {
    let ledger = Ledger::new(MemoryTable::default());
    let enrolled = enrolment(alice(), secret("shop"));
    let enrol = act("e-1", alice(), None, Some(enrolled.clone()));
    for _ in 0..2 {
        // The answer to the first was lost.
        ledger.change_enrolment(&enrol).await.unwrap();
    }
    assert_eq!(ledger.record(&alice()).await.unwrap().enrolment, Some(enrolled.clone()));
    assert_eq!(ledger.enrolment(&alice()).await.unwrap(), Some(enrolled.clone()));
    assert_eq!(ledger.enrolled_in(&secret("shop")).await.unwrap(), Some(alice()));
    let withdraw = act("e-2", alice(), Some(&enrolled), None);
    ledger.change_enrolment(&withdraw).await.unwrap();
    assert_eq!(ledger.record(&alice()).await.unwrap().enrolment, None);
    assert_eq!(ledger.enrolled_in(&secret("shop")).await.unwrap(), None);
    for (execution, act) in [("e-1", enrol), ("e-2", withdraw)] {
        assert_eq!(ledger.enrolment_act(&alice(), execution).await.unwrap(), Some(act));
    }
}

#[tokio::test]
async fn what_was_enrolled_since_it_was_read_is_not_overwritten() {
    let ledger = Ledger::new(MemoryTable::default());
    let enrolled = enrolment(alice(), secret("shop"));
    ledger.change_enrolment(&act("e-1", alice(), None, Some(enrolled.clone()))).await.unwrap();
    let other = enrolment(alice(), secret("other"));
    superseded(&ledger.change_enrolment(&act("e-2", alice(), None, Some(other.clone()))).await);
    superseded(&ledger.change_enrolment(&act("e-3", alice(), Some(&other), None)).await);
    assert_eq!(ledger.enrolment(&alice()).await.unwrap(), Some(enrolled));
    assert_eq!(ledger.enrolment_act(&alice(), "e-2").await.unwrap(), None);
}

#[tokio::test]
async fn a_secret_serves_one_user_and_is_free_once_that_has_left_it() {
    let ledger = Ledger::new(MemoryTable::default());
    let first = enrolment(alice(), secret("shop"));
    ledger.change_enrolment(&act("e-1", alice(), None, Some(first.clone()))).await.unwrap();
    let bobs = act("e-2", bob(), None, Some(enrolment(bob(), secret("shop"))));
    superseded(&ledger.change_enrolment(&bobs).await);
    assert_eq!(ledger.enrolment(&bob()).await.unwrap(), None);
    let again = Enrolment { owner: "another".to_owned(), ..first.clone() };
    ledger.change_enrolment(&act("e-3", alice(), Some(&first), Some(again.clone()))).await.unwrap();
    let moved = enrolment(alice(), secret("other"));
    ledger.change_enrolment(&act("e-4", alice(), Some(&again), Some(moved))).await.unwrap();
    ledger.change_enrolment(&bobs).await.unwrap();
    assert_eq!(ledger.enrolled_in(&secret("shop")).await.unwrap(), Some(bob()));
    assert_eq!(ledger.enrolled_in(&secret("other")).await.unwrap(), Some(alice()));
}

async fn lease(ledger: &Ledger<MemoryTable>, run: &str, now: Timestamp) -> Lease {
    let request = Request {
        document: Document::Rule(RuleName::AccessKeyAge),
        user: alice(),
        credential: None,
        reason: None,
        requester: "somebody".to_owned(),
        asked: None,
        approvers: Vec::new(),
        execution: "e-1".to_owned(),
    };
    match ledger.acquire_lease(&request, &RunId(run.to_owned()), now).await.unwrap() {
        Acquired::Ours(lease) => lease,
        Acquired::Busy { execution, .. } => panic!("`{execution}` is at it"),
    }
}

fn mint() -> Mint {
    let replaces = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    Mint {
        token: RequestToken::of(&alice(), &replaces, days(0)),
        user: alice(),
        name: "alice".parse().unwrap(),
        secret: secret("shop"),
        replaces,
        asked: days(1),
        step: MintStep::Asked,
    }
}

fn intended() -> MintStep {
    MintStep::Intended { at: days(1), run: "r-1".to_owned() }
}

#[tokio::test]
async fn a_mint_is_found_by_its_token_alone_and_asking_again_leaves_it_as_it_is() {
    let ledger = Ledger::new(MemoryTable::default());
    assert_eq!(ledger.mint(&mint().token).await.unwrap(), None);
    let mine = lease(&ledger, "first", days(0)).await;
    let asked = ledger.ask_for_mint(&mine, mint()).await.unwrap();
    assert_eq!(ledger.mint(&mint().token).await.unwrap(), Some(asked.clone()));
    let further = ledger.keep_mint(&asked, intended()).await.unwrap();
    let later = Mint { asked: days(2), ..mint() };
    assert_eq!(ledger.ask_for_mint(&mine, later).await.unwrap(), further);
    assert_eq!(ledger.mint(&mint().token).await.unwrap(), Some(further));
}

#[tokio::test]
async fn who_has_lost_the_lease_asks_for_no_mint() {
    let ledger = Ledger::new(MemoryTable::default());
    let mine = lease(&ledger, "first", days(0)).await;
    let theirs = lease(&ledger, "second", days(1)).await;
    superseded(&ledger.ask_for_mint(&mine, mint()).await);
    assert_eq!(ledger.mint(&mint().token).await.unwrap(), None);
    ledger.ask_for_mint(&theirs, mint()).await.unwrap();
    superseded(&ledger.ask_for_mint(&mine, mint()).await);
}

#[tokio::test]
async fn of_two_that_take_a_mint_further_at_once_one_goes_on() {
    let ledger = Ledger::new(MemoryTable::default());
    let mine = lease(&ledger, "first", days(0)).await;
    let asked = ledger.ask_for_mint(&mine, mint()).await.unwrap();
    let further = ledger.keep_mint(&asked, intended()).await.unwrap();
    assert_eq!(ledger.keep_mint(&asked, intended()).await.unwrap(), further, "the answer to the first was lost");
    let theirs = MintStep::Intended { at: days(1), run: "r-2".to_owned() };
    superseded(&ledger.keep_mint(&asked, theirs).await);
    let key = "AKIAI44QH8DHBEXAMPLE".parse().unwrap();
    let stored = ledger.keep_mint(&further, MintStep::Stored { key, at: days(1) }).await.unwrap();
    assert_eq!(ledger.mint(&mint().token).await.unwrap(), Some(stored));
}
