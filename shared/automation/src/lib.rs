//! Starts the deployment's documents in SSM Automation.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::DisplayErrorContext;

/// Starts documents. The method is written as `async fn`.
pub trait Documents {
    /// Starts a document with one value for each parameter (`StartAutomationExecution`), and gives the execution's id. The
    /// same token with the same parameters starts nothing more.
    fn start(
        &self,
        document: &str,
        parameters: BTreeMap<&str, String>,
        token: Option<&ClientToken>,
    ) -> impl Future<Output = Result<String, StartError>>;
}

/// By what AWS tells that a start was asked for before. It "enforces the UUID format" (AWS Systems Manager API Reference).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToken(String);

impl ClientToken {
    /// The token that is this UUID; `None` if it is none.
    pub fn of(uuid: &str) -> Option<Self> {
        const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
        let is_group =
            |(group, digits): (&str, &usize)| group.len() == *digits && group.bytes().all(|b| b.is_ascii_hexdigit());
        let is_uuid = uuid.split('-').count() == GROUPS.len() && uuid.split('-').zip(&GROUPS).all(is_group);
        is_uuid.then(|| Self(uuid.to_owned()))
    }
}

/// A document that could not be started after all retries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to start document `{document}` on `{resource}`: {why}")]
pub struct StartError {
    /// Which.
    pub document: String,
    /// Its parameter `ResourceId`.
    pub resource: String,
    /// What the SDK says.
    pub why: String,
}

/// Systems Manager itself.
#[derive(Clone, Debug)]
pub struct Automation {
    client: Client,
}

impl Automation {
    /// Starts documents with a client of this configuration.
    pub fn of(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl Documents for Automation {
    async fn start(
        &self,
        document: &str,
        parameters: BTreeMap<&str, String>,
        token: Option<&ClientToken>,
    ) -> Result<String, StartError> {
        let resource = parameters.get("ResourceId").cloned().unwrap_or_default();
        let parameters: HashMap<_, _> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
        let call = self.client.start_automation_execution().document_name(document).set_parameters(Some(parameters));
        match call.set_client_token(token.map(|token| token.0.clone())).send().await {
            Ok(answer) => Ok(answer.automation_execution_id.unwrap_or_default()),
            Err(error) => {
                let why = DisplayErrorContext(&error).to_string();
                Err(StartError { document: document.to_owned(), resource, why })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_a_token() {
        let uuid = "11111111-2222-3333-4444-55555555abCD";
        assert_eq!(ClientToken::of(uuid), Some(ClientToken(uuid.to_owned())));
        for other in ["", "e-1", "11111111-2222-3333-4444-5555555555555", "11111111-2222-3333-4444-55555555555g"] {
            assert_eq!(ClientToken::of(other), None, "{other}");
        }
        assert_eq!(ClientToken::of(&format!("{uuid}-0")), None);
    }
}
