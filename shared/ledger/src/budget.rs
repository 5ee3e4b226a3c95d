//! The day's purses: how many credentials may be changed on one UTC day.

use std::fmt;

use credwarden_credential::age::date;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Ledger, LedgerError};
use crate::table::{Action, Clause, Condition, EXPIRES_AT, Key, Table, Value, Write};

/// How long a day's spending is kept for whoever asks what happened.
pub const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How many undos a day can have: twice what IAM lets an account hold (5,000 users with 2 access keys). Undo returns
/// to what was before, so the purse only ends a loop that toggles keys.
pub const UNDO_PER_DAY: u32 = 20_000;

/// Whose purse an act is paid from. Undo has its own, so that a spent budget cannot keep a mistake standing; compromises
/// have theirs, so that neither stale credentials keep a stolen one alive nor a flood of compromises keeps stale ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// Of acts that answer findings.
    Act,
    /// Of acts that answer a compromise.
    Quarantine,
    /// Of undos.
    Undo,
}

impl fmt::Display for Purse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Act => "act",
            Self::Quarantine => "quarantine",
            Self::Undo => "undo",
        })
    }
}

impl<T: Table> Ledger<T> {
    /// How many credentials were changed from a purse on the day of `now`.
    pub async fn spent(&self, purse: Purse, now: Timestamp) -> Result<u32, LedgerError> {
        let item = self.get(&key(purse, now), &format!("read what was spent of the purse `{purse}`")).await?;
        let spent = item.map_or(Ok(0), |item| item.number(SPENT))?;
        Ok(u32::try_from(spent).unwrap_or(u32::MAX))
    }
}

/// One credential's worth of a purse of the day of `now`.
pub(crate) fn spend(purse: Purse, limit: u32, now: Timestamp) -> Write {
    // INVARIANT (budget): an absent counter reads as zero, so a limit of zero must be refused by a clause of its own.
    let condition = match limit {
        0 => Condition::all(vec![Clause::Below(SPENT, 0)]),
        limit => Condition::all(vec![Clause::Absent(SPENT)]).or(vec![Clause::Below(SPENT, i64::from(limit))]),
    };
    let kept_until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
    let kept = [(EXPIRES_AT.to_owned(), Value::Number(kept_until))].into();
    Write { key: key(purse, now), condition, action: Action::Add(SPENT, 1, kept) }
}

pub(crate) const SPENT: &str = "spent";

pub(crate) fn key(purse: Purse, now: Timestamp) -> Key {
    Key::new(format!("BUDGET#{}", date(now)), purse.to_string())
}
