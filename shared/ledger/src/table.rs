//! The little that the ledger asks of a table: items of strings and numbers, conditions, transactions.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

/// The index of what is due: hash key [`OPEN`], range key [`DUE`]. Its answers may lag behind the table.
pub const INDEX: &str = "open-by-due";

/// The attribute that puts an item into [`INDEX`].
pub const OPEN: &str = "open";

/// Epoch seconds at which an item of [`INDEX`] is due.
pub const DUE: &str = "due";

/// Epoch seconds after which the table may drop an item, within days.
pub const EXPIRES_AT: &str = "expires_at";

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place in it.
    pub sk: String,
}

impl Key {
    /// The item at `sk` of the partition `pk`.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.pk, self.sk)
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Attributes by name, without the key.
pub type Attributes = BTreeMap<String, Value>;

/// An item with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it is.
    pub key: Key,
    /// What it holds.
    pub attributes: Attributes,
}

/// What must hold of an attribute for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// The item has no such attribute. The attribute `pk` is absent exactly where the item is.
    Absent(&'static str),
    /// It has exactly this value.
    Is(&'static str, Value),
    /// It is a number below this one.
    Below(&'static str, i64),
}

/// What must hold of an item: one of the alternatives, and of that all clauses. Without alternatives, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition(pub Vec<Vec<Clause>>);

impl Condition {
    /// Nothing is asked.
    pub fn none() -> Self {
        Self::default()
    }

    /// All of `clauses`.
    pub fn all(clauses: Vec<Clause>) -> Self {
        Self(vec![clauses])
    }

    /// There is no item.
    pub fn absent() -> Self {
        Self::all(vec![Clause::Absent("pk")])
    }

    /// Or all of `clauses`.
    #[must_use]
    pub fn or(mut self, clauses: Vec<Clause>) -> Self {
        self.0.push(clauses);
        self
    }
}

/// What a write does to its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts these attributes in place of all others.
    Put(Attributes),
    /// Sets these and leaves the others.
    Set(Attributes),
    /// Adds to a number that begins at zero, and sets the others.
    Add(&'static str, i64, Attributes),
    /// Deletes the item.
    Delete,
    /// Changes nothing; in a transaction only.
    Check,
}

/// One write with its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The item.
    pub key: Key,
    /// What must hold of it.
    pub condition: Condition,
    /// What is done to it.
    pub action: Action,
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Those of a partition whose sort key begins with a prefix, read consistently, in the order of sort keys.
    Prefix {
        /// The partition.
        pk: String,
        /// How their sort keys begin.
        prefix: String,
    },
    /// The one of a partition with the greatest sort key from a prefix up to a bound, read consistently.
    Last {
        /// The partition.
        pk: String,
        /// The least sort key.
        from: String,
        /// The greatest sort key.
        to: String,
    },
    /// Those of [`INDEX`] due within these epoch seconds, both included, soonest first.
    Due {
        /// The value of [`OPEN`].
        open: &'static str,
        /// Epoch seconds.
        from: i64,
        /// Epoch seconds.
        to: i64,
    },
}

/// Why the table did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A condition did not hold, so nothing was written. Which writes' conditions, by their place in the call.
    #[error("a condition on the ledger did not hold")]
    Refused(Vec<usize>),
    /// Somebody else was writing the same items; nothing was written, and trying again may do.
    #[error("the ledger was being written by another run")]
    Conflict,
    /// The call failed after all retries, or its answer was lost: a write may have happened.
    #[error("the ledger did not answer")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A table. All methods are written as `async fn`.
pub trait Table {
    /// The item at `key`, read consistently.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Item>, TableError>>;

    /// All items that `query` asks for, read to the end.
    fn query(&self, query: &Query) -> impl Future<Output = Result<Vec<Item>, TableError>>;

    /// Hands `take` all items that `query` asks for, one by one: of a large partition never more than a page is held.
    fn for_each(&self, query: &Query, mut take: impl FnMut(Item)) -> impl Future<Output = Result<(), TableError>> {
        async move {
            self.query(query).await?.into_iter().for_each(&mut take);
            Ok(())
        }
    }

    /// Puts items, each in place of what is there, in any order. After an error some may be there.
    fn put_many(&self, items: &[Item]) -> impl Future<Output = Result<(), TableError>> {
        async move {
            for Item { key, attributes } in items {
                let (key, action) = (key.clone(), Action::Put(attributes.clone()));
                self.write(&Write { key, condition: Condition::none(), action }).await?;
            }
            Ok(())
        }
    }

    /// Makes one write.
    fn write(&self, write: &Write) -> impl Future<Output = Result<(), TableError>>;

    /// Makes all writes or none.
    fn transact(&self, writes: &[Write]) -> impl Future<Output = Result<(), TableError>>;
}
