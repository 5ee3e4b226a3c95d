//! The rotation function as a Lambda function.

use std::io;

use credwarden_credential::id::Arn;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::parameter::Parameters;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_remedy::fault::chain;
use credwarden_remedy::lambda::{Environment, variable};
use jiff::Timestamp;
use lambda_runtime::tracing::subscriber;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tracing::info;

use crate::aws::Aws;
use crate::run::{Asked, Fault, Ports, Settings, handle};

/// Serves the function until its execution environment ends. `clock` is read within an invocation, as its steps ask for it.
///
/// # Errors
/// The environment is not that of a deployment, or the runtime failed.
pub async fn serve(environment: &Environment, clock: fn() -> Timestamp) -> Result<(), lambda_runtime::Error> {
    log();
    let settings = Settings {
        prefix: variable(environment, "CREDWARDEN_PREFIX")?,
        policy_parameter: variable(environment, "CREDWARDEN_POLICY_PARAMETER")?,
        kill_switch_parameter: variable(environment, "CREDWARDEN_KILL_SWITCH_PARAMETER")?,
        enrolled_path: variable(environment, "CREDWARDEN_ENROLLED_PATH")?,
        own_roles: Arn::set(&variable(environment, "CREDWARDEN_REMEDY_ROLE_ARNS")?)?,
    };
    let table = variable(environment, "CREDWARDEN_LEDGER_TABLE")?;
    let aws = sdk_config().await;
    let ports = Ports {
        parameters: Parameters::new(&aws),
        reader: Iam::of(&aws),
        aws: Aws::new(aws_sdk_iam::Config::new(&aws), aws_sdk_secretsmanager::Client::new(&aws)),
        ledger: Ledger::new(DynamoTable::new(&aws, table)),
    };
    let (settings, ports) = (&settings, &ports);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let done = async {
            let asked: Asked = serde_json::from_value(payload).map_err(|error| Fault::Event(error.to_string()))?;
            Box::pin(handle(ports, settings, &asked, &context.request_id, clock)).await
        };
        let done = done.await.inspect(|done| info!("{done}"));
        let done = done.map(|done| json!({ "status": "done", "reason": done }));
        done.map_err(|fault| Diagnostic { error_type: fault.name().to_owned(), error_message: chain(&fault) })
    }))
    .await
}

/// The log tells no more than this, whatever the environment asks for: at its finest, the SDK writes requests down as they
/// are sent, and one of them holds the new key.
fn log() {
    let json = subscriber::fmt().json().with_writer(io::stdout).with_target(false).without_time();
    json.with_max_level(tracing::Level::INFO).init();
}
