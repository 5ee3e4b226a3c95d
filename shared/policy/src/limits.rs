//! How old, how idle, and for how long undoable a credential may be.
//!
//! The defaults are those of the Well-Architected practice SEC02-BP05, "Audit and rotate credentials periodically":
//! IAM keys 90 days, service-account passwords 90, database credentials 60, external API keys 180, TLS certificates
//! one year. CIS AWS Foundations 7.0 (2.12) and Security Hub (IAM.3) ask the same 90 days of access keys. The other
//! long-term credentials of an IAM user, which no framework names, are aged like its access keys. Passwords of people
//! have no greatest age: NIST SP 800-63B-4 (3.1.1.2) says that they shall not expire by the calendar.
//!
//! Unused for 45 days is what CIS 7.0 (2.11) and Security Hub (IAM.22) ask. SEC02-BP05 has no number for a credential that
//! was never used: 14 days leave time to put it to work. Of service-specific credentials, SSH public keys and signing
//! certificates IAM does not tell the last use, so they have no such limits.
//!
//! Beside the AWS managed rules, as their pages in the AWS Config Developer Guide describe them:
//!
//! | boundary | here | `access-keys-rotated` | `iam-user-unused-credentials-check` |
//! |---|---|---|---|
//! | limit | by class and kind | one, 90 days by default | one, 90 days by default |
//! | counted from | creation; last use, else creation | "rotated (changed)" | use; for what was never used, not said |
//! | broken | a second after the limit, days of 24 hours, UTC | "within" the limit, no more is said | "within" the limit, no more is said |
//! | credentials | every kind a user holds, each on its own | active access keys | passwords and active access keys |
//! | inactive key | never counts | does not count | does not count |
//! | judged again | live, at every run | within 4 hours nothing changes | within 4 hours nothing changes |

use credwarden_credential::age::Days;
use credwarden_credential::snapshot::User;

/// The tag by which anybody may ask for a shorter greatest age of a user's credentials, in days, at least 1. It never
/// lengthens one.
pub const MAX_AGE_TAG: &str = "credwarden:max-age-days";

/// The tag by which anybody may ask that a user's credentials count as unused sooner, in days, at least 1. It never lengthens
/// one.
pub const UNUSED_TAG: &str = "credwarden:unused-days";

/// The shortest window in which a credential counts as in use. It must outlast the lag of IAM's last use (recorded
/// once in 15 minutes, shown hours later), or a key in use would look silent.
pub const SHORTEST_IN_USE: Days = Days(1);

/// The limits of one class and one kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The greatest age; `None`: no age breaks the policy.
    pub max_age: Option<Days>,
    /// How long before that a warning begins; shorter than `max_age`.
    pub warn: Days,
    /// The longest disuse after the last use; `None`: no disuse breaks the policy.
    pub unused: Option<Days>,
    /// The longest time from creation to the first use; `None`: whether it was ever used does not matter.
    pub never_used: Option<Days>,
    /// How long after its last use a credential counts as in use.
    pub in_use: Days,
    /// How long a deactivation can be undone.
    pub undo: Days,
}

impl Limits {
    /// The limits for one user: [`MAX_AGE_TAG`] and [`UNUSED_TAG`] may only lower them, and the warning stays below the
    /// greatest age.
    #[must_use]
    pub fn lowered_for(self, user: &User) -> Self {
        let max_age = lower(self.max_age, asked(user, MAX_AGE_TAG));
        let warn = max_age.map_or(self.warn, |max_age| self.warn.min(max_age.less(Days(1))));
        let unused = asked(user, UNUSED_TAG);
        Self { max_age, warn, unused: lower(self.unused, unused), never_used: lower(self.never_used, unused), ..self }
    }

    /// The age from which on the rule of ages has something to say of a credential: a warning, or more.
    pub fn remarkable_age(&self) -> Option<Days> {
        self.max_age.map(|max_age| max_age.less(self.warn))
    }
}

/// The days that a user's tag asks for.
fn asked(user: &User, tag: &str) -> Option<Days> {
    user.tags.get(tag).and_then(|value| value.trim().parse().ok()).map(|days: u32| Days(days.max(1)))
}

/// A tag never switches a limit on: whoever asks for younger keys does not ask that passwords expire.
fn lower(limit: Option<Days>, asked: Option<Days>) -> Option<Days> {
    limit.map(|limit| asked.map_or(limit, |asked| limit.min(asked)))
}
