//! What AWS does to readers and emulators do not: answers that are old.

use std::time::Duration;

use serde_json::{Value, json};

/// How far behind the truth the emulator answers. All of it can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazards {
    /// How long `GenerateCredentialReport` answers with the same report. AWS: "once every four hours".
    pub report_kept: Duration,
    /// How many questions find a new report in progress before it is there.
    pub report_polls: u32,
    /// After how long a use of a key or password shows in `GetAccessKeyLastUsed`, `GetUser` and in a report. AWS states no
    /// bound.
    pub last_use_lag: Duration,
    /// How long lists of a user's credentials show the state before a write. AWS: "eventually consistent".
    pub stale_lists: Duration,
    /// Whether a report shows `N/A` for the dates of an inactive key, as the guide says, instead of keeping them, as
    /// was recorded.
    pub inactive_keys_lose_dates: bool,
    /// Whether the dates of a report end in `Z` and not in `+00:00`; both were recorded.
    pub report_dates_end_in_z: bool,
    /// Whether a user's last sign-in stays when its password is deleted and created again. AWS says neither.
    pub sign_in_outlives_profile: bool,
}

impl Default for Hazards {
    /// Reports take a moment and are kept for four hours; nothing else is late.
    fn default() -> Self {
        Self {
            report_kept: Duration::from_hours(4),
            report_polls: 1,
            last_use_lag: Duration::ZERO,
            stale_lists: Duration::ZERO,
            inactive_keys_lose_dates: false,
            report_dates_end_in_z: false,
            sign_in_outlives_profile: false,
        }
    }
}

impl Hazards {
    /// Nothing is late: each report is new, each list is true.
    pub fn none() -> Self {
        Self { report_kept: Duration::ZERO, report_polls: 0, ..Self::default() }
    }

    pub(crate) fn to_json(self) -> Value {
        let Self {
            report_kept,
            report_polls,
            last_use_lag,
            stale_lists,
            inactive_keys_lose_dates,
            report_dates_end_in_z,
            sign_in_outlives_profile,
        } = self;
        json!({
            "report_kept": report_kept.as_secs_f64(),
            "report_polls": report_polls,
            "last_use_lag": last_use_lag.as_secs_f64(),
            "stale_lists": stale_lists.as_secs_f64(),
            "inactive_keys_lose_dates": inactive_keys_lose_dates,
            "report_dates_end_in_z": report_dates_end_in_z,
            "sign_in_outlives_profile": sign_in_outlives_profile,
        })
    }
}
