//! What the ledger and `CloudTrail` tell of who created credentials.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use credwarden_creation::backfill::backfill;
use credwarden_credential::creation::Provenance;
use credwarden_credential::id::Arn;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_trail::lookup::ReadTrail;
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
        self.ledger.keep_own_roles(&self.own_roles).await?;
        let mut kept = self.ledger.backfill(RULE).await?;
        let record = |creations| async { self.ledger.record_creations(creations).await.map_err(Box::new) };
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

#[cfg(test)]
mod tests {
    use credwarden_credential::creation::CreationAct;
    use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
    use credwarden_ledger::memory::MemoryTable;
    use credwarden_trail::lookup::{By, LookedUp};
    use jiff::SignedDuration;

    use super::*;

    const PLENTY: Duration = Duration::from_mins(2);

    /// A history of one event, or one that does not answer.
    struct Trail(Option<LookedUp>);

    impl ReadTrail for Trail {
        async fn lookup_events(
            &self,
            by: &By,
            from: Timestamp,
            to: Timestamp,
            _marker: Option<Marker>,
        ) -> Result<Page<LookedUp>, ReadError> {
            let Some(event) = &self.0 else { return Err(ReadError::new(Failure::Denied, "look up")) };
            let is_asked_for = *by == By::Event("CreateAccessKey".to_owned()) && from <= event.at && event.at <= to;
            let items = if is_asked_for { vec![event.clone()] } else { Vec::new() };
            Ok(Page { items, next: None })
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn history() -> Trail {
        let at = now() - SignedDuration::from_hours(24);
        let text = format!(
            r#"{{
                "userIdentity": {{ "type": "Root", "principalId": "123456789012", "arn": "arn:aws:iam::123456789012:root",
                    "accountId": "123456789012" }},
                "eventTime": "{at}", "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey",
                "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": "e-1",
                "requestParameters": {{ "userName": "alice" }},
                "responseElements": {{ "accessKey": {{ "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "alice" }} }}
            }}"#
        );
        Trail(Some(LookedUp { id: "e-1".to_owned(), at, text }))
    }

    async fn known(trail: Trail, table: &MemoryTable, now: Timestamp) -> Provenance {
        let recorded = Recorded { trail, ledger: Ledger::new(table.clone()), own_roles: BTreeSet::new() };
        recorded.provenance(now, PLENTY).await.unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_history_showed_once_is_known_when_it_shows_it_no_more() {
        let table = MemoryTable::default();
        let first = known(history(), &table, now()).await;
        assert_eq!((first.creations.len(), first.installed), (1, now()));
        assert!(first.coverage[&CreationAct::CreateAccessKey].covers(now() - SignedDuration::from_hours(2)));

        let later = now() + SignedDuration::from_hours(24 * 120);
        let second = known(Trail(None), &table, later).await;
        assert_eq!(second.creations, first.creations);
        assert_eq!(second.installed, now(), "the account was first looked at then");
        assert_eq!(second.coverage, first.coverage, "what cannot be asked is not covered");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_the_ledger_afterwards_knows_as_much() {
        let table = MemoryTable::default();
        let ledger = Ledger::new(table.clone());
        assert_eq!(ledger.known_provenance(RULE).await.unwrap(), None, "the rule has not run yet");
        let role: Arn = "arn:aws:iam::123456789012:role/credwarden-deactivate".parse().unwrap();
        let recorded = Recorded { trail: history(), ledger: Ledger::new(table), own_roles: [role].into() };
        let told = recorded.provenance(now(), PLENTY).await.unwrap();
        assert_eq!(ledger.known_provenance(RULE).await.unwrap(), told);
    }

    #[tokio::test(start_paused = true)]
    async fn a_history_that_never_answered_covers_nothing() {
        let nothing = known(Trail(None), &MemoryTable::default(), now()).await;
        assert_eq!((nothing.creations.len(), nothing.coverage.len()), (0, 0));
    }
}
