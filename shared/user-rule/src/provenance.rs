//! Who tells a rule who created credentials.

use std::future::Future;
use std::time::Duration;

use credwarden_credential::creation::Provenance;
use jiff::Timestamp;

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

/// The rule judges by the account alone, and has nothing to say beside.
#[derive(Clone, Copy, Debug)]
pub struct NotNeeded;

impl TellProvenance for NotNeeded {
    async fn provenance(&self, _now: Timestamp, _time_left: Duration) -> anyhow::Result<Option<Provenance>> {
        Ok(None)
    }
}
