//! The schedule as a Lambda function.

use std::io::{self, Write as _};

use credwarden_automation::Automation;
use credwarden_credential::id::UserId;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::parameter::Parameters;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_remedy::lambda::{Environment, variable};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;

use crate::aws::{Config, TopicAndBus};
use crate::{Ports, Settings, advance, tell_of};

/// What a document asks that has something to tell at once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Errand {
    /// Of whom.
    user_id: UserId,
}

/// Serves the schedule until its execution environment ends. An event that names a user has told what is untold of that
/// user; any other tells nothing, and all that is due is gone on with. `clock` is read once an invocation.
pub async fn serve(environment: &Environment, clock: fn() -> Timestamp) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let settings = Settings {
        prefix: variable(environment, "CREDWARDEN_PREFIX")?,
        kill_switch_parameter: variable(environment, "CREDWARDEN_KILL_SWITCH_PARAMETER")?,
        automation_role: variable(environment, "CREDWARDEN_AUTOMATION_ROLE_ARN")?,
        notice_topic: variable(environment, "CREDWARDEN_NOTICE_TOPIC_ARN")?.parse()?,
        account_contact: variable(environment, "CREDWARDEN_ACCOUNT_CONTACT")?.parse()?,
        security_contact: variable(environment, "CREDWARDEN_SECURITY_CONTACT")?.parse()?,
    };
    let table = variable(environment, "CREDWARDEN_LEDGER_TABLE")?;
    let aws = sdk_config().await;
    let ports = Ports {
        parameters: Parameters::new(&aws),
        documents: Automation::of(&aws),
        rules: Config::new(aws_sdk_config::Client::new(&aws)),
        channels: TopicAndBus::new(aws_sdk_sns::Client::new(&aws), aws_sdk_eventbridge::Client::new(&aws)),
        ledger: Ledger::new(DynamoTable::new(&aws, table)),
    };
    let (settings, ports) = (&settings, &ports);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let now = clock();
        let (counts, outcome) = match serde_json::from_value(event.payload) {
            Ok(Errand { user_id }) => Box::pin(tell_of(ports, settings, &user_id, now)).await,
            Err(_) => Box::pin(advance(ports, settings, now)).await,
        };
        if let Err(error) = writeln!(io::stdout(), "{}", counts.line(now)) {
            warn!(%error, "failed to write the metrics of this round");
        }
        match outcome {
            Ok(()) => Ok(counts),
            Err(faults) => {
                Err(Diagnostic { error_type: "ScheduleFaults".to_owned(), error_message: faults.to_string() })
            }
        }
    }))
    .await
}
