//! The function `tag-exception`: grants, extends and revokes exceptions, for people who ask by its document.

use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "the clock and the environment are read here and nowhere else")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tag_exception::lambda::serve(&std::env::vars().collect(), Timestamp::now).await
}
