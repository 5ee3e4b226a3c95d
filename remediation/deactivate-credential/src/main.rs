//! The function `deactivate-credential`: answers all three rules about the credentials of users, and undoes
//! what it did.

use credwarden_policy::remedy::RemedyName;
use credwarden_remedy::lambda;
use credwarden_remedy::remedy::{Answered, Evidence, Remedy};
use jiff::Timestamp;

const REMEDY: Remedy = Remedy {
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
    act: deactivate_credential::act,
    undo: deactivate_credential::undo,
    rotation: None,
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve(REMEDY, &std::env::vars().collect(), Timestamp::now).await
}
