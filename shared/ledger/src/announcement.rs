//! Acts that were announced before they are begun, who had asked for them, and who approved them.

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::announcement::{Announcement, Approval};
use credwarden_policy::rotation::Ended;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::due;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, REVISION, attributes, body, failed};
use crate::notice::{Notice, telling};
use crate::record;
use crate::request::Request;
use crate::table::{Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Table, TableError, Write};

/// The announcement on one credential, as it was written down last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnnouncement {
    /// What was announced.
    pub announcement: Announcement,
    /// What was asked first, and by whom; its document is started again when the act is due.
    pub request: Request,
    revision: i64,
}

/// What the item says.
#[derive(Serialize, Deserialize)]
struct Body {
    announcement: Announcement,
    request: Request,
}

impl KeptAnnouncement {
    /// Whether something is left to do.
    pub fn is_open(&self) -> bool {
        self.announcement.ended.is_none()
    }

    pub(crate) fn read(item: &Item) -> Result<Self, LedgerError> {
        let Body { announcement, request } = item.body()?;
        Ok(Self { announcement, request, revision: item.number(REVISION)? })
    }
}

impl<T: Table> Ledger<T> {
    /// Announces an act, in place of what was `seen` of the same credential, and has the schedule tell of it. The request's document
    /// is due at `due`.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has the lease, or the announcement has changed since it was seen; then
    /// nothing is told either.
    pub async fn announce(
        &self,
        lease: &Lease,
        seen: Option<&KeptAnnouncement>,
        announcement: Announcement,
        request: &Request,
        notice: &Notice,
        due: Timestamp,
    ) -> Result<(), LedgerError> {
        let revision = seen.map_or(0, |seen| seen.revision);
        // INVARIANT (nothing is lost in silence): what is remembered and what is told stand or fall together.
        let with = vec![lease.check(), telling(notice)?];
        self.keep_announcement(&lease.user, announcement, request.clone(), revision, due, with).await
    }

    /// Looks at what was announced at `due` again.
    ///
    /// # Errors
    /// As of [`Ledger::announce`].
    pub async fn put_off_announcement(
        &self,
        lease: &Lease,
        seen: &KeptAnnouncement,
        due: Timestamp,
    ) -> Result<(), LedgerError> {
        let KeptAnnouncement { announcement, request, revision } = seen.clone();
        self.keep_announcement(&lease.user, announcement, request, revision, due, vec![lease.check()]).await
    }

    /// Writes down that nothing is left of an announcement, and why.
    ///
    /// # Errors
    /// As of [`Ledger::announce`].
    pub async fn end_announcement(
        &self,
        lease: &Lease,
        seen: &KeptAnnouncement,
        how: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let KeptAnnouncement { announcement, request, revision } = seen.clone();
        let announcement = Announcement { ended: Some(Ended { at: now, how: how.to_owned() }), ..announcement };
        self.keep_announcement(&lease.user, announcement, request, revision, now, vec![lease.check()]).await
    }

    /// Writes an approval down; the act is due as soon as its time has come. Nobody needs the lease for that: a run that holds it
    /// and has read what was announced before finds it changed.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if what was announced has changed since it was seen.
    pub async fn approve(
        &self,
        user: &UserId,
        seen: &KeptAnnouncement,
        approval: Approval,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let KeptAnnouncement { announcement, request, revision } = seen.clone();
        let due = announcement.from.max(now);
        let announcement = Announcement { approval: Some(approval), ..announcement };
        self.keep_announcement(user, announcement, request, revision, due, Vec::new()).await
    }

    async fn keep_announcement(
        &self,
        user: &UserId,
        announcement: Announcement,
        request: Request,
        revision: i64,
        due: Timestamp,
        with: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let key = key(user, &announcement.credential);
        let doing = format!("write down what was announced of `{}`", announcement.credential);
        let is_open = announcement.ended.is_none();
        let condition = match revision {
            0 => Condition::absent(),
            seen => Condition::all(vec![Clause::Is(REVISION, seen.into())]),
        };
        let mut put: Attributes = [body(&Body { announcement, request }, &key)?].into();
        put.insert(REVISION.to_owned(), revision.saturating_add(1).into());
        if is_open {
            put.extend(attributes([(OPEN, due::WORK.into()), (DUE, due.as_second().into())]));
        }
        let write = Write { key: key.clone(), condition, action: Action::Put(put.clone()) };
        let writes: Vec<_> = with.into_iter().chain([write]).collect();
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
}

fn key(user: &UserId, credential: &CredentialId) -> Key {
    Key::new(record::partition(user), format!("{SK}{credential}"))
}

pub(crate) const SK: &str = "ANNOUNCEMENT#";
