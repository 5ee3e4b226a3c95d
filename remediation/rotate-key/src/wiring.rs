//! What the remedy is made of: the rule that it answers, with its own judgement, and the plan of a rotation.

use credwarden_credential::snapshot::{KeyStatus, Status};
use credwarden_policy::remedy::{Effect, RemedyName};
use credwarden_remedy::remedy::{Answered, Evidence, Remedy, Rotating};

/// Answers the rule on ages.
pub const REMEDY: Remedy = Remedy {
    name: RemedyName::RotateKey,
    rules: &[Answered { rule: access_key_age::RULE, judge: access_key_age::judge, evidence: Evidence::User }],
    act: |key| (key.status == Status::Active).then_some(Effect::Status(KeyStatus::Inactive)),
    undo: |key| (key.status == Status::Inactive).then_some(KeyStatus::Active),
    rotation: Some(Rotating { plan: crate::plan, advice: crate::advice }),
};
