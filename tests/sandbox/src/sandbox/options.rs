//! How a sandbox is started.

use std::time::Duration;

use jiff::Timestamp;

use crate::hazards::Hazards;
use crate::tricks::Tricks;

/// What a sandbox is like. Tests change what they are about and leave the rest.
#[derive(Clone, Debug)]
pub struct Options {
    /// Profile of the CDK app that is deployed.
    pub profile: String,
    /// Sandbox time at the start.
    pub now: Timestamp,
    /// How late the account's data are.
    pub hazards: Hazards,
    /// Which readings of AWS's documents are played.
    pub tricks: Tricks,
    /// How many automations run at once.
    pub automations_at_once: usize,
    /// Time limit of the functions in real time, where it must be shorter than the template's.
    pub function_timeout: Option<Duration>,
}

impl Options {
    /// The automatic profile at this time, with AWS's well-known delay of reports and no tricks.
    pub fn at(now: Timestamp) -> Self {
        Self {
            profile: "automatic".to_owned(),
            now,
            hazards: Hazards::default(),
            tricks: Tricks::default(),
            automations_at_once: 2,
            function_timeout: None,
        }
    }
}
