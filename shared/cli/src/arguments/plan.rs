//! What can be asked of a plan.

use clap::{Args, ValueEnum};

use super::Ledger;

/// What `plan` is asked.
#[derive(Debug, Args)]
pub struct Plan {
    /// The user: its name, its ARN or its `AIDA…` id.
    pub user: String,
    /// How to write it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// How `plan` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// A table for people.
    Table,
    /// One JSON document, its fields described in the crate's README.
    Json,
}
