//! What the ledger and `CloudTrail` tell of who created credentials.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use credwarden_creation::backfill::backfill;
use credwarden_creation::lookup::ReadTrail;
use credwarden_credential::creation::Provenance;
use credwarden_credential::id::Arn;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_user_rule::provenance::TellProvenance;
use jiff::Timestamp;
use tracing::warn;

use unauthorized_key_creation::RULE;

/// What was recorded as it happened, and what `CloudTrail`'s history adds to it.
#[derive(Debug)]
pub(crate) struct Recorded<L, T> {
    /// Where past events are looked up.
    pub(crate) trail: L,
    /// Where all of them are kept.
    pub(crate) ledger: Ledger<T>,
    /// The roles of our own functions.
    pub(crate) own_roles: BTreeSet<Arn>,
}

impl<L: ReadTrail, T: Table> TellProvenance for Recorded<L, T> {
    /// Looks up what is not known yet, and keeps it, before all that is known is read: what cannot be looked up today stays
    /// not covered, and so unknown.
    async fn provenance(&self, now: Timestamp, time_left: Duration) -> anyhow::Result<Option<Provenance>> {
        let installed = self.ledger.installed(now).await?;
        let mut kept = self.ledger.backfill(RULE).await?;
        let record = |creations| async { self.ledger.record_creations(creations).await.map(|_| ()).map_err(Box::new) };
        let progress = backfill(&self.trail, &kept.backfill, now, time_left, record).await;
        for failure in &progress.failures {
            warn!(act = %failure.act, error = failure as &dyn Error, "past events are not known");
        }
        kept.backfill = progress.backfill;
        match self.ledger.keep_backfill(RULE, &mut kept, now).await {
            // AWS Config may deliver an event twice: the other run came as far, and its progress stands.
            Ok(()) | Err(LedgerError::Superseded { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let recorded = self.ledger.creations().await?;
        Ok(Some(recorded.provenance(installed, &kept.backfill, self.own_roles.clone())))
    }
}
