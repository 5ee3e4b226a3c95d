//! Which run may act on a user. Two runs never act on one user at once.

use credwarden_credential::id::UserId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::due;
use crate::ledger::{Ledger, LedgerError, attributes, body, failed};
use crate::request::{Request, RunId};
use crate::table::{Action, Attributes, Clause, Condition, DUE, EXPIRES_AT, Item, Key, OPEN, Table, TableError, Write};

/// How long a lease lasts: AWS Lambda ends an invocation after at most 290 s (the functions' timeout), and two
/// machines' clocks are believed to within 5 minutes of each other. So no holder outlives its lease.
pub const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// How long a released lease is kept, so that its fence goes on counting.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The right to act on one user, until released or expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// On whom.
    pub user: UserId,
    /// Who holds it.
    pub run: RunId,
    /// Grows with every holder: what an earlier holder still writes is refused.
    pub fence: i64,
    /// What its holder was asked.
    pub request: Request,
}

/// What became of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is held now.
    Ours {
        /// The lease.
        lease: Lease,
        /// What a run was asked that never gave the lease back: it died or failed.
        left_by: Option<Request>,
    },
    /// Another run holds it.
    Busy {
        /// Until then at most.
        until: Timestamp,
    },
}

#[derive(Serialize, Deserialize)]
struct Body {
    request: Request,
}

impl<T: Table> Ledger<T> {
    /// Asks for the lease on the user of `request`.
    pub async fn acquire_lease(&self, request: &Request, run: &RunId, now: Timestamp) -> Result<Acquired, LedgerError> {
        let key = key(&request.user);
        let doing = format!("acquire the lease on `{}`", request.user);
        let seen = self.get(&key, &doing).await?;
        let held = seen.as_ref().map(Held::read).transpose()?;
        if let Some(Held { holder: Some((holder, until, _)), fence }) = &held {
            if holder == run {
                return Ok(Acquired::Ours { lease: lease(request, run, *fence), left_by: None });
            }
            if now <= *until {
                return Ok(Acquired::Busy { until: *until });
            }
        }
        let (fence, left_by, condition) = match held {
            None => (1, None, Condition::absent()),
            Some(Held { fence, holder }) => {
                let unchanged = match &holder {
                    Some((holder, ..)) => Clause::Is(HOLDER, holder.0.clone().into()),
                    None => Clause::Absent(HOLDER),
                };
                let condition = Condition::all(vec![unchanged, Clause::Is(FENCE, fence.into())]);
                (fence.saturating_add(1), holder.map(|(.., request)| request), condition)
            }
        };
        let until = now.checked_add(LASTS).unwrap_or(Timestamp::MAX);
        let mut put: Attributes = [body(&Body { request: request.clone() }, &key)?].into();
        put.extend(attributes([
            (HOLDER, run.0.clone().into()),
            (FENCE, fence.into()),
            (UNTIL, until.as_second().into()),
            // A holder that dies leaves the item in the index, and the schedule finds it there.
            (OPEN, due::WORK.into()),
            (DUE, until.as_second().saturating_add(1).into()),
        ]));
        let ours = Acquired::Ours { lease: lease(request, run, fence), left_by };
        match self.write(&[Write { key: key.clone(), condition, action: Action::Put(put) }]).await {
            Ok(()) => Ok(ours),
            Err(refused @ TableError::Refused(_)) => {
                // Somebody else was quicker, or the answer to our own write was lost and its retry refused.
                match self.get(&key, &doing).await?.as_ref().map(Held::read).transpose()? {
                    Some(Held { holder: Some((holder, ..)), fence: theirs }) if holder == *run && theirs == fence => {
                        Ok(ours)
                    }
                    Some(Held { holder: Some((_, until, _)), .. }) => Ok(Acquired::Busy { until }),
                    _ => Err(failed(doing, refused)),
                }
            }
            Err(source) => Err(failed(doing, source)),
        }
    }

    /// Gives the lease back. Losing it in between to another run is no error: there is nothing left to give back.
    pub async fn release_lease(&self, lease: &Lease, now: Timestamp) -> Result<(), LedgerError> {
        let kept_until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        let put = attributes([(FENCE, lease.fence.into()), (EXPIRES_AT, kept_until.into())]);
        let condition = Condition::all(lease.held());
        let write = Write { key: key(&lease.user), condition, action: Action::Put(put) };
        match self.write(&[write]).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(source) => Err(failed(format!("release the lease on `{}`", lease.user), source)),
        }
    }

    /// Whether the lease is still held by its holder.
    pub async fn holds_lease(&self, lease: &Lease) -> Result<bool, LedgerError> {
        let item = self.get(&key(&lease.user), &format!("check the lease on `{}`", lease.user)).await?;
        let Some(item) = item else { return Ok(false) };
        let held = Held::read(&item)?;
        Ok(held.fence == lease.fence && held.holder.is_some_and(|(holder, ..)| holder == lease.run))
    }
}

impl Lease {
    /// INVARIANT (one run at a time): every transaction of a run holds only while these do.
    pub(crate) fn held(&self) -> Vec<Clause> {
        vec![Clause::Is(HOLDER, self.run.0.clone().into()), Clause::Is(FENCE, self.fence.into())]
    }

    pub(crate) fn check(&self) -> Write {
        Write { key: key(&self.user), condition: Condition::all(self.held()), action: Action::Check }
    }
}

/// What the item says: a released lease has no holder.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) fence: i64,
    pub(crate) holder: Option<(RunId, Timestamp, Request)>,
}

impl Held {
    pub(crate) fn read(item: &Item) -> Result<Self, LedgerError> {
        let fence = item.number(FENCE)?;
        let holder = match item.attributes.get(HOLDER) {
            None => None,
            Some(_) => {
                let Body { request } = item.body()?;
                Some((RunId(item.text(HOLDER)?.to_owned()), item.time(UNTIL)?, request))
            }
        };
        Ok(Self { fence, holder })
    }
}

fn lease(request: &Request, run: &RunId, fence: i64) -> Lease {
    Lease { user: request.user.clone(), run: run.clone(), fence, request: request.clone() }
}

const HOLDER: &str = "holder";
const FENCE: &str = "fence";
const UNTIL: &str = "until";

pub(crate) const SK: &str = "LEASE";

pub(crate) fn key(user: &UserId) -> Key {
    Key::new(crate::record::partition(user), SK)
}
