//! What the ledger promises of notices, over the table in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use credwarden_credential::snapshot::{LastUse, Status};
use credwarden_ledger::budget::Purse;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::notice::{Notice, NoticeKind, Owner, Untold};
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::{EXPIRES_AT, Value};
use credwarden_ledger::work::{Act, Begun, Intent, Outcome, Sighting, Step, Work};
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::{SignedDuration, Timestamp};

fn days(count: i64) -> Timestamp {
    "2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * count)
}

fn notice(kind: NoticeKind, at: Timestamp) -> Notice {
    Notice {
        kind,
        at,
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        name: "alice".parse().ok(),
        credential: "AKIAIOSFODNN7EXAMPLE".parse().ok(),
        document: Document::Rule(RuleName::AccessKeyAge),
        requester: Some("somebody".to_owned()),
        owner: Some("alice@example.com".parse().unwrap()),
        what: format!("it is so at {at}"),
        to_do: "replace it".to_owned(),
        do_by: None,
        undo: None,
        begun: None,
        creation: None,
        sessions_refused_until: None,
    }
}

fn ledger() -> (MemoryTable, Ledger<MemoryTable>) {
    let table = MemoryTable::default();
    (table.clone(), Ledger::new(table))
}

fn sent(notice: &Notice, is_published: bool, is_told: bool) -> Untold {
    Untold { notice: notice.clone(), is_published, is_told }
}

async fn untold(ledger: &Ledger<MemoryTable>, now: Timestamp) -> Vec<Untold> {
    ledger.untold(now).await.unwrap().into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn the_same_is_said_once_a_week_and_something_else_at_once() {
    let (_, ledger) = ledger();
    let held = |day| notice(NoticeKind::InUse, days(day));
    assert!(ledger.tell(&held(0)).await.unwrap());
    ledger.note_sent(&sent(&held(0), true, true), days(0)).await.unwrap();
    for day in 1..7 {
        assert!(!ledger.tell(&held(day)).await.unwrap(), "day {day}");
    }
    assert_eq!(untold(&ledger, days(6)).await, []);
    assert!(ledger.tell(&notice(NoticeKind::Warned, days(1))).await.unwrap());
    assert!(ledger.tell(&held(7)).await.unwrap());
    let kinds: Vec<_> = untold(&ledger, days(7)).await.into_iter().map(|untold| untold.notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::Warned, NoticeKind::InUse]);
}

#[tokio::test]
async fn what_is_untold_stays_until_it_was_told_and_expires_then() {
    let (table, ledger) = ledger();
    let warned = notice(NoticeKind::Warned, days(0));
    ledger.tell(&warned).await.unwrap();
    let expiry = || table.items().into_values().next().unwrap().get(EXPIRES_AT).cloned();
    assert_eq!(expiry(), None);
    assert_eq!(untold(&ledger, days(0)).await, [sent(&warned, false, false)]);
    ledger.note_sent(&sent(&warned, true, false), days(0)).await.unwrap();
    assert_eq!(untold(&ledger, days(20)).await, [sent(&warned, true, false)]);
    assert_eq!(expiry(), None);
    ledger.note_sent(&sent(&warned, true, true), days(20)).await.unwrap();
    assert_eq!(untold(&ledger, days(400)).await, []);
    assert_eq!(expiry(), Some(Value::Number(days(50).as_second())));
}

#[tokio::test]
async fn what_is_newer_than_what_was_told_is_told_too() {
    let (_, ledger) = ledger();
    let (old, new) = (notice(NoticeKind::Warned, days(0)), notice(NoticeKind::Warned, days(8)));
    ledger.tell(&old).await.unwrap();
    ledger.tell(&new).await.unwrap();
    ledger.note_sent(&sent(&old, true, false), days(8)).await.unwrap();
    ledger.note_sent(&sent(&old, true, true), days(8)).await.unwrap();
    assert_eq!(untold(&ledger, days(8)).await, [sent(&new, false, false)]);
}

async fn lease(ledger: &Ledger<MemoryTable>, run: &str, now: Timestamp) -> Lease {
    let request = Request {
        document: Document::Rule(RuleName::AccessKeyAge),
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
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

async fn begun(ledger: &Ledger<MemoryTable>, lease: &Lease, now: Timestamp) -> Work {
    let before = Sighting { at: now, status: Status::Active, created: days(-100), last_use: LastUse::Never };
    let work = Work {
        act: Act::Remedy(RemedyName::DeactivateCredential),
        credential: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
        request: lease.request.clone(),
        taken_up: Vec::new(),
        begun: now,
        tried: now,
        run: lease.run.clone(),
        because: "it is old".to_owned(),
        policy: Policy::default().id(),
        before,
        undo_until: None,
        step: Step::Intended,
        earlier: Vec::new(),
    };
    let intent = Intent { work, follows: None, purse: Purse::Act, limit: 1, undoes: None, hold: None, beside: None };
    match ledger.begin(lease, intent, now).await.unwrap() {
        Begun::Ours(work) => *work,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_act_and_its_notice_stand_or_fall_together() {
    let (_, ledger) = ledger();
    let mine = lease(&ledger, "first", days(0)).await;
    let work = begun(&ledger, &mine, days(0)).await;
    let settled = work.clone().settled(Outcome::Withdrawn { reason: "for the test".to_owned() }, days(0));
    let done = Notice { begun: Some(work.begun), ..notice(NoticeKind::Done, days(0)) };

    // Another run takes the work over: the first may not end it, and nothing is told of it.
    let other = lease(&ledger, "second", days(1)).await;
    let taken = ledger.take_over(&other, work, false, days(1)).await.unwrap();
    let late = ledger.end_work(&mine, settled, Some(&done), days(1)).await;
    assert!(matches!(late, Err(LedgerError::Superseded { .. })), "{late:?}");
    assert_eq!(untold(&ledger, days(1)).await, []);

    let settled = taken.settled(Outcome::Withdrawn { reason: "for the test".to_owned() }, days(1));
    ledger.end_work(&other, settled, Some(&done), days(1)).await.unwrap();
    assert_eq!(untold(&ledger, days(1)).await, [sent(&done, false, false)]);
}

#[tokio::test]
async fn each_act_is_told_even_within_a_week() {
    let (_, ledger) = ledger();
    for day in 0..3 {
        let done = Notice { begun: Some(days(day)), ..notice(NoticeKind::Done, days(day)) };
        assert!(ledger.tell(&done).await.unwrap(), "day {day}");
    }
    assert_eq!(untold(&ledger, days(3)).await.len(), 3);
}

#[test]
fn an_owner_is_a_name_that_cannot_break_out_of_its_line() {
    for good in ["alice@example.com", " team a ", "Zoë", "arn:aws:iam::1:user/x"] {
        assert_eq!(good.parse::<Owner>().unwrap().as_str(), good.trim());
    }
    let long = "x".repeat(257);
    for bad in ["", " ", "a\nb", "a\u{2028}b", "a\u{0}", "a\"b", "{a}", "\u{202e}evil", long.as_str()] {
        assert!(bad.parse::<Owner>().is_err(), "{bad:?}");
    }
    assert!("x".repeat(256).parse::<Owner>().is_ok());
}
