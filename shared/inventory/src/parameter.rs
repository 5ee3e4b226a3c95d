//! Parameters of AWS Systems Manager: the policy and the kill switch are two.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::DisplayErrorContext;

/// A parameter could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the parameter `{name}`: {why}")]
pub struct ParameterError {
    /// The parameter's name.
    pub name: String,
    /// What AWS said.
    pub why: String,
}

/// Reads parameters.
pub trait ReadParameter {
    /// The parameter's value as it is now; nothing is cached, so that a change counts from the next invocation on.
    ///
    /// # Errors
    /// It does not exist, or could not be read.
    fn read_parameter(&self, name: &str) -> impl Future<Output = Result<String, ParameterError>>;
}

/// [`ReadParameter`] by `ssm:GetParameter`.
#[derive(Clone, Debug)]
pub struct Parameters(Client);

impl Parameters {
    /// Reads with a client of this configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_client(Client::new(config))
    }

    /// Reads with the given client.
    pub fn with_client(client: Client) -> Self {
        Self(client)
    }
}

impl ReadParameter for Parameters {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        let error = |why| ParameterError { name: name.to_owned(), why };
        let answer = self.0.get_parameter().name(name).send().await;
        answer
            .map_err(|cause| error(DisplayErrorContext(cause).to_string()))?
            .parameter
            .and_then(|parameter| parameter.value)
            .ok_or_else(|| error("it has no value".to_owned()))
    }
}
