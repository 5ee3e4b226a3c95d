//! The rules that are judged at a terminal: one entry each.

use std::collections::BTreeSet;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::User;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;

use crate::failure::Failure;

/// A rule, as far as a terminal needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name.
    pub name: RuleName,
    /// What it finds, a sentence without its end.
    pub finds: &'static str,
    /// The judgement itself: the one that AWS Config is told.
    pub judge: fn(&User, &Policy, &Exceptions, Timestamp) -> Verdict,
    /// The kinds of credentials that it judges by a policy.
    pub kinds: fn(&Policy) -> BTreeSet<CredentialKind>,
    /// The kinds of which more must be read of a user before it can be judged.
    pub undecided: fn(&User, &Policy, Timestamp) -> BTreeSet<CredentialKind>,
    /// Whether it judges by who created credentials, which only the ledger of a deployment tells.
    pub judges_creators: bool,
}

/// All rules, in the order in which they are written.
pub const RULES: &[Rule] = &[
    Rule {
        name: access_key_age::RULE,
        finds: "Active credentials older than the policy allows their user's class",
        judge: access_key_age::judge,
        kinds: access_key_age::kinds,
        undecided: access_key_age::undecided,
        judges_creators: false,
    },
    Rule {
        name: unused_credentials::RULE,
        finds: "Active credentials that nobody used for longer than the policy allows their user's class",
        judge: unused_credentials::judge,
        kinds: unused_credentials::kinds,
        undecided: unused_credentials::undecided,
        judges_creators: false,
    },
    Rule {
        name: unauthorized_key_creation::RULE,
        finds: "Usable credentials that somebody created or re-activated who may not, or of which there are too many",
        judge: unauthorized_key_creation::judge,
        kinds: unauthorized_key_creation::kinds,
        undecided: unauthorized_key_creation::undecided,
        judges_creators: true,
    },
];

/// What is said where the exceptions are not known.
pub const EXCEPTIONS_UNKNOWN: &str = "exceptions are not known, and what they excuse is found: they stand in the ledger \
                                      of a deployment, which `--ledger-table NAME` reads from an account";

/// What is said where nobody read who created credentials.
pub const CREATORS_UNKNOWN: &str = "unauthorized-key-creation is not judged: who created a credential stands in the \
                                    ledger of a deployment, which `--ledger-table NAME` reads from an account";

/// What is said where the ledger that was read does not tell it.
pub const CREATORS_NOT_YET: &str = "unauthorized-key-creation is not judged: the ledger does not know yet who created \
                                    credentials, which the deployment's own rule looks up when it first runs";

/// What is said where no class has limits of that kind.
pub const CREATORS_UNLIMITED: &str = "unauthorized-key-creation is not judged: the policy says nothing, under \
                                      `creation`, of who may create credentials";

/// Whether it is known who created credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creators {
    /// As far as a deployment's ledger tells.
    Known,
    /// The ledger that was read tells nothing: its deployment's rule has not run yet.
    NotYet,
    /// Nobody read it.
    NotRead,
}

/// What is said where nobody read a deployment's exceptions.
pub fn not_read(exceptions: Option<&Exceptions>) -> Vec<String> {
    exceptions.is_none().then(|| EXCEPTIONS_UNKNOWN.to_owned()).into_iter().collect()
}

/// Those of `rules` that can be judged by what is known, and why the others cannot.
pub fn judgeable<'r>(rules: &[&'r Rule], policy: &Policy, creators: Creators) -> (Vec<&'r Rule>, Option<&'static str>) {
    let obstacle = |rule: &Rule| match creators {
        _ if !rule.judges_creators => None,
        _ if !rule.asks_for_creators(policy) => Some(CREATORS_UNLIMITED),
        Creators::Known => None,
        Creators::NotYet => Some(CREATORS_NOT_YET),
        Creators::NotRead => Some(CREATORS_UNKNOWN),
    };
    let judgeable = rules.iter().copied().filter(|rule| obstacle(rule).is_none()).collect();
    (judgeable, rules.iter().find_map(|rule| obstacle(rule)))
}

/// Refuses to leave out a rule that was asked for by name: an empty result would look like a clean one.
///
/// # Errors
/// One of these rules judges by who created credentials, which is not known.
pub fn insist(names: &[RuleName], policy: &Policy, creators: Creators) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    match judgeable(&chosen(names), policy, creators).1 {
        // Where nothing is limited, nothing is broken.
        None | Some(CREATORS_UNLIMITED) => Ok(()),
        Some(obstacle) => Err(Failure::input(obstacle)),
    }
}

/// The rules of these names, or all where none is named.
pub fn chosen(names: &[RuleName]) -> Vec<&'static Rule> {
    RULES.iter().filter(|rule| names.is_empty() || names.contains(&rule.name)).collect()
}

impl Rule {
    /// Whether it has to know who created credentials to judge by this policy.
    pub fn asks_for_creators(&self, policy: &Policy) -> bool {
        self.judges_creators && !(self.kinds)(policy).is_empty()
    }

    /// The controls of frameworks that the rule serves.
    pub fn controls(&self) -> Vec<String> {
        self.name.controls().map(ToString::to_string).collect()
    }
}
