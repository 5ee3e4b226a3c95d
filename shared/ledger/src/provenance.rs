//! Who made credentials usable, since when anybody has looked, and how far the look-up of past events came.
//!
//! What is recorded here stays: a verdict about a credential outlives the 90 days for which `CloudTrail` shows its event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use credwarden_credential::creation::backfill::Backfill;
use credwarden_credential::creation::{Creation, Creations, Intended, Principal, Provenance, Unreadable};
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::Snapshot;
use credwarden_policy::mint::MintStep;
use credwarden_policy::remedy::RuleName;
use jiff::Timestamp;

use crate::due;
use crate::ledger::{Ledger, LedgerError, REVISION, attributes, body, failed, unreadable};
use crate::pass::{self, GOES_ON_AFTER};
use crate::record::UserRecord;
use crate::table::{Action, Attributes, Condition, DUE, Item, Key, OPEN, Query, Table, TableError, Write};

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
        let Item { key, attributes: put } = item(creation)?;
        let write = Write { key, condition: Condition::absent(), action: Action::Put(put) };
        match self.write(&[write]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(false),
            Err(source) => {
                let Creation { event, credential, .. } = creation;
                Err(failed(format!("record event `{event}` of `{credential}`"), source))
            }
        }
    }

    /// Records what many events tell, many in a call. After an error some are recorded, and recording all again does no
    /// harm.
    ///
    /// One that was recorded before is written again: `EventBridge` and `CloudTrail`'s history tell an event by the same
    /// record, and a call of many writes takes no conditions.
    pub async fn record_creations(&self, creations: impl IntoIterator<Item = Creation>) -> Result<(), LedgerError> {
        // A call may name each item once.
        let mut items = BTreeMap::new();
        for creation in creations {
            let Item { key, attributes } = item(&creation)?;
            items.entry(key).or_insert(attributes);
        }
        let items: Vec<_> = items.into_iter().map(|(key, attributes)| Item { key, attributes }).collect();
        let doing = || format!("record {} events that made credentials usable", items.len());
        self.table.put_many(&items).await.map_err(|source| failed(doing(), source))
    }

    /// All that is recorded.
    ///
    /// # Errors
    /// An item that does not even tell the time of its event.
    pub async fn creations(&self) -> Result<Recorded, LedgerError> {
        let mut recorded = Recorded::default();
        self.read(&mut recorded, String::new(), "read who made credentials usable").await?;
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
            self.read(&mut recorded, prefix(credential, user), &doing).await?;
        }
        Ok(recorded)
    }

    async fn read(&self, recorded: &mut Recorded, prefix: String, doing: &str) -> Result<(), LedgerError> {
        let query = Query::Prefix { pk: PROVENANCE.to_owned(), prefix };
        let mut outcome = Ok(());
        let take = |item| {
            if outcome.is_ok() {
                outcome = recorded.add(&item);
            }
        };
        self.for_each(&query, take, doing).await?;
        outcome
    }

    /// When the account was first looked at: `now`, for who asks first.
    pub async fn installed(&self, now: Timestamp) -> Result<Timestamp, LedgerError> {
        if let Some(installed) = self.known_installation().await? {
            return Ok(installed);
        }
        let key = since_key();
        let put = [body(&now, &key)?].into();
        let write = Write { key, condition: Condition::absent(), action: Action::Put(put) };
        match self.write(&[write]).await {
            Ok(()) => Ok(now),
            // Somebody else was quicker, or our own answer was lost: what stands there counts.
            Err(refused @ TableError::Refused(_)) => {
                self.known_installation().await?.ok_or_else(|| failed(READ_INSTALLATION, refused))
            }
            Err(source) => Err(failed("note when the account was first looked at", source)),
        }
    }

    /// When the account was first looked at; `None`: nobody has looked yet. Nothing is written.
    pub async fn known_installation(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.get(&since_key(), READ_INSTALLATION).await?.as_ref().map(Item::body).transpose()
    }

    /// The roles of our own functions, for who reads the ledger from elsewhere; `None`: nobody has kept them yet.
    pub async fn own_roles(&self) -> Result<Option<BTreeSet<Arn>>, LedgerError> {
        let item = self.get(&roles_key(), "read the roles of our own functions").await?;
        item.as_ref().map(Item::body).transpose()
    }

    /// Keeps the roles of our own functions, where it holds others.
    pub async fn keep_own_roles(&self, own_roles: &BTreeSet<Arn>) -> Result<(), LedgerError> {
        if self.own_roles().await?.as_ref() == Some(own_roles) {
            return Ok(());
        }
        let key = roles_key();
        let put = [body(own_roles, &key)?].into();
        let write = Write { key, condition: Condition::none(), action: Action::Put(put) };
        self.write_one(write, "keep the roles of our own functions").await
    }

    /// All that the passes of `rule` left of who created credentials, but for what our own functions intended
    /// ([`Self::add_intents`]); `None` before the first of them. Nothing is written.
    ///
    /// # Errors
    /// As [`Self::creations`].
    pub async fn known_provenance(&self, rule: RuleName) -> Result<Option<Provenance>, LedgerError> {
        let Some(installed) = self.known_installation().await? else { return Ok(None) };
        let Some(own_roles) = self.own_roles().await? else { return Ok(None) };
        // Before the events: what is recorded while this reads is known besides, and what the look-up covers is there.
        let kept = self.backfill(rule).await?;
        Ok(Some(self.creations().await?.provenance(installed, &kept.backfill, own_roles)))
    }

    /// Gives each user `provenance` with what our own functions had written down of those whose keys they re-activated, and
    /// tells of whom that could not be read: there it is no intent, and the act is reported rather than passed.
    pub async fn add_intents(
        &self,
        snapshot: &mut Snapshot,
        provenance: Arc<Provenance>,
    ) -> Vec<(UserId, LedgerError)> {
        let is_own =
            |principal: &Principal| matches!(principal, Principal::Role(role) if provenance.own_roles.contains(role));
        let ours: BTreeSet<_> = provenance
            .creations
            .iter()
            .filter(|creation| is_own(&creation.creator.principal))
            .map(|one| &one.user)
            .collect();
        let mut unread = Vec::new();
        if ours.is_empty() {
            return unread;
        }
        let mut intents = Vec::new();
        for user in snapshot.users.values().filter(|user| ours.contains(&user.name)) {
            match self.intended(&user.id).await {
                Ok(intended) => intents.extend(intended),
                Err(error) => unread.push((user.id.clone(), error)),
            }
        }
        let with_intents = Arc::new(Provenance { intents, ..Provenance::clone(&provenance) });
        for user in snapshot.users.values_mut() {
            user.provenance = Some(Arc::clone(&with_intents));
        }
        unread
    }

    async fn intended(&self, user: &UserId) -> Result<Vec<Intended>, LedgerError> {
        let record = self.record(user).await?;
        self.all_intended(user, &record).await
    }

    /// All that our own functions had written down of what makes keys of `user` usable, before they did it: the
    /// re-activations of its record, and the mints that its rotations have asked for. Of a mint that knows no key yet
    /// nothing is intended.
    pub async fn all_intended(&self, user: &UserId, record: &UserRecord) -> Result<Vec<Intended>, LedgerError> {
        let mut intended = record.intended(user);
        for token in record.rotations.iter().filter_map(|kept| kept.rotation.mint.as_ref()) {
            let Some(kept) = self.mint(token).await? else { continue };
            let (MintStep::Created { key, at } | MintStep::Stored { key, at } | MintStep::Delivered { key, at }) =
                kept.mint.step
            else {
                continue;
            };
            let (user, from, until) = (user.clone(), kept.mint.asked, Some(at));
            intended.push(Intended { user, credential: key, from, until });
        }
        Ok(intended)
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

    fn add(&mut self, item: &Item) -> Result<(), LedgerError> {
        match item.body() {
            Ok(creation) => {
                self.creations.insert(creation);
            }
            // A newer version may write what this one cannot read. Then the event happened all the same.
            Err(_) => self.unreadable.push(event(item)?),
        }
        Ok(())
    }
}

/// What is written of an event.
fn item(creation: &Creation) -> Result<Item, LedgerError> {
    let Creation { event, credential, user, at, .. } = creation;
    let key = Key::new(PROVENANCE, format!("{}{event}", prefix(credential, user)));
    let mut attributes = attributes([(AT, at.as_second().into())]);
    attributes.extend([body(creation, &key)?]);
    Ok(Item { key, attributes })
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

fn backfill_key(rule: RuleName) -> Key {
    Key::new(pass::partition(rule), "BACKFILL")
}

fn since_key() -> Key {
    Key::new(INSTALLATION, "SINCE")
}

fn roles_key() -> Key {
    Key::new(INSTALLATION, "ROLES")
}

const PROVENANCE: &str = "PROVENANCE";

const INSTALLATION: &str = "INSTALLATION";

const READ_INSTALLATION: &str = "read when the account was first looked at";

/// Epoch seconds of the event, so that one that cannot be read still has its time.
const AT: &str = "at";
