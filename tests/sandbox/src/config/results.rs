//! Stored results: what `PutEvaluations` leaves behind.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What a result says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compliance {
    /// `COMPLIANT`
    Compliant,
    /// `NON_COMPLIANT`
    NonCompliant,
    /// `NOT_APPLICABLE`: removes a stored result; is not billed.
    NotApplicable,
}

impl Compliance {
    /// AWS's word for it. `INSUFFICIENT_DATA` is none that a rule may report.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Compliant, Self::NonCompliant, Self::NotApplicable].into_iter().find(|one| one.word() == word)
    }

    /// AWS's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "COMPLIANT",
            Self::NonCompliant => "NON_COMPLIANT",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }
}

/// The result of one rule on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// Such as `AWS::IAM::User`.
    pub resource_type: String,
    /// Such as `AIDA…`.
    pub resource_id: String,
    /// Never `NOT_APPLICABLE`, which is not kept.
    pub compliance: Compliance,
    /// What the rule says of it.
    pub annotation: Option<String>,
    /// The time of the event that was judged.
    pub ordering: Timestamp,
    /// When Config took the result.
    pub recorded: Timestamp,
}

/// What storing a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A newer result stands; nothing changed.
    Outdated,
    /// Stored or removed; before it stood this, if anything.
    From(Option<Compliance>),
}

#[derive(Debug, Default)]
pub(super) struct Results {
    by_rule: BTreeMap<String, BTreeMap<(String, String), StoredResult>>,
}

impl Results {
    /// Stores a result unless a newer one stands.
    pub(super) fn put(&mut self, rule: &str, result: StoredResult) -> Change {
        let results = self.by_rule.entry(rule.to_owned()).or_default();
        let key = (result.resource_type.clone(), result.resource_id.clone());
        let standing = results.get(&key);
        if standing.is_some_and(|standing| standing.ordering > result.ordering) {
            return Change::Outdated;
        }
        let before = standing.map(|standing| standing.compliance);
        if result.compliance == Compliance::NotApplicable {
            results.remove(&key);
        } else {
            results.insert(key, result);
        }
        Change::From(before)
    }

    pub(super) fn of(&self, rule: &str) -> Vec<StoredResult> {
        self.by_rule.get(rule).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }
}
