//! What IAM Access Analyzer says of credentials that nobody uses: a second opinion beside a verdict, never part of one.
//!
//! An unused access analyzer looks at every user once in 24 hours, by a window of its own. It agrees with a finding, or it
//! contradicts what IAM shows; the latter is said only where neither its window nor its lag explains it.

use std::collections::BTreeMap;
use std::fmt;

use credwarden_credential::age::{Days, LAST_USE_LAG, date, is_older};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use jiff::{SignedDuration, Timestamp};

use crate::verdict::{Clause, Verdict};

/// How long an analyzer may go without looking at a user. (IAM User Guide, "IAM Access Analyzer findings": unused access
/// is evaluated again within 24 hours.)
pub const REFRESH: SignedDuration = SignedDuration::from_hours(24);

/// The window of an unused access analyzer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What was not used for so long is found (`unusedAccessAge`).
    pub age: Days,
    /// When the analyzer was created.
    pub created: Timestamp,
    /// Whether a rule of the analyzer leaves some accounts or tagged users out, so that it says nothing of them.
    pub leaves_some_out: bool,
}

/// What an analyzer finds of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Credentials with an active finding, and when the analyzer says that they were used last; `None`: never.
    pub unused: BTreeMap<CredentialId, Option<Timestamp>>,
    /// Kinds of which there is, or may be, more: findings that somebody archived, or that could not be read.
    pub incomplete: Vec<CredentialKind>,
}

/// What the analyzer says of one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It finds unused what the rule finds unused.
    Agrees {
        /// Which.
        credential: CredentialId,
        /// When it was used last, as the analyzer knows.
        last_accessed: Option<Timestamp>,
    },
    /// It finds unused what was used within its window.
    FindsUsed {
        /// Which.
        credential: CredentialId,
        /// Its window.
        age: Days,
        /// The use that it does not know.
        last_used: Timestamp,
    },
    /// It does not find what was not used within its window.
    DoesNotFind {
        /// Which.
        credential: CredentialId,
        /// Its window.
        age: Days,
    },
}

impl Opinion {
    /// Which credential it is about.
    pub fn credential(&self) -> &CredentialId {
        match self {
            Self::Agrees { credential, .. }
            | Self::FindsUsed { credential, .. }
            | Self::DoesNotFind { credential, .. } => credential,
        }
    }

    /// Whether it contradicts what IAM shows.
    pub fn contradicts(&self) -> bool {
        !matches!(self, Self::Agrees { .. })
    }
}

impl fmt::Display for Opinion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees { credential, last_accessed: Some(at) } => {
                write!(formatter, "Access Analyzer agrees: {credential} unused since {}", date(*at))
            }
            Self::Agrees { credential, last_accessed: None } => {
                write!(formatter, "Access Analyzer agrees: {credential} never used")
            }
            Self::FindsUsed { credential, age, last_used } => {
                write!(formatter, "Access Analyzer contradicts: {credential} unused for {age}, ")?;
                write!(formatter, "but IAM shows a use on {}", date(*last_used))
            }
            Self::DoesNotFind { credential, age } => {
                write!(formatter, "Access Analyzer contradicts: {credential} not found unused for {age}")
            }
        }
    }
}

impl Window {
    /// Whether a use at this time should have ended a finding by now, and lies within the window all the same.
    pub fn should_know(self, last_used: Timestamp, now: Timestamp) -> bool {
        let is_within = !is_older(last_used, self.age, now);
        is_within && last_used <= before(now, lag())
    }

    /// What the analyzer says of a user's credentials, beside the verdict of `unused-credentials`. `uses` is when
    /// credentials were used last, as IAM shows it.
    pub fn opinions(
        self,
        verdict: &Verdict,
        uses: &BTreeMap<CredentialId, Timestamp>,
        found: &Found,
        now: Timestamp,
    ) -> Vec<Opinion> {
        let unknown_use = |credential: &CredentialId| {
            uses.get(credential).copied().filter(|last_used| self.should_know(*last_used, now))
        };
        let wrong = found.unused.keys().filter_map(|credential| {
            let (credential, age) = (credential.clone(), self.age);
            unknown_use(&credential).map(|last_used| Opinion::FindsUsed { credential, age, last_used })
        });
        let beside = verdict.findings().filter_map(|finding| {
            let (credential, idle_since) = match &finding.clause {
                Clause::Unused { credential, last_used, .. } => (credential, *last_used),
                Clause::NeverUsed { credential, created, .. } => (credential, *created),
                _ => return None,
            };
            match found.unused.get(credential) {
                Some(_) if unknown_use(credential).is_some() => None,
                Some(last_accessed) => {
                    Some(Opinion::Agrees { credential: credential.clone(), last_accessed: *last_accessed })
                }
                None => self
                    .should_find(credential, idle_since, found, now)
                    .then(|| Opinion::DoesNotFind { credential: credential.clone(), age: self.age }),
            }
        });
        beside.chain(wrong).collect()
    }

    /// Whether the analyzer must have found by now what is idle since then.
    fn should_find(self, credential: &CredentialId, idle_since: Timestamp, found: &Found, now: Timestamp) -> bool {
        // Twice: when it first looks at an account, or at a window that has just ended, is nobody's promise.
        let looked = before(before(now, lag()), lag());
        !self.leaves_some_out
            && !found.incomplete.contains(&credential.kind())
            && self.created <= looked
            && is_older(idle_since, self.age, looked)
    }
}

/// How long a use may go unseen by an analyzer: until IAM shows it, and until the analyzer looks.
fn lag() -> SignedDuration {
    REFRESH.saturating_add(LAST_USE_LAG)
}

fn before(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}
