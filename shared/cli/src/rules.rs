//! The rules that are judged at a terminal: one entry each.

use std::collections::BTreeSet;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::User;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;

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
}

/// All rules, in the order in which they are written.
pub const RULES: &[Rule] = &[
    Rule {
        name: access_key_age::RULE,
        finds: "Active credentials older than the policy allows their user's class",
        judge: access_key_age::judge,
        kinds: access_key_age::kinds,
        undecided: access_key_age::undecided,
    },
    Rule {
        name: unused_credentials::RULE,
        finds: "Active credentials that nobody used for longer than the policy allows their user's class",
        judge: unused_credentials::judge,
        kinds: unused_credentials::kinds,
        undecided: unused_credentials::undecided,
    },
];

/// What is said where the exceptions are not known.
pub const EXCEPTIONS_UNKNOWN: &str = "exceptions are not known, and what they excuse is found: they stand in the ledger \
                                      of a deployment, which `--ledger-table NAME` reads from an account";

/// What only a deployment's rule can tell.
pub const CREATORS_UNKNOWN: &str =
    "who created a credential is recorded by a deployment alone: unauthorized-key-creation is not judged";

/// What stands in a deployment's ledger and was not read.
pub fn not_read(exceptions: Option<&Exceptions>) -> Vec<String> {
    let exceptions_unknown = exceptions.is_none().then_some(EXCEPTIONS_UNKNOWN);
    exceptions_unknown.into_iter().chain([CREATORS_UNKNOWN]).map(str::to_owned).collect()
}

/// The rules of these names, or all where none is named.
pub fn chosen(names: &[RuleName]) -> Vec<&'static Rule> {
    RULES.iter().filter(|rule| names.is_empty() || names.contains(&rule.name)).collect()
}

impl Rule {
    /// The controls of frameworks that the rule serves.
    pub fn controls(&self) -> Vec<String> {
        self.name.controls().map(ToString::to_string).collect()
    }
}
