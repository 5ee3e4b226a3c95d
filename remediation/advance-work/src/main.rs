//! The function `advance-work`: the hourly schedule.

use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    advance_work::lambda::serve(&std::env::vars().collect(), Timestamp::now).await
}
