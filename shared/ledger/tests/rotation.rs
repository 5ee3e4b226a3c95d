//! What the ledger promises of rotations, over the table in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use credwarden_credential::kind::CredentialId;
use credwarden_ledger::due::DueItem;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::notice::{Notice, NoticeKind};
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::remedy::RuleName;
use credwarden_policy::rotation::{Delivery, Rotation};
use jiff::{SignedDuration, Timestamp};

fn days(days: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_hours(24 * days)
}

fn key() -> CredentialId {
    "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
}

fn request() -> Request {
    Request {
        document: Document::Rule(RuleName::AccessKeyAge),
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        credential: None,
        reason: None,
        requester: "somebody".to_owned(),
        asked: None,
        approvers: Vec::new(),
        execution: "e-1".to_owned(),
    }
}

fn rotation() -> Rotation {
    Rotation {
        key: key(),
        opened: days(0),
        deadline: days(14),
        delivery: Delivery::Owner,
        told: None,
        forced: None,
        mint: None,
        replacement: None,
        silence: None,
        acknowledged: None,
        fetched: None,
        escalated: None,
        ended: None,
    }
}

fn notice() -> Notice {
    Notice {
        kind: NoticeKind::CreateKey,
        at: days(0),
        user: request().user,
        name: "alice".parse().ok(),
        credential: Some(key()),
        document: request().document,
        requester: Some("somebody".to_owned()),
        owner: None,
        what: "it is old".to_owned(),
        to_do: "create another".to_owned(),
        do_by: Some(days(14)),
        undo: None,
        begun: Some(days(0)),
        creation: None,
        sessions_refused_until: None,
    }
}

async fn lease(ledger: &Ledger<MemoryTable>, run: &str, now: Timestamp) -> Lease {
    match ledger.acquire_lease(&request(), &RunId(run.to_owned()), now).await.unwrap() {
        Acquired::Ours(lease) => lease,
        Acquired::Busy { execution, .. } => panic!("`{execution}` is at it"),
    }
}

async fn record(ledger: &Ledger<MemoryTable>) -> UserRecord {
    ledger.record(&request().user).await.unwrap()
}

/// The rotations that are due.
async fn due(ledger: &Ledger<MemoryTable>, now: Timestamp) -> Vec<Request> {
    let due = ledger.due(now).await.unwrap().into_iter();
    due.filter_map(|due| match due.unwrap().what {
        DueItem::Rotation(kept) => Some(kept.request),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn an_open_rotation_is_due_until_it_has_ended_and_is_kept_then() {
    let ledger = Ledger::new(MemoryTable::default());
    let mine = lease(&ledger, "first", days(0)).await;
    ledger.keep_rotation(&mine, None, rotation(), &request(), None, days(1)).await.unwrap();
    assert_eq!((due(&ledger, days(0)).await, due(&ledger, days(1)).await), (vec![], vec![request()]));
    let record_of_one = record(&ledger).await;
    let kept = record_of_one.rotation(&key()).unwrap();
    assert!(kept.is_open());
    ledger.end_rotation(&mine, kept, "it is gone", days(2)).await.unwrap();
    assert_eq!(due(&ledger, days(400)).await, []);
    let ended = record(&ledger).await.rotation(&key()).unwrap().rotation.ended.clone().unwrap();
    assert_eq!((ended.at, ended.how.as_str()), (days(2), "it is gone"));
}

#[tokio::test]
async fn a_run_that_has_lost_its_lease_neither_writes_nor_tells() {
    let ledger = Ledger::new(MemoryTable::default());
    let mine = lease(&ledger, "first", days(0)).await;
    lease(&ledger, "second", days(1)).await;
    let late = ledger.keep_rotation(&mine, None, rotation(), &request(), Some(&notice()), days(1)).await;
    assert!(matches!(late, Err(LedgerError::Superseded { .. })), "{late:?}");
    assert!(record(&ledger).await.rotations.is_empty());
    assert!(ledger.untold(days(9)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_written_since_it_was_read_is_not_overwritten_and_the_same_twice_is_once() {
    let ledger = Ledger::new(MemoryTable::default());
    let mine = lease(&ledger, "first", days(0)).await;
    for _ in 0..2 {
        // The answer to the first was lost.
        ledger.keep_rotation(&mine, None, rotation(), &request(), Some(&notice()), days(1)).await.unwrap();
    }
    assert_eq!(ledger.untold(days(9)).await.unwrap().len(), 1);
    let before = record(&ledger).await;
    let seen = before.rotation(&key());
    let escalated = Rotation { escalated: Some(days(15)), ..rotation() };
    ledger.keep_rotation(&mine, seen, escalated, &request(), None, days(16)).await.unwrap();
    let late = ledger.keep_rotation(&mine, seen, rotation(), &request(), None, days(16)).await;
    assert!(matches!(late, Err(LedgerError::Superseded { .. })), "{late:?}");
}
