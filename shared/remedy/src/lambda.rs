//! A remedy as a Lambda function.

use std::collections::BTreeMap;
use std::time::Duration;

use credwarden_credential::id::Arn;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::request::RunId;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use tokio::time::Instant;
use tracing::info;

use crate::answer::Answer;
use crate::fault::{Fault, chain};
use crate::remedy::Remedy;
use crate::request::Payload;
use crate::resource::Config;
use crate::run::{Invocation, Ports, Settings, handle};
use crate::secret::SecretsManager;
use crate::ssm::Ssm;
use crate::usage::Usage;
use crate::write::IamWriter;

/// The environment of a function.
pub type Environment = BTreeMap<String, String>;

/// A variable that the deployment must set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable `{0}` is not set; deploy the function with the project's stack")]
pub struct Unset(pub &'static str);

/// The value of a variable of the environment.
pub fn variable(environment: &Environment, name: &'static str) -> Result<String, Unset> {
    environment.get(name).filter(|value| !value.is_empty()).cloned().ok_or(Unset(name))
}

/// Serves the remedy until its execution environment ends. `clock` is read once an invocation.
pub async fn serve(
    remedy: Remedy,
    environment: &Environment,
    clock: fn() -> Timestamp,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let settings = Settings {
        prefix: variable(environment, "CREDWARDEN_PREFIX")?,
        policy_parameter: variable(environment, "CREDWARDEN_POLICY_PARAMETER")?,
        kill_switch_parameter: variable(environment, "CREDWARDEN_KILL_SWITCH_PARAMETER")?,
        own_roles: Arn::set(&variable(environment, "CREDWARDEN_REMEDY_ROLE_ARNS")?)?,
    };
    let session_policy = variable(environment, "CREDWARDEN_SESSION_POLICY_ARN")?.parse()?;
    let table = variable(environment, "CREDWARDEN_LEDGER_TABLE")?;
    let aws = sdk_config().await;
    let ports = Ports {
        ssm: Ssm::new(aws_sdk_ssm::Client::new(&aws)),
        config: Config::new(aws_sdk_config::Client::new(&aws)),
        reader: Iam::of(&aws),
        writer: IamWriter::new(aws_sdk_iam::Client::new(&aws), session_policy),
        ledger: Ledger::new(DynamoTable::new(&aws, table)),
        secrets: SecretsManager::of(&aws, variable(environment, "CREDWARDEN_MINT_FUNCTION_ARN")?),
        usage: Usage::of(&aws),
    };
    let (settings, ports) = (&settings, &ports);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let LambdaEvent { payload, context } = event;
        let now = clock();
        let left = time_left(context.deadline, now);
        let answer = async {
            let Payload { execution_id } = Payload::read(payload)?;
            let run = RunId(format!("{execution_id}/{}", context.request_id));
            let invocation = Invocation { execution_id, run, now, ends: Instant::now() + left };
            Box::pin(handle(&remedy, ports, settings, &invocation)).await
        };
        answer.await.inspect(report).map_err(|fault| diagnostic(&fault))
    }))
    .await
}

/// What is left of an invocation that ends at `deadline`, in milliseconds since 1970.
fn time_left(deadline: u64, now: Timestamp) -> Duration {
    Duration::from_millis(deadline.saturating_sub(u64::try_from(now.as_millisecond()).unwrap_or_default()))
}

fn report(answer: &Answer) {
    info!(status = ?answer.status, changes = answer.actions.len(), "{}", answer.reason);
}

/// The answer of a failed invocation: the fault with everything that led to it. The runtime logs it.
fn diagnostic(fault: &Fault) -> Diagnostic {
    Diagnostic { error_type: fault.name().to_owned(), error_message: chain(fault) }
}
