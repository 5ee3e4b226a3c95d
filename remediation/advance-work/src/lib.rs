//! The hourly schedule: goes on with what is due in the ledger.
//!
//! It starts the document of what is due, has unfinished passes go on, announces which exceptions end and sees to those
//! that have ended, tells owners what was found and done, and clears the remediation exceptions that AWS Config has
//! written by itself. Whatever AWS Config does or does not do, work that is open is settled. One item's fault does not
//! keep the others from their turn; in the end it makes the invocation fail, so that an alarm tells.

pub mod aws;
pub mod digest;
pub mod lambda;
pub mod metrics;

mod exceptions;
mod expiry;
mod notices;
mod start;

use std::error::Error;

use credwarden_automation::Documents;
use credwarden_credential::id::UserId;
use credwarden_inventory::parameter::ReadParameter;
use credwarden_ledger::Ledger;
use credwarden_ledger::notice::Owner;
use credwarden_ledger::table::Table;
use credwarden_remedy::fault::chain;
use credwarden_remedy::kill_switch::KillSwitch;
use jiff::Timestamp;
use tracing::warn;

use crate::aws::{Channels, Rules};
use crate::digest::TopicArn;
use crate::metrics::Counts;

/// All that the schedule reads and starts.
#[derive(Clone, Debug)]
pub struct Ports<P, D, R, N, T> {
    /// Parameters.
    pub parameters: P,
    /// Systems Manager, to start documents.
    pub documents: D,
    /// AWS Config.
    pub rules: R,
    /// Where owners, and the account's event bus, are told.
    pub channels: N,
    /// The ledger.
    pub ledger: Ledger<T>,
}

/// What the deployment says, from the function's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the deployment's names begin.
    pub prefix: String,
    /// The parameter that holds the kill switch.
    pub kill_switch_parameter: String,
    /// The role that the documents assume.
    pub automation_role: String,
    /// The topic by which owners are told; its ARN also says in which account and region.
    pub notice_topic: TopicArn,
    /// Who is told of users whose tags name nobody.
    pub account_contact: Owner,
    /// Who is told of compromises.
    pub security_contact: Owner,
}

/// One invocation of the schedule, and what it did so far.
#[derive(Debug)]
pub(crate) struct Round<'a, P, D, R, N, T> {
    pub(crate) ports: &'a Ports<P, D, R, N, T>,
    pub(crate) settings: &'a Settings,
    pub(crate) kill_switch: KillSwitch,
    pub(crate) now: Timestamp,
    pub(crate) counts: Counts,
    pub(crate) faults: Vec<String>,
}

/// What the schedule could not do. All else was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule met {} faults, and goes on in an hour: {}", .0.len(), .0.join("; "))]
pub struct Faults(pub Vec<String>);

/// Goes on with what is due at `now`.
pub async fn advance<P: ReadParameter, D: Documents, R: Rules, N: Channels, T: Table>(
    ports: &Ports<P, D, R, N, T>,
    settings: &Settings,
    now: Timestamp,
) -> (Counts, Result<(), Faults>) {
    let mut faults = Vec::new();
    let kill_switch = match KillSwitch::read(&ports.parameters, &settings.kill_switch_parameter).await {
        Ok(kill_switch) => kill_switch,
        Err(reason) => {
            faults.push(reason);
            KillSwitch::Stop
        }
    };
    let mut round = Round { ports, settings, kill_switch, now, counts: Counts::default(), faults };
    round.start_what_is_due().await;
    round.announce_ends().await;
    round.end_exceptions().await;
    // Failures are noted before AWS Config's exceptions are looked at: they tell whose those are.
    round.look_at_exceptions().await;
    round.tell_what_is_untold().await;
    let Round { mut counts, faults, .. } = round;
    counts.faults = faults.len();
    (counts, if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) })
}

/// Tells at `now` what is untold of one user, and does nothing else: a compromise must not wait for the hour.
pub async fn tell_of<P, D, R, N: Channels, T: Table>(
    ports: &Ports<P, D, R, N, T>,
    settings: &Settings,
    user: &UserId,
    now: Timestamp,
) -> (Counts, Result<(), Faults>) {
    // Telling asks for no kill switch: it changes nothing.
    let (kill_switch, counts) = (KillSwitch::Stop, Counts::default());
    let mut round = Round { ports, settings, kill_switch, now, counts, faults: Vec::new() };
    round.tell_what_is_untold_of(user).await;
    let Round { mut counts, faults, .. } = round;
    counts.faults = faults.len();
    (counts, if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) })
}

impl<P, D, R, N, T> Round<'_, P, D, R, N, T> {
    /// Keeps a fault for the end.
    pub(crate) fn fault(&mut self, error: &dyn Error) {
        let fault = chain(error);
        warn!("{fault}");
        self.faults.push(fault);
    }
}
