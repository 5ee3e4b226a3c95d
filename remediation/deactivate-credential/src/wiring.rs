//! What the remedy is made of: the rules that it answers, with their own judgements.

use credwarden_policy::remedy::RemedyName;
use credwarden_remedy::remedy::{Answered, Evidence, Remedy};

/// Answers all three rules about the credentials of users.
pub const REMEDY: Remedy = Remedy {
    name: RemedyName::DeactivateCredential,
    rules: &[
        Answered { rule: access_key_age::RULE, judge: access_key_age::judge, evidence: Evidence::User },
        Answered { rule: unused_credentials::RULE, judge: unused_credentials::judge, evidence: Evidence::User },
        Answered {
            rule: unauthorized_key_creation::RULE,
            judge: unauthorized_key_creation::judge,
            evidence: Evidence::Provenance,
        },
    ],
    act: crate::act,
    undo: crate::undo,
    rotation: None,
};
