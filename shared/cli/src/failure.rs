//! What keeps a command from doing what it was asked, and the exit status that tells it.

use anyhow::Error;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The arguments, a file or the policy cannot be used: exit status 2.
    Input(Error),
    /// The account could not be read: exit status 5.
    Account(Error),
    /// Nobody reads what is written any more, as of `credwarden scan | head`: no failure, and the exit status stays.
    ClosedPipe(u8),
}

impl Failure {
    /// A failure of the input, of which nothing else is known.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(Error::msg(message.into()))
    }
}

/// An error of the input unless said otherwise.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Input(error)
    }
}
