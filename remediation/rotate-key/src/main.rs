//! The function `rotate-key`: rotates the access keys that the rule on ages finds, and those that people name, and undoes
//! what it did.

use credwarden_remedy::lambda;
use jiff::Timestamp;
use rotate_key::wiring::REMEDY;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve(REMEDY, &std::env::vars().collect(), Timestamp::now).await
}
