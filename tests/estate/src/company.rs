//! The company that everything is shown on.

use credwarden_credential::id::AccessKeyId;
use jiff::Timestamp;

use crate::estate::Estate;

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
        /// The keys that come too old soon.
        warned: Vec<AccessKeyId>,
    },
    /// `NON_COMPLIANT` because of exactly these keys, the oldest first.
    NonCompliant {
        /// The keys that are too old.
        keys: Vec<AccessKeyId>,
    },
}
