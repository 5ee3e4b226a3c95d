//! The function `record-creation`: writes into the ledger who made a credential usable, as it happens.
//!
//! `EventBridge` starts it with an event of `CloudTrail`, which may come twice, late and in any order. One that cannot be
//! read is an error: it is tried again, kept in a queue and alarmed, and the rule's own look-up of the past finds it, too.

use anyhow::Context as _;
use credwarden_creation::{Event, of_event_bridge};
use credwarden_inventory::calls::sdk_config;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::table::Table;
use credwarden_user_rule::variable;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let aws = sdk_config().await;
    let ledger = Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?));
    let ledger = &ledger;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Box::pin(record(ledger, &event.payload)).await.map_err(|error| Diagnostic {
            error_type: "EventNotRecorded".to_owned(),
            // With everything that led to it; the runtime logs it.
            error_message: format!("{error:#}"),
        })
    }))
    .await
}

/// Records what an event tells, once.
async fn record<T: Table>(ledger: &Ledger<T>, event: &Value) -> anyhow::Result<()> {
    match of_event_bridge(event)? {
        Event::Creation(creation) => {
            let is_new = ledger.record_creation(&creation).await.context("failed to keep an event in the ledger")?;
            let said = if is_new { "recorded" } else { "knew already" };
            info!(
                event.id = %creation.event,
                "{said} that {} called {} for {} of `{}`", creation.creator, creation.act, creation.credential, creation.user
            );
        }
        Event::Other(why) => info!("the event makes no user's credential usable: {why:?}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use credwarden_ledger::memory::MemoryTable;
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({ "version": "0", "source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": {
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDAEXAMPLE0000DANA00", "arn": "arn:aws:iam::123456789012:user/dana",
                "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE0000000001", "userName": "dana"
            },
            "eventTime": "2026-01-02T03:04:05Z", "eventSource": "iam.amazonaws.com", "eventName": "UpdateAccessKey",
            "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": "11111111-2222-3333-4444-555555555555",
            "requestParameters": { "userName": "alice", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active" },
            "responseElements": null,
        } })
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_is_recorded_once() {
        let table = MemoryTable::default();
        let ledger = Ledger::new(table.clone());
        for _ in 0..2 {
            record(&ledger, &event()).await.unwrap();
        }
        assert_eq!(table.items().len(), 1);
        let recorded = ledger.creations().await.unwrap();
        assert_eq!(recorded.creations.iter().map(|creation| creation.user.as_str()).collect::<Vec<_>>(), ["alice"]);
    }

    #[tokio::test]
    async fn what_makes_no_credential_usable_is_left_alone() {
        let table = MemoryTable::default();
        let mut event = event();
        event["detail"]["requestParameters"]["status"] = json!("Inactive");
        record(&Ledger::new(table.clone()), &event).await.unwrap();
        assert!(table.items().is_empty());
    }

    #[tokio::test]
    async fn an_event_of_a_shape_never_seen_is_an_error_that_names_it() {
        let mut event = event();
        event["detail"]["requestParameters"] = json!("all of them");
        let error = record(&Ledger::new(MemoryTable::default()), &event).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to read event `11111111-2222-3333-4444-555555555555` of `UpdateAccessKey`: \
             `requestParameters.status` is missing; CloudTrail shows it by its id for 90 days"
        );
    }
}
