//! How old, how idle, and for how long undoable a credential may be.
//!
//! The defaults are those of the Well-Architected practice SEC02-BP05, "Audit and rotate credentials periodically":
//! IAM keys 90 days, service-account passwords 90, database credentials 60, external API keys 180, TLS certificates
//! one year. CIS AWS Foundations 7.0 (2.11) and Security Hub (IAM.3) ask the same 90 days of access keys.

use credwarden_credential::age::Days;
use credwarden_credential::snapshot::User;

/// The tag by which anybody may ask for a shorter greatest age of a user's credentials, in days, at least 1. It never
/// lengthens one.
pub const MAX_AGE_TAG: &str = "credwarden:max-age-days";

/// The shortest window in which a credential counts as in use. It must outlast the lag of IAM's last use (recorded
/// once in 15 minutes, shown hours later), or a key in use would look silent.
pub const SHORTEST_IN_USE: Days = Days(1);

/// The limits of one class and one kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The greatest age.
    pub max_age: Days,
    /// How long before that a warning begins; shorter than `max_age`.
    pub warn: Days,
    /// How long after its last use a credential counts as in use.
    pub in_use: Days,
    /// How long a deactivation can be undone.
    pub undo: Days,
}

impl Limits {
    /// The limits for one user: [`MAX_AGE_TAG`] may only lower the greatest age, and the warning stays below it.
    #[must_use]
    pub fn lowered_for(self, user: &User) -> Self {
        let asked =
            user.tags.get(MAX_AGE_TAG).and_then(|value| value.trim().parse().ok()).map(|days: u32| Days(days.max(1)));
        match asked {
            Some(asked) if asked < self.max_age => {
                Self { max_age: asked, warn: self.warn.min(asked.less(Days(1))), ..self }
            }
            _ => self,
        }
    }
}
