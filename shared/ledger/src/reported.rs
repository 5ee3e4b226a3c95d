//! From when on complete passes reported by which policy. A policy edit is a mass action: remedies wait until the
//! findings it makes were reported for a day.

use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use jiff::Timestamp;

use crate::ledger::{Ledger, LedgerError, attributes, unreadable};
use crate::table::{Action, Condition, Item, Key, Query, Table, Write};

impl<T: Table> Ledger<T> {
    /// Notes that a complete pass of `rule` has reported by `policy` at `now`. While the same policy goes on being
    /// reported nothing is written, so that its first time stands.
    pub async fn record_reported(&self, rule: RuleName, policy: &Policy, now: Timestamp) -> Result<(), LedgerError> {
        let id = policy.id();
        let newest = self.last(rule, i64::MAX, "read by which policy was reported last").await?;
        if newest.is_some_and(|item| item.key.sk.ends_with(&format!("#{id}"))) {
            return Ok(());
        }
        let key = Key::new(partition(rule), format!("{}#{id}", from(now.as_second())));
        let put = attributes([(DOCUMENT, policy.to_json().into())]);
        let write = Write { key, condition: Condition::none(), action: Action::Put(put) };
        self.write_one(write, &format!("note that `{rule}` reported by policy {id}")).await
    }

    /// The policy by which the last complete pass of `rule` at or before `at` reported.
    ///
    /// # Errors
    /// One that the table cannot give, or that this version cannot read: then no remedy may act.
    pub async fn newest_reported_before(&self, rule: RuleName, at: Timestamp) -> Result<Option<Policy>, LedgerError> {
        // INVARIANT (one item an episode): the items are the instants at which reporting changed from one policy to
        // another, so the last of them up to `at` is the policy of the last complete pass up to `at`.
        let Some(item) = self.last(rule, at.as_second(), "read by which policy was reported").await? else {
            return Ok(None);
        };
        Policy::parse(item.text(DOCUMENT)?).map(Some).map_err(|problems| unreadable(&item.key, problems))
    }

    async fn last(&self, rule: RuleName, at: i64, doing: &str) -> Result<Option<Item>, LedgerError> {
        let query = Query::Last { pk: partition(rule), from: from(0), to: format!("{}#~", from(at)) };
        Ok(self.query(&query, doing).await?.into_iter().next())
    }
}

const DOCUMENT: &str = "document";

fn partition(rule: RuleName) -> String {
    format!("POLICY#{rule}")
}

/// Epoch seconds in twelve digits, so that sort keys sort by time until the year 33658.
fn from(epoch_seconds: i64) -> String {
    format!("REPORTED#{:012}", epoch_seconds.clamp(0, 999_999_999_999))
}
