//! The function `deactivate-credential`: answers `access-key-age` and `unused-credentials`, and undoes what it did.

use credwarden_policy::remedy::RemedyName;
use credwarden_remedy::{lambda, remedy::Remedy};
use jiff::Timestamp;

const REMEDY: Remedy = Remedy {
    name: RemedyName::DeactivateCredential,
    rules: &[(access_key_age::RULE, access_key_age::judge), (unused_credentials::RULE, unused_credentials::judge)],
    act: deactivate_credential::act,
    undo: deactivate_credential::undo,
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve(REMEDY, &std::env::vars().collect(), Timestamp::now).await
}
