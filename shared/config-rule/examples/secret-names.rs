//! A whole rule: the name of every secret starts with the prefix that the parameter `prefix` gives.

use std::{collections::BTreeMap, error::Error};

use aws_sdk_config::{Client, types::ResourceType};
use credwarden_config_rule::{Annotation, Invocation, Judgement, Pass, Resource, Rule, run};

struct SecretNames(Client);

#[derive(serde::Deserialize)]
struct Parameters {
    prefix: String,
}

impl Rule for SecretNames {
    type Parameters = Parameters;
    type Progress = ();
    type Error = Box<dyn Error + Send + Sync>;

    async fn evaluate(&self, invocation: &Invocation<Parameters>) -> Result<Pass, Self::Error> {
        let secrets = self.0.list_discovered_resources().resource_type(ResourceType::Secret);
        let mut pages = secrets.into_paginator().items().send();
        let mut judgements = BTreeMap::new();
        while let Some(secret) = pages.try_next().await? {
            let judgement = match secret.resource_name() {
                None => Judgement::Unknown,
                Some(name) if name.starts_with(&invocation.parameters.prefix) => {
                    Judgement::compliant(Annotation::none())
                }
                Some(name) => Judgement::non_compliant(Annotation::from_entries([format!("named {name}")])),
            };
            let resource = Resource::new("AWS::SecretsManager::Secret", secret.resource_id().unwrap_or_default())?;
            judgements.insert(resource, judgement);
        }
        Ok(Pass::complete(judgements))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let aws = aws_config::load_from_env().await;
    run(SecretNames(Client::new(&aws)), &aws, "SecretNames").await
}
