//! What makes an execution fail.

use std::error::Error;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::Gap;
use credwarden_inventory::read::ReadError;
use credwarden_ledger::LedgerError;

use crate::request::Refused;
use crate::resource::ConfigError;
use crate::ssm::SsmError;
use crate::write::WriteError;

/// A fault: the automation fails, and the schedule tries again what was begun.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The invocation is none that a document of the deployment makes.
    #[error("the invocation is refused")]
    Refused(#[from] Refused),
    /// Systems Manager did not answer.
    #[error("the execution is not known")]
    Ssm(#[from] SsmError),
    /// AWS Config did not answer.
    #[error("the user is not known")]
    Config(#[from] ConfigError),
    /// IAM did not answer.
    #[error("the user is not known")]
    Read(#[from] ReadError),
    /// A fact about the user that decides could not be read.
    #[error("the user's credentials are not known: {0}")]
    Gap(Gap),
    /// The ledger did not answer.
    #[error("the ledger is not available")]
    Ledger(#[from] LedgerError),
    /// Too little time is left for an act to come to its end.
    #[error("too little time was left to begin with {0}; it is taken up again within the hour")]
    OutOfTime(CredentialId),
    /// IAM did not make a change, or did not say that it has.
    #[error("the change is not certain; the ledger holds its intent, and it is taken up again")]
    Write(#[from] WriteError),
}

impl Fault {
    /// The name by which the failed invocation is known.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "InvocationRefused",
            Self::Ssm(_) => "ExecutionUnknown",
            Self::Config(_) | Self::Read(_) | Self::Gap(_) => "UserUnreadable",
            Self::Ledger(_) => "LedgerUnavailable",
            Self::OutOfTime(_) => "OutOfTime",
            Self::Write(_) => "ChangeUncertain",
        }
    }
}

/// An error with all that led to it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
