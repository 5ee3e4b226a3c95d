//! The remedy as a Lambda function.

use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_remedy::fault::chain;
use credwarden_remedy::lambda::{Environment, variable};
use credwarden_remedy::request::Payload;
use credwarden_remedy::secret::SecretsManager;
use credwarden_remedy::ssm::Ssm;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::info;

use crate::run::{Fault, Ports, Settings, handle};
use crate::tags::IamTags;

/// Serves the remedy until its execution environment ends. `clock` is read once an invocation.
///
/// # Errors
/// The environment is not that of a deployment, or the runtime failed.
pub async fn serve(environment: &Environment, clock: fn() -> Timestamp) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let settings = Settings {
        prefix: variable(environment, "CREDWARDEN_PREFIX")?,
        policy_parameter: variable(environment, "CREDWARDEN_POLICY_PARAMETER")?,
        kill_switch_parameter: variable(environment, "CREDWARDEN_KILL_SWITCH_PARAMETER")?,
        enrolled_path: variable(environment, "CREDWARDEN_ENROLLED_PATH")?,
    };
    let table = variable(environment, "CREDWARDEN_LEDGER_TABLE")?;
    let aws = sdk_config().await;
    let ports = Ports {
        ssm: Ssm::new(aws_sdk_ssm::Client::new(&aws)),
        reader: Iam::of(&aws),
        tags: IamTags::new(aws_sdk_iam::Client::new(&aws)),
        ledger: Ledger::new(DynamoTable::new(&aws, table)),
        secrets: SecretsManager::reading(&aws),
    };
    let (settings, ports) = (&settings, &ports);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let now = clock();
        let answer = async {
            let payload = Payload::read(event.payload)?;
            Box::pin(handle(ports, settings, &payload, now)).await
        };
        let answer = answer.await.inspect(|answer| info!(status = ?answer.status, "{}", answer.reason));
        answer.map_err(|fault: Fault| Diagnostic { error_type: fault.name().to_owned(), error_message: chain(&fault) })
    }))
    .await
}
