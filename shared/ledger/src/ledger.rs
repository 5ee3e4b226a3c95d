//! The ledger over a table, and how it fails.

use std::fmt;

use backon::{ExponentialBuilder, Retryable as _};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::{Action, Attributes, Clause, Condition, Item, Key, Query, Table, TableError, Value, Write};

/// How often a write is tried again that met another run's write of the same items. The day's purse is one item for
/// all users, so runs that begin at once do meet there.
const CONFLICT_RETRIES: usize = 6;

/// The ledger, in a table.
#[derive(Clone, Debug)]
pub struct Ledger<T> {
    pub(crate) table: T,
}

/// Why the ledger could not be read or written. Who decides anything by it then does nothing.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The table did not answer. A write may have happened; going on later finds out.
    #[error("failed to {doing}")]
    Table {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: TableError,
    },
    /// An item is not what the ledger writes.
    #[error("item `{key}` of the ledger cannot be read: {why}; repair or remove it")]
    Unreadable {
        /// Which.
        key: Key,
        /// Why.
        why: String,
    },
    /// Another run has taken the lease since, or changed what this one was about to change.
    #[error("another run has taken over: {doing} was given up")]
    Superseded {
        /// What was given up.
        doing: String,
    },
}

impl<T: Table> Ledger<T> {
    /// The ledger that `table` holds.
    pub fn new(table: T) -> Self {
        Self { table }
    }

    pub(crate) async fn get(&self, key: &Key, doing: &str) -> Result<Option<Item>, LedgerError> {
        self.table.get(key).await.map_err(|source| failed(doing, source))
    }

    pub(crate) async fn query(&self, query: &Query, doing: &str) -> Result<Vec<Item>, LedgerError> {
        self.table.query(query).await.map_err(|source| failed(doing, source))
    }

    pub(crate) async fn for_each(&self, query: &Query, take: impl FnMut(Item), doing: &str) -> Result<(), LedgerError> {
        self.table.for_each(query, take).await.map_err(|source| failed(doing, source))
    }

    /// Writes, again where another run was writing, in one transaction where there are several.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<(), TableError> {
        let patience = ExponentialBuilder::default()
            .with_min_delay(std::time::Duration::from_millis(50))
            .with_max_delay(std::time::Duration::from_secs(2))
            .with_jitter()
            .with_max_times(CONFLICT_RETRIES);
        let once = || async {
            match writes {
                [only] => self.table.write(only).await,
                several => self.table.transact(several).await,
            }
        };
        once.retry(patience).when(|error| matches!(error, TableError::Conflict)).await
    }

    /// Makes one write, with no condition but what `doing` may lose.
    pub(crate) async fn write_one(&self, write: Write, doing: &str) -> Result<(), LedgerError> {
        match self.write(&[write]).await {
            Err(TableError::Refused(_)) => Err(LedgerError::Superseded { doing: doing.to_owned() }),
            Err(source) => Err(failed(doing, source)),
            Ok(()) => Ok(()),
        }
    }

    /// Puts an item in place of the revision `seen` of it, 0 where it was absent.
    ///
    /// INVARIANT (one writer): the revision grows with every write, and a write expects the one that was read.
    pub(crate) async fn put_revision(
        &self,
        key: Key,
        mut put: Attributes,
        seen: i64,
        doing: &str,
    ) -> Result<(), LedgerError> {
        put.insert(REVISION.to_owned(), seen.saturating_add(1).into());
        let condition = match seen {
            0 => Condition::absent(),
            seen => Condition::all(vec![Clause::Is(REVISION, seen.into())]),
        };
        let write = Write { key: key.clone(), condition, action: Action::Put(put.clone()) };
        match self.write_one(write, doing).await {
            // The answer to our own write may have been lost, and its retry refused.
            Err(LedgerError::Superseded { doing }) => match self.get(&key, &doing).await? {
                Some(item) if item.attributes == put => Ok(()),
                _ => Err(LedgerError::Superseded { doing }),
            },
            other => other,
        }
    }
}

pub(crate) fn failed(doing: impl Into<String>, source: TableError) -> LedgerError {
    LedgerError::Table { doing: doing.into(), source }
}

pub(crate) const BODY: &str = "body";

/// The attribute that tells the writes of an item apart which has one writer at a time.
pub(crate) const REVISION: &str = "revision";

/// The attribute with the whole of what an item says.
pub(crate) fn body(document: &impl Serialize, key: &Key) -> Result<(String, Value), LedgerError> {
    match serde_json::to_string(document) {
        Ok(json) => Ok((BODY.to_owned(), Value::Text(json))),
        Err(error) => Err(unreadable(key, error)),
    }
}

impl Item {
    /// What the item says.
    pub(crate) fn body<D: DeserializeOwned>(&self) -> Result<D, LedgerError> {
        serde_json::from_str(self.text(BODY)?).map_err(|error| unreadable(&self.key, error))
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, LedgerError> {
        match self.attributes.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(unreadable(&self.key, format!("`{name}` is no string"))),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<i64, LedgerError> {
        match self.attributes.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err(unreadable(&self.key, format!("`{name}` is no number"))),
        }
    }

    pub(crate) fn time(&self, name: &str) -> Result<Timestamp, LedgerError> {
        Timestamp::from_second(self.number(name)?).map_err(|error| unreadable(&self.key, error))
    }
}

pub(crate) fn unreadable(key: &Key, why: impl fmt::Display) -> LedgerError {
    LedgerError::Unreadable { key: key.clone(), why: why.to_string() }
}

/// Attributes by name.
pub(crate) fn attributes<const N: usize>(pairs: [(&str, Value); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
