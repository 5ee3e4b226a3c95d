//! All that the ledger knows of one user.

use credwarden_credential::creation::Intended;
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::enrolment::Enrolment;
use credwarden_policy::exception::{Exceptions, Hold};
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};

use crate::announcement::{self, KeptAnnouncement};
use crate::due;
use crate::enrolment;
use crate::ledger::{BODY, Ledger, LedgerError, attributes, body};
use crate::rotation::{self, KeptRotation};
use crate::table::{Action, Attributes, Clause, Condition, EXPIRES_AT, Item, Key, Query, Table, Write};
use crate::work::{self, Act, Outcome, Step, Work};

/// How long holds and exceptions are kept after they end, for whoever asks what happened.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// All that decides about a user, read at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// The last act of each kind on each credential.
    pub works: Vec<Work>,
    /// What is left alone, until when.
    pub holds: Vec<Hold>,
    /// What the user's credentials may break, until when.
    pub exceptions: Exceptions,
    /// The last rotation of each access key.
    pub rotations: Vec<KeptRotation>,
    /// Into which secret its new access keys come.
    pub enrolment: Option<Enrolment>,
    /// The last announcement on each credential.
    pub announcements: Vec<KeptAnnouncement>,
}

impl UserRecord {
    /// The last act of this kind on `credential`.
    pub fn work(&self, act: Act, credential: &CredentialId) -> Option<&Work> {
        self.works.iter().find(|work| work.act == act && work.credential == *credential)
    }

    /// The last rotation of `credential`.
    pub fn rotation(&self, credential: &CredentialId) -> Option<&KeptRotation> {
        self.rotations.iter().find(|kept| kept.rotation.key == *credential)
    }

    /// The last announcement on `credential`.
    pub fn announcement(&self, credential: &CredentialId) -> Option<&KeptAnnouncement> {
        self.announcements.iter().find(|kept| kept.announcement.credential == *credential)
    }

    /// What was announced of `credential` and is still to come. It was said of one act: one that began since and has come to its
    /// end, whatever became of it, leaves nothing of it.
    pub fn announced(&self, credential: &CredentialId) -> Option<&KeptAnnouncement> {
        self.announcement(credential).filter(|kept| {
            let told = kept.announcement.told;
            let act = self.work(Act::Remedy(kept.announcement.remedy), credential);
            kept.is_open() && act.is_none_or(|work| work.is_open() || work.begun < told)
        })
    }

    /// The re-activations that our own functions had written down before they set out to do them: what was given up before
    /// it had any effect is none.
    pub fn intended(&self, user: &UserId) -> Vec<Intended> {
        let undos = self.works.iter().filter(|work| matches!(work.act, Act::Undo(_)));
        let steps = undos.flat_map(|work| {
            let earlier = work.earlier.iter().map(|earlier| (earlier.begun, &earlier.step));
            earlier.chain([(work.begun, &work.step)]).map(|(begun, step)| (&work.credential, begun, step))
        });
        let intended = steps.filter_map(|(credential, from, step)| {
            let until = match step {
                Step::Settled { outcome: Outcome::Withdrawn { .. }, .. } => return None,
                Step::Settled { at, .. } => Some(*at),
                Step::Intended | Step::Applied { .. } => None,
            };
            Some(Intended { user: user.clone(), credential: credential.clone(), from, until })
        });
        intended.collect()
    }

    /// The hold on `credential` at `now`.
    pub fn hold(&self, credential: &CredentialId, now: Timestamp) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.credential == *credential && hold.holds(now))
    }
}

impl<T: Table> Ledger<T> {
    /// All that the ledger knows of `user`. One item that cannot be read is an error: it may be the one that forbids.
    pub async fn record(&self, user: &UserId) -> Result<UserRecord, LedgerError> {
        let query = Query::Prefix { pk: partition(user), prefix: String::new() };
        let mut record = UserRecord::default();
        for item in self.query(&query, &format!("read the record of `{user}`")).await? {
            let sk = item.key.sk.as_str();
            if sk.starts_with(work::SK) {
                record.works.push(item.body()?);
            } else if sk.starts_with(HOLD) {
                record.holds.push(item.body()?);
            } else if sk.starts_with(EXCEPTION) {
                record.exceptions.0.push(item.body()?);
            } else if sk.starts_with(rotation::SK) {
                record.rotations.push(KeptRotation::read(&item)?);
            } else if sk == enrolment::SK {
                record.enrolment = Some(item.body()?);
            } else if sk.starts_with(announcement::SK) {
                record.announcements.push(KeptAnnouncement::read(&item)?);
            }
        }
        Ok(record)
    }

    /// All exceptions that hold at `now` or later, of all users. Comes from the index, so one that was granted a
    /// moment ago may be absent; remedies read the user's own record.
    pub async fn exceptions(&self, now: Timestamp) -> Result<Exceptions, LedgerError> {
        let query = Query::Due { open: due::EXCEPTION, from: now.as_second(), to: i64::MAX };
        let items = self.query(&query, "read the exceptions").await?;
        items.iter().map(Item::body).collect::<Result<_, _>>().map(Exceptions)
    }

    /// Writes a hold in place of the one that was read, or where there was none. The same again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if it has changed since.
    pub async fn change_hold(&self, user: &UserId, seen: Option<&Hold>, hold: &Hold) -> Result<(), LedgerError> {
        let key = hold_key(user, &hold.credential);
        let condition = match seen {
            None => Condition::absent(),
            Some(seen) => {
                let (_, body) = body(seen, &key)?;
                Condition::all(vec![Clause::Is(BODY, body)])
            }
        };
        let doing = format!("change the hold on `{}`", hold.credential);
        match self.write_one(Write { condition, ..hold_write(user, hold)? }, &doing).await {
            Err(LedgerError::Superseded { doing }) => match self.get(&key, &doing).await? {
                Some(item) if item.body::<Hold>()? == *hold => Ok(()),
                _ => Err(LedgerError::Superseded { doing }),
            },
            other => other,
        }
    }
}

pub(crate) fn partition(user: &UserId) -> String {
    format!("USER#{user}")
}

pub(crate) fn hold_key(user: &UserId, credential: &CredentialId) -> Key {
    Key::new(partition(user), format!("{HOLD}{credential}"))
}

/// The write of a hold.
pub(crate) fn hold_write(user: &UserId, hold: &Hold) -> Result<Write, LedgerError> {
    let key = hold_key(user, &hold.credential);
    let mut put: Attributes = [body(hold, &key)?].into();
    put.extend(attributes([(UNTIL, hold.until.as_second().into()), (EXPIRES_AT, kept(hold.until).into())]));
    Ok(Write { key, condition: Condition::none(), action: Action::Put(put) })
}

pub(crate) fn exception_key(user: &UserId, rule: RuleName, credential: Option<&CredentialId>) -> Key {
    let credential = credential.map_or("*", CredentialId::as_str);
    Key::new(partition(user), format!("{EXCEPTION}{rule}#{credential}"))
}

pub(crate) fn kept(until: Timestamp) -> i64 {
    until.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second()
}

const HOLD: &str = "HOLD#";
const EXCEPTION: &str = "EXCEPTION#";

pub(crate) const UNTIL: &str = "until";
