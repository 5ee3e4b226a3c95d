//! The function `deactivate-credential`: answers all three rules about the credentials of users, and undoes
//! what it did.

use credwarden_remedy::lambda;
use deactivate_credential::wiring::REMEDY;
use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve(REMEDY, &std::env::vars().collect(), Timestamp::now).await
}
