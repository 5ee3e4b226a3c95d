//! What AWS does to readers and emulators do not: answers that are old.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far behind the truth the emulator answers. All of it can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazards {
    /// How long `GenerateCredentialReport` answers with the same report. AWS: "once every four hours".
    pub report_kept: Duration,
    /// After how long a use of a key shows in `GetAccessKeyLastUsed` and in a report. AWS states no bound.
    pub last_use_lag: Duration,
    /// How long lists and reads of a user's access keys show the state before a write. AWS: "eventually consistent".
    pub stale_lists: Duration,
    /// Whether a report shows `N/A` for the dates of an inactive key, as the guide says, instead of keeping them, as
    /// was recorded.
    pub inactive_keys_lose_dates: bool,
}

impl Default for Hazards {
    /// Reports are kept for four hours; nothing else is late.
    fn default() -> Self {
        Self {
            report_kept: Duration::from_hours(4),
            last_use_lag: Duration::ZERO,
            stale_lists: Duration::ZERO,
            inactive_keys_lose_dates: false,
        }
    }
}

impl Hazards {
    /// Nothing is late: each report is new, each list is true.
    pub fn none() -> Self {
        Self { report_kept: Duration::ZERO, ..Self::default() }
    }
}
