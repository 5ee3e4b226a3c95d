//! Rotations under way and ended: how far each came, and who had asked for it.

use credwarden_credential::kind::CredentialId;
use credwarden_policy::rotation::{Ended, Rotation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::due;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, REVISION, attributes, body, failed};
use crate::notice::{Notice, telling};
use crate::record;
use crate::request::Request;
use crate::table::{Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Table, TableError, Write};

/// The rotation of one key, as it was written down last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRotation {
    /// How far it came.
    pub rotation: Rotation,
    /// What was asked first, and by whom; its document is started again when the rotation is due.
    pub request: Request,
    revision: i64,
}

/// What the item says.
#[derive(Serialize, Deserialize)]
struct Body {
    rotation: Rotation,
    request: Request,
}

impl KeptRotation {
    /// Whether something is left to do.
    pub fn is_open(&self) -> bool {
        self.rotation.ended.is_none()
    }

    pub(crate) fn read(item: &Item) -> Result<Self, LedgerError> {
        let Body { rotation, request } = item.body()?;
        Ok(Self { rotation, request, revision: item.number(REVISION)? })
    }
}

impl<T: Table> Ledger<T> {
    /// Writes down how far a rotation came, in place of `seen`, and has the schedule tell of it. The rotation is due at
    /// `due`; once it has ended it is due no more.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has the lease, or has changed the rotation since it was seen; then
    /// nothing is told either.
    pub async fn keep_rotation(
        &self,
        lease: &Lease,
        seen: Option<&KeptRotation>,
        rotation: Rotation,
        request: &Request,
        notice: Option<&Notice>,
        due: Timestamp,
    ) -> Result<(), LedgerError> {
        let key = key(lease, &rotation.key);
        let doing = format!("write down the rotation of `{}`", rotation.key);
        let is_open = rotation.ended.is_none();
        let revision = seen.map_or(0, |seen| seen.revision);
        let condition = match seen {
            None => Condition::absent(),
            Some(_) => Condition::all(vec![Clause::Is(REVISION, revision.into())]),
        };
        let mut put: Attributes = [body(&Body { rotation, request: request.clone() }, &key)?].into();
        put.insert(REVISION.to_owned(), revision.saturating_add(1).into());
        if is_open {
            put.extend(attributes([(OPEN, due::WORK.into()), (DUE, due.as_second().into())]));
        }
        // INVARIANT (nobody is rotated in silence): what is remembered and what is told stand or fall together, and with
        // both the lease.
        let mut writes = vec![lease.check(), Write { key: key.clone(), condition, action: Action::Put(put.clone()) }];
        writes.extend(notice.map(telling).transpose()?);
        match self.write(&writes).await {
            Ok(()) => Ok(()),
            // The answer to our own write may have been lost, and its retry refused.
            Err(TableError::Refused(_)) => match self.get(&key, &doing).await? {
                Some(item) if item.attributes == put => Ok(()),
                _ => Err(LedgerError::Superseded { doing }),
            },
            Err(source) => Err(failed(doing, source)),
        }
    }

    /// Writes down that a rotation has ended, and how. Nothing is told of it.
    ///
    /// # Errors
    /// As of [`Ledger::keep_rotation`].
    pub async fn end_rotation(
        &self,
        lease: &Lease,
        seen: &KeptRotation,
        how: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let ended = Some(Ended { at: now, how: how.to_owned() });
        let rotation = Rotation { ended, ..seen.rotation.clone() };
        self.keep_rotation(lease, Some(seen), rotation, &seen.request, None, now).await
    }
}

fn key(lease: &Lease, credential: &CredentialId) -> Key {
    Key::new(record::partition(&lease.user), format!("{SK}{credential}"))
}

pub(crate) const SK: &str = "ROTATION#";
