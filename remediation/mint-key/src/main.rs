//! The function `mint-key`: mints access keys into secrets, for AWS Secrets Manager, which invokes it step by step.

use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    mint_key::lambda::serve(&std::env::vars().collect(), Timestamp::now).await
}
