//! What is changed in IAM. Nothing that decides holds this.

use std::future::Future;

use aws_sdk_iam::Client;
use aws_sdk_iam::error::DisplayErrorContext;
use aws_sdk_iam::types::StatusType;
use credwarden_credential::id::{AccessKeyId, UserName};
use credwarden_credential::snapshot::KeyStatus;

use crate::plan::Plan;

/// The calls of IAM that change something. All methods are written as `async fn`.
pub trait WriteIam {
    /// Gives a user's access key this status (`UpdateAccessKey`). Doing it twice is doing it once.
    fn update_access_key(
        &self,
        user: &UserName,
        key: &AccessKeyId,
        status: KeyStatus,
    ) -> impl Future<Output = Result<(), WriteError>>;
}

/// A change that IAM did not make, or did not say that it has.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such key of such a user.
    #[error("`{user}` has no access key {key}")]
    NoSuchEntity {
        /// Whose.
        user: UserName,
        /// Which.
        key: AccessKeyId,
    },
    /// Failed after all retries; it may have happened.
    #[error("failed to update access key {key} of `{user}`: {why}")]
    Failed {
        /// Whose.
        user: UserName,
        /// Which.
        key: AccessKeyId,
        /// What the SDK says.
        why: String,
    },
}

/// Makes the change that was planned, once: the plan is consumed.
pub async fn apply<W: WriteIam>(plan: Plan, writer: &W) -> Result<(), WriteError> {
    writer.update_access_key(plan.user(), plan.key(), plan.to()).await
}

/// IAM itself.
#[derive(Clone, Debug)]
pub struct IamWriter {
    client: Client,
}

impl IamWriter {
    /// Writes with this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl WriteIam for IamWriter {
    async fn update_access_key(&self, user: &UserName, key: &AccessKeyId, status: KeyStatus) -> Result<(), WriteError> {
        let status = match status {
            KeyStatus::Active => StatusType::Active,
            KeyStatus::Inactive => StatusType::Inactive,
        };
        // Without a user name IAM would look for the key among the caller's own.
        let call = self.client.update_access_key().user_name(user.as_str()).access_key_id(key.as_str());
        match call.status(status).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.as_service_error() {
                Some(service) if service.is_no_such_entity_exception() => {
                    WriteError::NoSuchEntity { user: user.clone(), key: key.clone() }
                }
                _ => WriteError::Failed {
                    user: user.clone(),
                    key: key.clone(),
                    why: DisplayErrorContext(&error).to_string(),
                },
            }),
        }
    }
}
