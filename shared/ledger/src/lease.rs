//! Which run may act on a user. Two runs never act on one user at once.

use credwarden_credential::id::UserId;
use jiff::{SignedDuration, Timestamp};

use crate::due;
use crate::ledger::{Ledger, LedgerError, attributes, body, failed};
use crate::request::{Request, RunId};
use crate::table::{Action, Attributes, Clause, Condition, DUE, EXPIRES_AT, Item, Key, OPEN, Table, TableError, Write};
use crate::waiting;

/// How long a lease lasts: AWS Lambda ends an invocation after at most 290 s (the functions' timeout), and two
/// machines' clocks are believed to within 5 minutes of each other. So no holder outlives its lease.
pub const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// How often the lease is asked for again that others take and give back in between.
const ATTEMPTS: u32 = 5;

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
    /// What its holder was asked: by whoever asked first, where an earlier holder left the same unfinished.
    pub request: Request,
    /// The ARN of who executed the document that its holder runs.
    pub executed_by: String,
}

/// What became of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is answered")]
pub enum Acquired {
    /// It is held now.
    Ours(Lease),
    /// Another run holds it. The request waits now, unless it is the very one that is being answered.
    Busy {
        /// Until then at most.
        until: Timestamp,
        /// The execution that it is run for.
        execution: String,
    },
}

impl<T: Table> Ledger<T> {
    /// Asks for the lease on the user of `request`, and has the request wait if another run holds it. Where a run that
    /// was asked the same died or failed without giving it back, or found the user held, its requester stays the
    /// requester.
    pub async fn acquire_lease(&self, request: &Request, run: &RunId, now: Timestamp) -> Result<Acquired, LedgerError> {
        match self.acquire_free_lease(request, run, now).await? {
            // INVARIANT (waiting, not forgotten): whoever finds the user held leaves what it was asked for.
            Acquired::Busy { execution, .. } if execution != request.execution => {
                self.leave_waiting(request, now).await?;
                // It may have been given back meanwhile: then it need not wait.
                self.acquire_free_lease(request, run, now).await
            }
            acquired => Ok(acquired),
        }
    }

    async fn acquire_free_lease(
        &self,
        request: &Request,
        run: &RunId,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        let mut attempts = 1..=ATTEMPTS;
        loop {
            match self.try_to_acquire_lease(request, run, now).await {
                Err(LedgerError::Table { source: TableError::Refused(_), .. }) if attempts.next().is_some() => {}
                outcome => return outcome,
            }
        }
    }

    /// Refused if the lease was acquired and given back by another run meanwhile.
    async fn try_to_acquire_lease(
        &self,
        request: &Request,
        run: &RunId,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        let key = key(&request.user);
        let doing = format!("acquire the lease on `{}`", request.user);
        let held = self.get(&key, &doing).await?.as_ref().map(Held::read).transpose()?;
        let (fence, condition, left) = match held {
            None => (1, Condition::absent(), None),
            Some(Held { fence, holder: None }) => {
                let unchanged = vec![Clause::Absent(HOLDER), Clause::Is(FENCE, fence.into())];
                (fence.saturating_add(1), Condition::all(unchanged), None)
            }
            Some(Held { holder: Some((_, until, theirs)), .. }) if now <= until => {
                return Ok(Acquired::Busy { until, execution: theirs.execution });
            }
            Some(Held { fence, holder: Some((holder, _, left)) }) => {
                let unchanged = vec![Clause::Is(HOLDER, holder.0.into()), Clause::Is(FENCE, fence.into())];
                (fence.saturating_add(1), Condition::all(unchanged), Some(left))
            }
        };
        let executed_by = request.requester.clone();
        let left = match left {
            Some(other) if !other.same_errand(request) => {
                // INVARIANT (waiting, not forgotten): nobody else remembers what a dead run of another errand was asked.
                self.leave_waiting(&other, now).await?;
                None
            }
            left => left,
        };
        let waiting = self.waiting(request).await?;
        let request = match (left, &waiting) {
            (Some(Request { requester, asked, approvers, .. }), _) => {
                Request { requester, asked, approvers, ..request.clone() }
            }
            (None, Some(waiting)) => request.on_behalf_of(waiting),
            (None, None) => request.clone(),
        };
        // What waits with approvals that do not count for this run goes on waiting for its own turn.
        let answered = waiting.filter(|waiting| {
            let is_the_same = waiting.requester == request.requester && waiting.approvers == request.approvers;
            waiting.approvers.is_empty() || is_the_same
        });
        let until = now.checked_add(LASTS).unwrap_or(Timestamp::MAX);
        let mut put: Attributes = [body(&request, &key)?].into();
        put.extend(attributes([
            (HOLDER, run.0.clone().into()),
            (FENCE, fence.into()),
            (UNTIL, until.as_second().into()),
            // A holder that dies leaves the item in the index, and the schedule finds it there.
            (OPEN, due::WORK.into()),
            (DUE, until.as_second().saturating_add(1).into()),
        ]));
        let lease = Lease { user: request.user.clone(), run: run.clone(), fence, request, executed_by };
        let mut writes = vec![Write { key: key.clone(), condition, action: Action::Put(put) }];
        writes.extend(answered.map(|waiting| waiting::taken_off(&waiting, now)));
        match self.write(&writes).await {
            Ok(()) => Ok(Acquired::Ours(lease)),
            Err(refused @ TableError::Refused(_)) => {
                // Somebody else was quicker, what waits has changed, or the answer to our own write was lost and its
                // retry refused.
                match self.get(&key, &doing).await?.as_ref().map(Held::read).transpose()? {
                    Some(Held { holder: Some((holder, ..)), fence: theirs }) if holder == *run && theirs == fence => {
                        Ok(Acquired::Ours(lease))
                    }
                    Some(Held { holder: Some((_, until, theirs)), .. }) if now <= until => {
                        Ok(Acquired::Busy { until, execution: theirs.execution })
                    }
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
            Some(_) => Some((RunId(item.text(HOLDER)?.to_owned()), item.time(UNTIL)?, item.body()?)),
        };
        Ok(Self { fence, holder })
    }
}

const HOLDER: &str = "holder";
const FENCE: &str = "fence";
const UNTIL: &str = "until";

pub(crate) const SK: &str = "LEASE";

pub(crate) fn key(user: &UserId) -> Key {
    Key::new(crate::record::partition(user), SK)
}
