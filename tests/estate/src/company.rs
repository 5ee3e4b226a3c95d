//! The company that everything is shown on: some sixty users, whose keys are really old, with every near miss among
//! them, and what must become of each.
//!
//! What is expected holds for the default limits (90 days, a warning of 14, in use within 7), a remedy in the mode
//! `enforce`, and a policy that protects [`PROTECTED`].

use credwarden_credential::id::AccessKeyId;
use jiff::{SignedDuration, Timestamp};

use crate::estate::{ADMINISTRATOR_ACCESS, Estate, EstateUser};

pub mod disuse;
mod near_misses;
mod services;
mod staff;

/// The pattern of principals that the policy must protect for the expectations to hold.
pub const PROTECTED: &str = "arn:aws:iam::*:user/break-glass/*";

/// How long after the company's time expectations hold that say nothing else.
const HOLDS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A company, and what must become of each of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// The account.
    pub estate: Estate,
    /// Each user, in the estate's order.
    pub specimens: Vec<Specimen>,
}

/// A user, and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specimen {
    /// The user's name.
    pub user: String,
    /// What makes the user worth a test.
    pub why: &'static str,
    /// What the rule must say.
    pub verdict: Expected,
    /// The keys that the remedy must make inactive, as far as the daily budget goes.
    pub deactivated: Vec<AccessKeyId>,
    /// The keys too old that the remedy must leave alone: in use, or their user is protected.
    pub held: Vec<AccessKeyId>,
    /// The last instant at which this is known to hold, should time go on.
    pub holds_until: Timestamp,
}

/// What the rule `access-key-age` must say of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: the user has no access key.
    NotReported,
    /// `COMPLIANT`, with a warning for these keys.
    Compliant {
        /// The keys that come too old soon, the oldest first.
        warned: Vec<AccessKeyId>,
    },
    /// `NON_COMPLIANT` because of exactly these keys.
    NonCompliant {
        /// The keys that are too old, the oldest first.
        keys: Vec<AccessKeyId>,
    },
}

/// The company at `now`. The same `now` gives the same company.
pub fn company(now: Timestamp) -> Company {
    let estate = Estate::new(now)
        .group("admins", &[ADMINISTRATOR_ACCESS])
        .group("developers", &["arn:aws:iam::aws:policy/PowerUserAccess"])
        .group("billing", &["arn:aws:iam::aws:policy/job-function/Billing"])
        .group("contractors", &["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    let company = Company { estate, specimens: Vec::new() };
    near_misses::join(services::join(staff::join(company)))
}

impl Company {
    /// The specimen of that user.
    pub fn specimen(&self, user: &str) -> Option<&Specimen> {
        self.specimens.iter().find(|specimen| specimen.user == user)
    }

    /// Adds the user that `build` adds to the estate.
    fn with(mut self, why: &'static str, fate: Fate, build: impl FnOnce(Estate) -> Estate) -> Self {
        self.estate = build(self.estate);
        let holds_until = self.estate.now + HOLDS_FOR;
        let specimen = self.estate.users.last().map(|user| fate.of(user, why, holds_until));
        self.specimens.extend(specimen);
        self
    }

    /// What was said of the user added last holds only at this very second.
    fn only_now(mut self) -> Self {
        if let Some(specimen) = self.specimens.last_mut() {
            specimen.holds_until = self.estate.now;
        }
        self
    }
}

/// What becomes of a user, its keys counted from 0 in the order in which they were built.
#[derive(Clone, Copy)]
enum Fate {
    /// It has no key.
    NotReported,
    /// All is well.
    Fine,
    /// These keys come too old soon.
    Warned(&'static [usize]),
    /// These keys are too old, and made inactive.
    Deactivated(&'static [usize]),
    /// These keys are too old, and left alone.
    Held(&'static [usize]),
    /// Of the keys too old, some are made inactive and some left alone.
    Both { deactivated: &'static [usize], held: &'static [usize] },
}

impl Fate {
    fn of(self, user: &EstateUser, why: &'static str, holds_until: Timestamp) -> Specimen {
        let keys = |indices: &[usize]| -> Vec<AccessKeyId> {
            let mut chosen: Vec<_> = indices.iter().filter_map(|index| user.keys.get(*index)).collect();
            chosen.sort_by(|one, other| (one.key.created, &one.key.id).cmp(&(other.key.created, &other.key.id)));
            chosen.into_iter().map(|owned| owned.key.id.clone()).collect()
        };
        let (deactivated, held): (&[usize], &[usize]) = match self {
            Self::NotReported | Self::Fine | Self::Warned(_) => (&[], &[]),
            Self::Deactivated(indices) => (indices, &[]),
            Self::Held(indices) => (&[], indices),
            Self::Both { deactivated, held } => (deactivated, held),
        };
        let verdict = match self {
            Self::NotReported => Expected::NotReported,
            Self::Fine => Expected::Compliant { warned: Vec::new() },
            Self::Warned(indices) => Expected::Compliant { warned: keys(indices) },
            Self::Deactivated(_) | Self::Held(_) | Self::Both { .. } => {
                Expected::NonCompliant { keys: keys(&[deactivated, held].concat()) }
            }
        };
        Specimen {
            user: user.name().to_string(),
            why,
            verdict,
            deactivated: keys(deactivated),
            held: keys(held),
            holds_until,
        }
    }
}
