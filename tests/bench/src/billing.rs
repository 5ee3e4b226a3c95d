//! Evaluations billed over simulated days in which few users change, against sending every evaluation every day.

use std::time::Duration;

use anyhow::Result;

use crate::account::Changing;
use crate::comparison::{Bench, Rule};
use crate::endpoint::Endpoint;

/// What one rule sent over the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Billed {
    pub(crate) rule: &'static str,
    pub(crate) users: usize,
    pub(crate) days: u32,
    /// Evaluations that AWS Config bills.
    pub(crate) sent: u64,
    /// What it would bill if every stored result were sent every day.
    pub(crate) everything: u64,
}

impl Billed {
    /// The part of everything that was sent.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(crate) fn share(self) -> f64 {
        if self.everything == 0 { 0.0 } else { self.sent as f64 / self.everything as f64 }
    }
}

impl Bench {
    /// Lets a rule evaluate an account on each of some days, without waiting between calls.
    pub(crate) async fn billed(&self, rule: &Rule, users: usize, days: u32) -> Result<Billed> {
        let mut account = Changing::new(users, days, self.now);
        let table = self.ledger(&format!("{}-billing", rule.name)).await?;
        let endpoint = Endpoint::start(account.estate.clone(), Duration::ZERO, self.emulator.address()).await?;
        let mut billed = Billed { rule: rule.name, users, days, sent: 0, everything: 0 };
        for day in 0..days {
            if day > 0 {
                account.next_day()?;
                endpoint.turn_to(account.estate.clone());
            }
            let run = self.invoke(rule, &table, &endpoint, account.estate.now).await?;
            billed.sent += run.tally.billed;
            billed.everything += u64::try_from(endpoint.stored(rule.name, None))?;
        }
        Ok(billed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_everything() {
        let billed = Billed { rule: "rule", users: 1_000, days: 30, sent: 1_500, everything: 30_000 };
        assert!((billed.share() - 0.05).abs() < 1e-9);
        assert!(Billed { everything: 0, ..billed }.share().abs() < 1e-9);
    }
}
