//! Secrets Manager: who makes, fetches and guards secrets, and the rotations that were asked for.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Sandbox;
use crate::emulator::Rotation;
use crate::functions::{Ended, Invocation};
use crate::person::Person;

/// The steps of a rotation, in their order (AWS Secrets Manager User Guide, "Rotation by Lambda function").
pub const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// One rotation as far as it came.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// What was asked for.
    pub rotation: Rotation,
    /// The invocations, in order; only the last may have failed.
    pub steps: Vec<Invocation>,
}

impl Rotated {
    /// Whether every step was answered. A rotation that fails leaves the label AWSPENDING where it is.
    pub fn succeeded(&self) -> bool {
        self.steps.len() == STEPS.len() && self.steps.iter().all(|step| matches!(step.result, Ended::Answered(_)))
    }
}

impl Sandbox {
    /// Somebody makes a secret of this name and value; its ARN.
    pub async fn create_secret(&self, name: &str, value: &str) -> Result<String> {
        self.secrets.learn(value);
        let answer = self.secrets_manager("CreateSecret", json!({ "Name": name, "SecretString": value })).await?;
        let arn = answer.get("ARN").and_then(Value::as_str);
        Ok(arn.with_context(|| format!("the secret `{name}` has no ARN"))?.to_owned())
    }

    /// Somebody calls Secrets Manager past the proxy and past CloudTrail: `action` such as `PutResourcePolicy`.
    pub async fn secrets_manager(&self, action: &str, parameters: Value) -> Result<Value> {
        let target = format!("secretsmanager.{action}");
        self.emulator.json(&self.deployment.scope.region, &target, &parameters).await
    }

    /// Somebody fetches a secret, by ARN or name, and CloudTrail records it. The value.
    pub async fn fetch_secret(&self, who: &Person, secret_id: &str) -> Result<String> {
        self.refresh().await?;
        let (at, parameters) = (self.now(), json!({ "SecretId": secret_id }));
        let answer = self.secrets_manager("GetSecretValue", parameters.clone()).await;
        let answer = answer.with_context(|| format!("failed to fetch `{secret_id}`"))?;
        self.secrets.learn_from(&answer.to_string());
        self.cloudtrail.record_fetch(who, at, &parameters, 200, "");
        let value = answer.get("SecretString").and_then(Value::as_str);
        Ok(value.with_context(|| format!("`{secret_id}` holds no text"))?.to_owned())
    }

    /// The labels of a secret's versions, by version.
    pub async fn secret_labels(&self, secret_id: &str) -> Result<Vec<(String, Vec<String>)>> {
        let described = self.secrets_manager("DescribeSecret", json!({ "SecretId": secret_id })).await?;
        let versions = described.get("VersionIdsToStages").and_then(Value::as_object).into_iter().flatten();
        let label = |label: &Value| label.as_str().map(str::to_owned);
        let labels = |labels: &Value| labels.as_array().into_iter().flatten().filter_map(label).collect();
        Ok(versions.map(|(version, found)| (version.clone(), labels(found))).collect())
    }

    /// Secrets Manager carries out the rotations that were asked for: it invokes the function for one step after the other,
    /// until one fails. What has failed begins anew only when somebody asks for it with the same token.
    pub async fn run_rotations(&self) -> Result<Vec<Rotated>> {
        let mut ended = Vec::new();
        for rotation in self.emulator.rotations().await? {
            ended.push(self.rotate(rotation).await?);
        }
        Ok(ended)
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated> {
        let mut steps = Vec::new();
        for step in STEPS {
            let invocation = self.rotation_step(&rotation, step).await?;
            let is_answered = matches!(invocation.result, Ended::Answered(_));
            steps.push(invocation);
            if !is_answered {
                break;
            }
        }
        Ok(Rotated { rotation, steps })
    }

    /// Secrets Manager invokes the function for one step.
    pub async fn rotation_step(&self, rotation: &Rotation, step: &str) -> Result<Invocation> {
        let Rotation { secret, token, function } = rotation;
        let payload = json!({ "SecretId": secret, "ClientRequestToken": token, "Step": step });
        let ended = self.invoke_as_service("secretsmanager.amazonaws.com", secret, function, &payload).await;
        ended.with_context(|| format!("failed to rotate `{secret}`"))
    }
}
