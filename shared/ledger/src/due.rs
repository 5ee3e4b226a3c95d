//! What is due: the schedule's view of the ledger.

use credwarden_credential::id::UserId;
use credwarden_policy::remedy::RuleName;
use jiff::Timestamp;

use crate::announcement::{self, KeptAnnouncement};
use crate::exception;
use crate::lease::{self, Held};
use crate::ledger::{Ledger, LedgerError, attributes, failed, unreadable};
use crate::request::{Request, RunId};
use crate::rotation::{self, KeptRotation};
use crate::table::{Action, Clause, Condition, DUE, Item, Key, OPEN, Query, Table, TableError, Write};
use crate::waiting;
use crate::work::{self, Work};

/// The value of `open` of items with something to do; `due` says when.
pub(crate) const WORK: &str = "work";

/// The value of `open` of exceptions; `due` says when they end.
pub(crate) const EXCEPTION: &str = "exception";

/// The value of `open` of notices that are still to be told; `due` says since when.
pub(crate) const NOTICE: &str = "notice";

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is due.
    pub what: DueItem,
    key: Key,
    at: i64,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueItem {
    /// Work that is open; its request says which document goes on with it.
    Work(Box<Work>),
    /// A lease that was never given back: its run died or failed.
    LeftLease {
        /// What the run was asked.
        request: Request,
        /// The run.
        run: RunId,
    },
    /// A rotation whose next look has come; its request says which document goes on with it.
    Rotation(Box<KeptRotation>),
    /// An act that was announced and whose time has come; its request says which document does it.
    Announcement(Box<KeptAnnouncement>),
    /// A request that found its user held by another run, or no maintenance window open.
    Waiting {
        /// What was asked.
        request: Request,
    },
    /// A user's tags that do not show its exceptions, as far as is known.
    ExceptionTags(UserId),
    /// A rule's pass, or its look-up of past events, that stopped near its time limit.
    Pass(RuleName),
}

impl Due {
    /// From when on it is due.
    pub fn at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.at).ok()
    }
}

impl<T: Table> Ledger<T> {
    /// What is due at `now`, longest due first; an item that cannot be read is an error of its own.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<Result<Due, LedgerError>>, LedgerError> {
        let query = Query::Due { open: WORK, from: 0, to: now.as_second() };
        let items = self.query(&query, "read what is due").await?;
        Ok(items.iter().map(read).collect())
    }

    /// Puts a due item off until `next`, so that it is taken up once. False if it has changed since it was read: then
    /// somebody is at it.
    pub async fn put_off(&self, due: &Due, next: Timestamp) -> Result<bool, LedgerError> {
        let write = Write {
            key: due.key.clone(),
            // The index may lag: the item itself decides.
            condition: Condition::all(vec![Clause::Is(OPEN, WORK.into()), Clause::Is(DUE, due.at.into())]),
            action: Action::Set(attributes([(DUE, next.as_second().into())])),
        };
        match self.write(&[write]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(false),
            Err(source) => Err(failed(format!("put off `{}`", due.key), source)),
        }
    }
}

fn read(item: &Item) -> Result<Due, LedgerError> {
    let Key { pk, sk } = &item.key;
    let what = if sk.starts_with(work::SK) {
        DueItem::Work(Box::new(item.body()?))
    } else if sk == lease::SK {
        let Some((run, _, request)) = Held::read(item)?.holder else {
            return Err(unreadable(&item.key, "it is due without a holder"));
        };
        DueItem::LeftLease { request, run }
    } else if sk.starts_with(rotation::SK) {
        DueItem::Rotation(Box::new(KeptRotation::read(item)?))
    } else if sk.starts_with(announcement::SK) {
        DueItem::Announcement(Box::new(KeptAnnouncement::read(item)?))
    } else if sk.starts_with(waiting::SK) {
        DueItem::Waiting { request: item.body()? }
    } else if sk == exception::TAGS {
        let user = pk.strip_prefix("USER#").unwrap_or_default();
        DueItem::ExceptionTags(user.parse().map_err(|error| unreadable(&item.key, error))?)
    } else if let Some(rule) = pk.strip_prefix("RULE#") {
        DueItem::Pass(rule.parse().map_err(|error| unreadable(&item.key, error))?)
    } else {
        return Err(unreadable(&item.key, "nothing of its kind is ever due"));
    };
    Ok(Due { what, key: item.key.clone(), at: item.number(DUE)? })
}
