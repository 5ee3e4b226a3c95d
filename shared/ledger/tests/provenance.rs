//! What the ledger promises of creations, the installation and the look-up of past events, over the table in memory.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::cell::Cell;
use std::collections::BTreeSet;

use credwarden_credential::creation::backfill::Lookup;
use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal, Provenance, Unreadable};
use credwarden_credential::kind::CredentialId;
use credwarden_ledger::due::DueItem;
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::table::{Action, Condition, Item, Key, Query, Table, TableError, Value, Write};
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};

const RULE: RuleName = RuleName::UnauthorizedKeyCreation;
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn later(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

fn creation(event: &str, credential: &str, user: &str) -> Creation {
    Creation {
        event: event.to_owned(),
        act: CreationAct::CreateAccessKey,
        credential: credential.parse().unwrap(),
        user: user.parse().unwrap(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role("arn:aws:iam::123456789012:role/admin".parse().unwrap()),
            session: Some("dana".to_owned()),
            source_identity: None,
            invoked_by: None,
        },
        source: "198.51.100.7".to_owned(),
        mfa: Some(true),
        at: noon(),
        region: "us-east-1".to_owned(),
    }
}

fn events(creations: &credwarden_credential::creation::Creations) -> Vec<&str> {
    creations.iter().map(|creation| creation.event.as_str()).collect()
}

/// Another version writes what this one cannot read.
async fn put(table: &MemoryTable, sk: &str, attributes: &[(&str, Value)]) {
    let put = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let key = Key::new("PROVENANCE", sk);
    table.write(&Write { key, condition: Condition::none(), action: Action::Put(put) }).await.unwrap();
}

#[tokio::test]
async fn an_event_is_recorded_once_whoever_tells_it_and_how_often() {
    let ledger = Ledger::new(MemoryTable::default());
    let told = creation("e1", KEY, "alice");
    assert!(ledger.record_creation(&told).await.unwrap());
    assert!(!ledger.record_creation(&told).await.unwrap());
    ledger.record_creations([told.clone(), creation("e2", KEY, "alice"), told.clone()]).await.unwrap();
    let recorded = ledger.creations().await.unwrap();
    assert_eq!(events(&recorded.creations), ["e1", "e2"]);
    assert_eq!(recorded.creations.iter().next(), Some(&told));
}

#[tokio::test]
async fn what_is_recorded_never_expires() {
    let table = MemoryTable::default();
    let ledger = Ledger::new(table.clone());
    ledger.record_creation(&creation("e1", KEY, "alice")).await.unwrap();
    ledger.installed(noon()).await.unwrap();
    for (key, attributes) in table.items() {
        assert!(!attributes.contains_key("expires_at"), "{key}");
    }
}

#[tokio::test]
async fn the_creations_of_a_users_credentials_are_told_from_those_of_others() {
    let ledger = Ledger::new(MemoryTable::default());
    let longer = format!("{KEY}2");
    let recorded = [
        creation("e1", KEY, "alice"),
        creation("e2", &longer, "alice"),
        creation("e3", "console-password", "alice"),
        creation("e4", "console-password", "alice2"),
        creation("e5", "console-password", "bob"),
    ];
    ledger.record_creations(recorded).await.unwrap();
    let credentials = [KEY.parse().unwrap(), CredentialId::ConsolePassword];
    let of_alice = ledger.creations_of(&credentials, &"alice".parse().unwrap()).await.unwrap();
    assert_eq!(events(&of_alice.creations), ["e1", "e3"]);
    let of_nothing = ledger.creations_of(&[], &"alice".parse().unwrap()).await.unwrap();
    assert!(of_nothing.creations.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_by_its_time_and_hides_no_other() {
    let table = MemoryTable::default();
    let ledger = Ledger::new(table.clone());
    ledger.record_creation(&creation("e1", KEY, "alice")).await.unwrap();
    let at = Value::Number(later(3).as_second());
    put(&table, &format!("{KEY}#e2"), &[("body", "{\"act\":\"CreateToken\"}".into()), ("at", at)]).await;
    for recorded in [
        ledger.creations().await.unwrap(),
        ledger.creations_of(&[KEY.parse().unwrap()], &"alice".parse().unwrap()).await.unwrap(),
    ] {
        assert_eq!(events(&recorded.creations), ["e1"]);
        assert_eq!(recorded.unreadable, [Unreadable { at: later(3), event: "e2".to_owned() }]);
    }
    put(&table, &format!("{KEY}#e3"), &[("body", "{}".into())]).await;
    let error = ledger.creations().await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Unreadable { key, .. } if key.to_string() == format!("PROVENANCE/{KEY}#e3")),
        "{error}"
    );
}

#[tokio::test]
async fn who_only_reads_learns_nothing_before_a_rule_has_run_and_writes_nothing() {
    let table = MemoryTable::default();
    let ledger = Ledger::new(table.clone());
    assert_eq!(ledger.known_installation().await.unwrap(), None);
    assert_eq!(ledger.own_roles().await.unwrap(), None, "none kept is not none there");
    assert_eq!(ledger.known_provenance(RULE).await.unwrap(), None);
    assert!(table.items().is_empty());
    ledger.installed(noon()).await.unwrap();
    assert_eq!(ledger.known_installation().await.unwrap(), Some(noon()));
    assert_eq!(ledger.known_provenance(RULE).await.unwrap(), None, "our own functions are not told from others yet");
    ledger.keep_own_roles(&BTreeSet::new()).await.unwrap();
    assert_eq!(ledger.known_provenance(RULE).await.unwrap(), Some(Provenance::since(noon())));
}

#[tokio::test]
async fn the_roles_of_our_own_functions_are_those_kept_last() {
    let ledger = Ledger::new(MemoryTable::default());
    for role in ["arn:aws:iam::123456789012:role/first", "arn:aws:iam::123456789012:role/second"] {
        let roles = BTreeSet::from([role.parse().unwrap()]);
        ledger.keep_own_roles(&roles).await.unwrap();
        ledger.keep_own_roles(&roles).await.unwrap();
        assert_eq!(ledger.own_roles().await.unwrap(), Some(roles));
    }
}

#[tokio::test]
async fn the_account_was_first_looked_at_by_whoever_came_first() {
    let ledger = Ledger::new(MemoryTable::default());
    let first = noon() + SignedDuration::from_nanos(123_456_789);
    assert_eq!(ledger.installed(first).await.unwrap(), first);
    assert_eq!(ledger.installed(later(60)).await.unwrap(), first);
    assert_eq!(ledger.installed(later(-60)).await.unwrap(), first);
}

#[tokio::test]
async fn a_look_up_cut_by_time_is_due_until_it_has_come_to_its_end() {
    let ledger = Ledger::new(MemoryTable::default());
    let mut kept = ledger.backfill(RULE).await.unwrap();
    let span = Lookup::default().due(noon()).unwrap();
    kept.backfill.0.entry(CreationAct::CreateAccessKey).or_default().open = Some(span.clone());
    ledger.keep_backfill(RULE, &mut kept, noon()).await.unwrap();
    assert!(ledger.due(later(4)).await.unwrap().is_empty());
    let due = ledger.due(later(5)).await.unwrap().remove(0).unwrap();
    assert_eq!(due.what, DueItem::Pass(RULE));
    let mut read = ledger.backfill(RULE).await.unwrap();
    assert_eq!(read, kept);
    read.backfill.0.entry(CreationAct::CreateAccessKey).or_default().close(span);
    ledger.keep_backfill(RULE, &mut read, later(6)).await.unwrap();
    assert!(ledger.due(later(600)).await.unwrap().is_empty());
    let coverage = ledger.backfill(RULE).await.unwrap().backfill.coverage();
    assert_eq!(coverage[&CreationAct::CreateAccessKey].asked, noon());
}

#[tokio::test]
async fn a_look_up_that_another_run_has_kept_since_is_not_overwritten() {
    let ledger = Ledger::new(MemoryTable::default());
    let (mut mine, mut theirs) = (ledger.backfill(RULE).await.unwrap(), ledger.backfill(RULE).await.unwrap());
    mine.backfill.0.entry(CreationAct::CreateAccessKey).or_default().open = Lookup::default().due(noon());
    ledger.keep_backfill(RULE, &mut mine, noon()).await.unwrap();
    let error = ledger.keep_backfill(RULE, &mut theirs, noon()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Superseded { .. }), "{error}");
    assert_eq!(ledger.backfill(RULE).await.unwrap(), mine);
    ledger.keep_backfill(RULE, &mut mine, later(1)).await.unwrap();
}

/// A table whose first write happens without an answer, after which the client writes the same again.
struct Deaf {
    table: MemoryTable,
    has_answered: Cell<bool>,
}

impl Table for Deaf {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        self.table.query(query).await
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        if !self.has_answered.replace(true) {
            self.table.write(write).await?;
        }
        self.table.write(write).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        self.table.transact(writes).await
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_has_happened() {
    let deaf = || Ledger::new(Deaf { table: MemoryTable::default(), has_answered: Cell::new(false) });
    assert_eq!(deaf().installed(noon()).await.unwrap(), noon());
    let ledger = deaf();
    let mut kept = ledger.backfill(RULE).await.unwrap();
    ledger.keep_backfill(RULE, &mut kept, noon()).await.unwrap();
    assert_eq!(ledger.backfill(RULE).await.unwrap(), kept);
}

#[tokio::test]
async fn many_creations_are_recorded_and_read_back() {
    let ledger = Ledger::new(MemoryTable::default());
    let many = || (0..2000).map(|number| creation(&format!("e{number}"), &format!("AKIA{number:016}"), "alice"));
    ledger.record_creations(many()).await.unwrap();
    ledger.record_creations(many()).await.unwrap();
    assert_eq!(ledger.creations().await.unwrap().creations, many().collect());
}
