//! What the ledger promises of what was seen of credentials, over the table in memory.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeMap;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind::{AccessKey, ConsolePassword, SshPublicKey};
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_ledger::Ledger;
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::observation::Observation;
use credwarden_ledger::table::{Action, Condition, Key, Table, Write};
use jiff::Timestamp;

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn user(number: u32) -> UserId {
    format!("AIDA{number:017}").parse().unwrap()
}

fn observation(number: u32) -> Observation {
    let seen = Credential {
        id: format!("AKIA{number:016}").parse().unwrap(),
        status: Status::Active,
        created: noon(),
        expires: None,
        service: None,
        last_use: LastUse::Never,
    };
    Observation::next(None, vec![seen], format!("row of {number}"), noon())
}

fn observations(numbers: std::ops::Range<u32>) -> BTreeMap<UserId, Observation> {
    numbers.map(|number| (user(number), observation(number))).collect()
}

#[tokio::test]
async fn what_was_seen_is_kept_by_kind_and_user_and_only_what_changed_is_written() {
    let table = MemoryTable::default();
    let ledger = Ledger::new(table.clone());
    ledger.keep_observations(AccessKey, observations(0..5000)).await.unwrap();
    assert_eq!(ledger.observations(AccessKey).await.unwrap(), observations(0..5000));
    assert!(ledger.observations(ConsolePassword).await.unwrap().is_empty());
    let changed = [(user(7), Observation { fingerprint: "another row".to_owned(), ..observation(7) })];
    ledger.keep_observations(AccessKey, changed.clone()).await.unwrap();
    let mut expected = observations(0..5000);
    expected.extend(changed);
    assert_eq!(ledger.observations(AccessKey).await.unwrap(), expected);
    assert_eq!(table.items().len(), 5000);
}

#[tokio::test]
async fn what_was_seen_of_a_user_is_forgotten_by_kind() {
    let ledger = Ledger::new(MemoryTable::default());
    for kind in [AccessKey, ConsolePassword, SshPublicKey] {
        ledger.keep_observations(kind, observations(0..2)).await.unwrap();
    }
    ledger.forget_observation(&[AccessKey, ConsolePassword], &user(0)).await.unwrap();
    ledger.forget_observation(&[AccessKey], &user(9)).await.unwrap();
    assert_eq!(ledger.observations(AccessKey).await.unwrap(), observations(1..2));
    assert_eq!(ledger.observations(ConsolePassword).await.unwrap(), observations(1..2));
    assert_eq!(ledger.observations(SshPublicKey).await.unwrap(), observations(0..2));
}

#[tokio::test]
async fn an_observation_that_cannot_be_read_is_as_if_there_were_none_and_hides_no_other() {
    let table = MemoryTable::default();
    let ledger = Ledger::new(table.clone());
    ledger.keep_observations(AccessKey, observations(0..3)).await.unwrap();
    for sk in [user(1).as_str(), "nobody"] {
        let put = [("body".to_owned(), "{}".into())].into();
        let key = Key::new("OBSERVATION#access-key", sk);
        table.write(&Write { key, condition: Condition::none(), action: Action::Put(put) }).await.unwrap();
    }
    let mut expected = observations(0..3);
    expected.remove(&user(1));
    assert_eq!(ledger.observations(AccessKey).await.unwrap(), expected);
}
