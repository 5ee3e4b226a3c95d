//! What a remedy is made of: pure functions.

use credwarden_credential::snapshot::{Credential, KeyStatus, User};
use credwarden_credential::usage::Uses;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, RemedyName, RuleName};
use credwarden_policy::rotation::{Decision, Facts};
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;

/// How a rule judges one user: the rule's own function, so that rule and remedy cannot differ.
pub type Judge = fn(&User, &Policy, &Exceptions, Timestamp) -> Verdict;

/// What an act makes of a credential; `None` if it is so, or can be no other.
pub type Change = fn(&Credential) -> Option<Effect>;

/// The status that undoing gives a credential; `None` if it has it, or can have no other. Only a status can be given back.
pub type Restore = fn(&Credential) -> Option<KeyStatus>;

/// A rule whose findings a remedy answers.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// Its name.
    pub rule: RuleName,
    /// Its judgement.
    pub judge: Judge,
    /// What it judges by.
    pub evidence: Evidence,
}

/// What a rule judges a user by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// What IAM tells of the user.
    User,
    /// That, and what the ledger tells of who created the user's credentials.
    Provenance,
}

/// A remedy.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// Its name.
    pub name: RemedyName,
    /// The rules whose findings it answers.
    pub rules: &'static [Answered],
    /// Its act.
    pub act: Change,
    /// How its act is undone.
    pub undo: Restore,
    /// What leads to its act, where that is a rotation; `None`: a finding does.
    pub rotation: Option<Rotating>,
}

/// How a remedy rotates access keys.
#[derive(Clone, Copy, Debug)]
pub struct Rotating {
    /// The next step of one key's rotation.
    pub plan: fn(&Facts<'_>, Timestamp) -> Decision,
    /// What would do in place of the key, in a few sentences, by what uses it.
    pub advice: fn(&Credential, &Uses) -> String,
}

impl Remedy {
    pub(crate) fn answered(&self, rule: RuleName) -> Option<&Answered> {
        self.rules.iter().find(|answered| answered.rule == rule)
    }
}
