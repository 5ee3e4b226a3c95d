//! Who made credentials usable, since when anybody has looked, and how far the look-up of past events came.
//!
//! What is recorded here stays: a verdict about a credential outlives the 90 days for which `CloudTrail` shows its event.

use std::collections::BTreeSet;
use std::future::ready;

use credwarden_credential::creation::backfill::Backfill;
use credwarden_credential::creation::{Creation, Creations, Provenance, Unreadable};
use credwarden_credential::id::{Arn, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_policy::remedy::RuleName;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use crate::due;
use crate::ledger::{Ledger, LedgerError, REVISION, attributes, body, failed, unreadable};
use crate::pass::{self, GOES_ON_AFTER};
use crate::table::{Action, Attributes, Condition, DUE, Item, Key, OPEN, Query, Table, TableError, Write};

/// How many creations are written at once: they share a partition, which takes 1,000 writes a second, and other
/// functions record at the same time.
const WRITES_AT_ONCE: usize = 16;

/// What is recorded of creations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// What could be read.
    pub creations: Creations,
    /// What could not: each may be the event that a credential of its time misses.
    pub unreadable: Vec<Unreadable>,
}

/// How far a rule's look-up came, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptBackfill {
    /// How far it came.
    pub backfill: Backfill,
    /// INVARIANT (one writer): as it was read, or kept last.
    revision: i64,
}

impl<T: Table> Ledger<T> {
    /// Records what an event tells; false if the same event was recorded before. It may come twice, in any order.
    pub async fn record_creation(&self, creation: &Creation) -> Result<bool, LedgerError> {
        let Creation { event, credential, user, at, .. } = creation;
        let key = Key::new(PROVENANCE, format!("{}{event}", prefix(credential, user)));
        let mut put: Attributes = [body(creation, &key)?].into();
        put.extend(attributes([(AT, at.as_second().into())]));
        let write = Write { key, condition: Condition::absent(), action: Action::Put(put) };
        match self.write(&[write]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(false),
            Err(source) => Err(failed(format!("record event `{event}` of `{credential}`"), source)),
        }
    }

    /// Records what many events tell, and counts those that were not recorded before. After an error some are, and
    /// recording all again does no harm.
    pub async fn record_creations(&self, creations: impl IntoIterator<Item = Creation>) -> Result<usize, LedgerError> {
        let records = stream::iter(creations).map(|creation| async move { self.record_creation(&creation).await });
        let new = records.buffer_unordered(WRITES_AT_ONCE);
        new.try_fold(0, |count: usize, new| ready(Ok(count.saturating_add(usize::from(new))))).await
    }

    /// All that is recorded.
    ///
    /// # Errors
    /// An item that does not even tell the time of its event.
    pub async fn creations(&self) -> Result<Recorded, LedgerError> {
        let mut recorded = Recorded::default();
        recorded.read(self.query(&within(String::new()), "read who made credentials usable").await?)?;
        Ok(recorded)
    }

    /// What is recorded of these credentials of a user of this name.
    ///
    /// # Errors
    /// As [`Self::creations`].
    pub async fn creations_of(&self, credentials: &[CredentialId], user: &UserName) -> Result<Recorded, LedgerError> {
        let mut recorded = Recorded::default();
        for credential in credentials {
            let doing = format!("read who made `{credential}` of `{user}` usable");
            recorded.read(self.query(&within(prefix(credential, user)), &doing).await?)?;
        }
        Ok(recorded)
    }

    /// When the account was first looked at: `now`, for who asks first.
    pub async fn installed(&self, now: Timestamp) -> Result<Timestamp, LedgerError> {
        let key = Key::new("INSTALLATION", "SINCE");
        let doing = "read when the account was first looked at";
        if let Some(item) = self.get(&key, doing).await? {
            return item.body();
        }
        let put = [body(&now, &key)?].into();
        let write = Write { key: key.clone(), condition: Condition::absent(), action: Action::Put(put) };
        match self.write(&[write]).await {
            Ok(()) => Ok(now),
            // Somebody else was quicker, or our own answer was lost: what stands there counts.
            Err(refused @ TableError::Refused(_)) => match self.get(&key, doing).await? {
                Some(item) => item.body(),
                None => Err(failed(doing, refused)),
            },
            Err(source) => Err(failed("note when the account was first looked at", source)),
        }
    }

    /// How far the look-up of past events by `rule` came; nothing before the first.
    pub async fn backfill(&self, rule: RuleName) -> Result<KeptBackfill, LedgerError> {
        match self.get(&backfill_key(rule), &format!("read how far the look-up of `{rule}` came")).await? {
            Some(item) => Ok(KeptBackfill { backfill: item.body()?, revision: item.number(REVISION)? }),
            None => Ok(KeptBackfill::default()),
        }
    }

    /// Keeps how far the look-up came. One with a span still open is due for the schedule, which has the rule go on.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has written since `kept` was read.
    pub async fn keep_backfill(
        &self,
        rule: RuleName,
        kept: &mut KeptBackfill,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let key = backfill_key(rule);
        let mut put: Attributes = [body(&kept.backfill, &key)?].into();
        if kept.backfill.is_open() {
            let due = now.checked_add(GOES_ON_AFTER).unwrap_or(Timestamp::MAX).as_second();
            put.extend(attributes([(OPEN, due::WORK.into()), (DUE, due.into())]));
        }
        let doing = format!("keep how far the look-up of `{rule}` came");
        self.put_revision(key, put, kept.revision, &doing).await?;
        kept.revision = kept.revision.saturating_add(1);
        Ok(())
    }
}

impl Recorded {
    /// All that is known of who created credentials, but for what our own functions intended. An event that could not be read
    /// is missed by whatever was called.
    pub fn provenance(self, installed: Timestamp, backfill: &Backfill, own_roles: BTreeSet<Arn>) -> Provenance {
        let mut coverage = backfill.coverage();
        for coverage in coverage.values_mut() {
            coverage.unreadable.extend(self.unreadable.iter().cloned());
        }
        Provenance { creations: self.creations, coverage, own_roles, ..Provenance::since(installed) }
    }

    fn read(&mut self, items: Vec<Item>) -> Result<(), LedgerError> {
        for item in items {
            match item.body() {
                Ok(creation) => {
                    self.creations.insert(creation);
                }
                // A newer version may write what this one cannot read. Then the event happened all the same.
                Err(_) => self.unreadable.push(event(&item)?),
            }
        }
        Ok(())
    }
}

/// Which event an item is about, by its key and time alone.
fn event(item: &Item) -> Result<Unreadable, LedgerError> {
    match item.key.sk.split_once('#') {
        Some((_, event)) => Ok(Unreadable { at: item.time(AT)?, event: event.to_owned() }),
        None => Err(unreadable(&item.key, "it names no event")),
    }
}

/// How the sort keys of a credential begin. Passwords have no id of their own, so theirs names the user.
fn prefix(credential: &CredentialId, user: &UserName) -> String {
    match credential {
        CredentialId::ConsolePassword => format!("{credential}/{user}#"),
        _ => format!("{credential}#"),
    }
}

fn within(prefix: String) -> Query {
    Query::Prefix { pk: PROVENANCE.to_owned(), prefix }
}

fn backfill_key(rule: RuleName) -> Key {
    Key::new(pass::partition(rule), "BACKFILL")
}

const PROVENANCE: &str = "PROVENANCE";

/// Epoch seconds of the event, so that one that cannot be read still has its time.
const AT: &str = "at";
