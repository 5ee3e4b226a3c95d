//! Who tells a rule who created credentials.

use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use credwarden_credential::creation::{Principal, Provenance};
use credwarden_credential::snapshot::Snapshot;
use credwarden_ledger::Ledger;
use credwarden_ledger::table::Table;
use jiff::Timestamp;
use tracing::warn;

/// Tells who created the account's credentials.
pub trait TellProvenance {
    /// What is known, after at most `time_left`; `None`: the rule does not judge by it.
    ///
    /// # Errors
    /// What is known already could not be read. That something could not be learnt besides is no error: what it is about
    /// stays unknown.
    fn provenance(
        &self,
        now: Timestamp,
        time_left: Duration,
    ) -> impl Future<Output = anyhow::Result<Option<Provenance>>>;
}

/// The rule does not judge by who created credentials.
#[derive(Clone, Copy, Debug)]
pub struct NotNeeded;

impl TellProvenance for NotNeeded {
    async fn provenance(&self, _now: Timestamp, _time_left: Duration) -> anyhow::Result<Option<Provenance>> {
        Ok(None)
    }
}

/// Adds what our own functions had written down of the users whose keys they re-activated. What the ledger does not tell of a
/// user is no intent: the act is then reported rather than passed.
pub(crate) async fn with_intents<T: Table>(snapshot: &mut Snapshot, provenance: Arc<Provenance>, ledger: &Ledger<T>) {
    let is_own =
        |principal: &Principal| matches!(principal, Principal::Role(role) if provenance.own_roles.contains(role));
    let ours: BTreeSet<_> = provenance
        .creations
        .iter()
        .filter(|creation| is_own(&creation.creator.principal))
        .map(|one| &one.user)
        .collect();
    if ours.is_empty() {
        return;
    }
    let mut intents = Vec::new();
    for user in snapshot.users.values().filter(|user| ours.contains(&user.name)) {
        match ledger.record(&user.id).await {
            Ok(record) => intents.extend(record.intended(&user.id)),
            Err(error) => warn!(user.id = %user.id, error = &error as &dyn Error, "what was intended is not known"),
        }
    }
    let with_intents = Arc::new(Provenance { intents, ..Provenance::clone(&provenance) });
    for user in snapshot.users.values_mut() {
        user.provenance = Some(Arc::clone(&with_intents));
    }
}
