use thiserror::Error;

use crate::{AccountId, EventError, NotAccepted, Resource, ServiceError};

/// Why an invocation failed. The function then ends in an error, by which AWS Lambda invokes it again.
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// The event was refused; nothing was evaluated.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The function did not get access to the account that the event is of; nothing was evaluated.
    #[error("failed to get access to account {account_id} for rule `{config_rule_name}`")]
    Access {
        /// The name of the Config rule.
        config_rule_name: String,
        /// The account.
        account_id: AccountId,
        /// Why not.
        source: ServiceError,
    },
    /// What a resource has changed to did not fit into the event, and could not be read from its history; nothing was
    /// evaluated or reported.
    #[error("failed to read what {resource} has changed to, for rule `{config_rule_name}`")]
    History {
        /// The name of the Config rule.
        config_rule_name: String,
        /// The resource that has changed.
        resource: Resource,
        /// Why the call failed, or [`NotInHistory`](crate::NotInHistory).
        source: ServiceError,
    },
    /// The rule failed as a whole; nothing was reported.
    #[error("failed to evaluate rule `{config_rule_name}`")]
    Rule {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What the rule says.
        source: ServiceError,
    },
    /// The stored results could not be read. What was judged was reported all the same, all of it.
    #[error(
        "failed to read the stored results of rule `{config_rule_name}`, \
         so that unchanged ones were reported again and nothing was cleaned up"
    )]
    StoredResults {
        /// The name of the Config rule.
        config_rule_name: String,
        /// Why the call failed.
        source: ServiceError,
    },
    /// AWS Config did not accept everything.
    #[error("failed to report on rule `{config_rule_name}`")]
    NotAccepted {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What was not accepted.
        source: NotAccepted,
    },
    /// Everything was reported, but the rule failed to remember it ([`Rule::reported`](crate::Rule::reported)).
    #[error("failed to remember what was reported on rule `{config_rule_name}`")]
    Reported {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What the rule says.
        source: ServiceError,
    },
}

impl EvaluationError {
    /// The Config rule that was to be evaluated; nothing if the event does not name it.
    pub fn config_rule_name(&self) -> Option<&str> {
        match self {
            Self::Event(error) => error.config_rule_name(),
            Self::Access { config_rule_name, .. }
            | Self::History { config_rule_name, .. }
            | Self::Rule { config_rule_name, .. }
            | Self::StoredResults { config_rule_name, .. }
            | Self::NotAccepted { config_rule_name, .. }
            | Self::Reported { config_rule_name, .. } => Some(config_rule_name),
        }
    }
}
