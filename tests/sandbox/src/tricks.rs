//! What AWS may do and need not: where its documents are silent or contradict each other, both ways can be played.

use std::collections::BTreeSet;

/// One way to be hostile. Without it, the kinder reading of AWS's documents is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trick {
    /// Only a result that was not `NON_COMPLIANT` before starts a remediation; standing ones wait for nothing.
    NoRetrigger,
    /// Config counts every attempt, not only failed ones, before it makes an exception of its own.
    EveryAttemptCounts,
    /// Config makes its own exception after the first failed attempt.
    GivesUpAtOnce,
    /// Each remediation is started twice.
    DuplicateRemediation,
    /// Remediation also runs on users that comply, out of a snapshot that is a little old.
    RemediatesCompliant,
    /// Each scheduled event is delivered twice.
    DuplicateEvent,
    /// After each scheduled event comes one that was made an hour earlier.
    LateEvent,
    /// Config records no IAM users: their ids cannot be resolved.
    UsersUnrecorded,
    /// Config goes on naming users that are already deleted.
    DeletedStillRecorded,
    /// `DynamoDB` removes items as soon as they expire. AWS: "within a few days"; until then they are read as ever.
    ExpiredItemsRemoved,
    /// A function's error does not fail the step by itself; the error is its payload.
    FunctionErrorPassesOn,
    /// CloudTrail's events come twice to `EventBridge`: delivery is at least once.
    DuplicateTrailEvent,
    /// CloudTrail's events come latest first to `EventBridge`: delivery is in no order.
    UnorderedTrailEvents,
    /// More than two look-ups of events within a second are throttled, as AWS says; else nothing is.
    LookupThrottled,
}

impl Trick {
    /// Every trick.
    pub const ALL: [Self; 14] = [
        Self::NoRetrigger,
        Self::EveryAttemptCounts,
        Self::GivesUpAtOnce,
        Self::DuplicateRemediation,
        Self::RemediatesCompliant,
        Self::DuplicateEvent,
        Self::LateEvent,
        Self::UsersUnrecorded,
        Self::DeletedStillRecorded,
        Self::ExpiredItemsRemoved,
        Self::FunctionErrorPassesOn,
        Self::DuplicateTrailEvent,
        Self::UnorderedTrailEvents,
        Self::LookupThrottled,
    ];
}

/// The tricks that are played. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tricks(BTreeSet<Trick>);

impl Tricks {
    /// Whether this one is played.
    pub fn plays(&self, trick: Trick) -> bool {
        self.0.contains(&trick)
    }
}

impl<const N: usize> From<[Trick; N]> for Tricks {
    fn from(tricks: [Trick; N]) -> Self {
        Self(tricks.into())
    }
}
