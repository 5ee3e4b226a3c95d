//! Names of rules and remedies, the modes of remedies, and the daily budget.

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::KeyStatus;
use serde::{Serialize, Serializer};

use crate::rotation::Delivery;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name wherever it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::remedy::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::remedy::UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::remedy::UnknownName { name: text.to_owned(), known: &[$($text),+] }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::remedy::UnknownName;

            fn try_from(text: String) -> Result<Self, $crate::remedy::UnknownName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use names;

/// A name that is none of those known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is none of {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
pub struct UnknownName {
    /// What was read.
    pub name: String,
    /// What would have been right.
    pub known: &'static [&'static str],
}

names! {
    /// A rule, named for the condition that it finds.
    RuleName {
        /// A credential older than its class allows.
        AccessKeyAge = "access-key-age",
        /// A credential that nobody has used for longer than its class allows.
        UnusedCredentials = "unused-credentials",
        /// A credential that somebody created or re-activated who may not.
        UnauthorizedKeyCreation = "unauthorized-key-creation",
    }
}

names! {
    /// A remedy, named for its act.
    RemedyName {
        /// Makes a credential unusable in a way that can be undone.
        DeactivateCredential = "deactivate-credential",
        /// Has its owner replace an access key, and makes the old one inactive once nothing needs it any more.
        RotateKey = "rotate-key",
        /// Grants, extends and revokes exceptions, for people who ask.
        TagException = "tag-exception",
    }
}

impl RemedyName {
    /// Those that a policy can name for findings; the others act for people only.
    pub fn of_findings() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|remedy| *remedy != Self::TagException)
    }

    /// Whether a policy can name it for the findings of `rule`. A rotation takes weeks, in which a key goes on to work:
    /// that answers age, and neither disuse nor a creator who may not.
    pub fn can_answer(self, rule: RuleName) -> bool {
        match self {
            Self::DeactivateCredential => true,
            Self::RotateKey => rule == RuleName::AccessKeyAge,
            Self::TagException => false,
        }
    }

    /// The remedy that it comes to for a kind of credential: only access keys can be rotated.
    pub(crate) fn of(self, kind: CredentialKind) -> Self {
        match self {
            Self::RotateKey if kind != CredentialKind::AccessKey => Self::DeactivateCredential,
            other => other,
        }
    }
}

names! {
    /// How far a remedy goes.
    Mode {
        /// Says what it would do.
        Observe = "observe",
        /// Says so to the owner too.
        Warn = "warn",
        /// Does it.
        Enforce = "enforce",
    }
}

/// What an act makes of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has this status from then on, until it is given back the one that it had.
    Status(KeyStatus),
    /// It is gone for good: nothing gives it back.
    Deleted,
}

/// As it is written: `active`, `inactive` or `deleted`.
impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Status(status) => status.serialize(serializer),
            Self::Deleted => serializer.serialize_str("deleted"),
        }
    }
}

/// Which remedy answers a finding, and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The act.
    pub name: RemedyName,
    /// How far it goes.
    pub mode: Mode,
    /// How a user gets its new key, where the act is [`RemedyName::RotateKey`].
    pub delivery: Delivery,
    /// Whether a rotation may end with an old key that is still in use, once its deadline has passed and the new key works.
    pub force: bool,
    /// Whether its act waits for somebody to approve it.
    pub approval: bool,
}

/// How many credentials remedies may change in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Credentials a day.
    pub per_day: u32,
    /// Percent of the users with an active credential of a kind that the rule is about, a day.
    pub percent_per_day: u32,
}

/// How many compromised credentials may be changed in a day in however small an account. Whoever may create credentials
/// rarely creates one only.
pub const QUARANTINE_AT_LEAST: u32 = 10;

impl Budget {
    /// How many credentials may be changed in a day in an account where `population` users hold an active credential:
    /// the smaller of count and percentage; at least one where both are above zero.
    pub fn limit(self, population: u32) -> u32 {
        if self.per_day == 0 || self.percent_per_day == 0 {
            return 0;
        }
        let share = u64::from(population).saturating_mul(u64::from(self.percent_per_day)) / 100;
        self.per_day.min(u32::try_from(share.max(1)).unwrap_or(u32::MAX))
    }

    /// How many compromised credentials may be changed in a day, beside those of [`Self::limit`]: as many as these, but at
    /// least [`QUARANTINE_AT_LEAST`] where any may be changed at all. `population` is absent where nobody has counted yet.
    pub fn quarantine(self, population: Option<u32>) -> u32 {
        match self.limit(population.unwrap_or(0)) {
            0 => 0,
            limit => limit.max(QUARANTINE_AT_LEAST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_count_and_percentage_is_the_budget_but_at_least_one() {
        let budget = Budget { per_day: 10, percent_per_day: 5 };
        assert_eq!(budget.limit(60), 3);
        assert_eq!(budget.limit(5000), 10);
        assert_eq!(budget.limit(3), 1);
        assert_eq!(Budget { per_day: 0, percent_per_day: 5 }.limit(60), 0);
        assert_eq!(Budget { per_day: 10, percent_per_day: 0 }.limit(60), 0);
    }

    #[test]
    fn what_is_no_access_key_is_never_rotated() {
        for kind in CredentialKind::ALL {
            let expected = match kind {
                CredentialKind::AccessKey => RemedyName::RotateKey,
                _ => RemedyName::DeactivateCredential,
            };
            assert_eq!(RemedyName::RotateKey.of(*kind), expected, "{kind}");
            assert_eq!(RemedyName::DeactivateCredential.of(*kind), RemedyName::DeactivateCredential, "{kind}");
        }
    }

    #[test]
    fn a_compromise_has_a_budget_of_its_own_that_a_small_account_does_not_exhaust_at_once() {
        let budget = Budget { per_day: 40, percent_per_day: 5 };
        assert_eq!(budget.quarantine(None), QUARANTINE_AT_LEAST, "before anybody has counted");
        assert_eq!(budget.quarantine(Some(60)), QUARANTINE_AT_LEAST);
        assert_eq!(budget.quarantine(Some(5000)), 40);
        assert_eq!(Budget { per_day: 2, percent_per_day: 5 }.quarantine(Some(60)), QUARANTINE_AT_LEAST);
        assert_eq!(Budget { per_day: 0, percent_per_day: 5 }.quarantine(Some(60)), 0, "nothing may be changed");
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_known() {
        assert_eq!(
            "enfroce".parse::<Mode>().unwrap_err().to_string(),
            "`enfroce` is none of `observe`, `warn`, `enforce`"
        );
    }
}
