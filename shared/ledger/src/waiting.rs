//! Requests that found their user held by another run, or came outside the times at which anything is changed. They wait in
//! the ledger until the schedule, or anybody else, starts their document again, which decides everything anew.

use jiff::{SignedDuration, Timestamp};

use crate::due;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, attributes, body, failed};
use crate::record;
use crate::request::Request;
use crate::table::{Action, Attributes, Clause, Condition, DUE, EXPIRES_AT, Item, Key, OPEN, Table, TableError, Write};

/// How long a request waits at most, should nobody start its document: the kill switch may forbid it.
const WAITS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How often a request is left again that others of the same errand replace or answer in between.
const ATTEMPTS: u32 = 5;

impl<T: Table> Ledger<T> {
    /// What waits of the errand of `request`.
    pub(crate) async fn waiting(&self, request: &Request) -> Result<Option<Request>, LedgerError> {
        let doing = format!("read whether `{}` waits for `{}`", request.document, request.user);
        let item = self.get(&key(request), &doing).await?;
        item.as_ref().filter(|item| item.attributes.contains_key(EXECUTION)).map(Item::body).transpose()
    }

    /// Has what the holder of the lease was asked wait until `until`, unless it waits already.
    pub async fn wait(&self, lease: &Lease, until: Timestamp) -> Result<(), LedgerError> {
        let Lease { request, .. } = lease;
        if self.waiting(request).await?.is_some() {
            return Ok(());
        }
        let writes = [lease.check(), left_waiting(request, None, until)?];
        match self.write(&writes).await {
            // Somebody has left the same meanwhile, or the answer to our own write was lost and its retry refused.
            Err(TableError::Refused(_)) if self.waiting(request).await?.is_some() => Ok(()),
            outcome => outcome.map_err(|source| {
                failed(format!("have `{}` wait for `{}` until {until}", request.document, request.user), source)
            }),
        }
    }

    /// Has a request wait in place of an earlier one of its errand, whose requester stays the requester. It is due at
    /// once: whoever holds the user does so for minutes, and the schedule comes once an hour.
    pub(crate) async fn leave_waiting(&self, request: &Request, now: Timestamp) -> Result<(), LedgerError> {
        let mut attempts = 1..=ATTEMPTS;
        loop {
            match self.try_to_leave_waiting(request, now).await {
                Err(LedgerError::Table { source: TableError::Refused(_), .. }) if attempts.next().is_some() => {}
                outcome => return outcome,
            }
        }
    }

    /// Refused if what waits has changed meanwhile.
    async fn try_to_leave_waiting(&self, request: &Request, now: Timestamp) -> Result<(), LedgerError> {
        let earlier = self.waiting(request).await?;
        let waits = earlier.as_ref().map_or_else(|| request.clone(), |earlier| request.on_behalf_of(earlier));
        let write = left_waiting(&waits, earlier.as_ref(), now)?;
        let doing = || format!("have `{}` wait for `{}`", request.document, request.user);
        self.write(&[write]).await.map_err(|source| failed(doing(), source))
    }
}

/// The write of a request that waits until `due`, in place of what was read.
fn left_waiting(request: &Request, seen: Option<&Request>, due: Timestamp) -> Result<Write, LedgerError> {
    let key = key(request);
    let kept_until = due.checked_add(WAITS).unwrap_or(Timestamp::MAX).as_second();
    let mut put: Attributes = [body(request, &key)?].into();
    put.extend(attributes([
        (EXECUTION, request.execution.clone().into()),
        (OPEN, due::WORK.into()),
        (DUE, due.as_second().into()),
        (EXPIRES_AT, kept_until.into()),
    ]));
    Ok(Write { key, condition: unchanged(seen), action: Action::Put(put) })
}

/// Takes off what waits of an errand, as it was read: its turn has come. What is left of the item says nothing.
pub(crate) fn taken_off(waiting: &Request, now: Timestamp) -> Write {
    let put = attributes([(EXPIRES_AT, now.as_second().into())]);
    Write { key: key(waiting), condition: unchanged(Some(waiting)), action: Action::Put(put) }
}

/// What waits is as it was read; when it is due may differ.
fn unchanged(waiting: Option<&Request>) -> Condition {
    Condition::all(vec![match waiting {
        Some(waiting) => Clause::Is(EXECUTION, waiting.execution.clone().into()),
        None => Clause::Absent(EXECUTION),
    }])
}

fn key(request: &Request) -> Key {
    let credential = request.credential.iter().map(|credential| format!("#{credential}"));
    let sk = format!("{SK}{}{}", request.document, credential.collect::<String>());
    Key::new(record::partition(&request.user), sk)
}

/// The execution that asked last.
const EXECUTION: &str = "execution";

pub(crate) const SK: &str = "WAITING#";
