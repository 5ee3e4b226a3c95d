//! A rehearsed table shows its own writes over those of the real one, and leaves that as it was.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::rehearsed::RehearsedTable;
use credwarden_ledger::table::{
    Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Query, Table, TableError, Value, Write,
};
use proptest::prelude::*;

fn key(number: u8) -> Key {
    Key::new(format!("P#{}", number % 2), format!("S#{}", number / 2))
}

fn attributes(number: i64) -> Attributes {
    let pairs = [("n", Value::Number(number)), (DUE, Value::Number(number)), (OPEN, "work".into())];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

fn writes() -> impl Strategy<Value = Write> {
    let action = prop_oneof![
        (0_i64..9).prop_map(|number| Action::Put(attributes(number))),
        (0_i64..9).prop_map(|number| Action::Set([("more".to_owned(), number.into())].into())),
        (-3_i64..3).prop_map(|by| Action::Add("n", by, Attributes::new())),
        Just(Action::Delete),
    ];
    let condition = prop_oneof![
        Just(Condition::none()),
        Just(Condition::absent()),
        (0_i64..9).prop_map(|bound| Condition::all(vec![Clause::Below("n", bound)])),
    ];
    (0_u8..8, condition, action).prop_map(|(number, condition, action)| Write { key: key(number), condition, action })
}

fn queries() -> Vec<Query> {
    let of = |pk: &str| {
        let last = |to: &str| Query::Last { pk: pk.to_owned(), from: "S#".to_owned(), to: to.to_owned() };
        [Query::Prefix { pk: pk.to_owned(), prefix: "S#".to_owned() }, last("S#9"), last("S#1")]
    };
    let due = Query::Due { open: "work", from: 2, to: 6 };
    of("P#0").into_iter().chain(of("P#1")).chain([due]).collect()
}

async fn shown(table: &impl Table) -> Vec<Vec<Item>> {
    let mut shown = Vec::new();
    for number in 0..8 {
        shown.push(table.get(&key(number)).await.unwrap().into_iter().collect());
    }
    for query in queries() {
        shown.push(table.query(&query).await.unwrap());
    }
    shown
}

fn outcome(outcome: Result<(), TableError>) -> Option<Vec<usize>> {
    match outcome {
        Ok(()) => None,
        Err(TableError::Refused(places)) => Some(places),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #[test]
    fn what_is_rehearsed_is_shown_as_if_it_were_so_and_is_not(
        before in prop::collection::vec(writes(), 0..12),
        rehearsed in prop::collection::vec(prop::collection::vec(writes(), 1..3), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (real, twin) = (MemoryTable::default(), MemoryTable::default());
            for write in &before {
                let _ = (real.write(write).await, twin.write(write).await);
            }
            let unchanged = real.items();
            let rehearsal = RehearsedTable::over(&real);
            for writes in &rehearsed {
                let of_one_key = writes.windows(2).any(|two| two[0].key == two[1].key);
                let writes = if of_one_key { &writes[..1] } else { writes.as_slice() };
                assert_eq!(outcome(rehearsal.transact(writes).await), outcome(twin.transact(writes).await));
                assert_eq!(shown(&rehearsal).await, shown(&twin).await);
            }
            assert_eq!(real.items(), unchanged);
        });
    }
}
