//! How far a rule's reading of the account came, and since when whom it could not read.

use std::collections::BTreeMap;

use credwarden_credential::id::UserId;
use credwarden_policy::policy::PolicyId;
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, LedgerError, REVISION, attributes, body};
use crate::table::{Action, Attributes, Condition, DUE, Key, OPEN, Table, Write};

/// How long a reading that stopped near its time limit is left alone before the schedule has it go on.
pub(crate) const GOES_ON_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A rule's passes over the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// The pass that stopped near its time limit and goes on next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way: Option<PassUnderWay>,
    /// The last pass that read everything to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<CompletePass>,
    /// INVARIANT (one writer): as it was read.
    #[serde(skip)]
    revision: i64,
}

/// A pass that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassUnderWay {
    /// When it began.
    pub started: Timestamp,
    /// Where it goes on; only the reader of the account can read it.
    pub cursor: String,
}

/// A pass that read report and lists to the end and tried every suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletePass {
    /// When it began: what it reports was true then or later.
    pub started: Timestamp,
    /// When its results were accepted.
    pub finished: Timestamp,
    /// How many users hold an active credential of the kind that the rule is about.
    pub population: u32,
    /// How many users could not be read.
    pub gaps: u32,
    /// When the credential report was made that it read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_made: Option<Timestamp>,
    /// The policy by which it judged.
    pub policy: PolicyId,
}

/// Since when which users could not be read. At 5,000 users, IAM's quota, it is 200 KB of an item's 400.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gaps(pub BTreeMap<UserId, Timestamp>);

impl<T: Table> Ledger<T> {
    /// How far the passes of `rule` came; nothing before the first.
    pub async fn passes(&self, rule: RuleName) -> Result<Passes, LedgerError> {
        let Some(item) = self.get(&key(rule), &format!("read how far `{rule}` came")).await? else {
            return Ok(Passes::default());
        };
        Ok(Passes { revision: item.number(REVISION)?, ..item.body()? })
    }

    /// Keeps how far the passes of `rule` came. A pass under way is due for the schedule.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has written since `passes` was read.
    pub async fn keep_passes(&self, rule: RuleName, passes: &Passes, now: Timestamp) -> Result<(), LedgerError> {
        let key = key(rule);
        let mut put: Attributes = [body(passes, &key)?].into();
        if passes.under_way.is_some() {
            let due = now.checked_add(GOES_ON_AFTER).unwrap_or(Timestamp::MAX).as_second();
            put.extend(attributes([(OPEN, crate::due::WORK.into()), (DUE, due.into())]));
        }
        self.put_revision(key, put, passes.revision, &format!("keep how far `{rule}` came")).await
    }

    /// Since when `rule` could not read which users.
    pub async fn gaps(&self, rule: RuleName) -> Result<Gaps, LedgerError> {
        let item = self.get(&gaps_key(rule), &format!("read whom `{rule}` could not read")).await?;
        item.map_or_else(|| Ok(Gaps::default()), |item| item.body())
    }

    /// Keeps since when `rule` could not read which users.
    pub async fn keep_gaps(&self, rule: RuleName, gaps: &Gaps) -> Result<(), LedgerError> {
        let key = gaps_key(rule);
        let put = [body(gaps, &key)?].into();
        let write = Write { key, condition: Condition::none(), action: Action::Put(put) };
        self.write_one(write, &format!("keep whom `{rule}` could not read")).await
    }
}

pub(crate) fn partition(rule: RuleName) -> String {
    format!("RULE#{rule}")
}

pub(crate) fn key(rule: RuleName) -> Key {
    Key::new(partition(rule), "PASS")
}

fn gaps_key(rule: RuleName) -> Key {
    Key::new(partition(rule), "GAPS")
}
