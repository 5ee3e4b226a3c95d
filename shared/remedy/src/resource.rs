//! Which name a user id belongs to, as AWS Config knows it.

use std::future::Future;

use aws_sdk_config::Client;
use aws_sdk_config::error::DisplayErrorContext;
use aws_sdk_config::types::{ResourceKey, ResourceType};
use credwarden_credential::id::{UserId, UserName};

/// The call of AWS Config that tells a user's name.
pub trait ReadConfig {
    /// The name under which AWS Config recorded the user last (`BatchGetResourceConfig`); it may have changed since.
    /// Written as `async fn`.
    fn user_name(&self, id: &UserId) -> impl Future<Output = Result<Option<UserName>, ConfigError>>;
}

/// A call of AWS Config that failed after all retries.
#[derive(Debug, thiserror::Error)]
#[error("failed to get the resource configuration of `{id}`: {why}")]
pub struct ConfigError {
    /// Of whom.
    pub id: UserId,
    /// What the SDK says.
    pub why: String,
}

/// AWS Config itself.
#[derive(Clone, Debug)]
pub struct Config {
    client: Client,
}

impl Config {
    /// Reads with this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl ReadConfig for Config {
    async fn user_name(&self, id: &UserId) -> Result<Option<UserName>, ConfigError> {
        let failed = |why: String| ConfigError { id: id.clone(), why };
        let key = ResourceKey::builder().resource_type(ResourceType::User).resource_id(id.as_str()).build();
        let key = key.map_err(|error| failed(error.to_string()))?;
        let answer = self.client.batch_get_resource_config().resource_keys(key).send().await;
        let answer = answer.map_err(|error| failed(DisplayErrorContext(&error).to_string()))?;
        let items = answer.base_configuration_items.unwrap_or_default();
        let mine = items.into_iter().find(|item| item.resource_id() == Some(id.as_str()));
        Ok(mine.and_then(|item| item.resource_name).and_then(|name| name.parse().ok()))
    }
}
