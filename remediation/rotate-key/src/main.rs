//! The function `rotate-key`: rotates the access keys that the rule on ages finds, and those that people name, and undoes
//! what it did.

use credwarden_credential::snapshot::{KeyStatus, Status};
use credwarden_policy::remedy::{Effect, RemedyName};
use credwarden_remedy::lambda;
use credwarden_remedy::remedy::{Answered, Evidence, Remedy, Rotating};
use jiff::Timestamp;

const REMEDY: Remedy = Remedy {
    name: RemedyName::RotateKey,
    rules: &[Answered { rule: access_key_age::RULE, judge: access_key_age::judge, evidence: Evidence::User }],
    act: |key| (key.status == Status::Active).then_some(Effect::Status(KeyStatus::Inactive)),
    undo: |key| (key.status == Status::Inactive).then_some(KeyStatus::Active),
    rotation: Some(Rotating { plan: rotate_key::plan, advice: rotate_key::advice }),
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve(REMEDY, &std::env::vars().collect(), Timestamp::now).await
}
